"""The engine in its own process on a real device, a null sink: what was heard is recorded and measured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.paths import soundfont
from kelly_tui.playback import Engine
from kelly_tui.playback.devices import describe_device, device_names
from kelly_tui.render.companion import Companion
from kelly_tui.settings import Settings
from tests.heard import retaken
from tests.null_sink import PATIENCE, RATE, STILL, NullSink, is_whole, missing, until

NO_DEVICE = "no sound: no output device. Start PulseAudio or PipeWire, or plug one in."


@pytest.fixture
def engine_of() -> Iterator[Callable[..., Engine]]:
    """Engines that are closed at the end, with nothing left of them."""
    made = []

    def make(**settings: object) -> Engine:
        engine = Engine(Settings(volume=1.0, **settings))
        engine.start()
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()
        assert engine.pid is None


@pytest.fixture
def no_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "alsa.conf").write_text("pcm.!default { type pulse }")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")


def sweep(path: Path, seconds: float = 30.0) -> Path:
    """A tone whose pitch says where in the file one is: 400 Hz, and 40 Hz more each second."""
    at = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, (0.5 * np.sin(2 * np.pi * (400 * at + 20 * at**2))).astype(np.float32), RATE)
    return path


def place_of(sound: np.ndarray) -> float:
    """Seconds into `sweep` of the middle of a piece of it."""
    return (pitch_of(sound) - 400) / 40


def pitch_of(sound: np.ndarray) -> float:
    mono = sound.mean(axis=1)
    size = 1 << 19
    return float(np.abs(np.fft.rfft(mono * np.hanning(len(mono)), size)).argmax() * RATE / size)


def midi_note(path: Path, pitch: int = 69, seconds: float = 20.0) -> Path:
    file = mido.MidiFile(ticks_per_beat=480)
    on = mido.Message("note_on", note=pitch, velocity=100)
    file.tracks.append(mido.MidiTrack([mido.Message("program_change", program=74), on]))
    file.tracks[0].append(on.copy(velocity=0, time=round(960 * seconds)))
    file.save(path)
    return path


def cents(number: float) -> float:
    """So many hundredths of a semitone as a part of the pitch."""
    return float(2 ** (number / 1200) - 1)


def ready(engine: Engine, path: Path) -> None:
    engine.load(path)
    until(lambda: engine.state.ready)
    assert engine.state.message == ""


def test_a_sine_is_heard_at_its_pitch_and_level(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * np.arange(30 * RATE) / RATE), RATE)
    ready(engine, tmp_path / "a.wav")
    with null_sink.recording() as recording:
        engine.play()
        recording.hears(pitch_of, pytest.approx(440, rel=cents(2)))
        recording.hears(peak, pytest.approx(0.5, abs=0.01))
        assert engine.state.playing
        until(lambda: engine.state.level == pytest.approx(0.5, abs=0.01))


@pytest.mark.parametrize(
    ("kind", "rate", "subtype", "channels"),
    [
        ("flac", 192_000, "PCM_24", 6),
        ("aiff", 8_000, "PCM_S8", 2),
        ("ogg", 48_000, "VORBIS", 2),
        ("wav", 96_000, None, 1),
    ],
)
def test_other_rates_depths_and_channels_are_heard_at_their_pitch_side_and_level(
    null_sink: NullSink, engine_of, tmp_path, kind, rate, subtype, channels
):
    engine = engine_of()
    at = np.arange(2 * rate) / rate
    sound = np.zeros((len(at), channels))
    tones = [600, 900, *[0] * 4][:channels]
    for channel, tone in enumerate(tones):
        sound[:, channel] = 0.5 * np.sin(2 * np.pi * tone * at)
    soundfile.write(tmp_path / f"a.{kind}", sound, rate, subtype=subtype)
    ready(engine, tmp_path / f"a.{kind}")
    with null_sink.recording() as recording:
        engine.set_loop((0.0, 1.8))
        engine.play()
        level = 0.5 / np.sqrt(2) / (2.414 if channels == 6 else 1)
        for side, tone in ((0, 600), (1, 600 if channels == 1 else 900)):
            recording.hears(lambda sound, side=side: pitch_of(sound[:, [side]]), pytest.approx(tone, rel=cents(2)))
            recording.hears(lambda sound, side=side: rms(sound[:, side]), pytest.approx(level, rel=0.03))


def test_a_midi_note_is_heard_at_its_pitch_at_any_speed(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, midi_note(tmp_path / "a.mid"))
    for speed in (1.0, 2.0):
        engine.set_speed(speed)
        engine.seek(2.0)
        with null_sink.recording() as recording:
            engine.play()
            recording.hears(pitch_of, pytest.approx(440, rel=cents(8)))
            engine.pause()


def test_playhead_is_at_what_is_heard(null_sink: NullSink, engine_of, tmp_path):
    """After seeks and at other speeds the place shown is the place recorded, to within a block and the sink's delay."""
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.play()

    def off(target: float) -> float:
        """Seconds, the median of a second's pieces."""
        engine.seek(target)
        until(lambda: target + 0.3 < engine.state.position < target + 5)
        shown = []
        with null_sink.recording() as recording:
            while recording.seconds < 1.0:
                shown.append((time.monotonic(), engine.state.position))
                recording.wait(0.02)
        moments, places = np.array(shown).T
        found = []
        for start in range(0, RATE - 6000, 3000):
            piece = recording.sound[start : start + 6000]
            moment = recording.begun + (start + 3000) / RATE
            if moments[0] < moment < moments[-1] and is_whole(piece, len(piece) / RATE):
                found.append(place_of(piece) - np.interp(moment, moments, places))
        return float(np.median(found)) if found else np.inf

    for target in (3.0, 20.0, 11.0):
        assert abs(retaken(lambda goal=target: off(goal), lambda found: abs(found) < 0.06)) < 0.06


