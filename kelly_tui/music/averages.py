"""Averages, most of them robust: what most of the values say, whatever a few of them do."""

from __future__ import annotations

import math

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
    parted = values.copy()
    parted.partition((half - 1, half))
    return float(parted[half] if len(values) % 2 else (parted[half - 1] + parted[half]) / 2)


def spread(values: Floats) -> float:
    """The standard deviation of most of the values, by their median absolute deviation."""
    return SPREAD * median(np.abs(values - median(values)))
