"""Key and mode from the notes.

A pitch-class profile is compared with published ones for every tonic and mode; which pitches the piece never touches,
which of two characteristic degrees it prefers, how much of it is each note of the tonic triad, what it ends on, what
stands under its long notes and first downbeat, how often the bass goes to the tonic from the fifth and the second, and
whether its range begins on the fifth decide the rest; of a line also whether its first half closes on the tonic and its
range ends there, of harmony whether its first bass is the tonic, of a loop of chords whether every second and every
fourth bar begins on it: where two chords alternate, a fifth down may lead away from home as well as to it. The parts
are weighed by a multinomial logit, so that their sum is a log-odds and the confidence a probability. A single line
tells its key otherwise than harmony does, a loop otherwise than a song, and voices from before tonality otherwise than
a chorale, so each has its own weights.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.averages import median
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.key_weights import PRIORS, SURE, WEIGHTS
from kelly_tui.music.theory import SCALES
from kelly_tui.text import agree, count

if TYPE_CHECKING:
    from kelly_tui.music.notes import Score  # features of audio need no reader of MIDI

Floats = NDArray[np.float64]
Key = tuple[str, str]

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""Albrecht and Shanahan (2013), "The use of large corpora to train a new type of key-finding algorithm"."""

CHARACTER: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "major": ((11, 10), (5, 6)),
    "mixolydian": ((10, 11), (5, 6)),
    "lydian": ((11, 10), (6, 5)),
    "minor": ((8, 9), (2, 1)),
    "dorian": ((9, 8), (2, 1)),
    "phrygian": ((8, 9), (1, 2)),
    "locrian": ((8, 9), (1, 2)),
    "harmonic_minor": ((8, 9), (11, 10)),
    "melodic_minor": ((9, 8), (11, 10)),
}
"""Degrees that a mode has, each with the one it has instead."""

MODES = tuple(CHARACTER)
FORMS = ("minor", "harmonic_minor", "melodic_minor")
"""Music in minor mixes them: they are one key, `minor`, and `form_of_minor` says where a piece keeps to one."""


def key_profile(mode: str) -> Floats:
    """The published profile, with the degrees exchanged in which the mode differs from major or minor."""
    profile = np.array(_MAJOR if 4 in SCALES[mode] else _MINOR)
    base = "major" if 4 in SCALES[mode] else "minor"
    for mine, other in zip(
        sorted(set(SCALES[mode]) - set(SCALES[base])), sorted(set(SCALES[base]) - set(SCALES[mode]))
    ):
        profile[[mine, other]] = profile[[other, mine]]
    return profile


def _for_all_keys(of_mode: dict[str, Floats]) -> Floats:
    """(12 * modes, 12): a row for each tonic and mode."""
    return np.array([np.roll(of_mode[mode], tonic) for tonic in range(12) for mode in MODES])


_PROFILES = _for_all_keys({mode: key_profile(mode) for mode in MODES})
_PROFILES -= _PROFILES.mean(1, keepdims=True)
_PROFILES /= np.linalg.norm(_PROFILES, axis=1, keepdims=True)
_OUT_OF_SCALE = 1.0 - _for_all_keys({mode: np.isin(np.arange(12), SCALES[mode]).astype(float) for mode in MODES})
_TONIC = np.repeat(np.arange(12), len(MODES))
_ABOVE = (np.arange(12)[:, None] + np.arange(12)) % 12
"""(12, 12) the pitch class so many semitones above each tonic."""


def _degree(index: int) -> NDArray[np.int64]:
    """(12 * modes,) the pitch class of a degree of each key; 0 is the tonic."""
    steps: NDArray[np.int64] = _TONIC + np.tile([SCALES[mode][index] for mode in MODES], 12)
    return steps % 12


def _is(name: str) -> NDArray[np.bool_]:
    return np.tile([mode == name for mode in MODES], 12)