def test_playhead_moves_with_time_and_stands_when_paused(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    assert engine.state.position == 0.0
    engine.play()
    until(lambda: engine.state.position > 0.3)
    engine.toggle()
    until(lambda: not engine.state.playing)
    with null_sink.recording() as recording:
        until(lambda: recording.seconds > 0.3 and peak(recording.sound[-RATE // 10 :]) < STILL)  # all is heard out
        until(lambda: engine.state.position == pytest.approx(engine.state.goal))
        before = engine.state.position
        recording.wait(0.2)
        assert engine.state.position == before
        assert peak(recording.sound[-RATE // 5 :]) < STILL
    engine.seek_by(5.0)
    until(lambda: engine.state.position == pytest.approx(before + 5.0, abs=0.01))
    engine.stop()
    until(lambda: engine.state.position == 0.0)


def test_the_end_stops(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "short.wav", 0.5))
    engine.play()
    until(lambda: engine.state.playing or engine.state.position > 0)
    until(lambda: not engine.state.playing and engine.state.position == pytest.approx(0.5, abs=0.01))


def test_the_next_file_replaces_the_first(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    paths = [sweep(tmp_path / f"{i}.wav", 5 + i) for i in range(5)]
    for path in paths:
        engine.load(path)
    engine.play()
    until(lambda: engine.state.playing)
    assert engine.state.loaded == str(paths[-1])
    assert engine.state.duration == pytest.approx(9.0)


def test_bad_files_are_said_and_the_next_good_one_plays(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    (tmp_path / "bad.mid").write_bytes(b"MThd and no more")
    (tmp_path / "bad.wav").write_bytes(b"")
    for name in ("bad.mid", "bad.wav", "none.wav"):
        engine.load(tmp_path / name)
        engine.play()
        until(lambda wanted=name: engine.state.ready and wanted in engine.state.message)
        assert engine.state.loaded is None
        assert not engine.state.playing
    ready(engine, sweep(tmp_path / "good.wav"))
    engine.play()
    until(lambda: engine.state.position > 0.1)


def test_a_bad_soundfont_is_said_and_audio_still_plays(null_sink: NullSink, engine_of, tmp_path):
    (tmp_path / "broken.sf2").write_bytes(b"RIFF\xff\xff\xff\x7fsfbk" + b"LIST" * 100)
    engine = engine_of(soundfont=str(tmp_path / "broken.sf2"))
    engine.load(midi_note(tmp_path / "a.mid"))
    until(lambda: "SoundFont" in engine.state.message)
    ready(engine, sweep(tmp_path / "good.wav"))


def test_midi_is_heard_a_semitone_lower_and_higher_and_the_file_stays(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    path = midi_note(tmp_path / "a.mid")
    before = path.read_bytes()
    ready(engine, path)
    for semitones in (-1, 1, 0):
        engine.set_transpose(semitones)
        engine.seek(2.0)
        with null_sink.recording() as recording:
            engine.play()
            recording.hears(pitch_of, pytest.approx(440 * 2 ** (semitones / 12), rel=cents(8)))
            assert engine.state.semitones == semitones
            engine.pause()
    assert path.read_bytes() == before
    engine.set_transpose(2)
    engine.load(path)
    until(lambda: engine.state.ready and engine.state.semitones == 0)


def test_a_drone_is_heard_beside_recorded_sound_and_goes_with_it(null_sink: NullSink, engine_of, tmp_path):
    """Silence with a drone on A: what is heard is the drone, also after a seek, and nothing of it in the next file."""
    engine = engine_of()
    soundfile.write(tmp_path / "still.wav", np.zeros(20 * RATE, np.int16), RATE)
    ready(engine, tmp_path / "still.wav")
    engine.set_companion(Companion(drone="A", mode="minor"))
    engine.seek(9.0)
    with null_sink.recording() as recording:
        engine.play()
        recording.hears(
            lambda sound: min(abs(np.log2(pitch_of(sound) / (55 * n))) for n in (1, 1.5, 2, 3, 4, 6, 8)),
            pytest.approx(0.0, abs=20 / 1200),
            seconds=0.5,
        )
    soundfile.write(tmp_path / "next.wav", np.zeros(20 * RATE, np.int16), RATE)
    ready(engine, tmp_path / "next.wav")
    engine.play()
    until(lambda: engine.state.position > 0.2)
    assert engine.state.level == 0.0


def test_a_loop_is_heard_and_shown_in_its_region(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.set_loop((5.0, 5.6))
    engine.play()
    until(lambda: engine.state.position > 5.3)

    def take() -> np.ndarray:
        shown = []
        with null_sink.recording() as recording:
            while recording.seconds < 2.0:
                shown.append(engine.state.position)
                recording.wait(0.02)
        assert min(shown) >= 5.0
        assert max(shown) <= 5.6 + 1e-9
        return recording.sound

    sound = retaken(take, lambda sound: is_whole(sound, len(sound) / RATE))
    assert engine.state.loop == (5.0, 5.6)
    pieces = np.array([place_of(sound[at : at + 4000]) for at in range(0, len(sound) - 4000, 4000)])
    assert pieces.min() > 4.9
    assert pieces.max() < 5.7
    assert (np.diff(pieces) < -0.2).sum() >= 2  # it went round
    engine.set_loop(None)
    until(lambda: engine.state.loop is None and engine.state.position > 5.7)


def test_a_dead_process_is_replaced_and_plays_on_at_the_same_place(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.seek(8.0)
    engine.set_loop((7.0, 20.0))
    engine.set_transpose(3)
    engine.play()
    until(lambda: engine.state.position > 8.2)
    first = engine.pid
    os.kill(first, signal.SIGSEGV)
    until(lambda: "started again" in engine.state.message)
    until(lambda: engine.pid not in (None, first) and engine.state.playing and engine.state.position > 8.3)
    assert engine.state.position < 12
    until(lambda: (engine.state.loop, engine.state.semitones) == ((7.0, 20.0), 3))
    with null_sink.recording() as recording:
        assert 8 < place_of(recording.piece(0.2)) < 20
    until(lambda: engine.state.message == "")  # nobody reads it for ever


def test_a_process_that_keeps_dying_is_given_up_until_another_file(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "deadly.wav"))
    for _ in range(3):
        until(lambda: engine.pid is not None and engine._board.memory.heartbeat)
        pid = engine.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda dead=pid: engine.pid != dead)
    until(lambda: "keeps ending on deadly.wav" in engine.state.message)
    assert not engine.state.playing
    ready(engine, sweep(tmp_path / "good.wav"))
    engine.play()
    until(lambda: engine.state.position > 0.1)


def test_a_stopped_process_is_replaced_and_plays_on_at_the_same_place(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.seek(8.0)
    engine.play()
    until(lambda: engine.state.position > 8.2)
    first = engine.pid
    os.kill(first, signal.SIGSTOP)
    until(lambda: "started again" in engine.state.message)
    until(lambda: engine.pid not in (None, first) and engine.state.playing and engine.state.position > 8.3)
    assert engine.state.position < 12


def test_what_is_asked_of_a_stopped_process_the_next_one_does(engine_of, null_sink: NullSink, tmp_path):
    """Keys that are pressed in the second that it takes to notice: a pause, and the next sample with sound."""
    engine = engine_of()
    path = sweep(tmp_path / "sweep.wav", 60.0)
    ready(engine, path)
    engine.play()
    until(lambda: engine.state.position > 0.2)
    first = engine.pid
    os.kill(first, signal.SIGSTOP)
    engine.pause()
    until(lambda: engine.pid not in (None, first) and engine._board.memory.done > 2)
    assert not engine.state.playing
    second = engine.pid
    os.kill(second, signal.SIGSTOP)
    engine.load(path)
    engine.play()
    until(lambda: engine.pid not in (None, second) and engine.state.playing and engine.state.position > 0.1)


def test_a_flood_of_commands_is_no_silence(engine_of, no_device, tmp_path):
    """Each look at the commands is a look at the process too; a hundred looks in a moment say nothing."""
    engine = engine_of()
    ready_silent(engine, sweep(tmp_path / "sweep.wav", 3.0))
    first = engine.pid
    for number in range(999):
        engine.set_volume(0.5 + number / 10_000)
        if number % 3 == 0:
            engine.seek(number / 1000)
        time.sleep(0.0005)  # one by one: the supervisor takes each as it comes
    until(lambda: engine.state.goal == pytest.approx(0.996))
    assert engine.pid == first


def test_a_soundfont_that_kills_is_left_alone(null_sink: NullSink, engine_of, tmp_path):
    """What a damaged SoundFont does to FluidSynth at worst: a pipe that never ends stops it, a signal kills it."""
    pipe = tmp_path / "deadly.sf2"
    os.mkfifo(pipe)
    hold = os.open(pipe, os.O_RDWR)
    engine = engine_of()
    ready(engine, midi_note(tmp_path / "a.mid"))
    first = engine.pid
    engine._soundfont = str(pipe)  # `paths.soundfont` wants a file: as if it had become one that kills
    engine._board.memory.loading = True
    os.kill(first, signal.SIGSEGV)
    until(lambda: "while it loaded the SoundFont deadly.sf2; another plays instead" in engine.state.message)
    until(lambda: engine.pid not in (None, first) and engine.state.ready)
    engine.play()
    until(lambda: engine.state.position > 0.1)
    os.close(hold)


def test_where_there_are_many_cores_a_soundfont_is_loaded_with_few_threads(no_device, engine_of, tmp_path, monkeypatch):
    """FluidSynth's would be one a core, whose stacks alone are more than a SoundFont is allowed."""
    monkeypatch.setenv("OMP_NUM_THREADS", "64")  # as the library takes it on a machine of so many
    engine = engine_of()
    engine.load(midi_note(tmp_path / "a.mid"))
    until(lambda: engine.state.ready)
    assert engine.state.message == NO_DEVICE


def test_another_soundfont_is_heard_without_a_gap(null_sink: NullSink, engine_of, tmp_path):
    """A busy machine may starve the device at any moment, so a gap counts that comes with every change."""
    engine = engine_of()
    ready(engine, midi_note(tmp_path / "a.mid"))
    engine.play()
    until(lambda: engine.state.position > 0.5)
    copies = (tmp_path / f"copy{number}.sf2" for number in count())

    def changed() -> np.ndarray:
        copy = next(copies)
        copy.write_bytes(soundfont().read_bytes())
        with null_sink.recording() as recording:
            engine.set_soundfont(str(copy))
            recording.wait(0.5)
        return recording.sound[RATE // 30 :]

    sound = retaken(changed, lambda sound: is_whole(sound, len(sound) / RATE))
    assert is_whole(sound, len(sound) / RATE), "a gap with each of five changes"
    engine.set_soundfont(str(tmp_path / "none.sf2"))
    until(lambda: "none.sf2" in engine.state.message)
    assert engine.state.playing


def test_a_step_is_counted_from_where_the_last_one_leads(engine_of, no_device, tmp_path):
    """Two quick steps under load: the process has carried out neither yet."""
    engine = engine_of()
    ready_silent(engine, sweep(tmp_path / "sweep.wav"))
    os.kill(engine.pid, signal.SIGSTOP)
    engine.seek(10.0)
    assert engine.state.goal == 10.0
    engine.seek(engine.state.goal + 1)
    engine.seek_by(1.5)
    assert engine.state.goal == 12.5
    os.kill(engine.pid, signal.SIGCONT)
    until(lambda: engine.state.position == pytest.approx(12.5))
    assert engine.state.goal == pytest.approx(12.5)
    engine.load(sweep(tmp_path / "other.wav"))
    assert engine.state.goal == 0.0


def ready_silent(engine: Engine, path: Path) -> None:
    engine.load(path)
    until(lambda: engine.state.ready)


def tone(path: Path, hertz: float, seconds: float = 20.0, level: float = 0.25) -> Path:
    at = np.arange(round(seconds * RATE)) / RATE
    soundfile.write(path, (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32), RATE, subtype="FLOAT")
    return path


def test_versions_are_switched_at_the_same_place(null_sink: NullSink, engine_of, tmp_path):
    """A sweep, and the same at twice the tempo: the pitch says the place."""
    engine = engine_of()
    first, second = sweep(tmp_path / "first.wav"), tmp_path / "second.wav"
    soundfile.write(second, soundfile.read(first, dtype="float32")[0][::2], RATE, subtype="FLOAT")
    ready(engine, first)
    engine.seek(10.0)
    engine.play()
    until(lambda: engine.state.position > 10.5)
    with null_sink.recording() as recording:
        before = place_of(recording.piece(0.15))
        assert 10.4 < before < 20
        engine.switch(second, 0.5)
        until(lambda: engine.state.loaded == str(second))
        assert before < 2 * engine.state.position < before + 8
        recording.wait(0.5)
        assert (
            before < (pitch_of(recording.piece(0.15)) / 2 - 400) / 40 < before + 12
        )  # an octave higher, at the same place


def test_versions_are_matched_in_loudness_and_joined_without_a_step(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    loud, soft = tone(tmp_path / "loud.wav", 440), tone(tmp_path / "soft.wav", 440, level=0.02)
    ready(engine, loud)
    engine.set_decks([loud, soft])
    until(lambda: engine.state.matched, 6 * PATIENCE)  # a child at a low priority hears them first
    engine.set_loop((0.0, 20.0))
    engine.play()
    until(lambda: engine.state.position > 0.5)

    def switched() -> np.ndarray:
        engine.switch(loud)
        until(lambda: engine.state.loaded == str(loud))
        with null_sink.recording() as recording:
            recording.wait(0.5)
            engine.switch(soft)
            until(lambda: engine.state.loaded == str(soft))
            recording.wait(0.4)
        return recording.sound[RATE // 5 :]  # by then the loud one was heard alone

    sound = retaken(switched, lambda sound: is_whole(sound, len(sound) / RATE))
    assert 20 * np.log10(rms(sound[-8000:]) / rms(sound[:8000])) == pytest.approx(0, abs=0.5)
    # A step is wide: above 4 kHz there is nothing but what is at the joint.
    window = np.hanning(2048)
    frames = np.lib.stride_tricks.sliding_window_view(sound[:, 0], 2048)[::512] * window
    spectra = np.abs(np.fft.rfft(frames)) / window.sum() * 2
    high = spectra[:, round(4000 * 2048 / RATE) :].max()
    assert 20 * np.log10(high / 0.25) < -60


def peak(sound: np.ndarray) -> float:
    return float(np.abs(sound).max())


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


@pytest.fixture
def own_sink(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NullSink]:
    """A sound server that a test may stop and start again."""
    if what := missing():
        pytest.skip(what)
    (tmp_path / "pulse").mkdir()
    sink = NullSink(tmp_path / "pulse")
    for name, value in sink.environment.items():
        monkeypatch.setenv(name, value)
    sink.start()
    yield sink
    sink.stop()


def test_a_device_that_vanishes_is_said_and_found_again(own_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    os.kill(engine.pid, signal.SIGKILL)  # what was said of that would hide what is said of the device
    until(lambda: "was started again" in engine.state.message)
    until(lambda: engine.pid is not None and engine.state.ready)
    engine.seek(3.0)
    engine.play()
    until(lambda: engine.state.position > 3.3)
    first = engine.pid
    own_sink.stop()
    until(lambda: engine.state.message.startswith("no sound: "))
    assert not engine.state.playing
    own_sink.start()
    until(lambda: "no sound" not in engine.state.message and engine.state.playing)
    assert 3.2 < engine.state.goal < 6
    with own_sink.recording() as recording:
        assert 3.2 < place_of(recording.piece(0.2)) < 20
    assert engine.pid == first


def test_a_device_that_vanishes_while_nothing_plays_is_said_too(own_sink: NullSink, engine_of, tmp_path):
    """Else play would start a stream whose server is gone, and that never returns."""
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.play()
    until(lambda: engine.state.position > 0.3)
    engine.pause()
    until(lambda: not engine.state.playing)
    first = engine.pid
    own_sink.stop()
    until(lambda: engine.state.message.startswith("no sound: "))
    engine.play()
    own_sink.start()
    until(lambda: engine.state.message == "")
    assert not engine.state.playing  # it was paused when the device went
    engine.play()
    until(lambda: engine.state.position > 0.6)
    assert engine.pid == first


def test_another_file_waits_though_the_first_one_played_when_the_device_vanished(
    own_sink: NullSink, engine_of, tmp_path
):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.play()
    until(lambda: engine.state.position > 0.3)
    own_sink.stop()
    until(lambda: engine.state.message.startswith("no sound: "))
    engine.load(sweep(tmp_path / "other.wav"))
    until(lambda: engine.state.ready)
    own_sink.start()
    until(lambda: engine.state.message == "")
    assert not engine.state.playing
    engine.play()
    until(lambda: engine.state.position > 0.3)


def test_without_a_device_everything_but_sound_works(no_device, engine_of, tmp_path):
    engine = engine_of()
    engine.load(sweep(tmp_path / "sweep.wav"))
    until(lambda: engine.state.ready)
    assert engine.state.message == NO_DEVICE
    assert engine.state.duration == pytest.approx(30.0)
    engine.play()
    engine.seek(4.0)
    until(lambda: engine.state.position == pytest.approx(4.0))
    assert not engine.state.playing


def test_a_portaudio_that_ends_the_process_is_said_and_no_file_is_blamed(engine_of, tmp_path, monkeypatch):
    """As it does where ALSA has no configuration. Where it has one by now, a device that is chosen is looked for."""
    crash = "no sound: PortAudio crashes when it looks for devices. ALSA may have no configuration"
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))
    assert describe_device().startswith(crash)
    engine = engine_of()
    engine.load(sweep(tmp_path / "sweep.wav"))
    until(lambda: engine.state.ready)
    first = engine.pid
    engine.play()
    engine.seek(4.0)
    until(lambda: engine.state.position == pytest.approx(4.0))
    assert engine.state.message.startswith(crash)
    assert engine.pid == first
    (tmp_path / "alsa.conf").write_text("pcm.!default { type null }")
    engine.set_device("default")
    until(lambda: engine.pid != first or not engine.state.message.startswith(crash))
    assert engine.pid == first


def test_what_a_file_still_waits_for_is_said_after_a_moment():
    engine = Engine(Settings())  # never started, as on a machine too busy to start it
    memory = engine._board.memory
    assert engine.state.message == ""
    engine.load(Path("a.mid"))
    assert engine.state.message == ""
    engine._asked_at -= 1
    assert engine.state.message == "the sound is starting…"
    memory.up = True
    assert engine.state.message == "the file is being opened…"
    memory.loading = True
    assert engine.state.message == "the SoundFont is being loaded…"
    memory.token = engine._token
    assert engine.state.message == ""


_DIES_EARLY = """
import sys, time
from pathlib import Path
from kelly_tui.playback import Engine
from kelly_tui.settings import Settings
if __name__ == "__main__":
    engine = Engine(Settings())
    engine.start()
    engine.load(Path("innocent.wav"))
    seen = []
    while not seen or not seen[-1].startswith("no sound"):
        if engine.state.message not in seen:
            seen.append(engine.state.message)
        time.sleep(0.01)
    print(seen[-1])
    engine.close()
"""


def test_what_dies_before_it_is_up_is_no_fault_of_portaudio_or_a_file(tmp_path):
    """A library that ends what forks the process, which nothing of ours survives to see."""
    (tmp_path / "symusic.py").write_text("import os; os.abort()")
    program = tmp_path / "program.py"
    program.write_text(_DIES_EARLY)
    command = [sys.executable, str(program)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    why = "the sound process ends as it starts (see kelly doctor); open another sample to try again"
    assert found.stdout == f"no sound: {why}\n"
    assert "Traceback" not in found.stderr


def test_a_device_that_comes_later_is_found(null_sink: NullSink, engine_of, tmp_path, monkeypatch):
    """PortAudio looks again when one plays: the sink's address is a link that appears late."""
    server = Path(null_sink.environment["PULSE_SERVER"].removeprefix("unix:"))
    late = tmp_path / "late"
    monkeypatch.setenv("PULSE_SERVER", f"unix:{late}")
    engine = engine_of()
    engine.load(sweep(tmp_path / "sweep.wav"))
    until(lambda: engine.state.ready)
    assert engine.state.message.startswith("no sound: ")
    late.symlink_to(server)
    engine.play()
    until(lambda: engine.state.position > 0.1)
    assert engine.state.message == ""


def test_the_process_leads_a_session(no_device, engine_of, tmp_path):
    """Linux shares the cores out between sessions: jobs in the app's own would be heard."""
    engine = engine_of()
    engine.load(sweep(tmp_path / "sweep.wav"))
    until(lambda: engine.state.ready)
    assert engine.pid == os.getsid(engine.pid)


def test_nothing_waits_for_a_process_that_hangs(null_sink: NullSink, engine_of, tmp_path):
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    os.kill(engine.pid, signal.SIGSTOP)
    for i in range(5000):
        engine.seek(i / 1000)
    first = engine.pid
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_close_before_and_right_after_start():
    Engine(Settings()).close()
    engine = Engine(Settings())
    engine.start()
    engine.close()
    assert engine.pid is None


def test_the_app_itself_never_loads_the_sound_libraries():
    code = (
        "import sys; from kelly_tui.playback import Engine; from kelly_tui.settings import Settings\n"
        "Engine(Settings())\n"
        "print([m for m in ('sounddevice', 'soundfile', 'fluidsynth', 'symusic', 'soxr') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_nothing_is_printed(null_sink: NullSink, engine_of, tmp_path, capfd):
    engine = engine_of()
    ready(engine, midi_note(tmp_path / "a.mid"))
    engine.play()
    until(lambda: engine.state.position > 0.1)
    engine.close()
    assert capfd.readouterr() == ("", "")


_APP = """
import sys
from pathlib import Path
from textual.app import App
from kelly_tui.paths import soundfont
from kelly_tui.playback import Engine
from kelly_tui.render.companion import Companion
from kelly_tui.settings import Settings

class Listening(App):
    def on_mount(self):
        engine.start()
        engine.load(Path(sys.argv[1]))
        self.set_interval(0.05, self.look)

    def look(self):
        if engine.state.ready:
            Path(sys.argv[2]).write_text(f"{engine.state.duration:.1f} {engine.state.message}")
            engine.close()
            self.exit()

if __name__ == "__main__":
    engine = Engine(Settings())
    Listening().run()
"""


def test_inside_a_running_app_that_holds_the_terminal(null_sink: NullSink, tmp_path):
    """Textual's hold on standard error breaks processes that are started carelessly; a pseudo-terminal shows it."""
    (tmp_path / "listening.py").write_text(_APP)
    sweep(tmp_path / "a.wav", 3.0)
    ours, theirs = os.openpty()
    command = [sys.executable, str(tmp_path / "listening.py"), str(tmp_path / "a.wav"), str(tmp_path / "out")]
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[3])}
    app = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            drawn += chunk
    except OSError:  # the last holder of the terminal is gone
        pass
    os.close(ours)
    assert app.wait(20) == 0, drawn[-2000:]
    assert (tmp_path / "out").read_text() == "3.0 "


def test_device_in_words(null_sink: NullSink):
    assert describe_device() == "default, 44100 Hz, stereo"


def test_devices_by_name(null_sink: NullSink, tmp_path, monkeypatch):
    assert device_names() == ["default"]
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(two_devices(tmp_path)))
    assert sorted(device_names()) == ["default", "headphones"]


def two_devices(folder: Path) -> Path:
    """An ALSA configuration with two names for the null sink."""
    path = folder / "two.conf"
    path.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\npcm.headphones { type pulse }\n")
    return path


def test_another_device_is_chosen_while_it_plays(null_sink: NullSink, engine_of, tmp_path, monkeypatch):
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(two_devices(tmp_path)))
    engine = engine_of()
    ready(engine, sweep(tmp_path / "sweep.wav"))
    engine.seek(5.0)
    engine.play()
    until(lambda: engine.state.position > 5.3)
    engine.set_device("headphones")
    until(lambda: engine.state.position > 5.6)
    with null_sink.recording() as recording:
        assert 5.3 < place_of(recording.piece(0.2)) < 20
    engine.set_device("a piano")
    until(lambda: "there is no device a piano" in engine.state.message)
    assert engine.state.message.startswith("no sound: ")
    engine.set_device("")
    until(lambda: engine.state.message == "")
    engine.play()
    until(lambda: engine.state.playing)


def test_no_device_in_words(no_device):
    assert describe_device() == NO_DEVICE
