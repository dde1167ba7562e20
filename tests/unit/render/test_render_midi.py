"""Rendered sound, measured: pitch, onsets, repeatability, and a seek against the same place played from the start."""

from __future__ import annotations

import errno
import hashlib
import io
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from kelly_tui.errors import FileRefused, KellyError, SoundError
from kelly_tui.paths import soundfont
from kelly_tui.render import midi
from kelly_tui.render import synth as synth_module
from kelly_tui.render.blocks import MidiBlocks
from kelly_tui.render.events import read_events
from kelly_tui.render.midi import render_item, render_midi, rendered_blocks
from kelly_tui.render.synth import Synth

RATE = 44100


def song(*messages: mido.Message, program: int = 0) -> bytes:
    """One track at 120 BPM with 480 ticks a beat, 960 ticks a second."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.Message("program_change", program=program), *messages]))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def note(pitch: int, seconds: float, velocity: int = 90, wait: float = 0.0, channel: int = 0) -> list[mido.Message]:
    on = mido.Message("note_on", note=pitch, velocity=velocity, channel=channel, time=round(wait * 960))
    return [on, mido.Message("note_off", note=pitch, channel=channel, time=round(seconds * 960))]


def pitch_of(sound: np.ndarray) -> float:
    """Hz of the strongest partial, by the peak of a zero-padded spectrum."""
    mono = sound.mean(axis=1)
    size = 1 << 20
    return float(np.abs(np.fft.rfft(mono * np.hanning(len(mono)), size)).argmax() * RATE / size)


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


RECORDER = 74


@pytest.mark.parametrize(("midi_pitch", "hertz"), [(69, 440.0), (57, 220.0), (81, 880.0)])
def test_pitch_is_right(midi_pitch, hertz):
    heard = pitch_of(render_midi(song(*note(midi_pitch, 2.0), program=RECORDER))[RATE // 2 : RATE * 3 // 2])
    assert abs(1200 * np.log2(heard / hertz)) < 10


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_any_rate_gives_the_same_length_in_seconds(rate):
    sound = render_midi(song(*note(69, 1.0)), sample_rate=rate)
    assert 1.0 <= len(sound) / rate <= 6.0
    assert sound.dtype == np.float32
    assert sound.shape[1] == 2


def test_onsets_are_where_the_notes_are():
    scale = [message for pitch in (60, 62, 64, 65) for message in note(pitch, 0.1, wait=0.4)]
    sound = np.abs(render_midi(song(*scale, program=115)).mean(axis=1))  # wood block: an attack and nothing else
    threshold = sound.max() / 10
    found = [
        int(np.argmax(sound[start:] > threshold)) + start
        for start in (RATE * 3 // 10 + RATE * i // 2 for i in range(4))
    ]
    expected = [0.4 + 0.5 * i for i in range(4)]
    np.testing.assert_allclose(np.array(found) / RATE, expected, atol=0.005)


def test_bend_and_volume_are_heard():
    bend = mido.Message("pitchwheel", pitch=8191)
    up = pitch_of(render_midi(song(bend, *note(69, 2.0), program=RECORDER))[RATE // 2 : RATE * 3 // 2])
    assert abs(1200 * np.log2(up / 440.0) - 200) < 10
    soft = mido.Message("control_change", control=7, value=40)
    assert rms(render_midi(song(soft, *note(69, 1.0)))) < rms(render_midi(song(*note(69, 1.0)))) / 2


def test_same_file_same_bytes(corpus_midi):
    data = corpus_midi("bwv66.6")
    assert render_midi(data).tobytes() == render_midi(data).tobytes()


def test_blocks_of_any_size_give_the_same_sound():
    events = read_events(song(*note(60, 0.5), *note(64, 0.5)))
    with Synth(soundfont(), RATE) as one, Synth(soundfont(), RATE) as two:
        whole = MidiBlocks(events, one).read(30_000)
        parts = MidiBlocks(events, two)
        pieces = np.concatenate([parts.read(n) for n in (1, 63, 64, 65, 999, 28_808)])
    np.testing.assert_array_equal(pieces, whole)


@pytest.mark.parametrize("place", [0.5, 3.0, 7.77])
def test_seek_sounds_like_having_played_from_the_start(place):
    """A program, a controller and a bend long before, a pedal held, notes across the place."""
    events = read_events(
        song(
            mido.Message("control_change", control=7, value=70),
            mido.Message("pitchwheel", pitch=4096),
            mido.Message("control_change", control=64, value=127),
            *[message for i in range(16) for message in note(50 + 2 * i, 0.6)],
            program=4,
        )
    )
    with Synth(soundfont(), RATE) as one, Synth(soundfont(), RATE) as two:
        played = MidiBlocks(events, one)
        played.read(round(place * RATE))
        sought = MidiBlocks(events, two)
        sought.seek(place)
        assert sought.position == pytest.approx(place, abs=1e-4)
        straight, jumped = played.read(RATE), sought.read(RATE)
    assert rms(jumped) == pytest.approx(rms(straight), rel=0.12)
    spectra = [np.abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(RATE))) for sound in (straight, jumped)]
    assert np.corrcoef(*spectra)[0, 1] > 0.97


@pytest.mark.parametrize("effects", [0, 1])
@pytest.mark.parametrize("name", ["bwv66.6", "schoenberg/opus19/movement2", "joplin/maple_leaf_rag"])
def test_seek_in_real_scores_is_the_slice_of_what_is_played_from_the_start(corpus_midi, monkeypatch, name, effects):
    """Without reverb and chorus it is the same, but for what rang longer than is rendered unheard; with them their
    tails, and where chorus stands in its swing, differ a little."""
    for one in ("synth.reverb.active", "synth.chorus.active"):
        monkeypatch.setitem(synth_module._SETTINGS, one, effects)
    events = read_events(corpus_midi(name))
    starts = np.linspace(0.2, 0.8, 4) * min(events.duration, 60.0)
    with Synth(soundfont(), RATE) as one, Synth(soundfont(), RATE) as two:
        played, sought, at = MidiBlocks(events, one), MidiBlocks(events, two), 0
        for start in (round(second * RATE) for second in starts):
            played.read(start - at)
            straight = played.read(RATE // 2)
            at = start + RATE // 2
            sought.seek(start / RATE)
            jumped = sought.read(RATE // 2)
            off = 20 * np.log10(rms(jumped - straight) / max(rms(straight), 1e-6) + 1e-9)
            assert off < (-20 if effects else -40)


def test_a_note_held_over_a_change_of_program_sounds_on_with_its_own():
    """After the seek it is struck again: with the program that it was struck with."""
    change = mido.Message("program_change", program=74, time=960)
    end = mido.Message("note_off", note=69, time=960 * 3)
    events = read_events(song(mido.Message("note_on", note=69, velocity=90), change, end, program=19))
    with Synth(soundfont(), RATE) as one, Synth(soundfont(), RATE) as two:
        played = MidiBlocks(events, one)
        played.read(2 * RATE)
        sought = MidiBlocks(events, two)
        sought.seek(2.0)
        straight, jumped = played.read(RATE // 2), sought.read(RATE // 2)
    assert rms(jumped - straight) < 0.1 * rms(straight)


def test_seek_forgets_what_only_came_later():
    late = mido.Message("control_change", control=7, value=5)
    events = read_events(song(*note(69, 1.0), late, *note(69, 1.0)))
    with Synth(soundfont(), RATE) as synth:
        blocks = MidiBlocks(events, synth)
        before = rms(blocks.read(RATE // 2))
        blocks.read(RATE)
        blocks.seek(0.0)
        assert rms(blocks.read(RATE // 2)) == pytest.approx(before, rel=0.05)


def test_speed_changes_the_time_and_not_the_pitch():
    events = read_events(song(*note(60, 1.0), *note(69, 2.0), program=RECORDER))
    with Synth(soundfont(), RATE) as synth:
        blocks = MidiBlocks(events, synth)
        blocks.seek(0.0, speed=2.0)
        blocks.read(RATE // 2)
        assert blocks.position == pytest.approx(1.0)
        assert abs(1200 * np.log2(pitch_of(blocks.read(RATE)[RATE // 8 : RATE * 7 // 8]) / 440.0)) < 10


def test_length_is_the_music_and_its_tail():
    sound = render_midi(song(*note(60, 1.0)))
    assert np.abs(sound[-1000:]).max() < 1e-3
    assert RATE < len(sound) < 5.1 * RATE


def test_item_is_a_wav_of_the_same_sound(tmp_path):
    for folder in ("raw", "processed"):
        (tmp_path / folder).mkdir()
    (tmp_path / "raw/a.mid").write_bytes(song(*note(69, 1.0)))
    item = {
        "root": str(tmp_path),
        "sample_id": "0" * 16,
        "parent_path": "raw/a.mid",
        "parent_sha256": "",
        "target": "processed/deep/a.wav",
        "sample_rate": 22050,
        "soundfont": "",
    }
    first = render_item(item)
    target = tmp_path / "processed/deep/a.wav"
    info = soundfile.info(target)
    assert (info.samplerate, info.channels, info.subtype) == (22050, 2, "PCM_16")
    assert first["duration_sec"] == pytest.approx(info.duration)
    assert first["file_size_bytes"] == target.stat().st_size
    assert first["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert render_item(item) == first
    np.testing.assert_allclose(
        soundfile.read(target, dtype="float32")[0], render_midi(tmp_path / "raw/a.mid", 22050), atol=1e-4
    )
    assert [path.name for path in target.parent.iterdir()] == ["a.wav"]


def test_item_too_loud_is_turned_down_not_clipped(tmp_path, monkeypatch):
    monkeypatch.setattr("kelly_tui.render.midi.GAIN", 10.0)
    chord = [mido.Message("note_on", note=pitch, velocity=127) for pitch in range(40, 70)]
    (tmp_path / "loud.mid").write_bytes(song(*chord, mido.Message("note_off", note=40, time=960), program=19))
    render_item(
        {
            "root": str(tmp_path),
            "parent_path": "loud.mid",
            "parent_sha256": "",
            "target": "loud.wav",
            "sample_rate": 8000,
        }
    )
    sound = soundfile.read(tmp_path / "loud.wav")[0]
    assert 0.9 < np.abs(sound).max() < 1.0


def test_bad_item_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"MThd nonsense")
    with pytest.raises(FileRefused, match=r"bad\.mid"):
        render_item(
            {
                "root": str(tmp_path),
                "parent_path": "bad.mid",
                "parent_sha256": "",
                "target": "out/bad.wav",
                "sample_rate": 8000,
            }
        )
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\xff\xff\xff\x7fsfbk" + b"LIST" * 100, b"DLS \0" * 900])
def test_damaged_soundfont_is_said(tmp_path, content):
    (tmp_path / "broken.sf2").write_bytes(content)
    with pytest.raises(SoundError, match=r"broken\.sf2"):
        render_midi(song(*note(60, 0.1)), soundfont=tmp_path / "broken.sf2")


def test_missing_soundfont_is_said(tmp_path):
    with pytest.raises(SoundError, match="gone"):
        render_midi(song(*note(60, 0.1)), soundfont=tmp_path / "none.sf2")


def test_missing_library_names_the_packages(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest):
        if name == "fluidsynth":
            raise ImportError("Couldn't find the FluidSynth library.")
        return real(name, *rest)

    synth_module.library.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KellyError, match=r"libfluidsynth3 \(apt\), fluidsynth-libs \(dnf\), .* fluid-synth \(brew\)"):
        Synth(soundfont(), RATE)
    monkeypatch.undo()
    synth_module.library.cache_clear()


def test_fluidsynth_is_silent_about_everything(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("CI", "1")
    synth_module.library.cache_clear()
    (tmp_path / "broken.sf2").write_bytes(b"nothing")
    with pytest.raises(SoundError):
        Synth(tmp_path / "broken.sf2", RATE)
    render_midi(song(mido.Message("program_change", program=127), *note(1, 0.1, channel=9)))
    assert capfd.readouterr() == ("", "")


def test_long_music_is_rendered_in_small_blocks():
    sizes = [len(block) for block in rendered_blocks(song(*note(60, 20.0)), 8000)]
    assert max(sizes) <= 1 << 14
    assert sum(sizes) >= 20 * 8000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_called_so(tmp_path, corpus_midi):
    source = tmp_path / "song.mid"
    source.write_bytes(corpus_midi("bwv66.6"))
    with pytest.raises(OSError) as raised:
        midi._write_sound(Path("/dev/full"), "WAV", source, 22_050, None)
    assert raised.value.errno == errno.ENOSPC
