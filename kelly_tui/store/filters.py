"""The filter language: what a person types, as SQL.

``emotion:sad key:Am bpm:80..100 conf<.6 is:augmented -is:verified text:"rain" split:test``: conditions are joined by
*and*; ``|`` between values is *or*; ``-`` before a condition negates it; ``split:?`` is unset; a bare word is
looked for in name, path, source and notes, where A and a are the same, but É and é are not.

Values are always parameters of the SQL, never a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

from kelly_tui.errors import FilterError, LabelError
from kelly_tui.model.annotation import ALIASES, FIELDS, Field, check_value, field_named
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import DECISIONS, SPLITS, nearest, parse_key
from kelly_tui.store.schema import HELD, ORIGIN


class Condition(NamedTuple):
    """One condition of a filter: as it was written, and as SQL."""

    text: str
    sql: str
    parameters: tuple[Any, ...]


class Query(NamedTuple):
    """A filter that was understood. No conditions: every sample."""

    text: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def where(self) -> str:
        """A SQL expression; its values are `parameters`."""
        return " AND ".join(condition.sql for condition in self.conditions) or "1"

    @property
    def parameters(self) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(condition.parameters for condition in self.conditions))


class _Sql(NamedTuple):
    """SQL and the parameters in it."""

    sql: str
    parameters: tuple[Any, ...] = ()


_TERM = re.compile(
    r"""(?P<negated>-(?=\S))?
    (?:(?P<name>[A-Za-z_][\w.]*)(?P<operator>:|<=|>=|<|>|=))?
    (?P<value>(?:"[^"]*"|[^\s"])*)""",
    re.VERBOSE,
)

IS: dict[str, str] = {
    **{origin: f"{ORIGIN} = '{origin}'" for origin in ("imported", "augmented", "generated")},
    "root": "parent_id IS NULL",
    "held": HELD,
    "midi": "file_type = 'midi'",
    "audio": "file_type = 'audio'",
    "verified": "is_verified",
    "rejected": "rejected",
    "quarantined": "status <> 'ok'",
    "ok": "status = 'ok'",
    "open": (
        "status = 'ok' AND decision = 'pending'"
        " AND ({main} IS NULL OR json_extract(provenance, '$.{main}.source') IN ('model', 'detector'))"
    ),
    "unsure": "provenance LIKE '%\"unsure\":true%'",
    "doubted": "provenance LIKE '%\"in_doubt\":true%'",
    **{decision: f"decision = '{decision}'" for decision in DECISIONS},
}
"""What ``is:`` may say. *Open* is what nobody has decided and whose main label is missing or only guessed."""

_OTHER_TEXTS = ("source", "notes", "other_sources")
_OTHER_FIELDS = {
    "split": Field("split", "choice", "which list", SPLITS),
    "decision": Field("decision", "choice", "what a person decided", DECISIONS),
    "type": Field("file_type", "choice", "midi or audio", ("midi", "audio")),
    "origin": Field("origin", "choice", "where it is from", ("imported", "augmented", "generated")),
    "duration": Field("duration_sec", "number", "length", low=0, unit="s"),
    "size": Field("file_size_bytes", "number", "size", low=0, unit="bytes"),
}
_OTHER_NAMES = {"file_type": "type", "duration_sec": "duration", "file_size_bytes": "size"}
FEATURE_NUMBERS = (
    "note_count",
    "avg_pitch",
    "pitch_std",
    "pitch_range_semitones",
    "note_density",
    "syncopation_score",
    "avg_velocity",
    "velocity_std",
    "dynamic_range_velocity",
)
"""Numbers of the MIDI features that may be compared."""

_PREFIXES = {"id": "sample_id", "root": "root_id", "parent": "parent_id"}
NAMES = (*FIELDS, *_OTHER_FIELDS, *_PREFIXES, *FEATURE_NUMBERS, "is", "has", "text", "name", "path", "conf")
"""Every name that may stand before a colon, but for aliases."""


def parse(text: str, config: DatasetConfig) -> Query:
    """Understand a filter, or raise `FilterError` naming the nearest field or value that there is.

    ``conf<.6`` is about the least sure label of a sample, ``emotion.conf<.6`` about that one. Suspicion scores
    (``issue>.8``) are not computed yet, so that name is unknown.
    """
    conditions = []
    place = 0
    while (rest := text[place:].lstrip()) != "":
        match = _TERM.match(rest)
        assert match is not None  # it can match nothing at all
        if rest[match.end() : match.end() + 1] == '"':
            raise FilterError("a quotation mark is not closed", hint='Write text:"rain drops".')
        place = len(text) - len(rest) + match.end()
        conditions.append(_condition(match, config))
    return Query(text.strip(), tuple(conditions))


def _condition(match: re.Match[str], config: DatasetConfig) -> Condition:
    name, operator, value = match["name"], match["operator"], match["value"]
    if name is None:
        sql = _any(_text(_unquoted(one)) for one in _alternatives(value))
    elif value == "":
        raise FilterError(f"{match[0]!r} has no value", hint=f"Write {name}:? for samples without one.")
    elif operator in (":", "="):
        sql = _any(_has_value(name, _unquoted(one), config) for one in _alternatives(value))
    else:
        sql = _compared(name, operator, _unquoted(value))
    shown = f"({sql.sql}) IS NOT TRUE" if match["negated"] else f"({sql.sql})"
    return Condition(match[0], shown, sql.parameters)


def _alternatives(value: str) -> list[str]:
    return re.findall(r'(?:"[^"]*"|[^|"])+', value) or [value]


def _unquoted(value: str) -> str:
    return value.replace('"', "")


def _any(parts: Iterable[_Sql]) -> _Sql:
    found = list(parts)
    return _Sql(" OR ".join(part.sql for part in found), tuple(chain.from_iterable(part.parameters for part in found)))


def _has_value(name: str, value: str, config: DatasetConfig) -> _Sql:
    """``name:value``."""
    lowered = name.lower()
    if lowered == "is":
        return _Sql(IS[one_of(value.lower(), IS, "is:")].replace("{main}", config.model.main_label))
    if lowered == "has":
        return _has(value)
    if lowered in ("text", "name", "path"):
        return _text(value)
    if lowered in _PREFIXES:
        return _prefixed(lowered, value.lower())
    if lowered == "conf" or lowered.endswith(".conf"):
        return _in_range(lambda operator, limit: _confidence(lowered, operator, limit), value, Field("", "number", ""))
    if lowered in FEATURE_NUMBERS:
        return _in_range(lambda operator, limit: _feature(lowered, operator, limit), value, Field("", "number", ""))
    field = _field(name)
    if value == "?":
        return _Sql(f"{field.name} IS NULL")
    return _VALUES.get(field.kind, _equal)(field, value, config)


def _field(name: str) -> Field:
    lowered = name.lower()
    lowered = _OTHER_NAMES.get(lowered, lowered)
    if lowered in _OTHER_FIELDS:
        return _OTHER_FIELDS[lowered]
    try:
        return field_named(lowered)
    except LabelError:
        guess = nearest(lowered, (*NAMES, *ALIASES))
        hint = f"Did you mean {guess}? " if guess else ""
        raise FilterError(f"there is no field {name!r}", hint=f"{hint}Known: {' '.join(NAMES)}.") from None


def one_of(value: str, known: Iterable[str], what: str) -> str:
    """`value` if it is known, or a `FilterError` that names the nearest."""
    known = tuple(known)
    if value in known:
        return value
    guess = nearest(value, known)
    hint = f"Did you mean {guess}? " if guess else ""
    raise FilterError(f"{what}{value} is unknown", hint=f"{hint}Known: {' '.join(known)}.")


def literal(text: str) -> str:
    """`text` for LIKE … ESCAPE '\\'."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _text(wanted: str) -> _Sql:
    like = f"%{literal(wanted)}%"
    columns = ("file_path", *_OTHER_TEXTS)
    return _Sql(" OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns), (like,) * len(columns))


def _prefixed(name: str, value: str) -> _Sql:
    """Ids that begin so, as a range, which an index finds."""
    begins = "{0} >= ? AND {0} <= ?"
    limits = (value, value + "\U0010ffff")
    if name == "root":  # the index of root_id holds variants only: a root is its own
        own, variants = begins.format("sample_id"), begins.format("root_id")
        return _Sql(f"parent_id IS NULL AND {own} OR parent_id IS NOT NULL AND {variants}", limits * 2)
    return _Sql(begins.format(_PREFIXES[name]), limits)


def _has(value: str) -> _Sql:
    lowered = value.lower()
    if lowered == "features":
        return _Sql("features_path IS NOT NULL")
    if lowered in ("conflict", "conflicts"):
        return _Sql("conflicts > 0")
    return _Sql(f"{_field(value).name} IS NOT NULL")


# -- values by kind of field -------------------------------------------------------------------------------------------


def _equal(field: Field, value: str, config: DatasetConfig) -> _Sql:
    declared = config.choices(field.name) if field.name in FIELDS else field.choices
    choices = tuple(dict.fromkeys((*declared, *field.choices)))
    try:
        column = ORIGIN if field.name == "origin" else field.name
        return _Sql(f"{column} = ?", (check_value(field, value, choices),))
    except LabelError as error:
        raise FilterError(error.what, hint=error.hint) from None


def _key(field: Field, value: str, config: DatasetConfig) -> _Sql:
    try:
        key, mode = parse_key(value)
    except LabelError as error:
        raise FilterError(error.what, hint=error.hint) from None
    return _Sql("key = ?", (key,)) if mode is None else _Sql("key = ? AND mode = ?", (key, mode))


def _number(field: Field, value: str, config: DatasetConfig) -> _Sql:
    return _in_range(lambda operator, limit: _Sql(f"{field.name} {operator} ?", (limit,)), value, field)


def _item(field: Field, value: str, config: DatasetConfig) -> _Sql:
    """A list that contains the word; ``rule_breaks:HARMONY`` is any of that category."""
    category = f"{literal(value)}\\_%" if field.name == "rule_breaks" else value
    return _Sql(
        f"EXISTS (SELECT 1 FROM json_each({field.name}) WHERE value = ? OR value LIKE ? ESCAPE '\\')",
        (value, category if field.name == "rule_breaks" else literal(value)),
    )


def _note(field: Field, value: str, config: DatasetConfig) -> _Sql:
    return _Sql(f"{field.name} LIKE ? ESCAPE '\\'", (f"%{literal(value)}%",))


def _unsearchable(field: Field, value: str, config: DatasetConfig) -> _Sql:
    raise FilterError(f"{field.name} is a list of numbers", hint=f"Write has:{field.name} or {field.name}:?.")


_VALUES: dict[str, Callable[[Field, str, DatasetConfig], _Sql]] = {
    "key": _key,
    "number": _number,
    "words": _item,
    "chords": _item,
    "text": _note,
    "numbers": _unsearchable,
    "velocities": _unsearchable,
}

# -- numbers -----------------------------------------------------------------------------------------------------------

_Compare = Callable[[str, float], _Sql]


def _in_range(compare: _Compare, value: str, field: Field) -> _Sql:
    """``80..100`` with both ends, ``80..``, ``..100``, or ``80``: what would be shown as that many digits."""
    low, dots, high = value.partition("..")
    if not dots:
        number = _as_number(value, field)
        half = 0.5 * 10.0 ** -len(value.partition(".")[2])
        bounds = [compare(">=", number - half), compare("<", number + half)]
    else:
        bounds = [compare(">=", _as_number(low, field))] if low else []
        bounds += [compare("<=", _as_number(high, field))] if high else []
    if not bounds:
        raise FilterError("a range needs a number", hint="Write 80..100, 80.. or ..100.")
    return _Sql("(" + " AND ".join(one.sql for one in bounds) + ")", tuple(v for one in bounds for v in one.parameters))


def _as_number(value: str, field: Field) -> float:
    try:
        return float(value)
    except ValueError:
        of = f" of {field.name}" if field.name else ""
        raise FilterError(f"{value!r} is no number{of}", hint="Write 80, 80..100, 80.. or <80.") from None


def _compared(name: str, operator: str, value: str) -> _Sql:
    """``name<value``."""
    lowered = name.lower()
    if lowered == "conf" or lowered.endswith(".conf"):
        return _confidence(lowered, operator, _as_number(value, Field("conf", "number", "")))
    if lowered in FEATURE_NUMBERS:
        return _feature(lowered, operator, _as_number(value, Field(lowered, "number", "")))
    field = _field(name)
    if field.kind != "number":
        raise FilterError(f"{field.name} has no size to compare", hint=f"Write {name}:{value}.")
    return _Sql(f"{field.name} {operator} ?", (_as_number(value, field),))


def _confidence(name: str, operator: str, limit: float) -> _Sql:
    if name == "conf":
        return _Sql(f"confidence {operator} ?", (limit,))
    field = _field(name.removesuffix(".conf"))
    return _Sql(f"json_extract(provenance, '$.{field.name}.confidence') {operator} ?", (limit,))


def _feature(name: str, operator: str, limit: float) -> _Sql:
    return _Sql(
        f"samples.rowid IN (SELECT sample FROM features WHERE json_extract(columns, '$.{name}') {operator} ?)", (limit,)
    )
