"""Notes on beats, and the MIDI file they make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import symusic

from kelly_tui.synth.meter import Meter

TICKS_PER_BEAT = 960
"""A tick is half a millisecond at 120 BPM: fine enough for the push of a groove."""


class Note(NamedTuple):
    """A note; times in beats (quarter notes)."""

    onset: float
    duration: float
    pitch: int
    velocity: int = 64


class Part(NamedTuple):
    """What one instrument plays. `program` is General MIDI's; drums have none."""

    notes: list[Note]
    program: int = 0
    is_drum: bool = False


class Arrangement(NamedTuple):
    """A piece: parts that start at beat 0 together."""

    tempo_bpm: float
    meter: Meter
    parts: tuple[Part, ...]

    def midi(self) -> bytes:
        """A standard MIDI file. It says tempo, meter and programs, and no word: text would give labels away."""
        score = symusic.Score(TICKS_PER_BEAT)
        score.tempos.append(symusic.Tempo(0, self.tempo_bpm))
        score.time_signatures.append(symusic.TimeSignature(0, self.meter.numerator, self.meter.denominator))
        for part in self.parts:
            if part.notes:
                track = symusic.Track("", part.program, part.is_drum)
                track.notes = symusic.Note.from_numpy(*_ticks(part.notes), "tick")
                score.tracks.append(track)
        return bytes(score.dumps_midi())


def _ticks(notes: Iterable[Note]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Onset, duration, pitch and velocity, sorted by onset and pitch. A pitch struck again ends its last sounding."""
    table = np.array(list(notes), dtype=np.float64)
    table = table[np.lexsort((-table[:, 1], table[:, 0], table[:, 2]))]
    onset = np.maximum(np.rint(table[:, 0] * TICKS_PER_BEAT), 0)
    end = np.rint((table[:, 0] + table[:, 1]) * TICKS_PER_BEAT)
    pitch, velocity = table[:, 2], table[:, 3]
    first = np.append(True, (np.diff(pitch) != 0) | (np.diff(onset) != 0))
    onset, end, pitch, velocity = onset[first], end[first], pitch[first], velocity[first]
    again = pitch[1:] == pitch[:-1]
    end[:-1][again] = np.minimum(end[:-1], onset[1:])[again]
    end = np.maximum(end, onset + 1)
    order = np.lexsort((pitch, onset))
    return (
        onset[order].astype(np.int32),
        (end - onset)[order].astype(np.int32),
        pitch[order].astype(np.int8),
        np.clip(np.rint(velocity[order]), 1, 127).astype(np.int8),
    )


def tempo_of_file(bpm: float) -> float:
    """The tempo nearest to `bpm` that a MIDI file can say: whole microseconds a beat."""
    return round(6e7 / round(6e7 / bpm), 4)
