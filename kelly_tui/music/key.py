"""Key and mode from the notes.

A pitch-class profile is compared with published ones for every tonic and mode; which pitches the piece never touches,
which of two characteristic degrees it prefers (the sixth and second of minor modes, the seventh and fourth of major
ones), how much of it is the tonic triad, what it ends on, what stands under its long notes and first downbeat, and how
often the bass goes from the fifth to the tonic decide the rest. The parts are weighed by a multinomial logit, so that
their sum is a log-odds and the confidence a probability. A single line tells its key otherwise than harmony does, so
each has its own weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.notes import Score
from kelly_tui.music.theory import SCALES

Floats = NDArray[np.float64]
Key = tuple[str, str]

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""Albrecht and Shanahan (2013), "The use of large corpora to train a new type of key-finding algorithm"."""

_CHARACTER: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "major": ((11, 10), (5, 6)),
    "mixolydian": ((10, 11), (5, 6)),
    "lydian": ((11, 10), (6, 5)),
    "minor": ((8, 9), (2, 1)),
    "dorian": ((9, 8), (2, 1)),
    "phrygian": ((8, 9), (1, 2)),
    "locrian": ((8, 9), (1, 2)),
}
"""Degrees that a mode has, each with the one it has instead of. Raised sixths and sevenths of minor are minor too:
music that uses them says ``minor``, so the harmonic and melodic forms are left to a person."""

MODES = tuple(_CHARACTER)

_WEIGHTS = {
    # profile, outside, preferences, mixture in minor, in dorian, missing, triad, low end, other end, 5-1, long notes,
    # downbeat on 1, on 5
    "melody": (3.77, 0.90, 0.44, 0.59, 26.8, -83.9, -1.29, 2.35, 2.54, 0.94, 14.1, 1.63, 0.94, 0.90),
    "harmony": (1.73, 1.08, 0.56, 0.75, 43.9, 0.0, 0.0, 7.86, 1.50, 0.64, 32.3, 1.82, 0.27, 0.98),
}
_PRIORS = {
    "melody": {
        "mixolydian": -0.56,
        "dorian": -0.49,
        "lydian": -1.90,
        "phrygian": -2.33,
        "locrian": -3.08,
        "minor": 0.14,
    },
    "harmony": {
        "mixolydian": -3.32,
        "dorian": -3.22,
        "lydian": -3.25,
        "phrygian": -2.63,
        "locrian": -4.0,
        "minor": -0.13,
    },
}
"""Weights of the logit: of a line, fitted on 1,400 folk tunes of four collections with equal shares of their modes; of
harmony, on 140 chorales and pop performances. Lydian, phrygian and locrian lines have 0.75 more than folk tunes, of
which 1 in 200 is so, give them. Figures given for them anywhere are out of fold."""


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
_FIFTH = (_TONIC + 7) % 12
_IS_MAJOR = np.tile([4 in SCALES[mode] for mode in MODES], 12)
_THIRD = (_TONIC + np.where(_IS_MAJOR, 4, 3)) % 12
_IS_PLAIN_MINOR, _IS_DORIAN, _IS_MIXOLYDIAN = (
    np.tile([mode == name for mode in MODES], 12) for name in ("minor", "dorian", "mixolydian")
)
_PRIOR_ROWS = {texture: np.tile([of.get(mode, 0.0) for mode in MODES], 12) for texture, of in _PRIORS.items()}
_MINE, _OTHERS = (
    np.array([[(tonic + pair[side]) % 12 for pair in _CHARACTER[mode]] for tonic in range(12) for mode in MODES])
    for side in (0, 1)
)

_TRACE = 0.01
"""Share of the sounding time below which a degree is not there."""
LONGEST_BEATS = 4.0
"""A longer note counts no more: a pedal point is not a key."""


def pitch_class_profile(score: Score) -> Floats:
    """(12,) share of each pitch class in the sounding time of the pitched notes; zeros if there are none."""
    notes = score.pitched
    weights = np.minimum(notes["duration_beat"], LONGEST_BEATS) + 1e-6
    profile: Floats = np.bincount(notes["pitch"] % 12, weights=weights, minlength=12).astype(np.float64)
    profile /= max(profile.sum(), 1e-12)
    return profile


def detect_key(score: Score) -> Detection[Key]:
    """Tonic and mode: ``("A", "minor")``."""
    return weigh_keys(score)[0]


