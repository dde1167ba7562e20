"""Loops of chords in each mode, made by rule, to be heard: nearly all annotated sound is in major or minor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import symusic

from kelly_tui.music.theory import SCALES

_MODES = ("major", "mixolydian", "lydian", "minor", "dorian", "phrygian")

Chord = tuple[int, tuple[int, ...]]
"""Semitones of the root above the tonic, and of its notes above the root."""

_BEAT = 480
_PATTERNS = (((0.0, 3.8),), ((0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)), ((0.0, 1.4), (1.5, 0.4), (2.5, 1.4)))
_PROGRAMS = (0, 0, 4, 24, 48, 16)
"""General MIDI's, from 0: of the chords."""
_BORROWED = ((5, (0, 3, 7)), (2, (0, 4, 7, 10)), (9, (0, 4, 7, 10)), (10, (0, 4, 7)), (8, (0, 4, 7)))
"""Chords from outside its scale that a major loop may have: semitones above the tonic, and the chord's steps."""
_KNOWN_BY = {"mixolydian": 10, "lydian": 6, "dorian": 9, "phrygian": 1}
"""The degree without which a mode is major or minor."""


class Made(NamedTuple):
    midi: bytes
    tonic: int
    mode: str


def loops(seeds: range) -> Iterator[Made]:
    """For each seed a loop of two to four chords in each mode, with bass, and some with drums or a tune."""
    for seed in seeds:
        for number, mode in enumerate(_MODES):
            chance = np.random.default_rng((seed, number, 11))
            tonic = int(chance.integers(12))
            yield Made(_played_by(_loop(mode, chance), tonic, chance), tonic, mode)


def _loop(mode: str, chance: np.random.Generator) -> list[Chord]:
    """Root and steps of each chord of the loop; of modes other than major and minor one has what it is known by."""
    steps = SCALES[mode]
    scale = [*steps, *(12 + step for step in steps), *(24 + step for step in steps)]
    sevenths = 4 if chance.random() < 0.3 else 3
    chords = [
        (steps[degree], tuple(scale[degree + third] - steps[degree] for third in (0, 2, 4, 6)[:sevenths]))
        for degree in range(7)
    ]
    stable = [chord for chord in chords[1:] if chord[1][2] == 7]
    if mode == "minor" and chance.random() < 0.5:
        stable = [(7, (0, 4, 7, 10)[:sevenths]) if chord[0] == 7 else chord for chord in stable]
    known_by = _KNOWN_BY.get(mode)
    size = int(chance.choice([2, 4, 4, 4, 8]))
    while True:
        loop = [chords[0], *(stable[at] for at in chance.integers(len(stable), size=size - 1))]
        if chance.random() < 0.4:
            loop[int(chance.integers(1, size))] = chords[0]
        if mode == "major" and chance.random() < 0.25:
            loop[int(chance.integers(1, size))] = _BORROWED[chance.integers(len(_BORROWED))]
        sounding = {(root + step) % 12 for root, chord in loop for step in chord}
        roots = len({root for root, _ in loop})
        fewest = 2 if size == 2 or (size == 4 and chance.random() < 0.3) else 3
        if roots >= fewest and (known_by is None or known_by in sounding):
            break
    if mode in ("major", "minor") and chance.random() < 0.3:
        return loop[1:] + loop[:1]
    return loop


def _played_by(loop: list[Chord], tonic: int, chance: np.random.Generator) -> bytes:
    """The loop for half a minute, and its tonic chord at the end of seven of ten."""
    bpm = float(chance.uniform(80, 140))
    song = symusic.Score(_BEAT)
    song.tempos.append(symusic.Tempo(0, bpm))
    programs = {"keys": int(chance.choice(_PROGRAMS)), "bass": 33, "tune": 73, "drums": 0}
    keys, bass, tune, drums = (symusic.Track(name, program, name == "drums") for name, program in programs.items())
    pattern = _PATTERNS[chance.integers(3)]
    with_tune, with_drums, lows = chance.random() < 0.4, chance.random() < 0.5, int(chance.integers(36, 41))

    def play(track: symusic.Track, beat: float, beats: float, pitch: int, velocity: int) -> None:
        track.notes.append(symusic.Note(int(beat * _BEAT), max(1, int(beats * _BEAT)), pitch, velocity))

    home = min(loop, key=lambda chord: chord[0])
    chords = (loop * 16)[: max(len(loop), int(28 * bpm / 240) // len(loop) * len(loop))]
    if chance.random() < 0.7:
        chords.append(home)
    for bar, (root, steps) in enumerate(chords):
        for at, length in pattern if bar < len(chords) - 1 else ((0.0, 4.0),):
            play(bass, 4 * bar + at, length, lows + (tonic + root - lows) % 12, 90)
            for step in steps:
                play(keys, 4 * bar + at, length, 60 + (tonic + root + step) % 12, 75)
        for beat in range(4):
            if with_tune:
                play(tune, 4 * bar + beat, 0.9, 72 + (tonic + root + int(chance.choice(steps))) % 12, 85)
            if with_drums:
                play(drums, 4 * bar + beat, 0.1, 38 if beat % 2 else 36, 100)
                play(drums, 4 * bar + beat + 0.5, 0.1, 42, 60)
    song.tracks.extend([track for track in (keys, bass, tune, drums) if len(track.notes)])
    return song.dumps_midi()
