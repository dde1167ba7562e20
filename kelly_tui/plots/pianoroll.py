"""Notes over time, four dots a cell: pitch upwards, drums apart on the lowest lines.

Loudness is the style (soft, note, loud); a new attack on a held pitch is set off by a gap of half a cell.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kelly_tui.plots.cells import STYLE, Cells, Grid, quadrants
from kelly_tui.plots.lines import NO_LINES, Lines, draw

SOFT, LOUD = 52, 96
"""Velocities below and from which a note is drawn soft and loud: about pp-p and f-fff."""

FEWEST_PITCHES = 13
"""A roll spans at least an octave, so that one repeated note does not fill the screen."""


def _drum_lanes() -> np.ndarray[Any, np.dtype[np.int64]]:
    """Lane of each General MIDI drum, from the top: 0 cymbals and the rest, 1 hi-hats, 2 snares and toms, 3 kicks."""
    lanes = np.zeros(128, np.int64)
    lanes[[42, 44, 46, 54, 69, 70, 82]] = 1  # hi-hats, tambourine, shakers
    lanes[[37, 38, 39, 40, 41, 43, 45, 47, 48, 50]] = 2
    lanes[[35, 36]] = 3
    return lanes


_LANES = _drum_lanes()


class PianoRoll:
    """The notes of one score, ready to be drawn again and again.

    `notes`: NOTE array of `music.notes`. Each stretch is drawn on the scale of the pitches that sound in it.
    """

    def __init__(self, notes: np.ndarray[Any, np.dtype[Any]]) -> None:
        self._onset = np.ascontiguousarray(notes["onset"])
        self._end = self._onset + notes["duration"]
        self._pitch = notes["pitch"].astype(np.int64)
        self._loudness = np.digitize(notes["velocity"], (SOFT, LOUD))
        self._drum = np.ascontiguousarray(notes["is_drum"])
        self._has_drums = bool(self._drum.any())

    def cells(
        self,
        width: int,
        height: int,
        start: float,
        end: float,
        lines: Lines = NO_LINES,
    ) -> Cells:
        """The stretch from `start` to `end` seconds, with `lines`."""
        if width <= 0 or height <= 0 or end <= start:
            return Cells([" " * max(width, 0)] * max(height, 0), np.zeros((max(height, 0), max(width, 0)), np.uint8))
        drum_lines = (2 if height >= 8 else 1 if height >= 3 else 0) if self._has_drums else 0
        upper = height - drum_lines
        seen = np.flatnonzero((self._onset < end) & (self._end > start))
        scale = 2 * width / (end - start)
        first = np.clip(((self._onset[seen] - start) * scale).astype(np.int64), 0, 2 * width - 1)
        last = np.clip(np.ceil((self._end[seen] - start) * scale).astype(np.int64), first + 1, 2 * width)
        began = self._onset[seen] >= start
        drum = self._drum[seen]
        tune = np.flatnonzero(~drum)
        row, thickness = _rows(self._pitch[seen[tune]], 2 * upper)
        spans = _Spans(row, first[tune], last[tune], began[tune], self._loudness[seen[tune]])
        dots, style = _drawn(spans, thickness, 2 * upper, 2 * width)
        if drum_lines:
            hits = np.zeros((2 * drum_lines, 2 * width), bool)
            struck = drum & began
            lanes = _LANES[self._pitch[seen][struck]] * drum_lines // 2
            hits[lanes, first[struck]] = True
            dots = np.concatenate([dots, hits])
            style = np.concatenate([style, np.full((drum_lines, width), STYLE["drum"], np.uint8)])
        glyphs = quadrants(dots)
        draw(glyphs, style, start, end, lines, beat_row=upper - 1)
        return Cells.of(glyphs, style)


class _Spans(NamedTuple):
    """Notes as dots: one entry a note; the last column is exclusive."""

    row: Grid
    first: Grid
    last: Grid
    began: Grid
    loudness: Grid


def _rows(pitch: Grid, rows: int) -> tuple[Grid, int]:
    """The row of dots of each pitch, highest pitch first, and how many rows a note is thick (1 or 2)."""
    low, high = (int(pitch.min()), int(pitch.max())) if len(pitch) else (60, 60)
    spare = max(0, FEWEST_PITCHES - (high - low + 1))
    low, high = low - spare // 2, high + spare - spare // 2
    pitches = high - low + 1
    return (high - pitch) * rows // pitches, 2 if rows >= 2 * pitches else 1


def _drawn(spans: _Spans, thickness: int, rows: int, columns: int) -> tuple[Grid, Grid]:
    """Dots, shape (rows, columns), and the style of the loudest note in each cell, shape (rows / 2, columns / 2)."""
    edges = np.zeros((3, rows, columns + 1), np.int16)  # +1 where a note begins, -1 where it ends, by loudness
    for below in range(thickness):
        np.add.at(edges, (spans.loudness, spans.row + below, spans.first), 1)
        np.add.at(edges, (spans.loudness, spans.row + below, spans.last), -1)
    sounding = edges.cumsum(axis=2, dtype=np.int16)[:, :, :-1] > 0
    dots = sounding[0] | sounding[1] | sounding[2]
    heads = spans.began & (spans.first > 0)
    row, first = spans.row[heads], spans.first[heads]
    for below in range(thickness):
        dots[row + below, first - 1] = False
    for below in range(thickness):  # an attack just before is not wiped by the next one's gap
        dots[row + below, first] = True
    upper, lower = sounding[:, 0::2], sounding[:, 1::2]
    cells = upper[:, :, 0::2] | upper[:, :, 1::2] | lower[:, :, 0::2] | lower[:, :, 1::2]
    style = np.full(cells.shape[1:], STYLE["blank"], np.uint8)
    for loudness, name in enumerate(("soft", "note", "loud")):
        style[cells[loudness]] = STYLE[name]
    return dots, style
