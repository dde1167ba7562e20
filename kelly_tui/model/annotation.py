"""The fields of an annotation, in one table, and what it means to set one.

The form, the command line, the store, the views and the filter language all read `FIELDS`; a field is added here
and nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model import labels
from kelly_tui.model.labels import choose, parse_key, suggestion
from kelly_tui.text import as_written, no_number

if TYPE_CHECKING:
    Value = str | float | int | bool | list[str] | list[float] | list[int]
else:
    Value = Any  # msgspec reads no union of several lists; `check_value` looks closer than it would

LONGEST = 100_000
"""Characters of a text, and values of a list, whose words have ten times as many: however JSON writes them, an
annotation file holds as many in every field and can be read again."""

LONGEST_NAME = 1000
"""Characters of who said something, or when, as views of others tell it: for the same reason."""

Kind = Literal["choice", "key", "number", "flag", "text", "meter", "words", "chords", "numbers", "velocities"]


class Field(msgspec.Struct, frozen=True):
    """One thing that can be said about a sample."""

    name: str
    kind: Kind
    meaning: str
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""

    @property
    def word(self) -> str:
        """Its name as a person says it."""
        return _WORDS.get(self.name, self.name)


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("emotion", "choice", "what it expresses", labels.EMOTIONS),
        Field("valence", "number", "unpleasant to pleasant", low=-1, high=1),
        Field("arousal", "number", "calm to excited", low=-1, high=1),
        Field("dominance", "number", "yielding to commanding", low=-1, high=1),
        Field("key", "key", "the tonic", labels.KEYS),
        Field("mode", "choice", "the scale on the tonic", labels.MODES),
        Field("tempo_bpm", "number", "beats a minute: quarters, in 6/8 dotted ones", low=1, high=1000, unit="BPM"),
        Field("time_signature", "meter", "beats in a bar"),
        Field("chord_progression", "chords", "chords in order: C Am G7 Fmaj7 Bdim C/E, N for none"),
        Field("chord_times", "numbers", "start of each chord", low=0, unit="s"),
        Field("groove_type", "choice", "how time is felt", labels.GROOVES),
        Field("swing_ratio", "number", "share of the beat that the first of two eighths takes", low=0.5, high=0.75),
        Field("timing_offsets_ms", "numbers", "each note from its nearest grid point", unit="ms"),
        Field("articulation", "choice", "how notes are held and struck", labels.ARTICULATIONS),
        Field("dynamic_range", "choice", "how loud", labels.DYNAMIC_RANGES),
        Field("velocity_curve", "velocities", "loudness over time, 32 points", low=0, high=127),
        Field("melodic_contour", "choice", "where the melody goes", labels.CONTOURS),
        Field("pitch_range", "choice", "narrow under 12 semitones, wide over 24", labels.PITCH_RANGES),
        Field("quality_score", "number", "how good a sample it is", low=0, high=1),
        Field("is_verified", "flag", "a person confirmed it"),
        Field("rule_breaks", "words", "rules it breaks on purpose: HARMONY_ModalInterchange"),
        Field("tags", "words", 'free words: rain "film score"'),
        Field("notes", "text", "free text"),
    )
}


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value and where it came from."""

    value: Value
    source: str = "human"
    by: str | None = None
    """Who or what: an annotator's name, a detector's."""
    at: str | None = None
    """When, UTC, ISO 8601."""
    confidence: float | None = None
    """0..1, how often a label that says so is right."""
    unsure: bool = False
    """The person said so."""
    in_doubt: bool = False
    """A transform may have changed what it describes."""


def field_named(name: str) -> Field:
    """The field of that name, or a `LabelError` that names the nearest."""
    wanted = name.strip().casefold().replace("-", "_")
    wanted = ALIASES.get(wanted, wanted)
    if wanted in FIELDS:
        return FIELDS[wanted]
    raise LabelError(f"there is no field {name!r}", hint=suggestion(wanted, (*FIELDS, *ALIASES)))


