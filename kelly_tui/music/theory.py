"""Scales, chord names and roman numerals, as numbers and back.

Pitch classes are 0..11 from C; names are written in the twelve spellings of `model.labels.KEYS`, and read in any.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kelly_tui.errors import LabelError
from kelly_tui.model.labels import KEYS, parse_key

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic_minor": (0, 2, 3, 5, 7, 9, 11),
}
"""Semitones above the tonic."""

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "mmaj7": (0, 3, 7, 11),
    "aug7": (0, 4, 8, 10),
    "augmaj7": (0, 4, 8, 11),
    "7b5": (0, 4, 6, 10),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "7sus4": (0, 5, 7, 10),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "add9": (0, 4, 7, 2),
    "madd9": (0, 3, 7, 2),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "m9": (0, 3, 7, 10, 2),
    "7b9": (0, 4, 7, 10, 1),
    "69": (0, 4, 7, 9, 2),
    "11": (0, 4, 7, 10, 2, 5),
    "13": (0, 4, 7, 10, 2, 9),
}
"""Semitones above the root, in thirds, by the suffix of the chord's name; the likelier reading of a set first."""

_OTHER_SPELLINGS = {
    "maj": "",
    "M": "",
    "min": "m",
    "M7": "maj7",
    "min7": "m7",
    "o": "dim",
    "°": "dim",
    "o7": "dim7",
    "°7": "dim7",
    "ø": "m7b5",
    "ø7": "m7b5",
    "min7b5": "m7b5",
    "+": "aug",
    "+7": "aug7",
    "7+": "aug7",
    "7#5": "aug7",
    "mM7": "mmaj7",
    "minmaj7": "mmaj7",
    "sus": "sus4",
    "7sus": "7sus4",
    "maj6": "6",
    "min6": "m6",
    "min9": "m9",
    "M9": "maj9",
}
_CHORD = re.compile(r"([A-G][#b♯♭]*)([^/]*?)(?:/([A-G][#b♯♭]*|[b#]?\d{1,2}))?")
_DEGREE = re.compile(r"([b#]?)(\d{1,2})")


class Chord(NamedTuple):
    """What a chord's name says."""

    root: int
    pitches: frozenset[int]
    """The chord's own pitch classes; the bass of ``C/D`` is not one of them."""
    bass: int


@lru_cache(maxsize=4096)
def pitch_class(name: str) -> int:
    """``"Bb"`` -> 10. Raises `LabelError` for what is no pitch."""
    return KEYS.index(parse_key(name)[0])


def scale(tonic: str, mode: str) -> tuple[int, ...]:
    """The pitch classes of a key, from the tonic up."""
    root = pitch_class(tonic)
    return tuple((root + step) % 12 for step in SCALES[mode])


def transpose_key(key: str, semitones: int) -> str:
    """``("A", 3)`` -> ``"C"``."""
    return KEYS[(pitch_class(key) + semitones) % 12]


@lru_cache(maxsize=4096)
def chord_pitches(name: str) -> Chord | None:
    """Root, pitch classes and bass of ``Am7``, ``C/E`` or ``Bbmaj7``; None for ``N``. Raises `LabelError`."""
    if name == "N":
        return None
    root_name, quality, bass_name = _split(name)
    root = pitch_class(root_name)
    if bass_name is None:
        bass = root
    elif degree := _DEGREE.fullmatch(bass_name):
        steps = SCALES["major"][(int(degree[2]) - 1) % 7] + {"b": -1, "#": 1, "": 0}[degree[1]]
        bass = (root + steps) % 12
    else:
        bass = pitch_class(bass_name)
    return Chord(root, frozenset((root + step) % 12 for step in QUALITIES[quality]), bass)


def _split(name: str) -> tuple[str, str, str | None]:
    """Root, quality as `QUALITIES` spells it, and bass."""
    match = _CHORD.fullmatch(name.replace("6/9", "69"))
    if match is not None:
        root, suffix, bass = match.groups()
        suffix = suffix.replace("(", "").replace(")", "")
        quality = _OTHER_SPELLINGS.get(suffix, suffix)
        if quality in QUALITIES:
            return root, quality, bass
    raise LabelError(f"{name!r} is no chord", hint="Wanted: such as C Am G7 Fmaj7 Bdim C/E N.")


