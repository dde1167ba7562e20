"""Where a piece tells most about itself: the eight seconds in which most begins, stops and changes."""

from __future__ import annotations

from typing import Any

import numpy as np

SECONDS = 8.0
"""About as long as listeners take to find their bearings in an emotion (Bachorik et al., Music Perception 2009)."""

_BIN = 0.25
_SECOND = round(1 / _BIN)

Array = np.ndarray[Any, np.dtype[Any]]


def hook(
    onsets: Array, weights: Array, duration: float, seconds: float = SECONDS, pitches: Array | None = None
) -> tuple[float, float]:
    """The start and end, in seconds, of the stretch with the densest change of onsets and of harmony; all of a shorter
    piece.

    `onsets`: times in seconds, with the weight (velocity, rise of level) of each, and its MIDI pitch where that is
    known, -1 for drums. The sum of the weights in each quarter of a second is a curve; the stretch is that in which
    this curve rises and falls most, and the pitch classes of a second differ most from those of the second before (the
    novelty of Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000, with a checkerboard of
    two seconds). Both count alike, by their means over the piece; of equals the first.
    """
    if duration <= seconds:
        return 0.0, duration
    bins = int(duration / _BIN) + 1
    place = np.clip((np.asarray(onsets) / _BIN).astype(np.int64), 0, bins - 1)
    curve = np.bincount(place, weights, minlength=bins)
    change = _relative(np.abs(np.diff(curve, prepend=0.0)))
    if pitches is not None:
        change = change + _relative(_turns(place, np.asarray(pitches), np.asarray(weights), bins))
    summed = np.concatenate(([0.0], np.cumsum(change)))
    window = round(seconds / _BIN)
    within = summed[window:] - summed[:-window]
    start = min(float(np.argmax(within)) * _BIN, duration - seconds)
    return start, start + seconds


def _relative(curve: Array) -> Array:
    mean = float(curve.mean())
    return curve / mean if mean > 0 else curve


def _turns(place: Array, pitches: Array, weights: Array, bins: int) -> Array:
    """How much the second after the start of each bin differs from the one before in its pitch classes, 0..1."""
    tuned = pitches >= 0
    chroma = np.zeros((bins + 1, 12))
    np.add.at(chroma, (place[tuned] + 1, pitches[tuned] % 12), weights[tuned])
    summed = np.cumsum(chroma, axis=0)
    at = np.arange(bins)
    before = summed[at] - summed[np.maximum(at - _SECOND, 0)]
    after = summed[np.minimum(at + _SECOND, bins)] - summed[at]
    length = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    likeness = np.einsum("ij,ij->i", before, after) / np.maximum(length, 1e-9)
    turns: Array = np.where(length > 0, 1.0 - likeness, 0.0)
    return turns
