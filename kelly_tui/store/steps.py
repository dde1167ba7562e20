"""A step being made: what some fields of a sample say now, and the writing of changes with their events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import STATE_FIELDS, Event, Step
from kelly_tui.model.labels import GUESSED, may_replace
from kelly_tui.model.tonality import HALVES, left_alone
from kelly_tui.store.schema import (
    Provenance,
    decode_provenance,
    from_column,
    label_of,
    label_to_json,
    least_confidence,
    provenance_of,
    provenance_to_json,
    to_column,
)
from kelly_tui.store.suggestions import offer_again

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

Wanted = Mapping[str, Label | None]
"""Labels by field; None clears."""

TOLD = ("edit", "undo", "redo")
"""Kinds of steps whose events are told to who made them."""

NOTHING: Mapping[str, Any] = {}

_CHORDS, _TIMES = "chord_progression", "chord_times"


def settled_by(fields: Collection[str]) -> tuple[str, ...]:
    """These fields, and those that what is said of them may change (see `Labels.decided` and `Labels.in_one`)."""
    halves = [other for half, other in HALVES.items() if half in fields]
    return tuple(dict.fromkeys((*fields, "refused", *([_TIMES] if _CHORDS in fields else []), *halves)))


class Labels(NamedTuple):
    """What some fields of a sample say now, inside a write transaction."""

    sample_id: str
    number: int
    """The sample's rowid."""
    rev: int
    provenance: dict[str, Provenance]
    labels: dict[str, Label | None]
    refused: list[str]

    @classmethod
    def of(cls, db: sqlite3.Connection, sample_id: str, fields: Iterable[str]) -> Labels:
        """Raises `DatasetError` for a sample that is not there."""
        found = cls.find(db, sample_id, fields)
        if found is None:
            raise DatasetError(f"there is no sample {sample_id}", hint="kelly list shows those there are.")
        return found

    @classmethod
    def find(cls, db: sqlite3.Connection, sample_id: str, fields: Iterable[str]) -> Labels | None:
        fields = tuple(fields)
        columns = ", ".join(("rowid", "rev", "provenance", "refused", *fields))
        row = db.execute(f"SELECT {columns} FROM samples WHERE sample_id = ?", (sample_id,)).fetchone()
        if row is None:
            return None
        provenance = decode_provenance(row[2])
        refused = msgspec.json.decode(row[3]) if row[3] else []
        labels: dict[str, Label | None] = {}
        for field, stored in zip(fields, row[4:], strict=True):
            if field in STATE_FIELDS:
                value = {"rejected": bool(stored), "refused": refused or None}.get(field, stored)
                labels[field] = None if value is None else Label(value)
            else:
                known = field in provenance
                labels[field] = label_of(from_column(field, stored), provenance[field]) if known else None
        return cls(sample_id, row[0], row[1], provenance, labels, refused)

    def says(self, field: str, label: Label | None) -> bool:
        """Whether it says so already, whenever that was."""
        now = self.labels[field]
        return now == label or (
            now is not None and label is not None and msgspec.structs.replace(now, at=label.at) == label
        )

    def yields_to(self, field: str, label: Label | None) -> bool:
        """Whether a label that no key press made is news, and may be set; what a person refused or cleared is not."""
        now = self.labels[field]
        if now is None and not self.refused:
            return label is not None
        if now is None and label is not None and label.source != "human" and field in self.refused:
            return False
        if label is not None and isinstance(label.value, msgspec.Raw):  # only here its list is looked into
            label = msgspec.structs.replace(label, value=msgspec.json.decode(label.value))
        if self.refused and label is not None and label.source in GUESSED and f"{field}:{label.value}" in self.refused:
            return False
        return not self.says(field, label) and (now is None or label is None or may_replace(label.source, now.source))

    def decided(self, new: Wanted) -> Wanted:
        """What a person changes, with what follows: a field that is cleared is refused to all but people, until it is
        set; and times go that belong to other chords. `labels` must tell what `settled_by` names.
        """
        other_times = _CHORDS in new and _TIMES not in new and self._keeps_no_times(new[_CHORDS])
        if other_times and self.labels[_TIMES] is not None:
            new = {**new, _TIMES: None}
        cleared = [field for field, label in new.items() if label is None and field in FIELDS]
        if other_times and _TIMES not in new:  # what a detector finds is of the chords that it finds
            cleared.append(_TIMES)
        left = [one for one in self.refused if new.get(one) is None]
        refused = list(dict.fromkeys([*left, *cleared]))
        return new if refused == self.refused else {**new, "refused": Label(refused) if refused else None}

    def in_one(self, new: Wanted) -> Wanted:
        """What is set, and what that leaves alone: a detector's mode goes from another's tonic than it was heard of,
        and its tonic from another's mode. They are not refused. `labels` must tell what `settled_by` names.
        """
        alone = left_alone(new, self.labels)
        return {**new, **dict.fromkeys(alone)} if alone else new

    def _keeps_no_times(self, chords: Label | None) -> bool:
        """Whether the times there are can't be these chords': a person said other ones, and not the times."""
        times = self.labels[_TIMES]
        if (chords is not None and chords.source != "human") or (times is not None and times.source == "human"):
            return False
        if chords is None or times is None:
            return True
        assert isinstance(chords.value, list)
        assert isinstance(times.value, list)
        return len(chords.value) != len(times.value)

    def inherits(self, field: str, label: Label | None) -> bool:
        """Whether a label from the parent is news, and may be set; None only takes back what was inherited."""
        now = self.labels[field]
        if label is None:
            return now is not None and now.source == "inherited"
        return self.yields_to(field, label)


