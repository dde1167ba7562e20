"""What every picture is made of: a grid of characters, each with the name of a style.

A picture knows no colours. The front maps the names in `STYLES` to its theme; without colours the glyphs
alone still read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Grid = np.ndarray[Any, np.dtype[Any]]

STYLES = ("blank", "quiet", "beat", "bar", "soft", "note", "loud", "drum", "playhead", "accent", "label", "warm", "hot")
"""Names of styles; a cell's style is an index into this tuple."""

STYLE = {name: index for index, name in enumerate(STYLES)}

QUADRANTS = np.array(list(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"))
"""Block glyphs by which quarters are filled: 1 upper left, 2 upper right, 4 lower left, 8 lower right."""


@dataclass(frozen=True)
class Cells:
    """A picture of `height` rows by `width` cells.

    `text` has one string a row, all of the same length;
    `style` is uint8 of shape (height, width), indices into `STYLES`.
    """

    text: list[str]
    style: Grid

    @classmethod
    def of(cls, glyphs: Grid, style: Grid) -> Cells:
        """A picture from an array of single characters, shape (height, width), and its styles."""
        height, width = glyphs.shape
        if not width:
            return cls([""] * height, style)
        rows = np.ascontiguousarray(glyphs, dtype="<U1").view(f"<U{width}")
        return cls(rows[:, 0].tolist(), style)

    @property
    def width(self) -> int:
        return int(self.style.shape[1])

    @property
    def height(self) -> int:
        return int(self.style.shape[0])

    def __str__(self) -> str:
        return "\n".join(self.text)


def quadrants(dots: Grid) -> Grid:
    """Glyphs, shape (h, w), for a boolean raster of shape (2h, 2w)."""
    code = (
        dots[0::2, 0::2].astype(np.uint8)
        | dots[0::2, 1::2].astype(np.uint8) << 1
        | dots[1::2, 0::2].astype(np.uint8) << 2
        | dots[1::2, 1::2].astype(np.uint8) << 3
    )
    glyphs: Grid = QUADRANTS[code]
    return glyphs


_BRAILLE = np.array([" ", *(chr(0x2800 + code) for code in range(1, 256))])
_BRAILLE_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def braille(dots: Grid) -> Grid:
    """Glyphs, shape (h, w), for a boolean raster of shape (4h, 2w)."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    code = np.zeros((height, width), np.uint8)
    for row, bits in enumerate(_BRAILLE_BITS):
        for column, bit in enumerate(bits):
            code |= dots[row::4, column::2].astype(np.uint8) * np.uint8(bit)
    return _BRAILLE[code]
