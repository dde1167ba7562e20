"""A dataset as it was: a copy of the catalogue, in which the events since then are taken back.

Labels and decisions are as they were, of the samples that were there then, and so are history, conflicts and opinions.
What no event tells is as it is now: features, splits, which files can't be read. Samples that have been removed since
do not come back.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from kelly_tui.errors import KellyError
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import connect_for_reading, explained
from kelly_tui.store.history import turn_conflict
from kelly_tui.store.schema import label_from_json
from kelly_tui.store.steps import Labels, write


class Past:
    """A dataset as of a moment, to be looked at; its copy lies in the system's temporary folder until `close`."""

    def __init__(self, root: Path | str, moment: datetime | int) -> None:
        """`moment`: a time, or the number of the last event that counts. Seconds at a million samples.

        Raises `DatasetError`, `KellyError` for a moment before the dataset.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="kelly-past-"))
        try:
            with Catalogue.open(root) as now:
                self._layout, self._config = now.layout, now.config
                self.moment = _moment(now, moment)
                """The time that it shows."""
                with explained(self._path), closing(sqlite3.connect(self._path, isolation_level=None)) as copy:
                    now.db.backup(copy)
                    copy.execute("PRAGMA foreign_keys = ON")
                    copy.execute("BEGIN")
                    _take_back(copy, moment if isinstance(moment, int) else None, stamp(self.moment))
                    copy.execute("COMMIT")
        except BaseException:
            self.close()
            raise

    @property
    def _path(self) -> Path:
        return self._folder / "catalogue.sqlite"

    def open(self) -> Catalogue:
        """The catalogue as it was. It can't be written; each thread opens its own."""
        return Catalogue(self._layout, self._config, connect_for_reading(self._path), None)

    def words(self) -> str:
        """``28 Nov 2026 14:00``, by the clock of this machine."""
        return f"{self.moment.astimezone():%-d %b %Y %H:%M}"

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_moment(text: str) -> datetime:
    """A time as a person writes it: ``2026-11-28T14:00``, of this machine's clock unless it says which; a day alone is
    its end. Raises `KellyError`.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        if len(text.strip()) == len("2026-11-28"):
            found = datetime.combine(found + timedelta(days=1), time(0))
        found.astimezone()  # as it will be said
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter where the calendar ends
        raise KellyError(f"{text!r} is no moment", hint="Write 2026-11-28T14:00, or 2026-11-28.") from None


def stamp(moment: datetime) -> str:
    """A moment as the catalogue writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(catalogue: Catalogue, moment: datetime | int) -> datetime:
    if isinstance(moment, int):
        row = catalogue.db.execute(
            "SELECT at FROM events JOIN steps USING (step) WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (moment,)
        ).fetchone()
        if row is None:
            raise KellyError(f"there is no event {moment}", hint="kelly history lists them.")
        return datetime.fromisoformat(row[0])
    began = catalogue.config.created_at
    if began and moment < datetime.fromisoformat(began).astimezone(UTC):
        raise KellyError(f"there was no dataset at {stamp(moment)}", hint=f"It was made at {began}.")
    return moment


def _take_back(db: sqlite3.Connection, last: int | None, at: str) -> None:
    """Take back every event after number `last`, or after the moment `at`."""
    if last is None:
        last = db.execute(
            "SELECT ifnull(max(seq), 0) FROM events JOIN steps USING (step) WHERE at <= ?", (at,)
        ).fetchone()[0]
    db.execute("DELETE FROM samples WHERE created_at > ?", (at,))
    first = db.execute(
        "SELECT sample_id, field, old, rev, min(seq) FROM events WHERE seq > ? GROUP BY sample_id, field", (last,)
    ).fetchall()
    for sample_id, changed in groupby(first, lambda row: row[0]):
        before = {field: (label_from_json(old), rev) for _, field, old, rev, _ in changed}
        now = Labels.find(db, sample_id, before)
        if now is None:
            continue
        rev = min(rev for _, rev in before.values()) - 1
        write(db, now._replace(rev=rev - 1), {field: old for field, (old, _) in before.items()}, at)
    db.execute("DELETE FROM events WHERE seq > ?", (last,))
    _take_back_steps(db, at)
    db.execute("DELETE FROM conflicts WHERE at > ?", (at,))
    for (conflict,) in db.execute("SELECT conflict FROM conflicts WHERE resolved_at > ?", (at,)).fetchall():
        turn_conflict(db, conflict, None)


def _take_back_steps(db: sqlite3.Connection, at: str) -> None:
    """Forget what came later, and which steps it undid or made again."""
    db.execute("DELETE FROM opinions WHERE at > ?", (at,))
    later = [step for (step,) in db.execute("SELECT step FROM steps WHERE at > ? ORDER BY step DESC", (at,))]
    turned = {
        target
        for (target,) in db.execute("SELECT target FROM steps WHERE at > ? AND target IS NOT NULL", (at,))
        if target is not None
    }
    for step in later:
        if not db.execute("SELECT 1 FROM events WHERE step = ?", (step,)).fetchone():
            db.execute("DELETE FROM opinions WHERE step = ?", (step,))
            db.execute("DELETE FROM steps WHERE step = ?", (step,))
    last = "SELECT kind FROM steps WHERE target = ? ORDER BY step DESC LIMIT 1"
    for target in turned:
        kind = db.execute(last, (target,)).fetchone()
        state = "undone" if kind == ("undo",) else "done"
        db.execute("UPDATE steps SET state = ? WHERE step = ?", (state, target))
