"""Import of MIDI files, beside the least that could be done with them: copy, hash, parse."""

from __future__ import annotations

import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline.importing import import_music
from kelly_tui.pipeline.stage import Run
from kelly_tui.pipeline.workplace import shared_workers
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import import_files
from kelly_tui.store.layout import create_dataset_structure

FILES = 1000
TURNS = 5
WORKERS = 2
SEED = 20
MUSIC = Path(__file__).parents[3] / "shared" / "music"


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's seconds, a note) for a thousand files, whatever `n`.

    By turns, five of each, and the medians: file systems have moods. Nothing is removed before the end, since one that
    has just freed many inodes takes several times as long to give new ones.
    """
    with tempfile.TemporaryDirectory() as name, shared_workers(Run(workers=WORKERS)) as run:
        folder = Path(name)
        note = _write_music(folder / "music")
        music = folder / "music"
        _stage(music / "00", folder / "warm", run)
        list(map(Path.read_bytes, music.rglob("*.mid")))  # all read from memory
        taken: dict[str, list[float]] = {"floor": [], "one process": [], "workers": [], "hard link": []}
        for turn in range(TURNS):
            taken["floor"].append(_floor(music, folder / f"copy{turn}"))
            taken["one process"].append(_import(music, folder / f"one{turn}"))
            taken["workers"].append(_stage(music, folder / f"stage{turn}", run))
            taken["hard link"].append(_import(music, folder / f"linked{turn}", link=True))
        median = {what: statistics.median(seconds) for what, seconds in taken.items()}
    floor = median["floor"]
    what = f"import of {FILES:,} MIDI files"
    yield f"{what}, one process", median["one process"], floor, f"cp -r + sha256sum + symusic; {note}"
    yield f"{what}, the stage, {WORKERS} workers", median["workers"], floor, "the same floor; workers started before"
    yield f"{what} by hard link", median["hard link"], floor, "the same floor"


def _write_music(music: Path) -> str:
    """A thousand files of different content: real ones with a few notes moved, else music21's corpus's size."""
    import symusic

    rng = random.Random(SEED)
    real = sorted(MUSIC.rglob("*.mid"))
    sources = [path.read_bytes() for path in real] or [_scale().dumps_midi()]
    for number in range(FILES):
        score = symusic.Score.from_midi(sources[number % len(sources)])
        for track in score.tracks:
            for note in track.notes[:3]:
                note.velocity = rng.randrange(20, 120)
        path = music / f"{number % 40:02}" / f"{number}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(score.dumps_midi())
    size = sum(path.stat().st_size for path in music.rglob("*.mid")) / FILES / 1000
    return f"{'real music' if real else 'scales'}, {size:.0f} kB a file"


def _scale() -> object:
    import symusic

    score = symusic.Score(480)
    track = symusic.Track()
    track.notes.extend([symusic.Note(480 * beat, 400, 40 + beat % 48, 80) for beat in range(800)])
    score.tracks.append(track)
    return score


def _floor(music: Path, copy: Path) -> float:
    import symusic

    begun = time.perf_counter()
    subprocess.run(["cp", "-r", music, copy], check=True)
    subprocess.run(f"find {copy} -type f -print0 | xargs -0 sha256sum > /dev/null", shell=True, check=True)
    for path in copy.rglob("*.mid"):
        symusic.Score.from_file(path)
    return time.perf_counter() - begun


def _import(music: Path, folder: Path, link: bool = False) -> float:
    with _new_dataset(folder) as catalogue:
        begun = time.perf_counter()
        outcome = import_files(catalogue, [music], link=link)
        seconds = time.perf_counter() - begun
    assert len(outcome.imported) == FILES, outcome.words()
    return seconds


def _stage(music: Path, folder: Path, run: Run) -> float:
    with _new_dataset(folder) as catalogue:
        begun = time.perf_counter()
        outcome = import_music(catalogue, run, [music])
        seconds = time.perf_counter() - begun
    assert not outcome.failures, outcome.words
    return seconds


def _new_dataset(folder: Path) -> Catalogue:
    create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
    return Catalogue.open(folder / "bench")
