"""Fields on which two sides disagree, kept until someone decides. Nothing that was said is dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, NamedTuple

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import STATE_FIELDS, Edit, check_state
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit, turn_conflict
from kelly_tui.store.layout import utc_now
from kelly_tui.store.provenance import provenance_in
from kelly_tui.store.rows import checked
from kelly_tui.store.schema import Provenance, label_from_json, label_of, label_to_json
from kelly_tui.text import count

OUTSIDE = "outside"
"""Who did what was done to a view by hand, by git or by another program."""


class Conflict(NamedTuple):
    """One field of one sample on which two sides disagree. None stands for "no label"."""

    sample_id: str
    file_path: str
    field: str
    base: Label | None
    ours: Label | None
    """The catalogue's, or the first folder's."""
    theirs: Label | None
    """The view's, or the other folder's."""
    origin: str
    """Where it comes from: ``folders``, or the name of the view."""
    at: str


def conflicts(catalogue: Catalogue) -> list[Conflict]:
    """Those that are open, oldest first."""
    rows = catalogue.db.execute(
        "SELECT sample_id, file_path, field, base, ours, theirs, conflicts.origin, at FROM conflicts"
        " JOIN samples USING (sample_id) WHERE resolved_at IS NULL ORDER BY conflict"
    )
    read = label_from_json
    return [
        Conflict(sample_id, path, name, read(base), read(ours), read(theirs), origin, at)
        for sample_id, path, name, base, ours, theirs, origin, at in rows
    ]


class WrittenConflict(msgspec.Struct):
    """An open conflict as manifest.json has it, so that a lost catalogue takes no side's value along."""

    sample_id: str
    field: str
    base: msgspec.Raw
    ours: msgspec.Raw
    theirs: msgspec.Raw
    origin: str
    at: str


def written_conflicts(catalogue: Catalogue) -> list[WrittenConflict]:
    """Those that are open, oldest first."""
    rows = catalogue.db.execute(
        "SELECT sample_id, field, base, ours, theirs, origin, at FROM conflicts WHERE resolved_at IS NULL"
        " ORDER BY conflict"
    )
    return [
        WrittenConflict(sample_id, field, _raw(base), _raw(ours), _raw(theirs), origin, at)
        for sample_id, field, base, ours, theirs, origin, at in rows
    ]


def _raw(label: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if label is None else label.encode())


def read_conflicts(catalogue: Catalogue, found: Iterable[WrittenConflict]) -> None:
    """Open those that this catalogue's own manifest has open; one about a sample or a value that can't be is left out.

    One that was decided here was so in a backup, and opened again by an undo after it.
    """
    for one in found:
        with suppress(LabelError, TypeError, ValueError, msgspec.MsgspecError):
            sides = sides_of(one, catalogue.config)
            if catalogue.get(one.sample_id) is None:
                continue
            with catalogue.writing() as db:
                known = _find(db, one.sample_id, one.field, sides.ours, sides.theirs, one.origin)
                if known is None:
                    put_conflict(catalogue, one.sample_id, one.field, *sides, one.origin, one.at)
                elif not known.is_open:
                    _close(db, one.sample_id, one.field, utc_now())
                    turn_conflict(db, known.number, None)


def take_conflicts(catalogue: Catalogue, found: Iterable[WrittenConflict]) -> list[tuple[str, str]]:
    """Open what another copy of the dataset has open and nobody has decided here: (sample_id, field) of each.

    That is where the label is what it was there, and no conflict of the field is open.
    """
    asked = "SELECT 1 FROM conflicts WHERE sample_id = ? AND field = ? AND resolved_at IS NULL"
    opened = []
    for one in found:
        with suppress(LabelError, TypeError, ValueError, msgspec.MsgspecError):
            sides, where = sides_of(one, catalogue.config), (one.sample_id, one.field)
            sample = catalogue.get(one.sample_id)
            if sample is None or {**sample.annotations, **sample.state}.get(one.field) != _value(sides.ours):
                continue
            is_open = catalogue.db.execute(asked, where).fetchone() is not None
            if not is_open and put_conflict(catalogue, *where, *sides, one.origin, one.at):
                opened.append(where)
    return opened


class Sides(NamedTuple):
    """What a conflict is between."""

    base: Label | None
    ours: Label | None
    theirs: Label | None


def sides_of(one: WrittenConflict, config: DatasetConfig) -> Sides:
    """As its labels are. Raises `LabelError`, `TypeError`, `ValueError`, `MsgspecError` for what can be no label."""
    return Sides(*(_side(one.field, label, config) for label in (one.base, one.ours, one.theirs)))


def _side(field: str, raw: msgspec.Raw, config: DatasetConfig) -> Label | None:
    said = msgspec.json.decode(raw)
    if said is None:
        return None
    if not isinstance(said, dict) or "value" not in said:
        raise TypeError("no label")
    value = check_state(field, said["value"]) if field in STATE_FIELDS else checked(field, said["value"], config)
    return None if value is None else label_of(value, provenance_in({field: said}).get(field, Provenance()))


