"""A command that meets a catalogue in which nothing can be: it says so in a line, and the next one finds it mended."""

import sqlite3
from contextlib import closing

import pytest


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ("UPDATE samples SET duration_sec = 9e999", "stats"),
        ("UPDATE samples SET sample_id = x'ff00' WHERE rowid = 1", "list"),
        ("DROP TABLE counts", "stats"),
    ],
)
def test_damage_is_no_fault_of_kelly(kelly, labelled, change, command):
    with closing(sqlite3.connect(labelled / ".kelly/catalogue.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(change)
    first, second = kelly(command, "d"), kelly(command, "d")
    if first.code:
        assert first.code == 2
        assert "the catalogue is damaged" in first.err
        assert first.err.count("\n") == 1
    assert second.code == 0, second.err
    assert "made anew" in first.err + second.err