ALIASES = {
    "bpm": "tempo_bpm",
    "tempo": "tempo_bpm",
    "chords": "chord_progression",
    "groove": "groove_type",
    "swing": "swing_ratio",
    "dynamics": "dynamic_range",
    "contour": "melodic_contour",
    "quality": "quality_score",
    "verified": "is_verified",
    "meter": "time_signature",
    "range": "pitch_range",
}
"""What else people call the fields."""

_WORDS = {
    "tempo_bpm": "tempo",
    "time_signature": "meter",
    "chord_progression": "chords",
    "chord_times": "chord times",
    "groove_type": "groove",
    "swing_ratio": "swing",
    "timing_offsets_ms": "offsets",
    "dynamic_range": "dynamics",
    "velocity_curve": "velocities",
    "melodic_contour": "contour",
    "pitch_range": "range",
    "quality_score": "quality",
    "is_verified": "verified",
    "rule_breaks": "rule breaks",
}

_CHORD = re.compile(
    r"N|[A-G][#b]*+(?:maj|min|m|dim|aug|sus|add|[+o°ø#b]|\d|M|\(|\))*+(?:/[A-G][#b]*+|/(?:b|#)?\d{1,2})?"
)
"""Each name is read in one way, once: in several, a stranger's of fifty digits would take hours to refuse."""

_METER = re.compile(r"(\d{1,2})/(\d{1,2})")
_RULE_BREAK = re.compile(rf"(?:{'|'.join(labels.RULE_BREAK_CATEGORIES)})_\w+")
_BARE_WORD = re.compile(r'[^\s,|"][^\s,|]*')
_TYPED_WORD = re.compile(r'"((?:[^"]|"")*)"(?=[\s,|]|$)|([^\s,|]+)')


def check_value(field: Field, value: object, choices: Sequence[str] | None = None) -> Value:
    """`value` as it is stored, or a `LabelError` that says what is allowed.

    `choices` are the dataset's own values where it declares them (emotion, groove); the table's otherwise.
    Accepts what JSON gives and what a person types: "Db" for a key, "C G Am" for chords, "0.67" for a number.
    """
    return _CHECKS[field.kind](field, value, tuple(choices) if choices else field.choices)


def _wrong(field: Field, value: object, allowed: str) -> LabelError:
    said = no_number(value)[: labels.SHOWN]
    if not said:
        try:
            said = repr(str(as_written(value) if isinstance(value, (dict, list)) else value)[: labels.SHOWN])
        except ValueError:  # Python writes no integer of thousands of digits
            said = "a number of thousands of digits"
    return LabelError(f"{said} is no {field.word}", hint=f"Wanted: {allowed}.")


