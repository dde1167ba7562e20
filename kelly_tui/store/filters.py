"""The filter language: what a person types, as SQL.

``emotion:sad key:Am bpm:80..100 conf<.6 is:augmented -is:verified text:"rain" split:test``: conditions are joined by
*and*; ``|`` between values is *or*; ``-`` before a condition negates it; ``split:?`` is unset; a bare word is
looked for in name, path, source and notes, where A and a are the same, but É and é are not.

Values are always parameters of the SQL, never a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from kelly_tui.errors import FilterError, LabelError
from kelly_tui.model.annotation import ALIASES, FIELDS, Field, check_value, field_named
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import DECISIONS, SPLITS, parse_key, suggestion
from kelly_tui.store.found import CODES, code_of
from kelly_tui.store.issues import ISSUE, having_issue
from kelly_tui.store.schema import HELD, ORIGIN
from kelly_tui.text import safe_text


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
    "rendered": (
        "samples.sample_id IN (SELECT parent_id FROM samples AS sound"
        " WHERE parent_id IS NOT NULL AND augmentation_type = 'render' AND status = 'ok')"
    ),
    "duplicate": "samples.rowid IN (SELECT sample FROM fingerprints WHERE piece IS NOT NULL)",
    **{decision: f"decision = '{decision}'" for decision in DECISIONS},
}
"""What ``is:`` may say. *Open* is what nobody has decided and whose main label is missing or only guessed; a
*duplicate* is a piece that is there more than once, in whatever edition; *rendered* is MIDI whose sound is there."""

_OTHER_TEXTS = ("source", "notes", "other_sources")
_OTHER_FIELDS = {
    "split": Field("split", "choice", "which list", SPLITS),
    "decision": Field("decision", "choice", "what a person decided", DECISIONS),
    "type": Field("file_type", "choice", "midi or audio", ("midi", "audio")),
    "origin": Field("origin", "choice", "where it is from", ("imported", "augmented", "generated")),
    "license": Field("license", "text", "of the file, where it has one of its own"),
    "duration": Field("duration_sec", "number", "length", low=0, unit="s"),
    "size": Field("file_size_bytes", "number", "size", low=0, unit="bytes"),
}
_OTHER_NAMES = {"file_type": "type", "duration_sec": "duration", "file_size_bytes": "size"}
_CURVES = ("spectral_centroid", "spectral_rolloff", "spectral_bandwidth", "zero_crossing_rate", "rms_energy",
           "onset_strength")  # fmt: skip
FEATURE_NUMBERS = (
    "note_count", "avg_pitch", "pitch_std", "pitch_range_semitones", "note_density", "syncopation_score",
    "avg_velocity", "velocity_std", "dynamic_range_velocity", "legato", "staccato", "normal", "push_ms", "key_count",
    *(f"{name}_{what}" for name in _CURVES for what in ("mean", "std")),
    "onset_rate", "tuning", *(f"{name}_confidence" for name in ("key", "tempo", "meter", "chord")),
)  # fmt: skip
"""Numbers of the features that may be compared and sorted by; those that are labels too go by the label. How sure the
detectors were can be asked where a person's label stands, too."""

SUGGESTED = ("suggested", "suggested.conf", "suggested.valence", "suggested.arousal")
"""What the features suggest: an emotion, how likely it is, valence and arousal."""

_SUGGESTED_COLUMNS = dict(zip(SUGGESTED, ("emotion", "probability", "valence", "arousal")))

FAILING = ("import", "extract", "augment", "synthesize", "render")
"""Stages that may fail on a sample: ``failed:extract``."""

_MOST = 200
"""Conditions and values of a filter: SQLite nests a thousand expressions, and looking for a word takes three."""

_PREFIXES = {"id": "sample_id", "root": "root_id", "parent": "parent_id"}
_WITHOUT_SIZE = ("is", "has", "failed", "found", "text", "name", "path", *_PREFIXES)
NAMES = (*FIELDS, *_OTHER_FIELDS, *_WITHOUT_SIZE, *SUGGESTED, *FEATURE_NUMBERS, "conf", "issue")
"""Every name that may stand before a colon, but for aliases."""


def parse(text: str, config: DatasetConfig) -> Query:
    """Understand a filter, or raise `FilterError` naming the nearest field or value that there is.

    ``conf<.6`` is about the least sure label of a sample, ``emotion.conf<.6`` about that one; ``issue>.8`` about how
    likely one of its labels is wrong.
    """
    if text.count("|") + len(text.split()) > _MOST:
        raise FilterError(f"a filter has at most {_MOST} conditions and values", hint="Ask in parts.")
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


