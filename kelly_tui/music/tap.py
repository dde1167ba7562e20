"""A tempo, and a swing ratio, from taps: the lines through them, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

FEWEST = 4
"""Taps that tell a tempo and its error."""

FEWEST_SWUNG = 6
"""Taps that tell a swing ratio: three pairs, long and short."""

LEAST_SWING, MOST_SWING = 0.53, 0.78
"""Shares of the beat that the first of two taps may take for the two to be a swung pair: below, they may be even."""

_SURE = 4.0
"""Standard errors that a swing ratio lies above even, to be one."""

Array = np.ndarray[Any, np.dtype[np.float64]]


class Tapped(NamedTuple):
    """Beats a minute, and their standard error; where taps went long, short, long, short, how they share the beat."""

    bpm: float
    error: float
    swing: float | None = None
    """The share of the beat that the first of two takes, 0.5 to 0.75; None where every tap was a beat."""
    swing_error: float = 0.0


def tapped_tempo(taps: Sequence[float]) -> Tapped | None:
    """The tempo of taps at rising times in seconds; None for fewer than `FEWEST`.

    Ordinary least squares of time over beat. A beat that was left out counts: an interval is as many beats as it is
    nearest to times the median interval. Taps that alternate between a longer and a shorter interval are pairs of
    swung eighths: then time is fitted over beats and off-beats, and the ratio's error is that of the quotient.
    """
    if len(taps) < FEWEST:
        return None
    times = np.asarray(taps, np.float64)
    return _pairs(times) or _beats(times)


def _beats(times: Array) -> Tapped:
    intervals = np.diff(times)
    beats = np.concatenate(([0.0], np.cumsum(np.maximum(np.rint(intervals / np.median(intervals)), 1))))
    spread = beats - beats.mean()
    period = float(spread @ times / (spread @ spread))
    off = times - times.mean() - period * spread
    error = float(np.sqrt(off @ off / (len(times) - 2) / (spread @ spread)))
    return Tapped(60 / period, 60 / period**2 * error)


def _pairs(times: Array) -> Tapped | None:
    """The tempo and the ratio of pairs of taps, the longer interval first; None where they are none."""
    if len(times) < FEWEST_SWUNG:
        return None
    intervals = np.diff(times)
    first_is_off = intervals[::2].mean() < intervals[1::2].mean()
    number = np.arange(len(times)) + first_is_off
    design = np.stack([np.ones(len(times)), number // 2, number % 2], axis=1)
    found = np.linalg.lstsq(design, times, rcond=None)[0]
    _, period, offset = found.tolist()
    ratio = offset / period
    rest = times - design @ found
    variance = rest @ rest / (len(times) - 3)
    spread = np.linalg.inv(design.T @ design) * variance
    slope = np.array([-offset / period**2, 1 / period])  # of the quotient, by period and offset
    error = float(np.sqrt(max(slope @ spread[1:, 1:] @ slope, 0.0)))
    left_out = intervals > 1.1 * MOST_SWING * period
    if left_out.any() or not LEAST_SWING <= ratio <= MOST_SWING or ratio - 0.5 < _SURE * error:
        return None
    return Tapped(60 / period, 60 / period**2 * float(np.sqrt(spread[1, 1])), ratio, error)
