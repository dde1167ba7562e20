"""EmotionRecognizer: the mel spectrogram of five seconds of sound, and the emotion of the clip they are from.

Sound is the mean of its channels at 16,000 Hz. It is cut into windows of 5 s that follow one another, as far as
`max_duration_sec`; the last may be shorter, from a second up, and is padded. Each is 64 mel bands (Slaney's, of 0 to
8,000 Hz) in 313 frames (Hann window of 1,024, hop 256, centred), dB of 1, cut off 80 dB below the window's loudest:
``power_to_db(melspectrogram(y, sr=16000, n_fft=1024, hop_length=256, n_mels=64))`` of librosa.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.export.arrays.rows import Form, Rows
from kelly_tui.features.sound_file import SILENCE, Sound, sound_of
from kelly_tui.features.spectrum import decibels, mel_bands

Floats = NDArray[np.float32]

RATE, N_FFT, HOP, MELS = 16_000, 1024, 256, 64
WINDOW = 5 * RATE
FRAMES = 1 + WINDOW // HOP
SHORTEST = RATE
"""Samples of a window that are sound; what is shorter is no example."""

FORM = Form(
    model="emotionrecognizer",
    x=(MELS, FRAMES),
    x_type="float32",
    mask=(FRAMES,),
    y=(),
    y_type="int64",
    names=(),
    labels=("valence", "arousal"),
    channels=(1,),
    spread=lambda mask: mask[:, None, :],
    part=256,
)


def rows(source: Sound, max_seconds: float | None = None) -> Rows:
    """The windows of a file or of ``(samples, rate)``; `y` is left at -1, as it is a label of the whole clip.

    Raises `FileRefused` for what can't be heard or is shorter than a second.
    """
    samples, rate = sound_of(source, max_seconds)
    mono = _at_16k(samples.mean(axis=1, dtype=np.float32), rate)
    starts = [
        start
        for start in range(0, len(mono) - SHORTEST + 1, WINDOW)
        if np.abs(mono[start : start + WINDOW]).max() >= SILENCE
    ]
    if not starts:
        raise FileRefused("no second of sound in it")
    x = np.empty((len(starts), MELS, FRAMES), np.float32)
    mask = np.zeros((len(starts), FRAMES), np.bool_)
    for row, start in enumerate(starts):
        sound = mono[start : start + WINDOW]
        mask[row] = np.arange(FRAMES) * HOP <= len(sound)
        x[row] = mel(np.pad(sound, (0, WINDOW - len(sound))))
    return Rows(x, mask, np.full(len(starts), -1, np.int64), np.array(starts, np.float32) / RATE)


def mel(sound: Floats) -> Floats:
    """(64, 1 + n // 256) dB: the mel spectrogram of (n,) samples at 16,000 Hz."""
    from scipy import fft  # late: not on a cold start

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, N_FFT // 2), N_FFT)[::HOP]
    transform = fft.rfft(frames * window, axis=1)
    power = np.square(transform.real) + np.square(transform.imag)
    return decibels(mel_bands(RATE, MELS, N_FFT) @ power.T)


def _at_16k(mono: Floats, rate: int) -> Floats:
    if rate == RATE:
        return mono
    import soxr

    resampled: Floats = soxr.resample(np.ascontiguousarray(mono), rate, RATE)
    return resampled
