"""Chromagrams: whether two clips are of one rendition of a piece, in any key, at a tempo near it, from anywhere on.

A clip is kept as its pitch classes over time, coarsely. What comes how long after what, up by how much, is the same in
all keys and wherever a clip begins; over the logarithm of time another tempo only moves it along (`_echoes`), and the
magnitude of its spectrum there is the same at all tempi. By that a clip's nearest are found (keys: Marolt, "A mid-level
representation for melody-based retrieval in audio collections", 2008; tempi: Holzapfel and Stylianou, "Scale transform
in rhythmic similarity of music", 2011). These are laid over it, at all twelve rotations (Serrà, Gómez and Herrera,
"Transposing chroma representations to a common key", 2008), tempi about that of their echoes, and every delay: what
decides is their correlation there. Beats are not asked: a tracker that halves the tempo of a variant would lose it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MARK = 1
"""The first byte of a chromagram, raised when it is made in another way. Six bytes a step follow: never as many as a
sketch has, whose number is even."""
_FRAMES = 8
"""Of 23 ms each, in a step."""
_MOST, _LEAST = 512, 24
"""Steps that are kept, 95 s; and of a clip that can be known by them, 4.5 s."""
_FLAT = 0.02
"""Of the largest pitch class: where less changes, as under one tone, nothing can be known."""

_LOG_STEP = 0.025
"""Echoes are heard at lags of 0.3 to 14 s, each 2.5 % longer than the one before."""
_LAGS = 0.3 * np.exp(np.arange(int(np.log(14 / 0.3) / _LOG_STEP) + 1) * _LOG_STEP) * (22_050 / 512 / _FRAMES)
"""In steps."""
_PART = 0.6
"""Of a clip: longer lags are heard too rarely in it."""
_SMOOTH = 24
"""Frequencies over the logarithm of lag, from 0 up."""
_KEPT, _DAMPED = 60, 0.1
"""Principal components by which the nearest are found, and what is added to their spreads, of the largest."""
_NEAREST = 16
_ROWS = 512
"""Clips whose nearest are sought at once."""
_RUN = 32
"""Clips of which the closest is looked at first."""
_SHIFTS = 9
"""Lags by which echoes are moved against each other: tempi up to a quarter apart."""

_ECHO = 0.65
"""Correlation of echoes under which clips need not be laid over each other: of siblings it was 0.72 and more."""
_SAME = 0.64
"""Correlation of chromagrams from which clips of 15 s are of one rendition.

Of 22 clips of 30 s (pop, piano, chorales, folk songs, jazz, drums, orchestra), each with fourteen variants by Kelly and
librosa, with as much as pitch by 2 semitones and speed by a tenth together, noise of 10 dB, or a later start, all were
found. Of 150,000 pairs of others, one was: two takes of one drum pattern.
"""
_LONG, _MORE = 80, 0.1
"""Steps of 15 s; and by how much that of the shortest, which are alike by chance more, must be larger."""
_OVERLAP = 0.5
"""Of the shorter clip, that must lie over the other."""
_TEMPI = np.exp(np.array([-0.5, 0.0, 0.5]) * _LOG_STEP)
"""About that at which echoes agree."""


def packed(chroma: Floats) -> bytes:
    """What is kept of a clip's (frames, 12) chroma, 0..1, 43 frames a second; empty where it can't be known by it."""
    count = min(len(chroma) // _FRAMES, _MOST)
    if count < _LEAST:
        return b""
    means = chroma[: count * _FRAMES].reshape(count, _FRAMES, 12).mean(axis=1)
    levels = np.clip(np.rint(means * 15), 0, 15).astype(np.uint8)
    if _centred(levels).std() < _FLAT:
        return b""
    pairs: NDArray[np.uint8] = levels[:, ::2] | levels[:, 1::2] << 4
    return bytes([_MARK]) + pairs.tobytes()


def alike(clips: Sequence[bytes]) -> Ints:
    """(pairs, 2): places of clips, as `packed`, that are of one rendition. What is no chromagram is like nothing.

    Not every pair of a cluster, but so many that all of it hangs together. Nearest are sought among all, by 60 numbers
    a clip; the rest is the same for each clip, however many there are.
    """
    first: dict[bytes, int] = {}
    for place, clip in enumerate(clips):
        if is_chromagram(clip):
            first.setdefault(clip, place)
    copies = [(first[clip], at) for at, clip in enumerate(clips) if first.get(clip, at) != at]
    places, several = list(first.values()), list(first)
    pairs = [(places[one], places[other]) for one, other in _renditions(several)]
    return np.array([*copies, *pairs], np.int64).reshape(-1, 2)


def is_chromagram(data: bytes) -> bool:
    """Whether it is one that `packed` makes now."""
    return isinstance(data, bytes) and len(data) % 6 == 1 and data[0] == _MARK and len(data) > 6 * _LEAST


def _renditions(clips: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Pairs of one rendition, none of which is known by the pairs before it."""
    if len(clips) < 2:
        return
    echoes = np.empty((len(clips), 12, len(_LAGS)), np.int8)  # small: there are many
    signatures = np.empty((len(clips), 12 * _SMOOTH), np.float32)
    for place, clip in enumerate(clips):
        heard = _echoes(_unpacked(clip))
        echoes[place] = np.rint(heard * (127 / max(float(np.abs(heard).max()), 1e-9)))
        signatures[place] = np.abs(np.fft.rfft(heard * _taper(), axis=1))[:, :_SMOOTH].ravel()
    group = list(range(len(clips)))
    for one, near in enumerate(_nearest(_whitened(signatures))):
        there = [other for other in near.tolist() if _root(group, one) != _root(group, other)]
        if not there:
            continue
        agreements, tempi = _echoing(echoes[one], echoes[there])
        for place in np.argsort(-agreements, kind="stable").tolist():
            other = there[place]
            if agreements[place] < _ECHO:
                break
            if _root(group, one) == _root(group, other):
                continue
            if _are_same(_unpacked(clips[one]), _unpacked(clips[other]), tempi[place]):
                group[_root(group, other)] = _root(group, one)
                yield one, other


