"""Beats of a performance that was recorded without them, and a clock that counts them.

Dynamic programming (Ellis, 2007, "Beat tracking by dynamic programming") over strokes instead of a spectrum: the beats
are the times that are struck hardest and lie evenly, at the tempo that the onsets tell. How hard a stroke is says how
loud, long and low it is, as Dixon (2001, "Automatic extraction of tempo and beat from expressive performances") and
Lerdahl and Jackendoff (1983) weigh it. A score on the found beats is one as any other: what asks for beats needs not
know where they come from.
"""

from __future__ import annotations

import cmath
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from kelly_tui.music.averages import median
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Score, copy_notes
from kelly_tui.music.runs import begins_of, lengths_of
from kelly_tui.music.tempo import has_clock

Floats = NDArray[np.float64]

_RATE = 50
"""Frames a second in which beats are sought; they are moved to the strokes afterwards."""
_WIDTH = 0.025
"""Seconds: the standard deviation of a stroke's time."""
_TIGHTNESS = 70.0
"""How dear it is to leave the tempo: Ellis's alpha, for strokes whose mean square is 1."""
_TOGETHER, _NEAR = 0.03, 0.06
"""Seconds within which onsets are one stroke, and a stroke is on a beat."""
_DEEP = 48
"""Pitches below this are the bass."""
_LOUD, _LOW, _LONG, _ALONE = 1.0, 2.5, 1.2, 0.5
"""Weights of a stroke's loudness, its bass, its longest note (in seconds, one at most), the time to the next."""
_FEWEST = 8
_LONGEST = 3600.0
"""Seconds beyond which beats are not sought."""
_SLOW = 70.0
"""BPM below which found beats may well be every second one."""
_SHIFTED, _SHIFT_KEPT, _STILL_IN_PLACE = 0.05, 0.8, 0.25
"""Seconds that a clock is early or late which no player is; how closely notes keep to it then, and the most of them
that lie on its beats all the same: more do where every second eighth, or sixteenth, is late, which is swing."""
_EIGHTHS, _SIXTEENTHS = 1, 3
"""Which of `Score.turns` are theirs."""


class Clock(NamedTuple):
    """A score on the beats of its music."""

    score: Score
    """With a tempo map of the found beats, or as it was where its own are true, or none can be found."""
    confidence: float
    """0..1 that its beats are the music's."""
    why: str
    is_in_three: bool = False
    """Whether found beats are dotted quarters of its map, as the strokes part them in three."""


def find_clock(score: Score, tempo: Detection[float]) -> Clock:
    """The score itself where its notes keep its beats; otherwise on the beats that are heard at `tempo`."""
    if tempo.value is None:
        return Clock(score, 0.0, tempo.why)
    if has_clock(score) and abs(tempo.value / score.tempo_bpm - 1) < 1e-3:
        return _in_phase(score, tempo)
    found = find_beats(score, tempo)
    if found.value is None:
        return Clock(score, 0.0, found.why)
    in_three = _in_three(score.notes["onset"], found.value)
    return Clock(on_beats(score, found.value), found.confidence, found.why, in_three)


def find_beats(score: Score, tempo: Detection[float]) -> Detection[Floats]:
    """Seconds of the beats, from the first note to the last, at about `tempo`.

    Of songs, drum takes and jazz solos whose tempo was taken away, 0.53 of those that say 0.5 have an F-measure above
    0.8, 0.74 of those that say 0.64, 0.89 of 0.81, 0.94 of 0.92.
    """
    if tempo.value is None:
        return unknown(tempo.why)
    onsets = score.notes["onset"]
    length = float(onsets[-1] - onsets[0]) if len(onsets) else 0.0
    period = 60 / tempo.value
    if len(onsets) < _FEWEST or length < 4 * period:
        return unknown("too few notes to find a beat")
    if length > _LONGEST:
        return unknown(f"{length / 3600:.0f} hours without a clock")
    strokes, weights = weigh_strokes(score)
    if len(strokes) < _FEWEST:
        return unknown("too few notes to find a beat")
    beats = strokes[0] + _path(_curve(strokes - strokes[0], weights), period * _RATE) / _RATE
    if len(beats) < 4:
        return unknown("too few notes to find a beat")
    beats = _on_strokes(beats, strokes, weights)
    steps = np.diff(beats)
    even = float(np.mean(np.abs(steps[1:] / steps[:-1] - 1) < 0.1))
    confidence = tempo.confidence * (0.5 + 0.5 * even)
    bpm = 60 / median(steps)
    return Detection(beats, round(confidence, 3), f"{len(beats)} beats found at about {bpm:.0f} BPM")


