"""How strongly curves of onsets pulse at each tempo, and where they peak."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from kelly_tui.music.tempi import PULSE_BPM

Doubles = NDArray[np.float64]
Window = tuple[NDArray[np.complex128], NDArray[np.complex128]]

_WINDOW = 12.0
"""Seconds in which a tempo is kept."""


def peaks(curve: NDArray[np.floating], over: float) -> NDArray[np.int64]:
    """The frames that are the highest within 70 ms and stand `over` the mean of the half second around them."""
    near, around = (sliding_window_view(np.pad(curve, n, mode="edge"), 2 * n + 1) for n in (3, 10))
    found: NDArray[np.int64] = ((curve >= near.max(axis=1)) & (curve > around.mean(axis=1) + over)).nonzero()[0]
    return found


def above_their_mean(curves: Doubles, frame_rate: float) -> Doubles:
    """`curves`, (curves, frames), above their mean over a second, so that loud passages do not outweigh the rest."""
    width = max(3, round(frame_rate))
    sums = np.cumsum(np.pad(curves, ((0, 0), (1, 0))), axis=1)
    frames = np.arange(curves.shape[1])
    start, end = np.maximum(frames - width // 2, 0), np.minimum(frames + (width + 1) // 2, len(frames))
    above: Doubles = np.maximum(curves - (sums[:, end] - sums[:, start]) / (end - start), 0)
    return above


def windows_of(curves: Doubles, frame_rate: float) -> list[Window]:
    """Of each 12 s the transforms, (curves, frequencies), at the bins below and above each of `PULSE_BPM`."""
    from scipy import fft

    count = max(1, round(curves.shape[1] / frame_rate / _WINDOW))
    edges = np.linspace(0, curves.shape[1], count + 1).astype(np.int64)
    size, low, _ = _bins(frame_rate)
    transforms = (fft.rfft(curves[:, start:end], size, axis=1) for start, end in pairwise(edges))
    return [(transform[:, low], transform[:, low + 1]) for transform in transforms]


def pulses(curves: Doubles, windows: list[Window], frame_rate: float) -> Doubles:
    """(curves, frequencies) 0..1, how strongly the curves pulse at each of `PULSE_BPM`."""
    size, low, part = _bins(frame_rate)
    magnitudes = np.zeros((len(curves), len(part)))
    for lower, upper in windows:
        magnitudes += np.abs(lower) * (1 - part) + np.abs(upper) * part
    magnitudes /= np.maximum(curves.sum(axis=1, keepdims=True), 1e-9)
    magnitudes *= low < size // 2 - 1
    return magnitudes


@lru_cache(maxsize=8)
def _bins(frame_rate: float) -> tuple[int, NDArray[np.int64], Doubles]:
    """The size of a transform, and between which of its bins each of `PULSE_BPM` lies."""
    size = 2 ** int(np.ceil(np.log2(frame_rate * 370)))  # 0.16 BPM a bin or less
    place = PULSE_BPM / 60 / frame_rate * size
    low = np.minimum(place.astype(np.int64), size // 2 - 1)
    return size, low, np.clip(place - low, 0, 1)
