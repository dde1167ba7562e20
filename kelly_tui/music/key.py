"""Key and mode from the notes.

A pitch-class profile is compared with published ones for every tonic and mode; what the piece ends on, which pitches
it never touches, and which of two characteristic degrees it prefers (the sixth and second of minor modes, the seventh
and fourth of major ones) decide the rest. The parts are weighed by a multinomial logit, so that their sum is a
log-odds and the confidence a probability.
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

_PRIOR = {"dorian": -1.9, "mixolydian": -1.9, "lydian": -3.5, "phrygian": -3.5, "locrian": -5.0}
_CORRELATION, _OUTSIDE, _PREFERENCE = 7.7, 0.68, 0.7
_FINAL_BASS, _FINAL_TOP, _FINAL_OF_MELODY = 1.5, 0.5, 1.1
"""Weights of the logit: fitted on four sets of scores and performances together, in two folds."""


def _profile(mode: str) -> Floats:
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


_PROFILES = _for_all_keys({mode: _profile(mode) for mode in MODES})
_PROFILES -= _PROFILES.mean(1, keepdims=True)
_PROFILES /= np.linalg.norm(_PROFILES, axis=1, keepdims=True)
_OUT_OF_SCALE = 1.0 - _for_all_keys({mode: np.isin(np.arange(12), SCALES[mode]).astype(float) for mode in MODES})
_TONIC = np.repeat(np.arange(12), len(MODES))
_PRIORS = np.tile([_PRIOR.get(mode, 0.0) for mode in MODES], 12)
_MINE, _OTHERS = (
    np.array([[(tonic + pair[side]) % 12 for pair in _CHARACTER[mode]] for tonic in range(12) for mode in MODES])
    for side in (0, 1)
)

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
    notes = score.pitched
    if len(notes) == 0:
        return unknown("no pitched notes")
    used = np.bincount(notes["pitch"] % 12, minlength=12)
    if np.count_nonzero(used) < 3 or len(notes) < 5:
        return unknown(f"{len(notes)} notes of {np.count_nonzero(used)} pitch classes tell no key")
    odds = key_odds(score)
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    best, second = np.argsort(chances)[:-3:-1]
    tonic, mode = key_of_row(int(best))
    other = " ".join(key_of_row(int(second)))
    return Detection((tonic, mode), float(chances[best]), f"{chances[best]:.0%} against {chances[second]:.0%} {other}")


def key_of_row(row: int) -> Key:
    """The key that a row of `key_odds` stands for."""
    return KEYS[row // len(MODES)], MODES[row % len(MODES)]


def key_odds(score: Score) -> Floats:
    """(12 * modes,) log-odds of each tonic and mode, for a score with pitched notes."""
    notes = score.pitched
    profile = pitch_class_profile(score)
    spread = profile - profile.mean()
    correlation = _PROFILES @ (spread / (np.linalg.norm(spread) + 1e-9))
    counts = np.bincount(notes["pitch"] % 12, minlength=12) / len(notes)
    outside = -np.log(_OUT_OF_SCALE @ counts + 0.003)
    mine, others = profile[_MINE], profile[_OTHERS]
    preference = ((mine - others) / (mine + others + 0.01)).sum(1)
    ends = notes["onset_beat"] + notes["duration_beat"]
    last = notes["pitch"][ends >= ends.max() - 0.26]
    is_melody = np.mean(np.diff(notes["onset_beat"]) > 1 / 16) > 0.95
    ends_low, ends_high = last.min() % 12 == _TONIC, last.max() % 12 == _TONIC
    odds: Floats = (
        _PRIORS
        + _CORRELATION * correlation
        + _OUTSIDE * outside
        + _PREFERENCE * preference
        + (_FINAL_BASS + _FINAL_OF_MELODY * is_melody) * ends_low
        + _FINAL_TOP * ends_high
    )
    return odds