def weigh_strokes(score: Score) -> tuple[Floats, Floats]:
    """Seconds of the strokes, and how much each is a beat's."""
    notes = score.notes
    onsets = notes["onset"]
    starts = begins_of(onsets, _TOGETHER)
    strokes: Floats = np.add.reduceat(onsets, starts) / lengths_of(starts, len(onsets))
    loud = np.sqrt(np.add.reduceat(notes["velocity"] / 64.0, starts))
    low = np.logical_or.reduceat((notes["pitch"] < _DEEP) & ~notes["is_drum"], starts)
    long = np.minimum(np.maximum.reduceat(notes["duration"], starts), 1.0)
    alone = np.minimum(np.concatenate((strokes[1:], [strokes[-1] + 1.0])) - strokes, 1.0)
    weights: Floats = _LOUD * loud + _LOW * low + _LONG * long + _ALONE * alone
    return strokes, weights


def _curve(strokes: Floats, weights: Floats) -> Floats:
    """Frames of the strokes' weights, each spread over the time it may be meant for; their mean square is 1."""
    reach = np.arange(-4, 5)
    frames = np.rint(strokes * _RATE).astype(np.int64)[:, None] + reach
    spread = np.exp(-0.5 * ((frames / _RATE - strokes[:, None]) / _WIDTH) ** 2) * weights[:, None]
    curve = np.zeros(int(frames.max()) + 1)
    inside = frames >= 0
    np.maximum.at(curve, frames[inside], spread[inside])
    return curve / max(float(np.sqrt(np.mean(curve**2))), 1e-9)


def _path(curve: Floats, period: float) -> Floats:
    """Frames of the beats: those that are struck hardest, for steps that cost by the square of log(step / period).

    What a beat can follow lies at least its shortest step before it, so that so many frames are decided at once.
    """
    shortest, longest = max(2, int(period * 0.6)), int(period * 1.7) + 1
    count, choices = len(curve), longest - shortest + 1
    cost = _TIGHTNESS * np.log(np.arange(longest, shortest - 1, -1) / period) ** 2
    total = np.zeros(longest + count)  # the zeros stand for having had no beat before
    earlier, reached = sliding_window_view(total, choices), total[longest:]
    before = np.empty(count, np.int64)
    places = np.arange(0, shortest * choices, choices)
    for start in range(0, count, shortest):
        block = slice(start, min(start + shortest, count))
        sums = earlier[block] - cost
        before[block] = best = sums.argmax(axis=1)
        reached[block] = curve[block] + sums.take(places[: len(best)] + best)
    before += np.arange(count) - longest
    ending = min(count, int(period * 1.2))
    frame = count - ending + int(total[-ending:].argmax())
    path = []
    while frame >= 0:
        path.append(frame)
        frame = int(before[frame])
    return np.array(path[::-1], np.float64)


def _on_strokes(beats: Floats, strokes: Floats, weights: Floats) -> Floats:
    """The beats at the strokes beside them, and halfway towards what their neighbours say."""
    first = np.searchsorted(strokes, beats - _NEAR)
    last = np.searchsorted(strokes, beats + _NEAR)
    sums = np.concatenate(([[0.0, 0.0]], np.cumsum(np.column_stack((weights, weights * strokes)), axis=0)))
    weight, moment = (sums[last] - sums[first]).T
    struck = last > first
    placed = np.where(struck, moment / np.where(struck, weight, 1.0), beats)
    placed[1:-1] = placed[1:-1] / 2 + (placed[:-2] + placed[2:]) / 4
    return np.maximum.accumulate(placed + 1e-6 * np.arange(len(placed)))


