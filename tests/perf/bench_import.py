"""Import of MIDI files, beside the least that could be done with them: copy, hash, parse."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import import_files
from kelly_tui.store.layout import create_dataset_structure

FILES = 1000
SEED = 20
MUSIC = Path(__file__).parents[3] / "shared" / "music"


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's seconds, a note) for a thousand files, whatever `n`."""
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music"
        note = _write_music(music)
        list(map(Path.read_bytes, music.rglob("*.mid")))  # both read from memory
        floor = min(_floor(music, Path(folder) / f"copy{turn}") for turn in range(2))
        ours = min(_import(music, Path(folder) / f"in{turn}") for turn in range(2))
        yield f"import of {FILES:,} MIDI files, one process", ours, floor, f"cp -r + sha256sum + symusic; {note}"
        linked = _import(music, Path(folder) / "linked", link=True)
        yield f"import of {FILES:,} MIDI files by hard link", linked, floor, "the same floor"


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
    create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
    with Catalogue.open(folder / "bench") as catalogue:
        begun = time.perf_counter()
        outcome = import_files(catalogue, [music], link=link)
        seconds = time.perf_counter() - begun
    assert len(outcome.imported) == FILES, outcome.words()
    shutil.rmtree(folder)
    return seconds
