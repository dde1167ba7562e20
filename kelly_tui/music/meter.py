"""Meter and bars: what the file names, or what the notes say where it names none.

Every bar of every meter from every place it may start is weighed by how its accents lie: long notes, many at once, low
ones and changes of harmony fall on its first beat rather than the others, on its middle, on beats rather than between
them (Lerdahl and Jackendoff, 1983, metrical preference rules 3 to 6), and what was heard a bar or two ago is heard
again (Brown, 1993, "Determination of the meter of musical scores by autocorrelation"). A multinomial logit weighs that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.averages import median
from kelly_tui.music.beats import Clock
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.runs import lengths_of
from kelly_tui.music.tempo import detect_meter
from kelly_tui.text import agree, count

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CELLS = 4
"""Cells of a quarter note, the resolution at which accents are placed."""
_MOST_QUARTERS, _ALL_BARS = 400, 36.0
"""Quarter notes that tell a meter; those after which bars of all meters begin together."""


class _Bar(NamedTuple):
    """A way to count a bar, in cells."""

    cells: int
    beats: tuple[int, ...]
    """From 0: where they begin."""
    second: int = 0
    """The beat, by its number, that is the strongest but the first; 0 where none is."""
    step: int = 2
    """A bar begins on a multiple of this: on an eighth, or on a quarter."""


def _even(beats: int, beat: int, second: int = 0, step: int = 2) -> _Bar:
    return _Bar(beats * beat, tuple(range(0, beats * beat, beat)), second, step)


_BARS: dict[str, tuple[_Bar, ...]] = {
    "2/4": (_even(2, 4),),
    "3/4": (_even(3, 4),),
    "4/4": (_even(4, 4, 2),),
    "6/8": (_even(2, 6),),
    "9/8": (_even(3, 6),),
    "12/8": (_even(4, 6, 2),),
    "5/4": (_even(5, 4, 3, 4), _even(5, 4, 2, 4)),
    "7/4": (_even(7, 4, 4, 4), _even(7, 4, 3, 4)),
    "7/8": (_Bar(14, (0, 4, 8)), _Bar(14, (0, 6, 10)), _Bar(14, (0, 4, 10))),
}
METERS = tuple(_BARS)
"""The meters that are told apart; 2/2 is a 4/4 to the ear. Fives and sevens are counted in two ways or three."""
_IS_DUPLE = np.isin(METERS, ("2/4", "4/4"))
_CELLS_OF = [bars[0].cells for bars in _BARS.values()]
_STATES = [
    (meter, start, bar)
    for meter, bars in enumerate(_BARS.values())
    for bar in bars
    for start in range(0, bar.cells, bar.step)
]
METER_OF_STATE = np.array([meter for meter, _, _ in _STATES])
START_OF_STATE = np.array([start for _, start, _ in _STATES])
"""A way to count a meter's bar and the cell where one starts."""
_CELLS_OF_STATE = np.array(_CELLS_OF)[METER_OF_STATE]
_IS_METER = np.eye(len(METERS))[METER_OF_STATE]
"""(states, meters)"""
_LAGS = sorted({cells * times for cells in _CELLS_OF for times in (1, 2)})
_BAR_LATER, _TWO_LATER = (
    np.array([_LAGS.index(cells * times) for cells in _CELLS_OF])[METER_OF_STATE] for times in (1, 2)
)
"""(states,) which of the lags is a bar, or two."""


def _contrasts() -> Floats:
    """(3, cells of all bars, states): how a bar's accents say that it is a bar from a start on.

    The first beat above the others, beats above what is between them, of four or more the second strongest above all
    but the first.
    """
    table = np.zeros((3, sum(_CELLS_OF), len(_STATES)))
    for state, (meter, start, bar) in enumerate(_STATES):
        origin, count = sum(_CELLS_OF[:meter]), len(bar.beats)
        beats = origin + (start + np.array(bar.beats)) % bar.cells
        first, on, middle = table[:, :, state]
        first[beats] = -1 / (count - 1)
        first[beats[0]] = 1.0
        on[origin : origin + bar.cells] = -1 / (bar.cells - count)
        on[beats] = 1 / count
        if bar.second:
            middle[beats[1:]] = -1 / (count - 2)
            middle[beats[bar.second]] = 1.0
    return table


