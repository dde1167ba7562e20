"""The outline of a sound: extremes a column, drawn in braille dots.

Peaks are found once, streamed: see `kelly_tui.plots.outline`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from kelly_tui.plots.cells import STYLE, Cells, Grid, braille
from kelly_tui.plots.lines import NO_LINES, Lines, draw

CLIPPED = 0.999
"""A column that reaches this share of full scale is drawn hot."""

FAINTEST = 0.1
"""-20 dBFS: a sound that never gets louder is not drawn as if it did."""

Samples = np.ndarray[Any, np.dtype[np.float32]]


def block_peaks(blocks: Iterable[Samples], frames: int, n: int) -> Grid:
    """Lowest and highest sample in each of `n` equal stretches of a sound, over all channels: float32 of shape (n, 2).

    `blocks`: shape (frames,) or (frames, channels) each; `frames` in all. Memory does not grow with them.
    """
    found = np.zeros((n, 2), np.float32)
    if not frames or not n:
        return found
    edges = np.arange(n + 1) * frames // n
    touched = np.zeros(n, bool)
    at = 0
    for block in blocks:
        channels = [block] if block.ndim == 1 else list(block.T)  # by the channel: NumPy is slow along a short axis
        low, high = reduce(np.minimum, channels), reduce(np.maximum, channels)
        end = min(at + len(block), frames)
        if end <= at:
            break
        # Columns that this block reaches, and where each begins within it. Where there are more columns than
        # frames, some are empty and repeat the frame they fall on.
        first = int(np.searchsorted(edges, at, "right")) - 1
        last = int(np.searchsorted(edges, end, "left"))
        starts = np.maximum(edges[first:last], at) - at
        lows, highs = np.minimum.reduceat(low[: end - at], starts), np.maximum.reduceat(high[: end - at], starts)
        seen = touched[first:last]
        found[first:last, 0] = np.where(seen, np.minimum(found[first:last, 0], lows), lows)
        found[first:last, 1] = np.where(seen, np.maximum(found[first:last, 1], highs), highs)
        touched[first:last] = True
        at = end
    return found


def waveform(
    peaks: Grid,
    width: int,
    height: int,
    span: tuple[float, float] = (0.0, 1.0),
    lines: Lines = NO_LINES,
    loudest: float | None = None,
) -> Cells:
    """The outline in `width` x `height` cells, with `lines`.

    `peaks`: shape (n, 2), any n: gathered, or repeated, to two dots a cell. `span`: the seconds that they are of; what
    lies before the playhead is accented. `loudest`, of `peaks` by default, reaches the edges, unless all is very soft;
    clipped columns are hot.
    """
    if width <= 0 or height <= 0:
        return Cells([""] * max(height, 0), np.zeros((max(height, 0), max(width, 0)), np.uint8))
    columns, rows = width * 2, height * 4
    extremes = _gathered(np.nan_to_num(np.asarray(peaks, np.float32)), columns)
    if loudest is None:
        loudest = float(np.abs(extremes).max())
    middle = rows / 2
    reach = middle / max(loudest, FAINTEST)
    top = np.clip(np.floor(middle - extremes[:, 1] * reach), 0, rows - 1)
    bottom = np.clip(np.ceil(middle - extremes[:, 0] * reach), 1, rows)
    bottom = np.maximum(bottom, top + 1)  # silence is a line, not nothing
    row = np.arange(rows)[:, None]
    glyphs = braille((row >= top) & (row < bottom))

    style = np.full((height, width), STYLE["note"], np.uint8)
    start, end = span
    if lines.playhead is not None:
        column = int((lines.playhead - start) / max(end - start, 1e-9) * width)
        style[:, : min(max(column, 0), width)] = STYLE["accent"]
    clipped = np.abs(extremes).max(axis=1).reshape(width, 2).max(axis=1) >= CLIPPED
    style[:, clipped] = STYLE["hot"]
    draw(glyphs, style, start, end, lines)
    return Cells.of(glyphs, style)


def _gathered(peaks: Grid, columns: int) -> Grid:
    """`peaks` as exactly `columns` columns, losing no extreme."""
    n = len(peaks)
    if not n:
        return np.zeros((columns, 2), np.float32)
    starts = np.arange(columns) * n // columns
    return np.stack([np.minimum.reduceat(peaks[:, 0], starts), np.maximum.reduceat(peaks[:, 1], starts)], axis=1)
