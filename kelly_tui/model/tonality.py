"""Key and mode are one judgement: a mode is of its tonic, and says nothing of another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.labels import KEYS, MODES, SHOWN, choose, parse_key

HALVES = {"key": "mode", "mode": "key"}
"""Each half of the judgement, and the other."""

_MINOR = frozenset({"minor", "aeolian", "harmonic_minor", "melodic_minor"})
"""Names of one mode: detectors write minor for all of it."""


def apart(said: Mapping[str, object], before: object = None) -> dict[str, object]:
    """What is said, by fields, and what a key says of the mode as the mode: ``{"key": "C# major"}`` says both.

    A mode that is said beside it counts, unless it is the one from `before`: who types a key into a file by hand leaves
    the line of the mode as it is.
    """
    tonic, mode = _named(said)
    if mode is None:
        return {**said}
    other = said.get("mode")  # earlier pipelines write "" or null for none
    return {**said, "key": tonic, "mode": mode if not other or other == before else other}


def said_at_once(said: Mapping[str, object]) -> dict[str, object]:
    """As `apart`, of what a person says in one breath; a `LabelError` where that contradicts itself."""
    why = contradiction(said)
    if "mode" in said and not said["mode"] and _named(said)[1] is not None:
        why = f"{_shown(said['key'])} says a mode, and the mode is cleared beside it"
    if why:
        raise LabelError(why, hint="Say one of them.")
    return apart(said)


def contradiction(said: Mapping[str, object], before: object = None) -> str:
    """How the mode that a key names is another than the one beside it, which counts; empty where it is not."""
    mode = _named(said)[1]
    if mode is None:
        return ""
    with suppress(LabelError):  # no mode at all: that is said where it is checked
        counts = choose(str(apart(said, before)["mode"]), MODES, "mode")
        if counts != mode and not (mode == "minor" and counts in _MINOR):  # which says it closer
            return f"{_shown(said['key'])} is {mode}, and the mode beside it {counts}"
    return ""


def author_of(field: str, said: Mapping[str, object]) -> str:
    """The field whose author said this one: of a mode that only the key names, the key."""
    return "key" if field == "mode" and not said.get("mode") and _named(said)[1] is not None else field


def _named(said: Mapping[str, object]) -> tuple[str, str | None]:
    """The tonic and the mode that a key names; no mode where it names none, or is no key."""
    key = said.get("key")
    if isinstance(key, str) and key not in KEYS:
        with suppress(LabelError):
            return parse_key(key)
    return "", None


def _shown(key: object) -> str:
    return repr(str(key)[:SHOWN])


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