def _root(group: list[int], place: int) -> int:
    while group[place] != place:
        group[place] = group[group[place]]
        place = group[place]
    return place


@lru_cache(maxsize=256)
def _unpacked(clip: bytes) -> Floats:
    """(steps, 12): the pitch classes above their means over time and over each other."""
    halves = np.frombuffer(clip, np.uint8, offset=1).reshape(-1, 6)
    return _centred(np.stack((halves & 15, halves >> 4), axis=2).reshape(-1, 12))


def _centred(levels: NDArray[np.uint8]) -> Floats:
    chroma: Floats = levels.astype(np.float32) / np.float32(15)
    chroma -= chroma.mean(axis=1, keepdims=True)
    chroma -= chroma.mean(axis=0)
    return chroma


def _echoes(chroma: Floats) -> Floats:
    """(12, lags): how often what sounds is heard again so many semitones higher after each of `_LAGS`.

    The autocorrelation of (steps, 12), circular over pitch classes.
    """
    from scipy import fft

    count = len(chroma)
    spectrum = fft.fft2(chroma, (fft.next_fast_len(2 * count), 12))
    again = fft.ifft2(np.square(spectrum.real) + np.square(spectrum.imag)).real[:count]
    again *= (count / max(float(again[0, 0]), 1e-9) / (count - np.arange(count)))[:, None]
    before = np.minimum(_LAGS.astype(np.int64), count - 2)
    part = np.clip(_LAGS - before, 0, 1)[:, None]
    heard: Floats = (again[before] * (1 - part) + again[before + 1] * part).astype(np.float32)
    heard[_PART * count < _LAGS] = 0
    return heard.T


@lru_cache(maxsize=1)
def _taper() -> Floats:
    return np.sqrt(np.hanning(len(_LAGS) + 2)[1:-1]).astype(np.float32)


def _whitened(signatures: Floats) -> Floats:
    """(n, components) of unit length: what tells clips from each other, each component as much as any."""
    apart = signatures - signatures.mean(axis=0)
    spreads, directions = np.linalg.eigh(apart.T.astype(np.float64) @ apart / len(apart))
    spreads, directions = np.sqrt(np.maximum(spreads[::-1], 0)), directions[:, ::-1]
    kept = (directions / (spreads + _DAMPED * spreads[0] + 1e-9))[:, :_KEPT].astype(np.float32)
    white: Floats = apart @ kept
    white /= np.maximum(np.linalg.norm(white, axis=1, keepdims=True), 1e-9)
    return white


