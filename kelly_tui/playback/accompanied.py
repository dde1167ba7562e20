"""A source and what is played beside it: a drone, the labelled chords, a click."""

from __future__ import annotations

from kelly_tui.playback.source import Samples, Source
from kelly_tui.render.blocks import MidiBlocks
from kelly_tui.render.companion import Companion, companion_events
from kelly_tui.render.lens import Lens
from kelly_tui.render.synth import Synth

LEAD = 0.1
"""Seconds of a companion that are rendered unheard before a seek's place. What it holds sounds on evenly, and nobody
hears when it was struck; with four seconds, as of music, a seek or a switch took a tenth of a second."""


class Accompanied:
    """A `Source` that sounds like another one with a companion to it, at the same place and speed."""

    def __init__(self, source: Source, companion: Companion, synth: Synth) -> None:
        self._source = source
        self._companion = MidiBlocks(companion_events(companion, source.duration), synth, LEAD)
        self.duration = source.duration

    @property
    def position(self) -> float:
        return self._source.position

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        self._source.seek(seconds, speed)
        self._companion.seek(seconds, speed)

    def see_through(self, lens: Lens) -> None:
        """The music alone: who hears it higher wants to know whether the label still fits, and sets another."""
        self._source.see_through(lens)

    def read(self, frames: int) -> Samples:
        samples = self._source.read(frames)
        return samples + self._companion.read(len(samples)) if len(samples) else samples

    def close(self) -> None:
        """The source is closed by who opened it."""
