"""How like itself a clip is some beats later: the autocorrelation of its onsets, bass, changes of pitch and harmony.

After Foote and Uchihashi (2001, the beat spectrum) and Gouyon and Herrera (2003), but at parts of the beat too, so that
a meter can be told where the beat that was found is a part of the music's, or a bar (Klapuri, Eronen and Astola, 2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.audio_notes import is_loud, pitch_change
from kelly_tui.features.pulses import above_their_mean
from kelly_tui.features.spectrum import Floats

Doubles = NDArray[np.float64]

LAGS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 8 / 3, 3, 4, 9 / 2, 6, 8, 9, 12)
"""Beats."""
ODD, EVEN = (2.5, 3.5, 5.0, 7.0), (2.0, 3.0, 4.0, 6.0, 8.0)
"""Beats of bars: of 5/4 and 7/4, of 5/8 and 7/8 in quarters; of other meters, and two and four bars of them."""
OF = ("onsets", "bass", "changes of pitch", "harmony")
BASS_BANDS = 8
"""Mel bands below some 300 Hz."""
_LATE = 3
"""Frames by which onset strength is moved, and so the bass with it."""
_SMOOTH = np.hanning(7)[1:-1] / 3
"""About an onset, over five frames: nobody plays nearer to the beat."""
_LONGEST = 0.7
"""The part of a clip from which on a lag has too little left to be compared."""


def returns(strength: Floats, mel_db: Floats, chroma: Floats, beat: float, frame_rate: float) -> Doubles:
    """(68,) at most about 1: of each of `OF` at each of `LAGS`; 0 where the clip is too short. `beat` in frames."""
    lags = np.rint(np.array(LAGS) * beat).astype(np.int64)
    rows = _of_onsets(strength, mel_db, chroma, lags, frame_rate)
    harmony = np.sqrt(np.maximum(chroma, 0), dtype=np.float64)
    return np.concatenate([*rows, _autocorrelation(harmony, lags, 1)])


def odd_bar(strength: Floats, mel_db: Floats, chroma: Floats, beat: float, frame_rate: float) -> tuple[float, float]:
    """Beats of the bar of five or seven, or of halves of so many beats, that returns most; and how much more it does
    than any bar of two, three or four and their doubles: the mean of onsets, bass and changes of pitch after it and
    after two of it. `beat` in frames.
    """
    bars = np.array(ODD + EVEN)
    lags = np.rint(np.concatenate((bars, 2 * bars)) * beat).astype(np.int64)
    after = np.mean(_of_onsets(strength, mel_db, chroma, lags, frame_rate), axis=0).reshape(2, -1).mean(axis=0)
    odd, even = after[: len(ODD)], after[len(ODD) :]
    return ODD[int(odd.argmax())], float(odd.max() - even.max())


def _of_onsets(
    strength: Floats, mel_db: Floats, chroma: Floats, lags: NDArray[np.int64], frame_rate: float
) -> list[Doubles]:
    """Of all `OF` but harmony, (lags,) in frames."""
    low = mel_db[:, :BASS_BANDS]
    bass = np.maximum(np.diff(low, axis=0, prepend=low[:1]), 0).mean(axis=1)
    bass = np.concatenate((np.zeros(_LATE), bass))[: len(strength)]
    curves = above_their_mean(np.array([strength, bass, pitch_change(chroma, is_loud(mel_db))], np.float64), frame_rate)
    return [_autocorrelation(np.convolve(curve, _SMOOTH, "same")[:, None], lags, 2) for curve in curves]


def _autocorrelation(values: Doubles, lags: NDArray[np.int64], near: int) -> Doubles:
    """(lags,) of (frames, kinds), about their mean: the highest within so many frames; every pair counts the same."""
    from scipy import fft

    count = len(values)
    size = fft.next_fast_len(2 * count, real=True)
    transform = fft.rfft(values - values.mean(axis=0), size, axis=0)
    alike = fft.irfft((np.abs(transform) ** 2).sum(axis=1), size)[:count]
    alike *= count / np.arange(count, 0, -1) / (alike[0] + 1e-9)
    around = np.maximum(lags[:, None] + np.arange(-near, near + 1), 1)
    inside = lags + near + 1 < _LONGEST * count
    highest: Doubles = np.where(inside, alike[np.minimum(around, count - 1)].max(axis=1), 0.0)
    return highest
