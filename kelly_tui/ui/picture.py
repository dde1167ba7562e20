"""What the music view draws: a sample's notes or outline, read once, off the app's thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kelly_tui.music.hook import hook
from kelly_tui.music.modulation import detect_keys
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.plots.cells import Cells
from kelly_tui.plots.pianoroll import PianoRoll
from kelly_tui.plots.ruler import beats_and_bars
from kelly_tui.plots.waveform import file_peaks, waveform

BAR_CELLS = 8
"""A bar of a piano roll is at least so wide."""

AUDIO_COLUMNS = 4096
"""Extremes kept of a sound: twice the dots of a very wide terminal."""


class Picture(Protocol):
    """A piece of music, ready to be drawn again and again. Times are seconds."""

    duration: float
    beats: Sequence[float]
    """Starts of beats; empty where they are not known."""
    bars: Sequence[float]
    keys: Sequence[tuple[float, str]]
    """Where each key starts, and its name as a chord's: ``Am``; empty where it stays in one."""

    def hook(self) -> tuple[float, float]:
        """The start and end of what tells most about it."""
        ...

    def stretch(self, width: int, playhead: float) -> tuple[float, float]:
        """The start and end of what is shown in `width` cells while the playhead is there."""
        ...

    def cells(self, width: int, height: int, start: float, end: float, playhead: float | None) -> Cells:
        """That stretch in `width` x `height` cells."""
        ...


class MidiPicture:
    """Notes in pages of whole bars."""

    def __init__(self, score: Score) -> None:
        self.duration = score.duration
        beats, bars = beats_and_bars(score)
        self.beats, self.bars = beats.tolist(), bars.tolist() or [0.0]
        self.keys: Sequence[tuple[float, str]] = _changing_keys(score)
        self._notes = score.notes
        self._roll = PianoRoll(score.notes)

    def hook(self) -> tuple[float, float]:
        start, end = hook(self._notes["onset"], self._notes["velocity"], self.duration)
        bar = min(self.bars, key=lambda line: abs(line - start))  # a bar is heard better from its start
        return bar, min(bar + end - start, self.duration)

    def stretch(self, width: int, playhead: float) -> tuple[float, float]:
        shown = max(width // BAR_CELLS, 1)
        bar = int(np.searchsorted(self.bars, playhead, "right")) - 1
        first = max(bar, 0) // shown * shown
        last = first + shown
        start = self.bars[first]
        if last < len(self.bars):
            return start, self.bars[last]
        bar_length = self.bars[-1] - self.bars[-2] if len(self.bars) > 1 else self.duration
        return start, self.bars[-1] + max(bar_length, 0.1) * (last - len(self.bars) + 1)

    def cells(self, width: int, height: int, start: float, end: float, playhead: float | None) -> Cells:
        return self._roll.cells(width, height, start, end, self.beats, self.bars, playhead)


def _changing_keys(score: Score) -> list[tuple[float, str]]:
    """The keys over time, if there is more than one."""
    regions = detect_keys(score)[1]
    signs = {"major": "", "minor": "m"}
    names = [(region.start, region.tonic + signs.get(region.mode, f" {region.mode}")) for region in regions]
    return names if len(names) > 1 else []


class AudioPicture:
    """The outline of a sound, whole."""

    beats: Sequence[float] = ()
    bars: Sequence[float] = ()
    keys: Sequence[tuple[float, str]] = ()

    def __init__(self, path: Path, duration: float) -> None:
        self.duration = duration
        self._peaks = file_peaks(path, AUDIO_COLUMNS)

    def hook(self) -> tuple[float, float]:
        level = self._peaks[:, 1] - self._peaks[:, 0]
        times = np.arange(len(level)) / max(len(level), 1) * self.duration
        return hook(times, np.maximum(np.diff(level, prepend=0.0), 0.0), self.duration)

    def stretch(self, width: int, playhead: float) -> tuple[float, float]:
        return 0.0, self.duration

    def cells(self, width: int, height: int, start: float, end: float, playhead: float | None) -> Cells:
        part = None if playhead is None else playhead / max(self.duration, 1e-9)
        return waveform(self._peaks, width, height, part)


def read_picture(path: Path, file_type: str, duration: float) -> Picture:
    """The picture of a file; raises `FileRefused` for one that can't be read."""
    if file_type == "midi":
        return MidiPicture(read_midi(path))
    return AudioPicture(path, duration)
