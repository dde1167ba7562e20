"""What each person said of a sample, and which samples wait for a third opinion.

A label has one value; what others said of it before is in the events, and in conflicts, which are closed by what a
person says of the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.store.conflicts import OUTSIDE
from kelly_tui.store.schema import label_from_json

if TYPE_CHECKING:
    from kelly_tui.model.annotation import Label
    from kelly_tui.store.catalogue import Catalogue

ENOUGH = 2
"""Opinions of others that make a third one worth asking for."""


class Opinion(NamedTuple):
    """Who said what, and when."""

    by: str
    value: str
    at: str


_SAID = (
    "SELECT sample_id, actor, new, at, max(seq) FROM events JOIN steps USING (step)"
    " WHERE field = ? AND new IS NOT NULL AND (kind = 'outside' OR kind = 'edit' AND state = 'done')"
)
"""The last word of each person on a field; what was undone was not said."""

_SIDES = "SELECT ours, theirs, at FROM conflicts WHERE field = ? AND sample_id = ? ORDER BY conflict"
_OPEN = "SELECT sample_id FROM conflicts WHERE field = ? AND resolved_at IS NULL"


def opinions(catalogue: Catalogue, sample_id: str, field: str) -> list[Opinion]:
    """What has been said of a field of a sample: by people, oldest first, then by the sides of a conflict."""
    said = [
        Opinion(actor, _value(new), at)
        for _, actor, new, at, _ in catalogue.db.execute(
            f"{_SAID} AND sample_id = ? GROUP BY actor ORDER BY max(seq)", (field, sample_id)
        )
    ]
    for ours, theirs, at in catalogue.db.execute(_SIDES, (field, sample_id)):
        for side in (label_from_json(ours), label_from_json(theirs)):
            if side is not None and not any((one.by, one.value) == (_who(side), str(side.value)) for one in said):
                said.append(Opinion(_who(side), str(side.value), side.at or at))
    return said


def to_review(catalogue: Catalogue, field: str, by: str) -> list[str]:
    """Samples of which two or more others have said something and `by` has not, or on which two sides disagree.

    Reads all events: seconds at a million. Call it off the app's thread.
    """
    asked = dict.fromkeys(sample_id for (sample_id,) in catalogue.db.execute(_OPEN, (field,)))
    people: dict[str, set[str]] = {}
    for sample_id, actor, *_ in catalogue.db.execute(f"{_SAID} GROUP BY sample_id, actor", (field,)):
        people.setdefault(sample_id, set()).add(actor)
    asked |= dict.fromkeys(one for one, actors in people.items() if by not in actors and len(actors) >= ENOUGH)
    return list(asked)


def _value(label_json: str) -> str:
    label = label_from_json(label_json)
    return "" if label is None else str(label.value)


def _who(label: Label) -> str:
    return label.by or (OUTSIDE if label.source == "human" else label.source)
