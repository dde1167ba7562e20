"""Variants of a song and of a clip, beside the usual libraries."""

from __future__ import annotations

import hashlib
import io
import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import symusic

from kelly_tui.augment.audio import augment_audio
from kelly_tui.augment.midi import augment_midi, read_song, vary_midi
from kelly_tui.augment.recipe import Recipe, choose_recipes
from kelly_tui.augment.stretch import stretched
from kelly_tui.pipeline.augment import variant_item
from kelly_tui.store.layout import make_music_folders
from tests.perf.__main__ import seconds
from tests.perf.bench_audio import RATE, clip, timed

NOTES = 1_660
"""As many as a file of POP909 has on average."""


def song(pedals: int = 0) -> bytes:
    """Three parts of notes, and so many pedals, down or up, in the first."""
    rng = np.random.default_rng(2)
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 100))
    for program in (0, 25, 48):
        track = symusic.Track(program=program)
        for index in range(NOTES // 3):
            track.notes.append(symusic.Note(index * 240, 230, int(rng.integers(40, 80)), int(rng.integers(40, 110))))
        score.tracks.append(track)
    for index in range(pedals):
        score.tracks[0].controls.append(symusic.ControlChange(index * 480 + 120, 64, 127 * (index % 2)))
    return score.dumps_midi()


def as_items(folder: Path, songs: Iterable[int]) -> None:
    """Ten variants of each of these files, as a worker makes them: chosen, made, written."""
    for number in songs:
        music = folder / f"{number}.mid"
        sha256 = hashlib.sha256(music.read_bytes()).hexdigest()
        for place in range(10):
            variant_item(
                {"root": str(folder), "parent_path": music.name, "parent_sha256": sha256, "root_id": str(number),
                 "n": 10, "file_type": "midi", "seed": 0, "leave_out": [], "place": place}
            )  # fmt: skip


def items_and_peer(data: bytes) -> tuple[float, float, float]:
    """Seconds of a variant as an item of the stage, of pretty_midi's in the same folder, of writing a file there."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".kelly").mkdir()
        make_music_folders(folder, "processed/augmented/midi")
        for number in range(200):
            (folder / f"{number}.mid").write_bytes(data)
        songs = itertools.count()
        as_items(folder, itertools.islice(songs, 60))  # all 256 folders are there, as in a dataset of some size
        item = timed(lambda: as_items(folder, itertools.islice(songs, 10)), 7) / 100
        peer = timed(lambda: by_pretty_midi(data, folder / "peer.mid"), 5)
        return item, peer, timed(lambda: (folder / f"{time.monotonic_ns()}.mid").write_bytes(data), 101)


def by_pretty_midi(data: bytes, path: Path | None = None) -> None:
    """The same five changes, note by note."""
    import pretty_midi

    rng = np.random.default_rng(0)
    music = pretty_midi.PrettyMIDI(io.BytesIO(data))
    for part in music.instruments:
        kept = [note for note in part.notes if rng.random() > 0.02]
        for note in kept:
            note.pitch += 2
            note.velocity = min(127, round(note.velocity * 1.1))
            note.start, note.end = note.start / 1.1 + rng.uniform(-0.005, 0.005), note.end / 1.1
        part.notes = kept
    music.write(io.BytesIO() if path is None else str(path))


def by_librosa(sound: np.ndarray) -> None:
    import librosa

    librosa.effects.pitch_shift(sound, sr=RATE, n_steps=2)


def by_librosa_stretch(sound: np.ndarray) -> None:
    import librosa

    librosa.effects.time_stretch(sound, rate=1.1)


def by_signalsmith(sound: np.ndarray, speed: float) -> None:
    from python_stretch import Signalsmith

    stretch = Signalsmith.Stretch()
    stretch.preset(1, RATE)
    stretch.setTimeFactor(speed)
    stretch.process(sound[None])


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's or the peer's, a note)."""
    data, sound = song(), clip()
    ours = timed(lambda: augment_midi(data, 2, 1.1, 1.1, 5, 0.02), 21)
    floor = timed(lambda: symusic.Score.from_midi(data).dumps_midi(), 21)
    yield f"MIDI of {NOTES:,} notes: five changes", ours, floor, "floor: symusic reads and writes"
    peer = timed(lambda: by_pretty_midi(data), 3)
    yield "the same, beside pretty_midi", ours, peer, f"peer; {peer / ours:.0f} times faster, goal 50"
    played = song(pedals=270)
    kept = read_song(played)
    recipe = Recipe(transpose=2, time_stretch=1.1, velocity_scale=1.1, jitter_ms=5, dropout=0.02)
    ours = timed(lambda: read_song(played).notes(), 11) / 10 + timed(lambda: vary_midi(kept, recipe, 1), 21)
    peer = timed(lambda: by_pretty_midi(played), 3)
    yield "with a pedal, from its messages; of ten variants one", ours, peer, f"peer; {peer / ours:.0f} times faster"
    item, peer, written = items_and_peer(data)
    note = (
        f"peer, which writes too: {peer / item:.0f} times, or {peer / (item - written):.0f} without making the file, "
    )
    yield "as an item of the stage: chosen, made, written", item, peer, note + seconds(written)
    yield "choose 10 recipes", timed(lambda: choose_recipes("midi", 10, "root"), 21), 0.0, ""
    ours = timed(lambda: augment_audio((sound, RATE), pitch_shift=2), 5)
    library = timed(lambda: by_signalsmith(sound, 2 ** (-2 / 12)), 5)
    yield "clip of 30 s: two semitones up", ours, library, "peer: Signalsmith, the stretch alone; goal 1.3 times"
    alone = timed(lambda: stretched(sound[:, None], RATE, 2 ** (-2 / 12)), 5)
    yield "the same, beside our own stretch alone", ours, alone, "floor; goal 1.3 times"
    yield "the same, beside librosa", ours, timed(lambda: by_librosa(sound), 3), "peer"
    ours = timed(lambda: augment_audio((sound, RATE), time_stretch=1.1), 5)
    library = timed(lambda: by_signalsmith(sound, 1.1), 5)
    yield "clip of 30 s: 1.1 times the speed", ours, library, "peer: Signalsmith, the stretch alone; goal 1.3 times"
    yield "the same, beside librosa", ours, timed(lambda: by_librosa_stretch(sound), 3), "peer"
    ours = timed(lambda: augment_audio((sound, RATE), noise=0.005, gain=0.9).to_bytes())
    yield "clip of 30 s: noise, gain, 16 bits, WAV", ours, 0.0, ""
