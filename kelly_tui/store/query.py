"""What a filter finds: the order of a list, and its pages.

Pages are found by key, so that the last of a million costs what the first does; `order` gives a list of any length
as 8 bytes a sample, whose rows are read when they come into sight.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, field_named
from kelly_tui.store.filters import (
    FEATURE_NUMBERS,
    IS,
    NAMES,
    SUGGESTED,
    Query,
    feature_column,
    one_of,
    parse,
    suggested_column,
)
from kelly_tui.store.issues import ISSUE
from kelly_tui.store.schema import ORIGIN

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

__all__ = [
    "IS",
    "NAMES",
    "SORTS",
    "Query",
    "Row",
    "beginning",
    "explain_empty",
    "first_of",
    "nearest",
    "order",
    "page",
    "parse",
    "rows",
    "size",
    "sort_column",
]


class Row(NamedTuple):
    """What the list shows of a sample."""

    rowid: int
    sample_id: str
    file_path: str
    file_type: str
    origin: str
    augmentation_type: str | None
    augmentation: str | None
    """A variant's parameters, JSON."""
    song: str | None
    """The file that a variant goes back to; None for what is no variant."""
    status: str
    decision: str
    is_verified: bool
    emotion: str | None
    groove_type: str | None
    articulation: str | None
    dynamic_range: str | None
    key: str | None
    mode: str | None
    tempo_bpm: float | None
    time_signature: str | None
    valence: float | None
    arousal: float | None
    duration_sec: float | None
    split: str | None
    rejected: bool
    suggested: str | None
    """The emotion that the features suggest."""
    sources: dict[str, str]
    """The first letter of each label's source, by field, a capital where it is unsure or in doubt."""


PIECE = 1 << 16
"""Characters of a list of rowids that are read at once: a fifth of a millisecond."""

STEP = 50_000
"""Samples that are looked through at once for those that a filter finds: a hundredth of a second."""

TELLING = (1, 100)
"""So many samples are told of before all are found: the first, and what fills a screen."""

AHEAD = 10_000
"""Samples at the beginning of an order among which the first that a filter finds are looked for."""

_AT_ONCE = 2_000
"""Samples that are asked at once whether a filter finds them."""

_SONG = "(SELECT root.file_path FROM samples AS root WHERE root.sample_id = samples.root_id)"
_ROW = (
    ", ".join((*Row._fields[:-1], "provenance"))
    .replace(" song,", f" iif(parent_id IS NULL, NULL, {_SONG}),")
    .replace(" suggested,", f" {suggested_column('suggested')},")
)
_IS_VERIFIED = Row._fields.index("is_verified")
_REJECTED = Row._fields.index("rejected")

_DOUBTED = '"in_doubt":true'
_MAIN = "main_label"
_DOUBT = (
    f"iif(instr(provenance, '{_DOUBTED}'),"
    f" ifnull(provenance ->> '$.{_MAIN}.in_doubt', 0) * 10000"
    f" + (length(provenance) - length(replace(provenance, '{_DOUBTED}', ''))) / {len(_DOUBTED)} * 100"
    " + ifnull(abs(coalesce(augmentation ->> 'transpose', augmentation ->> 'pitch_shift') + 0.0), 0), NULL)"
)
"""Whether the label that the dataset is for is in doubt, how many are, and among as many how far it was transposed;
NULL where none is."""

SORTS = {
    "added": "rowid",
    "path": "file_path",
    "song": _SONG,
    "duration": "duration_sec",
    "size": "file_size_bytes",
    "modified": "modified_at",
    **{name: name for name in ("split", "decision", "status", "file_type")},
    "origin": ORIGIN,
    "doubt": _DOUBT,
    "issue": ISSUE,
    **{name: suggested_column(name) for name in SUGGESTED},
    **{name: feature_column(name) for name in FEATURE_NUMBERS},
    **{name: name for name, field in FIELDS.items() if field.kind in ("choice", "key", "number", "flag", "meter")},
}
"""What a list may be sorted by; ``-`` before it turns it round. Samples without the value come last."""