def chord_name(root: int, quality: str, bass: int | None = None) -> str:
    """``(9, "m7")`` -> ``"Am7"``; with a bass other than the root ``"Am7/E"``."""
    name = KEYS[root % 12] + quality
    return name if bass is None or bass % 12 == root % 12 else f"{name}/{KEYS[bass % 12]}"


def transpose_chord(name: str, semitones: int) -> str:
    """``("F#m7/E", 1)`` -> ``"Gm7/F"``; the quality is kept as it was written. Raises `LabelError`."""
    if chord_pitches(name) is None:
        return name
    match = re.fullmatch(r"([A-G][#b♯♭]*)(.*?)(?:/([A-G][#b♯♭]*))?", name)
    assert match is not None  # chord_pitches read it
    root, suffix, bass = match.groups()
    moved = transpose_key(root, semitones) + suffix
    return moved if bass is None else f"{moved}/{transpose_key(bass, semitones)}"


_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_ROMAN = re.compile(r"([b♭#♯♮]*)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(°|o|ø|\+|dim|aug)?([^/]*)(?:/(.+))?")
_MINORS = ("minor", "aeolian", "harmonic_minor", "melodic_minor")
_INVERSIONS = {
    "6": ("", 1),
    "64": ("", 2),
    **{seventh.removesuffix("7") + figure: (seventh, tone)
       for seventh in ("7", "maj7") for figure, tone in (("65", 1), ("43", 2), ("42", 3), ("2", 3))},
}  # fmt: skip
"""Figures: the seventh they imply, and which chord tone is in the bass."""


def roman_chord(numeral: str, tonic: str, mode: str) -> str:
    """The chord that a roman numeral names in a key: ``("bVII", "C", "major")`` -> ``"A#"``.

    Upper case is major, lower case minor, ``°`` diminished, ``ø`` half-diminished, ``+`` augmented. A plain degree
    counts in the mode's scale (lower-case vi and vii of a minor key on its raised degrees, as in vii°); a degree with
    an explicit flat, sharp or natural counts from the major scale, so VI and bVI of a minor key are one chord. ``7`` is
    the minor seventh, ``maj7`` the major; ``6 64 65 43 42`` are inversions (``maj65`` of a major seventh), ``add6`` an
    added sixth; ``V/vi`` is the dominant of vi. Raises `LabelError`.
    """
    match = _ROMAN.fullmatch(numeral.strip())
    if match is None:
        raise LabelError(f"{numeral!r} is no roman numeral", hint="Wanted: such as I ii V7 bVII vii° Imaj7 V/vi.")
    accidentals, letters, mark, rest, applied = match.groups()
    if applied is not None:
        target = chord_pitches(roman_chord(applied, tonic, mode))
        assert target is not None  # a numeral is never N
        tonic, mode = KEYS[target.root], "major" if (target.root + 4) % 12 in target.pitches else "minor"
    upper = letters.isupper()
    root = (pitch_class(tonic) + _steps(accidentals, letters, mode)) % 12
    figure, inversion = _INVERSIONS.get(rest, (rest.replace("add6", "6"), 0))
    quality = _quality(upper, mark or "", figure)
    if quality not in QUALITIES:
        raise LabelError(f"{numeral!r} is no roman numeral", hint=f"{rest!r} is not understood.")
    return chord_name(root, quality, root + QUALITIES[quality][inversion])


def _steps(accidentals: str, letters: str, mode: str) -> int:
    """Semitones from the tonic to a degree."""
    degree = _NUMERALS.index(letters.upper())
    if accidentals:
        return SCALES["major"][degree] + sum({"b": -1, "♭": -1, "♮": 0}.get(sign, 1) for sign in accidentals)
    if mode in _MINORS:
        raised = letters in ("vi", "vii")
        return SCALES["minor"][degree] + raised
    return SCALES[mode][degree]


def _quality(upper: bool, mark: str, figure: str) -> str:
    if mark in ("°", "o", "dim"):
        return "dim" + figure
    if mark == "ø":
        return "m7b5"
    if mark in ("+", "aug"):
        return "aug" + figure
    if figure in ("sus2", "sus4", "7sus4", "5"):
        return figure
    return figure if upper else "m" + figure


