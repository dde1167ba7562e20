"""Onsets, tempo and beats of audio, from a mel spectrogram in dB.

Onset strength is spectral flux as librosa 0.11 defines it. Tempo and beats are Ellis's method (2007): the
autocorrelation of the onset strength under a prior, then the path of beats that best agrees with both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.spectrum import N_FFT, Floats

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
_USUAL_BPM, _OCTAVES = 115.0, 0.8
"""Centre and width of the prior: log-normal over tempi."""
_BEATS = np.array([0.5, 1, 2, 3, 4])
_WEIGHTS = np.array([0.3, 1.0, 0.6, 0.4, 0.3])
_TIGHTNESS = 100.0
"""How dear it is for a beat to depart from the tempo (Ellis's alpha)."""


class Tempo(NamedTuple):
    """The tempo, and how far ahead of the next candidate it is."""

    bpm: float | None
    """None where nothing repeats."""
    confidence: float
    """0.5 where another tempo (mostly the half or the double) scores as high, 1 where none scores at all."""


def onset_strength(mel_db: Floats, hop: int) -> Floats:
    """(frames,): mean rise of level over the bands since the frame before, dB; moved on to the onset's centre."""
    rise = np.maximum(np.diff(mel_db, axis=0), 0).mean(axis=1)
    late = 1 + N_FFT // (2 * hop)
    return np.concatenate((np.zeros(late, np.float32), rise))[: len(mel_db)].astype(np.float32)


def find_tempo(strength: Floats, frame_rate: float) -> Tempo:
    """The tempo of an onset strength with `frame_rate` frames a second.

    A tempo scores by the autocorrelation at half a beat and at one to four, weighted by the prior.
    """
    slowest = frame_rate * 60 / SLOWEST_BPM
    if len(strength) < 2 * slowest or np.ptp(strength) < 1e-3:
        return Tempo(None, 0.0)
    repeats = _autocorrelation(_flattened(strength, frame_rate))
    bpm = np.geomspace(SLOWEST_BPM, FASTEST_BPM, 600)
    lags = frame_rate * 60 / bpm
    reach = len(repeats) - 1
    multiples = np.outer(_BEATS, lags)
    score = np.where(multiples < reach, np.interp(multiples, np.arange(reach + 1), repeats), 0)
    prior = np.exp(-0.5 * (np.log2(bpm / _USUAL_BPM) / _OCTAVES) ** 2)
    total = _WEIGHTS @ score * prior
    best = int(np.argmax(total))
    if total[best] <= 0:
        return Tempo(None, 0.0)
    rivals = total[np.abs(np.log2(bpm / bpm[best])) > 0.1]
    lead = 1 - max(float(rivals.max()), 0.0) / float(total[best])
    return Tempo(float(bpm[best]), 0.5 + 0.5 * lead)


def find_beats(strength: Floats, frame_rate: float, bpm: float) -> NDArray[np.int64]:
    """The frames of the beats: the best path through the onsets whose steps are close to the beat at `bpm`."""
    period = frame_rate * 60 / bpm
    spread = np.std(strength, ddof=1) if len(strength) > 1 else 0.0
    if spread <= 0 or len(strength) < period:
        return np.empty(0, np.int64)
    reach = np.arange(-round(period), round(period) + 1)
    smooth = np.exp(-0.5 * (reach * 32.0 / period) ** 2)
    local = np.convolve(strength / spread, smooth)[len(reach) // 2 :][: len(strength)].astype(np.float64)
    shortest, longest = max(1, round(period / 2)), round(2 * period)
    cost = _TIGHTNESS * np.log(np.arange(longest, shortest - 1, -1) / period) ** 2
    total = np.concatenate((np.zeros(longest), local))  # the zeros stand for having had no beat before
    before = np.empty(len(local), np.int64)
    for frame in range(len(local)):
        choice = total[frame : frame + longest - shortest + 1] - cost
        best = int(choice.argmax())
        total[frame + longest] += choice[best]
        before[frame] = frame - longest + best  # negative where there was none
    return _trimmed(_path_back(total[longest:], before), local)


def _path_back(total: NDArray[np.float64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow the links back from the last peak of the score that is not much lower than the others."""
    peak = (total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:])
    peaks = np.nonzero(peak)[0] + 1
    if not len(peaks):
        return np.empty(0, np.int64)
    good = peaks[total[peaks] >= 0.5 * np.median(total[peaks])]
    frame = int(good[-1])
    path = []
    while frame >= 0:
        path.append(frame)
        frame = int(before[frame])
    return np.array(path[::-1], np.int64)


def _trimmed(beats: NDArray[np.int64], local: NDArray[np.float64]) -> NDArray[np.int64]:
    """Without the weak beats before the music starts and after it ends."""
    if not len(beats):
        return beats
    loud = np.nonzero(local[beats] > 0.5 * np.sqrt(np.mean(local[beats] ** 2)))[0]
    return beats[loud[0] : loud[-1] + 1] if len(loud) else beats[:0]


def _flattened(strength: Floats, frame_rate: float) -> NDArray[np.float64]:
    """`strength` above its mean over a second, so that loud passages do not outweigh the rest."""
    width = max(3, round(frame_rate))
    mean = np.convolve(strength, np.ones(width) / width, mode="same")
    above: NDArray[np.float64] = np.maximum(strength - mean, 0).astype(np.float64)
    above -= above.mean()
    return above


def _autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """By lag, 1 at lag 0; long lags are not made smaller by having fewer pairs."""
    from scipy import fft

    count = len(values)
    size = fft.next_fast_len(2 * count, real=True)
    spectrum = fft.rfft(values, size)
    products: NDArray[np.float64] = fft.irfft(np.abs(spectrum) ** 2, size)[: count // 2 + 1]
    products /= max(products[0], 1e-12) * (1 - np.arange(len(products)) / count)
    return products