def sort_column(sort: str, main_label: str = "emotion") -> tuple[str, bool]:
    """The column to sort by, and whether it falls; `main_label` is what the dataset is for.

    Raises `FilterError` for an order that there is not.
    """
    name = sort.removeprefix("-").lower()
    if name not in SORTS:
        with suppress(LabelError):
            name = field_named(name).name
    return SORTS[one_of(name, SORTS, "the order ")].replace(_MAIN, main_label), sort.startswith("-")


def page(
    catalogue: Catalogue,
    query: Query,
    sort: str = "path",
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Row]:
    """At most `limit` rows in the order `sort`: the first, those after the row `after`, or those before `before`.

    `after` and `before` are rowids; the rows of either page are in the order of the list.
    """
    column, falls = sort_column(sort, catalogue.config.model.main_label)
    if query.conditions:
        column = _UNINDEXED + column
    if before is not None:
        return rows(catalogue, _before(catalogue, query, column, falls, before, limit))
    return rows(catalogue, _after(catalogue, query, column, falls, after, limit))


def beginning(catalogue: Catalogue, query: Query, sort: str, limit: int) -> array[int]:
    """The rowids of the first samples of an order, as far as some hundredths of a second go at a million.

    With conditions only what lies among the first `AHEAD` of an order that has an index: perhaps nothing, and then the
    whole has to be waited for.
    """
    column, falls = sort_column(sort, catalogue.config.model.main_label)
    if not query.conditions:
        return array("q", (row.rowid for row in page(catalogue, query, sort, limit=limit)))
    if column not in _INDEXED or falls:
        return array("q")
    first = f"SELECT rowid FROM samples ORDER BY {column} LIMIT {AHEAD}"
    found = catalogue.db.execute(
        f"SELECT rowid FROM samples WHERE rowid IN ({first}) AND {query.where} ORDER BY {_UNINDEXED}{column} LIMIT ?",
        (*query.parameters, limit),
    )
    return array("q", (rowid for (rowid,) in found))


MANY = 20_000
"""Of fewer samples SQLite has sorted the numbers before numpy is loaded."""

_NUMBERS = {"duration_sec", "file_size_bytes", *(name for name, field in FIELDS.items() if field.kind == "number")}
"""Columns of numbers that `samples_short` has."""

_INDEXED = ("rowid", "file_path")
"""Columns whose order is there, so that it can be begun and broken off."""

_UNINDEXED = "+"
"""Before a column, keeps SQLite from walking the index of the order, and so the whole table, for the few that a filter
leaves: 10 s at a million samples, where one pass over the short columns takes 0.2 s."""

_Run = tuple[str, tuple[Any, ...], str]
"""A part of the list whose rows follow each other by one order: where, its parameters, order."""


def _valued(column: str, falls: bool, beyond: tuple[Any, int] | None = None) -> _Run:
    """The samples that have a value to be sorted by, all or those beyond a (value, rowid)."""
    way, past = ("DESC", "<") if falls else ("ASC", ">")
    ordered = f"{column} {way}, rowid {way}"
    return (f"({column}, rowid) {past} (?, ?)", beyond, ordered) if beyond else (f"{column} IS NOT NULL", (), ordered)


def _unset(column: str, falls: bool, beyond: int | None = None) -> _Run:
    """The samples that have none, all or those beyond a rowid."""
    way, past = ("DESC", "<") if falls else ("ASC", ">")
    unset = f"{column} IS NULL"
    return (unset, (), f"rowid {way}") if beyond is None else (f"{unset} AND rowid {past} ?", (beyond,), f"rowid {way}")


def _after(catalogue: Catalogue, query: Query, column: str, falls: bool, rowid: int | None, limit: int) -> list[int]:
    value = _value(catalogue, column, rowid)
    if rowid is None:
        runs = [_valued(column, falls), _unset(column, falls)]
    elif value is None:
        runs = [_unset(column, falls, rowid)]
    else:
        runs = [_valued(column, falls, (value, rowid)), _unset(column, falls)]
    return _first(catalogue, query, runs, limit)


def _before(catalogue: Catalogue, query: Query, column: str, falls: bool, rowid: int, limit: int) -> list[int]:
    value = _value(catalogue, column, rowid)
    if value is None:
        runs = [_unset(column, not falls, rowid), _valued(column, not falls)]
    else:
        runs = [_valued(column, not falls, (value, rowid))]
    return _first(catalogue, query, runs, limit)[::-1]


