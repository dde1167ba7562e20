"""Groove: how eighths divide the beat, and how early or late notes come.

All is measured on the beats of the tempo map. A performance recorded without one is measured on those that were found
(see `beats.find_clock`); where none are, there is no groove that can be measured, and it says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.averages import Middle, deviation, median
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.eighths import (
    EVEN_MS,
    FEWEST_PAIRS,
    NEAR_BEAT,
    Division,
    Strokes,
    divide,
    find_strokes,
    is_drummer,
    most_pairs,
)
from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.runs import runs
from kelly_tui.music.tempo import has_clock, unkept
from kelly_tui.text import agree, count

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRAIGHT, SWUNG, DOTTED = 0.56, 0.635, 0.71
"""Swing ratios from which a groove is a shuffle, a swing, dotted."""
PUSH_MS = 8.0
"""Mean lateness on the beat from which a straight groove is laid back (or, early, rushed)."""


@dataclass(frozen=True)
class Groove:
    """What there is to say about a piece's time."""

    groove_type: Detection[str]
    swing_ratio: Detection[float]
    timing_offsets: Detection[Floats]
    """(notes,) ms of each note, drums too, from the nearest grid point; late is positive."""
    push_ms: float
    """Middle of the offsets on the beat."""
    push_error_ms: float = 0.0
    """Its standard error, that of the file's ticks too."""
    places: Ints | None = None
    """(notes,) the grid point of each note, counted from the start; `parts` to a beat (a dotted one in 6/8)."""
    parts: int = 4

    def less_sure(self, confidence: float) -> Groove:
        """As it is on beats that are the music's with this `confidence`."""
        if confidence == 1:
            return self
        return replace(
            self,
            groove_type=self.groove_type.less_sure(confidence),
            swing_ratio=self.swing_ratio.less_sure(confidence),
            timing_offsets=self.timing_offsets.less_sure(confidence),
        )


def detect_groove(score: Score) -> Groove:
    """Swing ratio, offsets from the swung grid, and the class of groove that they make.

    The swing ratio is the place of the second of two eighths in the beat, as Friberg and Sundström (2002) and the
    Weimar Jazz Database (Pfleiderer et al., 2017) measure it; of sixteenths, where these swing and eighths don't.
    """
    if (few := len(score.notes)) < 4:
        return no_groove(f"{count(few, 'note')} {agree(few, 'makes', 'make')} no groove")
    if not math.isfinite(float(score.notes["onset"].sum())):
        return no_groove("the notes have no times")
    if float(score.notes["onset_beat"][-1] - score.notes["onset_beat"][0]) < 1:
        return no_groove("all notes start within a beat")
    if not has_clock(score):
        return no_groove(unkept(score))
    if (meter := score.main_meter) is not None and meter.is_compound:
        return _compound(score, meter)
    strokes = find_strokes(score)
    return _divided(score, strokes).less_sure(strokes.sure)


def _divided(score: Score, strokes: Strokes) -> Groove:
    """The groove of beats in two or in three, if these are on the beat."""
    swing, told, eighths = _swing(score, strokes, 1)
    if eighths.triplets >= max(FEWEST_PAIRS, _MOST * eighths.divided):
        push = _Push.of(score, np.arange(4) / 3, strokes)
        of_most = _TRIPLETS if 2 * eighths.triplets >= eighths.on else _FEW_TRIPLETS
        triplet = Detection(
            "triplet",
            _DRUMMED_TRIPLETS if is_drummer(score) else of_most,
            f"{eighths.triplets} of {eighths.on} beats in three even parts",
        )
        return push.groove(triplet, unknown("beats in three parts, not in two"))
    division, parts = eighths, 1
    pairs_wanted = 0.9 * eighths.on
    if swing.value is not None and abs(swing.value - 0.5) < _NO_SWING and most_pairs(strokes, 2) >= pairs_wanted:
        of_sixteenths, its_ratio, halves = _swing(score, strokes, 2, told.otherwise)
        if halves.pairs >= pairs_wanted and of_sixteenths.value is not None:
            swing, told, division, parts = of_sixteenths, its_ratio, halves, 2
    push = _Push.of(score, _points(0.5 if swing.value is None else swing.value, parts), strokes)
    return push.groove(_class(score, swing, told, division, parts, push), swing)


def beat_of(score: Score) -> tuple[float, float]:
    """Quarter notes of a beat, and the first beat: of a compound meter, a dotted note, counted from where it begins.

    The meter is the one that holds for the longest: before it a bar may be left for the pick-up.
    """
    meter = score.main_meter
    if meter is None or not meter.is_compound:
        return 1.0, 0.0
    dotted = 12 / meter.denominator
    return dotted, -(-meter.beat % dotted)


