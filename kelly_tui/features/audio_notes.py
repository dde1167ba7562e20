"""Notes of audio as changes of pitch, and what they say for a tempo: for music that is held, without drums.

A bow or a breath begins softly and vibrates: its level rises as often within a note as where one begins. So notes begin
where the chroma before and after differ, as changes of chords are heard by Goto (2001, "An audio-based real-time beat
tracking system"); and a tempo is weighed by how strongly these changes pulse at it and at its multiples and parts, by
how long the notes are in its beats, and by how many of them a beat has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.features.pulses import above_their_mean, peaks, pulses, windows_of
from kelly_tui.features.spectrum import Floats
from kelly_tui.music.tempi import BPM, PULSE_BPM, at_multiple, at_multiples

Doubles = NDArray[np.float64]

_AROUND = 4
"""Frames before and after that are compared, 0.09 s: as long as a window of the spectrum."""
_CHANGE = 0.06
"""By how much, of 1, a change of pitch stands over what is around it."""
_LOUD = 30.0
"""dB under the loudest of the clip in which a frame counts."""
_HELD = 0.55
"""The median change of pitch as a part of the mean below which pitches change at once and are held: of 25 drum takes
none, the least has 0.60; of 25 songs on a piano 24, of 252 bowed and blown lines all, the median of them 0.15."""
_SOUNDS = 0.4
"""The least part of the frames that are loud: clicks have less; of notes held for half of their length 0.5 are."""
_PITCHED = 0.37
"""The mean of a frame's chroma, of which the largest is 1, below which pitches stand out: in 12 of 64 drum takes, and
in 95 % of 1,320 songs of `tests.accuracy.bands`."""
_AT_ONCE = 3.4
"""Pitch classes that sound at once on average, from which music is chords: of 79 fiddle tunes on a piano none has as
many, of 1,259 songs of `tests.accuracy.bands` whose pitches stand out 97 %."""
_FEWEST_A_MINUTE = 15.0
"""Changes of pitch: drums that ring may be held, and have none; of 570 lines, chords and songs the least is 17."""
_MULTIPLES = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 3 / 2, 2, 3, 4, 6, 8)
_LENGTHS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 4 / 3, 3 / 2, 2, 3, 4)
"""The tempo at which a note's length is a beat, by the tempo that is weighed."""
_SPREAD = np.exp(-0.5 * (np.arange(-24, 25) / 8.0) ** 2)
"""How near a length must be: 6 %, in steps of `PULSE_BPM`."""
_SHORTEST = 0.07
"""Seconds of a note."""


class Notes(NamedTuple):
    """What is heard of a clip whose pitches are held."""

    change: Doubles
    """(frames,) 0..1: of pitch."""
    begin: NDArray[np.int64]
    """The frames at which notes begin."""

    def a_minute(self, frame_rate: float) -> float:
        return len(self.begin) * 60 * frame_rate / len(self.change)


def held_notes(mel_db: Floats, chroma: Floats, frame_rate: float) -> Notes | None:
    """None if pitches are not held, or hardly change: `mel_db` (frames, bands), `chroma` (frames, 12)."""
    loud = is_loud(mel_db)
    change = pitch_change(chroma, loud)
    if loud.mean() < _SOUNDS or np.median(change[loud]) >= _HELD * change[loud].mean():
        return None
    notes = Notes(change, peaks(change, _CHANGE))
    return notes if notes.a_minute(frame_rate) >= _FEWEST_A_MINUTE else None


def is_loud(mel_db: Floats) -> NDArray[np.bool_]:
    """(frames,) of (frames, bands)."""
    loudest = mel_db.max(axis=1)
    loud: NDArray[np.bool_] = loudest > loudest.max() - _LOUD
    return loud


def is_pitched(mel_db: Floats, chroma: Floats) -> bool:
    """Whether a few pitches stand out of the chroma in most frames, as they do not of drums."""
    return bool(np.median(chroma[is_loud(mel_db)].mean(axis=1)) < _PITCHED)


def has_chords(mel_db: Floats, chroma: Floats) -> bool:
    """Whether several pitches sound at once: of a frame 1 / the sum of the squares of their shares."""
    if not is_pitched(mel_db, chroma):
        return False
    heard = chroma[is_loud(mel_db)].astype(np.float64)
    shares = heard / np.maximum(heard.sum(axis=1, keepdims=True), 1e-9)
    at_once = 1 / np.maximum(np.einsum("ij,ij->i", shares, shares), 1e-9)
    return bool(at_once.mean() >= _AT_ONCE)


def pitch_change(chroma: Floats, loud: NDArray[np.bool_]) -> Doubles:
    """(frames,) 0..1: how far the pitches of the frames after are from those before, 1 less the cosine.

    Frames that aren't `loud` keep the pitch before them, or at first the one to come: a note's end is no beginning.
    """
    kept = np.maximum.accumulate(np.where(loud, np.arange(len(chroma)), loud.argmax()))
    strengths = np.sqrt(np.maximum(chroma[kept], 0), dtype=np.float64)
    sums = np.cumsum(np.pad(_unit(strengths), ((1, 0), (0, 0))), axis=0)
    frames, last = np.arange(len(chroma)), len(chroma) - 1
    before = sums[np.maximum(frames, 1)] - sums[np.maximum(frames - _AROUND, 0)]
    after = sums[np.minimum(frames + 1 + _AROUND, last + 1)] - sums[np.minimum(frames + 1, last)]
    change: Doubles = 1 - np.einsum("ij,ij->i", _unit(before), _unit(after))
    return change


def _unit(rows: Doubles) -> Doubles:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    unit: Doubles = rows / np.maximum(lengths, 1e-9)
    return unit


def note_evidence(notes: Notes, frame_rate: float) -> Doubles:
    """(tempi, evidence): for each of `BPM` how the changes of pitch pulse, how long the notes are, and how many."""
    above = above_their_mean(notes.change[None], frame_rate)
    rows = at_multiples(pulses(above, windows_of(above, frame_rate), frame_rate)[0], _MULTIPLES)
    lengths = _lengths(notes.begin, frame_rate)
    rows += [at_multiple(lengths, multiple) for multiple in _LENGTHS]
    in_beat = np.log2(notes.a_minute(frame_rate) / BPM)
    rows += [in_beat, in_beat**2, np.maximum(in_beat, 0) ** 2]
    return np.array(rows).T


def _lengths(begin: NDArray[np.int64], frame_rate: float) -> Doubles:
    """(frequencies,) 0..1: how many of the notes are as long as a beat at each of `PULSE_BPM`."""
    seconds = np.diff(begin) / frame_rate
    seconds = seconds[seconds > _SHORTEST]
    steps = np.rint(100 * np.log2(60 / seconds / PULSE_BPM[0])).astype(np.int64)
    steps = steps[(steps >= 0) & (steps < len(PULSE_BPM))]
    counts = np.bincount(steps, minlength=len(PULSE_BPM)).astype(np.float64)
    return np.convolve(counts, _SPREAD, "same") / max(len(seconds), 1)
