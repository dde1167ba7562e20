"""A page of lines that scrolls; some of them can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kelly_tui.ui.paint import Line, strip


class Entry(NamedTuple):
    """A line, and what it stands for if it can be chosen."""

    line: Line
    stands_for: object = None


class LineList(ScrollView):
    """Lines with a cursor that rests only on those that stand for something; a plain page if none does."""

    ALLOW_SELECT = False
    can_focus = False

    class CursorMoved(Message):
        """The cursor rests on another line."""

    @dataclass
    class Opened(Message):
        """A line was clicked twice."""

        stands_for: object

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: Sequence[Entry] | None = None
        self._stops: list[int] = []
        self._stop = 0

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these lines; the cursor stays on what it stood on, if that is still there."""
        if entries == self._entries:
            return
        before = self.chosen
        self._entries = entries
        self._stops = [number for number, entry in enumerate(entries) if entry.stands_for is not None]
        same = [stop for stop, number in enumerate(self._stops) if entries[number].stands_for == before]
        self._stop = same[0] if same else min(self._stop, max(len(self._stops) - 1, 0))
        self.virtual_size = Size(0, len(entries))
        self.refresh()

    @property
    def chosen(self) -> object:
        """What the line under the cursor stands for."""
        if self._entries is None or not self._stops:
            return None
        return self._entries[self._stops[self._stop]].stands_for

    def move(self, steps: int) -> None:
        """Move the cursor, or the page where nothing can be chosen."""
        if not self._stops:
            self.scroll_to(y=self.scroll_y + steps, animate=False, immediate=True)
            return
        self._stop = max(0, min(self._stop + steps, len(self._stops) - 1))
        y, height, top = self._stops[self._stop], self.size.height, round(self.scroll_y)
        wanted = 0 if self._stop == 0 else min(max(top, y - height + 2), max(y - 1, 0))
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.CursorMoved())

    def render_line(self, y: int) -> Strip:
        number = round(self.scroll_y) + y
        width = self.scrollable_content_region.width
        if self._entries is None or number >= len(self._entries):
            return strip((), width, self.app.theme)
        under_cursor = bool(self._stops) and number == self._stops[self._stop]
        edge = ("▌", "accent") if under_cursor else (" ", "text")
        ground = "cursor" if under_cursor else "background"
        return strip([edge, *self._entries[number].line], width, self.app.theme, ground)

    def on_click(self, event: events.Click) -> None:
        number = round(self.scroll_y) + event.y
        if number in self._stops:
            self.move(self._stops.index(number) - self._stop)
            if event.chain == 2:
                self.post_message(self.Opened(self.chosen))
