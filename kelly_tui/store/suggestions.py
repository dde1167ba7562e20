"""What the features of samples suggest, beside their labels: a table of its own, made anew whenever that changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from kelly_tui.model.suggestion import Suggestion

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

_AT_ONCE = 1000
"""Rows in one transaction: some 10 ms."""
_LAST = 2**63 - 1
"""The greatest rowid that there can be."""

_SAID = "SELECT samples.rowid, said, refused FROM suggestions JOIN samples ON samples.rowid = sample"
_PUT = "INSERT OR REPLACE INTO suggestions SELECT rowid, ?2, ?3, ?4, ?5, ?6 FROM samples WHERE rowid = ?1"
"""Nothing where the sample has gone since its features were read."""

_decode = msgspec.json.Decoder(Suggestion).decode
_encode = msgspec.json.Encoder().encode


def suggestion(catalogue: Catalogue, sample_id: str) -> Suggestion | None:
    """What is suggested for a sample, but for what was refused; None where its features have not been asked."""
    found = catalogue.db.execute(f"{_SAID} WHERE sample_id = ?", (sample_id,)).fetchone()
    return None if found is None else _offered(*found[1:])


def offer_again(db: sqlite3.Connection, sample_id: str) -> None:
    """Let lists and filters know what is offered of a suggestion, after something was refused or that was undone."""
    for rowid, said, refused in db.execute(f"{_SAID} WHERE sample_id = ?", (sample_id,)).fetchall():
        db.execute(_PUT, _row(rowid, _offered(said, refused), said))


def _offered(said: str, refused: str | None) -> Suggestion:
    return _decode(said).without(msgspec.json.decode(refused) if refused else ())


def replace_suggestions(catalogue: Catalogue, wanted: Iterable[tuple[int, Suggestion]]) -> int:
    """Have these suggestions, by ascending rowid, and no others; how many differ from before.

    They are taken as they come, and written some at a time.
    """
    rest, first, changed = iter(wanted), 0, 0
    while chunk := dict(islice(rest, _AT_ONCE)):
        changed += _replace_some(catalogue, chunk, first, max(chunk))
        first = max(chunk) + 1
    return changed + _replace_some(catalogue, {}, first, _LAST)


def _replace_some(catalogue: Catalogue, wanted: Mapping[int, Suggestion], first: int, last: int) -> int:
    """The same of the rowids from `first` to `last`; at most `_AT_ONCE` are wanted."""
    there = catalogue.db.execute("SELECT sample, said FROM suggestions WHERE sample BETWEEN ? AND ?", (first, last))
    said = {rowid: _encode(one).decode() for rowid, one in wanted.items()}
    news, gone = set(said), []
    for rowid, text in there:
        if rowid not in said:
            gone.append(rowid)
        elif said[rowid] == text:
            news.remove(rowid)
    for chunk in _chunks(gone):
        with catalogue.writing() as db:
            db.executemany("DELETE FROM suggestions WHERE sample = ?", ((rowid,) for rowid in chunk))
    if news:
        with catalogue.writing() as db:
            marks = ", ".join("?" * len(news))
            refused = dict(db.execute(f"SELECT rowid, refused FROM samples WHERE rowid IN ({marks})", [*news]))
            db.executemany(
                _PUT, (_row(rowid, _offered(said[rowid], refused.get(rowid)), said[rowid]) for rowid in sorted(news))
            )
    return len(news) + len(gone)


def _row(rowid: int, one: Suggestion, said: str) -> tuple[int | str | float | None, ...]:
    return rowid, one.emotion, one.probability, one.valence, one.arousal, said


def _chunks(rowids: Iterable[int]) -> Iterable[list[int]]:
    rest = iter(rowids)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk
