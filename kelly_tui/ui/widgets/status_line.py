"""The line above the footer: the stage that runs, and what the app has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from kelly_tui.ui.paint import Line, Span, fit, length, spread
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.words import clock

if TYPE_CHECKING:
    from kelly_tui.pipeline.stage import Progress

GAP = 3
"""Cells between a stage and a message."""

LEAST = 2
"""Parts of a stage's progress that a long message leaves: its name, and how many are done."""

_WHEEL = "⣷⣯⣟⡿⢿⣻⣽⣾"


class StatusLine(Painted):
    """A running stage on the left, the last message on the right; alone, either has the line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.message: Span = ("", "text")
        self.progress: Progress | None = None
        self.turns = 0

    def say(self, words: str, style: str = "text") -> None:
        """Show a message until the next."""
        self.message = (self.app.keymap.in_words(words), style)
        self.repaint()

    def unsay(self, words: str) -> None:
        """Take a message back that is true no more, unless another has replaced it."""
        if words and self.message[0] == self.app.keymap.in_words(words):
            self.say("")

    def show(self, progress: Progress | None) -> None:
        """Show how far a stage is; None when none runs."""
        if progress is not None or self.progress is not None:
            self.progress = progress
            self.turns += 1
            self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        words, style = self.message
        if self.progress is None:
            return [[(f" {words}", style)]]
        wheel: Line = [(" ", "text"), (_WHEEL[self.turns % len(_WHEEL)], "accent"), (" ", "text")]
        parts = _said(self.progress)
        while len(parts) > LEAST and length(wheel) + length(parts) + GAP + cell_len(words) > width:
            parts.pop()
        left = [*wheel, *parts]
        room = width - length(left) - GAP
        if style == "broken" and cell_len(words) > room:  # how far the stage is can wait
            return [[(f" {words}", style)]]
        return [
            spread(left, [(fit(words, room, right=True), style), (" ", "text")] if words and room > 0 else [], width)
        ]


def _said(progress: Progress) -> list[Span]:
    spans: list[Span] = [(f"{progress.stage} ", "strong")]
    if progress.total:
        spans.append((f"{progress.done:,}/{progress.total:,}", "text"))
    if progress.rate:
        spans.append((f"   {progress.rate:,.0f}/s" if progress.rate >= 10 else f"   {progress.rate:.1f}/s", "dim"))
    if progress.seconds_left is not None:
        spans.append((f"   {clock(progress.seconds_left)} left", "dim"))
    if progress.failed:
        spans.append((f"   {progress.failed:,} failed", "broken"))
    if progress.message:
        spans.append((f"   {progress.message}", "broken"))
    return spans
