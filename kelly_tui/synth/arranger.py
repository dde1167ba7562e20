"""Notes on beats, and the MIDI file they make."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray

from kelly_tui.synth.meter import Meter

TICKS_PER_BEAT = 960
"""A tick is half a millisecond at 120 BPM: fine enough for the push of a groove."""


class Note(NamedTuple):
    """A note; times in beats (quarter notes)."""

    onset: float
    duration: float
    pitch: int
    velocity: int = 64


NoteTable = NDArray[np.float64]
"""Notes as rows: onset, duration, pitch, velocity."""


class Part(NamedTuple):
    """What one instrument plays. `program` is General MIDI's; drums have none."""

    notes: Sequence[Note] | NoteTable
    program: int = 0
    is_drum: bool = False


class Written(NamedTuple):
    """A piece as its file has it: times in seconds, one row a note."""

    midi: bytes
    onset: NDArray[np.float64]
    velocity: NDArray[np.float64]
    is_drum: NDArray[np.bool_]
    duration: float
    """To the end of the last note."""


class Arrangement(NamedTuple):
    """A piece: parts that start at beat 0 together."""

    tempo_bpm: float
    meter: Meter
    parts: tuple[Part, ...]

    def written(self) -> Written:
        """A standard MIDI file. It says tempo, meter and programs, and no word: text would give labels away."""
        score = symusic.Score(TICKS_PER_BEAT)
        score.tempos.append(symusic.Tempo(0, self.tempo_bpm))
        score.time_signatures.append(symusic.TimeSignature(0, self.meter.numerator, self.meter.denominator))
        parts = [part for part in self.parts if len(part.notes)]
        which, onset, duration, pitch, velocity = _ticks([part.notes for part in parts])
        edges = np.searchsorted(which, np.arange(len(parts) + 1)).tolist()
        for part, (begin, past) in zip(parts, pairwise(edges)):
            track = symusic.Track("", part.program, part.is_drum)
            columns = (column[begin:past] for column in (onset, duration, pitch, velocity))
            track.notes = symusic.Note.from_numpy(*columns, "tick")
            score.tracks.append(track)
        drums = np.array([part.is_drum for part in parts])[which]
        # As whoever reads the file works it out, to the last bit: a note on a border counts on the same side.
        tick = 60 / (6e7 / round(6e7 / self.tempo_bpm) * TICKS_PER_BEAT)
        start = onset.astype(np.float64) * tick
        end = (onset + duration).astype(np.float64) * tick
        last = float((start + (end - start)).max())
        return Written(bytes(score.dumps_midi()), start, velocity.astype(np.float64), drums, last)


def _ticks(parts: Sequence[Sequence[Note] | NoteTable]) -> tuple[NDArray[np.integer], ...]:
    """Part, onset, duration, pitch and velocity of each note, sorted by part, onset and pitch.

    A pitch struck again ends its last sounding. All parts in one table: a small one takes as long.
    """
    tables = [np.asarray(notes) for notes in parts]
    which = np.repeat(np.arange(len(parts)), [len(table) for table in tables])
    table = np.concatenate(tables)
    order = np.lexsort((-table[:, 1], table[:, 0], table[:, 2], which))
    table, which = table[order], which[order]
    onset = np.maximum(np.rint(table[:, 0] * TICKS_PER_BEAT), 0)
    end = np.rint((table[:, 0] + table[:, 1]) * TICKS_PER_BEAT)
    key = which * 128 + table[:, 2]
    first = np.append(True, (np.diff(key) != 0) | (np.diff(onset) != 0))
    which, key, onset, end, table = which[first], key[first], onset[first], end[first], table[first]
    again = key[1:] == key[:-1]
    end[:-1][again] = np.minimum(end[:-1], onset[1:])[again]
    end = np.maximum(end, onset + 1)
    order = np.lexsort((key, onset, which))
    return (
        which[order],
        onset[order].astype(np.int32),
        (end - onset)[order].astype(np.int32),
        table[order, 2].astype(np.int8),
        np.clip(np.rint(table[order, 3]), 1, 127).astype(np.int8),
    )


def tempo_of_file(bpm: float) -> float:
    """The tempo nearest to `bpm` that a MIDI file can say: whole microseconds a beat."""
    return round(6e7 / round(6e7 / bpm), 4)
