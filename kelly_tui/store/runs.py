"""When each stage ran, how that ended, and whether one is running now.

A run is a row from its first moment on. One stage at a time works on a dataset: it holds the lock of
`.kelly/stage.lock`, which the system lets go of however the process ends. So a row without an end is a stage that runs
if the lock is held, and one that died if it is not.

One at a time because each takes all cores as it is, because what one makes is what the next has to do, and because the
order in which samples come decides the bytes of the views.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from kelly_tui.errors import StageAtWork
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout, disk_errors, utc_now
from kelly_tui.text import json_of, storable

_LOCK = "stage.lock"
_STEP, _SAMPLE = "step", "sample"
_LOOKS = 20
"""How often, a hundredth of a second apart, a held lock is tried: one who only looks at it holds it for a moment."""


class Record(NamedTuple):
    """One run of a stage."""

    run: int
    stage: str
    pid: int
    began: str
    ended: str | None
    """None while it runs, and where its process died."""
    how: str
    """``running`` ``done`` ``stopped`` (by a person) ``could not`` (be carried out) ``died`` (without a word)."""
    done: int
    skipped: int
    """Items that had their result already."""
    failed: int
    words: str
    """What it said at its end, on one line."""
    details: dict[str, Any]
    """What it was asked to do, and what else is worth keeping."""

    @property
    def since(self) -> str:
        """When it began, for a person."""
        return clock_time(self.began)

    @property
    def step(self) -> int | None:
        """The last step of the history when it began, which tells what came later when the clock was set back."""
        step: int | None = self.details.get(_STEP)
        return step

    @property
    def sample(self) -> int | None:
        """The rowid of the last sample that there was when it began, for the same reason."""
        sample: int | None = self.details.get(_SAMPLE)
        return sample


def clock_time(at: str) -> str:
    """``14:02`` of this day, ``21 Nov 14:02`` of another; local time of an ISO 8601 moment."""
    moment = datetime.fromisoformat(at).astimezone()
    return f"{moment:%H:%M}" if moment.date() == datetime.now().astimezone().date() else f"{moment:%d %b %H:%M}"


@dataclass
class Ending:
    """What is to be said of a run when it ends."""

    how: str = "done"
    done: int = 0
    skipped: int = 0
    failed: int = 0
    words: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def begin(catalogue: Catalogue, stage: str, details: Mapping[str, Any]) -> int:
    """Note that a stage begins; the number of its run."""
    with catalogue.writing() as db:
        (sample,) = db.execute("SELECT ifnull(max(rowid), 0) FROM samples").fetchone()
        said = {**details, _STEP: last_step(catalogue), _SAMPLE: sample}
        row = (stage, os.getpid(), utc_now(), json_of(said).decode())
        number = db.execute("INSERT INTO runs (stage, pid, began, details) VALUES (?, ?, ?, ?)", row).lastrowid
    assert number is not None
    return number


def end(catalogue: Catalogue, run: int, ending: Ending) -> None:
    """Note how a run ended."""
    with catalogue.writing() as db:
        db.execute(
            "UPDATE runs SET ended = ?, how = ?, done = ?, skipped = ?, failed = ?, words = ?,"
            " details = json_patch(details, ?) WHERE run = ?",
            (utc_now(), ending.how, ending.done, ending.skipped, ending.failed, storable(ending.words),
             json_of(ending.details).decode(), run),
        )  # fmt: skip


def last_step(catalogue: Catalogue) -> int:
    """The number of the last step of the history; 0 before the first."""
    return int(catalogue.db.execute("SELECT ifnull(max(step), 0) FROM steps").fetchone()[0])


def note(catalogue: Catalogue, stage: str, began: str, step: int, ending: Ending) -> None:
    """Note a run that is over already, begun after `step`: of a stage that needs no turn, since it only looks."""
    with catalogue.writing() as db:
        details = msgspec.json.encode({_STEP: step}).decode()
        row = (stage, os.getpid(), began, utc_now(), ending.how, ending.done, ending.failed, ending.words, details)
        db.execute(
            "INSERT INTO runs (stage, pid, began, ended, how, done, failed, words, details)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def latest(db: sqlite3.Connection) -> dict[str, Record]:
    """The last run of each stage. Empty for a catalogue that can't be written and is older than the table."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone() is None:
        return {}
    rows = db.execute(f"SELECT {_COLUMNS} FROM runs WHERE run IN (SELECT max(run) FROM runs GROUP BY stage)")
    return {record.stage: record for record in map(_record, rows)}


_COLUMNS = "run, stage, pid, began, ended, how, done, skipped, failed, words, details"


def _record(row: tuple[Any, ...]) -> Record:
    *plain, details = row
    return Record._make((*plain, msgspec.json.decode(details)))


class At(NamedTuple):
    """A stage at work, as it tells whoever looks: see `Turn.tell`."""

    stage: str
    pid: int
    began: str
    progress: dict[str, Any]
    """How far it is: the fields of the pipeline's `Progress`; empty at first."""

    @property
    def since(self) -> str:
        """When it began, for a person."""
        return clock_time(self.began)

    def __str__(self) -> str:
        return f"{self.stage} is running on this dataset already (process {self.pid}, since {self.since})"


class Turn:
    """The right to work on a dataset, held by one process until it lets go or ends."""

    def __init__(self, layout: Layout) -> None:
        """Take it. Raises `StageAtWork` naming who has it."""
        path = layout.catalogue_dir / _LOCK
        self._began = utc_now()
        with disk_errors(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if not self._take():
            os.close(self._file)
            at = at_work(layout)
            what = str(at) if at is not None else "a stage is starting on this dataset right now"
            raise StageAtWork(what, path=layout.root, hint="Wait for it or stop it.")
        self.tell("a stage", {})

    def _take(self) -> bool:
        for _ in range(_LOOKS):
            with suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.01)
        return False

    def tell(self, stage: str, progress: Mapping[str, Any]) -> None:
        """Say what is being done and how far it is. Not durable, and a hundred times cheaper than the catalogue."""
        said = msgspec.json.encode(At(stage, os.getpid(), self._began, dict(progress)))
        with suppress(OSError):  # a full disk: what can't be told now will be told later
            os.pwrite(self._file, said, 0)
            os.ftruncate(self._file, len(said))

    def close(self) -> None:
        os.close(self._file)


def at_work(layout: Layout) -> At | None:
    """The stage that some process is at on this dataset right now, if any."""
    try:
        file = os.open(layout.catalogue_dir / _LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _said(os.pread(file, 1 << 16, 0))
    finally:
        os.close(file)


def _said(said: bytes) -> At:
    try:
        return msgspec.json.decode(said, type=At)
    except msgspec.DecodeError:  # it was being written
        return At("a stage", 0, utc_now(), {})


def bury(catalogue: Catalogue) -> list[Record]:
    """Note that the runs without an end died, and return them. Only who has the `Turn` can know."""
    rows = catalogue.db.execute(f"SELECT {_COLUMNS} FROM runs WHERE how = 'running' ORDER BY run")
    dead = [_record(row) for row in rows]
    if dead:
        with catalogue.writing() as db:
            db.execute("UPDATE runs SET how = 'died' WHERE how = 'running'")
    return dead
