"""Which keys do what where: the table's keys, a profile's, a person's own, and what makes a keymap wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kelly_tui.errors import KellyError
from kelly_tui.model.labels import nearest
from kelly_tui.settings import PROFILES, read_toml
from kelly_tui.text import count, safe_text
from kelly_tui.ui.actions import ACTIONS, BY_ID, DIGIT, SCOPES, shown_key, with_keys
from kelly_tui.ui.profiles import DIGITS, profile

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

    actions: tuple[str, ...] = ()
    """The actions whose keys are wrong."""

    def of(self, *actions: str) -> KeymapError:
        """The same, said of these actions."""
        self.actions = actions
        return self


class Hit(NamedTuple):
    """What a finished sequence of keys means."""

    action: str
    digits: tuple[int, ...]


class Keymap:
    """Sequences of keys to actions, by scope. Made only through `default_keymap` and `changed_keymap`."""

    def __init__(self, keys: Mapping[str, Iterable[str]], digits: Keys = DIGITS) -> None:
        """`digits`: the keys that mean 1..9 and 0."""
        self.digits = digits
        self._digit_of = {key: int(meant) for key, meant in zip(digits, DIGITS)}
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
            if owner != action and self._same_start(keys, other):
                raise KeymapError(
                    f"{' '.join(keys)!r} means both {owner!r} and {action!r} in {SCOPES[scope].lower()}",
                    hint="Give one of them another key.",
                ).of(action, owner)
        known[keys] = action

    def find(self, scope: str, typed: Keys) -> Hit | None:
        """What these keys mean here, or None while they mean nothing (yet)."""
        for keys, action in self._actions[scope].items():
            if len(keys) == len(typed) and self._matches(keys, typed):
                return Hit(action, tuple(self._digit_of[key] for key, want in zip(typed, keys) if want == DIGIT))
        return None

    def continuations(self, scope: str, typed: Keys) -> list[tuple[str, str]]:
        """The keys that may follow those typed, each with its action; empty where nothing can."""
        return [
            (" ".join(keys[len(typed) :]), action)
            for keys, action in self._actions[scope].items()
            if len(keys) > len(typed) and self._matches(keys[: len(typed)], typed)
        ]

    def shown(self, action: str, labels: int = 9) -> str:
        """The first key of an action as a person reads it; empty where it has none."""
        sequences = self.keys[action]
        return shown_key(sequences[0], labels, self.digits) if sequences else ""

    def shown_all(self, action: str) -> list[str]:
        """All keys of an action as a person reads them."""
        return [shown_key(keys, digits=self.digits) for keys in self.keys[action]]

    def in_words(self, words: str) -> str:
        """A sentence with the keys of the actions that it names: ``‹back› leaves`` is ``esc leaves``."""
        return with_keys(words, self.shown)

    def _means(self, want: str, key: str) -> bool:
        return want == key or (want == DIGIT and key in self._digit_of)

    def _matches(self, keys: Keys, typed: Keys) -> bool:
        return all(self._means(want, key) for want, key in zip(keys, typed))

    def _same_start(self, one: Keys, other: Keys) -> bool:
        """Whether the shorter is how the longer begins: then one of them could never be typed."""
        return all(self._means(a, b) or self._means(b, a) for a, b in zip(one, other))


def _check_typeable(key: str, action: str) -> None:
    printable = len(key) == 1 and key.isprintable()
    if not (printable or key == DIGIT or key in _NAMED or key in _CONTROL):
        raise KeymapError(
            f"{key!r}, the key of {action!r}, does not reach a program in every terminal",
            hint="Use a letter, a sign, ctrl and a letter, or f1 to f12.",
        ).of(action)


def _check_digits(action: str, sequences: Iterable[str]) -> None:
    """Raise `KeymapError` where keys hand the action another number of digits than it is about."""
    wanted = max((keys.split().count(DIGIT) for keys in BY_ID[action].keys), default=0)
    for keys in sequences:
        if keys.split().count(DIGIT) != wanted:
            takes = f"takes {count(wanted, 'digit')}" if wanted else "takes no digit"
            plain = " ".join([*(key for key in keys.split() if key != DIGIT), *[DIGIT] * wanted])
            hint = f'Write "{safe_text(plain)}".'
            raise KeymapError(f"{action!r} {takes}, and {keys!r} gives it others", hint=hint).of(action)


def default_keymap() -> Keymap:
    """The table's own keys."""
    return profile_keymap(PROFILES[0])


def profile_keymap(chosen: str) -> Keymap:
    """The keys of a profile."""
    return changed_keymap({}, chosen)


def changed_keymap(changes: Mapping[str, object], chosen: str = PROFILES[0]) -> Keymap:
    """The keys of a profile with some actions given others: ``{"play": "p", "undo": ["u", "backspace"]}``.

    Raises `KeymapError` for an unknown action, a key that can't be typed and keys that mean two things.
    """
    habit = profile(chosen)
    keys: dict[str, tuple[str, ...]] = {action.id: habit.keys.get(action.id, action.keys) for action in ACTIONS}
    for name, wanted in changes.items():
        if name not in BY_ID:
            guess = nearest(name, BY_ID)
            hint = f"Did you mean {guess}?" if guess else "The README names them all."
            raise KeymapError(f"there is no action {name!r}", hint=hint).of(name)
        sequences = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(sequences, list) or not all(isinstance(one, str) and one.split() for one in sequences):
            hint = 'Write "u" or ["u", "backspace"].'
            raise KeymapError(f"the keys of {name!r} can't be {wanted!r}", hint=hint).of(name)
        _check_digits(name, sequences)
        keys[name] = tuple(sequences)
    return Keymap(keys, habit.digits)


def load_keymap(path: Path, chosen: str = PROFILES[0]) -> Keymap:
    """The keymap of a TOML file of ``action = "key"`` lines over a profile; the profile where there is no file.

    Raises `KeymapError`, which names the file and the line.
    """
    if not path.is_file():
        return profile_keymap(chosen)
    try:
        text, changes = read_toml(path)
    except (ValueError, OSError) as error:
        raise KeymapError(f"the keymap can't be read ({error})", path=path, hint="Mend or remove the file.") from None
    try:
        return changed_keymap(changes, chosen)
    except KeymapError as error:
        line = next((line for line in map(partial(_line_of, text), error.actions) if line), None)
        where = f"{path}, line {line}" if line else str(path)
        raise KeymapError(error.what, path=where, hint=error.hint) from None


def _line_of(text: str, action: str) -> int | None:
    """The number of the line that gives an action its keys."""
    written = re.compile(rf"""\s*["']?{re.escape(action)}["']?\s*=""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if written.match(line)), None)