def weigh_keys(score: Score) -> tuple[Detection[Key], Floats]:
    """The key, and (12 * modes,) the chance of each; equal ones where no key can be told."""
    notes = score.pitched
    equal = np.full(len(_TONIC), 1.0 / len(_TONIC))
    if len(notes) == 0:
        return unknown("no pitched notes"), equal
    used = np.bincount(notes["pitch"] % 12, minlength=12)
    if np.count_nonzero(used) < 3 or len(notes) < 5:
        return unknown(f"{len(notes)} notes of {np.count_nonzero(used)} pitch classes tell no key"), equal
    odds = key_odds(score)
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    best, second = np.argsort(chances)[:-3:-1]
    key = key_of_row(int(best))
    why = f"{chances[best]:.0%} against {chances[second]:.0%} {' '.join(key_of_row(int(second)))}"
    return Detection(key, float(chances[best]), why), chances


def key_of_row(row: int) -> Key:
    """The key that a row of `key_odds` stands for."""
    return KEYS[row // len(MODES)], MODES[row % len(MODES)]


def key_odds(score: Score) -> Floats:
    """(12 * modes,) log-odds of each tonic and mode, for a score with pitched notes."""
    notes = score.pitched
    onsets, pitches = notes["onset_beat"], notes["pitch"].astype(np.int64)
    ends = onsets + notes["duration_beat"]
    profile = pitch_class_profile(score)
    spread = profile - profile.mean()
    counts = np.bincount(pitches % 12, minlength=12) / len(notes)
    mine, others = profile[_MINE], profile[_OTHERS]
    preference = (mine - others) / (mine + others + 0.01)
    # Both sixths, where one would do, are minor's melodic forms rather than a mode's.
    low_sixth, sixth = profile[(_TONIC + 8) % 12], profile[(_TONIC + 9) % 12]
    mixture = np.minimum(low_sixth, sixth)
    # What a mode is known by must be there: a dorian tune has a sixth and no leading tone, a mixolydian one a third.
    thirds = profile[(_TONIC + 3) % 12] + profile[(_TONIC + 4) % 12]
    leads = profile[(_TONIC + 11) % 12] > profile[(_TONIC + 10) % 12] + _TRACE
    missing = _IS_DORIAN * (leads | (low_sixth + sixth < _TRACE)) + _IS_MIXOLYDIAN * (thirds < _TRACE)
    last = pitches[ends >= ends.max() - 0.26]
    strokes = score.strokes
    bass = np.minimum.reduceat(pitches, strokes) % 12
    apart = np.diff(onsets[strokes], append=ends.max())
    held = np.bincount(bass[apart >= 1.9 * np.median(apart)], minlength=12)
    moves = np.bincount(bass[:-1] * 12 + bass[1:], minlength=144)[_FIFTH * 12 + _TONIC]
    moves = moves / max(1, np.count_nonzero(np.diff(bass)))
    first = _first_on_downbeat(score, onsets[strokes], bass)
    is_line = len(strokes) > 0.95 * len(notes)
    ends_low = last.min() % 12
    other_end = ends_low == _THIRD if is_line else last.max() % 12 == _TONIC
    texture = "melody" if is_line else "harmony"
    evidence = np.column_stack(
        [
            _PROFILES @ (spread / (np.linalg.norm(spread) + 1e-9)),
            -np.log(_OUT_OF_SCALE @ counts + 0.003),
            preference,
            mixture * _IS_PLAIN_MINOR,
            mixture * _IS_DORIAN,
            missing,
            profile[_TONIC] + profile[_THIRD] + profile[_FIFTH],
            ends_low == _TONIC,
            other_end,
            moves,
            held[_TONIC] / max(1, held.sum()),
            first == _TONIC,
            first == _FIFTH,
        ]
    )
    odds: Floats = evidence @ np.array(_WEIGHTS[texture]) + _PRIOR_ROWS[texture]
    return odds


def _first_on_downbeat(score: Score, strokes: Floats, bass: NDArray[np.int64]) -> int:
    """The lowest pitch class on the first downbeat that is struck, by the longest-held meter; -1 where none is."""
    meter = score.main_meter
    bar, start = (4.0 * meter.numerator / meter.denominator, meter.beat) if meter else (4.0, 0.0)
    phase = ((strokes - start) / bar) % 1.0
    on = np.flatnonzero((phase < 1 / 32) | (phase > 31 / 32))
    return int(bass[on[0]]) if len(on) else -1
