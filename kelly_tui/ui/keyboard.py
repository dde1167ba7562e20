"""What the terminal sends, read as keys: esc and what is typed right after it stay two.

A terminal begins its sequences with esc, and a program that gets esc and a letter in one read (fast typing, tmux,
ssh) can't tell them from alt and that letter. No key of ours has alt, so it is esc, and then the letter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.message import Message

ESC = "\x1b"

_BEGIN = "[O"
"""What goes on after esc in a sequence that says anything to us."""

_IN_LINES = {"b": "alt+b", "f": "alt+f", "\x7f": "ctrl+w"}
"""What terminals send for alt and an arrow or backspace, which are keys in a line that is typed: a word back, a word
on, the word away."""

_PASTE, _PASTED = "[200~", "[201~"


class KeyParser(XTermParser):
    """Ends a sequence as soon as it can't be one, and says of an unfinished one all that was typed."""

    _escaped = _pasting = False
    """Whether the last that came was esc; whether what comes is pasted."""

    def feed(self, data: str) -> Iterable[Message]:
        before, *after = data.split(ESC)
        if before or not data:
            yield from self._go_on(before)
        for piece in after:
            if not self._pasting:
                yield from self._let_go()
            self._escaped = True
            yield from super().feed(ESC)
            if piece:
                yield from self._go_on(piece)

    def _go_on(self, piece: str) -> Iterable[Message]:
        """What comes after esc, at once or later, or after anything else."""
        escaped, self._escaped = self._escaped and self._timeout_time is not None, False
        if escaped and piece[:1] in _IN_LINES and not self._pasting:
            self._timeout_time = 0.0
            list(super().tick())  # the esc
            yield events.Key(_IN_LINES[piece[0]], None)
            piece = piece[1:]
        elif escaped and piece[:1] not in _BEGIN and not self._pasting:
            yield from self._let_go()
        if escaped and piece.startswith((_PASTE, _PASTED)):
            self._pasting = piece.startswith(_PASTE)
        if piece:
            yield from super().feed(piece)

    def _let_go(self) -> Iterable[Message]:
        """No more belongs to the sequence that has begun, if one has."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
            yield from self.tick()

    def tick(self) -> Iterable[Message]:
        typed = list(super().tick())
        if typed and not self._pasting and getattr(typed[0], "key", "") != "escape":
            yield events.Key("escape", ESC)
        for one in typed:
            if isinstance(one, events.Key) and one.key.startswith("alt+") and one.character:
                yield events.Key(one.character, one.character)
            else:
                yield one


def parted(event: events.Key) -> list[events.Key]:
    """The keys that one is where no line is typed: alt and a letter are two; any other is itself."""
    letter = event.key.removeprefix("alt+")
    return [event] if letter == event.key else [events.Key("escape", ESC), events.Key(letter, letter)]


def read_keys(driver: type[Driver]) -> None:
    """Have what that driver reads taken for keys so."""
    for one in driver.__mro__:  # whichever reads
        if "XTermParser" in (names := vars(sys.modules[one.__module__])):
            names["XTermParser"] = KeyParser