def no_groove(why: str) -> Groove:
    """Nothing that can be said, and why."""
    return Groove(unknown(why), unknown(why), unknown(why), 0.0)


def _compound(score: Score, meter: Meter) -> Groove:
    why = f"a beat of {meter.numerator}/{meter.denominator} has three parts"
    push = _Push.of(score, np.arange(7) / 6, None)
    return push.groove(Detection("triplet", 0.7, why), unknown(why))


_MOST = 0.75
"""Share of the divided beats that are in three parts, from which the groove is triplets."""
_TRIPLETS, _FEW_TRIPLETS = 0.9, 0.6
"""How sure triplets are, and those of less than half of the beats: the others are not divided, and say nothing."""
_DRUMMED_TRIPLETS = 0.35
"""How sure triplets of a drummer are: of five such takes annotators call none so, but straight or a shuffle."""
_NO_SWING = 0.03
"""Distance from one half at which eighths are even, and sixteenths are looked at."""


class _Ratio(NamedTuple):
    """A swing ratio, its standard error, and what else it may be."""

    at: float
    error: float
    otherwise: tuple[tuple[float, float], ...] = ()
    """(ratio, the probability that it is this one and none of those before)."""

    def between(self, low: float, high: float, blur: float = 0.0) -> float:
        """How probable it is that it lies there, of borders that are vague by `blur`."""
        error, rest, found = self.error + blur, 1.0, 0.0
        for ratio, doubt in (*self.otherwise, (self.at, 1.0)):
            found += rest * doubt * (_normal((high - ratio) / error) - _normal((low - ratio) / error))
            rest *= 1 - doubt
        return found


def _swing(
    score: Score, strokes: Strokes, parts: int, rivals: tuple[tuple[float, float], ...] = ()
) -> tuple[Detection[float], _Ratio, Division]:
    """The middle of the ratios in the beat, or in each of its two `parts`; how sure it is; and what divides them so.

    Drawn a little to 0.6 ± 0.1 (most music's) where they vary, within what the field holds: 0.5 to 0.75. What is not
    known of the push is not known of where the beat begins. `rivals` are what it may be besides.
    """
    division = divide(strokes.beats * parts, strokes.early * parts, bool(strokes.late.any()))
    what, finer = ("pairs", "sixteenths") if parts == 1 else ("pairs of sixteenths", "32nds")
    pairs = len(division.ratios) - division.halved
    if len(division.ratios) < FEWEST_PAIRS:
        return unknown(f"too few {what} for a swing ratio: {pairs}"), _Ratio(0.5, 1.0), division
    middle, own = Middle.of(division.ratios, 0.04, 0.004, parts / score.ticks_per_beat)
    error = math.hypot(own, parts * strokes.error)
    sure = 0.1**2 / (0.1**2 + error**2)
    drawn = sure * middle + (1 - sure) * 0.6
    unpushed = _held(drawn + parts * strokes.otherwise)
    rivals += ((unpushed, strokes.doubt), (_held(division.rival), division.doubt))
    ratio = _Ratio(_held(drawn), error, tuple(rival for rival in rivals if rival[1]))
    why = f"swing {ratio.at:.2f} ± {max(math.ceil(error * 100), 1) / 100:.2f} from {pairs} {what}"
    if division.halved:
        why += f" and {division.halved} times {finer}"
    if division.doubt > 1 - _CLEAR and abs(division.rival - ratio.at) > error + 0.01:
        why += f", or {_held(division.rival):.2f} by the other beats"
    if strokes.doubt > 1 - _CLEAR and abs(unpushed - ratio.at) > error + 0.01:
        why += f", or {unpushed:.2f} if a soloist" + (" doesn't play" if strokes.late.any() else " plays")
    confidence = 0.98 * ratio.between(ratio.at - 0.03, ratio.at + 0.03)
    return Detection(round(ratio.at, 4), round(confidence, 3), why), ratio, division


def _held(ratio: float) -> float:
    """What the field holds of a swing ratio."""
    return min(0.75, max(0.5, ratio))


def _within(reach: float, error: float) -> float:
    """How probable it is that what has the standard `error` is right within `reach`."""
    return round(0.98 * math.erf(reach / (error * math.sqrt(2))), 3)


def _points(ratio: float, parts: int) -> Floats:
    """The grid of a beat, as shares of it: sixteenths bent to the swing `ratio` of the beat, or of its two `parts`."""
    if parts == 2:
        return np.array([0.0, ratio / 2, 0.5, (1 + ratio) / 2, 1.0])
    return np.array([0.0, ratio / 2, ratio, (1 + ratio) / 2, 1.0])


