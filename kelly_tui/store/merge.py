"""Three-way merge of one sample's fields: what a view said, what the catalogue says, what the view says now.

Field by field and never by time stamps: a stamp covers all fields of a record, so that "latest wins" loses one
side's work whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import UNDECIDED, check_state
from kelly_tui.store.schema import Provenance, provenance_of


def values_of(labels: Mapping[str, Label | None]) -> dict[str, Value | None]:
    return {name: label.value if label else None for name, label in labels.items()}


def other_than(now: Mapping[str, Value | None], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a view says otherwise than the catalogue, as far as a glance tells: the rest is the most by far."""
    return {name: raw for name, raw in said.items() if now.get(name) != raw or type(now.get(name)) is not type(raw)}


def not_told(told: Mapping[str, Value | None], said: dict[str, Any]) -> dict[str, Any]:
    """What a view says and another one has not `told`; None, which clears, is told only where it is there."""
    return {name: raw for name, raw in said.items() if name not in told or other_than(told, {name: raw})}


@dataclass(frozen=True)
class Disagreement:
    """Both sides changed the same field to different values. None stands for "no label"."""

    base: Value | None
    ours: Value | None
    theirs: Value | None


@dataclass
class FieldMerge:
    """What became of each field that the changed view mentions."""

    taken: dict[str, Value | None] = field(default_factory=dict)
    """Changed outside only; None clears."""
    conflicts: dict[str, Disagreement] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Field -> why its value can't be taken."""

    def add(self, other: FieldMerge) -> None:
        """Take over what became of other fields."""
        self.taken |= other.taken
        self.conflicts |= other.conflicts
        self.refused |= other.refused


def merge_fields(
    base: Mapping[str, Value | None],
    ours: Mapping[str, Value | None],
    theirs: Mapping[str, object],
    check: Callable[[str, object], Value | None],
) -> FieldMerge:
    """Merge `theirs` into `ours`, where both came from `base`.

    A key that `theirs` lacks says nothing; None clears. `check(field, value)` gives the value as it is stored, or
    raises `LabelError`. Values of `base` and `ours` are as stored; an absent one is the same as None.
    """
    merged = FieldMerge()
    for name, raw in theirs.items():
        old, now = base.get(name), ours.get(name)
        if raw in (old, now) and type(raw) in (type(old), type(now)):
            new = raw  # as we wrote it: true even of a value that later versions would not accept
        else:
            try:
                new = None if raw is None else check(name, raw)
            except LabelError as error:
                merged.refused[name] = str(error)
                continue
        if new in (old, now):
            continue
        if now == old:
            merged.taken[name] = new
        else:
            merged.conflicts[name] = Disagreement(old, now, new)
    return merged


def merge_state(
    base: Mapping[str, Value | None], ours: Mapping[str, Value | None], theirs: Mapping[str, object]
) -> FieldMerge:
    """The same of what was decided of a sample; who wants another decision wants its reason with it."""
    said = {name: UNDECIDED[name] if raw is None else raw for name, raw in theirs.items()}
    merged = merge_fields(base, ours, said, check_state)
    if "decision" in merged.conflicts and "skip_reason" in merged.taken:
        both = Disagreement(base.get("skip_reason"), ours.get("skip_reason"), merged.taken.pop("skip_reason"))
        merged.conflicts["skip_reason"] = both
    return merged


def take_peoples(
    merged: FieldMerge, ours: Mapping[str, Label], theirs: Callable[[str], Provenance | None]
) -> FieldMerge:
    """Of what would be a conflict with another copy of the dataset, take what a person said where here none has."""
    for name, both in list(merged.conflicts.items()):
        label, where = ours.get(name), theirs(name)
        if label is not None and label.source != "human" and where is not None and where.source == "human":
            merged.taken[name] = both.theirs
            del merged.conflicts[name]
    return merged


def hold_strange(merged: FieldMerge, base: Mapping[str, Label | None], people: Mapping[str, Provenance]) -> None:
    """Of what would be taken, make a conflict of what came with a row of another copy of the dataset.

    Of a person's label the row says whose it is; who edits its value by hand leaves that as it is.
    """
    for name in list(merged.taken):
        label = base.get(name)
        if label is not None and label.source == "human" and people.get(name) != provenance_of(label):
            merged.conflicts[name] = Disagreement(label.value, label.value, merged.taken.pop(name))


def hold_older(merged: FieldMerge, ours: Mapping[str, Label], theirs: Mapping[str, Provenance]) -> FieldMerge:
    """Of what would be taken, make a conflict of what is no edit of a person's label that is here.

    A view that was made by another copy of the dataset says so: its value has another source than ours, and that is no
    person, or one who spoke earlier. Who edits a view by hand leaves its provenance as it is.
    """
    for name in list(merged.taken):
        label, where = ours.get(name), theirs.get(name)
        if label is None or label.source != "human" or where in (None, provenance_of(label)):
            continue
        if where.source != "human" or (where.at or "") < (label.at or ""):
            merged.conflicts[name] = Disagreement(label.value, label.value, merged.taken.pop(name))
    return merged
