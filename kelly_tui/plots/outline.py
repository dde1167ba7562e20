"""A recording made small enough to be drawn at once: its extremes and its spectrum, found in one pass over the file.

A file of any length is read in blocks, and what is kept is at most half a megabyte: an outline is worth keeping in a
file of its own (`pack`, `unpack`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kelly_tui.errors import FileRefused
from kelly_tui.music.soundform import libsndfile, reason, streamed
from kelly_tui.plots.cells import Grid
from kelly_tui.plots.spectrogram import BANDS, WINDOW, band_levels
from kelly_tui.plots.waveform import CLIPPED, block_peaks

VERSION = 2
"""Of what `pack` writes."""

PEAKS_A_SECOND, MOST_PEAKS = 100, 1 << 16
LEVELS_A_SECOND, MOST_LEVELS = 20, 1 << 13
"""Columns kept: a few seconds fill a terminal as well as an hour does."""

LARGEST = 1 << 20
"""Bytes of what `pack` writes: all columns in half of them."""

_BLOCK = 1 << 16
_FLOOR = -100.0
"""dB that the lowest stored level means."""

Samples = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class Outline:
    """What can be drawn of a recording of `duration` seconds, in even columns."""

    duration: float
    peaks: Grid
    """Lowest and highest sample, over all channels: float32 (n, 2)."""
    levels: Grid
    """dB of the bands of `kelly_tui.plots.spectrogram`, of the mean of the channels: float32 (m, `BANDS`)."""

    def peaks_of(self, start: float, end: float) -> Grid:
        """The columns of a stretch, one at least."""
        return _part(self.peaks, start / self.duration, end / self.duration)

    def levels_of(self, start: float, end: float) -> Grid:
        """The columns of a stretch, one at least."""
        return _part(self.levels, start / self.duration, end / self.duration)


def outline_of(path: Path) -> Outline:
    """The outline of an audio file. Raises `FileRefused` when it can't be read, `LibraryMissing`."""
    soundfile = libsndfile()
    try:
        with streamed(path) as sound:
            if not sound.frames:
                raise FileRefused("no sound in it", path=path)
            duration = sound.frames / sound.samplerate
            spectrum = _Spectrum(sound.frames, sound.samplerate, _columns(duration, LEVELS_A_SECOND, MOST_LEVELS))
            n = _columns(duration, PEAKS_A_SECOND, MOST_PEAKS)
            peaks = block_peaks(_blocks(sound, spectrum), sound.frames, n)
            return Outline(duration, _unpacked_peaks(_packed_peaks(peaks)), spectrum.levels())
    except (soundfile.SoundFileError, OSError) as error:
        raise FileRefused(f"can't be read as audio ({reason(error)})", path=path) from None


def pack(outline: Outline) -> bytes:
    """An outline as bytes: a byte a number, compressed."""
    levels = np.clip(np.rint((outline.levels - _FLOOR) * 2.5), 0, 255).astype(np.uint8)
    peaks = _packed_peaks(outline.peaks)
    body = zlib.compress(peaks.tobytes() + levels.tobytes(), 1)
    return msgspec.msgpack.encode((VERSION, outline.duration, len(peaks), len(levels), body))


def unpack(data: bytes) -> Outline | None:
    """What `pack` wrote; None for anything else: it is found again from the sound."""
    try:
        version, duration, n, m, body = msgspec.msgpack.decode(data, type=tuple[int, float, int, int, bytes])
        if version != VERSION or not 0 < duration < inf or not (0 < n <= MOST_PEAKS and 0 < m <= MOST_LEVELS):
            return None
        size = 2 * n + m * BANDS
        numbers = np.frombuffer(zlib.decompressobj().decompress(body, size + 1), np.uint8)
        peaks, levels = numbers[: 2 * n].view(np.int8).reshape(n, 2), numbers[2 * n :].reshape(m, BANDS)
    except (msgspec.DecodeError, zlib.error, ValueError):
        return None
    return Outline(duration, _unpacked_peaks(peaks), levels.astype(np.float32) / 2.5 + _FLOOR)


class _Spectrum:
    """One window of sound a column, taken from the blocks as they pass."""

    def __init__(self, frames: int, rate: int, columns: int) -> None:
        self._rate = rate
        self._starts = np.minimum(np.arange(columns) * frames // columns, max(frames - WINDOW, 0))
        self._next = self._at = 0
        self._tail = np.zeros(0, np.float32)
        self._found: list[Grid] = []

    def take(self, block: Samples) -> None:
        there = np.concatenate((self._tail, block))
        begin = self._at - len(self._tail)
        self._at += len(block)
        last = int(np.searchsorted(self._starts, self._at - WINDOW, "right"))
        if last > self._next:
            starts = self._starts[self._next : last] - begin
            windows = np.lib.stride_tricks.sliding_window_view(there, WINDOW)[starts]
            self._found.append(band_levels(windows, self._rate))
            self._next = last
        self._tail = there[-WINDOW:]

    def levels(self) -> Grid:
        """All columns; those that the file ended before are silent."""
        if self._next < len(self._starts):
            short = np.zeros((1, WINDOW), np.float32)
            short[0, : len(self._tail)] = self._tail
            rest = np.full((len(self._starts) - self._next - 1, BANDS), _FLOOR, np.float32)
            self._found += [band_levels(short, self._rate), rest]
            self._next = len(self._starts)
        return np.asarray(np.maximum(np.concatenate(self._found), _FLOOR))


def _blocks(sound: Any, spectrum: _Spectrum) -> Iterator[Samples]:
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        block = np.nan_to_num(block, copy=False, posinf=0.0, neginf=0.0)
        spectrum.take(block @ np.full(block.shape[1], 1 / block.shape[1], np.float32))
        yield block


def _columns(duration: float, a_second: int, most: int) -> int:
    return min(max(round(duration * a_second), 1), most)


def _packed_peaks(peaks: Grid) -> np.ndarray[Any, np.dtype[np.int8]]:
    """A byte each, by square roots, so that soft sound keeps its shape; only what is clipped is full."""
    size = np.abs(peaks)
    root = np.where(size >= CLIPPED, 127, np.minimum(np.rint(np.sqrt(np.minimum(size, 1.0)) * 127), 126))
    return (root * np.sign(peaks)).astype(np.int8)


def _unpacked_peaks(packed: np.ndarray[Any, np.dtype[np.int8]]) -> Grid:
    root = packed.astype(np.float32) / 127
    return np.asarray(root * np.abs(root))


def _part(columns: Grid, start: float, end: float) -> Grid:
    n = len(columns)
    first = min(max(int(start * n), 0), n - 1)
    return columns[first : max(int(np.ceil(end * n)), first + 1)]
