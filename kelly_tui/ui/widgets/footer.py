"""The last line: the keys that work here, or what may follow the keys typed so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kelly_tui.ui.actions import ACTIONS, BY_ID, DIGIT, shown_key
from kelly_tui.ui.keymap import Keymap, Keys
from kelly_tui.ui.paint import Line, Span, clickable, length
from kelly_tui.ui.profiles import DIGITS
from kelly_tui.ui.widgets.painted import Painted

_CHOOSING = ("label", "unsure", "choose", "answer", "opinion", "judge", "choose_model")
"""Actions whose digits mean what is offered."""

ROOMY = 100
"""Columns from which hints stand further apart."""


class Footer(Painted):
    """Shows the footer words of the table of actions for one scope."""

    def __init__(self, keymap: Keymap, scope: str, labels: int = 9, *, id: str | None = None) -> None:
        """`labels`: how many values the digits of this scope can set."""
        super().__init__(id=id)
        self.keymap = keymap
        self.scope = scope
        self.labels = labels
        self.typed: Keys = ()
        self.named: Mapping[str, Sequence[str]] = {}
        """What the digits of an action stand for, from 1 on."""

    def show(self, scope: str, typed: Keys = ()) -> None:
        """Show the keys of `scope`, or what may follow those typed."""
        if (scope, typed) != (self.scope, self.typed):
            self.scope, self.typed = scope, typed
            self.repaint()

    def offer(self, labels: int) -> None:
        """The digits can set so many values; none, and they are not shown."""
        if labels != self.labels:
            self.labels = labels
            self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        gap = 3 if width >= ROOMY else 2
        if self.typed:
            return [_fitting(self._following(), width, gap)]
        hints = [
            (self._shown(action.id), action.short, action.id)
            for action in ACTIONS
            if action.short and self.scope in action.scopes and self.keymap.keys[action.id]
            if self.labels or self.keymap.keys[action.id][0] != DIGIT
        ]
        return [_fitting(hints, width, gap)]

    def _shown(self, action: str) -> str:
        """A digit alone says how far it goes; of a sequence the first key says enough."""
        shown = self.keymap.shown(action, self._digits(action))
        return shown if self.keymap.keys[action][0].startswith(DIGIT) else shown.split(" ")[0]

    def _digits(self, action: str) -> int:
        """How many choices the digits of an action have: those that label have one a label."""
        if action in self.named:
            return len(self.named[action])
        return self.labels if action in _CHOOSING else 9

    def _following(self) -> list[tuple[str, str, str]]:
        follow = self.keymap.continuations(self.scope, self.typed)
        start = ("".join(self.typed) + "…", "", "")
        if len(follow) == 1 and follow[0][0] == DIGIT and (names := self.named.get(follow[0][1])):
            does = [f"{follow[0][1]} {digit}" for digit in DIGITS]
            return [start, *zip(self.keymap.digits, names, does, strict=False)]
        return [
            start,
            *(
                (
                    shown_key(keys, self._digits(action), self.keymap.digits),
                    self.keymap.in_words(BY_ID[action].words),
                    action,
                )
                for keys, action in follow
            ),
        ]


def _fitting(hints: Sequence[tuple[str, str, str]], width: int, gap: int) -> Line:
    """As many hints as fit whole; the last, how to see all keys, always does."""
    line: list[Span] = [(" ", "text")]
    last = _hint(*hints[-1], gap) if hints else []
    for number, hint in enumerate(hints):
        spans = _hint(*hint, gap)
        is_last = number == len(hints) - 1
        needed = length(line) + length(spans) + (0 if is_last else length(last)) - gap
        if needed <= width:
            line += spans
    return line[:-1]  # without the last gap


def _hint(key: str, words: str, action: str, gap: int) -> list[Span]:
    """A click does the action, with the digit that is named after it; not where a digit is still wanted."""
    spans: list[Span] = [(key, "accent"), (f" {words}" if words else "", "dim")]
    if " " in action or (action and not any(DIGIT in keys for keys in BY_ID[action].keys)):
        spans = [clickable(span, action) for span in spans]
    return [*spans, (" " * gap, "dim")]