def _value(catalogue: Catalogue, column: str, rowid: int | None) -> Any:
    found = catalogue.db.execute(f"SELECT {column} FROM samples WHERE rowid = ?", (rowid,)).fetchone()
    return found and found[0]


def _first(catalogue: Catalogue, query: Query, runs: Iterable[_Run], limit: int) -> list[int]:
    rowids: list[int] = []
    for where, parameters, ordered in runs:
        if len(rowids) < limit:
            found = catalogue.db.execute(
                f"SELECT rowid FROM samples WHERE {where} AND {query.where} ORDER BY {ordered} LIMIT ?",
                (*parameters, *query.parameters, limit - len(rowids)),
            )
            rowids += chain.from_iterable(found)
    return rowids


def order(
    catalogue: Catalogue, query: Query, sort: str = "path", begun: Callable[[array[int]], object] | None = None
) -> array[int]:
    """The rowids of all that `query` finds, in the order `sort`: 8 bytes a sample.

    Some 0.3 s at a million samples by path, 1 s by another column, and 0.2 s when a filter leaves few. In the order in
    which they were added, `begun` is called with the first that a filter finds, as soon as they are, and goes on.
    """
    column, falls = sort_column(sort, catalogue.config.model.main_label)
    if query.conditions and column == "rowid":
        return _in_passing(catalogue, query, falls, begun)
    if column in _NUMBERS and _last(catalogue) >= MANY:
        return _by_number(catalogue, query, column, falls)
    if query.conditions:
        column = _UNINDEXED + column
    rowids: array[int] = array("q")
    for where, _, ordered in (_valued(column, falls), _unset(column, falls)):
        # As one text: a row at a time, each would hand the interpreter's lock over, and the app's keys would wait.
        (found,) = catalogue.db.execute(
            "SELECT group_concat(rowid) FROM"
            f" (SELECT rowid FROM samples WHERE {where} AND {query.where} ORDER BY {ordered})",
            query.parameters,
        ).fetchone()
        rowids += _read(found)
    return rowids


def _by_number(catalogue: Catalogue, query: Query, column: str, falls: bool) -> array[int]:
    """The same by a stored number: one pass brings all, each with digits enough to tell it from any other.

    SQLite's own sort of a million outgrows the processor's caches, and takes 15 times as long as that of 100,000.
    """
    import numpy as np

    valued, numbers, unset = catalogue.db.execute(
        "SELECT group_concat(number) FILTER (WHERE value IS NOT NULL),"
        " group_concat(printf('%!.17g', value)) FILTER (WHERE value IS NOT NULL),"
        " group_concat(number) FILTER (WHERE value IS NULL)"
        f" FROM (SELECT rowid AS number, {column} AS value FROM samples WHERE {query.where} ORDER BY rowid)",
        query.parameters,
    ).fetchone()
    values: array[float] = array("d")
    for piece in _pieces(numbers or ""):
        values.extend(_decode_numbers(f"[{piece}]"))
    rowids, keys, last = np.array(_read(valued)), np.array(values), np.array(_read(unset))
    if falls:
        rowids, keys, last = rowids[::-1], -keys[::-1], last[::-1]
    rowids = rowids[np.argsort(keys, kind="stable")]
    return array("q", rowids.tobytes() + last.tobytes())


def _in_passing(
    catalogue: Catalogue, query: Query, falls: bool, begun: Callable[[array[int]], object] | None
) -> array[int]:
    """What a filter finds, part by part of the table in its own order."""
    way = "DESC" if falls else "ASC"
    parts = range(1, _last(catalogue) + 1, STEP)
    rowids: array[int] = array("q")
    telling: tuple[int, ...] = TELLING
    for start in reversed(parts) if falls else parts:
        (found,) = catalogue.db.execute(
            "SELECT group_concat(rowid) FROM"
            f" (SELECT rowid FROM samples WHERE rowid BETWEEN ? AND ? AND {query.where} ORDER BY rowid {way})",
            (start, start + STEP - 1, *query.parameters),
        ).fetchone()
        rowids += _read(found)
        if begun is not None and any(len(rowids) >= enough for enough in telling):
            begun(rowids[:])
            telling = tuple(enough for enough in telling if len(rowids) < enough)
    return rowids


