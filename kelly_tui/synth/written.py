"""What is true of a piece as it was written, read back from its file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.annotation import Value
from kelly_tui.music.contour import detect_contour
from kelly_tui.music.dynamics import mark_of_velocity, velocity_curve
from kelly_tui.music.notes import Score

_CLEAR = 1.5
"""Semitones by which a contour's first, middle and last pitch must differ, where they must."""


def loudness_facts(score: Score) -> dict[str, Value]:
    """``dynamic_range``, the mark of the mean velocity, and ``velocity_curve``."""
    mean = float(score.notes["velocity"].mean())
    return {"dynamic_range": mark_of_velocity(mean), "velocity_curve": velocity_curve(score)}


_LISTENERS = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each degree fits a key, by listeners' ratings (Krumhansl and Kessler, 1982)."""
_KEYS = np.array([np.roll(_LISTENERS[mode], tonic) for mode in ("major", "minor") for tonic in range(12)])


def sounds_in_key(classes: NDArray[np.integer], durations: NDArray[np.float64], tonic: int, major: bool) -> bool:
    """Whether how long each pitch class sounds fits this key better than the other 23 (Krumhansl and Schmuckler)."""
    heard = np.bincount(classes % 12, weights=durations, minlength=12)
    fits = np.corrcoef(heard, _KEYS)[0, 1:]
    return bool(fits.argmax() == tonic + (0 if major else 12))


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
