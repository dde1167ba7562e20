"""What is drawn over every picture of music: bar lines and beats behind it, the loop and the playhead before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kelly_tui.plots.cells import STYLE, Grid

Times = Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]


class Lines(NamedTuple):
    """Times in seconds."""

    beats: Times = ()
    bars: Times = ()
    playhead: float | None = None
    loop: tuple[float, float] | None = None
    """What is repeated."""


NO_LINES = Lines()


def draw(glyphs: Grid, style: Grid, start: float, end: float, lines: Lines, beat_row: int = -1) -> None:
    """Draw `lines` into a picture of the seconds from `start` to `end`; `glyphs` and `style` are changed.

    Beats (on `beat_row`), bars and the ends of the loop leave cells that are not blank as they are.
    """
    height, width = glyphs.shape
    if not width or not height or end <= start:
        return
    free = glyphs == " "
    style[free] = STYLE["blank"]
    _rule(glyphs, style, free, lines.beats, (start, end), "·", "beat", slice(beat_row, beat_row + 1 or None))
    _rule(glyphs, style, free, lines.bars, (start, end), "│", "bar", slice(None))
    scale = width / (end - start)
    if lines.loop is not None:
        for place, glyph in zip(lines.loop, "▏▕", strict=True):
            column = int((place - start) * scale) - (glyph == "▕" and place > start)
            if 0 <= column < width:
                rows = free[:, column]
                glyphs[rows, column], style[rows, column] = glyph, STYLE["accent"]
    if lines.playhead is not None and start <= lines.playhead <= end:
        column = min(int((lines.playhead - start) * scale), width - 1)
        glyphs[:, column] = "┃"
        style[:, column] = STYLE["playhead"]


def _rule(
    glyphs: Grid, style: Grid, free: Grid, times: Times, span: tuple[float, float], glyph: str, name: str, rows: slice
) -> None:
    """`glyph` behind the music at `times`; at every second, fourth, … of them where they would crowd."""
    at = np.asarray(times, np.float64)
    if not len(at):
        return
    start, end = span
    width = glyphs.shape[1]
    spacing = (at[-1] - at[0]) / max(len(at) - 1, 1) * width / (end - start)
    step = 1
    while spacing * step < 4 and step < len(at):
        step *= 2
    at = at[::step]
    columns = ((at[(at >= start) & (at < end)] - start) / (end - start) * width).astype(np.int64)
    there = np.zeros_like(free)
    there[rows, columns] = True
    there &= free
    glyphs[there] = glyph
    style[there] = STYLE[name]
