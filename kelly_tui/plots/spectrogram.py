"""What sounds in a recording, over time: low at the bottom, the louder the fuller."""

from __future__ import annotations

from typing import Any

import numpy as np

from kelly_tui.plots.cells import STYLE, Cells, Grid
from kelly_tui.plots.lines import NO_LINES, Lines, draw

BANDS = 40
LOWEST, HIGHEST = 55.0, 10_000.0
"""Hz: the middle of the lowest and of the highest band; each is a sixth of an octave or so above the one below."""

DEEP = 54.0
"""dB below the loudest at which nothing is drawn."""

WINDOW = 2048

Samples = np.ndarray[Any, np.dtype[np.float32]]

_SHADES = np.array(list(" ░▒▓█"))
_SHADE_STYLES = np.array([STYLE[name] for name in ("blank", "quiet", "soft", "note", "loud")], np.uint8)


def band_levels(frames: Samples, rate: int) -> Grid:
    """Levels of the bands in windows of sound: `frames` of shape (n, `WINDOW`); float32 (n, `BANDS`), dB, low first.

    The level of a band is that of its loudest bin, by a Hann window; 0 dB is a sine of full scale.
    """
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), axis=1)) / (WINDOW / 4)
    edges = _edges(rate)
    found = np.stack([spectrum[:, low:high].max(axis=1) for low, high in edges], axis=1)
    return np.asarray(20 * np.log10(np.maximum(found, 1e-6)), np.float32)


def _edges(rate: int) -> list[tuple[int, int]]:
    """The bins of each band, one at least."""
    step = (HIGHEST / LOWEST) ** (1 / (BANDS - 1))
    hertz = LOWEST * step ** (np.arange(BANDS + 1) - 0.5)
    bins = np.clip(np.round(hertz / rate * WINDOW).astype(int), 1, WINDOW // 2)
    return [(low, max(high, low + 1)) for low, high in zip(bins[:-1].tolist(), bins[1:].tolist(), strict=True)]


def spectrogram(
    levels: Grid,
    width: int,
    height: int,
    span: tuple[float, float] = (0.0, 1.0),
    lines: Lines = NO_LINES,
    loudest: float | None = None,
) -> Cells:
    """Bands over time in `width` x `height` cells, with `lines`.

    `levels`: dB, shape (n, `BANDS`), any n: a cell is the mean over its time of
    its loudest band. `span`: the seconds they are of.
    `loudest`, of `levels` by default, is the fullest cell, `DEEP` below it the emptiest.
    """
    if width <= 0 or height <= 0:
        return Cells([""] * max(height, 0), np.zeros((max(height, 0), max(width, 0)), np.uint8))
    if not len(levels):
        levels = np.full((1, BANDS), -200.0, np.float32)
    at = np.arange(width) * len(levels) // width
    rows = np.arange(height) * BANDS // height
    top = float(levels.max()) if loudest is None else loudest
    if len(levels) >= width:
        levels = np.add.reduceat(levels, at, axis=0) / np.diff(at, append=len(levels))[:, None]
    else:
        levels = levels[at]
    cells = np.maximum.reduceat(levels, rows, axis=1) if height <= BANDS else levels[:, rows]
    full = np.clip((cells.T[::-1] - top + DEEP) / DEEP, 0, 1)
    shade = np.ceil(full * (len(_SHADES) - 1) - 1e-6).astype(np.int64)
    glyphs, style = _SHADES[shade], _SHADE_STYLES[shade]
    draw(glyphs, style, *span, lines)
    return Cells.of(glyphs, style)