_MARKS = {
    "": "",
    "m": "",
    "dim": "°",
    "aug": "+",
    "m7": "7",
    "m7b5": "ø7",
    "dim7": "°7",
    "mmaj7": "maj7",
    "aug7": "+7",
    "augmaj7": "+maj7",
    "6": "add6",
    "m6": "add6",
    "madd9": "add9",
    "m9": "9",
}
"""What stands behind the letters of a numeral, where that is not the quality itself."""
_SIGNED = ("", "b", "", "b", "", "", "#", "", "b", "", "b", "")
_DEGREE_OF = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
"""Of each semitone above the tonic: the sign that it has against the major scale, and its degree."""
_LED_TO = {"": ("V", 5), "7": ("V", 5), "7b9": ("V", 5), "9": ("V", 5), "13": ("V", 5),
           "dim": ("vii", 1), "dim7": ("vii", 1), "m7b5": ("vii", 1)}  # fmt: skip
"""What leads to another chord: its degree there, and how many semitones above its root that chord stands."""


@lru_cache(maxsize=65536)
def numeral_of(chord: str, tonic: str, mode: str) -> str:
    """The roman numeral of a chord in a key, as `roman_chord` reads it: ``("D7/F#", "C", "major")`` -> ``"V65/V"``.

    A chord of foreign notes that leads to a triad of the scale is its dominant or its leading-tone chord (V7/ii,
    vii°7/V); another is borrowed, with a sign against the major scale (bVII) or in the other case (iv).
    Minor keys have both sixths and sevenths; IV7 in mixolydian is the blues. The bass is told of triads and
    sevenths, by figures; ``N`` stays ``N``. Raises `LabelError`.
    """
    found = chord_pitches(chord)
    if found is None:
        return chord
    _, quality, _ = _split(chord)
    home = pitch_class(tonic)
    led_to = _LED_TO.get(quality)
    picardy = quality == "" and found.root == home
    blue = mode == "mixolydian" and quality == "7" and found.root == (home + 5) % 12
    if led_to is not None and not picardy and not blue and not _belongs(found.pitches, home, mode):
        degree, above = led_to
        target = _triad_on((found.root + above - home) % 12, mode)
        if target is not None:
            return f"{degree}{_figured(quality, found)}/{target}"
    upper = quality not in ("m", "dim") and QUALITIES[quality][1:2] != (3,)
    return _signed((found.root - home) % 12, upper, mode) + _figured(quality, found)


def _belongs(pitches: frozenset[int], home: int, mode: str) -> bool:
    """Whether a chord needs no foreign note."""
    scales = _MINORS if mode in _MINORS else (mode,)
    return any(all((pitch - home) % 12 in SCALES[name] for pitch in pitches) for name in scales)


def _triad_on(step: int, mode: str) -> str | None:
    """The numeral of the major or minor triad of the scale on a step above the tonic; the tonic's own is none."""
    steps = SCALES["minor" if mode in _MINORS else mode]
    if step == 0 or step not in steps or (step + 7) % 12 not in steps:
        return None
    return _signed(step, (step + 4) % 12 in steps or (step == 7 and mode in _MINORS), mode)


@lru_cache(maxsize=4096)
def _signed(step: int, upper: bool, mode: str) -> str:
    """The letters of a degree, with a sign where the mode's scale has it elsewhere."""
    spelled = [letters if upper else letters.lower() for letters in _NUMERALS]
    plain = next((letters for letters in spelled if _steps("", letters, mode) == step), None)
    return plain or (_SIGNED[step] or "♮") + spelled[_DEGREE_OF[step]]


def _figured(quality: str, chord: Chord) -> str:
    """What stands behind the letters: mark, seventh and inversion."""
    mark = _MARKS.get(quality, quality)
    tones = QUALITIES[quality]
    above = (chord.bass - chord.root) % 12
    if above == 0 or above not in tones:
        return mark
    place = tones.index(above)
    if mark in ("", "°", "+") and place < 3:
        return mark + ("", "6", "64")[place]
    if mark.endswith("7") and "sus" not in mark and len(tones) == 4:
        return mark.removesuffix("7") + ("", "65", "43", "42")[place]
    return mark