def _last(catalogue: Catalogue) -> int:
    return int(catalogue.db.execute("SELECT ifnull(max(rowid), 0) FROM samples").fetchone()[0])


def _read(listed: str | None) -> array[int]:
    """Rowids that SQLite wrote one after the other; None where there was none."""
    rowids: array[int] = array("q")
    for piece in _pieces(listed or ""):
        rowids.extend(_decode_rowids(f"[{piece}]"))
    return rowids


def _pieces(listed: str) -> Iterator[str]:
    """A list of numbers in parts: whole, it would be a hundred megabytes of numbers, and hold up the app's keys."""
    start = 0
    while start < len(listed):
        end = listed.find(",", start + PIECE)
        end = len(listed) if end < 0 else end
        yield listed[start:end]
        start = end + 1


def nearest(catalogue: Catalogue, query: Query, order: Sequence[int], places: range) -> int | None:
    """The first of some places in an order at which the filter finds the sample; None where it finds none."""
    for start in range(0, len(places), _AT_ONCE):
        part = places[start : start + _AT_ONCE]
        found = catalogue.db.execute(
            f"SELECT rowid FROM samples WHERE rowid IN (SELECT value FROM json_each(?)) AND {query.where}",
            (msgspec.json.encode([order[place] for place in part]).decode(), *query.parameters),
        )
        rowids = {rowid for (rowid,) in found}
        if rowids:
            return next(place for place in part if order[place] in rowids)
    return None


def rows(catalogue: Catalogue, rowids: Sequence[int]) -> list[Row]:
    """The rows of these samples, in this order; those that are gone are left out."""
    marks = ", ".join("?" * len(rowids))
    found: dict[int, Row] = {}
    for row in catalogue.db.execute(f"SELECT {_ROW} FROM samples WHERE rowid IN ({marks})", tuple(rowids)):
        shown = list(row)
        shown[_IS_VERIFIED] = bool(shown[_IS_VERIFIED])
        shown[_REJECTED] = bool(shown[_REJECTED])
        shown[-1] = {field: where_from.letter for field, where_from in _decode_sources(shown[-1]).items()}
        found[row[0]] = Row._make(shown)
    return [found[rowid] for rowid in rowids if rowid in found]


class _Source(msgspec.Struct):
    """Of a provenance only what the list shows."""

    source: str = "human"
    unsure: bool = False
    in_doubt: bool = False

    @property
    def letter(self) -> str:
        letter = self.source[:1]
        return letter.upper() if self.unsure or self.in_doubt else letter


_decode_rowids = msgspec.json.Decoder(list[int]).decode
_decode_numbers = msgspec.json.Decoder(list[float]).decode
_decode_sources = msgspec.json.Decoder(dict[str, _Source]).decode


def first_of(catalogue: Catalogue, query: Query, rowids: Iterable[int]) -> int | None:
    """The first of `rowids` that `query` finds: what is near is found at once, however many there are."""
    rest = iter(rowids)
    while chunk := list(islice(rest, 500)):
        marks = ", ".join("?" * len(chunk))
        found = catalogue.db.execute(
            f"SELECT rowid FROM samples WHERE rowid IN ({marks}) AND {query.where}", (*chunk, *query.parameters)
        )
        among = set(chain.from_iterable(found))
        if among:
            return next(rowid for rowid in chunk if rowid in among)
    return None


def size(catalogue: Catalogue, query: Query, at_most: int = -1) -> int:
    """How many samples `query` finds; of more than `at_most`, that many, and no more are looked at."""
    found = f"SELECT 1 FROM samples WHERE {query.where} LIMIT ?"
    return int(catalogue.db.execute(f"SELECT count(*) FROM ({found})", (*query.parameters, at_most)).fetchone()[0])


def explain_empty(catalogue: Catalogue, query: Query) -> tuple[str, int] | None:
    """Of a filter that finds nothing: the condition that excludes most, and how many would be found without it.

    None if the filter has no conditions, or no single one is to blame.
    """
    best: tuple[str, int] | None = None
    for place, condition in enumerate(query.conditions):
        without = query._replace(conditions=query.conditions[:place] + query.conditions[place + 1 :])
        found = size(catalogue, without)
        if found > (best[1] if best else 0):
            best = (condition.text, found)
    return best