_CONTRASTS = _contrasts()
_FEWEST, _SHORTEST = 10, 6.0
"""Strokes, and quarter notes, that tell a meter."""
_KICKS = (35, 36)
_SUREST, _RECKONED, _CLEAR = 0.9, 0.6, 0.75
"""The highest confidence; from which other analyses use the bars; from which these stand for a file's own."""
_NAMED_ODDS = np.where(_IS_DUPLE, 3.0, np.where(np.isin(METERS, ("5/4", "7/4", "7/8")), 1 / 3, 1.0))
_OTHERWISE = 0.6
"""How much likelier than by its accents alone each meter is in a file that says no more than 4/4 from its start: fives
and sevens were learnt as if they were as many as others. From which chance that it is in neither two nor four another
is told. With such a 4/4 written to all, 3 of 361 chorales in four are told otherwise, of 118 songs and drum takes none,
of 796 fiddle tunes in two or four none; what says 4/4 at 0.85 and more is right for 0.97 of those tunes and 236 in 6/8
and 9/8 among them, and for 0.91 of another collection's where these are as many as others."""


class Bars(NamedTuple):
    """A meter, and a first bar line."""

    meter: Detection[str]
    score: Score
    """With that meter, where it is sure enough to reckon with."""


def find_bars(clock: Clock) -> Bars:
    """The meter and bars that the file names; where it names none, or only a 4/4 from its start, what the notes tell.

    Bars of one beat are no meter: who writes 1/4 (as the files of POP909 do) counts beats.
    """
    score = clock.score
    named = score.main_meter
    counts_beats = named is not None and named.numerator == 1
    if not counts_beats and (named is not None or score.left_out.get("meter")):
        found = Bars(detect_meter(score), score)
        return _doubted(found) if _may_be_default(score) else found
    if clock.confidence <= 0:
        return Bars(unknown(f"no meter in the file, and {clock.why}"), score)
    meter, barred = hear_bars(replace(score, meters=[]) if counts_beats else score)
    why = f"{meter.why}; the file's {score.time_signature} counts beats" if counts_beats else meter.why
    if meter.value is not None:
        surety = min(meter.confidence, clock.confidence)
        limit = ", no surer than its beats" if surety < meter.confidence else ""
        meter = Detection(meter.value, surety, f"{surety:.0%} likely{limit}; {why}")
    return Bars(meter, score if counts_beats else barred)


def counted(score: Score, clock: Clock, bars: Bars) -> Score:
    """`score` in the bars that its beats are counted and drawn by.

    Those that are heard on a file's own beats, where bars of four would be drawn, only where they are clear.
    """
    return bars.score if clock.score is not score or bars.meter.confidence >= _CLEAR else score


def _may_be_default(score: Score) -> bool:
    """Whether its 4/4 may be that of a program that was told no meter: most write one at the start then.

    Like a tempo of 120 it is nominal. A meter that is written later, or another, was chosen.
    """
    return {(meter.time > 0, *meter[2:]) for meter in score.meters} == {(False, 4, 4)}


def _doubted(named: Bars) -> Bars:
    """A 4/4 that the file names, as sure as the accents leave it; the meter that they say where that is clear."""
    score = named.score
    if _too_few(score):
        return named
    chances = _chances(score) * _NAMED_ODDS[METER_OF_STATE]
    chances /= chances.sum()
    of_meter = np.bincount(METER_OF_STATE, chances, len(METERS))
    stays, rival = float(of_meter[_IS_DUPLE].sum()), int(np.where(_IS_DUPLE, 0.0, of_meter).argmax())
    if of_meter[rival] > stays and 1 - stays > _OTHERWISE:
        heard, barred = _bars_by(replace(score, meters=[]), chances)
        why = f"{heard.confidence:.0%} likely; {heard.why}; the file's 4/4 is what programs write unasked"
        return Bars(replace(heard, why=why), barred if barred.meters else score)
    if stays >= named.meter.confidence:
        return named
    sure = round(stays, 3)
    why = f"{sure:.0%} likely; {named.meter.why}, where programs write it unasked; next {METERS[rival]}, by the accents"
    return Bars(Detection(named.meter.value, sure, why), score)


def _too_few(score: Score) -> str:
    """Why it has too few notes to tell a meter; empty where it has enough."""
    onsets = score.notes["onset_beat"]
    strokes = 1 + int(np.count_nonzero(onsets[1:] - onsets[:-1] > 1 / 16))
    few = strokes < _FEWEST or onsets[-1] - onsets[0] < _SHORTEST
    return f"{count(strokes, 'stroke')} {agree(strokes, 'tells', 'tell')} none" if few else ""


