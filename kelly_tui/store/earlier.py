"""Labels of people that a sample had: by them another copy of the dataset tells what was known here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.schema import label_from_json

_AT_MOST = 50
"""Of one field, the last ones."""
_LONGEST = 200
"""Bytes of JSON; of a longer value its hash is told."""
_LONGEST_TOLD = 1000
"""Characters of one, with who said it and when; what is longer nobody has said."""


class Earlier(msgspec.Struct, frozen=True):
    """Such a label: within a millisecond one may have said two."""

    value: Any
    """As it was, or ``sha256:`` and its hash."""
    by: str | None = None
    at: str | None = None


def as_earlier(label: Label) -> Earlier:
    return Earlier(as_told(label.value), label.by, label.at)


def as_told(value: object) -> object:
    """A label's value as files tell that it was there: short."""
    written = msgspec.json.encode(value)
    return value if len(written) <= _LONGEST else f"sha256:{sha256(written).hexdigest()}"


def earlier_labels(db: sqlite3.Connection, sample_ids: Sequence[str]) -> dict[str, dict[str, list[Earlier]]]:
    """By sample and field, the last first: what was replaced or taken back, both sides of conflicts that were decided,
    and what files told so. One that stands nevertheless was given again.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for sample_id, field, one in _all_of(db, among(sample_ids)):
        found.setdefault(sample_id, {}).setdefault(field, set()).add(one)
    return {
        sample_id: {field: _the_last(told) for field, told in fields.items()} for sample_id, fields in found.items()
    }


def remember_earlier(db: sqlite3.Connection, sample_id: str, told: Mapping[str, Sequence[Earlier]]) -> None:
    """Keep what a file of this sample tells, which is told on with what was here."""
    rows = [(field, _written(one)) for field in told.keys() & FIELDS.keys() for one in told[field][:_AT_MOST]]
    known = "INSERT OR IGNORE INTO earlier SELECT rowid, ?, ? FROM samples WHERE sample_id = ?"
    db.executemany(known, [(field, one, sample_id) for field, one in rows if len(one) <= _LONGEST_TOLD])


def _all_of(db: sqlite3.Connection, sample_ids: str) -> Iterator[tuple[str, str, str]]:
    for sql in (_REPLACED, _DECIDED):
        for sample_id, field, *labels in db.execute(sql, (sample_ids,)):
            for label in map(label_from_json, labels):
                if label is not None and label.source == "human" and field in FIELDS:
                    yield sample_id, field, _written(as_earlier(label))
    yield from db.execute(_TOLD, (sample_ids,))


def _the_last(told: set[str]) -> list[Earlier]:
    """In the same order wherever the same is told."""
    return sorted(map(_decode, told), key=lambda one: (one.at or "", _written(one)), reverse=True)[:_AT_MOST]


def _written(one: Earlier) -> str:
    return _encode(one).decode()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Earlier).decode

_REPLACED = (
    f"SELECT sample_id, field, old FROM events WHERE sample_id IN {AMONG} AND old IS NOT NULL"
    " AND json_extract(old, '$.source') IS NULL"  # a person's
)
_DECIDED = (  # not those in whose place another one came
    f"SELECT sample_id, field, ours, theirs FROM conflicts AS c WHERE sample_id IN {AMONG} AND resolved_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM conflicts AS n"
    " WHERE n.sample_id = c.sample_id AND n.field = c.field AND n.at = c.resolved_at)"
)
_TOLD = f"SELECT sample_id, field, label FROM earlier JOIN samples ON samples.rowid = sample WHERE sample_id IN {AMONG}"
