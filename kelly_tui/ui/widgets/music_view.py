"""The music: a piano roll or an outline, its chords above it, the playhead moving through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.message import Message

from kelly_tui.ui.paint import Line, Span
from kelly_tui.ui.widgets.painted import Painted

if TYPE_CHECKING:
    from kelly_tui.plots.cells import Cells
    from kelly_tui.ui.picture import Picture

Chords = Sequence[tuple[float, str]]
"""Start in seconds and name of each chord."""
SAME_MOMENT = 0.05
"""Seconds between a change of key and of chord that are one."""


@dataclass
class Sought(Message):
    """A place in the music was clicked."""

    seconds: float


class MusicView(Painted):
    """Draws one `Picture`; without one, a sentence."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture: Picture | None = None
        self.chords: Chords = ()
        self.sentence = ""
        self.playhead = 0.0
        self.loop: tuple[float, float] | None = None
        self.zoom = 0
        """How often what is shown was halved; below 0, doubled."""
        self.spectrum = False
        """Whether sound is drawn as its spectrogram."""

    def show(self, picture: Picture | None, chords: Chords = (), sentence: str = "") -> None:
        """Show a piece from its start, or the sentence where there is none."""
        self.picture, self.sentence = picture, sentence
        self.chords = in_keys(chords, picture.keys) if picture else chords
        self.playhead, self.loop = 0.0, None
        self.repaint()

    def follow(self, playhead: float, loop: tuple[float, float] | None = None) -> None:
        """Move the playhead; draws only when it reaches another cell, or something else is repeated."""
        if self.picture is None:
            return
        before = self._column(), self.loop
        self.playhead, self.loop = playhead, loop
        if (self._column(), self.loop) != before:
            self.repaint()

    def _column(self) -> tuple[float, int]:
        assert self.picture is not None
        start, end = self.picture.stretch(self.size.width, self.playhead, self.zoom)
        return start, int((self.playhead - start) / max(end - start, 1e-9) * self.size.width)

    def on_click(self, event: events.Click) -> None:
        if self.picture is not None:
            start, end = self.picture.stretch(self.size.width, self.playhead, self.zoom)
            self.post_message(Sought(start + (end - start) * event.x / max(self.size.width, 1)))

    def paint(self, width: int, height: int) -> list[Line]:
        if self.picture is None:
            return [()] * (height // 2) + [[(f" {self.sentence}", "dim")]]
        from kelly_tui.ui.picture import View  # numpy: not on the way to the first paint

        start, end = self.picture.stretch(width, self.playhead, self.zoom)
        labels = height >= 5 and any(start <= time < end for time, _ in self.chords)
        view = View(start, end, self.playhead, self.loop, self.spectrum)
        cells = self.picture.cells(width, height - labels, view)
        lines = [runs(cells, row) for row in range(cells.height)]
        return [self._chord_line(width, start, end), *lines] if labels else lines

    def _chord_line(self, width: int, start: float, end: float) -> Line:
        """The names that fit whole: one that would touch the one before it, or the edge, is left out."""
        line: list[Span] = []
        used = 0
        for time, name in self.chords:
            column = int((time - start) / (end - start) * width)
            if not start <= time < end or column < used or column + cell_len(name) > width:
                continue
            line += [(" " * (column - used), "text"), (name, "label")]
            used = column + cell_len(name) + 1
            line.append((" ", "text"))
        return line


def in_keys(chords: Chords, keys: Chords) -> Chords:
    """The chords, the first in each key with the key before it, as analyses are written: ``G: D7``."""
    named = []
    ahead = list(keys)
    for time, name in chords:
        key = ""
        while ahead and ahead[0][0] <= time + SAME_MOMENT:
            key = f"{ahead.pop(0)[1]}: "
        named.append((time, key + name))
    return named


def runs(cells: Cells, row: int) -> Line:
    """One row of cells as spans of one style each."""
    from kelly_tui.plots.cells import STYLES  # numpy: not on the way to the first paint

    text, styles = cells.text[row], cells.style[row].tolist()
    spans, at = [], 0
    for number, run in groupby(styles):
        length = sum(1 for _ in run)
        spans.append((text[at : at + length], STYLES[number]))
        at += length
    return spans
