"""MIDI, rendered a little ahead of being heard, or read from a tape of it where one was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kelly_tui.playback.source import Samples
from kelly_tui.render.blocks import MidiBlocks
from kelly_tui.render.events import read_events
from kelly_tui.render.lens import Lens, seen_through
from kelly_tui.render.synth import Synth

TAIL = 1.5
"""Seconds that ring on after the last note."""


class MidiSource:
    """A `Source` from a MIDI file. The synth is lent: one source at a time plays on it, from its `seek` on."""

    def __init__(self, path: Path, synth: Synth) -> None:
        self._events, self._synth = read_events(path), synth
        self.duration = self._events.duration
        self.tape: Samples | None = None
        """The whole of it as it sounds from its start, tail and all: what is on it need not be rendered."""
        self._lens = Lens()
        self._blocks = MidiBlocks(self._events, synth)
        self._at: int | None = None  # the next frame of the tape, while that plays

    @property
    def position(self) -> float:
        return self._blocks.position if self._at is None else self._at / self._synth.rate

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        self._at = None
        if self.tape is not None and self._lens == Lens() and speed == 1.0:
            self._at = round(seconds * self._synth.rate)
        else:
            self._blocks.seek(seconds, speed)

    def see_through(self, lens: Lens) -> None:
        if lens != self._lens:
            self._lens = lens
            self._blocks = MidiBlocks(seen_through(self._events, lens), self._synth)

    def read(self, frames: int) -> Samples:
        if self._at is not None and self.tape is not None:
            found: Samples = np.array(self.tape[self._at : self._at + frames])
            self._at += len(found)
            return found
        if self.position >= self.duration + TAIL:
            return np.zeros((0, 2), np.float32)
        return self._blocks.read(frames)

    def close(self) -> None:
        """Nothing to let go of: the file was read whole, the synth belongs to the player."""
        self.tape = None
