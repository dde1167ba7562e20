"""What was found out about a whole catalogue, kept until anything that it rests on is written.

Triggers forget it, whoever writes: this program, an older one, or a person with a shell of SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from kelly_tui.errors import DatasetError

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

_NAME = "unchanged"

RESTED_ON = (
    "samples", "features", "fingerprints", "issues", "opinions", "failures", "conflicts", "steps", "events",
)  # fmt: skip
"""Tables. Of the others nothing may be kept: what is in these has to be among the inputs."""


def forget_triggers() -> Iterator[tuple[str, str]]:
    """Name and SQL of each."""
    for table in RESTED_ON:
        for change in ("insert", "update", "delete"):
            name = f"forget_{table}_{change}"
            forget = f"DELETE FROM meta WHERE name = '{_NAME}'"
            yield name, f"CREATE TRIGGER {name} AFTER {change} ON {table} BEGIN {forget}; END"


def forgetting(db: sqlite3.Connection) -> Iterator[str]:
    """SQL of the triggers that this catalogue lacks."""
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    return (sql for name, sql in forget_triggers() if name not in there)


def kept(catalogue: Catalogue, inputs: str) -> bytes | None:
    """What was found with the same inputs, a line that stands for all that is no table; None where it is not known."""
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    before, _, found = row[0].partition("\n") if row else ("", "", "")
    return found.encode() if before == inputs else None


def keep(catalogue: Catalogue, inputs: str, found: bytes, version: int) -> None:
    """Keep it, unless another wrote since the catalogue's `data_version` was `version`, or nothing can be written."""
    with suppress(DatasetError), catalogue.writing() as db:
        if catalogue.data_version() == version:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NAME, f"{inputs}\n{found.decode()}"))
