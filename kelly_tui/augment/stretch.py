"""Sound at another speed and the same pitch: a phase vocoder that keeps partials in tune and attacks sharp.

- A partial turns on by what it turned in the source over one output hop, measured by a second transform that far
  before (Puckette, "Phase-locked vocoder", 1995): exact for any steady tone, without unwrapping.
- All bins around a peak turn with it, so that the shape of a partial in time stays (identity phase locking: Laroche
  and Dolson, "Improved phase vocoder time-scale modification of audio", 1999). The channels turn together.
- What begins takes the phase it has in the source (Röbel, "A new approach to transient processing in the phase
  vocoder", 2003). Where nothing is struck, what was nearby before does not begin: it is vibrato or a glide (Böck and
  Widmer, "Maximum filter vibrato suppression for onset detection", 2013).
- Around an attack time runs as in the source: what is lost or gained there is made up between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]

_WINDOW = 0.139
"""Seconds: tells notes a semitone apart from 100 Hz up, and is no longer than the attacks need."""
_OVERLAP = 4
_BLOCK = 256
"""Frames at once; how many they are shows in the last bit, and variants are made again byte for byte."""
_MANY = 8
"""Channels, those of 7.1: with more, as many fewer frames at once."""
_ROOM = 7_000_000
"""Values that the windows at once hold in all channels: those of stereo at 96 kHz."""
_RISE = 4.0
"""So many times the power a hop before, and a bin is part of something that begins."""
_NEAR = 24
"""Bands an octave: what was in the same band before, or in one beside it, was nearby."""
_ATTACK_RISE = 4.0
_LOCKED = 0.35
"""Share of the time between two attacks, on either side, in which time runs as in the source."""


def stretched(samples: Samples, rate: int, speed: float) -> Samples:
    """(round(n / speed), channels) of `samples`, (n, channels), at `speed` times the speed."""
    return np.concatenate([samples[:0], *stretched_parts(samples, rate, speed)])


def stretched_parts(samples: Samples, rate: int, speed: float) -> Iterator[Samples]:
    """The same, a part after the other: of a long sound little is to be held."""
    from scipy import fft  # numpy's is three times as slow in float32

    n, channels = samples.shape
    size = _window_size(rate)
    hop, bins = size // _OVERLAP, size // 2 + 1
    total = round(n / speed) // hop + _OVERLAP + 1
    centres = (np.arange(total) - _OVERLAP // 2) * hop
    struck = attacks(samples, rate)
    sources = np.rint(_source_times(struck, speed, size, centres)).astype(np.int64)
    holds_attack = np.diff(np.searchsorted(struck, [sources - size // 2, sources + size // 2]), axis=0)[0] > 0
    starts = sources - size // 2
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    level = np.float32(1 / (0.375 * _OVERLAP))  # of the window squared, overlapped
    turn = np.ones(bins, np.complex64)
    bands = _bands(bins)
    last = None
    skipped, left = size // 2 + (_OVERLAP // 2) * hop, round(n / speed)
    unfinished = np.zeros((channels, _OVERLAP - 1, hop), np.float32)
    block = max(1, min(_BLOCK, _BLOCK * _MANY // channels, _ROOM // (size * channels)))
    for first in range(0, total, block):
        at = starts[first : first + block]
        begin = int(at.min()) - hop
        frames = np.lib.stride_tricks.sliding_window_view(_span(samples, begin, int(at.max()) + size), size, axis=1)
        now = fft.rfft(frames[:, at - begin] * window, axis=-1)
        hop_before = fft.rfft(frames[:, at - begin - hop] * window, axis=-1)
        was = np.concatenate((hop_before[:, :1] if last is None else last, now[:, :-1]), axis=1)
        last = now[:, -1:]
        power = _power(now)
        before_it = _power(hop_before)
        calm = ~holds_attack[first : first + block]
        before_it[calm] = _most_nearby(before_it[calm], bands)
        begins = power > _RISE * before_it
        turns = _turns(turn, _unit((was * np.conj(hop_before)).sum(axis=0)), begins, power)
        turn = turns[-1]
        parts = (fft.irfft(now * turns, size, axis=-1) * window).reshape(channels, len(at), _OVERLAP, hop)
        made = np.concatenate((unfinished, np.zeros((channels, len(at), hop), np.float32)), axis=1)
        for part in range(_OVERLAP):
            made[:, part : part + len(at)] += parts[:, :, part]
        unfinished = made[:, len(at) :]
        done = made if first + block >= total else made[:, : len(at)]
        done = done.reshape(channels, -1)[:, skipped : skipped + left] * level
        skipped = max(0, skipped - len(at) * hop)
        left -= done.shape[1]
        yield done.T


def _span(samples: Samples, begin: int, end: int) -> Samples:
    """(channels, end - begin): from `begin` to `end`, with silence before and after the sound."""
    span = np.zeros((samples.shape[1], end - begin), np.float32)
    there = samples[max(0, begin) : max(0, end)]
    span[:, max(0, -begin) : max(0, -begin) + len(there)] = there.T
    return span


def attacks(samples: Samples, rate: int) -> NDArray[np.int64]:
    """The samples, (n, channels), at which something begins at once: the power of its slope grows fourfold in 5 ms."""
    block = max(1, rate // 200)
    blocks = len(samples) // block
    if blocks < 12:
        return np.zeros(0, np.int64)
    power = np.empty(blocks)
    last = np.float32(0)
    for first in range(0, blocks, _BLOCK):
        part = samples[first * block : min(first + _BLOCK, blocks) * block].sum(axis=1)
        slope = np.diff(part, prepend=last)
        last = part[-1]
        power[first : first + _BLOCK] = np.square(slope, dtype=np.float64).reshape(-1, block).sum(axis=1)
    before = np.concatenate(([0.0], np.convolve(power, np.full(8, 1 / 8))[: blocks - 1])) + power.max() * 1e-6 + 1e-30
    growth = power / before
    most = np.lib.stride_tricks.sliding_window_view(np.pad(growth, 6), 13).max(axis=1)
    return np.flatnonzero((growth >= most) & (growth > _ATTACK_RISE)) * block


def _window_size(rate: int) -> int:
    from scipy import fft

    return int(_OVERLAP * fft.next_fast_len(max(4, round(_WINDOW * rate / _OVERLAP)), real=True))


def _source_times(struck: NDArray[np.int64], speed: float, size: int, centres: NDArray[np.int64]) -> Floats:
    """From where in a source with these attacks a frame at each of `centres` is taken, in samples."""
    at = struck.astype(np.float64)
    if not len(at):
        return np.asarray(centres * speed, np.float64)
    apart = np.diff(at)
    room = np.minimum(np.append(apart, np.inf), np.insert(apart, 0, np.inf))
    half = np.minimum(size / 2, room * _LOCKED * min(1.0, 1 / speed))
    made = np.column_stack((at / speed - half, at / speed + half)).ravel()
    taken = np.column_stack((at - half, at + half)).ravel()
    low = min(float(centres[0]), made[0]) - 10 * size
    high = max(float(centres[-1]), made[-1]) + 10 * size
    times: Floats = np.interp(centres, [low, *made, high], [low * speed, *taken, high * speed])
    return times


def _turns(
    turn: NDArray[np.complex64], drift: NDArray[np.complex64], begins: NDArray[np.bool_], power: NDArray[np.float32]
) -> NDArray[np.complex64]:
    """By how much each bin of each frame is turned; `turn` is that of the frame before them."""
    owner = _peaks(power)
    turns = np.empty_like(drift)
    for frame in range(len(drift)):
        turn = turn * drift[frame]
        turn[begins[frame]] = 1
        turn = turn[owner[frame]]
        turn /= np.abs(turn)
        turns[frame] = turn
    return turns


def _bands(bins: int) -> NDArray[np.int64]:
    """Where bands of a quarter of a tone begin; one bin each, at least."""
    edges = 2 ** (np.arange(int(_NEAR * np.log2(bins)) + 1) / _NEAR)
    return np.unique(np.append(0, np.rint(edges).astype(np.int64)).clip(max=bins - 1))


def _most_nearby(power: NDArray[np.float32], bands: NDArray[np.int64]) -> NDArray[np.float32]:
    """For each bin of each frame the most that there is in its band and the two beside it."""
    most = np.pad(np.maximum.reduceat(power, bands, axis=1), ((0, 0), (1, 1)))
    around = np.maximum(np.maximum(most[:, :-2], most[:, 2:]), most[:, 1:-1])
    return np.repeat(around, np.diff(bands, append=power.shape[1]), axis=1)


def _peaks(power: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each bin of each frame the nearest bin that is a peak among its four neighbours."""
    bins = power.shape[1]
    around = np.pad(power, ((0, 0), (2, 2)))
    middle = around[:, 2:-2]
    peak = (middle > around[:, 1:-3]) & (middle >= around[:, 3:-1])
    peak &= (middle > around[:, :-4]) & (middle >= around[:, 4:])
    peak[:, 0] |= ~peak.any(axis=1)
    index = np.arange(bins)
    left = np.maximum.accumulate(np.where(peak, index, -1), axis=1)
    right = np.minimum.accumulate(np.where(peak, index, 2 * bins)[:, ::-1], axis=1)[:, ::-1]
    left, right = np.where(left < 0, right, left), np.where(right >= bins, left, right)
    nearest: NDArray[np.int64] = np.where(index - left <= right - index, left, right)
    return nearest


def _unit(values: NDArray[Any]) -> NDArray[np.complex64]:
    """Of length one; one where there is nothing to tell a direction by."""
    length = np.abs(values)
    unit: NDArray[np.complex64] = np.where(length > 1e-12, values / np.maximum(length, 1e-12), np.complex64(1))
    return unit


def _power(spectrum: NDArray[Any]) -> NDArray[np.float32]:
    """Of all channels together."""
    power: NDArray[np.float32] = (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0)
    return power
