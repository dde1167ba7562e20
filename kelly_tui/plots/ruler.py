"""Where the beats and bars of a score lie, in seconds, for the lines behind a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.tempo_map import held_meters

Times = np.ndarray[Any, np.dtype[np.float64]]

MOST_LINES = 100_000
"""A damaged meter or tempo can't ask for more lines than anyone could draw."""


def beats_and_bars(score: Score) -> tuple[Times, Times]:
    """Times of the beats and of the bar lines, seconds, through the score's meters and tempo map.

    A beat is what one taps: the dotted quarter in 6/8, 9/8 and 12/8, the denominator's note elsewhere.
    """
    meters = [meter for meter in held_meters(score.meters) if meter.time <= score.duration] or [Meter(0.0, 0.0, 4, 4)]
    if meters[0].beat > 0:
        meters = [Meter(0.0, 0.0, 4, 4), *meters]
    last = float(score.time_to_beat(np.array([score.duration]))[0])
    ends = [meter.beat for meter in meters[1:]] + [last]
    beats, bars = [], []
    for meter, end in zip(meters, ends, strict=True):
        unit = 4 / meter.denominator
        beats.append(_every(3 * unit if meter.is_compound else unit, meter.beat, end))
        bars.append(_every(meter.numerator * unit, meter.beat, end))
    return score.beat_to_time(np.concatenate(beats)), score.beat_to_time(np.concatenate(bars))


def _every(step: float, start: float, end: float) -> Times:
    return start + step * np.arange(min(max(0.0, np.ceil((end - start) / step - 1e-9)), MOST_LINES))
