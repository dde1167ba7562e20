"""Chords made by rule: every root, quality and inversion in four textures, spelled by music21, written by pretty_midi.

A chord is right where what is named has its pitch classes and its bass: Am7/C is C6, and Csus2/G is Gsus4.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pretty_midi

from kelly_tui.features.midi import analyse
from kelly_tui.music.notes import read_midi
from kelly_tui.music.theory import chord_pitches

QUALITIES = ("", "m", "dim", "aug", "7", "maj7", "m7", "m7b5", "dim7", "mmaj7", "sus4", "sus2", "7sus4", "5")
TEXTURES = ("block", "broken", "comped", "sung")
"""Held; in eighths, one note at a time; bass on one and three and chords after it; held under a melody with passing
notes."""
_BPM = 120
_BEAT = 60 / _BPM
_BAR = 4 * _BEAT
_SUFFIXES = {"aug": "+", "m7b5": "ø7", "dim7": "o7", "mmaj7": "mM7", "dim": "dim", "5": "power"}
"""As music21 spells a quality."""

Event = tuple[float, float, int]
"""Start and length in beats, and pitch."""


class Made(NamedTuple):
    """Twelve bars, each of a chord on another root."""

    midi: bytes
    truth: list[tuple[frozenset[int], int]]
    """Pitch classes and bass of each bar."""


def tones(quality: str) -> list[int]:
    """Semitones above the root in close position, by music21."""
    from music21 import harmony

    symbol = harmony.ChordSymbol(f"C{_SUFFIXES.get(quality, quality)}")
    return sorted({pitch.pitchClass for pitch in symbol.pitches})


def made(quality: str, inversion: int, texture: str, seed: int = 0) -> Made:
    """A piece whose chords have this quality, inversion and texture, the roots in an order that the seed says."""
    rng = random.Random(f"{quality} {inversion} {texture} {seed}")
    above = tones(quality)
    piece = pretty_midi.PrettyMIDI(initial_tempo=_BPM)
    piece.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0))
    piano = pretty_midi.Instrument(0)
    truth = []
    for bar, root in enumerate(rng.sample(range(12), 12)):
        classes = [(root + step) % 12 for step in above]
        bass = classes[inversion]
        truth.append((frozenset(classes), bass))
        for start, length, pitch in written(classes, bass, texture, rng):
            at = bar * _BAR + start * _BEAT
            piano.notes.append(pretty_midi.Note(80, pitch, at, at + length * _BEAT - 0.01))
    piece.instruments.append(piano)
    buffer = io.BytesIO()
    piece.write(buffer)
    return Made(buffer.getvalue(), truth)


def written(classes: list[int], bass: int, texture: str, rng: random.Random) -> Iterator[Event]:
    """A bar of a chord."""
    low = 36 + bass if bass > 4 else 48 + bass
    upper = sorted(60 + one for one in classes)
    if texture == "broken":
        line = [low, *(pitch for pitch in upper if pitch % 12 != bass)]
        line.append(low + 12)
        for eighth in range(8):
            yield eighth / 2, 0.5, line[eighth % len(line)]
    elif texture == "comped":
        for beat in (0, 2):
            yield beat, 1, low
        for beat in (1, 3):
            yield from ((beat, 0.75, pitch) for pitch in upper)
    else:
        yield 0, 4, low
        yield from ((0, 4, pitch) for pitch in upper)
    if texture == "sung":
        high = sorted(72 + one for one in classes)
        at = rng.randrange(len(high))
        for beat in range(4):
            yield beat, 0.5, high[at]
            following = max(0, min(len(high) - 1, at + rng.choice((-1, 1))))
            passing = (high[at] + high[following]) // 2 if high[at] != high[following] else high[at] + 1
            yield beat + 0.5, 0.5, passing
            at = following


def right_share(piece: Made) -> float:
    """The share of the time whose chord is named by its pitch classes and bass."""
    score = read_midi(piece.midi)
    chords = analyse(score).chords.value or []
    times = (np.arange(len(piece.truth) * 16) + 0.5) * _BAR / 16
    at = np.searchsorted([time for time, _ in chords], times + 1e-3, side="right") - 1
    named = [chord_pitches(chords[place][1]) if place >= 0 else None for place in at]
    wanted = [piece.truth[int(time / _BAR)] for time in times]
    return float(np.mean([one is not None and (one.pitches, one.bass) == two for one, two in zip(named, wanted)]))


def table(qualities: tuple[str, ...] = QUALITIES) -> Iterator[tuple[str, list[float]]]:
    """For each quality, the share of the time that is named right in each of `TEXTURES`, over roots and inversions."""
    for quality in qualities:
        places = range(len(tones(quality)))
        yield (
            quality,
            [float(np.mean([right_share(made(quality, place, texture)) for place in places])) for texture in TEXTURES],
        )
