"""What views say otherwise than the catalogue, by sample: of a million it is kept on the disk, not in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any

import msgspec

from kelly_tui.model.annotation import Value
from kelly_tui.store.merge import FieldMerge

_TABLES = (
    "CREATE TABLE seen (sample_id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE edited (sample_id TEXT PRIMARY KEY, taken TEXT, told TEXT, differs INTEGER) WITHOUT ROWID",
)


class Met:
    """Notes of one look at all views."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a file that nobody sees, gone with the connection
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("BEGIN")
        for table in _TABLES:
            self._db.execute(table)

    def begin_again(self) -> None:
        """Forget which rows were seen."""
        self._db.execute("DELETE FROM seen")

    def is_second(self, sample_id: str) -> bool:
        """Whether a row of that sample was seen before."""
        return self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (sample_id,)).rowcount == 0

    def note(self, sample_id: str, merged: FieldMerge, *, is_own_file: bool) -> None:
        """Note what a view says of a sample; `is_own_file`: its annotation file does, which tells more than a row."""
        taken, told, differs = self._of(sample_id)
        theirs = {name: both.theirs for name, both in merged.conflicts.items()}
        taken |= merged.taken
        if is_own_file:
            told |= {**merged.taken, **theirs}
        row = (sample_id, _json(taken), _json(told), bool(differs or merged.taken or merged.conflicts))
        self._db.execute("INSERT OR REPLACE INTO edited VALUES (?, ?, ?, ?)", row)

    @property
    def samples(self) -> int:
        """Of how many samples any view says otherwise."""
        return int(self._db.execute("SELECT count(*) FROM edited WHERE differs").fetchone()[0])

    def taken(self, sample_id: str) -> Collection[str]:
        """The fields of a sample that only views changed."""
        return self._of(sample_id)[0].keys()

    def told(self, sample_id: str) -> dict[str, Value | None]:
        """What a sample's own file says otherwise."""
        return self._of(sample_id)[1]

    def _of(self, sample_id: str) -> tuple[dict[str, Any], dict[str, Any], bool]:
        row = self._db.execute("SELECT taken, told, differs FROM edited WHERE sample_id = ?", (sample_id,)).fetchone()
        return ({}, {}, False) if row is None else (msgspec.json.decode(row[0]), msgspec.json.decode(row[1]), row[2])


def _json(values: dict[str, Any]) -> str:
    return msgspec.json.encode(values).decode()