def on_beats(score: Score, beats: Floats) -> Score:
    """`score` with a tempo map whose quarter notes (dotted ones, where strokes part them in three) are `beats`."""
    quarters = 1.5 if _in_three(score.notes["onset"], beats) else 1.0
    first, last = float(beats[1] - beats[0]), float(beats[-1] - beats[-2])
    ahead = beats[0] - first * np.arange(int(beats[0] / first), 0, -1)
    behind = beats[-1] + last * np.arange(1, int(max(score.duration - beats[-1], 0.0) / last) + 2)
    edges = np.concatenate((ahead, beats, behind))
    edges = np.concatenate(([0.0], edges[edges > 1e-3]))  # what is before the first beat is one, of its own length
    notes = copy_notes(score.notes)
    timed = replace(score, notes=notes, tempi=np.array((edges[:-1], 60 * quarters / np.diff(edges))).T, meters=[])
    ends = timed.time_to_beat(notes["onset"] + notes["duration"])
    notes["onset_beat"] = timed.time_to_beat(notes["onset"])
    notes["duration_beat"] = ends - notes["onset_beat"]
    return timed


def in_short_beats(score: Score) -> Score:
    """A score on found beats with twice as many where they are slow: at half the tempo, a chord would fall between."""
    if median(score.tempi[:, 1]) >= _SLOW:
        return score
    notes = copy_notes(score.notes)
    notes["onset_beat"] *= 2
    notes["duration_beat"] *= 2
    return replace(score, notes=notes, tempi=score.tempi * np.array([1.0, 2.0]), meters=[])


def _in_three(onsets: Floats, beats: Floats) -> bool:
    """Whether onsets part the beats in three, and not in two: both thirds are struck, as swing does not."""
    phase = np.interp(onsets, beats, np.arange(len(beats)), left=0.0, right=0.0) % 1.0
    third, half, two_thirds = (int(np.count_nonzero(np.abs(phase - place) < 0.08)) for place in (1 / 3, 1 / 2, 2 / 3))
    return min(third, two_thirds) > max(len(beats) / 5, 2 * half)


def _in_phase(score: Score, tempo: Detection[float]) -> Clock:
    """A score at the right tempo; where all its notes keep one distance from its beats, these are moved there.

    So they are where eighths lie on the second and fourth of its sixteenths alone, and hardly any on the first and
    third: by such a clock they would be dotted.
    """
    kept = Clock(score, tempo.confidence, "the notes keep the file's beats")
    strength = np.abs(score.turns)
    part = int((strength > 0.9 * strength.max()).argmax())  # the coarsest that they keep as well
    turn = score.turns[part]
    shift = cmath.phase(turn) / (2 * np.pi * (part + 1))
    eighths = (score.turns[_EIGHTHS] * cmath.exp(-2j * np.pi * (_EIGHTHS + 1) * shift)).real
    between = part == _SIXTEENTHS and eighths < 2 * _STILL_IN_PLACE - 1
    shortest = _SHIFTED * score.tempo_bpm / 60
    if abs(turn) < _SHIFT_KEPT or not (between or abs(shift) >= shortest):
        return kept
    onsets = score.notes["onset_beat"]
    if not between:
        unmoved = 2 if part == _SIXTEENTHS else 1  # what swing leaves in its place: beats, of sixteenths eighths too
        in_place = np.abs(onsets * unmoved - np.rint(onsets * unmoved)) < shortest * unmoved
        if np.count_nonzero(in_place) > _STILL_IN_PLACE * len(onsets):
            return kept
    strokes, weights = weigh_strokes(score)
    phases = score.time_to_beat(strokes) - shift
    places = np.rint(phases * (part + 1)).astype(np.int64) % (part + 1)
    shift += float(np.bincount(places, weights, minlength=part + 1).argmax()) / (part + 1)
    shift -= round(shift)
    if abs(shift) < shortest:
        return kept
    times = score.beat_to_time(np.arange(1.0, float(onsets[-1]) + 2) + shift)
    why = f"the file's beats are {abs(shift):.2f} of a beat {'late' if shift < 0 else 'early'}"
    timed = on_beats(score, times[times > 0])
    meters = [
        meter._replace(beat=float(timed.time_to_beat(np.array([meter.time]))[0].round())) for meter in score.meters
    ]
    return Clock(replace(timed, meters=meters), 0.8 * tempo.confidence, why)
