"""How samples, values, times and counts are said on screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, Value, quoted
from kelly_tui.model.labels import SOURCES
from kelly_tui.ui.theme import SOURCE_GLYPH

if TYPE_CHECKING:
    from kelly_tui.store.query import Row
    from kelly_tui.ui.paint import Span

_LEVELS = "▁▂▃▄▅▆▇█"
_MINOR = ("minor", "aeolian", "harmonic_minor", "melodic_minor")


def field_word(field: str) -> str:
    """A field's name as a person says it."""
    return FIELDS[field].word if field in FIELDS else field.replace("_", " ")


def number(value: float) -> str:
    """A number without needless digits."""
    value = round(value, 2) + 0.0  # no -0
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def said(field: str, value: Value) -> str:
    """A value in one short line."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    unit = FIELDS[field].unit if field in FIELDS else ""
    if not isinstance(value, list):
        return f"{number(value)} {unit}".rstrip()
    if field == "velocity_curve":
        return sparkline([float(one) for one in value], 0, 127)
    if field in ("chord_times", "timing_offsets_ms") and value:
        numbers = [float(one) for one in value]
        return f"{len(numbers):,} values, {number(min(numbers))} to {number(max(numbers))} {unit}"
    return " ".join(str(one) for one in value) or "none"


def typed(field: str, value: Value) -> str:
    """A value as a person would type it, to be edited: typed again it is the same."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(quoted(one) if isinstance(one, str) else typed(field, one) for one in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """One character a value, its height the value's place between `low` and `high`."""
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[round(steps * min(max((value - low) / (high - low), 0), 1))] for value in values)


def key_name(key: str | None, mode: str | None) -> str:
    """``A`` and ``minor`` as ``Am``, ``C`` and ``dorian`` as ``C dor``."""
    if key is None:
        return ""
    if mode is None or mode == "major":
        return key
    return f"{key}m" if mode in _MINOR else f"{key} {mode[:3]}"


def numerals(chords: Iterable[str], key: str, mode: str) -> str:
    """The roman numerals of chords: ``i VI III VII``; ``?`` for one that can't be read."""
    from kelly_tui.music.theory import numeral_of

    found = []
    for chord in chords:
        try:
            found.append(numeral_of(chord, key, mode))
        except LabelError:
            found.append("?")
    return " ".join(found)


_SOURCE_OF_LETTER = {source[0]: source for source in SOURCES}


def source_of(row: Row, field: str) -> str | None:
    """Where a field's label came from, by the letters of the light row."""
    return _SOURCE_OF_LETTER.get(row.sources.get(field, "").lower())


def is_unsure(row: Row, field: str) -> bool:
    """Whether who gave a field's label was unsure, or a change of the music has put it in doubt."""
    return row.sources.get(field, "").isupper()


def half_that_marks(key: str | None, mode: str | None) -> str:
    """The field by whose source a key with its mode is marked, by the sources of both: the half that is a guess."""
    return "mode" if guessed(mode) and not guessed(key) else "key"


def guessed(source: str | None) -> bool:
    """Whether a label of that source is a guess that a person has not accepted."""
    return source in ("detector", "model")


def provenance(label: Label) -> str:
    """Where a label came from, in a glyph and its confidence: ``◆ .94``."""
    marks = SOURCE_GLYPH.get(label.source, " ")
    if label.confidence is not None:
        marks += f" {label.confidence:.2f}".replace("0.", ".")
    if label.unsure:
        marks += " unsure"
    if label.in_doubt:
        marks += " in doubt"
    return marks


def decision_span(row: Row, main_source: str | None) -> Span:
    """The mark before a sample: what has been decided about it."""
    if row.status != "ok":
        return "!", "broken"
    if row.rejected:
        return "✕", "dim"
    if row.decision == "flagged":
        return "⚑", "accent"
    if row.is_verified:
        return "✓", "good"
    if row.decision == "skipped":
        return "–", "dim"
    if row.decision == "labelled" or (main_source is not None and not guessed(main_source)):
        return "○", "text"
    return "·", "dim"


def sample_name(file_path: str, origin: str = "imported") -> str:
    """A file's name without folders and suffix; generated files have only numbers: ``generated 001a2638``."""
    stem = PurePosixPath(file_path).stem or file_path
    return f"generated {stem[:8]}" if origin == "generated" else stem


def clock(seconds: float, *, tenths: bool = False) -> str:
    """``0:14`` or, with tenths, ``0:14.2``."""
    if tenths:
        seconds = int(seconds * 10) / 10
        return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
    seconds = int(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
