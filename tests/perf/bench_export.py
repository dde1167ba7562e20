"""Exports beside a plain copy of the same music and features, and the memory that they take."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.layout import create_dataset_structure

MOST, ENOUGH = 100_000, 20_000
"""Samples: at most so many are made where that is asked for, and so many of the usual million."""

FORMATS = ("jsonl", "webdataset", "parquet", "jams")
MUSIC, FEATURES = 6_000, 9_000
"""Bytes of a sample's MIDI, and of its features: about those of 30 seconds of piano."""

SEED = 9

_EXPORT = """
import resource, sys
import kelly_tui
outcome = kelly_tui.export_dataset(sys.argv[1], sys.argv[2], sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, outcome.done)
"""


class Turn(NamedTuple):
    """What one copy or export took, in processes of its own."""

    seconds: float
    cpu: float
    """Seconds, of the program and the kernel."""
    memory: int = 0
    """MB at most."""


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, those of ``cp -r`` and a flush, a note): at `n` samples, and the memory at a tenth.

    Before and after each export the same bytes are copied: what else the disk does strikes both.
    """
    n = n if n <= MOST else ENOUGH
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        small, large = (_dataset(folder / f"of {number}", number) for number in (n // 10, n))
        _copy(small, folder / "warm")
        before = _copy(large, folder / "copy")
        for kind in FORMATS:
            little = _export(small, kind, folder / "little", n // 10)
            much = _export(large, kind, folder / "much", n)
            after = _copy(large, folder / "copy")
            cpu = (before.cpu + after.cpu) / 2
            note = f"cp -r + sync of {n * (MUSIC + FEATURES) / 1e6:,.0f} MB; CPU {much.cpu:.1f} s beside {cpu:.1f} s; "
            note += f"memory {little.memory} MB at {n // 10:,}, {much.memory} MB"
            yield f"export of {n:,} samples as {kind}", much.seconds, (before.seconds + after.seconds) / 2, note
            before = after


def _copy(root: Path, to: Path) -> Turn:
    """raw/ and processed/features/, to the disk; then they are removed."""
    to.mkdir()
    parts = [["cp", "-r", root / part, to] for part in ("raw", "processed")]
    taken, _ = _timed([*parts, ["sync", "-f", to]])
    shutil.rmtree(to)
    return taken


def _export(root: Path, format: str, to: Path, samples: int) -> Turn:
    """An export of all `samples`, which is removed then; the start of the program is in it."""
    taken, said = _timed([[sys.executable, "-c", _EXPORT, root, format, to]])
    shutil.rmtree(to)
    memory, done = map(int, said.split())
    assert done == samples
    return taken._replace(memory=memory // 1024)


def _timed(commands: list[list[str | Path]]) -> tuple[Turn, str]:
    """What they took, one after the other, and what the last one printed."""
    began, before, said = time.perf_counter(), _cpu(), ""
    for command in commands:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Turn(time.perf_counter() - began, _cpu() - before), said


def _cpu() -> float:
    """Seconds of all processes that this one waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _dataset(folder: Path, n: int) -> Path:
    """`n` samples in order, split, with features; their bytes are no music, which nobody asks of an export."""
    folder.mkdir()
    config = DatasetConfig(dataset_id="songs", license="CC0-1.0", created_at="2026")
    create_dataset_structure(folder, config)
    root, rng = folder / "songs", random.Random(SEED)
    with Catalogue.open(root) as catalogue:
        numbers = iter(range(n))
        while some := list(islice(numbers, 5_000)):
            samples = [_sample(root, number, rng) for number in some]
            catalogue.add(samples)
            catalogue.put_features(
                FeatureRow(one.sample_id, "key", one.features_path or "", 30.0,
                           array("f", [rng.random() for _ in range(117)]).tolist(), {"note_count": 300})
                for one in samples
            )  # fmt: skip
    kelly_tui.split_dataset(root)
    return root


def _sample(root: Path, number: int, rng: random.Random) -> Sample:
    music = rng.randbytes(MUSIC)
    digest = hashlib.sha256(music).hexdigest()
    sample = Sample(
        sample_id=digest[:16], file_path=f"raw/midi/{number // 1000:03}/song {number}.mid", file_type="midi",
        sha256=digest, file_size_bytes=len(music), duration_sec=30.0, license="CC0-1.0",
        features_path=f"processed/features/{digest[:2]}/{digest[:16]}.json",
        labels={
            "emotion": Label(rng.choice(EMOTIONS), "folder", "folder"),
            "key": Label(rng.choice(KEYS), "detector", "kelly key 3", confidence=0.9),
            "chord_progression": Label(["C", "Am", "F", "G7"] * 5, "detector", "kelly chords 2", confidence=0.8),
            "velocity_curve": Label([64] * 32, "detector", "kelly dynamics 1", confidence=0.9),
        },
    )  # fmt: skip
    features = json.dumps({"onset_times": [rng.random() for _ in range(FEATURES // 20)]}).encode()
    for path, data in ((root / sample.file_path, music), (root / str(sample.features_path), features)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return sample
