"""One line of the list: what it shows of a sample, in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from rich.cells import cell_len

from kelly_tui.model.sample import changes
from kelly_tui.ui.paint import Line, Span, fit, fit_name, length
from kelly_tui.ui.words import clock, decision_span, guessed, is_unsure, key_name, sample_name, source_of

if TYPE_CHECKING:
    from kelly_tui.store.query import Row


class Look(NamedTuple):
    """What the picture of a row depends on besides the row."""

    cursor: bool = False
    under_song: bool = False
    """A variant whose song's name is on the line above."""
    glowing: bool = False
    """Just changed."""
    thumb: bool = False
    """Beside the scrollbar's thumb."""
    marked: bool = False
    unguessed: bool = False
    """What is guessed is not shown while nobody has decided."""


class Column(NamedTuple):
    """A column: its heading, its cells' width, and what it shows of a row."""

    title: str
    width: int
    cell: Callable[[Row], Span]
    right: bool = False


LABEL_MARKS = (("?", "a guess"), ("~", "unsure, or in doubt"), ("↳", "taken over from what it was made from"))
"""Marks after a label in the list, and what they mean."""


def columns(width: int, main_label: str) -> list[Column]:
    """The columns that fit `width`, after the name: the main label, key, tempo, and more where there is room."""

    def main(row: Row) -> Span:
        return label_span(row, main_label)

    def of(field: str) -> Callable[[Row], Span]:
        return lambda row: label_span(row, field)

    chosen = [
        Column(main_label.replace("_type", ""), 13, main),
        Column("key", 6, _key),
        Column("bpm", 4, _tempo, right=True),
    ]
    more = [
        (88, Column("length", 6, lambda row: (clock(row.duration_sec or 0), "dim"), right=True)),
        (100, Column("groove", 10, of("groove_type"))),
        (112, Column("articulation", 12, of("articulation"))),
        (120, Column("split", 5, lambda row: (row.split or "", "dim"))),
    ]
    chosen += [column for needed, column in more if width >= needed and column.title != chosen[0].title]
    return chosen


def label_span(row: Row, field: str) -> Span:
    """A label as the list shows it: ``sad``, with the mark of `LABEL_MARKS` where it is not a sure one of its own."""
    value = getattr(row, field)
    if value is None:
        return (f"{row.suggested}?", "dim") if field == "emotion" and row.suggested else ("·", "faint")
    source = source_of(row, field) or "human"
    mark = "?" if guessed(source) else " ~" if is_unsure(row, field) else " ↳" if source == "inherited" else ""
    return f"{value}{mark}", source


def _key(row: Row) -> Span:
    return key_name(row.key, row.mode), source_of(row, "key") or "dim"


def _tempo(row: Row) -> Span:
    return ("" if row.tempo_bpm is None else f"{row.tempo_bpm:.0f}"), source_of(row, "tempo_bpm") or "dim"


def heading(width: int, main_label: str) -> Line:
    """The line of column titles that belongs above rows of that width."""
    chosen = columns(width, main_label)
    return [(fit("    sample", _name_width(width, chosen)), "dim")] + [
        (" " + fit(column.title, column.width, right=column.right) + " ", "dim") for column in chosen
    ]


def _name_width(width: int, chosen: Sequence[Column]) -> int:
    return max(width - sum(column.width + 2 for column in chosen) - 1, 8)


def row_line(row: Row, width: int, main_label: str, look: Look) -> Line:
    """One row in `width` cells, the scrollbar's included."""
    chosen = columns(width - 1, main_label)
    if look.unguessed and row.decision == "pending" and not row.is_verified:
        row = _unguessed(row)
    mark, mark_style = decision_span(row, source_of(row, main_label))
    room = _name_width(width - 1, chosen) - 4
    line: list[Span] = [
        ("▌" if look.cursor else " ", "accent"),
        ("*" if look.marked else " ", "accent"),
        (f"{mark} ", mark_style),
        *_name(row, room, look),
    ]
    if row.status != "ok":
        line.append((" " + fit(row.status, width - room - 6), "broken"))
    else:
        for column in chosen:
            text, style = column.cell(row)
            glows = look.glowing and column is chosen[0]
            line.append((f" {fit(text, column.width, right=column.right)} ", "accent" if glows else style))
    line.append((" " * (width - 1 - length(line)), "text"))
    return [*line, ("▐" if look.thumb else " ", "faint")]


def _unguessed(row: Row) -> Row:
    """The row without the labels that are guesses."""
    guesses = [field for field in row.sources if guessed(source_of(row, field))]
    hidden: dict[str, Any] = {field: None for field in ("suggested", *guesses) if hasattr(row, field)}
    return row._replace(**hidden)


def _name(row: Row, room: int, look: Look) -> Line:
    """The name in `room` cells; of a variant what was changed, and its song unless that is on the line above."""
    name, changed = named(row)
    style = "strong" if look.cursor else "dim" if changed else "text"
    if not changed:
        return [(fit_name(name, room), style)]
    if look.under_song:
        return [(fit(f"  {changed}", room), style)]
    own = min(cell_len(name), max(room - len(changed) - 2, room // 2))
    return [(fit_name(name, own), style), (fit(f"  {changed}", room - own), "dim")]


def named(row: Row) -> tuple[str, str]:
    """A sample's name and, of a variant, what was changed: ``("copper_sun", "+3 st")``."""
    if row.song is None:
        return sample_name(row.file_path, row.origin), ""
    parameters = msgspec.json.decode(row.augmentation) if row.augmentation else {}
    return sample_name(row.song), changes(parameters) or row.augmentation_type or "variant"
