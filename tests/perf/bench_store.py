"""The catalogue: what a key press waits for, what a list of a million costs."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kelly_tui.model import labels
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.paths import PROJECT
from kelly_tui.store import history, query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure

Figure = tuple[str, float, float, str]


def rows(n: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=PROJECT / "datasets") as folder:  # on the disk of datasets, not in memory
        create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
        with Catalogue.open(Path(folder) / "bench") as catalogue:
            yield from measure(catalogue, Path(folder), n)


def measure(catalogue: Catalogue, folder: Path, n: int) -> Iterator[Figure]:
    begun = time.perf_counter()
    made = list(samples(min(n, 20_000)))
    making = (time.perf_counter() - begun) / len(made)
    catalogue.add(made)
    begun = time.perf_counter()
    catalogue.add(samples(n, first=len(made)))
    adding = (time.perf_counter() - begun) / max(1, n - len(made)) - making
    yield (
        "add a sample with seven labels",
        max(adding, 0.0),
        _bare_insert(folder, made),
        f"to {n:,}; floor: bare INSERT",
    )

    ids = random.Random(1).sample([one.sample_id for one in made], min(400, len(made)))
    edits, floors, scores = [], [], []
    with (folder / "floor").open("ab") as file:
        for number, sample_id in enumerate(ids):  # in turns, so that both meet the same disk
            label = Label(labels.EMOTIONS[number % 8])
            edits.append(_seconds(lambda: history.edit(catalogue, [Edit(sample_id, "emotion", label)], by="bench")))  # noqa: B023
            scores.append(_seconds(catalogue.counts))
            file.write(bytes(4096 * 6))  # what an edit logs, about
            file.flush()
            floors.append(_seconds(lambda: os.fdatasync(file.fileno())))
    edit, floor = statistics.median(edits), statistics.median(floors)
    yield "edit to durable, median", edit, floor, f"{(edit - floor) * 1e3:+.2f} ms over a bare fdatasync"
    yield "edit to durable, 95 %", _share(edits, 0.95), _share(floors, 0.95), "checkpoints included"
    yield "all counts after an edit, median", statistics.median(scores), 0.0, "goal 5 ms"
    yield "undo", _best(lambda: history.undo(catalogue, "bench"), 5), floor, ""

    everything = query.Query()
    order = query.order(catalogue, everything, "path")
    middle = order[len(order) // 2]
    by_hand = "SELECT * FROM samples WHERE rowid > ? LIMIT 50"
    page = _best(lambda: query.page(catalogue, everything, "path", after=middle))
    yield "page of 50 in the middle", page, _best(lambda: catalogue.db.execute(by_hand, (middle,)).fetchall()), \
        "floor: 50 whole rows in table order"  # fmt: skip
    shown = order[1000:1050]
    yield "50 rows by number", _best(lambda: query.rows(catalogue, shown)), 0.0, ""
    scan = _best(lambda: catalogue.db.execute("SELECT rowid FROM samples ORDER BY file_path").fetchall(), 3)
    yield (
        "order of all by path",
        _best(lambda: query.order(catalogue, everything, "path"), 3),
        scan,
        "floor: the SELECT",
    )
    yield (
        "order of all by tempo",
        _best(lambda: query.order(catalogue, everything, "-bpm"), 2),
        scan,
        "sorted, no index",
    )
    for text in ("emotion:sad bpm:80..100 -is:verified", "rain"):
        found = query.parse(text, catalogue.config)
        yield f"first rows of {text}", _first_rows(catalogue, found), scan, "goal 150 ms"
        yield f"filter {text}", _best(lambda: query.order(catalogue, found), 2), scan, ""  # noqa: B023

    yield from _rare(catalogue, n, scan)


def _rare(catalogue: Catalogue, n: int, scan: float) -> Iterator[Figure]:
    """Ten of all, spread, at the very end, and none."""
    for where, rowids in {
        "spread": range(n // 20, n, max(n // 10, 1)),
        "last": range(n - 9, n + 1),
        "none": (),
    }.items():
        with catalogue.writing() as db:
            db.execute("UPDATE samples SET decision = 'pending' WHERE decision = 'flagged'")
            db.executemany("UPDATE samples SET decision = 'flagged' WHERE rowid = ?", [(rowid,) for rowid in rowids])
        found = query.parse("is:flagged", catalogue.config)
        yield f"first rows of ten of {n:,}, {where}", _first_rows(catalogue, found), scan, "goal 150 ms"


def _first_rows(catalogue: Catalogue, found: query.Query) -> float:
    """Seconds until the first are told of, best of five; until it is known that there are none."""
    times = []
    for _ in range(5):
        told: list[float] = []
        begun = time.perf_counter()
        query.order(catalogue, found, "added", lambda _: told.append(time.perf_counter()))  # noqa: B023
        times.append((told or [time.perf_counter()])[0] - begun)
    return min(times)


def samples(n: int, first: int = 0) -> Iterator[Sample]:
    """Samples as `extract` leaves them: seven labels, one of them a person's on every third."""
    chance = random.Random(first)
    for number in range(first, n):
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        name = f"{number % 100}/piece number {number}.mid"
        said = {
            "key": Label(chance.choice(labels.KEYS), "detector", "kelly key 1", confidence=0.7),
            "mode": Label(chance.choice(labels.MODES), "detector", "kelly key 1", confidence=0.7),
            "tempo_bpm": Label(chance.uniform(50, 200), "detector", "kelly tempo 1", confidence=0.9),
            "time_signature": Label("4/4", "detector", "kelly tempo 1", confidence=0.9),
            "velocity_curve": Label([64] * 32, "detector", "kelly dynamics 1", confidence=0.9),
            "chord_progression": Label(["C", "G", "Am", "F"] * 4, "detector", "kelly chords 1", confidence=0.5),
        }
        if number % 3 == 0:
            said["emotion"] = Label(chance.choice(labels.EMOTIONS), "folder", "folder")
        yield Sample(
            sample_id=digest[:16], file_path=f"raw/midi/{name}", file_type="midi", sha256=digest, source=name,
            file_size_bytes=1000 + number % 5000, duration_sec=chance.uniform(1, 300), labels=said,
            created_at="2026-08-01T00:00:00.000Z",
        )  # fmt: skip


def _bare_insert(folder: Path, made: list[Sample]) -> float:
    """A row of the same size into a table without indexes, triggers or log."""
    db = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    db.execute("CREATE TABLE samples (sample_id TEXT PRIMARY KEY, file_path TEXT, rest TEXT)")
    filling = "x" * 900
    begun = time.perf_counter()
    db.execute("BEGIN")
    db.executemany("INSERT INTO samples VALUES (?, ?, ?)", ((one.sample_id, one.file_path, filling) for one in made))
    db.execute("COMMIT")
    db.close()
    return (time.perf_counter() - begun) / len(made)


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _best(act: Callable[[], object], times: int = 20) -> float:
    return min(_seconds(act) for _ in range(times))


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]
