"""Exports beside a plain copy of the same music and features, and the memory that they take."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.layout import create_dataset_structure

MOST = 20_000
"""Samples; more would only take longer."""

FORMATS = ("jsonl", "webdataset", "parquet", "jams")
MUSIC, FEATURES = 6_000, 9_000
"""Bytes of a sample's MIDI, and of its features: about those of 30 seconds of piano."""

SEED = 9

_EXPORT = """
import resource, sys, time
import kelly_tui
began = time.perf_counter()
outcome = kelly_tui.export_dataset(sys.argv[1], sys.argv[2], sys.argv[3])
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, outcome.done)
"""


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, those of ``cp -r`` and a flush, a note): at `n` samples, at most `MOST`, and at a tenth."""
    n = min(n, MOST)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)
        small, large = (_dataset(folder / f"of {number}", number) for number in (n // 10, n))
        _copy(small, folder / "warm")
        floors = [_copy(large, folder / "copy")]
        seconds: dict[str, tuple[float, int, int]] = {}
        for kind in FORMATS:
            _, little, _ = _export(small, kind, folder / "little")
            taken, most, done = _export(large, kind, folder / "much")
            seconds[kind] = taken, little, most
            assert done == n
            floors.append(_copy(large, folder / "copy"))
        floor = statistics.median(floors)
    size = n * (MUSIC + FEATURES) / 1e6
    for kind, (taken, little, most) in seconds.items():
        note = f"cp -r + sync of {size:,.0f} MB; memory {little // 1024} MB at {n // 10:,}, {most // 1024} MB"
        yield f"export of {n:,} samples as {kind}", taken, floor, note


def _copy(root: Path, to: Path) -> float:
    """Seconds for raw/ and processed/features/, to the disk; then they are removed."""
    to.mkdir()
    began = time.perf_counter()
    for part in ("raw", "processed"):
        subprocess.run(["cp", "-r", root / part, to], check=True)
    subprocess.run(["sync", "-f", to], check=True)
    taken = time.perf_counter() - began
    shutil.rmtree(to)
    return taken


def _export(root: Path, format: str, to: Path) -> tuple[float, int, int]:
    """(seconds, peak memory in kB, samples), in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _EXPORT, root, format, to], check=True, capture_output=True, text=True
    ).stdout.split()
    shutil.rmtree(to)
    return float(done[0]), int(done[1]), int(done[2])


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
