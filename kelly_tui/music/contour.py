"""The shape of the melody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.dynamics import curve_over_time
from kelly_tui.music.notes import Score

Floats = NDArray[np.float64]


def melody(score: Score) -> NDArray[np.void]:
    """The highest of the notes that start together (within a 16th of a beat): the skyline of the pitched notes."""
    notes = score.pitched
    if len(notes) == 0:
        return notes
    starts = np.concatenate(([True], np.diff(notes["onset_beat"]) > 1 / 16))
    group = np.cumsum(starts)
    order = np.lexsort((notes["pitch"], group))
    last = np.append(np.diff(group[order]) > 0, True)
    skyline: NDArray[np.void] = notes[order[last]]
    return skyline


_SHAPES = {
    (1, 1): "ascending",
    (1, 0): "ascending",
    (0, 1): "ascending",
    (-1, -1): "descending",
    (-1, 0): "descending",
    (0, -1): "descending",
    (1, -1): "arch",
    (-1, 1): "valley",
    (0, 0): "flat",
}
"""Huron's nine types by the direction of each half, as our five."""


def detect_contour(line: NDArray[np.void]) -> Detection[str]:
    """Huron's (1996) type of a melody: its first note, the mean of all its notes and its last one, compared.

    "The melodic arch in Western folksongs", Computing in Musicology 10; with the mean in whole semitones, the fraction
    dropped, as Müllensiefen (2009, FANTASTIC) and its readers compute it: heights that differ by less are the same.
    """
    pitches = line["pitch"].astype(np.int64)
    if len(pitches) < 3:
        return unknown("fewer than three notes have no contour")
    first, last = int(pitches[0]), int(pitches[-1])
    mean = int(pitches.sum()) // len(pitches)
    fraction = pitches.mean() - mean
    shape = _SHAPES[_direction(mean - first), _direction(last - mean)]
    # Only next to the first or last note's height would another weighing of the notes change the type; and a long
    # piece has no one contour.
    margin = min(fraction, 1 - fraction) if abs(mean - first) <= 1 or abs(last - mean) <= 1 else 1.0
    surety = (0.62 + 0.36 * min(1.0, 2.5 * margin)) if len(pitches) <= 32 else 0.5
    return Detection(shape, surety, f"first {first}, mean {pitches.mean():.1f}, last {last} of {len(pitches)} notes")


def _direction(semitones: int) -> int:
    return (semitones > 0) - (semitones < 0)


def contour_curve(line: NDArray[np.void], duration: float) -> Floats:
    """(32,) the melody's height over time: 0 at its lowest, 1 at its highest; 0.5 where it is flat or absent."""
    if len(line) == 0:
        return np.full(32, 0.5)
    curve = curve_over_time(line["onset"], line["pitch"].astype(np.float64), duration)
    low, high = curve.min(), curve.max()
    return (curve - low) / (high - low) if high > low else np.full(32, 0.5)


def pitch_span(score: Score) -> int | None:
    """Semitones from the lowest to the highest note; None without pitches."""
    pitches = score.pitched["pitch"]
    return int(pitches.max()) - int(pitches.min()) if len(pitches) else None


def detect_range(score: Score) -> Detection[str]:
    """``narrow`` under an octave, ``wide`` over two, ``medium`` between."""
    span = pitch_span(score)
    if span is None:
        return unknown("no pitched notes")
    name = "narrow" if span < 12 else "wide" if span > 24 else "medium"
    return Detection(name, 1.0, f"{span} semitones")