class Recorder:
    """Writes changes to samples and remembers each, as one step. The step begins with the first change.

    What a person changed is told in the end; what a stage did is too much to keep, and nobody asks.
    """

    def __init__(
        self, catalogue: Catalogue, actor: str, kind: str, words: str, at: str, target: int | None = None
    ) -> None:
        self.step = Step(0, words, ())
        self.events: list[Event] = []
        self._catalogue = catalogue
        self._actor, self._kind, self._at, self._target = actor, kind, at, target

    def change(self, db: sqlite3.Connection, now: Labels, new: Wanted, beside: Mapping[str, object] = NOTHING) -> None:
        """Set these fields of one sample, in the caller's transaction; `beside`: columns to set that are no labels."""
        if not new:
            if beside:
                _update(db, now.number, beside)
            return
        self.begin(db)
        columns = write(db, now, new, self._at, beside)
        step, sample_id, rev = self.step.step, now.sample_id, now.rev + 1
        db.executemany(
            "INSERT INTO events (step, sample_id, rev, field, old, new) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (step, sample_id, rev, field, label_to_json(now.labels[field]), label_to_json(label, columns[field]))
                for field, label in new.items()
            ],
        )
        if self._kind not in TOLD:
            return
        first = db.execute("SELECT last_insert_rowid()").fetchone()[0] - len(new) + 1
        self.events += [
            Event(seq, step, self._at, self._actor, self._kind, sample_id, field, now.labels[field], label)
            for seq, (field, label) in enumerate(new.items(), first)
        ]

    def mention(self, sample_id: str, field: str, said: Label, *, back: bool = False) -> None:
        """Tell of what was said blind as of a change, though nothing of the sample has changed."""
        old, new = (said, None) if back else (None, said)
        self.events.append(Event(0, self.step.step, self._at, self._actor, self._kind, sample_id, field, old, new))

    def begin(self, db: sqlite3.Connection) -> None:
        """Remember that there was such a step, unless that is done."""
        if self.step.step:
            return
        if self._kind == "edit":  # what was undone before is out of reach from here on
            for number in undone(db, self._actor, self._catalogue.others):
                db.execute("UPDATE steps SET state = 'dropped' WHERE step = ?", (number,))
        session = self._catalogue.session
        step = db.execute(
            "INSERT INTO steps (at, actor, kind, words, target, session) VALUES (?, ?, ?, ?, ?, ?)",
            (self._at, self._actor, self._kind, self.step.words, self._target, session and session.name),
        ).lastrowid
        assert step is not None
        self.step = msgspec.structs.replace(self.step, step=step)

    def done(self, left_alone: Sequence[Event] = ()) -> Step:
        return msgspec.structs.replace(self.step, events=tuple(self.events), left_alone=tuple(left_alone))


def write(
    db: sqlite3.Connection, now: Labels, new: Wanted, at: str, beside: Mapping[str, object] = NOTHING
) -> dict[str, object]:
    """Set these fields of a sample as they are wanted, without an event; what its columns hold then.

    All in one statement: each would write the row, and what indexes have of it, once more.
    """
    provenance = dict(now.provenance)
    columns: dict[str, object] = {}
    for field, label in new.items():
        columns[field] = None if label is None else to_column(field, label.value)
        if field in STATE_FIELDS:
            continue
        if label is None:
            provenance.pop(field, None)
        else:
            provenance[field] = provenance_of(label)
    columns |= {"provenance": provenance_to_json(provenance), "confidence": least_confidence(provenance.values())}
    columns |= {"modified_at": at, "rev": now.rev + 1, **beside}
    _update(db, now.number, columns)
    if "refused" in new:
        offer_again(db, now.sample_id)
    return columns


def changed_beside(db: sqlite3.Connection, sample_ids: Iterable[str]) -> None:
    """Have the files of samples written anew: something was said that is no label and no event."""
    db.executemany("UPDATE samples SET rev = rev + 1 WHERE sample_id = ?", [(one,) for one in {*sample_ids}])


def _update(db: sqlite3.Connection, number: int, columns: Mapping[str, object]) -> None:
    db.execute(_update_of(tuple(columns)), (*columns.values(), number))


@lru_cache
def _update_of(columns: tuple[str, ...]) -> str:
    return f"UPDATE samples SET {', '.join(f'{column} = ?' for column in columns)} WHERE rowid = ?"


def undone(db: sqlite3.Connection, by: str, others: Callable[[], list[str]]) -> Iterator[int]:
    """Steps of `by` that are undone, the last undone first, but for those that one of the sessions `others` undid."""
    rows = db.execute(
        "SELECT steps.step, undo.session FROM steps JOIN steps AS undo ON undo.target = steps.step"
        " WHERE steps.actor = ? AND steps.kind = 'edit' AND steps.state = 'undone' AND undo.kind = 'undo'"
        " ORDER BY undo.step DESC",
        (by,),
    ).fetchall()
    theirs = others() if rows else []
    seen = set()
    for step, session in rows:  # a step that was undone twice is that of who did it last
        if step not in seen and session not in theirs:
            yield step
        seen.add(step)
