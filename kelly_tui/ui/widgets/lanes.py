"""A piece and its variants as lanes under one another, on one time axis; what is heard is bright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from textual import events
from textual.message import Message

from kelly_tui.ui.paint import Line, Span
from kelly_tui.ui.widgets.music_view import Chords, Sought, runs
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.words import clock

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.picture import Picture

LEAST, MOST = 2, 7
"""Lines of a lane, its title among them."""

AXIS = 5
"""Cells before a lane's music."""


class Lane(NamedTuple):
    """One version of the piece."""

    sample: Sample
    name: str


class Lanes(Painted):
    """Stands where the workstation has its music view: the sound's playhead moves in the lane that is heard."""

    @dataclass
    class Chosen(Message):
        """A lane was clicked that the cursor is not on."""

        number: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lanes: list[Lane] = []
        self.pictures: dict[str, Picture] = {}
        """By sample; those that can't be read are missing."""
        self.chosen = 0
        self.heard = ""
        """The sample that is heard."""
        self.playhead = 0.0
        self._quiet: dict[tuple[str, int, int], list[Line]] = {}

    @property
    def picture(self) -> Picture | None:
        """Of what is heard."""
        return self.pictures.get(self.heard)

    def show(self, picture: Picture | None, chords: Chords = (), sentence: str = "") -> None:
        """The picture of what is heard; its chords have no room here."""
        if picture is not None:
            self.put({self.heard: picture})

    def put(self, pictures: dict[str, Picture]) -> None:
        """Take in pictures that were read."""
        self.pictures.update(pictures)
        self._quiet.clear()
        self.repaint()

    def follow(self, playhead: float, loop: tuple[float, float] | None = None) -> None:
        """Move the playhead; draws only when it reaches another cell."""
        width, longest = max(self.size.width - AXIS, 1), max(self._longest(), 1e-9)
        moved = int(playhead / longest * width) != int(self.playhead / longest * width)
        self.playhead = playhead
        if moved:
            self.repaint()

    def _longest(self) -> float:
        return max((lane.sample.duration_sec or 0.0 for lane in self.lanes), default=0.0)

    def _room(self, height: int) -> tuple[int, int, int]:
        """The lines of a lane, how many lanes there is room for, and the first of them."""
        rows = min(max(height // len(self.lanes), LEAST), MOST)
        shown = max(height // rows, 1)
        return rows, shown, min(max(self.chosen - shown // 2, 0), max(len(self.lanes) - shown, 0))

    def on_click(self, event: events.Click) -> None:
        if not self.lanes:
            return
        rows, shown, first = self._room(self.size.height)
        number = first + event.y // rows
        if event.y // rows >= shown or number >= len(self.lanes):
            return
        if number != self.chosen:
            self.post_message(self.Chosen(number))
        elif event.x >= AXIS and event.y % rows:
            width = max(self.size.width - AXIS, 1)
            self.post_message(Sought(self._longest() * (event.x - AXIS) / width))

    def paint(self, width: int, height: int) -> list[Line]:
        if not self.lanes:
            return []
        rows, shown, first = self._room(height)
        lines: list[Line] = []
        for number, lane in enumerate(self.lanes[first : first + shown], first):
            edge: Span = ("▌" if number == self.chosen else " ", "accent")
            for line in [self._title(lane), *self._music(lane, width - AXIS, rows - 1)]:
                lines.append([edge, *line])
        return lines

    def _title(self, lane: Lane) -> Line:
        sample, heard = lane.sample, lane.sample.sample_id == self.heard
        style = "strong" if heard else "dim"
        marks = [("   ✕ refused", "broken")] if sample.rejected else []
        marks += [(f"   {sample.status}", "broken")] if sample.status != "ok" else []
        length: Span = (f"   {clock(sample.duration_sec or 0, tenths=True)}", "dim")
        return [(" ▶ " if heard else "   ", "accent"), (lane.name, style), length, *marks]

    def _music(self, lane: Lane, width: int, rows: int) -> list[Line]:
        key = (lane.sample.sample_id, width, rows)
        heard = lane.sample.sample_id == self.heard
        if heard or key not in self._quiet:
            lines = self._drawn(lane, width, rows, self.playhead if heard else None)
            if heard:
                return lines
            self._quiet[key] = [[("".join(text for text, _ in line), "faint")] for line in lines]
        return self._quiet[key]

    def _drawn(self, lane: Lane, width: int, rows: int, playhead: float | None) -> list[Line]:
        picture, longest = self.pictures.get(lane.sample.sample_id), self._longest()
        if picture is None or width <= 0 or longest <= 0:
            return [()] * rows
        from kelly_tui.ui.picture import View  # numpy: not on the way to the first paint

        cells = picture.cells(width, rows, View(0.0, longest, playhead))
        return [[(" " * (AXIS - 1), "text"), *runs(cells, row)] for row in range(cells.height)]
