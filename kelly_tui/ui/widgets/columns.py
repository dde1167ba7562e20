"""The columns of the list: what each shows of a sample, and which fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.store.saved_columns import USUAL, Columns
from kelly_tui.ui.paint import Line, Span, fit
from kelly_tui.ui.theme import SOURCE_GLYPH
from kelly_tui.ui.words import clock, half_that_marks, is_unsure, key_name, number, source_of

if TYPE_CHECKING:
    from kelly_tui.store.query import Row

MAIN = "label"
"""The column of the label that the dataset is for."""

NARROWEST, WIDEST = 3, 40
"""Cells that a column can have."""

NAME_ROOM = 16
"""Cells of a sample's name for which columns that were chosen give way."""


class Column(NamedTuple):
    """A column: its name, its heading, its cells' width, what it shows of a row, and what it is sorted by."""

    name: str
    title: str
    width: int
    cell: Callable[[Row], Span]
    sort: str
    right: bool = False


def label_span(row: Row, field: str) -> Span:
    """A label as the list shows it: ``sad``, ``sad ▪``."""
    value = getattr(row, field)
    if value is None:
        return (f"{row.suggested}?", "dim") if field == "emotion" and row.suggested else ("·", "faint")
    source = source_of(row, field) or "human"
    return f"{value}{_mark(row, field, source)}", source


UNSURE = "~"
"""After a label that is unsure, or in doubt."""


def _mark(row: Row, field: str, source: str) -> str:
    """What stands after a label that is not a person's sure one: where it came from, as everywhere, or `UNSURE`."""
    if source == "model":
        return SOURCE_GLYPH[source]
    marks = (SOURCE_GLYPH.get(source, "") if source != "human" else "") + (UNSURE if is_unsure(row, field) else "")
    return f" {marks}" if marks else ""


def _short(row: Row, field: str, shown: str) -> Span:
    """A value whose mark has to stand close to it."""
    source = source_of(row, field)
    return (shown, "dim") if source is None or not shown else (shown + _mark(row, field, source).strip(), source)


def _key(row: Row) -> Span:
    half = half_that_marks(source_of(row, "key"), source_of(row, "mode") if row.mode else None)  # a guess may be hidden
    return _short(row, half, key_name(row.key, row.mode))


def _tempo(row: Row) -> Span:
    return _short(row, "tempo_bpm", "" if row.tempo_bpm is None else f"{row.tempo_bpm:.0f}")


def _labelled(name: str, title: str, width: int, field: str) -> Column:
    return Column(name, title, width, lambda row: label_span(row, field), field)


def _number(name: str, width: int, field: str) -> Column:
    def cell(row: Row) -> Span:
        value = getattr(row, field)
        return _short(row, field, "" if value is None else number(value))

    return Column(name, name, width, cell, field, right=True)


def _said(name: str, width: int, field: str) -> Column:
    return Column(name, name, width, lambda row: (getattr(row, field) or "", "dim"), field)


@lru_cache(8)
def all_columns(main_label: str) -> dict[str, Column]:
    """Every column that there is, by name."""
    made = (
        _labelled(MAIN, main_label.replace("_type", ""), 14, main_label),
        Column("key", "key", 7, _key, "key"),
        Column("bpm", "bpm", 5, _tempo, "tempo_bpm", right=True),
        Column("length", "length", 6, lambda row: (clock(row.duration_sec or 0), "dim"), "duration", right=True),
        _labelled("emotion", "emotion", 14, "emotion"),
        _labelled("groove", "groove", 11, "groove_type"),
        _labelled("articulation", "articulation", 12, "articulation"),
        _labelled("dynamics", "dynamics", 12, "dynamic_range"),
        _number("valence", 8, "valence"),
        _number("arousal", 8, "arousal"),
        _labelled("meter", "meter", 7, "time_signature"),
        _said("split", 5, "split"),
        _said("origin", 9, "origin"),
        _said("type", 5, "file_type"),
        _said("decision", 9, "decision"),
    )
    return {column.name: column for column in made if column.name == MAIN or column.sort != main_label}


_USUAL = ((0, MAIN), (0, "key"), (50, "bpm"), (88, "length"), (100, "groove"), (112, "articulation"), (120, "split"))
"""The columns of a list that nobody has arranged, each from a width on."""


@lru_cache(64)
def columns(width: int, main_label: str, chosen: Columns = USUAL) -> tuple[Column, ...]:
    """The columns that fit `width` cells, after the name; of those that were chosen the last give way."""
    known = all_columns(main_label)
    names = chosen.names or tuple(name for least, name in _USUAL if width >= least)
    found = [known[name]._replace(width=chosen.width_of(name, known[name].width)) for name in names if name in known]
    while chosen.names and len(found) > 1 and name_width(width, found) < NAME_ROOM:
        found.pop()
    return tuple(found)


def name_width(width: int, shown: tuple[Column, ...] | list[Column]) -> int:
    """Cells that are left for the name."""
    return max(width - sum(column.width + 2 for column in shown) - 1, 8)


def heading(width: int, main_label: str, chosen: Columns = USUAL, sort: str = "") -> Line:
    """The line of column titles that belongs above rows of that width; what is sorted by has an arrow."""
    shown = columns(width, main_label, chosen)
    line: list[Span] = [(fit("    sample", name_width(width, shown)), "dim")]
    for column in shown:
        by_it = sort.removeprefix("-") == column.sort
        title = column.title
        if by_it:
            arrow = "↓" if sort.startswith("-") else "↑"
            title = fit(title, min(len(title), column.width - 1)).rstrip() + arrow
        line.append((f" {fit(title, column.width, right=column.right)} ", "accent" if by_it else "dim"))
    return line
