"""Groove: how eighths divide the beat, and how early or late notes come.

All is measured on the beats of the tempo map. A file whose notes keep no beat of it (see `tempo.has_clock`) has no
groove that can be measured, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Score
from kelly_tui.music.tempo import has_clock

Floats = NDArray[np.float64]

STRAIGHT, SWUNG, DOTTED = 0.56, 0.635, 0.71
"""Swing ratios from which a groove is a shuffle, a swing, dotted."""
PUSH_MS = 8.0
"""Mean lateness on the beat from which a straight groove is laid back (or, early, rushed)."""
_FEWEST_PAIRS = 4
_TOGETHER = 0.03
"""Seconds within which onsets are one stroke."""


class Pairs(NamedTuple):
    """Beats that two eighths divide."""

    ratios: Floats
    """(n,) share of the beat that the first takes."""
    beats: int
    """Beats with an onset on them."""
    triplets: int
    """Beats in three even parts."""
    push_ms: float
    """How late all strokes are together; taken off the ratios."""


@dataclass(frozen=True)
class Groove:
    """What there is to say about a piece's time."""

    groove_type: Detection[str]
    swing_ratio: Detection[float]
    timing_offsets: Detection[Floats]
    """(notes,) ms of each note, drums too, from the nearest grid point; late is positive."""
    push_ms: float
    """Median of the offsets on the beat."""


def detect_groove(score: Score) -> Groove:
    """Swing ratio, offsets from the swung grid, and the class of groove that they make."""
    if len(score.notes) < 4:
        return _silent(f"{len(score.notes)} notes make no groove")
    if not has_clock(score):
        return _silent("the notes keep no beat of the file's nominal 120 BPM")
    if is_compound(score):
        return _compound(score)
    pairs = eighth_pairs(score)
    swing = _swing(pairs)
    is_triplet = pairs.triplets >= max(_FEWEST_PAIRS, len(pairs.ratios)) and pairs.triplets * 3 >= pairs.beats
    ratio = 0.5 if swing.value is None or is_triplet else swing.value
    offsets, point = offsets_from_grid(score, _points(score, ratio, is_triplet), pairs.push_ms)
    on_beat = offsets[point == 0]
    push = float(np.median(on_beat)) if len(on_beat) else 0.0
    measured = Detection(offsets, 0.8, f"{push:+.0f} ms on the beat, spread {np.std(offsets):.0f} ms")
    if is_triplet:
        groove = Detection("triplet", 0.8, f"{pairs.triplets} of {pairs.beats} beats in three even parts")
        return Groove(groove, unknown("beats in three parts, not in two"), measured, push)
    return Groove(_class(swing, pairs, push, on_beat), swing, measured, push)


def is_compound(score: Score) -> bool:
    """Whether the beat is a dotted note: 6/8, 9/8, 12/8."""
    return bool(score.meters) and score.meters[0].denominator >= 8 and score.meters[0].numerator in (6, 9, 12)


def _silent(why: str) -> Groove:
    return Groove(unknown(why), unknown(why), unknown(why), 0.0)


def _compound(score: Score) -> Groove:
    why = f"a beat of {score.time_signature} has three parts"
    offsets, point = offsets_from_grid(score, _points(score, 0.5, False), 0.0)
    on_beat = offsets[point == 0]
    push = float(np.median(on_beat)) if len(on_beat) else 0.0
    measured = Detection(offsets, 0.7, f"{push:+.0f} ms on the beat, spread {np.std(offsets):.0f} ms")
    return Groove(Detection("triplet", 0.7, why), unknown(why), measured, push)


def _strokes(score: Score) -> Floats:
    """Onsets in beats; what starts within 30 ms of a stroke belongs to it, at the mean."""
    times, beats = score.notes["onset"], score.notes["onset_beat"]
    group = np.concatenate(([0], np.cumsum(np.diff(times) > _TOGETHER)))
    counts = np.bincount(group)
    strokes: Floats = np.bincount(group, weights=beats) / counts
    return strokes


_NEAR_BEAT = 0.15
"""Beats from the beat within which a stroke is on it."""
_EARLIEST, _LATEST = 0.4, 0.78
"""Where the second of two eighths can lie."""
_EVEN_MS = 12.0
"""Strokes on the beat that vary less than this are pushed as one, and a drummer's are his beat. A soloist's vary more,
and his lateness on the beat is no push of his eighths (Friberg and Sundström, 2002: late downbeats, eighths in time).
"""