def offsets_from_grid(score: Score, points: Floats, strokes: Strokes | None) -> tuple[Floats, Ints]:
    """ms of each note from the nearest grid point, and which that is, counted from the start (0: the first beat).

    Nearest once the common push is taken off: of what is pushed far, the grid point is the one it belongs to. Of a
    soloist's n strokes in a beat the first is meant for the beat if it comes in the first fifth of it, or, of more than
    three, in the n + 2nd part.
    """
    unit, first = beat_of(score)
    beats = (score.notes["onset_beat"] - first - (0.0 if strokes is None else strokes.push)) / unit
    whole = np.floor(beats)
    point = ((points[1:] + points[:-1]) / 2).searchsorted(beats - whole)
    if strokes and strokes.late.any():
        beat = np.floor(strokes.beats + strokes.early)
        starts, counts = runs(beat)
        on = np.zeros(len(beat), np.bool_)
        on[starts] = (strokes.beats - beat)[starts] < np.minimum(0.2, 1 / (counts + 2))
        of_beat = on[strokes.of_note] & strokes.late
        whole[of_beat], point[of_beat] = beat[strokes.of_note[of_beat]], 0
    offsets: Floats = (score.notes["onset"] - score.beat_to_time((whole + points[point]) * unit + first)) * 1000
    return offsets, whole.astype(np.int64) * (len(points) - 1) + point


@dataclass(frozen=True)
class _Push:
    """How late the notes are, and how much they vary."""

    offsets: Floats
    places: Ints
    parts: int
    on_beat: NDArray[np.bool_]
    ms: float
    error: float
    spread: float
    """Standard deviation of those on the beat."""
    or_else: str = ""
    """How late they are if what is taken for them is not on the beat."""

    @classmethod
    def of(cls, score: Score, points: Floats, strokes: Strokes | None) -> _Push:
        """Of the notes of a score from the grid of `points`."""
        offsets, places = offsets_from_grid(score, points, strokes)
        parts = len(points) - 1
        on_beat = places % parts == 0
        others = on_beat & ~score.notes["is_drum"]
        told = offsets[others if np.count_nonzero(others) >= FEWEST_PAIRS else on_beat if on_beat.any() else ...]
        middle = Middle.of(told, EVEN_MS, 0.5, 60_000 / (score.tempo_bpm * score.ticks_per_beat))
        ms = middle.at if on_beat.any() else 0.0
        doubted = strokes is not None and strokes.sure < _CLEAR
        or_else = f", or {strokes.rival * 60_000 / score.tempo_bpm:+.0f} ms" if strokes and doubted else ""
        return cls(offsets, places, parts, on_beat, ms, middle.error, deviation(told), or_else)

    def is_of_clock(self, score: Score) -> bool:
        """Whether most notes, on the beat or not, are late by one and the same: none of the parts is in time, and the
        drums are late as the others are.

        Nobody plays so: of hands that vary by 3 ms (drummers at a click by 10) the share of notes that lie so near to
        each other, within half a tick, is what `erf` says; here half of the rest does too.
        """
        near = max(_SAME_MS, 30_000 / (score.tempo_bpm * score.ticks_per_beat)) + 0.01
        by_hand = math.erf(near / (_HAND_MS * math.sqrt(2)))
        alike = np.abs(self.offsets - self.ms) < near
        if np.count_nonzero(alike) <= (1 + by_hand) / 2 * len(alike):
            return False
        in_time = np.count_nonzero((np.abs(self.offsets) < near) & ~alike)
        drums = alike[score.notes["is_drum"] & self.on_beat]
        return bool(in_time < _IN_TIME * len(alike) and 2 * np.count_nonzero(drums) >= len(drums))

    def groove(self, groove_type: Detection[str], swing: Detection[float]) -> Groove:
        """With what else is known."""
        why = f"{self.ms:+z.0f} ± {math.ceil(self.error)} ms on the beat{self.or_else}, spread {self.spread:.0f} ms"
        offsets = Detection(self.offsets, _within(8.0, self.error), why)
        return Groove(groove_type, swing, offsets, self.ms, self.error, self.places, self.parts)


_SAME_MS, _HAND_MS, _IN_TIME = 0.5, 3.0, 0.05
"""ms within which notes are late by the same, the least by which hands vary, and the share of notes that a part has."""
_CLEAR = 0.8
"""How sure it is which strokes are on the beat, under which it is said what the push is if they are others."""
_HUMAN_MS = 7.5
"""Spread from which hands played it. Drummers at a click vary by 10 ms and more (Hellmer and Madison, 2015); what
varies less was made by rule, and its swing ratio and push are meant as they stand."""


