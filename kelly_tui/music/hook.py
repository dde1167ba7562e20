"""Where a piece tells most about itself: the eight seconds in which most begins, stops and changes."""

from __future__ import annotations

from typing import Any

import numpy as np

SECONDS = 8.0
"""About as long as listeners take to find their bearings in an emotion (Bachorik et al., Music Perception 2009)."""

_BIN = 0.25

Array = np.ndarray[Any, np.dtype[Any]]


def hook(onsets: Array, weights: Array, duration: float, seconds: float = SECONDS) -> tuple[float, float]:
    """The start and end, in seconds, of the stretch with the densest change of onsets; all of a shorter piece.

    `onsets`: times in seconds, with the weight (velocity, rise of level) of each. The sum of the weights in each
    quarter of a second is a curve; the stretch is that in which this curve rises and falls most, the first of equals.
    """
    if duration <= seconds:
        return 0.0, duration
    bins = int(duration / _BIN) + 1
    place = np.clip((np.asarray(onsets) / _BIN).astype(np.int64), 0, bins - 1)
    curve = np.bincount(place, weights, minlength=bins)
    change = np.abs(np.diff(curve, prepend=0.0))
    summed = np.concatenate(([0.0], np.cumsum(change)))
    window = round(seconds / _BIN)
    within = summed[window:] - summed[:-window]
    start = min(float(np.argmax(within)) * _BIN, duration - seconds)
    return start, start + seconds
