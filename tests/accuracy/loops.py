"""Loops of two to four chords in every mode, by rule: what the key of a vamp is, and how sure one may be of it.

A loop is in the key that its source says it is in: its first chord is the tonic's where nothing else is written. It
comes in four textures, with its sevenths or without, a bar or half a bar to a chord, and stops on the tonic, on the
last chord of the loop or in the midst of it, as a recording that fades does. Chords by their roman degrees as in de
Clercq and Temperley (2011), "A corpus analysis of rock harmony", here on C.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from kelly_tui.music.notes import Score
from kelly_tui.music.theory import SCALES, chord_pitches
from tests.keys_over_time import score_of_notes
from tests.made_chords import TEXTURES, written

LOOPS: dict[str, tuple[str, ...]] = {
    "major": (
        "C F",
        "C G",
        "C C F G",
        "C F G F",
        "C F C G",
        "C Am F G",
        "C G Am F",
        "C Am Dm G",
        "C Em F G",
        "C F Am G",
        "C G F G",
        "C Dm F C",
        "C Em Am F",
        "Dm G C C",
        "F G C C",
        "F C G C",
        "C Fm",
        "C F Fm C",
        "C E F Fm",
        "C Caug Am Fm",
        "C E7 Am F",
        "C D F C",
        "C G Bb F",
        "C Ab Bb C",
    ),
    "minor": (
        "Cm Fm",
        "Cm Gm",
        "Cm G",
        "Cm Ab",
        "Cm Bb",
        "Cm Bb Ab Bb",
        "Cm Bb Ab G",
        "Cm Ab Eb Bb",
        "Cm Ab Bb Cm",
        "Cm Eb Bb Fm",
        "Cm Fm Gm Cm",
        "Cm Fm G Cm",
        "Cm Cm Fm G",
        "Cm Gm Ab Fm",
        "Cm Ab Fm G",
        "Cm Eb Ab G",
        "Ab Bb Cm Cm",
        "Ab Bb Gm Cm",
        "Fm G Cm Cm",
        "Ab Eb Bb Cm",
    ),
    "dorian": (
        "Cm F",
        "Cm Cm Cm F",
        "Cm Cm F F",
        "Cm Dm",
        "Cm Dm Eb Dm",
        "Cm F Cm Bb",
        "Cm Bb F Cm",
        "Cm Eb F Cm",
        "Cm Eb Bb F",
        "Cm Gm F Cm",
        "Cm F Gm F",
        "Cm Bb F Bb",
    ),
    "mixolydian": (
        "C Bb",
        "C Bb F C",
        "C Bb F F",
        "C C Bb F",
        "C F Bb F",
        "C Gm",
        "C Gm F C",
        "C Gm Bb F",
        "C Bb C F",
        "C C C Bb",
        "C Bb Gm F",
        "C Bb Dm F",
    ),
    "lydian": ("C D", "C D Em D", "C C D D", "C D Bm C", "C D G D", "C Bm Em D"),
    "phrygian": ("Cm Db", "Cm Cm Db Db", "Cm Db Eb Db", "Cm Db Bbm Cm", "Cm Fm Db Cm"),
}
STOPS = ("tonic", "loop", "midst")


class Loop(NamedTuple):
    chords: str
    mode: str
    tonic: int
    """0..11"""
    score: Score


def loops(seed: int = 0) -> Iterator[Loop]:
    """Each of `LOOPS` in all `TEXTURES`, stopping in all ways."""
    for mode, those in LOOPS.items():
        for chords in those:
            for texture in TEXTURES:
                for stop in STOPS:
                    yield loop(chords, mode, texture, stop, seed)


def loop(chords: str, mode: str, texture: str, stop: str, seed: int = 0) -> Loop:
    """Three to eight times around, in a key that chance chooses."""
    chance = random.Random(f"{chords} {mode} {texture} {stop} {seed}")
    tonic, names = chance.randrange(12), chords.split()
    home = "C" if mode in ("major", "mixolydian", "lydian") else "Cm"
    with_sevenths = chance.random() < 0.4
    bar = chance.choice((4.0, 4.0, 4.0, 2.0))
    sounding = names * chance.randint(3, 8 if len(names) < 4 else 6)
    if stop == "midst":
        sounding += names[: chance.randrange(1, len(names))]
    elif stop == "tonic":
        sounding.append(home)
    notes = []
    for number, name in enumerate(sounding):
        root, above = _sounding(name, mode, with_sevenths and not (stop == "tonic" and number == len(sounding) - 1))
        classes = [(tonic + root + step) % 12 for step in above]
        sounds = list(written(classes, classes[0], texture, chance))
        if texture == "broken":  # over a held bass: without one it is a line
            sounds.append((0.0, bar, 36 + classes[0]))
        for start, length, pitch in sounds:
            if start < bar:
                notes.append((bar * number + start, min(length, bar - start) - 0.05, pitch))
    return Loop(chords, mode, tonic, score_of_notes(sorted(notes)))


def _sounding(name: str, mode: str, with_seventh: bool) -> tuple[int, list[int]]:
    """The root, and the chord in semitones above it, with the seventh that the mode has above it."""
    chord = chord_pitches(name)
    assert chord is not None, name
    above = sorted((one - chord.root) % 12 for one in chord.pitches)
    sevenths = [step for step in (10, 11) if (chord.root + step) % 12 in SCALES[mode]]
    return chord.root, above + sevenths if with_seventh and len(above) == 3 and len(sevenths) == 1 else above
