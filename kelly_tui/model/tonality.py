"""Key and mode are one judgement: a mode is of its tonic, and says nothing of another."""

from __future__ import annotations

from collections.abc import Mapping

from kelly_tui.model.annotation import Label

HALVES = {"key": "mode", "mode": "key"}
"""Each half of the judgement, and the other."""

_MINOR = frozenset({"minor", "aeolian", "harmonic_minor", "melodic_minor"})
"""Names of one mode: detectors write minor for all of it."""


def beside(heard: Mapping[str, Label | None], said: Mapping[str, Label | None]) -> dict[str, Label | None]:
    """What a detector heard, without the half of key and mode that would stand beside another's half and not mean it.

    The mode that was heard is left out where `said` is another tonic, and the tonic where `said` is another mode.
    """
    strange = {
        other for half, other in HALVES.items() if _is_anothers(said.get(half)) and not _agree(heard, said, half)
    }
    return {field: label for field, label in heard.items() if field not in strange or not _is_detectors(label)}


def left_alone(new: Mapping[str, Label | None], now: Mapping[str, Label | None]) -> list[str]:
    """The half of key and mode that a detector heard and that goes when the other becomes something else: `new`."""
    return [
        other
        for half, other in HALVES.items()
        if other not in new and _is_detectors(now.get(other))
        if _is_anothers(new.get(half)) and not _agree(new, now, half)
    ]


def _is_detectors(label: Label | None) -> bool:
    return label is not None and label.source == "detector"


def _is_anothers(label: Label | None) -> bool:
    return label is not None and label.source != "detector"


def _agree(one: Mapping[str, Label | None], other: Mapping[str, Label | None], half: str) -> bool:
    first, second = one.get(half), other.get(half)
    if first is None or second is None:
        return False
    return first.value == second.value or {first.value, second.value} <= _MINOR
