"""A tempo from taps: the line through them, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 4
"""Taps that tell a tempo and its error."""


class Tapped(NamedTuple):
    """Beats a minute, and their standard error."""

    bpm: float
    error: float


def tapped_tempo(taps: Sequence[float]) -> Tapped | None:
    """The tempo of taps at rising times in seconds; None for fewer than `FEWEST`.

    Ordinary least squares of time over beat. A beat that was left out counts: an interval is as many beats as it is
    nearest to times the median interval.
    """
    if len(taps) < FEWEST:
        return None
    times = np.asarray(taps, np.float64)
    intervals = np.diff(times)
    beats = np.concatenate(([0.0], np.cumsum(np.maximum(np.rint(intervals / np.median(intervals)), 1))))
    spread = beats - beats.mean()
    period = float(spread @ times / (spread @ spread))
    off = times - times.mean() - period * spread
    error = float(np.sqrt(off @ off / (len(taps) - 2) / (spread @ spread)))
    return Tapped(60 / period, 60 / period**2 * error)
