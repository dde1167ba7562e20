"""Valence and arousal as someone rode along while the music played: a curve, and the median that becomes the label."""

from __future__ import annotations

from itertools import pairwise

import msgspec

STEP = 0.5
"""Seconds between two values of a curve: 2 Hz, as continuous ratings of music are usually published."""

SHORTEST = 2.0
"""Seconds under which a ride says nothing: people need longer to hear what a piece expresses."""


class Ride(msgspec.Struct, frozen=True):
    """A curve of valence and arousal, -1..1, every `STEP` seconds from `start` on."""

    start: float
    valence: list[float]
    arousal: list[float]
    by: str = ""
    at: str = ""
    """When, UTC, ISO 8601."""
    step: float = STEP

    @property
    def median(self) -> tuple[float, float]:
        """Valence and arousal that lie in the middle of the curve."""
        from statistics import median

        return round(median(self.valence), 2), round(median(self.arousal), 2)


def ridden(points: list[tuple[float, float, float]], end: float) -> Ride | None:
    """The ride along `points` (seconds, valence, arousal) that stayed at each until the next, the last until `end`.

    None for a ride under `SHORTEST`.
    """
    if not points or end - points[0][0] < SHORTEST:
        return None
    start = points[0][0]
    valence: list[float] = []
    arousal: list[float] = []
    for (_, x, y), (until, _, _) in pairwise([*points, (end, 0.0, 0.0)]):
        while start + len(valence) * STEP < until:
            valence.append(x)
            arousal.append(y)
    return Ride(start, valence, arousal)