def eighth_pairs(score: Score) -> Pairs:
    """The beats that two strokes divide, and where the second lies; of four strokes, where the third lies."""
    strokes = _strokes(score)
    beat = np.floor(strokes + _NEAR_BEAT)
    phase = strokes - beat
    starts = np.flatnonzero(np.concatenate(([True], np.diff(beat) > 0)))
    counts = np.diff(np.append(starts, len(strokes)))
    on = starts[np.abs(phase[starts]) < _NEAR_BEAT]
    counts = counts[np.abs(phase[starts]) < _NEAR_BEAT]
    if len(on) == 0:
        return Pairs(np.empty(0), 0, 0, 0.0)
    late_ms = (score.beat_to_time(strokes[on]) - score.beat_to_time(beat[on])) * 1000
    if _spread(late_ms) < _EVEN_MS or len(score.drums) * 2 > len(score.notes):
        phase = phase - np.median(phase[on])
        push = float(np.median(late_ms))
    else:
        push = 0.0
    ratios = phase[on[counts == 2] + 1]
    if len(ratios) < _FEWEST_PAIRS:
        ratios = np.concatenate((ratios, phase[on[counts == 4] + 2]))
    ratios = ratios[(ratios > _EARLIEST) & (ratios < _LATEST)]
    three = on[counts == 3]
    even = (np.abs(phase[three + 1] - 1 / 3) < 0.08) & (np.abs(phase[three + 2] - 2 / 3) < 0.08)
    return Pairs(ratios, len(on), int(even.sum()), push)


def _swing(pairs: Pairs) -> Detection[float]:
    """The median of the ratios, within what the field holds (0.5 to 0.75)."""
    count = len(pairs.ratios)
    if count < _FEWEST_PAIRS:
        return unknown(f"{count} pairs of eighths are too few")
    ratio = float(np.median(pairs.ratios))
    error = _error(pairs.ratios)
    value = min(0.75, max(0.5, ratio))
    surety = max(0.1, min(0.95, 1.0 - 12 * error))
    return Detection(round(value, 4), surety, f"swing {value:.2f} ± {error:.2f} from {count} pairs")


def _error(values: Floats) -> float:
    """Standard error of the median, from the median absolute deviation; never quite nought."""
    return 1.2533 * max(_spread(values), 0.004) / math.sqrt(len(values))


def _spread(values: Floats) -> float:
    """The standard deviation of most of the values, by their median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _points(score: Score, ratio: float, triplets: bool) -> Floats:
    """The grid of a beat, as shares of it: sixteenths bent to the swing `ratio`, triplets, or a compound beat's six."""
    if is_compound(score):
        return np.arange(7) / 6
    if triplets:
        return np.arange(4) / 3
    return np.array([0.0, ratio / 2, ratio, (1 + ratio) / 2, 1.0])


def offsets_from_grid(score: Score, points: Floats, push_ms: float) -> tuple[Floats, NDArray[np.int64]]:
    """ms of each note from the nearest grid point, and which point of its beat that is (0: the beat itself).

    Nearest once the common `push_ms` is taken off: of what is pushed far, the grid point is the one it belongs to.
    """
    unit = 1.5 if is_compound(score) else 1.0
    beats = score.time_to_beat(score.notes["onset"] - push_ms / 1000) / unit
    whole = np.floor(beats)
    point = np.abs((beats - whole)[:, None] - points).argmin(1)
    offsets: Floats = (score.notes["onset"] - score.beat_to_time((whole + points[point]) * unit)) * 1000
    return offsets, point % (len(points) - 1)


def _class(swing: Detection[float], pairs: Pairs, push: float, on_beat: Floats) -> Detection[str]:
    """The class by the table: dotted, swing, shuffle by the ratio; laid back or rushed by the push; else straight."""
    if swing.value is None:
        return unknown(swing.why)
    ratio, error = swing.value, _error(pairs.ratios)
    for name, low, high in (("dotted", DOTTED, 9.0), ("swing", SWUNG, DOTTED), ("shuffle", STRAIGHT, SWUNG)):
        if ratio >= low:
            inside = _normal((ratio - low) / (error + 0.01)) - _normal((ratio - high) / (error + 0.01))
            return Detection(name, round(0.9 * max(0.1, inside), 3), swing.why)
    late = _normal((abs(push) - PUSH_MS) / (_error(on_beat) + 2.0)) if len(on_beat) else 0.0
    if abs(push) >= PUSH_MS:
        name = "laid_back" if push > 0 else "rushed"
        return Detection(name, round(0.9 * late, 3), f"{push:+.0f} ms on the beat; {swing.why}")
    sure = _normal((STRAIGHT - ratio) / (error + 0.01)) * (1 - late)
    return Detection("straight", round(0.9 * sure, 3), swing.why)


def _normal(z: float) -> float:
    """The normal distribution's function."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def syncopation(score: Score) -> float:
    """0..1: how often a note is held over a stronger place of the bar than its own.

    After Longuet-Higgins and Lee (1984): a stroke on a weak sixteenth that no other follows before a stronger place
    counts by the difference of their levels (bar, half, quarter, eighth, sixteenth); the mean over all strokes, of 4.
    """
    places = np.unique(np.rint(score.notes["onset_beat"] * 4).astype(np.int64))
    if len(places) < 2:
        return 0.0
    here, following = places[:-1], places[1:]
    level = np.zeros(len(here), np.int64)
    passed = np.zeros(len(here), np.int64)
    for rank, length in enumerate((2, 4, 8, 16), start=1):
        level[here % length == 0] = rank
        passed[(following - 1) // length * length > here] = rank
    return float(np.clip(passed - level, 0, None).mean() / 4)
