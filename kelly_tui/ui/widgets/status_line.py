"""The line above the footer, or the two: the stage that runs, and what the app has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size

from kelly_tui.ui.paint import Line, Span, folded, length, spread
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.words import clock

if TYPE_CHECKING:
    from kelly_tui.pipeline.stage import Progress

GAP = 3
"""Cells between a stage and a message."""

LEAST = 5
"""Parts of a stage's line that a long message leaves: the wheel, the stage's name, and how many are done."""

MOST = 2
"""Lines that it takes where one has no room for all that is to be said."""

_WHEEL = "⣷⣯⣟⡿⢿⣻⣽⣾"


class StatusLine(Painted):
    """A running stage on the left, the last message on the right; alone, either has the line. What is too long for
    one line has a second, for as long as it stands."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.message: Span = ("", "text")
        self.progress: Progress | None = None
        self.turns = 0

    def say(self, words: str, style: str = "text") -> None:
        """Show a message until the next."""
        self.message = (self.app.keymap.in_words(words), style)
        self._show()

    def unsay(self, words: str) -> None:
        """Take a message back that is true no more, unless another has replaced it."""
        if words and self.message[0] == self.app.keymap.in_words(words):
            self.say("")

    def show(self, progress: Progress | None) -> None:
        """Show how far a stage is; None when none runs."""
        if progress is not None or self.progress is not None:
            self.progress = progress
            self.turns += 1
            self._show()

    def _show(self) -> None:
        if self.is_attached and self.size.width and self.wanted(self.size.width) != self.size.height:
            self.refresh(layout=True)
        self.repaint()

    def wanted(self, width: int) -> int:
        """Lines that it needs in that width: 1..`MOST`."""
        return min(len(self._all(width)), MOST)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.wanted(width)

    def paint(self, width: int, height: int) -> list[Line]:
        lines = self._all(width)
        if len(lines) > height and self.progress is not None and self.message[1] == "broken":
            lines = lines[1:]  # how far the stage is can wait
        if len(lines) > height:  # what is left over is cut, after a word
            lines[height - 1 :] = [[span for line in lines[height - 1 :] for span in line]]
        return lines

    def _all(self, width: int) -> list[Line]:
        """What is to be said, in as many lines as it takes."""
        words, style = self.message
        message: list[Line] = [[(f" {line}", style)] for line in folded(words, width - 2)] if words else []
        if self.progress is None:
            return message or [()]
        stage: list[Span] = [(" ", "text"), (_WHEEL[self.turns % len(_WHEEL)], "accent"), (" ", "text")]
        stage += _said(self.progress)
        trouble: Line = [(f"   {self.progress.message}", "broken")] if self.progress.message else ()
        room = width - (GAP + length(message[0]) if message else 0)
        if len(message) < 2 and length(stage) + length(trouble) <= room:
            return [spread([*stage, *trouble], [*message[0], (" ", "text")] if message else [], width)]
        if trouble:
            return [[*stage, *trouble], *message] if message else [stage, trouble]
        while len(stage) > LEAST and length(stage) > room:
            stage.pop()
        if len(message) == 1 and length(stage) <= room:
            return [spread(stage, [*message[0], (" ", "text")], width)]
        return [stage, *message]


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
    return spans
