"""The pad: valence to the right, arousal upwards, nine steps each way, with the emotions where they usually lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kelly_tui.model.labels import EMOTION_PLACES
from kelly_tui.ui.paint import Line, Span, clickable

STEPS = 9
"""Each way: finer than people agree with themselves."""

_CELLS = 3
"""A step of valence."""

WIDTH = 2 + STEPS * _CELLS
HEIGHT = STEPS + 1


class Point(NamedTuple):
    """A place on the pad, in its steps: 1 is lowest, 5 neutral, 9 highest."""

    valence: int
    arousal: int

    @classmethod
    def of(cls, valence: float, arousal: float) -> Point:
        """The step nearest to values of -1..1."""
        return cls(round((valence + 1) * 4) + 1, round((arousal + 1) * 4) + 1)

    def moved(self, right: int, up: int) -> Point:
        """A point so many steps away; it stops at the edges."""
        return Point(min(max(self.valence + right, 1), STEPS), min(max(self.arousal + up, 1), STEPS))


def pad(emotions: Iterable[str], point: Point | None, style: str = "strong") -> list[Line]:
    """`HEIGHT` lines of `WIDTH` cells, with `point` on them in that style."""
    cells = [[" "] * (STEPS * _CELLS) for _ in range(STEPS)]
    for step in range(STEPS):
        cells[STEPS // 2][step * _CELLS + 1] = cells[step][STEPS * _CELLS // 2] = "·"
    for emotion in emotions:
        if emotion in EMOTION_PLACES:
            valence, arousal = EMOTION_PLACES[emotion]
            middle = (valence + 1) / 2 * (STEPS * _CELLS - 1)
            start = min(max(round(middle - (len(emotion) - 1) / 2), 0), STEPS * _CELLS - len(emotion))
            cells[STEPS - Point.of(valence, arousal).arousal][start : start + len(emotion)] = emotion
    lines: list[Line] = []
    for row, text in enumerate(cells):
        arousal = STEPS - row
        line: list[Span] = [(f"{arousal} ", "faint")]
        for valence in range(1, STEPS + 1):
            cell = text[(valence - 1) * _CELLS : valence * _CELLS]
            if point == (valence, arousal):
                spans: Line = [(cell[0], "dim"), ("╋", style), (cell[2], "dim")]
            else:
                spans = [("".join(cell), "dim")]
            line += [clickable(span, "point", valence, arousal) for span in spans]
        lines.append(line)
    return [*lines, [("  " + "".join(f" {step + 1} " for step in range(STEPS)), "faint")]]
