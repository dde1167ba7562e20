"""How a variant was made, as its row keeps it: what was changed and by how much, and with what seed and sound.

A row may come from anywhere. By one value that can't be, or a name that a later version writes, nobody can tell how the
music was changed: then a variant has nothing that is computed from the change, and all else of it is as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENDER = "render"
"""The change that makes sound of MIDI: the music stays what it is."""

LIMITS: dict[str, tuple[float, float]] = {
    "transpose": (-24, 24),
    "pitch_shift": (-12, 12),
    "time_stretch": (0.5, 2.0),
    "velocity_scale": (0.1, 10.0),
    "jitter_ms": (0.0, 5.0),
    "dropout": (0.0, 0.5),
    "noise": (0.0, 0.1),
    "gain": (0.0, 4.0),
    RENDER: (0, 1),
}
"""How far each change goes: no variant was made with less or more."""

_MADE_WITH = {"seed": (0, (1 << 53) - 1), "version": (0, (1 << 53) - 1), "sample_rate": (8000, 96_000)}
"""Numbers that are no change, whole as these are, and how large they may be."""
_TEXTS = ("soundfont", "soundfont_sha256")
_WHOLE = ("transpose", RENDER, *_MADE_WITH)
_NUMBERS = LIMITS | _MADE_WITH

_CHANGES = {
    "transpose": "{:+g} st",
    "pitch_shift": "{:+g} st",
    "time_stretch": "×{:g}",
    "velocity_scale": "vel ×{:g}",
    "jitter_ms": "±{:g} ms",
    "dropout": "-{:.0%}",
    "noise": "noise",
    "gain": "gain ×{:g}",
    RENDER: "as sound",
}
"""How a transform and its value are said."""


def told(name: str, value: object) -> float | str | None:
    """`value` as it can have been written under this name, 2 for 2.0; None for what nobody can tell."""
    if name in _TEXTS:
        return value if isinstance(value, str) else None
    if name not in _NUMBERS or not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    low, high = _NUMBERS[name]
    if not low <= value <= high:
        return None
    if value == int(value):
        return int(value)
    return None if name in _WHOLE else value


def untold(made: Mapping[str, object]) -> list[str]:
    """The names under which a row does not tell how the variant, or its sound, was made."""
    return [name for name, value in made.items() if told(name, value) is None]


def changes_of(augmentation: Mapping[str, object]) -> dict[str, float | None]:
    """What was changed, and by how much; None where that is not told, also of what no version up to this changes."""
    amounts = {name: told(name, value) for name, value in augmentation.items()}
    return {
        name: amount
        for name, amount in amounts.items()
        if not isinstance(amount, str) and name not in _MADE_WITH and name not in _TEXTS
    }


def impossible(augmentation: Mapping[str, Any]) -> dict[str, Any]:
    """The values that can't have been written; what is unknown, or said to be (None), is not among them."""
    known = _NUMBERS.keys() | {*_TEXTS}
    return {
        name: value
        for name, value in augmentation.items()
        if name in known and value is not None and told(name, value) is None
    }


def wanted(name: str) -> str:
    """What can stand under this name: ``0.5..2``."""
    if name in _TEXTS:
        return "a text"
    low, high = _NUMBERS[name]
    return f"{'whole, ' if name in _WHOLE else ''}{low:.16g}..{high:.16g}"


def changes(augmentation: Mapping[str, object]) -> str:
    """What makes a variant one: ``+3 st ×0.95``."""
    said_of = [
        f"{name.replace('_', ' ')} ?" if amount is None else _CHANGES[name].format(amount)
        for name, amount in changes_of(augmentation).items()
        if name in _CHANGES
    ]
    return " ".join(said_of)
