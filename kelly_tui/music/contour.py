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
    rank = notes["pitch"] * np.int64(len(notes)) + np.arange(len(notes))  # of equals the last
    skyline: NDArray[np.void] = notes.take(np.maximum.reduceat(rank, score.strokes) % len(notes))
    return skyline


BAR = 4.0
"""Beats that a phrase is taken to begin after the start of its song."""

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
    """Huron's (1996) type of a melody: its first note, the mean of its notes and its last one, compared.

    "The melodic arch in Western folksongs", Computing in Musicology 10; with the mean in whole semitones, the fraction
    dropped, and each note weighed by its onset, as AMADS (Gotham et al. 2025) reads him: what is heard later counts
    more. That onset counts from the start of the song; of a phrase cut from one it is not known, and taken as a bar.
    """
    count = len(line)
    if count < 3:
        return unknown("fewer than three notes have no contour")
    pitches, onsets = line["pitch"].astype(np.float64), line["onset_beat"] - line["onset_beat"][0]
    first, last, total = int(pitches[0]), int(pitches[-1]), float(pitches.sum())
    weights, weighed = float(onsets.sum()), float(pitches @ onsets)
    means = [
        (weighed + start * total) / (weights + start * count)  # of notes weighed by their onset in a song
        for start in (BAR, 1e-9)
    ]
    shape, *otherwise = (_shape(first, mean, last) for mean in (*means, total / count))
    # Where another weighing says the same, the type is sure; a long piece has no one contour.
    surety = 0.5 if count > 32 else 0.98 if all(other == shape for other in otherwise) else 0.7
    return Detection(shape, surety, f"first {first}, mean {means[0]:.1f}, last {last} of {count} notes")


def _shape(first: int, mean: float, last: int) -> str:
    whole = int(mean + 1e-6)  # of equal notes the average may fall short by a last bit
    return _SHAPES[_direction(whole - first), _direction(last - whole)]


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
    found = score.pitch_counts.nonzero()[0]
    return int(found[-1] - found[0]) if len(found) else None


def detect_range(score: Score) -> Detection[str]:
    """``narrow`` under an octave, ``wide`` over two, ``medium`` between."""
    span = pitch_span(score)
    if span is None:
        return unknown("no pitched notes")
    name = "narrow" if span < 12 else "wide" if span > 24 else "medium"
    return Detection(name, 1.0, f"{span} semitones")
