"""What it says that a number of a sample's features is low or high, in the field's words: data-model.md's two vectors.

For the reasons of suggestions that labels decided, and not the cues' known directions.
"""

from __future__ import annotations

_TONES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_OF_CUES = (
    ("minor", "major"), ("minor", "major"), ("few notes", "many notes"), ("quiet", "loud"), ("slow", "fast"),
    ("long notes", "short notes"), ("low", "high"), ("dark", "bright"), ("uneven level", "steady level"),
    ("still", "bustling"),
)  # fmt: skip


def _much(*things: str) -> list[tuple[str, str]]:
    return [(f"little {thing}", f"much {thing}") for thing in things]


def _steps() -> list[tuple[str, str]]:
    rises = [f"{abs(size)} semitones {'up' if size > 0 else 'down'}" if size else "repeats" for size in range(-12, 13)]
    return [(f"few {step}", f"many {step}") for step in rises]


def _along(low: str, high: str) -> list[tuple[str, str]]:
    """Of 32 points in time."""
    return [(f"{low} at {100 * point // 31} %", f"{high} at {100 * point // 31} %") for point in range(32)]


_OF_MIDI = [
    *_much(*_TONES),
    ("low", "high"), ("pitches close together", "pitches far apart"), ("narrow range", "wide range"),
    ("few notes", "many notes"),
    *_steps(),
    ("straight", "swung"), ("on the beat", "syncopated"), ("not swung", "swung"), ("not straight", "straight"),
    ("slow", "fast"), ("in time", "off the beat"),
    ("quiet", "loud"), ("even strokes", "uneven strokes"), ("narrow dynamics", "wide dynamics"),
    *_much("legato", "staccato", "plain articulation"),
    *_along("low", "high"), *_along("quiet", "loud"),
]  # fmt: skip
_OF_AUDIO = [
    *((f"timbre {n} low", f"timbre {n} high") for n in range(1, 21)),
    *((f"timbre {n} still", f"timbre {n} moving") for n in range(1, 21)),
    *_much(*_TONES),
    ("dark", "bright"), ("brightness still", "brightness moving"), ("little treble", "much treble"),
    ("narrow spectrum", "wide spectrum"), ("smooth", "noisy"), ("quiet", "loud"), ("steady level", "uneven level"),
    ("slow", "fast"),
    ("soft onsets", "strong onsets"), ("even onsets", "uneven onsets"), ("no strong onset", "a strong onset"),
    ("few beats", "many beats"),
    *_along("quiet", "loud"), *_along("bands empty", "bands full"),
]  # fmt: skip
_WORDS = {"midi": [*_OF_CUES, *_OF_MIDI], "audio": [*_OF_CUES, *_OF_AUDIO]}


def feature_in_words(kind: str, decided: int) -> str:
    """``wide range``: of ``midi`` or ``audio``, the cue or feature c: c + 1 where high, -(c + 1) where low."""
    return _WORDS[kind][abs(decided) - 1][int(decided > 0)]
