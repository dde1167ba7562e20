"""Scales, chords and numerals with music21 as the judge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.model.labels import KEYS, MODES
from kelly_tui.music.theory import (
    QUALITIES,
    SCALES,
    chord_name,
    chord_pitches,
    roman_chord,
    scale,
    transpose_chord,
    transpose_key,
)


def flat(name: str) -> str:
    """Our names in music21's spelling, which writes flats as ``-``."""
    return name.replace("b", "-")


@pytest.mark.parametrize("mode", MODES)
def test_scales_are_music21s(mode: str) -> None:
    from music21 import scale as m21

    kinds = {
        "harmonic_minor": m21.HarmonicMinorScale,
        "melodic_minor": m21.MelodicMinorScale,
        "minor": m21.MinorScale,
        "aeolian": m21.MinorScale,
    }
    theirs = kinds.get(mode, getattr(m21, f"{mode.title()}Scale", None))("D").getPitches("D4", "C#5")
    assert set(scale("D", mode)) == {pitch.pitchClass for pitch in theirs}


CHORDS = "C Am G7 Fmaj7 Bdim C/E F#m7b5 Ebm Bbmaj7 G#dim7 Dsus4 Dsus2 Caug Am/C E7/G# Cm6 C6 G9 Dm9 A7sus4"
NUMERALS = "I ii iii IV V vi vii° i iv v VI VII III V/V V65/V ii65 V43 V42 vii°7 I64 III+"


@pytest.mark.parametrize("name", CHORDS.split())
def test_chord_names_mean_what_music21_says(name: str) -> None:
    from music21 import harmony

    root, _, bass = name.partition("/")
    spelled = root[0] + flat(root[1:2]) + root[2:] + (f"/{flat(bass)}" if bass else "")
    theirs = harmony.ChordSymbol(spelled.replace("m7-5", "m7b5"))
    chord = chord_pitches(name)
    assert chord is not None
    assert chord.pitches == {pitch.pitchClass for pitch in theirs.pitches}
    assert (chord.root, chord.bass) == (theirs.root().pitchClass, theirs.bass().pitchClass)


@pytest.mark.parametrize("tonic", ["C", "A", "F#"])
@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("numeral", NUMERALS.split())
def test_numerals_mean_what_music21_says(numeral: str, tonic: str, mode: str) -> None:
    from music21 import key, roman

    theirs = roman.RomanNumeral(numeral.replace("°", "o"), key.Key(tonic, mode))
    chord = chord_pitches(roman_chord(numeral, tonic, mode))
    assert chord is not None
    assert chord.root == theirs.root().pitchClass
    assert chord.bass == theirs.bass().pitchClass
    if numeral not in ("ii65", "I64"):  # theirs takes the seventh and fifth of the scale, ours is told by the case
        assert chord.pitches == {pitch.pitchClass for pitch in theirs.pitches}


@pytest.mark.parametrize(
    ("numerals", "key", "chords"),
    [
        ("i VI III VII", ("A", "minor"), "Am F C G"),
        ("i bII V i", ("A", "minor"), "Am A# E Am"),
        ("i iv bVI V", ("A", "minor"), "Am Dm F E"),
        ("i V bVI bVII", ("A", "minor"), "Am E F G"),
        ("I bVII IV I", ("C", "major"), "C A# F C"),
        ("I V/vi vi IV", ("C", "major"), "C E Am F"),
        ("Imaj7 IVmaj7 I V", ("C", "major"), "Cmaj7 Fmaj7 C G"),
        ("i bII", ("E", "phrygian"), "Em F"),
        ("i II", ("E", "phrygian"), "Em F"),
        ("I II", ("F", "lydian"), "F G"),
    ],
)
def test_the_progressions_of_the_generators(numerals: str, key: tuple[str, str], chords: str) -> None:
    assert [roman_chord(numeral, *key) for numeral in numerals.split()] == chords.split()


def test_every_name_we_write_is_a_label_of_its_pitches() -> None:
    for quality in QUALITIES:
        name = chord_name(1, quality, 4)
        assert check_value(FIELDS["chord_progression"], name) == [name]
        chord = chord_pitches(chord_name(7, quality))
        assert chord is not None
        assert chord.pitches == {(7 + step) % 12 for step in QUALITIES[quality]}
    assert chord_pitches("N") is None


@given(st.sampled_from(KEYS), st.sampled_from(sorted(QUALITIES)), st.sampled_from(KEYS), st.integers(-30, 30))
def test_transposing_moves_every_pitch(root: str, quality: str, bass: str, semitones: int) -> None:
    name = f"{root}{quality}/{bass}"
    before, after = chord_pitches(name), chord_pitches(transpose_chord(name, semitones))
    assert before is not None
    assert after is not None
    assert after.pitches == {(pitch + semitones) % 12 for pitch in before.pitches}
    assert after.bass == (before.bass + semitones) % 12
    assert transpose_key(transpose_key(root, semitones), -semitones) == root


@pytest.mark.parametrize("name", ["H", "Cfoo", "", "c", "C/H", "N/C"])
def test_no_chord(name: str) -> None:
    with pytest.raises(LabelError):
        chord_pitches(name)


@pytest.mark.parametrize("numeral", ["", "IIII", "Vfoo", "X", "b", "V/X"])
def test_no_numeral(numeral: str) -> None:
    with pytest.raises(LabelError):
        roman_chord(numeral, "C", "major")


def test_every_mode_has_its_scale() -> None:
    assert set(SCALES) == set(MODES)
