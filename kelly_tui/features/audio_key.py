"""The key of audio: how much of each pitch class its spectral peaks hold, against the profiles of keys."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.spectrum import N_FFT, Spectrum
from kelly_tui.model.labels import KEYS

# Aarden (2003), from the Essen collection of folk songs, as Sapp gives it for key finding; from the tonic up.
_MAJOR = (17.7661, 0.1456, 14.9265, 0.1602, 19.8049, 11.3587, 0.2912, 22.0620, 0.1456, 8.1549, 0.2330, 4.9512)
_MINOR = (18.2648, 0.7376, 14.0499, 16.8599, 0.7025, 14.4362, 0.7025, 18.6161, 4.5662, 1.9319, 7.3762, 1.7562)
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 2500.0
_OUT_OF_TUNE = 0.2
"""Semitones from the nearest pitch at which a peak counts 0.6 of its magnitude."""


class Key(NamedTuple):
    """A tonic and a mode, major or minor."""

    tonic: str | None
    """None where no pitch stands out."""
    mode: str | None
    confidence: float
    """The softmax of the correlations (20 times): near 1 where no other key comes close."""


def find_key(spectrum: Spectrum) -> Key:
    """The key whose profile correlates best with the pitch classes of the whole signal."""
    heard = pitch_classes(spectrum)
    if heard.sum() <= 0 or np.ptp(heard) < 0.1 * heard.max():
        return Key(None, None, 0.0)
    scores = _profiles() @ _standardised(heard) / 12
    best = int(np.argmax(scores))
    lead = np.exp(20 * (scores - scores[best]))
    return Key(KEYS[best % 12], "major" if best < 12 else "minor", float(1 / lead.sum()))


def pitch_classes(spectrum: Spectrum) -> NDArray[np.float64]:
    """(12,) from C: the summed magnitude of spectral peaks between 60 and 2,500 Hz, by their nearest pitch.

    Peaks are placed between bins by a parabola through the logarithm, and tuned by `Spectrum.tuning`.
    """
    low, high = np.searchsorted(spectrum.frequencies, (_LOWEST_HZ, _HIGHEST_HZ))
    before, here, after = (spectrum.magnitude[:, low + shift : high + shift] for shift in (-1, 0, 1))
    frame, peak = np.nonzero((here > before) & (here >= after) & (here > 0))
    height = here[frame, peak].astype(np.float64)
    a, b, c = (np.log(np.maximum(part[frame, peak], 1e-9)) for part in (before, here, after))
    offset = np.clip((a - c) / np.minimum(2 * (a - 2 * b + c), -1e-9), -0.5, 0.5)
    hertz = (low + peak + offset) * (spectrum.rate / N_FFT)
    semitones = 12 * np.log2(hertz / 440.0) + 9 - spectrum.tuning  # from C
    nearest = np.round(semitones)
    weight = height * np.exp(-0.5 * ((semitones - nearest) / _OUT_OF_TUNE) ** 2)
    return np.bincount(nearest.astype(np.int64) % 12, weights=weight, minlength=12).astype(np.float64)


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    standardised: NDArray[np.float64] = values - values.mean(axis=-1, keepdims=True)
    standardised /= standardised.std(axis=-1, keepdims=True)
    return standardised


def _profiles() -> NDArray[np.float64]:
    """(24, 12): the twelve major keys from C, then the minor ones."""
    return _standardised(np.stack([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]))