def _chances(score: Score) -> Floats:
    """(states,) how likely each is; 1 in all."""
    odds = bar_evidence(score) @ _WEIGHTS
    chances: Floats = np.exp(odds - odds.max())
    chances /= chances.sum()
    return chances


def hear_bars(score: Score) -> Bars:
    """Meter and bars by the notes' accents on the beats of `score`."""
    if few := _too_few(score):
        return Bars(unknown(f"no meter in the file, and {few}"), score)
    return _bars_by(score, _chances(score))


def _bars_by(score: Score, chances: Floats) -> Bars:
    """The likeliest meter and bars, by (states,) how likely each is."""
    of_meter = np.bincount(METER_OF_STATE, chances, len(METERS))
    best = int(of_meter.argmax())
    rival = int(np.argsort(of_meter)[-2])
    name, confidence = METERS[best], min(_SUREST, float(of_meter[best]))
    why = f"by the accents, next {METERS[rival]}"
    start = _origin(score) + float(START_OF_STATE[np.where(best == METER_OF_STATE, chances, -1.0).argmax()]) / _CELLS
    numerator, denominator = map(int, name.split("/"))
    time = float(score.beat_to_time(np.array([start]))[0])
    meter = Detection(name, round(confidence, 3), why)
    if confidence < _RECKONED:
        return Bars(meter, score)
    return Bars(meter, replace(score, meters=[Meter(time, start, numerator, denominator)]))


def bar_evidence(score: Score) -> Floats:
    """(states, evidence) for each meter and start of its bars."""
    is_line = _is_line(score)
    accents, chroma = _accents(score, is_line)
    count = accents.shape[1]
    centred = accents - accents.mean(axis=1, keepdims=True)
    again = _heard_again(centred[[0, 1, 3]], chroma - chroma.mean(axis=1, keepdims=True))
    standard = np.zeros((len(accents), count + max(_LAGS)))
    standard[:, :count] = centred / (np.sqrt((centred * centred).mean(axis=1, keepdims=True)) + 1e-9)
    folded = np.concatenate([_folded(standard, count, cells) for cells in _CELLS_OF], axis=1)
    length = np.log2(max(count / _CELLS / max(float(np.count_nonzero(accents[1])), 1.0), 1e-3))
    drums = 2 * np.count_nonzero(score.notes["is_drum"]) > len(score.notes)
    kinds = np.array((1.0, length, length**2, is_line, drums))
    usual = kinds[:, None] * _IS_METER[:, None]
    return np.column_stack(
        (
            *(folded @ _CONTRASTS).transpose(0, 2, 1),
            (START_OF_STATE + round(_origin(score) * _CELLS)) % _CELLS_OF_STATE == 0,
            again[_BAR_LATER],
            again[_TWO_LATER],
            usual.reshape(len(usual), -1),
        )
    )


