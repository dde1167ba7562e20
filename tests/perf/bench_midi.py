"""A MIDI file to all its features and labels, beside the bare parse and pretty_midi's."""

from __future__ import annotations

import io
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import mido
import numpy as np

MUSIC = Path(__file__).parents[2].parent / "shared" / "music"
FILES = 30
NOTES = 1_660


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's seconds, note): CPU time, medians of a file, in one run."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # as in a worker
        yield from _rows()


def _rows() -> Iterator[tuple[str, float, float, str]]:
    import pretty_midi
    import symusic

    from kelly_tui.features.midi import analyse, features_of, labels_of
    from kelly_tui.music.notes import read_midi

    def everything(data: bytes) -> None:
        analysis = analyse(read_midi(data))
        labels_of(analysis)
        features_of(analysis).to_json()

    def parse(data: bytes) -> None:
        for track in symusic.Score.from_midi(data).tracks:
            track.notes.numpy()

    def peer(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pretty_midi.PrettyMIDI(io.BytesIO(data))

    def notes(files: list[bytes]) -> str:
        return f"{statistics.mean(len(read_midi(data).notes) for data in files):,.0f} notes"

    files = songs()
    floor, table, ours, theirs = _medians((parse, read_midi, everything, peer), files)
    what = f"MIDI file of {notes(files)} to"
    yield f"{what} its note table", table, floor, "floor: symusic, arrays"
    yield f"{what} all features and labels", ours, floor, "floor: symusic, arrays"
    yield "the same, beside pretty_midi", ours, theirs, "peer: pretty_midi's parse alone; goal: a tenth"
    if played := _files("piano"):
        floor, ours = _medians((parse, everything), played)
        yield f"played without a clock, {notes(played)}", ours, floor, "floor: symusic, arrays; its beats are sought"


def _medians(works: Sequence[Callable[[bytes], object]], files: list[bytes]) -> list[float]:
    """CPU seconds of each work on a file: by turns, so that all meet the same machine, after one of each."""
    times: list[list[float]] = [[] for _ in works]
    for data in (files[0], *files):
        for work, found in zip(works, times):
            begun = time.process_time()
            work(data)
            found.append(time.process_time() - begun)
    return [statistics.median(found[1:]) for found in times]


def songs() -> list[bytes]:
    """Pop music, made up where there is none beside the checkout."""
    return _files("pop") or [_made_up(seed) for seed in range(FILES)]


def _files(kind: str) -> list[bytes]:
    """Real music where it lies beside the checkout: of each of its folders as many."""
    found = sorted((MUSIC / kind).glob("*/*.mid"))
    return [path.read_bytes() for path in found[:: max(1, len(found) // FILES)][:FILES]]


def _made_up(seed: int) -> bytes:
    """Chords and a tune on a minute or four of eighths."""
    rng = np.random.default_rng(seed)
    events = []
    for index in range(NOTES):
        start = index // 4 * 240 + int(rng.integers(0, 12))
        pitch = int(rng.choice([0, 2, 4, 5, 7, 9, 11])) + 12 * int(rng.integers(3, 7))
        events.append((start, mido.Message("note_on", note=pitch, velocity=int(rng.integers(40, 110)))))
        events.append((start + 200, mido.Message("note_off", note=pitch)))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=600_000)])
    now = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(file=file)
    return file.getvalue()
