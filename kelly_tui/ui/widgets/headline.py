"""The first line: which dataset, how much of it, and that all is saved."""

from __future__ import annotations

from kelly_tui.ui.paint import Line, Span, length, spread
from kelly_tui.ui.widgets.painted import Painted


class Headline(Painted):
    """The name on the left, facts on the right; the first facts give way where there is no room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._what: tuple[str, str] = ("", "")
        self._facts: list[Span] = []

    def show(self, name: str, detail: str, facts: list[Span]) -> None:
        """`facts` are from the least to the most important."""
        if ((name, detail), facts) != (self._what, self._facts):
            self._what, self._facts = (name, detail), facts
            self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        name, detail = self._what
        left: list[Span] = [(" kelly  ", "accent"), (name, "strong")]
        if detail and width >= 100:
            left.append((f" · {detail}", "dim"))
        right: list[Span] = []
        for fact in reversed(self._facts):
            if length(right) + length([fact]) + 3 > width - length(left) - 1:
                break
            right = [("   ", "text"), fact, *right]
        return [spread(left, [*right, (" ", "text")], width)]
