"""What the eye and the ear wait for."""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import soundfile

from kelly_tui.playback import Engine
from kelly_tui.settings import Settings
from tests import heard
from tests.null_sink import RATE, NullSink, missing


def song(seed: int = 0, notes: int = 800) -> bytes:
    """About a minute of piano, bass and drums with a pedal: chords, a line, a beat."""
    random = np.random.default_rng(seed)
    file = mido.MidiFile(ticks_per_beat=480)
    for channel, program in ((0, 0), (1, 32), (9, 0)):
        track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
        for index in range(notes // (3 if channel == 0 else 6)):
            pitches = (
                random.choice(np.arange(48, 84), 3, replace=False) if channel == 0 else [36 + int(random.integers(12))]
            )
            for pitch in pitches:
                track.append(mido.Message("note_on", channel=channel, note=int(pitch), velocity=80))
            if channel == 0:
                track.append(mido.Message("control_change", channel=0, control=64, value=127 * (index % 4 < 3)))
            for number, pitch in enumerate(pitches):
                wait = 220 if number == 0 else 0
                track.append(mido.Message("note_off", channel=channel, note=int(pitch), time=wait))
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _median(work: Callable[[], object], times: int = 7) -> float:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def _beside(ours: Callable[[], object], theirs: Callable[[], object], times: int = 7) -> tuple[float, float]:
    """Medians of the two, taken in turns, so that a busy moment hits both."""
    pairs = [(_median(ours, 1), _median(theirs, 1)) for _ in range(times)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    from kelly_tui.render.synth import library

    library()  # not part of any figure
    yield from _seeking()
    yield from _pictures()
    yield from _waiting()


def _seeking() -> Iterator[tuple[str, float, float, str]]:
    from kelly_tui.paths import soundfont
    from kelly_tui.render.blocks import MidiBlocks
    from kelly_tui.render.events import read_events
    from kelly_tui.render.synth import Synth

    with Synth(soundfont(), RATE) as synth:
        blocks = MidiBlocks(read_events(song()), synth)
        yield "seek in MIDI, with what sounds there", _median(lambda: blocks.seek(30.0), 20), 0.0, ""


def _pictures() -> Iterator[tuple[str, float, float, str]]:
    from kelly_tui.music.notes import read_midi
    from kelly_tui.plots.lines import Lines
    from kelly_tui.plots.outline import Outline, outline_of, pack, unpack
    from kelly_tui.plots.pianoroll import PianoRoll
    from kelly_tui.plots.ruler import beats_and_bars
    from kelly_tui.plots.spectrogram import spectrogram
    from kelly_tui.plots.waveform import waveform

    score = read_midi(song())
    roll, (beats, bars) = PianoRoll(score.notes), beats_and_bars(score)
    lines = Lines(beats, bars, 10.0, (5.0, 15.0))
    drawn = _median(lambda: roll.cells(150, 20, 0.0, 20.0, lines), 100)
    yield "piano roll, 150 x 20 cells", drawn, 0.0, "20 s of music with beats, bars and playhead"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.wav"
        sound = np.random.default_rng(0).uniform(-1, 1, (60 * RATE, 2)).astype(np.float32)
        soundfile.write(path, sound, RATE)

        def read() -> None:
            for _ in soundfile.blocks(path, 1 << 16, dtype="float32"):
                pass

        ours, floor = _beside(lambda: outline_of(path), read, 3)
        yield "outline of a minute of stereo, found", ours, floor, "floor: soundfile reads it"
        outline = outline_of(path)
    data = pack(outline)
    yield "the same, read again", _median(lambda: unpack(data), 20), 0.0, f"{len(data) / 1000:.0f} kB"

    def waves(of: Outline) -> object:
        return waveform(of.peaks_of(0.0, 60.0), 150, 20, (0.0, 60.0), lines)

    def spectrum(of: Outline) -> object:
        return spectrogram(of.levels_of(0.0, 60.0), 150, 20, (0.0, 60.0), lines)

    yield "waveform, 150 x 20 cells", _median(lambda: waves(outline), 100), 0.0, "a minute"
    yield "spectrogram, 150 x 20 cells", _median(lambda: spectrum(outline), 100), 0.0, "a minute"


def _waiting() -> Iterator[tuple[str, float, float, str]]:
    """What the ear waits for, beside a bare PortAudio stream that is measured the same way; and the playhead."""
    if missing():
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sink = NullSink(folder)
        sink.start()
        before = dict(os.environ)
        os.environ.update(sink.environment)
        engine = Engine(Settings(volume=1.0))
        try:
            (folder / "a.mid").write_bytes(song())
            begun = time.perf_counter()
            engine.start()
            heard.loaded(engine, folder / "a.mid")
            yield "sound process, from start to a file in place", time.perf_counter() - begun, 0.0, ""
            bare = heard.Bare(sink)
            yield from _latencies(engine, sink, bare, folder)
            yield from _playheads(engine, sink, bare, folder)
            bare.close()
        finally:
            engine.close()
            os.environ.clear()
            os.environ.update(before)
            sink.stop()


def _latencies(
    engine: Engine, sink: NullSink, bare: heard.Bare, folder: Path
) -> Iterator[tuple[str, float, float, str]]:
    left, right = (heard.noise_file(folder / f"{n}.wav", 20.0, n, channel=n) for n in (0, 1))
    tones = [folder / f"{program}.mid" for program in (0, 1)]
    for seconds, path in zip((0.05, 19.0), tones, strict=True):  # the first is over when the second is switched to
        path.write_bytes(held(seconds))
    floor = sorted(bare.space() for _ in range(20))
    least = f"floor: a bare stream, 95 % {floor[18] * 1e3:.0f} ms"
    waits: list[tuple[str, Callable[[], float], str]] = [
        ("space to sound", lambda: heard.space(engine, sink, left), "60 ms"),
        ("label key to the next sample's sound", lambda: heard.next_sample(engine, sink, [left, right]), "150 ms"),
        ("A/B switch to the other's sound", lambda: heard.switched(engine, sink, [left, right]), "23 ms more"),
        ("A/B switch in MIDI", lambda: heard.switched(engine, sink, tones, 0.02), "23 ms more: one block"),
    ]
    typed = iter(heard.label_keys(sink, folder, 20))
    waits.insert(2, ("the same, typed into the app on a terminal", lambda: next(typed), "150 ms"))
    for what, wait, goal in waits:
        spent = sorted(wait() for _ in range(20))
        note = f"median {statistics.median(spent) * 1e3:.1f} ms; goal {goal}; {least}"
        yield f"{what}, 95 %", spent[18], floor[18], note


def _playheads(
    engine: Engine, sink: NullSink, bare: heard.Bare, folder: Path
) -> Iterator[tuple[str, float, float, str]]:
    floor = bare.playhead(50)
    found = heard.after_seeks(engine, sink, folder, 50, lambda: time.sleep(0.02))
    note = (
        f"median {found.middle * 1e3:.1f} ms, the bare stream's {floor.middle * 1e3:.1f}; `make soak` seeks 1,000 times"
    )
    yield "playhead from what is heard after 50 seeks, worst", found.worst, floor.worst, note
    with heard.niced_jobs():
        gone = heard.missing_while_playing(engine, sink, bare, folder / "noise.wav", 20.0)
    note = f"underruns: {gone.counted}, a bare stream's beside it: {gone.beside}; gaps heard: {gone.heard}"
    yield "20 s of playing beside 8 niced jobs", 20.0, 0.0, note


def held(seconds: float) -> bytes:
    """An organ's chord that is held so long, and another after twenty seconds, without reverb and chorus."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.Message("program_change", program=19)])
    track += [mido.Message("control_change", control=control, value=0) for control in (91, 93)]
    for length, wait in ((seconds, 0.0), (0.2, 20.0 - seconds)):
        for number, pitch in enumerate((60, 64, 67)):
            start = round(960 * wait) if number == 0 else 0
            track.append(mido.Message("note_on", note=pitch, velocity=110, time=start))
        for number, pitch in enumerate((60, 64, 67)):
            track.append(mido.Message("note_off", note=pitch, time=round(960 * length) if number == 0 else 0))
    file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()
