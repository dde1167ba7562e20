"""The titles of the list's columns: a click sorts, a title's left edge is dragged."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from kelly_tui.store.saved_columns import Columns
from kelly_tui.ui.paint import Line
from kelly_tui.ui.widgets.columns import NARROWEST, WIDEST, columns, heading, name_width
from kelly_tui.ui.widgets.painted import Painted


class Headings(Painted):
    """One line above the list."""

    @dataclass
    class Sorted(Message):
        """A title was clicked."""

        by: str

    @dataclass
    class Resized(Message):
        """A title's edge was dragged."""

        name: str
        width: int
        over: bool
        """Whether it was let go."""

    def __init__(self, main_label: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._main_label = main_label
        self._chosen, self._sort = Columns(), ""
        self._dragged: tuple[str, int] | None = None
        """The column whose edge is held, and where that edge was less its width."""

    def show(self, chosen: Columns, sort: str) -> None:
        """Show the titles of these columns, with an arrow on what is sorted by."""
        if (chosen, sort) != (self._chosen, self._sort):
            self._chosen, self._sort = chosen, sort
            self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        return [heading(width - 1, self._main_label, self._chosen, self._sort)]  # the list's scrollbar takes one

    def _starts(self) -> list[tuple[int, str, int, str]]:
        """Of each column shown: its first cell, its name, its width, what it is sorted by."""
        shown = columns(self.size.width - 1, self._main_label, self._chosen)
        at, starts = name_width(self.size.width - 1, shown), []
        for column in shown:
            starts.append((at, column.name, column.width, column.sort))
            at += column.width + 2
        return starts

    def on_mouse_down(self, event: events.MouseDown) -> None:
        held = next(((name, event.x + width) for at, name, width, _ in self._starts() if event.x == at), None)
        if held is not None:
            self._dragged = held
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged is not None:
            self._drag(event.x, over=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragged is not None:
            self._drag(event.x, over=True)
            self._dragged = None
            self.release_mouse()

    def _drag(self, x: int, *, over: bool) -> None:
        assert self._dragged is not None
        name, right = self._dragged
        self.post_message(self.Resized(name, min(max(right - x, NARROWEST), WIDEST), over))

    def on_click(self, event: events.Click) -> None:
        under = [(at, by) for at, _, _, by in self._starts() if at <= event.x]
        if not under:
            self.post_message(self.Sorted("path"))
        elif event.x != under[-1][0]:  # which is the edge
            self.post_message(self.Sorted(under[-1][1]))
