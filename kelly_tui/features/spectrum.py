"""What one short-time Fourier transform tells: mel bands, MFCC, chroma, and the shape of the spectrum.

Every quantity is defined as librosa 0.11 defines it and equals it (the tests say how closely), but all of them
share one spectrogram and are array arithmetic, so that nothing has to be compiled. Frames are the rows here,
which is how the transform leaves them in memory; `kelly_tui.features.audio` turns the arrays that it hands out.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

N_FFT = 2048
TOP_DB = 80.0
"""Decibels below the loudest value at which a spectrogram is cut off."""


class Spectrum:
    """The magnitude spectrogram of a mono signal, Hann window of 2,048, frames centred on multiples of `hop`.

    `samples`: (n,) float32. `rate`: Hz. All frame-wise results have one row for each of ``1 + n // hop`` frames.
    """

    def __init__(self, samples: Floats, rate: int, hop: int) -> None:
        from scipy import fft

        self.samples = samples
        self.rate = rate
        self.hop = hop
        self.frequencies = np.arange(N_FFT // 2 + 1, dtype=np.float32) * np.float32(rate / N_FFT)
        window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
        frames = _frames(np.pad(samples, N_FFT // 2), hop)
        self.magnitude: Floats = np.empty((len(frames), N_FFT // 2 + 1), np.float32)
        self.power = np.empty_like(self.magnitude)
        for start in range(0, len(frames), 64):  # a block and its transform stay in the processor's cache
            part = slice(start, start + 64)
            transform = fft.rfft(frames[part] * window, axis=1)
            power = self.power[part]
            np.multiply(transform.real, transform.real, out=power)
            power += np.square(transform.imag)
            np.sqrt(power, out=self.magnitude[part])

    def mel_db(self, n_mels: int) -> Floats:
        """(frames, n_mels): power in Slaney's mel bands, 0 Hz to half the rate, in dB of 1, 80 dB deep."""
        return decibels(self.power @ mel_bands(self.rate, n_mels).T)

    @cached_property
    def tuning(self) -> float:
        """How far the music is from A = 440 Hz, in semitones, -0.5..0.5: the commonest offset of strong partials.

        Parabolic peaks of the power spectrum between 150 and 4,000 Hz, those over the median, offsets in steps of
        0.01 semitone (librosa's ``estimate_tuning``).
        """
        low, high = np.searchsorted(self.frequencies, (150.0, 4000.0))
        high = min(high, N_FFT // 2)
        before, here, after = (self.power[:, low + shift : high + shift] for shift in (-1, 0, 1))
        loud = here > 0.1 * self.power.max(axis=1, keepdims=True)
        frame, peak = np.nonzero((here > before) & (here >= after) & loud)
        if not len(peak):
            return 0.0
        a, b, c = before[frame, peak], here[frame, peak], after[frame, peak]
        slope, bend = (c - a) / 2, 2 * b - a - c
        offset = np.divide(slope, bend, out=np.zeros_like(slope), where=bend > np.finfo(np.float32).tiny)
        height = b + 0.5 * slope * offset
        strong = height >= np.median(height)
        pitch = (low + peak[strong] + offset[strong]) * (self.rate / N_FFT)
        away = np.mod(12 * np.log2(pitch.astype(np.float64) / 440.0), 1.0)
        away[away >= 0.5] -= 1.0
        counts, edges = np.histogram(away, np.linspace(-0.5, 0.5, 101))
        return float(edges[np.argmax(counts)])

    @cached_property
    def chroma(self) -> Floats:
        """(frames, 12): power by pitch class from C, tuned, each frame's largest 1 (librosa's ``chroma_stft``)."""
        chroma: Floats = self.power @ chroma_bands(self.rate, round(self.tuning, 4)).T
        largest = chroma.max(axis=1, keepdims=True)
        np.divide(chroma, largest, out=chroma, where=largest > np.finfo(np.float32).tiny)
        return chroma

    @cached_property
    def _moments(self) -> NDArray[np.float64]:
        """(frames, 3): sums of magnitude, of magnitude × f and × f², f as a part of half the rate."""
        part = np.linspace(0, 1, N_FFT // 2 + 1, dtype=np.float64)
        powers = np.stack([np.ones_like(part), part, part**2], axis=1)
        return np.concatenate(
            [self.magnitude[start : start + 256].astype(np.float64) @ powers for start in range(0, len(self), 256)]
        )

    @cached_property
    def centroid(self) -> Floats:
        """(frames,): the magnitude-weighted mean frequency, Hz; 0 where there is silence."""
        total, first, _ = self._moments.T
        return (_ratio(first, total) * self.rate / 2).astype(np.float32)

    @cached_property
    def bandwidth(self) -> Floats:
        """(frames,): the magnitude-weighted standard deviation of frequency, Hz."""
        total, first, second = self._moments.T
        spread = _ratio(second, total) - _ratio(first, total) ** 2
        return (np.sqrt(np.maximum(spread, 0)) * self.rate / 2).astype(np.float32)

    @cached_property
    def rolloff(self) -> Floats:
        """(frames,): the frequency under which 85 % of the magnitude lies, Hz."""
        below = np.cumsum(self.magnitude, axis=1)
        rolloff: Floats = self.frequencies[np.argmax(below >= 0.85 * below[:, -1:], axis=1)]
        return rolloff

    @cached_property
    def zero_crossing_rate(self) -> Floats:
        """(frames,): changes of sign a sample, over frames of 2,048."""
        padded = np.pad(self.samples, N_FFT // 2, mode="edge")
        padded[np.abs(padded) <= 1e-10] = 0
        negative = np.signbit(padded)
        changes = negative[1:] != negative[:-1]
        return (_window_sums(changes, len(self), self.hop, N_FFT - 1) / N_FFT).astype(np.float32)

    @cached_property
    def rms(self) -> Floats:
        """(frames,): root mean square of the samples, over frames of 2,048."""
        squares = np.square(np.pad(self.samples, N_FFT // 2), dtype=np.float64)
        return np.sqrt(np.maximum(_window_sums(squares, len(self), self.hop, N_FFT), 0) / N_FFT).astype(np.float32)

    def __len__(self) -> int:
        return len(self.magnitude)


def cepstrum(mel_db: Floats, n_mfcc: int) -> Floats:
    """(frames, n_mfcc): the orthonormal DCT-II of mel bands in dB, at most as many as there are bands."""
    n_mels = mel_db.shape[1]
    order = np.arange(min(n_mfcc, n_mels))[:, None]
    basis = np.cos(np.pi * order * (np.arange(n_mels) + 0.5) / n_mels) * np.sqrt(2 / n_mels)
    basis[0] /= np.sqrt(2)
    mfcc: Floats = mel_db @ basis.T.astype(np.float32)
    return mfcc


def decibels(power: Floats) -> Floats:
    """10 log10 of `power`, nothing under -100 dB or more than 80 dB under the loudest."""
    level: Floats = 10 * np.log10(np.maximum(power, np.float32(1e-10)))
    np.maximum(level, level.max() - np.float32(TOP_DB), out=level)
    return level


@lru_cache(maxsize=8)
def mel_bands(rate: int, n_mels: int, n_fft: int = N_FFT) -> Floats:
    """(n_mels, n_fft // 2 + 1): triangles of equal area on Slaney's mel scale (Auditory Toolbox, 1998)."""
    edges = _mel_edges(rate, n_mels)
    frequencies = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise = (frequencies - low) / (centre - low)
    fall = (high - frequencies) / (high - centre)
    bands: Floats = (np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)).astype(np.float32)
    return bands


def mel_centres(rate: int, n_mels: int) -> NDArray[np.float64]:
    """(n_mels,): the frequency at the top of each triangle, Hz."""
    return _mel_edges(rate, n_mels)[1:-1]


def _mel_edges(rate: int, n_mels: int) -> NDArray[np.float64]:
    # The scale is linear up to 1,000 Hz (mel 15), then logarithmic: a factor of 6.4 in 27 steps.
    step, linear_hz, linear_mel, log_step = 200 / 3, 1000.0, 15.0, np.log(6.4) / 27
    top = linear_mel + np.log(rate / 2 / linear_hz) / log_step if rate / 2 > linear_hz else rate / 2 / step
    mels = np.linspace(0, top, n_mels + 2)
    return np.where(mels < linear_mel, mels * step, linear_hz * np.exp(log_step * (mels - linear_mel)))


@lru_cache(maxsize=64)
def chroma_bands(rate: int, tuning: float) -> Floats:
    """(12, 1025): how much each frequency bin gives to each pitch class, C first (Ellis, 2007).

    A bump one bin wide around the pitch, bins of equal sum of squares, octaves weighted by a Gaussian about A4's
    (2 octaves wide). `tuning` in semitones.
    """
    reference = 440.0 * 2 ** (tuning / 12)
    bins = np.arange(1, N_FFT) * rate / N_FFT
    semitones = 12 * np.log2(bins / (reference / 16))
    semitones = np.concatenate(([semitones[0] - 18], semitones))  # the bin at 0 Hz: an octave and a half lower
    width = np.append(np.maximum(np.diff(semitones), 1.0), 1.0)
    distance = np.mod(semitones - np.arange(12)[:, None] + 6, 12) - 6
    bumps = np.exp(-0.5 * (2 * distance / width) ** 2)
    bumps /= np.sqrt(np.sum(bumps**2, axis=0))
    bumps *= np.exp(-0.5 * ((semitones / 12 - 5) / 2) ** 2)
    bumps = np.roll(bumps, -3, axis=0)  # counted from A; C is first
    bands: Floats = bumps[:, : N_FFT // 2 + 1].astype(np.float32)
    return bands


def _frames(padded: Floats, hop: int) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::hop]


def _window_sums(values: NDArray[np.generic], count: int, hop: int, width: int) -> NDArray[np.float64]:
    """The sum of `width` values from each multiple of `hop`, `count` of them."""
    start = np.arange(count) * hop
    edges = np.union1d(start, start + width)
    between = np.add.reduceat(values[: edges[-1]], edges[:-1], dtype=np.float64)
    total = np.concatenate(([0.0], np.cumsum(between)))
    return total[np.searchsorted(edges, start + width)] - total[np.searchsorted(edges, start)]


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
