"""How large a screen the app draws: each cell costs memory and time, and anyone can ask for billions of them."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from kelly_tui.ui import LARGEST

USUAL = (80, 24)

_NAMED = {"COLUMNS": LARGEST[0], "LINES": LARGEST[1], "ROWS": LARGEST[1]}


def drawable(columns: Any, rows: Any) -> tuple[int, int]:
    """The size that is drawn where this one was asked for, by anyone: what is no number counts as the usual one."""
    return _held(columns, LARGEST[0], USUAL[0]), _held(rows, LARGEST[1], USUAL[1])


def forget_sizes(environment: MutableMapping[str, str]) -> None:
    """Take out what it says of the terminal's size that can't be drawn: the terminal is asked then."""
    for name, most in _NAMED.items():
        if name in environment and str(_held(environment[name], most, 0)) != environment[name]:
            del environment[name]


def _held(asked: Any, most: int, usual: int) -> int:
    try:
        return min(max(int(asked), 1), most)
    except (TypeError, ValueError, OverflowError):
        return usual
