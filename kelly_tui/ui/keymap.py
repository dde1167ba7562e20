"""Which keys do what where: the table's defaults, a person's changes, and what makes a keymap wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from kelly_tui.errors import KellyError
from kelly_tui.model.labels import nearest
from kelly_tui.ui.actions import ACTIONS, BY_ID, DIGIT, SCOPES

Keys = tuple[str, ...]
"""Keys pressed one after another."""

_NAMED = {
    "enter", "escape", "space", "tab", "shift+tab", "backspace", "delete", "insert", "home", "end", "pageup",
    "pagedown", "up", "down", "left", "right", *(f"f{number}" for number in range(1, 13)),
}  # fmt: skip
_CONTROL = {
    *(f"ctrl+{letter}" for letter in "abdefgklnoprstuvwxyz"),
    "ctrl+q",
}
"""What every terminal sends as itself: ctrl+i, m, j, h, [ are Tab, Enter, Enter, Backspace and Esc; ctrl+c is the
framework's."""


class KeymapError(KellyError):
    """A keymap with a clash, an unknown action, or a key that terminals can't send."""


class Hit(NamedTuple):
    """What a finished sequence of keys means."""

    action: str
    digits: tuple[int, ...]


class Keymap:
    """Sequences of keys to actions, by scope. Made only through `default_keymap` and `changed_keymap`."""

    def __init__(self, keys: Mapping[str, Iterable[str]]) -> None:
        self.keys = {action: tuple(sequences) for action, sequences in keys.items()}
        self._actions: dict[str, dict[Keys, str]] = {scope: {} for scope in SCOPES}
        for action in ACTIONS:
            for scope in action.scopes:
                for sequence in self.keys[action.id]:
                    self._add(scope, tuple(sequence.split()), action.id)

    def _add(self, scope: str, keys: Keys, action: str) -> None:
        for key in keys:
            _check_typeable(key, action)
        known = self._actions[scope]
        for other, owner in known.items():
            if owner != action and _same_start(keys, other):
                raise KeymapError(
                    f"{' '.join(keys)!r} means both {owner!r} and {action!r} in {SCOPES[scope].lower()}",
                    hint="Give one of them another key.",
                )
        known[keys] = action

    def find(self, scope: str, typed: Keys) -> Hit | None:
        """What these keys mean here, or None while they mean nothing (yet)."""
        for keys, action in self._actions[scope].items():
            if len(keys) == len(typed) and _matches(keys, typed):
                return Hit(action, tuple(int(key) for key, want in zip(typed, keys) if want == DIGIT))
        return None

    def continuations(self, scope: str, typed: Keys) -> list[tuple[str, str]]:
        """The keys that may follow those typed, each with its action; empty where nothing can."""
        return [
            (" ".join(keys[len(typed) :]), action)
            for keys, action in self._actions[scope].items()
            if len(keys) > len(typed) and _matches(keys[: len(typed)], typed)
        ]


def _matches(keys: Keys, typed: Keys) -> bool:
    return all(want == key or (want == DIGIT and key.isdecimal() and len(key) == 1) for want, key in zip(keys, typed))


def _same_start(one: Keys, other: Keys) -> bool:
    """Whether the shorter is how the longer begins: then one of them could never be typed."""
    return all(a == b or (a == DIGIT and b.isdecimal()) or (b == DIGIT and a.isdecimal()) for a, b in zip(one, other))


def _check_typeable(key: str, action: str) -> None:
    printable = len(key) == 1 and key.isprintable()
    if not (printable or key == DIGIT or key in _NAMED or key in _CONTROL):
        raise KeymapError(
            f"{key!r}, the key of {action!r}, does not reach a program in every terminal",
            hint="Use a letter, a sign, ctrl and a letter, or f1 to f12.",
        )


def default_keymap() -> Keymap:
    """The table's own keys."""
    return Keymap({action.id: action.keys for action in ACTIONS})


def changed_keymap(changes: Mapping[str, object]) -> Keymap:
    """The defaults with some actions given other keys: ``{"play": "p", "undo": ["u", "backspace"]}``.

    Raises `KeymapError` for an unknown action, a key that can't be typed and keys that mean two things.
    """
    keys: dict[str, tuple[str, ...]] = {action.id: action.keys for action in ACTIONS}
    for name, wanted in changes.items():
        if name not in BY_ID:
            guess = nearest(name, BY_ID)
            raise KeymapError(f"there is no action {name!r}", hint=f"Did you mean {guess}?" if guess else "See `?`.")
        sequences = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(sequences, list) or not all(isinstance(one, str) and one.split() for one in sequences):
            raise KeymapError(f"the keys of {name!r} can't be {wanted!r}", hint='Write "u" or ["u", "backspace"].')
        keys[name] = tuple(sequences)
    return Keymap(keys)


def load_keymap(path: Path) -> Keymap:
    """The keymap of a TOML file of ``action = "key"`` lines; the defaults where there is no file."""
    if not path.is_file():
        return default_keymap()
    try:
        changes = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise KeymapError(f"the keymap can't be read ({error})", path=path, hint="Mend or remove the file.") from None
    try:
        return changed_keymap(changes)
    except KeymapError as error:
        raise KeymapError(error.what, path=path, hint=error.hint) from None