def put_conflict(
    catalogue: Catalogue, sample_id: str, field: str, base: Label | None, ours: Label | None, theirs: Label | None,
    origin: str, at: str | None = None,
) -> bool:  # fmt: skip
    """Open a conflict in the place of an open one of the same field; False for one that was decided before."""
    said = (label_to_json(base), label_to_json(ours), label_to_json(theirs))
    with catalogue.writing() as db:
        if (known := _find(db, sample_id, field, ours, theirs, origin)) is not None:
            return known.is_open
        at = at or utc_now()
        _close(db, sample_id, field, at)  # one open conflict a field; what another one said stays in the table
        db.execute(
            "INSERT INTO conflicts (sample_id, field, base, ours, theirs, origin, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sample_id, field, *said, origin, at),
        )
    return True


class _Known(NamedTuple):
    number: int
    is_open: bool


def _find(
    db: sqlite3.Connection, sample_id: str, field: str, ours: Label | None, theirs: Label | None, origin: str
) -> _Known | None:
    """The conflict between the same values, open or decided; what another copy says once more is said anew."""
    values = [_value(label) for label in (ours, theirs)]
    for number, is_open, *sides in db.execute(
        "SELECT conflict, resolved_at IS NULL, ours, theirs FROM conflicts"
        " WHERE sample_id = ? AND field = ? AND origin = ?",
        (sample_id, field, origin),
    ):
        before = [label_from_json(label) for label in sides]
        if list(map(_value, before)) == values and (is_open or not _is_said_anew(before[1], theirs, origin)):
            return _Known(number, bool(is_open))
    return None


_VIEWS = ("annotations", "manifest.json")
"""Where an outside edit or another copy's label comes from."""


def _is_said_anew(before: Label | None, theirs: Label | None, origin: str) -> bool:
    """Whether a person said it in another copy after that was decided; by hand nobody says when."""
    if before is None or theirs is None or origin not in _VIEWS or theirs.by in (None, OUTSIDE):
        return False
    return (before.by, before.at) != (theirs.by, theirs.at)


def open_conflicts(catalogue: Catalogue, sample_id: str) -> list[tuple[str, Label | None, Label | None]]:
    """(field, ours, theirs) of each of this sample."""
    asked = "SELECT field, ours, theirs FROM conflicts WHERE sample_id = ? AND resolved_at IS NULL"
    read = label_from_json
    return [(field, read(ours), read(theirs)) for field, ours, theirs in catalogue.db.execute(asked, (sample_id,))]


def close_conflict(catalogue: Catalogue, sample_id: str, field: str) -> None:
    """It was decided elsewhere."""
    with catalogue.writing() as db:
        _close(db, sample_id, field, utc_now())


def _close(db: sqlite3.Connection, sample_id: str, field: str, at: str) -> None:
    db.execute(
        "UPDATE conflicts SET resolved_at = ? WHERE sample_id = ? AND field = ? AND resolved_at IS NULL",
        (at, sample_id, field),
    )


def _value(label: Label | None) -> object:
    return None if label is None else label.value


def put_conflicts(
    catalogue: Catalogue, found: Iterable[tuple[str, str, Label | None, Label | None]], origin: str
) -> None:
    """Open conflicts between labels that have no common base: (sample_id, field, ours, theirs)."""
    for sample_id, field, ours, theirs in found:
        put_conflict(catalogue, sample_id, field, None, ours, theirs, origin)


def _is_of_another_copy(one: Conflict) -> bool:
    return one.origin in _VIEWS and (one.theirs is None or one.theirs.by not in (None, OUTSIDE))


def resolve(
    catalogue: Catalogue, take: Literal["ours", "theirs"], by: str, only: Iterable[Conflict] | None = None
) -> int:
    """Decide open conflicts, all or `only` these, for one side; return how many.

    What is taken is a label of `by`, and all of it one step: undo takes it back and opens the conflicts again. A
    conflict whose label stands already needs no edit, and is only closed; unless the other side is of another copy of
    the dataset, which has to hear that it is said again.
    """
    decided = list(conflicts(catalogue) if only is None else only)
    edits = []
    for one in decided:
        if take == "theirs" or one.origin == "folders":
            chosen = one.ours if take == "ours" else one.theirs
            edits.append(Edit(one.sample_id, one.field, chosen and Label(chosen.value, unsure=chosen.unsure)))
        elif _is_of_another_copy(one):
            sample = catalogue.get(one.sample_id)
            if sample is None or (stands := sample.labels.get(one.field)) is None:  # also what was undone since
                continue
            edits.append(Edit(one.sample_id, one.field, Label(stands.value, unsure=stands.unsure)))
    edit(catalogue, edits, by, f"{count(len(decided), 'conflict')} decided for {take}")
    with catalogue.writing() as db:
        for one in decided:
            _close(db, one.sample_id, one.field, utc_now())
        # Without an edit too the file has to say so: the manifest, in which they are open, is written much later.
        rewrite = "UPDATE samples SET exported_rev = -1 WHERE sample_id = ?"
        db.executemany(rewrite, [(one.sample_id,) for one in decided])
    return len(decided)
