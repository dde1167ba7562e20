"""The outline of a sound: extremes a column, drawn in braille dots.

Peaks are found once, streamed, so that a file of any length costs one pass and a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.plots.cells import STYLE, Cells, Grid, braille

CLIPPED = 0.999
"""A column that reaches this share of full scale is drawn hot."""

FAINTEST = 0.1
"""-20 dBFS: a sound that never gets louder is not drawn as if it did."""

_BLOCK = 1 << 16

Samples = np.ndarray[Any, np.dtype[np.float32]]


def peaks(samples: Samples, n: int) -> Grid:
    """Lowest and highest sample in each of `n` equal stretches, over all channels.

    `samples`: shape (frames,) or (frames, channels). Returns float32 of shape (n, 2).
    """
    return block_peaks(iter([samples]), len(samples), n)


def block_peaks(blocks: Iterable[Samples], frames: int, n: int) -> Grid:
    """`peaks` of a sound that comes in blocks and has `frames` frames in all. Memory does not grow with it."""
    found = np.zeros((n, 2), np.float32)
    if not frames or not n:
        return found
    edges = np.arange(n + 1) * frames // n
    touched = np.zeros(n, bool)
    at = 0
    for block in blocks:
        low, high = (block, block) if block.ndim == 1 else (block.min(axis=1), block.max(axis=1))
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


def file_peaks(path: Path, n: int) -> Grid:
    """`peaks` of an audio file, read in blocks. Raises `FileRefused` when it can't be read."""
    import soundfile  # libsndfile: not for the app's start

    try:
        with soundfile.SoundFile(str(path)) as sound:
            return block_peaks(_blocks(sound), sound.frames, n)
    except (soundfile.SoundFileError, OSError) as error:
        raise FileRefused(f"can't be read as audio ({error})", path=path) from None


def _blocks(sound: Any) -> Iterator[Samples]:
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        yield block


def waveform(peaks: Grid, width: int, height: int, playhead: float | None = None) -> Cells:
    """The outline in `width` x `height` cells.

    `peaks`: shape (n, 2), any n: gathered, or repeated, to two dots a cell. `playhead`: 0..1 of the whole; what
    lies before it is accented. The loudest moment reaches the edges, unless all is very soft; clipped columns are hot.
    """
    if width <= 0 or height <= 0:
        return Cells([""] * max(height, 0), np.zeros((max(height, 0), max(width, 0)), np.uint8))
    columns, rows = width * 2, height * 4
    extremes = _gathered(np.nan_to_num(np.asarray(peaks, np.float32)), columns)
    loudest = float(np.abs(extremes).max())
    middle = rows / 2
    reach = middle / max(loudest, FAINTEST)
    top = np.clip(np.floor(middle - extremes[:, 1] * reach), 0, rows - 1)
    bottom = np.clip(np.ceil(middle - extremes[:, 0] * reach), 1, rows)
    bottom = np.maximum(bottom, top + 1)  # silence is a line, not nothing
    row = np.arange(rows)[:, None]
    glyphs = braille((row >= top) & (row < bottom))

    style = np.full((height, width), STYLE["note"], np.uint8)
    if playhead is not None:
        column = min(max(int(playhead * width), 0), width - 1)
        style[:, :column] = STYLE["accent"]
    clipped = np.abs(extremes).max(axis=1).reshape(width, 2).max(axis=1) >= CLIPPED
    style[:, clipped] = STYLE["hot"]
    style[glyphs == " "] = STYLE["blank"]
    if playhead is not None:
        glyphs[:, column] = "┃"
        style[:, column] = STYLE["playhead"]
    return Cells.of(glyphs, style)


def _gathered(peaks: Grid, columns: int) -> Grid:
    """`peaks` as exactly `columns` columns, losing no extreme."""
    n = len(peaks)
    if not n:
        return np.zeros((columns, 2), np.float32)
    starts = np.arange(columns) * n // columns
    return np.stack([np.minimum.reduceat(peaks[:, 0], starts), np.maximum.reduceat(peaks[:, 1], starts)], axis=1)
