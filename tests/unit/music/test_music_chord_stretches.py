"""The chord of a whole stretch: rare qualities, textures, thirds that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from kelly_tui.music.chord_stretches import basses
from kelly_tui.music.chords import detect_chords
from kelly_tui.music.theory import chord_pitches
from tests.made_chords import QUALITIES, TEXTURES, table
from tests.unit.music.test_music_detectors import block, score_of

LEAST = {"block": 0.99, "broken": 0.83, "comped": 0.85, "sung": 0.94}
"""Shares of the time, a little under what is reached; each quality of held chords is reached whole."""


@pytest.fixture(scope="module")
def shares() -> dict[str, list[float]]:
    return dict(table())


@pytest.mark.slow
def test_broken_sevenths_are_heard(shares: dict[str, list[float]]) -> None:
    assert min(shares[quality][1] for quality in ("7", "maj7", "m7", "m7b5")) > 0.85


def test_every_quality_and_inversion_of_held_chords_is_named(shares: dict[str, list[float]]) -> None:
    assert {quality: shares[quality][0] for quality in QUALITIES} == dict.fromkeys(QUALITIES, 1.0)


@pytest.mark.parametrize("texture", TEXTURES)
def test_chords_are_named_in_every_texture(shares: dict[str, list[float]], texture: str) -> None:
    mean = float(np.mean([row[TEXTURES.index(texture)] for row in shares.values()]))
    assert mean > LEAST[texture]


def fifths(roots: str) -> list[tuple[float, float, int, int]]:
    return [note for at, root in enumerate(roots.split()) for note in block(f"{root}5", at * 4, 4)]


def test_power_chords_are_named_where_the_piece_is_made_of_them() -> None:
    found = detect_chords(score_of(fifths("C F G C"), bpm=120)).value
    assert [name for _, name in found] == ["C5", "F5", "G5", "C5"]


def test_a_third_that_is_missing_once_is_understood() -> None:
    names = ["C", "F", "G", "Am", "Dm", "G", "C", "F"]
    notes = [note for at, name in enumerate(names) for note in block(name, at * 4, 4)]
    bare = [note for note in notes if not (note[0] == 8 and note[2] % 12 == 11)]  # the B of G
    assert len(bare) == len(notes) - 1
    assert [name for _, name in detect_chords(score_of(bare, bpm=120)).value] == names


@pytest.mark.parametrize("name", ["Cm7/G", "C7sus4", "F#mmaj7", "Gm7b5/F", "Bdim7", "D#maj7/D"])
def test_a_chord_in_its_context(name: str) -> None:
    notes = [note for at, one in enumerate(("F", name, "A#")) for note in block(one, at * 4, 4)]
    found = detect_chords(score_of(notes, bpm=120)).value
    assert chord_pitches(found[1][1])[1:] == chord_pitches(name)[1:]


def test_the_bass_lasts_until_a_lower_note_or_two_beats() -> None:
    lowest = np.array([36, 60, 60, 60, 60, -1, 48, 41])
    shares = basses(lowest, np.array([len(lowest)]))
    assert shares[0, 0] == pytest.approx(7 / 8)  # C2 for four windows, then the C4 above it, and C3 remembered
    assert shares[0, 5] == pytest.approx(1 / 8)  # F2, lower
    apart = basses(lowest, np.array([6, len(lowest) - 6]))
    assert apart[1].argmax() in (0, 5)
    assert apart[1, 0] == pytest.approx(0.5)  # nothing is remembered from the stretch before
