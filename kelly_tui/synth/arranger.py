"""Notes on beats, and the MIDI file they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
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
        parts = [part for part in self.parts if part.notes]
        for part, columns in zip(parts, _ticks(parts)):
            track = symusic.Track("", part.program, part.is_drum)
            track.notes = symusic.Note.from_numpy(*columns, "tick")
            score.tracks.append(track)
        return bytes(score.dumps_midi())


def _ticks(parts: Sequence[Part]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Onset, duration, pitch and velocity of each part, sorted by onset and pitch.

    A pitch struck again ends its last sounding. All parts in one table: a small one takes as long.
    """
    counts = [len(part.notes) for part in parts]
    numbers = chain.from_iterable(chain.from_iterable(part.notes for part in parts))
    table = np.fromiter(numbers, np.float64, 4 * sum(counts)).reshape(-1, 4)
    which = np.repeat(np.arange(len(parts)), counts)
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
    columns = (
        onset[order].astype(np.int32),
        (end - onset)[order].astype(np.int32),
        table[order, 2].astype(np.int8),
        np.clip(np.rint(table[order, 3]), 1, 127).astype(np.int8),
    )
    edges = np.searchsorted(which, np.arange(len(parts) + 1)).tolist()
    for begin, past in pairwise(edges):
        yield tuple(column[begin:past] for column in columns)


def tempo_of_file(bpm: float) -> float:
    """The tempo nearest to `bpm` that a MIDI file can say: whole microseconds a beat."""
    return round(6e7 / round(6e7 / bpm), 4)
