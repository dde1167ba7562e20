"""Sound made longer or shorter with its pitch kept, as a stream.

WSOLA: overlapping windows are taken from the input at the new pace, each moved by up to 12 ms to where it best
continues the one before. Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for
high quality time-scale modification of speech", ICASSP 1993. Plain and quick enough to listen while searching; what
goes into a dataset is stretched by `augment`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kelly_tui.playback.source import Samples

WINDOW, REACH = 0.064, 0.012
"""Seconds: a window, two periods of the lowest notes; and how far it may be moved, one of them."""

_COARSE = 4
"""Similarity is looked for on every fourth frame first."""


def stretched(blocks: Iterator[Samples], speed: float, rate: int) -> Iterator[Samples]:
    """The sound of `blocks`, shape (n, 2) each, `speed` times as fast. Comes in blocks of half a window."""
    hop = round(rate * WINDOW / 2 / _COARSE) * _COARSE
    reach = round(rate * REACH / _COARSE) * _COARSE
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(hop, dtype=np.float32) + 0.5) / hop))[:, None].astype(np.float32)
    sound = _Window(blocks)
    tail: Samples | None = None
    place, ideal = 0, 0.0
    while sound.reaches(round(ideal)):
        if tail is None:
            tail = sound.at(0, hop) * (1 - rise)  # the first window begins without a fade
        else:
            low = max(round(ideal) - reach, 0)
            place = low + _best_offset(sound.at(low, hop + 2 * reach), sound.at(place + hop, hop))
        yield tail + sound.at(place, hop) * rise
        tail = sound.at(place + hop, hop) * (1 - rise)
        ideal += hop * speed
        sound.forget(min(place + hop, round(ideal) - reach))


def _best_offset(region: Samples, template: Samples) -> int:
    """Where in `region` the sound is most like `template`: found coarsely, then to the frame."""
    wide, narrow = region.sum(axis=1), template.sum(axis=1)
    coarse = _likeness(_thinned(wide), _thinned(narrow))
    first = max(int(coarse.argmax()) * _COARSE - _COARSE, 0)
    fine = _likeness(wide[first : first + len(narrow) + 2 * _COARSE], narrow)
    return first + int(fine.argmax())


def _thinned(mono: Samples) -> Samples:
    thinned: Samples = mono[: len(mono) // _COARSE * _COARSE].reshape(-1, _COARSE).mean(axis=1)
    return thinned


def _likeness(region: Samples, template: Samples) -> Samples:
    """Correlation at each offset over the root of the energy there: 1 for the same shape, up to a constant."""
    energy = np.concatenate(([0.0], np.cumsum(np.square(region, dtype=np.float64))))
    energy = energy[len(template) :] - energy[: -len(template)]
    loudness = np.sqrt(np.maximum(energy, 1e-9)).astype(np.float32)
    return np.asarray(np.correlate(region, template, "valid"), np.float32) / loudness


class _Window:
    """A stream seen by absolute frame; beyond its end there is silence."""

    def __init__(self, blocks: Iterator[Samples]) -> None:
        self._blocks = blocks
        self._held = np.zeros((0, 2), np.float32)
        self._first = 0

    def reaches(self, frame: int) -> bool:
        """Whether the stream is longer than `frame`."""
        self._pull(frame + 1)
        return self._first + len(self._held) > frame

    def at(self, frame: int, length: int) -> Samples:
        self._pull(frame + length)
        found = self._held[frame - self._first : frame - self._first + length]
        return found if len(found) == length else np.pad(found, ((0, length - len(found)), (0, 0)))

    def forget(self, before: int) -> None:
        """Nothing before this frame will be asked for again."""
        keep = min(max(before - self._first, 0), len(self._held))
        self._held = self._held[keep:]
        self._first += keep

    def _pull(self, end: int) -> None:
        missing = end - self._first - len(self._held)
        parts = [self._held]
        while missing > 0 and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            missing -= len(block)
        if len(parts) > 1:
            self._held = np.concatenate(parts)
