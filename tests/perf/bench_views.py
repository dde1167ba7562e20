"""Views of a large dataset: the manifest, annotation files, splits; seconds, and memory that must not grow."""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS, KEYS
from kelly_tui.model.sample import Sample
from kelly_tui.store import counters, schema
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure

ANNOTATED = 10_000


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our seconds, the floor's seconds, a note) for a dataset of `n` samples."""
    from kelly_tui.store import splits, views  # here: numpy is not counted as memory of the manifest

    with tempfile.TemporaryDirectory() as folder:
        create_dataset_structure(Path(folder), DatasetConfig(dataset_id="bench"))
        with Catalogue.open(Path(folder) / "bench") as catalogue:
            _fill(catalogue, n)
            path = catalogue.layout.manifest_path
            with _Memory() as memory:
                begun = time.perf_counter()
                views.write_manifest(catalogue)
                ours = time.perf_counter() - begun
            size = path.stat().st_size
            note = f"{size / 1e6:.0f} MB; memory grew by {memory.grown / 1e6:.0f} MB (goal under 200)"
            yield f"manifest of {n:,} samples", ours, _write(Path(folder) / "same", path), f"the bytes alone; {note}"

            begun = time.perf_counter()
            views.export_annotations(catalogue, limit=ANNOTATED)
            ours = time.perf_counter() - begun
            files = [file.read_bytes() for file in catalogue.layout.annotations.rglob("*.json")]
            floor = _write_files(Path(folder) / "files", files)
            yield f"{len(files):,} annotation files", ours, floor, "the files alone, one sync"

            members = splits.members(catalogue)
            begun = time.perf_counter()
            found = splits.assign(members, (0.8, 0.1, 0.1))
            yield f"splits of {n:,} samples decided", time.perf_counter() - begun, 0.0, f"{found.groups:,} groups"


def _fill(catalogue: Catalogue, n: int) -> None:
    """Roots with nine variants each. Counts are of no interest here: their triggers are left out while filling."""
    with catalogue.writing() as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            if name.startswith("count_"):
                db.execute(f"DROP TRIGGER {name}")
        db.executemany(schema.INSERT, map(schema.to_row, _samples(n)))
        counters.install(db, catalogue.config)


def _samples(n: int) -> Iterator[Sample]:
    at = "2026-01-01T00:00:00.000Z"
    root = ""
    for number in range(n):
        sha256 = hashlib.sha256(b"%d" % number).hexdigest()
        variant = number % 10 != 0
        root = root if variant else sha256[:16]
        source = "inherited" if variant else "folder"
        values = {"emotion": EMOTIONS[number // 10 % 8], "key": KEYS[number % 12], "mode": "minor", "tempo_bpm": 99.5}
        yield Sample(
            sample_id=sha256[:16],
            file_path=f"processed/augmented/midi/{number}.mid" if variant else f"raw/midi/happy/{number}.mid",
            file_type="midi",
            sha256=sha256,
            file_size_bytes=12345,
            duration_sec=31.25,
            created_at=at,
            modified_at=at,
            source=None if variant else f"happy/{number}.mid",
            parent_id=root if variant else None,
            augmentation_type="transpose" if variant else None,
            augmentation={"transpose": 3, "seed": number} if variant else None,
            root_id=root,
            labels={name: Label(value, source, "bench", at) for name, value in values.items()},
        )


class _Memory:
    """How far the resident memory of this process rose above what it was."""

    def __enter__(self) -> _Memory:
        self.before = self.peak = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, _resident())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def grown(self) -> int:
        return self.peak - self.before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _write(target: Path, source: Path) -> float:
    blocks = []
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            blocks.append(block)
    begun = time.perf_counter()
    with target.open("wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - begun


def _write_files(folder: Path, files: list[bytes]) -> float:
    for shard in range(256):
        (folder / f"{shard:02x}").mkdir(parents=True)
    begun = time.perf_counter()
    for number, data in enumerate(files):
        (folder / f"{number % 256:02x}" / f"{number}.json").write_bytes(data)
    os.sync()
    return time.perf_counter() - begun
