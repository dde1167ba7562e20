"""MIDI, rendered a little ahead of being heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kelly_tui.playback.source import Samples
from kelly_tui.render.blocks import MidiBlocks
from kelly_tui.render.events import read_events, transposed
from kelly_tui.render.synth import Synth

TAIL = 1.5
"""Seconds that ring on after the last note."""


class MidiSource:
    """A `Source` from a MIDI file. The synth is lent: one source at a time plays on it."""

    def __init__(self, path: Path, synth: Synth) -> None:
        self._events, self._synth = read_events(path), synth
        self.duration = self._events.duration
        self._blocks = MidiBlocks(self._events, synth)

    @property
    def position(self) -> float:
        return self._blocks.position

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        self._blocks.seek(seconds, speed)

    def transpose(self, semitones: int) -> None:
        self._blocks = MidiBlocks(transposed(self._events, semitones), self._synth)

    def read(self, frames: int) -> Samples:
        if self.position >= self.duration + TAIL:
            return np.zeros((0, 2), np.float32)
        return self._blocks.read(frames)

    def close(self) -> None:
        """Nothing to let go of: the file was read whole, the synth belongs to the player."""
