"""The one tempo that stands for a tempo map: the one it holds, or the middle of those that follow beat by beat; and the
meters that hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.runs import longest_held, runs

if TYPE_CHECKING:
    from kelly_tui.music.notes import Meter

Floats = NDArray[np.float64]

_HELD_BEATS, _HELD_PART, _MOST = 8.0, 0.25, 0.5
"""Quarter notes, two bars of most music, or the part of a short piece, from which a tempo is held; the part of the time
that held tempi fill where a map is of such. Of 36 hand-tapped or performed maps of real music they fill 0.41 at most,
of 57 that songs were written to 0.58 at least."""
_OUTER = 0.1
"""The part of the beats, of the slowest and of the fastest each, that is not asked: fermatas, the last ritard."""


class MainTempo(NamedTuple):
    """BPM in quarter notes, and whether the map holds it for long, or it is the mean of ever other tempi."""

    bpm: float
    is_held: bool


def main_tempo(tempi: Floats, onsets: Floats, end: float) -> MainTempo:
    """Of (n, 2) seconds and BPM, where music lasts from the first of its rising `onsets` to `end`.

    Where most of the time is of tempi that are held, the one that is held for the longest in all. Of a map that follows
    a player every beat has its own, and which of these lasts longest is chance, drawn to the slowest: then it is the
    mean over time of all but the outer beats, as many a minute as are heard (a trimmed mean; Tukey, 1962).
    """
    bpm = tempi[:, 1].round(6)
    if len(bpm) == 1:
        return MainTempo(float(tempi[0, 1]), True)
    edges = np.append(tempi[:, 0], end)
    seconds = np.diff(np.minimum(np.maximum(edges, onsets[0] if len(onsets) else 0.0), end))
    length = float(seconds.sum())
    if length <= 0:
        return MainTempo(float(bpm[0]), True)
    starts, _ = runs(bpm)
    lasting = np.add.reduceat(seconds, starts)
    held = (lasting * bpm[starts] >= 60 * _HELD_BEATS) | (lasting >= _HELD_PART * length)
    if float(lasting[held].sum()) >= _MOST * length:
        return MainTempo(longest_held(bpm[starts[held]], lasting[held]), True)
    order = bpm.argsort()
    bpm = bpm[order]
    passed = np.concatenate(([0.0], (seconds[order] * bpm).cumsum()))
    beats = np.diff(np.clip(passed, _OUTER * passed[-1], (1 - _OUTER) * passed[-1]))
    return MainTempo(float(beats.sum() / (beats / bpm).sum()), False)


def held_meters(meters: Iterable[Meter]) -> list[Meter]:
    """Those that hold: of several at one time the one with the longest bar, as the others count its beats.

    Songs of POP909 say 4/4 and 1/4, or 2/4, at once.
    """
    held: dict[float, Meter] = {}
    for meter in meters:
        other = held.setdefault(meter.time, meter)
        if meter.numerator * other.denominator > other.numerator * meter.denominator:
            held[meter.time] = meter
    return list(held.values())
