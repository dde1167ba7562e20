"""What makes a file of SQLite a catalogue: tables that are all there, rows that say something, and nothing else's code.

A trigger, a view or an expression of a stranger's would run with each label that is given or each row that is read.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from functools import cache
from itertools import starmap
from pathlib import Path

import msgspec

from kelly_tui.model.sample import MOST, Sample
from kelly_tui.store import migrations, schema
from kelly_tui.store.damage import Damaged, is_damage, is_of_another_form
from kelly_tui.store.plain_sql import is_plain
from kelly_tui.store.unchanged import forget_triggers

_TRIGGER = re.compile(r"CREATE TRIGGER (?:IF NOT EXISTS )?((\w+).*?\bEND);", re.DOTALL)


@cache
def _tables() -> frozenset[str]:
    return frozenset(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", schema.TABLES))


@cache
def _triggers() -> dict[str, str]:
    """By name the SQL of the triggers, as SQLite keeps it, but of those that count.

    One whose text changes has to be dropped by a migration: a catalogue in which it is another's is none of ours.
    """
    own = {name: f"CREATE TRIGGER {text}" for text, name in _TRIGGER.findall(schema.TABLES)}
    return own | dict(forget_triggers())


@cache
def _columns() -> dict[str, dict[str, str]]:
    """Those of each table that are stored, with their type."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(schema.TABLES)
        tables = {table: db.execute(f"PRAGMA table_info({table})").fetchall() for table in _tables()}
    return {table: {name: kind for _, name, kind, *_ in columns} for table, columns in tables.items()}


def check_schema(db: sqlite3.Connection) -> None:
    """Raises `Damaged` where tables are missing, or triggers, views, modules or expressions are there of another's.

    The triggers that count are looked at by `kelly_tui.store.counters.installed`: they follow the configuration.
    """
    db.execute("BEGIN")  # another may just be making the tables
    try:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        is_own = is_all_own(db)
        version = db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    lacking = version == migrations.VERSION and not tables >= _tables()
    if lacking or (tables and not version) or not is_own:
        raise Damaged("no catalogue of Kelly's")


def is_all_own(db: sqlite3.Connection) -> bool:
    """Whether nothing in it can run code but what Kelly made."""
    return all(starmap(_is_own, db.execute("SELECT type, name, sql FROM sqlite_master")))


def _is_own(kind: str, name: str, sql: str | None) -> bool:
    if kind == "trigger":
        return name.startswith("count_") or _triggers().get(name) == sql
    return kind in ("table", "index") and (sql is None or (not sql.startswith("CREATE VIRTUAL") and is_plain(sql)))


def is_whole(path: Path) -> bool:
    """Read all of a catalogue: some seconds for 100,000 samples."""
    from kelly_tui.store.connection import connect  # late: it looks at what it connects to

    try:
        with closing(connect(path)) as db:
            check_schema(db)
            if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                return False
            return db.execute("PRAGMA user_version").fetchone()[0] != migrations.VERSION or _is_readable(db)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return False


_JSON = {
    "events": ("old", "new"),
    "conflicts": ("base", "ours", "theirs"),
    "features": ("columns",),
    "runs": ("details",),
    "suggestions": ("said",),
    "opinions": ("value",),
}
"""Columns that are decoded when they are asked for."""

_WRONG = (
    "SELECT 1 FROM counts WHERE facet = 'state' AND NOT json_valid(value)",
    "SELECT 1 FROM meta WHERE name <> 'unchanged' AND value GLOB '[[{]*' AND NOT json_valid(value)",
    "SELECT 1 FROM steps WHERE julianday(at) IS NULL",
)
"""What finds more that can't be."""

_TYPES = {"TEXT": "'text'", "INTEGER": "'integer'", "REAL": "'real'", "BLOB": "'blob'"}


def _is_readable(db: sqlite3.Connection) -> bool:
    """Whether every column is there, and what they hold is text, JSON or samples where it has to be."""
    wrong = list(_WRONG)
    for table, columns in _columns().items():
        others = " OR ".join(f"typeof({name}) NOT IN ('null', {_TYPES[kind]})" for name, kind in columns.items())
        wrong.append(f"SELECT 1 FROM {table} WHERE {others}")
    for table, decoded in _JSON.items():
        others = " OR ".join(f"{column} IS NOT NULL AND NOT json_valid({column})" for column in decoded)
        wrong.append(f"SELECT 1 FROM {table} WHERE {others}")
    try:
        for table, columns in _columns().items():
            for _ in db.execute(f"SELECT {', '.join(columns)} FROM {table}"):  # each text is decoded
                pass
        return are_samples(db) and not any(db.execute(one).fetchone() for one in wrong)
    except sqlite3.OperationalError as error:
        if not is_of_another_form(error):
            raise
        return False


def are_samples(db: sqlite3.Connection) -> bool:
    """Whether every row of samples is what a sample can be. Raises `sqlite3.DatabaseError`."""
    try:
        for row in db.execute(f"SELECT {schema.COLUMNS} FROM samples NOT INDEXED"):
            sample = msgspec.convert(msgspec.structs.asdict(schema.from_row(row)), Sample)
            if not all(0 <= (getattr(sample, name) or 0) <= most for name, most in MOST.items()):
                return False
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def as_damage(error: Exception, catalogue_path: Path) -> Exception:
    """`Damaged`, where an error that nobody foresaw comes of a catalogue that is no longer whole; else the error."""
    if isinstance(error, sqlite3.DatabaseError) and not is_of_another_form(error):
        return error
    with suppress(sqlite3.Error, OSError):
        if catalogue_path.exists() and not is_whole(catalogue_path):
            return Damaged(str(error))
    return error
