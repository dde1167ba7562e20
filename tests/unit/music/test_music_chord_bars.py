"""A held chord is cut where a bar says that its bass or it is another; the steps within a bar cut nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from kelly_tui.music.chords import detect_chords
from kelly_tui.music.theory import chord_pitches, transpose_chord
from tests.unit.music.test_music_detectors import Note, block, score_of

TEXTURES = ("held", "struck", "rolled", "comped")
"""Held, on each beat, in eighths over a held bass, bass on the beats and chords between them."""
STAYING = "C C/E F F/A G G/B C"
"""A bar each: every other keeps its root."""
TOUCHED = "F Dm7/A G C Csus4 C Caug Am"
"""Most keep two tones of the one before, or its root."""
CASES = [
    (texture, beats, progression)
    for texture in TEXTURES
    for beats in (3, 4)
    for progression in (STAYING, TOUCHED)
    if (texture, beats, progression) != ("rolled", 3, TOUCHED)  # six eighths go once and a half through four tones
]


def played(name: str, start: int, beats: int, texture: str) -> Iterator[Note]:
    """A bar of a chord."""
    bass, *upper = (note[2] for note in block(name, 0, 1))
    if texture in ("held", "rolled"):
        yield start, beats, bass, 70
    if texture == "held":
        yield from ((start, beats, pitch, 70) for pitch in upper)
    elif texture == "rolled":
        yield from ((start + at / 2, 0.5, upper[at % len(upper)], 70) for at in range(2 * beats))
    else:
        later = 0.5 if texture == "comped" else 0
        for at in range(start, start + beats):
            yield at, 0.5, bass, 70
            yield from ((at + later, 0.5, pitch, 70) for pitch in upper)


def names_of(notes: list[Note], meter: tuple[int, int] = (4, 4)) -> list[str]:
    return [name for _, name in detect_chords(score_of(notes, bpm=120, meter=meter)).value]


@pytest.mark.parametrize(("texture", "beats", "progression"), CASES)
def test_a_bar_of_another_bass_or_chord_on_a_root_that_stays_is_named(
    texture: str, beats: int, progression: str
) -> None:
    for up in (0, 3, 8):
        names = [transpose_chord(name, up) for name in progression.split()]
        notes = [note for at, name in enumerate(names) for note in played(name, at * beats, beats, texture)]
        found = detect_chords(score_of(notes, bpm=120, meter=(beats, 4))).value
        assert [name for _, name in found] == names
        assert [time for time, _ in found] == pytest.approx((np.arange(len(names)) * beats / 2).tolist())


@pytest.mark.parametrize(
    "bass",
    [
        pytest.param([36, 43, 40, 43, 36, 43, 40, 43], id="Alberti"),
        pytest.param([36, 36, 40, 40, 43, 43, 45, 45, 40, 40, 43, 43, 45, 45, 48, 48], id="walking"),
        pytest.param([36, 36, 36, 36, 43, 43, 43, 43], id="root and fifth above"),
        pytest.param([43, 43, 43, 43, 36, 36, 36, 36], id="fifth and root below"),
    ],
)
def test_the_steps_of_a_bass_within_a_bar_are_one_chord(bass: list[int]) -> None:
    """In eighths, under three held chords of four bars each."""
    notes: list[Note] = []
    for at, name in enumerate(("C", "F", "C")):
        chord, up = chord_pitches(name), 5 * (at % 2)
        for bar in range(4):
            start = 16 * at + 4 * bar
            notes += [(start, 4, 60 + pitch, 70) for pitch in chord.pitches]
            line = (bass * 2)[8 * (bar % 2) :][:8]
            notes += [(start + eighth / 2, 0.5, pitch + up, 70) for eighth, pitch in enumerate(line)]
    assert len(names_of(notes)) == 3


def test_what_is_left_of_a_bar_is_told_if_it_lasts_two_beats() -> None:
    pieces = [("F", 0, 2), ("C", 2, 2), ("C/E", 4, 4), ("F", 8, 4), ("G", 12, 3), ("C/E", 15, 1), ("C", 16, 4)]
    notes = [note for name, start, beats in pieces for note in played(name, start, beats, "struck")]
    assert names_of(notes) == ["F", "C", "C/E", "F", "G", "C"]