def _nearest(points: Floats) -> Iterator[Ints]:
    """(m,) of each of n points of unit length, the places of those nearest to it."""
    number, count = min(_NEAREST, len(points) - 1), len(points)
    padded = np.zeros((-(-count // _RUN) * _RUN, points.shape[1]), np.float32)
    padded[:count] = points
    apart = len(padded) // _RUN  # from each clip of a run to the next
    within = np.arange(_RUN) * apart
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        closeness = points[rows] @ padded.T
        closeness[rows - start, rows] = closeness[:, count:] = -np.inf
        # No more runs than nearest hold these, and no run has a closer best: the rest need not be sorted.
        best = closeness.reshape(len(rows), _RUN, apart).max(axis=1)
        runs = _largest(best, min(number, best.shape[1]))
        there = (runs[:, :, None] + within).reshape(len(rows), -1)
        chosen = _largest(np.take_along_axis(closeness, there, axis=1), number)
        yield from np.take_along_axis(there, chosen, axis=1)


def _largest(values: Floats, number: int) -> Ints:
    """(n, number): where in each row of (n, m) its largest are, in no order."""
    return np.argpartition(values, -number, axis=1)[:, -number:]


def _echoing(one: NDArray[np.int8], others: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """(n,) the correlation of echoes, (12, lags) and (n, 12, lags), moved so that it is largest, and (n,) speeds.

    At such a speed `one` is as fast as the other.
    """
    ours, theirs = one.astype(np.float32), others.astype(np.float32)
    power = np.concatenate(([0.0], np.cumsum(np.square(ours).sum(axis=0))))
    powers = np.concatenate((np.zeros((len(theirs), 1)), np.cumsum(np.square(theirs).sum(axis=1), axis=1)), axis=1)
    lags, found = ours.shape[1], []
    for shift in range(-_SHIFTS, _SHIFTS + 1):
        here, there = max(shift, 0), max(-shift, 0)
        width = lags - abs(shift)
        product = np.tensordot(theirs[:, :, there : there + width], ours[:, here : here + width], 2)
        energy = (powers[:, there + width] - powers[:, there]) * (power[here + width] - power[here])
        found.append(product / np.sqrt(np.maximum(energy, 1e-9)))
    best = np.argmax(found, axis=0)
    agreements = np.take_along_axis(np.array(found), best[None], axis=0)[0]
    return agreements.astype(np.float32), np.exp((best - _SHIFTS) * _LOG_STEP).astype(np.float32)


def _are_same(one: Floats, other: Floats, tempo: float) -> bool:
    short = max(_LONG - min(len(one), len(other)), 0) / (_LONG - _LEAST)
    return _correlation(one, other, tempo * _TEMPI) >= _SAME + short * _MORE


def _correlation(one: Floats, other: Floats, speeds: NDArray[np.floating]) -> float:
    """The largest of (steps, 12) `one`, played at any of `speeds`, and `other`, over all rotations and delays."""
    from scipy import fft

    best = 0.0
    for speed in speeds.tolist():
        ours = _at_speed(one, speed)
        length = fft.next_fast_len(len(ours) + len(other), real=True)
        ahead, behind = (fft.rfft2(side, (12, length), axes=(1, 0)) for side in (ours, other))
        together = fft.irfft2(ahead.conj() * behind, (12, length), axes=(1, 0))
        delay = np.arange(1 - len(ours), len(other))
        begin, end = np.maximum(delay, 0), np.minimum(delay + len(ours), len(other))
        enough = end - begin >= _OVERLAP * min(len(ours), len(other))
        delay, begin, end = delay[enough], begin[enough], end[enough]
        power, powers = _power(ours), _power(other)
        energy = (power[end - delay] - power[begin - delay]) * (powers[end] - powers[begin])
        found = together[delay % length].max(axis=1) / np.sqrt(np.maximum(energy, 1e-9))
        best = max(best, float(found.max()))
    return best


def _power(chroma: Floats) -> NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(np.square(chroma).sum(axis=1, dtype=np.float64))))


def _at_speed(chroma: Floats, speed: float) -> Floats:
    at = np.arange(int((len(chroma) - 1) / speed) + 1) * speed
    before = np.minimum(at.astype(np.int64), len(chroma) - 2)
    part = (at - before)[:, None].astype(np.float32)
    played: Floats = chroma[before] * (1 - part) + chroma[before + 1] * part
    return played
