"""The line above the list: the filter, the order, and how many samples are listed."""

from __future__ import annotations

from kelly_tui.ui.paint import Line, Span, clickable, spread
from kelly_tui.ui.widgets.painted import Painted


class FindLine(Painted):
    """What the list shows, in words."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[str, str, int | None, int] = ("", "path", None, 0)

    def show(self, text: str, sort: str, listed: int | None, total: int) -> None:
        """`listed` None: still being found."""
        if (text, sort, listed, total) != self._shown:
            self._shown = (text, sort, listed, total)
            self.repaint()

    @property
    def counted(self) -> str:
        """``412 of 1,240``."""
        text, _, listed, total = self._shown
        if listed is None:
            return "…"
        return f"{listed:,} of {total:,}" if text else f"{total:,}"

    def paint(self, width: int, height: int) -> list[Line]:
        text, sort, _, _ = self._shown
        said: list[Span] = [(" /", "accent" if text else "faint"), (text or " all", "text" if text else "dim")]
        left = [clickable(span, "filter") for span in said]
        order: list[Span] = [(f"by {sort}   ", "dim")] if sort not in ("song", "added") else []
        return [spread(left, [*order, (self.counted, "dim"), (" ", "text")], width)]