def values(name: str, config: DatasetConfig) -> tuple[str, ...]:
    """What may stand after ``name:``, where that can be listed. Raises `FilterError` for an unknown name."""
    lowered = name.lower()
    if lowered == "is":
        return tuple(IS)
    if lowered == "has":
        return ("features", "conflict", *FIELDS, "suggested", "issue", *FEATURE_NUMBERS)
    if lowered in ("failed", "found"):
        return FAILING if lowered == "failed" else CODES
    if lowered == "suggested":
        return (*config.emotion_labels, "?")
    if _measure(name) is not None or lowered in _WITHOUT_SIZE:
        return ()
    field = _field(name)
    declared = config.choices(field.name) if field.name in FIELDS else field.choices
    return (*(("yes", "no") if field.kind == "flag" else declared), "?")


def has_size(name: str) -> bool:
    """Whether ``name<.5`` may be asked. Raises `FilterError` for an unknown name."""
    return _measure(name) is not None


def _condition(match: re.Match[str], config: DatasetConfig) -> Condition:
    name, operator, value = match["name"], match["operator"], match["value"]
    if name is None:
        sql = _any(_text(_unquoted(one)) for one in _alternatives(value))
    elif value == "":
        listed = values(name, config) if name.lower() in _WITHOUT_SIZE else ()
        hint = suggestion("", listed) if listed else f"Write {name}:? for samples without one."
        raise FilterError(f"{match[0]!r} has no value", hint=hint)
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
        return _has(value, config)
    if lowered == "failed":
        stage = one_of(value.lower(), FAILING, "failed:")
        return _Sql("samples.sample_id IN (SELECT sample_id FROM failures WHERE stage = ?)", (stage,))
    if lowered == "found":
        one_of(code_of(value.lower()), CODES, "found:")
        return _Sql("samples.rowid IN (SELECT sample FROM found WHERE name = ?)", (value.lower(),))
    if lowered in ("text", "name", "path"):
        return _text(value)
    if lowered in _PREFIXES:
        return _prefixed(lowered, value.lower())
    if lowered == "suggested":
        return _suggested(value, config)
    if value == "?" and (number := _number_beside(lowered)):
        return _Sql(f"{number} IS NULL")
    if (measure := _measure(name)) is not None and value != "?":
        return _in_range(measure, value)
    field = _field(name)
    if value == "?":
        return _Sql("license = ''" if field.name == "license" else f"{field.name} IS NULL")
    return _VALUES.get(field.kind, _equal)(field, value, config)


def _field(name: str) -> Field:
    lowered = _OTHER_NAMES.get(name.lower(), name.lower())
    if lowered in _OTHER_FIELDS:
        return _OTHER_FIELDS[lowered]
    try:
        return field_named(lowered)
    except LabelError:
        raise FilterError(f"there is no field {name!r}", hint=suggestion(lowered, (*NAMES, *ALIASES))) from None


def one_of(value: str, known: Iterable[str], what: str) -> str:
    """`value` if it is known, or a `FilterError` that names the nearest."""
    known = tuple(known)
    if value in known:
        return value
    raise FilterError(f"{what}{safe_text(value)} is unknown", hint=suggestion(value, known))


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


def _has(value: str, config: DatasetConfig) -> _Sql:
    """Whatever has a value: what ``name:?`` leaves out."""
    lowered = value.lower()
    if lowered == "features":
        return _Sql("features_path IS NOT NULL")
    if lowered in ("conflict", "conflicts"):
        return _Sql("conflicts > 0")
    if lowered in _WITHOUT_SIZE:
        raise FilterError(f"{lowered}: is asked, not had", hint="Write has:key, has:note_count or has:features.")
    unset = _has_value(lowered, "?", config)
    return _Sql(f"({unset.sql}) IS NOT TRUE", unset.parameters)


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
    "words": _item,
    "chords": _item,
    "text": _note,
    "numbers": _unsearchable,
    "velocities": _unsearchable,
}

# -- numbers -----------------------------------------------------------------------------------------------------------

_Compare = Callable[[str, float], _Sql]


class _Measure(NamedTuple):
    """Something that a number is said of."""

    field: Field
    """With the limits outside of which nothing can lie."""
    compare: _Compare
    """An operator and a number as SQL."""


