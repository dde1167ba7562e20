"""Averages, most of them robust: what most of the values say, whatever a few of them do."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPREAD = 1.4826
"""From the median absolute deviation to the standard deviation."""


def deviation(values: Floats) -> float:
    """The standard deviation, as `np.std` of one dimension, in half its time for a few thousand values."""
    away = values - float(values.sum()) / len(values)
    return math.sqrt(float(away @ away) / len(values))


def median(values: Floats | NDArray[np.int64]) -> float:
    """As `np.median` of one dimension, in a tenth of its time for a few thousand values."""
    half = len(values) // 2
    ordered = values.copy()
    ordered.sort()
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def spread(values: Floats) -> float:
    """The standard deviation of most of the values, by their median absolute deviation."""
    return SPREAD * median(np.abs(values - median(values)))


class Middle(NamedTuple):
    """The middle of values, and how sure it is."""

    at: float
    error: float
    """Standard error."""

    @classmethod
    def of(cls, values: Floats, little: float, least: float, grain: float) -> Middle:
        """The median; of values that vary less than `little` the mean of those near it, which errs less.

        Values that were rounded to steps of `grain` vary by half of one at least as they are met, and two steps are
        little: of so few different ones the median is one of them. The error is that of the median by its median
        absolute deviation, as of values that vary by `least` at least; and the rounding's, a step over the root of 12:
        of each value, and once more of the middle, for all may have been rounded alike.
        """
        middle = median(values)
        away = np.abs(values - middle)
        usual = SPREAD * median(away)
        at = middle
        if usual < max(little, 2 * grain):
            near = values.compress(away <= 4 * max(usual, grain / 2))
            at = float(near.sum()) / len(near)
        rounded = grain / math.sqrt(12)
        own = 1.2533 * math.hypot(max(usual, least), rounded) / math.sqrt(len(values))
        return cls(at, math.hypot(own, rounded))
