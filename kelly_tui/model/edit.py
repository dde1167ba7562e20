"""Edits and what is remembered of them."""

from __future__ import annotations

import msgspec

from kelly_tui.model.annotation import Label


class Edit(msgspec.Struct, frozen=True):
    """Set one thing on one sample. `label` None clears it.

    `field` is a field of the annotation, or one of `STATE_FIELDS`, whose label's value is the new state.
    """

    sample_id: str
    field: str
    label: Label | None


STATE_FIELDS = ("decision", "skip_reason", "rejected", "refused")
"""What a person decides about a sample besides its labels; edited, undone and kept in history the same way."""


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