_SECOND, _THIRD, _FIFTH = (_degree(index) for index in (1, 2, 4))
_IS_MINOR, _IS_DORIAN, _IS_MIXOLYDIAN, _IS_LYDIAN = map(_is, ("minor", "dorian", "mixolydian", "lydian"))
_PRIOR_ROWS = {texture: np.tile([of.get(mode, 0.0) for mode in MODES], 12) for texture, of in PRIORS.items()}
_CHARACTER = np.array(
    [[[(tonic + mine) % 12 for mine in pair] for pair in CHARACTER[mode]] for tonic in range(12) for mode in MODES]
).T
"""(2, 2, 12 * modes) the degrees that each key has, and those that others have instead."""
_FORM = [MODES.index(mode) for mode in FORMS]

(
    _NOTHING, _SOUNDS, _MIXED, _NO_LOW_SEVENTH, _NO_HIGH_FOURTH, _NO_THIRD, _UNDORIAN, _LOW_END, _HIGH_END, _LONG,
    _DOWNBEAT, _LOWEST, _HALF, _HIGHEST, _FIRST, *_GROUP_BEGINS, _MOVES,
) = range(18)  # fmt: skip
"""What is heard of a piece, each of twelve pitch classes or tonics; last, of the bass, how often it goes from each."""


def _places(is_line: bool) -> NDArray[np.int64]:
    """(20, 12 * modes) where each key finds in that what the last columns of its evidence are."""
    columns = (
        _IS_MINOR * (12 * _MIXED + _TONIC),
        _IS_DORIAN * (12 * _MIXED + _TONIC),
        _IS_MIXOLYDIAN * (12 * _NO_LOW_SEVENTH + _TONIC) + _IS_LYDIAN * (12 * _NO_HIGH_FOURTH + _TONIC),
        _IS_DORIAN * (12 * _UNDORIAN + _TONIC) + _IS_MIXOLYDIAN * (12 * _NO_THIRD + _TONIC),
        12 * _SOUNDS + _TONIC,
        12 * _SOUNDS + _THIRD,
        12 * _SOUNDS + _FIFTH,
        12 * _LOW_END + _TONIC,
        12 * _LOW_END + _THIRD if is_line else 12 * _HIGH_END + _TONIC,
        12 * (_MOVES + _FIFTH) + _TONIC,
        12 * (_MOVES + _SECOND) + _TONIC,
        12 * _LONG + _TONIC,
        12 * _DOWNBEAT + _TONIC,
        12 * _DOWNBEAT + _FIFTH,
        12 * _LOWEST + _FIFTH,
        *(12 * row + _TONIC for row in (_HALF, _HIGHEST, _FIRST, *_GROUP_BEGINS)),
    )
    return np.array(columns)


_PLACES = (_places(False), _places(True))

_TRACE = 0.01
"""Share of the sounding time below which a degree is not there."""
_LINE = 0.95
"""Share of the notes that begin a stroke, above which they are a single line."""
_TRITONES = 0.1
"""Share of the chords with a tritone, below which voices are of before tonality: Palestrina's masses have 0 to 0.12, of
60 chorales by Bach the fewest 0.105 and half more than 0.19."""
_ON_TIME = 1 / 32 - 1e-6
"""Of a bar: what is less away from a downbeat is on it; a thirty-second of a bar is not, however its beat rounds."""
_GROUPS = (2, 4)
"""Bars that belong together where chords go around."""
_LEAST, _PERIODS, _AGAIN = 6, (2, 3, 4, 8), 0.85
"""A loop's downbeats, so many at least, and the share of its basses that come again after so many."""
LONGEST_BEATS = 4.0
"""A longer note counts no more: a pedal point is not a key."""


def pitch_class_profile(score: Score) -> Floats:
    """(12,) share of each pitch class in the sounding time of the pitched notes; zeros if there are none."""
    notes = score.pitched
    weights = np.minimum(notes["duration_beat"], LONGEST_BEATS) + 1e-6
    profile: Floats = np.bincount(score.classes, weights, 12).astype(np.float64, copy=False)
    profile /= max(profile.sum(), 1e-12)
    return profile


