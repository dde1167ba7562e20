"""Edits and what is remembered of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kelly_tui.model.annotation import Field, Label, Value, check_value
from kelly_tui.model.labels import DECISIONS


class Edit(msgspec.Struct, frozen=True):
    """Set one thing on one sample. `label` None clears it.

    `field` is a field of the annotation, or one of `STATE_FIELDS`, whose label's value is the new state.
    """

    sample_id: str
    field: str
    label: Label | None


STATE_FIELDS = {
    "decision": Field("decision", "choice", "what a person decided", DECISIONS),
    "skip_reason": Field("skip_reason", "text", "why it was skipped"),
    "rejected": Field("rejected", "flag", "a variant that a person refused"),
    "refused": Field("refused", "words", "guesses that a person refused"),
}
"""What a person decides about a sample besides its labels; edited, undone and kept in history the same way."""

UNDECIDED: Mapping[str, Value | None] = {"decision": "pending", "skip_reason": None, "rejected": False, "refused": None}
"""What is said of a sample about which no person has decided anything."""


def check_state(name: str, value: object) -> Value | None:
    """`value` as it is stored for one of `STATE_FIELDS`; an empty one undoes the decision. Raises `LabelError`."""
    checked = None if value is None else check_value(STATE_FIELDS[name], value)
    return UNDECIDED[name] if checked in (None, "", []) else checked


def state_label(name: str, value: Value | None) -> Label | None:
    """A state as edits and history have it."""
    return None if value is None else Label(value)


class Event(msgspec.Struct, frozen=True):
    """One change to one field of one sample, as history keeps it. Never rewritten."""

    seq: int
    step: int
    """Events of one step were made, and are undone, together."""
    at: str
    actor: str
    kind: str
    """``edit``, ``undo``, ``redo``, ``stage``, ``outside``."""
    sample_id: str
    field: str
    old: Label | None
    new: Label | None


class Step(msgspec.Struct, frozen=True):
    """What an edit, an undo or a redo did: `words` say it, the events tell where."""

    step: int
    words: str
    events: tuple[Event, ...]
    left_alone: tuple[Event, ...] = ()
    """Events that an undo or redo left alone, since the field was changed by another in between."""
