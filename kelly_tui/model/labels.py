"""The vocabularies: which values a label may take, in the order in which they are shown."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable
from functools import lru_cache

from kelly_tui.errors import LabelError

EMOTIONS = ("happy", "sad", "angry", "peaceful", "tense", "melancholic", "energetic", "neutral")
EMOTION_PLACES = {
    "happy": (0.8, 0.6), "sad": (-0.7, -0.4), "angry": (-0.6, 0.9), "peaceful": (0.5, -0.6),
    "tense": (-0.3, 0.5), "melancholic": (-0.5, -0.2), "energetic": (0.6, 0.8), "neutral": (0.0, 0.0),
}  # fmt: skip
"""Valence and arousal, -1..1, that an emotion's name stands for."""
GROOVES = ("straight", "swing", "shuffle", "laid_back", "rushed", "triplet", "dotted")
DEFAULT_GROOVES = GROOVES[:5]
ARTICULATIONS = ("legato", "staccato", "accent", "marcato", "tenuto", "normal")
DYNAMIC_RANGES = ("pp", "p", "mp", "mf", "f", "ff")
CONTOURS = ("ascending", "descending", "arch", "valley", "flat", "wave")
PITCH_RANGES = ("narrow", "medium", "wide")
MODES = (
    "major",
    "minor",
    "dorian",
    "phrygian",
    "lydian",
    "mixolydian",
    "aeolian",
    "locrian",
    "harmonic_minor",
    "melodic_minor",
)
KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SPLITS = ("train", "val", "test")
DECISIONS = ("pending", "labelled", "skipped", "flagged")
RULE_BREAK_CATEGORIES = ("HARMONY", "RHYTHM", "ARRANGEMENT", "PRODUCTION")
RULE_BREAKS = tuple(
    f"{category}_{name}"
    for category, names in zip(
        RULE_BREAK_CATEGORIES,
        (
            "AvoidTonicResolution ModalInterchange ParallelMotion Polytonality TritoneSubstitution",
            "ConstantDisplacement DroppedBeats MetricModulation TempoFluctuation",
            "BuriedVocals ExtremeDynamicRange PrematureClimax StructuralMismatch UnbalancedDynamics",
            "Distortion ExcessiveMud LofiArtifacts MonoMix PitchImperfection RoomNoise",
        ),
    )
    for name in names.split()
)
"""Names that are offered; a person may write others of these categories."""

SOURCES = ("human", "folder", "detector", "model", "generator", "inherited")
"""Where a label came from."""

GUESSED = ("detector", "model")
"""Sources whose labels are guesses until a person accepts them."""

SHOWN = 60
"""Characters of what was written instead of a label that an error repeats."""
_SHORT_LINE = 84
"""Characters."""

_STRENGTH = {"human": 3, "folder": 2, "generator": 2, "inherited": 2, "model": 1, "detector": 0}


def may_replace(new_source: str, old_source: str) -> bool:
    """Whether a label of `new_source` may overwrite one of `old_source`: never a stronger one.

    Of a source that is not known, as a later Kelly may have, a label is a person's until a person says otherwise.
    """
    return _STRENGTH.get(new_source, 0) >= _STRENGTH.get(old_source, _STRENGTH["human"])


_TONIC = re.compile(r"\s*([A-Ga-g])\s*((?:#|♯|b|♭|-?flat|-?sharp|\s+flat|\s+sharp)*)(.*)$", re.DOTALL)
_LETTER = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODE_WORDS = {"maj": "major", "min": "minor", "m": "minor", "ionian": "major", "moll": "minor", "dur": "major"}


def parse_key(text: str) -> tuple[str, str | None]:
    """The tonic in our spelling, and the mode if the text names one: ``"B-flat minor"`` -> ``("A#", "minor")``.

    Raises `LabelError` for anything that is no key.
    """
    if text in KEYS:
        return text, None
    match = _TONIC.match(text)
    if match is None:
        raise LabelError(f"{text[:SHOWN]!r} is no key", hint=f"Keys are {' '.join(KEYS)}.")
    letter, accidentals, rest = match.groups()
    accidentals = accidentals.lower().replace("♯", "#").replace("♭", "b").replace("flat", "b").replace("sharp", "#")
    pitch_class = (_LETTER[letter.upper()] + accidentals.count("#") - accidentals.count("b")) % 12
    word = rest.strip().replace(" ", "_").replace("-", "_")
    mode = "major" if word == "M" else _MODE_WORDS.get(word.lower(), word.lower()) or None  # as a chord: CM, Cm
    if mode is not None and mode not in MODES:
        raise LabelError(f"{text[:SHOWN]!r} is no key", hint=f"Keys are {' '.join(KEYS)}, modes {' '.join(MODES)}.")
    return KEYS[pitch_class], mode


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, if any is like it at all."""
    found = difflib.get_close_matches(word.lower(), list(choices), n=1, cutoff=0.5)
    return found[0] if found else None


def suggestion(word: str, choices: Iterable[str]) -> str:
    """What to do about a word that is none of the choices: the nearest of them, else as many as a short line holds."""
    choices = tuple(choices)
    guess = nearest(word, choices)
    if guess:
        return f"Did you mean {guess}?"
    listed = textwrap.shorten(" ".join(choices), _SHORT_LINE, placeholder=" …")
    return f"Known: {listed}" if listed.endswith("…") else f"Known: {listed}."


def choose(word: str, choices: Iterable[str], what: str) -> str:
    """`word` as one of `choices` (case, spaces and hyphens forgiven), or a `LabelError` that names the nearest."""
    choices = tuple(choices)
    folded = _folded(choices)
    wanted = word.strip().casefold().replace(" ", "_").replace("-", "_")
    if wanted in folded:
        return folded[wanted]
    raise LabelError(f"{word[:SHOWN]!r} is no {what}", hint=suggestion(wanted[:SHOWN], choices))


@lru_cache
def _folded(choices: tuple[str, ...]) -> dict[str, str]:
    return {choice.casefold(): choice for choice in choices}
