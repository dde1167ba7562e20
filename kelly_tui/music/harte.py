"""Chord names as Harte, Sandler, Abdallah and Gómez (2005) write them: ``F#m7/A`` is ``F#:min7/b3``."""

from __future__ import annotations

from kelly_tui.errors import LabelError
from kelly_tui.model.labels import KEYS
from kelly_tui.music.theory import QUALITIES, chord_pitches

_SHORTHAND = {
    "": "maj", "m": "min", "dim": "dim", "aug": "aug", "7": "7", "maj7": "maj7", "m7": "min7", "m7b5": "hdim7",
    "dim7": "dim7", "mmaj7": "minmaj7", "aug7": "aug(b7)", "augmaj7": "aug(7)", "7b5": "7(*5,b5)", "sus4": "sus4",
    "sus2": "sus2", "7sus4": "sus4(b7)", "5": "5", "6": "maj6", "m6": "min6", "add9": "maj(9)", "madd9": "min(9)",
    "9": "9", "maj9": "maj9", "m9": "min9", "7b9": "7(b9)", "69": "maj6(9)", "11": "11", "13": "13",
}  # fmt: skip
_BY_STEPS = {frozenset(QUALITIES[quality]): name for quality, name in reversed(_SHORTHAND.items())}
_DEGREES = ("1", "b2", "2", "b3", "3", "4", "b5", "5", "b6", "6", "b7", "7")


def harte(name: str) -> str | None:
    """The chord in that syntax, ``N`` for none; None for a name that says no chord we know."""
    try:
        chord = chord_pitches(name)
    except LabelError:
        return None
    if chord is None:
        return "N"
    quality = _BY_STEPS[frozenset((pitch - chord.root) % 12 for pitch in chord.pitches)]
    bass = "" if chord.bass == chord.root else f"/{_DEGREES[(chord.bass - chord.root) % 12]}"
    return f"{KEYS[chord.root]}:{quality}{bass}"