def detect_key(score: Score) -> Detection[Key]:
    """Tonic and mode: ``("A", "minor")``."""
    return weigh_keys(score)[0]


def weigh_keys(score: Score) -> tuple[Detection[Key], Floats]:
    """The key, and (12 * modes,) the chance of each; equal ones where no key can be told."""
    if why_not := why_no_key(score):
        return unknown(why_not), np.full(len(_TONIC), 1.0 / len(_TONIC))
    chances, texture = chances_of_keys(score)
    of_keys = as_keys(chances)
    best, second = np.argsort(of_keys)[:-3:-1]
    tonic, mode = key_of_row(int(best))
    sure = how_sure(float(of_keys[best]), texture)
    why = f"{sure:.0%} likely; next {' '.join(key_of_row(int(second)))}"
    if mode == "minor":
        mode = form_of_minor(score, KEYS.index(tonic))
        why += {"harmonic_minor": "; the seventh always raised", "melodic_minor": "; sixth and seventh raised"}.get(
            mode, ""
        )
    return Detection((tonic, mode), sure, why), chances


def why_no_key(score: Score) -> str:
    """Why its notes tell no key; empty where they tell one."""
    notes = len(score.pitched)
    if notes == 0:
        return "no pitched notes"
    classes = int(np.count_nonzero(score.class_counts))
    if classes < 3 or notes < 5:
        of = f"{count(notes, 'note')} of {count(classes, 'pitch class', 'pitch classes')}"
        return f"{of} {agree(notes, 'tells', 'tell')} no key"
    return "the twelve pitch classes are as many each: no key" if _are_alike(score.class_counts) else ""


def chances_of_keys(score: Score) -> tuple[Floats, str]:
    """(12 * modes,) the chance of each key, of a score that tells one; and its texture."""
    evidence, texture = key_evidence(score)
    odds = evidence @ np.array(WEIGHTS[texture]) + _PRIOR_ROWS[texture]
    chances: Floats = np.exp(odds - odds.max())
    chances /= chances.sum()
    return chances, texture


def _are_alike(counts: NDArray[np.int64]) -> bool:
    """Whether as many notes of each pitch class would differ as much by chance, one time of twenty: Pearson's test,
    of five notes a class at least. Of 397 annotated songs, tunes and solos one is so, a jazz solo.
    """
    usual = float(counts.sum()) / 12
    return usual >= 5 and float(((counts - usual) ** 2).sum()) / usual < _BY_CHANCE


_BY_CHANCE = 19.675
"""The chi-square of eleven degrees of freedom that chance exceeds one time of twenty."""


def how_sure(chance: float, texture: str) -> float:
    """0..1: how often a key is right to which the logit gives this chance."""
    offset, factor = SURE[texture]
    odds = chance / max(1.0 - chance, 1e-6)
    return 1.0 / (1.0 + math.exp(-offset - factor * math.log(max(odds, 1e-6))))


def as_keys(chances: Floats) -> Floats:
    """(..., 12 * modes) chances with those of minor's forms added up as minor's."""
    table = chances.reshape(*chances.shape[:-1], 12, len(MODES)).copy()
    minor, *others = (table[..., form] for form in _FORM)
    for other in others:
        minor += other
        other[...] = 0.0
    return table.reshape(chances.shape)