def _measure(name: str) -> _Measure | None:
    """What a name measures; None for what has no size."""
    lowered = name.lower()
    if lowered in _WITHOUT_SIZE or lowered == "suggested":
        return None
    if lowered in SUGGESTED[1:]:
        low = 0 if lowered == "suggested.conf" else -1
        return _Measure(Field(lowered, "number", "", low=low, high=1), partial(_of_suggestion, lowered))
    if lowered == "issue":
        return _Measure(Field("issue", "number", "", low=0, high=1), _issue)
    if lowered in FEATURE_NUMBERS:
        return _Measure(Field(lowered, "number", ""), partial(_feature, lowered))
    if (confidence := _number_beside(lowered)) is not None:
        return _Measure(Field("confidence", "number", "", low=0, high=1), partial(_column, confidence))
    field = _field(name)
    return _Measure(field, partial(_column, field.name)) if field.kind == "number" else None


def _number_beside(name: str) -> str | None:
    """A number that is in no column of its name, as an expression over `samples`; None for what is no such."""
    if name in (*FEATURE_NUMBERS, *SUGGESTED[1:]):
        return (feature_column if name in FEATURE_NUMBERS else suggested_column)(name)
    if name.endswith(".conf"):
        field = _field(name.removesuffix(".conf"))
        if field.name in FIELDS:
            return f"json_extract(provenance, '$.{field.name}.confidence')"
        raise FilterError(f"{field.name} is no label and has no confidence", hint="Write emotion.conf<.6 or conf<.6.")
    return {"issue": ISSUE, "conf": "confidence"}.get(name)


def _in_range(measure: _Measure, value: str) -> _Sql:
    """``80..100`` with both ends, ``80..``, ``..100``, or ``80``: what would be shown as that many digits."""
    low, dots, high = value.partition("..")
    if not dots:
        number = _number(measure.field, value)
        half = 0.5 * 10.0 ** -len(value.partition(".")[2])
        bounds = [(">=", number - half), ("<", number + half)]
    else:
        bounds = [(">=", _number(measure.field, low))] if low else []
        bounds += [("<=", _number(measure.field, high))] if high else []
    if not bounds:
        raise FilterError("a range needs a number", hint="Write 80..100, 80.. or ..100.")
    if bounds[0][1] > bounds[-1][1]:
        raise FilterError(f"{safe_text(value)} ends before it begins", hint=f"Write {high.strip()}..{low.strip()}.")
    parts = [measure.compare(*bound) for bound in bounds]
    return _Sql("(" + " AND ".join(one.sql for one in parts) + ")", tuple(chain(*(one.parameters for one in parts))))


def _compared(name: str, operator: str, value: str) -> _Sql:
    """``name<value``."""
    measure = _measure(name)
    if measure is None:
        raise FilterError(f"{name} has no size to compare", hint=f"Write {name}:{safe_text(value)}.")
    return measure.compare(operator, _number(measure.field, value))


def _number(field: Field, value: str) -> float:
    """A number that the field can have, or a `FilterError` that says which."""
    try:
        return float(check_value(field, value))  # type: ignore[arg-type]
    except LabelError as error:
        raise FilterError(error.what, hint=error.hint) from None


def _column(name: str, operator: str, limit: float) -> _Sql:
    return _Sql(f"{name} {operator} ?", (limit,))


def _issue(operator: str, limit: float) -> _Sql:
    return _Sql(having_issue(operator), (limit,))


def feature_column(name: str) -> str:
    """One of `FEATURE_NUMBERS` as an expression over `samples`."""
    return f"(SELECT json_extract(columns, '$.{name}') FROM features WHERE sample = samples.rowid)"


def _feature(name: str, operator: str, limit: float) -> _Sql:
    return _Sql(
        f"samples.rowid IN (SELECT sample FROM features WHERE json_extract(columns, '$.{name}') {operator} ?)", (limit,)
    )


# -- what the features suggest -----------------------------------------------------------------------------------------


def suggested_column(name: str) -> str:
    """What is suggested, one of `SUGGESTED`, as an expression over `samples`."""
    return f"(SELECT {_SUGGESTED_COLUMNS[name]} FROM suggestions WHERE sample = samples.rowid)"


def _suggested(value: str, config: DatasetConfig) -> _Sql:
    """``suggested:sad``; ``suggested:?`` where nothing is."""
    having = "samples.rowid {} (SELECT sample FROM suggestions WHERE emotion {})"
    if value == "?":
        return _Sql(having.format("NOT IN", "IS NOT NULL"))
    try:
        return _Sql(having.format("IN", "= ?"), (check_value(FIELDS["emotion"], value, config.choices("emotion")),))
    except LabelError as error:
        raise FilterError(error.what, hint=error.hint) from None


def _of_suggestion(name: str, operator: str, limit: float) -> _Sql:
    column = _SUGGESTED_COLUMNS[name]
    return _Sql(f"samples.rowid IN (SELECT sample FROM suggestions WHERE {column} {operator} ?)", (limit,))
