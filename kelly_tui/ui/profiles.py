"""Other keys for whole habits of hand: what differs from the table of actions, by profile.

`keymap.load_keymap` lays a person's own ``keys.toml`` over the profile that ``keys.profile`` in settings names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kelly_tui.settings import PROFILES
from kelly_tui.ui.actions import ACTIONS, DIGIT

DIGITS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0")
"""The keys that mean the digits 1..9 and 0."""


class Profile(NamedTuple):
    """What a profile changes."""

    keys: Mapping[str, tuple[str, ...]]
    """The keys of some actions, instead of the table's."""
    digits: tuple[str, ...] = DIGITS
    """The keys that mean 1..9 and 0."""


_VIM = Profile(
    {
        "page_down": ("ctrl+f", "ctrl+d", "pagedown"),
        "page_up": ("ctrl+b", "ctrl+u", "pageup"),
        "seek_on": ("l", "w", "right"),
        "seek_back": ("h", "b", "left"),
        "bar_on": ("L", "W"),
        "bar_back": ("H", "B"),
        "spectrum": ("g s",),
        "blind": ("g b",),
        "edit": ("i", "e"),
        "zoom_in": ("z i",),
        "zoom_out": ("z o",),
        "mark": ("m", "*"),
        "mark_range": ("V", "_"),
        "pad": ("g V",),
        "lenses": ("g l",),
        "reject": ("d d", "x"),
        "quit": ("Z Z", "Z Q", "ctrl+q"),
    }
)

_BESIDE_A = {
    action.id: tuple(f"; {keys.removeprefix('a ')}" for keys in action.keys)
    for action in ACTIONS
    if any(keys.startswith("a ") for keys in action.keys)
}
"""The fields by key, where ``a`` is wanted for more."""

_LEFT = Profile(
    {
        **_BESIDE_A,
        "accept_field": ("A",),
        "accept": ("a", "enter"),
        "settle": ("a", "enter"),
        "edit_field": ("a", "enter"),
        "pad_save": ("a", "enter"),
        "tap_save": ("a", "enter"),
        "start": ("a", "enter"),
        "open": ("a", "enter", "o"),
        "down": ("d", "j", "down"),
        "up": ("f", "k", "up"),
        "seek_back": ("c", "h", "left"),
        "seek_on": ("v", "l", "right"),
        "bar_back": ("C", "H"),
        "bar_on": ("V", "L"),
        "affect": (f"b {DIGIT} {DIGIT}",),
        "pad": ("g b",),
        "blind": ("B",),
        "chords": ("g c",),
        "columns": ("g C",),
        "flag": ("F",),
        "views": ("g f",),
        "undo": ("Z", "u"),
        "tap": ("`", "y"),
        "edit": ("E",),
        "spectrum": ("W",),
        "mark": ("X", "*"),
        "reject_recipe": ("g x",),
        "filter": ("ctrl+f", "/"),
        "hear_lower": ("g t",),
        "hear_higher": ("g T",),
        "next_open": ("D", "n"),
        "lens_chords": ("g c",),
        "lens_grid": ("Q",),
        "check": ("R",),
        "help": ("f1", "?"),
    },
    digits=("1", "2", "3", "4", "5", "q", "w", "e", "r", "t"),
)
"""The row under 1 to 5 goes on with 6 to 0."""

_NUMPAD = Profile(
    {
        "down": ("+", "j", "down"),
        "up": ("-", "k", "up"),
        "play": ("*", "space"),
        "skip": (".", "s"),
        "undo": ("/", "u"),
        "quieter": ("_",),
        "mark": ("#",),
        "mark_range": ("@",),
        "repeat": (";",),
        "filter": ("ctrl+f",),
    }
)
"""Digits label and enter accepts as ever; the signs around them do the rest of the loop."""

_PROFILES = dict(zip(PROFILES, (Profile({}), _VIM, _LEFT, _NUMPAD)))


def profile(name: str) -> Profile:
    """The profile of that name, one of `settings.PROFILES`."""
    return _PROFILES[name]