def _class(
    score: Score, swing: Detection[float], told: _Ratio, division: Division, parts: int, push: _Push
) -> Detection[str]:
    """By the table: dotted, swing, shuffle by the ratio; laid back or rushed by the push; else straight.

    A drummer's swing or shuffle is told by its pattern: his ratio follows the tempo, not the style. What players call
    straight sixteenths swings a little.
    """
    if swing.value is None:
        return unknown(swing.why)
    played = push.spread >= _HUMAN_MS
    swings = STRAIGHT + (2 * told.error if played and parts == 2 else 0.0)
    grooves = (("dotted", DOTTED, 9.0), ("swing", SWUNG, DOTTED), ("shuffle", swings, SWUNG))
    of_table = next((groove for groove in grooves if told.at >= groove[1]), None)
    if of_table:
        name, low, high = of_table
        by_ratio = max(0.1, told.between(low, high, 0.01))
        if played and is_drummer(score):
            return _drummers(score, swing, division, parts, name, by_ratio)
        return Detection(name, round(0.9 * by_ratio, 3), swing.why)
    ms = _against_the_drums(score, push) if played else push.ms
    return _even(score, swing, told.between(-9.0, swings, 0.01), ms, push)


def _even(score: Score, swing: Detection[float], even: float, ms: float, push: _Push) -> Detection[str]:
    """Laid back or rushed by the push in `ms`; else straight, as surely as the ratio is `even`.

    What lies beside the file's beats without a player's spread, or further than players push, is not pushed.
    """
    late = _normal((abs(ms) - PUSH_MS) / (push.error + 2.0))
    of_clock = late > 0.01 and push.is_of_clock(score)  # what is in time is straight by any clock
    too_far = abs(ms) > min(_FARTHEST_MS, _FARTHEST * 60_000 / score.tempo_bpm)
    why = swing.why
    if abs(ms) >= PUSH_MS and of_clock:
        side = "after" if ms > 0 else "before"
        why = f"the notes lie {abs(ms):.0f} ms {side} the file's beat, without spread: its clock; {why}"
    elif abs(ms) >= PUSH_MS:
        by = f"{ms:+.0f} ± {math.ceil(push.error)} ms on the beat"  # never of nothing: it is pushed
        if not too_far:
            return Detection("laid_back" if ms > 0 else "rushed", round(0.9 * late, 3), f"{by}; {why}")
        why = f"{by}, further than a push; {why}"
    doubt = _BY_RULE if of_clock else _BY_ANOTHER_BEAT if too_far else 1.0
    return Detection("straight", round(0.95 * even * (1 - doubt * late), 3), why)


_FARTHEST_MS, _FARTHEST = 60.0, 0.2
"""Beyond so many ms, or this share of the beat, lateness is no push: the next sixteenth or triplet is as near."""
_BY_RULE, _BY_ANOTHER_BEAT = 0.2, 0.5
"""How probably a straight groove isn't one whose notes all lie beside the beat: it was pushed by rule, as one; or, so
far away, the beat is another and tells another groove."""


def _against_the_drums(score: Score, push: _Push) -> float:
    """How late the others are against a drummer; of drums alone, 0: their distance from a click is their recorder's."""
    drums = score.notes["is_drum"] & push.on_beat
    others = ~score.notes["is_drum"] & push.on_beat
    if not others.any():
        return 0.0
    return median(push.offsets[others]) - (median(push.offsets[drums]) if drums.any() else 0.0)


_SNARES = (37, 38, 39, 40)


_NOT_BY_RATIO = 0.2
"""How much less sure the pattern is where the ratio is another's by the table: of 13 drum takes that are a shuffle by
their pattern alone, annotators call ten so."""


def _drummers(
    score: Score, swing: Detection[float], division: Division, parts: int, of_table: str, by_ratio: float
) -> Detection[str]:
    """Shuffle or swing. A shuffle skips on every beat under a backbeat at a walking or dancing tempo; the ride of swing
    skips on every other (ding, ding-a), mostly faster, and without a backbeat (Riley, The Art of Bop Drumming, 1994).
    """
    bpm = score.tempo_bpm * parts
    hits = score.notes[np.isin(score.notes["pitch"], _SNARES) & (score.notes["velocity"] > 60)]
    places = hits["onset_beat"] * parts
    beat = np.unique(np.rint(places[np.abs(places - np.rint(places)) < NEAR_BEAT]))
    backbeat = abs(float(np.sum(beat % 2 * 2 - 1))) / max(1.0, division.on / 2)
    logit = 5 * (division.skipping_evenly - 0.5) + 4 * math.log2(155 / max(bpm, 1.0)) + 2 * (min(backbeat, 1.0) - 0.35)
    name = "shuffle" if logit > 0 else "swing"
    every = f"skips on {division.skipping} of {division.on} beats at {bpm:.0f} BPM"
    sure = 0.9 / (1 + math.exp(-abs(logit)))
    if name == "shuffle" != of_table:
        sure *= 1 - _NOT_BY_RATIO * by_ratio
    return Detection(name, round(sure, 3), f"{every}; {swing.why}")


def _normal(z: float) -> float:
    """The normal distribution's function."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
