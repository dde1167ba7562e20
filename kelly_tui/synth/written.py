"""What is true of a piece as it was written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.annotation import Value
from kelly_tui.music.contour import detect_contour
from kelly_tui.music.dynamics import curve_over_time, mark_of_velocity
from kelly_tui.synth.arranger import Written

_CLEAR = 1.5
"""Semitones by which a contour's first, middle and last pitch must differ, where they must."""


def loudness_facts(piece: Written) -> dict[str, Value]:
    """``dynamic_range``, the mark of the mean velocity, and ``velocity_curve``."""
    curve = curve_over_time(piece.onset, piece.velocity, piece.duration)
    return {
        "dynamic_range": mark_of_velocity(float(piece.velocity.mean())),
        "velocity_curve": [round(value) for value in curve.tolist()],
    }


_PROFILES = (
    # by listeners' ratings (Krumhansl and Kessler, 1982)
    ((6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
     (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)),
    # counted in a harmony textbook's examples (Temperley, 2007, after Kostka and Payne)
    ((0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
     (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)),
    # counted in chorales to songs of three centuries (Bellman, 2005, after Budge)
    ((16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57),
     (18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21)),
)  # fmt: skip
"""How well each degree fits a major key, and a minor one."""


def _unit(profile: NDArray[np.number]) -> NDArray[np.float64]:
    centred = profile - profile.mean()
    return np.asarray(centred / np.linalg.norm(centred))


_KEYS = np.array([
    [_unit(np.roll(weights, tonic)) for weights in pair for tonic in range(12)] for pair in _PROFILES
])  # fmt: skip


HEARERS = len(_PROFILES)


def hearers(notes: NDArray[np.float64], tonic: int, major: bool, surely: float = 0.0) -> int:
    """By how many of three profiles a table of notes sounds in this key rather than in one of the other 23.

    Krumhansl and Schmuckler's rule: how long each pitch class sounds correlates best with the key's profile; by more
    than `surely`.
    """
    heard = np.bincount(notes[:, 2].astype(np.int64) % 12, weights=notes[:, 1], minlength=12)
    fits = _KEYS @ _unit(heard)
    own = tonic + (0 if major else 12)
    of_own = fits[:, own].copy()
    fits[:, own] = -1.0
    return int((of_own > fits.max(axis=1) + surely).sum())


def has_contour(line: NDArray[np.void], contour: str) -> bool:
    """Whether a line (an array with the fields ``onset_beat`` and ``pitch``) clearly has that contour.

    Five are Huron's, by the detector's own measure, with a margin. A wave, which he doesn't know, turns at least
    three times after going a fourth or more.
    """
    pitches = line["pitch"].astype(np.float64)
    if contour == "wave":
        return _turns(pitches, 5.0) >= 3
    if detect_contour(line).value != contour:
        return False
    middle = pitches[1:-1].mean()
    halves = abs(middle - pitches[0]), abs(pitches[-1] - middle)
    return float(np.ptp(pitches)) <= 12 if contour == "flat" else min(halves) >= _CLEAR


def _turns(pitches: NDArray[np.float64], least: float) -> int:
    """How often a line turns round after going at least `least` semitones."""
    turns = direction = 0
    low = high = pitches[0]
    for pitch in pitches:
        if direction >= 0 and pitch <= high - least:
            turns += direction > 0
            direction, low = -1, pitch
        elif direction <= 0 and pitch >= low + least:
            turns += direction < 0
            direction, high = 1, pitch
        low, high = min(low, pitch), max(high, pitch)
        if direction > 0:
            low = pitch
        elif direction < 0:
            high = pitch
    return turns
