"""The list of samples, at any size.

The list is an array of row numbers; rows are read in pages when they are looked at. Nothing here is proportional
to the dataset but that array, and moving the cursor draws two lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kelly_tui.store.saved_columns import Columns
from kelly_tui.ui.paint import strip
from kelly_tui.ui.widgets.painted import Direct
from kelly_tui.ui.widgets.sample_row import Look, row_line

if TYPE_CHECKING:
    from kelly_tui.store.query import Row

PAGE = 128
"""Rows read at once. A screen of 60 lines touches one or two pages."""

PAGES = 64
"""Pages kept."""

STRIPS = 1000
"""Drawn rows kept: some twenty screens."""

GLOW = 0.6
"""Seconds for which a row glows after it was changed."""

Fetch = Callable[[Sequence[int]], "Sequence[Row]"]
"""Rows of those row numbers; one that is gone is left out."""


class SampleTable(ScrollView, Direct):
    """Rows of samples with a cursor."""

    can_focus = False

    cursor: reactive[int] = reactive(0, repaint=False)
    """Where the hands are, an index into the order."""

    class CursorMoved(Message):
        """The cursor came to rest on another sample, or its sample was shown anew."""

    @dataclass
    class Clicked(Message):
        """A row was clicked."""

        index: int
        rowid: int
        twice: bool

    def __init__(self, main_label: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.main_label = main_label
        self.order = array("q")
        self.sentence: Sequence[str] = ()
        """What is said where there is nothing to list, a line each."""
        self._fetch: Fetch = lambda _: []
        self._pages: LRUCache[int, dict[int, Row]] = LRUCache(PAGES)
        self._strips: LRUCache[tuple[int, int, Look], Strip] = LRUCache(STRIPS)
        self.columns = Columns()
        self._glowing: frozenset[int] = frozenset()
        self.marked: frozenset[int] = frozenset()
        self._hides_guesses = False
        """Rows on which the next edits are made, instead of on the one under the cursor. What is not listed is none."""

    def show(self, order: array[int], fetch: Fetch, cursor: int = 0) -> None:
        """Show the rows numbered by `order`, the cursor on that index."""
        self.order = order
        if self.marked:
            self.marked = self.marked.intersection(order)
        self._fetch = fetch
        self.forget()
        self.virtual_size = Size(0, len(order))
        self.set_reactive(SampleTable.cursor, self.validate_cursor(cursor))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.CursorMoved())

    def arrange_columns(self, columns: Columns) -> None:
        """Draw these columns."""
        self.columns = columns
        self._strips.clear()
        self.refresh()

    def mark(self, rowids: Iterable[int]) -> None:
        """Have these rows marked, and no others."""
        self.marked = frozenset(rowids)
        self.refresh()

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
        """Read the rows of these samples anew, where they have been read, and let them glow."""
        pages = [page for page in map(self._pages.get, list(self._pages.keys())) if page is not None]
        stale = [row.rowid for page in pages for row in page.values() if row.sample_id in sample_ids]
        if not stale:
            return
        fresh = {row.rowid: row for row in self._fetch(stale)}
        for page in pages:
            page.update((rowid, fresh[rowid]) for rowid in page.keys() & fresh.keys())
        for drawn in [key for key in self._strips.keys() if key[0] in fresh]:  # noqa: SIM118 - it is no dict
            self._strips.discard(drawn)
        self._glowing |= fresh.keys()
        self._refresh_rows(fresh)
        self.set_timer(GLOW, lambda: self._settle(frozenset(fresh)))

    def _settle(self, glowing: frozenset[int]) -> None:
        """Draw the rows that glowed as they will stay."""
        self._glowing -= glowing
        self._refresh_rows(glowing)

    def _refresh_rows(self, rowids: Container[int]) -> None:
        """Draw the lines of these rows anew, where they are in sight."""
        top = round(self.scroll_y)
        for index in range(top, min(top + self.size.height, len(self.order))):
            if self.order[index] in rowids:
                self._refresh_line(index)

    def hide_guesses(self, hidden: bool) -> None:
        """Show no guesses of samples that nobody has decided, or show them."""
        self._hides_guesses = hidden
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
            self._refresh_line(index)
        self._keep_in_sight()
        self.post_message(self.CursorMoved())

    def _refresh_line(self, index: int) -> None:
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
        if event.x == self.size.width - 1 and self._thumb_lines():  # the scrollbar
            index = event.y * (len(self.order) - 1) // max(self.size.height - 1, 1)
        if 0 <= index < len(self.order):
            self.post_message(self.Clicked(index, self.order[index], event.chain == 2))

    def render_lines(self, crop: Region) -> list[Strip]:
        # What all lines have in common is asked once: of some fifty lines it would be half the time.
        self._top = round(self.scroll_y)
        self._width = self.scrollable_content_region.width
        self._thumb = self._thumb_lines()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        index, width = self._top + y, self._width
        if not self.order:
            said = self.sentence[index] if index < len(self.sentence) else ""
            return strip([(f"   {said}", "strong" if index == 0 else "dim")], width, self.app.theme)
        row = self.row_at(index)
        if row is None:
            return strip([("   gone", "faint")] if index < len(self.order) else (), width, self.app.theme)
        look = Look(
            cursor=index == self.cursor,
            under_song=row.song is not None and self._song_of(index - 1) == row.song,
            glowing=row.rowid in self._glowing,
            thumb=y in self._thumb,
            marked=row.rowid in self.marked,
            unguessed=self._hides_guesses,
        )
        drawn = self._strips.get((row.rowid, width, look))
        if drawn is None:
            ground = "cursor" if look.cursor else "background"
            drawn = strip(row_line(row, width, self.main_label, look, self.columns), width, self.app.theme, ground)
            self._strips[row.rowid, width, look] = drawn
        return drawn

    def _song_of(self, index: int) -> str | None:
        row = self.row_at(index)
        return None if row is None else row.song or row.file_path

    def _thumb_lines(self) -> range:
        """The lines in whose last cell the scrollbar's thumb is drawn."""
        height, n = self.size.height, len(self.order)
        if n <= height or not height:
            return range(0)
        length = max(height * height // n, 1)
        start = round(self.scroll_y) * (height - length) // (n - height)
        return range(start, start + length)
