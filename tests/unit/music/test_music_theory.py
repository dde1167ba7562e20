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
    numeral_of,
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


IN_MAJOR = (
    "I ii iii IV V vi vii° I6 ii6 IV6 V6 vii°6 I64 IV64 V64 V7 V65 V43 V42 ii7 ii65 ii43 ii42 vi7 vii°7 viiø7 III+ "
    "V/V V7/V V65/V V43/V V42/V V/ii V7/ii V65/ii V/vi V43/vi V7/iii V7/IV vii°/V vii°7/V vii°7/ii vii°65/V "
    "iv iv6 i v bVI bVII bIII bII6 iiø65"
)
USUAL = "I ii iii IV V vi vii° ii6 V6 IV64 V7 V65 V43 V42 ii65 V/V V65/V V7/ii V/vi V7/IV iv bVI bVII"
IN_MINOR = (
    "i ii° III iv v VI VII i6 ii°6 III6 VI6 i64 V V6 V64 V7 V65 V43 V42 iiø7 iiø65 iiø43 iiø42 i7 iv7 vii° vii°6 "
    "vii°7 vii°65 vii°43 vii°42 V/V V7/V V65/V V7/iv V42/iv vii°7/V vii°7/iv bII bII6 I IV ii III+ VII7"
)


@pytest.mark.parametrize("tonic", ["C", "A", "F#", "D"])
@pytest.mark.parametrize(("mode", "numerals"), [("major", IN_MAJOR), ("minor", IN_MINOR)])
def test_what_music21_builds_from_a_numeral_has_that_numeral(numerals: str, mode: str, tonic: str) -> None:
    """Where the letters' case says which sixth and seventh of a minor key are meant."""
    from music21 import key, roman

    by_case = roman.Minor67Default.QUALITY
    for numeral in numerals.split():
        written = numeral.replace("°", "o")
        built = roman.RomanNumeral(written, key.Key(tonic, mode), sixthMinor=by_case, seventhMinor=by_case)
        root, pitches = built.root().pitchClass, {pitch.pitchClass for pitch in built.pitches}
        quality = next(name for name, steps in QUALITIES.items() if {(root + step) % 12 for step in steps} == pitches)
        assert numeral_of(chord_name(root, quality, built.bass().pitchClass), tonic, mode) == numeral


@pytest.mark.parametrize("tonic", ["C", "A", "E"])
def test_numerals_of_chords_are_music21s_analysis(tonic: str) -> None:
    """Of triads and sevenths in a major key, where its figures are the usual ones."""
    from music21 import chord, key, roman

    home = key.Key(tonic)
    for numeral in USUAL.split():
        played = chord.Chord(roman.RomanNumeral(numeral.replace("°", "o"), home).pitches)
        theirs = roman.romanNumeralFromChord(played, home, preferSecondaryDominants="/" in numeral)
        assert numeral_of(roman_chord(numeral, tonic, "major"), tonic, "major") == theirs.figure.replace("o", "°")


@given(
    st.sampled_from(KEYS), st.sampled_from(sorted(QUALITIES)), st.integers(0, 3), *map(st.sampled_from, (KEYS, MODES))
)
def test_a_numeral_read_back_is_the_chord(root: str, quality: str, place: int, tonic: str, mode: str) -> None:
    steps = QUALITIES[quality]
    place = min(place, len(steps) - 1)
    name = chord_name(KEYS.index(root), quality, KEYS.index(root) + steps[place])
    chord, back = chord_pitches(name), chord_pitches(roman_chord(numeral_of(name, tonic, mode), tonic, mode))
    assert chord is not None
    assert back is not None
    assert (back.root, back.pitches) == (chord.root, chord.pitches)
    if quality in ("", "m", "dim", "aug", "7", "maj7", "m7", "m7b5", "dim7", "mmaj7", "aug7", "augmaj7"):
        assert back.bass == chord.bass


@pytest.mark.parametrize(
    ("chord", "key", "numeral"),
    [
        ("N", ("C", "major"), "N"),
        ("A#", ("C", "major"), "bVII"),
        ("Fm", ("C", "major"), "iv"),
        ("C", ("C", "minor"), "I"),  # Picardy's third
        ("C7", ("C", "minor"), "V7/iv"),
        ("Cmaj7/E", ("C", "major"), "Imaj65"),
        ("C/D", ("C", "major"), "I"),
        ("F", ("E", "phrygian"), "II"),
        ("A", ("C", "minor"), "♮VI"),
        ("G", ("D", "dorian"), "IV"),
        ("C", ("D", "mixolydian"), "VII"),
    ],
)
def test_borrowed_and_modal_numerals(chord: str, key: tuple[str, str], numeral: str) -> None:
    assert numeral_of(chord, *key) == numeral


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