def _choice(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if not isinstance(value, str):
        raise _wrong(field, value, " ".join(choices))
    return choose(value, choices, field.word)


def _key(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if not isinstance(value, str):
        raise _wrong(field, value, " ".join(choices))
    if value in labels.KEYS:
        return value
    tonic, mode = parse_key(value)
    if mode is not None:  # never dropped: see `kelly_tui.model.tonality.apart`
        raise LabelError(f"{value[: labels.SHOWN]!r} is a key and a mode", hint=f"The key is {tonic}, the mode {mode}.")
    return tonic


def _number(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _wrong(field, value, _limits(field))
    try:
        number = float(value)
    except (ValueError, OverflowError):  # no number, or an integer beyond any
        raise _wrong(field, value, _limits(field)) from None
    if not math.isfinite(number) or not field.low <= number <= field.high:
        raise _wrong(field, value, _limits(field))
    return number


def _limits(field: Field) -> str:
    limits = [f"{low:g}" if math.isfinite(low) else "" for low in (field.low, field.high)]
    return f"a number {'..'.join(limits)} {field.unit}".strip() if any(limits) else "a number"


def _flag(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in ("true", "yes", "y", "1", "on"):
            return True
        if word in ("false", "no", "n", "0", "off"):
            return False
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise _wrong(field, value, "yes or no")


def _text(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if not isinstance(value, str):
        raise _wrong(field, value, "text")
    if len(value) > LONGEST:
        raise _wrong(field, value, f"at most {LONGEST:,} characters")
    # A lone surrogate can be held in a str but never written as UTF-8: refuse to lose a whole file to it.
    return value.encode("utf-8", "replace").decode()


def _meter(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    match = _METER.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) < 1 or int(match[2]) not in (1, 2, 4, 8, 16, 32, 64):
        raise _wrong(field, value, "a meter such as 4/4 or 6/8")
    return f"{int(match[1])}/{int(match[2])}"


def _items(field: Field, value: object) -> list[object]:
    if isinstance(value, str):
        value = value.replace(",", " ").replace("|", " ").split()
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(items) > LONGEST:
        raise _wrong(field, f"a list of {len(items):,}", f"at most {LONGEST:,} values")
    return items


def quoted(word: str) -> str:
    """A word of a list as it is typed: ``"film score"`` in quotes, those in it doubled, where it would not stay one."""
    return word if _BARE_WORD.fullmatch(word) else '"' + word.replace('"', '""') + '"'


def _words(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    if isinstance(value, str):
        value = [word or within.replace('""', '"') for within, word in _TYPED_WORD.findall(value)]
    words = [str(_text(field, item, ())) for item in _items(field, value)]
    if field.name == "rule_breaks":
        for word in words:
            if not _RULE_BREAK.fullmatch(word):
                raise _wrong(field, word, f"CATEGORY_Name, with {' '.join(labels.RULE_BREAK_CATEGORIES)}")
    return _of_some_length(field, list(dict.fromkeys(words)))


def _chords(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    chords = [item for item in _items(field, value) if item != "-"]
    for chord in chords:
        if not isinstance(chord, str) or not _is_chord(chord):
            raise _wrong(field, chord, "chords such as C Am G7 Fmaj7 Bdim C/E N")
    return _of_some_length(field, [str(chord) for chord in chords])


def _of_some_length(field: Field, words: list[str]) -> list[str]:
    if sum(map(len, words)) > 10 * LONGEST:
        raise _wrong(field, words[0], f"at most {10 * LONGEST:,} characters in all")
    return words


@lru_cache(maxsize=4096)
def _is_chord(name: str) -> bool:
    return _CHORD.fullmatch(name) is not None


def _numbers(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    items = _items(field, value)
    with suppress(msgspec.ValidationError, OverflowError):  # thousands, of a detector: looked at together
        numbers: list[float] = msgspec.convert(items, _numbers_within(field.low, field.high))
        if math.isfinite(sum(numbers)):
            return numbers
    return [float(_number(field, item, ())) for item in items]  # type: ignore[arg-type]


@cache
def _numbers_within(low: float, high: float) -> Any:
    """The type of a list of numbers that lie there."""
    least, most = (bound if math.isfinite(bound) else None for bound in (low, high))
    return list[Annotated[float, msgspec.Meta(ge=least, le=most)]]


def _velocities(field: Field, value: object, choices: tuple[str, ...]) -> Value:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(value, _CURVE)
    curve = [round(number) for number in _numbers(field, value, ())]  # type: ignore[union-attr, arg-type]
    if len(curve) != 32:
        raise _wrong(field, f"{len(curve)} points", "32 velocities 0..127")
    return curve


_CURVE = Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=127)]], msgspec.Meta(min_length=32, max_length=32)]
"""What we write ourselves, a million times."""


_CHECKS: dict[Kind, Callable[[Field, object, tuple[str, ...]], Value]] = {
    "choice": _choice,
    "key": _key,
    "number": _number,
    "flag": _flag,
    "text": _text,
    "meter": _meter,
    "words": _words,
    "chords": _chords,
    "numbers": _numbers,
    "velocities": _velocities,
}
