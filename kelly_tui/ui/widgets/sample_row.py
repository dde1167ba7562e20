"""One line of the list: what it shows of a sample, in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from rich.cells import cell_len

from kelly_tui.model.variation import changes
from kelly_tui.store.saved_columns import USUAL, Columns
from kelly_tui.ui.paint import Line, Span, fit, fit_name, length
from kelly_tui.ui.widgets.columns import columns, name_width
from kelly_tui.ui.words import decision_span, guessed, sample_name, source_of

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


def row_line(row: Row, width: int, main_label: str, look: Look, chosen: Columns = USUAL) -> Line:
    """One row in `width` cells, the scrollbar's included."""
    shown = columns(width - 1, main_label, chosen)
    if look.unguessed and row.decision == "pending" and not row.is_verified:
        row = _unguessed(row)
    mark, mark_style = decision_span(row, source_of(row, main_label))
    room = name_width(width - 1, shown) - 4
    line: list[Span] = [
        ("▌" if look.cursor else " ", "accent"),
        ("*" if look.marked else " ", "accent"),
        (f"{mark} ", mark_style),
        *_name(row, room, look),
    ]
    if row.status != "ok":
        line.append((" " + fit(row.status, width - room - 6), "broken"))
    else:
        for column in shown:
            text, style = column.cell(row)
            glows = look.glowing and column is shown[0]
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
