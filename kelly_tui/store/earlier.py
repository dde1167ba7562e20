"""Labels of people that a sample had, and conflicts that were decided: by them another copy of the dataset tells what
was known here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import STATE_FIELDS
from kelly_tui.store.connection import AMONG, among
from kelly_tui.store.schema import label_from_json
from kelly_tui.text import as_written

_EARLIER, _DECIDED, _DECISIONS = "earlier", "decided", "decisions"
NO_TIMES: Mapping[str, Sequence[str]] = {}
_KNOWN = FIELDS.keys() | STATE_FIELDS.keys()
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


def decided_conflicts(db: sqlite3.Connection, sample_ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """By sample and field, when each conflict came up that was decided, here or as a file tells; the last ones."""
    found: dict[str, dict[str, set[str]]] = {}
    for sql in (_CLOSED, _TOLD_DECIDED):
        for sample_id, field, at in db.execute(sql, (among(sample_ids),)):
            found.setdefault(sample_id, {}).setdefault(field, set()).add(at)
    return {
        sample_id: {field: sorted(told)[-_AT_MOST:] for field, told in fields.items()}
        for sample_id, fields in found.items()
    }


class ToldElsewhere(NamedTuple):
    """What a file of another copy, or of a lost catalogue, tells besides: it is told on with what was here."""

    earlier: Mapping[str, Sequence[Earlier]]
    decided: Mapping[str, Sequence[str]]
    decisions: Mapping[str, Sequence[str]] = NO_TIMES
    """Of a lost catalogue: what was heard of one is an event of this history."""

    def keep(self, db: sqlite3.Connection, sample_id: str) -> None:
        """In the caller's transaction; what nobody can have said is left out."""
        rows = [
            (_EARLIER, field, _written(one))
            for field, told in self.earlier.items()
            for one in told[:_AT_MOST]
            if as_written(one.value) == one.value  # of a number that is none
        ]
        for what, times in ((_DECIDED, self.decided), (_DECISIONS, self.decisions)):
            rows += [(what, field, _encode(at).decode()) for field, told in times.items() for at in told[-_AT_MOST:]]
        known = "INSERT OR IGNORE INTO elsewhere SELECT rowid, ?, ?, ? FROM samples WHERE sample_id = ?"
        told = [(*row, sample_id) for row in rows if row[1] in _KNOWN and len(row[2]) <= _LONGEST_TOLD]
        db.executemany(known, told)


def _all_of(db: sqlite3.Connection, sample_ids: str) -> Iterator[tuple[str, str, str]]:
    for sql in (_REPLACED, _BETWEEN):
        for sample_id, field, *labels in db.execute(sql, (sample_ids,)):
            for label in map(label_from_json, labels):
                if label is not None and label.source == "human" and field in FIELDS:
                    yield sample_id, field, _written(as_earlier(label))
    yield from db.execute(_TOLD_EARLIER, (sample_ids,))


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
_BETWEEN = (  # not those in whose place another one came
    f"SELECT sample_id, field, ours, theirs FROM conflicts AS c WHERE sample_id IN {AMONG} AND resolved_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM conflicts AS n"
    " WHERE n.sample_id = c.sample_id AND n.field = c.field AND n.at = c.resolved_at)"
)
_CLOSED = (  # of the same moment there may be several
    f"SELECT sample_id, field, at FROM conflicts WHERE sample_id IN {AMONG} GROUP BY 1, 2, 3"
    " HAVING count(resolved_at) = count(*)"
)
_TOLD = "SELECT sample_id, field, {} FROM elsewhere JOIN samples ON samples.rowid = sample WHERE what = '{}'" + (
    f" AND sample_id IN {AMONG}"
)
_TOLD_EARLIER = _TOLD.format("said", _EARLIER)
_TOLD_DECIDED = _TOLD.format("json_extract(said, '$')", _DECIDED) + (  # not what was opened again by undo
    " AND NOT EXISTS (SELECT 1 FROM conflicts AS c WHERE c.sample_id = samples.sample_id AND c.field = elsewhere.field"
    " AND c.at = json_extract(said, '$') AND resolved_at IS NULL)"
)