def _folded(accents: Floats, count: int, cells: int) -> Floats:
    """(accents, cells of a bar) their mean over the bars of `count` cells, after which there are zeros."""
    bars = -(-count // cells)
    folded: Floats = accents[:, : bars * cells].reshape(len(accents), bars, cells).sum(axis=1)
    return folded / max(1.0, count / cells)


def _origin(score: Score) -> float:
    """The beat from which cells are counted: the file's start, but for silence that all the bars fit into."""
    return float(score.notes["onset_beat"][0] // _ALL_BARS * _ALL_BARS)


def _is_line(score: Score) -> bool:
    onsets = score.notes["onset_beat"]
    return bool(np.count_nonzero(onsets[1:] - onsets[:-1] < 1 / 16) < 0.05 * len(onsets))


def _heard_again(accents: Floats, chroma: Floats) -> Floats:
    """(lags, accents and chroma): their autocorrelation at each of `_LAGS`, that of all pitch classes together."""
    signals = np.concatenate((accents, chroma))
    count = signals.shape[1]
    products = [np.vecdot(signals[:, : max(count - lag, 0)], signals[:, lag:]) for lag in (0, *_LAGS)]
    together = np.add.reduceat(products, range(len(accents) + 1), axis=1)
    again: Floats = together[1:] / (together[0] + 1e-9)
    return again


def _accents(score: Score, is_line: bool) -> tuple[Floats, Flags]:
    """(4, cells): how many notes start, how long it is to the next, how low the lowest is, how new the harmony; and
    (12, cells) which pitch classes sound.
    """
    origin = _origin(score)
    notes = score.notes[: score.notes["onset_beat"].searchsorted(origin + _MOST_QUARTERS)]
    cell = np.rint((notes["onset_beat"] - origin) * _CELLS).astype(np.int64)
    count = int(cell[-1]) + 1 + _CELLS
    many = np.sqrt(np.bincount(cell, minlength=count))
    struck = many.nonzero()[0]
    apart = lengths_of(struck, int(struck[-1]) + _CELLS) / _CELLS
    long, low = np.zeros(count), np.zeros(count)
    long[struck] = np.log2(1 + 2 * np.minimum(apart, 4.0))
    drums = notes["is_drum"]
    if drums.any():
        low[cell[drums & np.isin(notes["pitch"], _KICKS)]] = 1.0
        notes, cell = notes.compress(~drums), cell[~drums]
    ends = notes["onset_beat"] - origin + np.minimum(notes["duration_beat"], 4.0)
    end = np.minimum(np.maximum(np.rint(ends * _CELLS).astype(np.int64), cell + 1), count)
    pitches = notes["pitch"].astype(np.int64)
    place, size = pitches % 12 * (count + 1), 12 * (count + 1)
    steps = np.bincount(place + cell, minlength=size) - np.bincount(place + end, minlength=size)
    chroma = steps.cumsum().reshape(12, -1)[:, :-1] > 0  # of each pitch class the steps add up to none
    if len(notes) and not is_line:
        np.maximum.at(low, cell, np.maximum(median(pitches) - pitches, 0.0) / 12)
    return np.array([many, long, low, _novelty(chroma) * (many > 0)]), chroma


def _novelty(chroma: Flags) -> Floats:
    """(cells,) how much the pitch classes of the two quarter notes from each on differ from those of the two before."""
    window, count = 2 * _CELLS, chroma.shape[1]
    heard = np.zeros((12, window + count + window), np.float32)  # whole numbers, which it holds exactly
    heard[:, window:-window] = chroma
    for away in (1, 2, 4):  # of two cells, of four, of the window's eight
        heard = heard[:, :-away] + heard[:, away:]
    together = np.einsum("pc,pc->c", heard[:, window:], heard[:, :-window])[:count]
    alone = np.einsum("pc,pc->c", heard, heard).astype(np.float64)
    new: Floats = 1 - together / (np.sqrt(alone[window : window + count] * alone[:count]) + 1e-9)
    new[0] = new[:window].mean()
    return new


_WEIGHTS = np.array(
    [  # of how many start, how long, how low, how new the harmony
        *(-0.58, 0.27, 0.24, 2.61),  # the first beat above the others
        *(1.92, 5.62, 2.73, 0.02),  # beats above what is between
        *(-2.15, 0.94, 1.32, 0.74),  # the third of four above the second and fourth
        2.43,  # the first cell begins a bar
        *(0.61, 2.23, 0.61, 2.12),  # heard again a bar later: how many, how long, new harmony, pitch classes
        *(3.22, 4.35, 1.01, 1.61),  # two bars later
        # of 2/4, 3/4, 4/4, 6/8, 9/8; of 12/8, 5/4, 7/4, 7/8
        *(-1.30, 2.35, 2.40, -1.63, -2.07),  # always
        *(-3.13, 0.22, 0.37, -0.79),
        *(0.67, 3.27, 1.23, -3.35, -1.40),  # by the octaves of the time between strokes
        *(0.66, 2.76, 3.20, 0.77),
        *(1.80, 1.46, -0.01, -1.55, -0.80),  # by their square
        *(0.24, 0.72, -0.15, 0.33),
        *(0.61, -1.18, -0.96, 0.42, 1.11),  # of a single line
        *(-0.10, -2.17, -2.73, -1.46),
        *(-3.84, -2.11, 4.65, -1.30, -0.15),  # of drums
        *(-1.10, 4.20, 4.59, 1.83),
    ]
)
"""Maximum likelihood with a quadratic penalty on 2,500 folk tunes of four collections, 170 chorales, quartets, songs
and drum takes, and 240 pieces made by rule. Out of fold 80 % of the real ones' meters are right, and 93 % but for 2/4
and 4/4, which nothing tells apart in many; what says 0.6 is right for 0.68, 0.8 for 0.84, 0.9 for 0.91.

Those of 12/8, 5/4, 7/4 and 7/8 are of a later fit that left the others as they were, on 756 tunes of three collections,
200 generated pieces, and 1,350 made by rule, 150 of each meter, as hardly any tune is in them. Out of fold 78, 80 and
89 % of those made in 5/4, 7/4 and 7/8 are heard, 28 % in 12/8, which is mostly a 6/8 in pairs of bars; of 748 tunes in
other meters two are now told as one of these."""
