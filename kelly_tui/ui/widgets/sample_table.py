"""The list of samples, at any size.

The list is an array of row numbers; rows are read in pages when they are looked at. Nothing here is proportional
to the dataset but that array, and moving the cursor draws two lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.cells import cell_len
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kelly_tui.ui.paint import Line, Span, fit, strip
from kelly_tui.ui.words import changes, clock, decision_span, guessed, key_name, sample_name, source_of

if TYPE_CHECKING:
    from kelly_tui.store.query import Row

PAGE = 128
"""Rows read at once. A screen of 60 lines touches one or two pages."""

PAGES = 64
"""Pages kept."""

Fetch = Callable[[Sequence[int]], "Sequence[Row]"]
"""Rows of those row numbers; one that is gone is left out."""


class Column(NamedTuple):
    """A column: its heading, its cells' width, and what it shows of a row."""

    title: str
    width: int
    cell: Callable[[Row], Span]
    right: bool = False


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
    """A label as the list shows it: ``sad``, ``sad?`` for a guess, ``sad ↳`` for an inherited one."""
    value = getattr(row, field)
    if value is None:
        return "·", "faint"
    source = source_of(row, field) or "human"
    mark = "?" if guessed(source) else " ↳" if source == "inherited" else ""
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


def row_line(row: Row, width: int, main_label: str, *, cursor: bool) -> Line:
    """One row in `width` cells."""
    chosen = columns(width, main_label)
    edge: Span = ("▌" if cursor else " ", "accent")
    name, changed = named(row)
    room = _name_width(width, chosen) - 4
    mark, mark_style = decision_span(row, source_of(row, main_label))
    own = min(cell_len(name), max(room - len(changed) - 2, room // 2)) if changed else room
    line: list[Span] = [
        edge,
        (f" {mark} ", mark_style),
        (fit(name, own), "strong" if cursor else "dim" if changed else "text"),
    ]
    if changed:
        line.append((fit(f"  {changed}", room - own), "dim"))
    if row.status != "ok":
        return [*line, (" " + fit(row.status, width - room - 5), "broken")]
    for column in chosen:
        text, style = column.cell(row)
        line.append((" " + fit(text, column.width, right=column.right) + " ", style))
    return line


def named(row: Row) -> tuple[str, str]:
    """A sample's name and, of a variant, what was changed: ``("copper_sun", "+3 st")``."""
    if row.song is None:
        return sample_name(row.file_path), ""
    parameters = msgspec.json.decode(row.augmentation) if row.augmentation else {}
    return sample_name(row.song), changes(parameters) or row.augmentation_type or "variant"


class SampleTable(ScrollView):
    """Rows of samples with a cursor."""

    ALLOW_SELECT = False
    can_focus = False

    cursor: reactive[int] = reactive(0, repaint=False)
    """Where the hands are, an index into the order."""

    class CursorMoved(Message):
        """The cursor came to rest on another sample, or its sample was shown anew."""

    @dataclass
    class Opened(Message):
        """A row was clicked twice."""

        index: int

    def __init__(self, main_label: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.main_label = main_label
        self.order = array("q")
        self.sentence: Sequence[str] = ()
        """What is said where there is nothing to list, a line each."""
        self._fetch: Fetch = lambda _: []
        self._pages: LRUCache[int, dict[int, Row]] = LRUCache(PAGES)
        self._strips: LRUCache[tuple[int, int, bool, str], Strip] = LRUCache(1000)

    def show(self, order: array[int], fetch: Fetch, cursor: int = 0) -> None:
        """Show the rows numbered by `order`, the cursor on that index."""
        self.order = order
        self._fetch = fetch
        self.forget()
        self.virtual_size = Size(0, len(order))
        self.set_reactive(SampleTable.cursor, self.validate_cursor(cursor))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.CursorMoved())

    def forget(self) -> None:
        """Read rows anew when they are looked at next: they may have changed."""
        self._pages.clear()
        self._strips.clear()
        self.refresh()

    def row_at(self, index: int) -> Row | None:
        """The row at `index` of the order; None outside, or when it is gone."""
        if not 0 <= index < len(self.order):
            return None
        number = index // PAGE
        page = self._pages.get(number)
        if page is None:
            rows = self._fetch(self.order[number * PAGE : (number + 1) * PAGE])
            page = {row.rowid: row for row in rows}
            self._pages[number] = page
        return page.get(self.order[index])

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.row_at(self.cursor)

    def renew(self, sample_ids: Container[str]) -> None:
        """Read the rows of these samples anew, where they have been read."""
        stale = [
            row.rowid for page in map(self._pages.get, list(self._pages.keys())) if page
            for row in page.values() if row.sample_id in sample_ids
        ]  # fmt: skip
        fresh = {row.rowid: row for row in self._fetch(stale)} if stale else {}
        for number in list(self._pages.keys()):
            page = self._pages.get(number)
            if page is not None:
                page.update((rowid, fresh[rowid]) for rowid in page.keys() & fresh.keys())
        if fresh:
            self._strips.clear()
            self.refresh()

    def index_of(self, rowid: int) -> int | None:
        """Where a row is in the order; None when it is not shown."""
        try:
            return self.order.index(rowid)
        except ValueError:
            return None

    def move(self, steps: int) -> None:
        """Move the cursor; it stops at the ends."""
        self.cursor += steps

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.order) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        for index in (old, new):
            self.refresh_line_of(index)
        self._keep_in_sight()
        self.post_message(self.CursorMoved())

    def refresh_line_of(self, index: int) -> None:
        y = index - round(self.scroll_y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _keep_in_sight(self) -> None:
        height = self.scrollable_content_region.height
        if not height:
            return
        margin = min(2, (height - 1) // 2)
        top = round(self.scroll_y)
        wanted = min(top, max(self.cursor - margin, 0))
        wanted = max(wanted, min(self.cursor + margin, len(self.order) - 1) - height + 1)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        self._strips.clear()
        self._keep_in_sight()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def on_click(self, event: events.Click) -> None:
        index = round(self.scroll_y) + event.y
        if 0 <= index < len(self.order):
            self.cursor = index
            if event.chain == 2:
                self.post_message(self.Opened(index))

    def render_line(self, y: int) -> Strip:
        index = round(self.scroll_y) + y
        width = self.scrollable_content_region.width
        if not self.order:
            said = self.sentence[index] if index < len(self.sentence) else ""
            return strip([(f"   {said}", "strong" if index == 0 else "dim")], width, self.app.theme)
        row = self.row_at(index)
        if row is None:
            gone: Line = [("   gone", "faint")] if index < len(self.order) else ()
            return strip(gone, width, self.app.theme)
        is_cursor = index == self.cursor
        edge = "▐" if y in self._thumb() else " "
        key = (row.rowid, width, is_cursor, edge)
        drawn = self._strips.get(key)
        if drawn is None:
            ground = "cursor" if is_cursor else "background"
            line = [*row_line(row, width - 1, self.main_label, cursor=is_cursor), (edge, "faint")]
            drawn = strip(line, width, self.app.theme, ground)
            self._strips[key] = drawn
        return drawn

    def _thumb(self) -> range:
        """The lines in whose last cell the scrollbar's thumb is drawn."""
        height, n = self.size.height, len(self.order)
        if n <= height or not height:
            return range(0)
        length = max(height * height // n, 1)
        start = round(self.scroll_y) * (height - length) // (n - height)
        return range(start, start + length)