def key_of_row(row: int) -> Key:
    """The key that a row of `key_evidence` stands for."""
    return KEYS[row // len(MODES)], MODES[row % len(MODES)]


def form_of_minor(score: Score, tonic: int) -> str:
    """``minor``, or the form of it that music in the minor of this tonic (0..11) keeps to.

    ``harmonic_minor``: its sevenths are raised and its sixths are not, all but one of fifty. ``melodic_minor``: both
    are raised; or, in a line, wherever it climbs and nowhere where it falls, each of the four twice at least. A form's
    sixth and seventh come three times at least, or twice where a line steps from one to the other. Harmony must do so
    in its highest voice: a leading tone in its dominants alone is any minor's. All else mixes the forms, as
    music in minor does, and is ``minor``: of 1,265 minor folk tunes all but 1 in 100.
    """
    counts = score.class_counts.tolist()
    low_sixth, sixth, low_seventh, seventh = (counts[(tonic + degree) % 12] for degree in range(8, 12))
    if seventh < 2 or sixth + low_sixth < 2:
        return "minor"
    is_line = is_single_line(score)
    voice = np.maximum.reduceat(score.pitches, score.strokes)
    moves, degrees = voice[1:] - voice[:-1], (voice - tonic) % 12
    before, after = degrees[:-1], degrees[1:]
    for form, degree, mine, other in (("harmonic_minor", 8, low_sixth, sixth), ("melodic_minor", 9, sixth, low_sixth)):
        if 50 * other <= mine and 50 * low_seventh <= seventh:
            near = (np.abs(moves) <= 3) & (np.minimum(before, after) == degree) & (np.maximum(before, after) == 11)
            steps = np.count_nonzero(near)
            return form if (is_line or steps) and min(mine, seventh) >= (2 if steps else 3) else "minor"
    if is_line:
        climbing, falling = (np.bincount(before[way], minlength=12)[8:].tolist() for way in (moves > 0, moves < 0))
        if min(climbing[1::2] + falling[::2]) >= 2 and max(climbing[::2] + falling[1::2]) == 0:
            return "melodic_minor"
    return "minor"


def key_evidence(score: Score) -> tuple[Floats, str]:
    """(12 * modes, 24) what speaks for each key of a score with pitched notes; and its texture, one of `WEIGHTS`."""
    notes = score.pitched
    onsets, pitches = notes["onset_beat"], score.pitches
    ends = onsets + notes["duration_beat"]
    finish = ends.max()
    profile = pitch_class_profile(score)
    spread = profile - profile.sum() / 12
    above = profile[_ABOVE]
    # Both sixths, where one would do, are minor's melodic forms rather than a mode's.
    low_sixth, sixth, low_seventh, seventh = above[8:]
    strokes = score.strokes
    bass = score.lowest % 12
    at = onsets[strokes]
    apart = np.concatenate((at[1:], [finish])) - at
    held = np.bincount(bass[apart >= 1.9 * median(apart)], minlength=12)
    moves = np.bincount(bass[:-1] * 12 + bass[1:], minlength=144)
    bar, start = bar_of(score)
    bars, on = _downbeats(at, bar, start)
    last = pitches[ends >= finish - 0.26]
    is_line = is_single_line(score)
    told = np.zeros((_MOVES + 12, 12))
    told[_SOUNDS] = profile
    told[_MIXED] = np.minimum(low_sixth, sixth)
    # What a mode is known by must be there; a dorian tune has no leading tone, a mixolydian one a third.
    told[_NO_LOW_SEVENTH] = low_seventh < _TRACE
    told[_NO_HIGH_FOURTH] = above[6] < _TRACE
    told[_NO_THIRD] = above[3] + above[4] < _TRACE
    told[_UNDORIAN] = (seventh > low_seventh + _TRACE) | (low_sixth + sixth < _TRACE)
    told[_LOW_END, last.min() % 12] = told[_LOWEST, pitches.min() % 12] = 1.0
    told[_LONG] = held / max(1, held.sum())
    if len(on):
        told[_DOWNBEAT, bass[on[0]]] = 1.0
    if is_line:
        told[_HALF, _before_half(at, apart, bass)] = told[_HIGHEST, pitches.max() % 12] = 1.0
    else:
        told[_HIGH_END, last.max() % 12] = told[_FIRST, bass[0]] = 1.0
    told[_MOVES:] = (moves / max(1, int(np.count_nonzero(bass[1:] != bass[:-1])))).reshape(12, 12)
    texture = "melody"
    if not is_line:
        if len(on) < _LEAST:  # all is struck between the downbeats that the file says
            bars, on = _downbeats(at, bar, float(at[0]))
        new = np.concatenate(([0], (bars[1:] != bars[:-1]).nonzero()[0] + 1))  # by hand a chord is several strokes
        bars, downbeats = bars[new], np.minimum.reduceat(score.lowest[on], new) % 12
        if is_loop(downbeats):
            texture = "loop"
            for row, group in zip(_GROUP_BEGINS, _GROUPS):
                begins = downbeats[bars % group == 0]
                told[row] = np.bincount(begins, minlength=12) / len(begins)
        else:
            texture = "voices" if are_modal_voices(score) else "harmony"
    evidence = np.empty((24, len(_TONIC)))
    evidence[0] = _PROFILES @ (spread / (math.sqrt(spread @ spread) + 1e-9))
    evidence[1] = -np.log(_OUT_OF_SCALE @ (score.class_counts / len(notes)) + 0.003)
    mine, others = profile[_CHARACTER]
    evidence[2:4] = (mine - others) / (mine + others + 0.01)
    evidence[4:] = told.take(_PLACES[int(is_line)])
    return evidence.T, texture


def is_single_line(score: Score) -> bool:
    """Whether hardly any of its notes begin together."""
    return len(score.strokes) > _LINE * len(score.pitched)


def are_modal_voices(score: Score) -> bool:
    """Three lines or more, each in a track of its own and no drums, that hardly ever sound a tritone."""
    notes = score.pitched
    if len(notes) < len(score.notes) or np.count_nonzero(np.bincount(notes["track"])) < 3:
        return False
    onsets, ends = notes["onset_beat"], notes["onset_beat"] + notes["duration_beat"]
    track, starts, stops = (column[score.by_track] for column in (notes["track"], onsets, ends))
    overlap = (track[1:] == track[:-1]) & (starts[1:] < stops[:-1] - 0.05)
    if np.count_nonzero(overlap) > (1 - _LINE) * len(notes):
        return False
    times = onsets[score.strokes]
    sounding = np.zeros((len(times) + 1, 12))
    np.add.at(sounding, (np.searchsorted(times, onsets + 1e-3, "right") - 1, score.classes), 1)
    np.add.at(sounding, (np.searchsorted(times, ends - 1e-2), score.classes), -1)
    there = sounding[:-1].cumsum(axis=0) > 0
    chords = there[there.sum(axis=1) >= 3]
    return len(chords) > 0 and float((chords[:, :6] & chords[:, 6:]).any(axis=1).mean()) < _TRITONES


def _before_half(strokes: Floats, apart: Floats, bass: NDArray[np.int64]) -> int:
    """The pitch class of the longest stroke, of equal ones the last, in two beats before the middle."""
    middle = (strokes[0] + strokes[-1] + apart[-1]) / 2 - 1e-3
    since, until = strokes.searchsorted((middle - 2, middle)).tolist()
    until = max(until, 1)
    since = min(since, until - 1)
    return int(bass[until - 1 - int(apart[since:until][::-1].argmax())])


def bar_of(score: Score) -> tuple[float, float]:
    """By the longest-held meter how many beats a bar has, and where one begins."""
    meter = score.main_meter
    return (4.0 * meter.numerator / meter.denominator, float(meter.beat)) if meter else (4.0, 0.0)


def _downbeats(strokes: Floats, bar: float, start: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The strokes on downbeats: in which bar from the first of them on each is, and which they are."""
    bars = (strokes - start) / bar
    whole = np.rint(bars)
    on = (np.abs(bars - whole) < _ON_TIME).nonzero()[0]
    struck = whole[on].astype(np.int64)
    return struck - struck[:1], on


def is_loop(downbeats: NDArray[np.int64]) -> bool:
    """Whether nearly all lowest pitch classes of six downbeats or more go around, twice at least."""
    return len(downbeats) >= _LEAST and any(
        len(downbeats) >= 2 * period
        and np.count_nonzero(downbeats[period:] == downbeats[:-period]) >= _AGAIN * (len(downbeats) - period)
        for period in _PERIODS
    )
