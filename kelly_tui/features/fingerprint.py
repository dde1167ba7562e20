"""What a MIDI piece is recognised by, whatever was done to it: its lines as steps, in sketches that can be compared.

Nothing here depends on key, tempo, loudness or instruments. A line is the highest of what is struck together: of all
notes (the skyline), and of each track by itself, so that a tune is known under another accompaniment. A run of steps
along a line is a shingle, and the sketch of all shingles is the fingerprint. Skylines: Uitdenbogerd and Zobel, "Melodic
matching techniques for large music databases" (1999); shingles: Broder, "On the resemblance and containment of
documents" (1997). That of audio is a chromagram: `kelly_tui.store.chromagrams`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kelly_tui.store.sketches import sketch_of

if TYPE_CHECKING:
    from kelly_tui.music.notes import Score  # reads MIDI, which sound does not need

Ints = NDArray[np.int64]

_STEPS = 6
"""Of a shingle of notes. Each has an interval, and whether it took longer, as long or less than the one before."""
_SHORT, _SHORTEST = 16, 8
"""Strokes: a line of fewer is known as a whole, and one of still fewer by its rhythm too."""
_FEWEST_PITCHED = 8
"""Notes: a piece with fewer is known by its drums."""
_MOST_NOTES = 2048
"""Of the beginning: minutes of any music."""
_TOGETHER = 0.035
"""Seconds: notes that follow sooner are struck together. Jitter and the hands of a player stay below."""
_WIDEST = 15
"""Semitones: wider intervals count as this."""
_LONGER = 1.4
"""How many times longer a wait is than another to be of another length: a quarter after an eighth, not a late one."""
_BITS = 7
"""Of a step: 31 intervals and three lengths."""


def midi_fingerprint(score: Score) -> bytes:
    """The sketch (`kelly_tui.store.sketches`) of a piece; empty where it says nothing, as one repeated note does."""
    notes = score.pitched if len(score.pitched) >= _FEWEST_PITCHED else score.notes
    notes = notes[:_MOST_NOTES]
    onsets, pitches, lines = notes["onset"], notes["pitch"].astype(np.int64), notes["track"].astype(np.int64)
    if (lines != lines[:1]).any():
        by_track = np.argsort(lines, kind="stable")
        onsets = np.concatenate((onsets, onsets[by_track]))
        pitches = np.concatenate((pitches, pitches[by_track]))
        lines = np.concatenate((np.full(len(notes), -1), lines[by_track]))
    strokes = _begins(onsets[1:] - onsets[:-1] > _TOGETHER, lines)
    heights = np.maximum.reduceat(pitches, strokes) if len(strokes) else pitches
    moved = _begins(heights[1:] != heights[:-1], lines[strokes])  # how often a note is repeated, arrangers differ in
    strokes, heights = strokes[moved], heights[moved]
    if len(strokes) < 3:
        return b""
    intervals = np.minimum(np.maximum(heights[1:] - heights[:-1], -_WIDEST), _WIDEST)
    waits = np.diff(onsets[strokes])
    longer, shorter = waits[1:] > _LONGER * waits[:-1], waits[:-1] > _LONGER * waits[1:]
    steps = (intervals[1:] + _WIDEST) * 4 + longer + 2 * shorter
    if len(strokes) < _SHORT:
        return sketch_of(_whole(intervals if len(strokes) >= _SHORTEST else np.append(intervals, steps)))
    return sketch_of(_runs(steps, intervals[1:], lines[strokes]))


def _begins(differs: NDArray[np.bool_], lines: Ints) -> Ints:
    """Where something new begins: at (n - 1,) `differs`, or where another of the (n,) `lines` does."""
    begins = np.ones(len(lines), np.bool_)
    np.logical_or(differs, lines[1:] != lines[:-1], out=begins[1:])
    return begins.nonzero()[0]


def _whole(steps: Ints) -> Ints:
    """(2,): all steps as one, twice, so that they are no chance."""
    return np.frombuffer(blake2b(steps.tobytes(), digest_size=16).digest(), np.int64)


def _runs(steps: Ints, intervals: Ints, lines: Ints) -> Ints:
    """(m,): each run of (n - 2,) `steps` within one line, as a number; but those to and fro between two pitches."""
    count = len(steps) - _STEPS + 1
    runs = steps[:count].copy()
    for at in range(1, _STEPS):
        runs <<= _BITS
        runs |= steps[at : at + count]
    onward = np.concatenate(([0], np.cumsum(intervals[1:] != -intervals[:-1])))
    found: Ints = runs[(lines[:count] == lines[_STEPS + 1 :]) & (onward[_STEPS - 1 :] > onward[:count])]
    return found
