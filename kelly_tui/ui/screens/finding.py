"""The part of the workstation that moves about: filter, order, cursor, the next one to label."""

from __future__ import annotations

import asyncio
import sqlite3
from array import array
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual import on
from textual.css.query import NoMatches

from kelly_tui.errors import FilterError, KellyError
from kelly_tui.store import completion, query
from kelly_tui.store.saved_columns import USUAL, Columns, save_columns, saved_columns
from kelly_tui.ui.held import Held
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.widgets.find_line import FindLine
from kelly_tui.ui.widgets.form import LIKELY_WRONG
from kelly_tui.ui.widgets.headings import Headings
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.widgets.sample_table import SampleTable

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.ui.session import Session

FIRST_ROWS = 100
"""Shown while the whole order is still being found."""

SHARE = 20
"""While a stage changes the dataset, what takes a moment is done again after so many times as long: keys come first."""

SONGS = 50_000
"""Up to so many samples, songs come with their variants below them: it takes two lookups a sample to sort so."""

AUDITION = "is:doubted is:pending -is:rejected"
"""What waits to be heard because a change of the music has put a label in doubt; `WORST_FIRST` is its order."""

WORST_FIRST = "-doubt"
IN_DOUBT = (AUDITION, WORST_FIRST)
LOOKS_WRONG = (f"issue>{LIKELY_WRONG:g}", "-issue")
"""Filter and order of what may be labelled wrongly."""

EMPTY_DATASET = (
    "There is no sample yet.",
    "",
    "‹pipeline› and ‹start›      asks for a folder, and takes in its MIDI and audio",
    "‹command›import ~/Music   does the same by name",
    "‹command›annotate         then labels by folders' names",
)


class Finding(KeyedScreen):
    """Which samples are listed, in which order, and where the cursor is."""

    session: Session
    sort = "song"
    columns = USUAL
    """How the list's columns are arranged."""
    filter = ""
    _listed = ("", "")
    """The filter and the order of what is listed."""
    _begun = False
    """Whether its first rows are shown already."""
    _shown: query.Row | None = None
    """The row under the cursor when the list was shown; another since, and somebody has moved on."""
    _listed_at = 0.0
    """When the list was found last."""
    _listing_took = 0.0
    """Seconds."""
    _finding: object = None
    """What is held for while a list is found that a person asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Held()
        """What was typed and clicked since an undo, a redo or a filter that is not shown yet."""

    def let_held_go(self, shown: object) -> None:
        """Do what has waited for that, wherever it is done by now."""
        if self.held.let_go(shown):
            screen = above if isinstance(above := self.app.screen, KeyedScreen) else self
            screen.call_next(screen.obey_held)

    @property
    def table(self) -> SampleTable:
        return self.query_one(SampleTable)

    @property
    def auditioning(self) -> bool:
        """Whether the audition queue is listed."""
        return self.filter == AUDITION

    def usual_sort(self) -> str:
        """What the person has chosen for this dataset, else variants under their songs, if not too much to sort."""
        if self.columns.sort:
            return self.columns.sort
        return "song" if self.session.catalogue.counts().in_catalogue <= SONGS else "added"

    @property
    def may_list_again(self) -> bool:
        """Whether what a stage adds may be listed by now: at a million samples finding the list takes a while."""
        return monotonic() - self._listed_at >= SHARE * self._listing_took

    def find(self, text: str) -> None:
        """List what the filter finds; the cursor stays on its sample where it can. Raises `FilterError`."""
        found = query.parse(text, self.session.config)
        if self.filter in (AUDITION, LOOKS_WRONG[0]) and found.text != self.filter:
            self.sort = self.usual_sort()  # worst first was the queue's
        self.filter = found.text
        self.query_one(FindLine).show(self.filter, self.sort, None, 0)
        if self._is_another((self.filter, self.sort)):
            self._finding = object()
            self.held.wait_for(self._finding)
        self.start(partial(self._list, found, self.sort), "list")

    def _is_another(self, listing: tuple[str, str]) -> bool:
        """Whether that is not what is listed, so that the next key is for a sample that is not shown yet."""
        return not self.table.order or listing != self._listed

    async def _list(self, found: query.Query, sort: str) -> None:
        """Find the list and show it; a newer one replaces it, and then what is held waits for that."""
        try:
            await self._find_list(found, sort)
        except (KellyError, sqlite3.Error, OSError):
            self.let_held_go(self._finding)
            raise
        self.let_held_go(self._finding)

    async def _find_list(self, found: query.Query, sort: str) -> None:
        session, before = self.session, self.table.current
        loop, listing = asyncio.get_running_loop(), (found.text, sort)
        anew = self._is_another(listing)
        self._listed, self._begun, self._shown = listing, False, before

        def begun(first: Sequence[int]) -> None:
            loop.call_soon_threadsafe(self._show_first, listing, first)

        if anew:
            self._show_first(listing, await session.ask(lambda c: query.beginning(c, found, sort, FIRST_ROWS)))
        began = monotonic()
        order = await session.ask(lambda c: query.order(c, found, sort, begun if anew else None))
        self._listed_at, self._listing_took = monotonic(), monotonic() - began
        if not order:
            self.table.sentence = [self.app.keymap.in_words(line) for line in await self._why_empty(found)]
        if self.table.current != self._shown:  # someone has moved on meanwhile
            before = self.table.current
        try:
            cursor = 0 if before is None else order.index(before.rowid)
        except ValueError:
            cursor = min(self.table.cursor, max(len(order) - 1, 0))
        self.table.show(order, self._fetch, cursor)
        self.show_found()

    def _show_first(self, listing: tuple[str, str], first: Sequence[int]) -> None:
        """Show how a list begins that is still being found, if it is still wanted; where somebody is in it stays."""
        if not first or listing != self._listed:
            return
        self.table.show(array("q", first), self._fetch, self.table.cursor if self._begun else 0)
        if not self._begun:
            self._begun, self._shown = True, self.table.current
            self.let_held_go(self._finding)

    async def _why_empty(self, found: query.Query) -> tuple[str, ...]:
        if not found.conditions:
            return EMPTY_DATASET
        blame = await self.session.ask(lambda c: query.explain_empty(c, found))
        if blame is None:
            return (f"No sample is found by {found.text}", "", "‹filter› and enter shows all")
        condition, without = blame
        return (f"No sample is found by {found.text}", "", f"Without {condition} there would be {without:,}.")

    def _fetch(self, rowids: Sequence[int]) -> list[query.Row]:
        try:
            return query.rows(self.session.catalogue, rowids)
        except sqlite3.Error as error:  # in the middle of drawing: the lines say "gone", the status line why
            self.say_trouble(error)
            return []

    def show_found(self) -> None:
        """Say how many of how many are listed."""
        total = self.session.catalogue.counts().in_catalogue
        try:
            self.query_one(FindLine).show(self.filter, self.sort, len(self.table.order), total)
            self.query_one(Headings).show(self.columns, self.sort)
        except NoMatches:
            return

    # -- moving -------------------------------------------------------------------------------------------------------

    async def action_next_open(self) -> None:
        await self._to_open(forwards=True)

    async def action_previous_open(self) -> None:
        await self._to_open(forwards=False)

    async def _to_open(self, *, forwards: bool) -> None:
        """To the next listed sample that nobody has decided; found by the catalogue, however far it is."""
        parsed = query.parse("is:open", self.session.config)
        here, order = self.table.cursor, self.table.order
        ahead = range(here + 1, len(order)) if forwards else range(here - 1, -1, -1)
        found = await self.session.ask(lambda c: query.nearest(c, parsed, order, ahead))
        if found is not None:
            self.table.cursor = found
        else:
            self.say("no unlabelled sample " + ("after this one" if forwards else "before this one"), "dim")

    async def go_to(self, sample_id: str) -> bool:
        """Put the cursor on a sample; False when it is not listed."""
        row = self.table.current
        if row is not None and row.sample_id == sample_id:
            return True
        wanted = query.parse(f"id:{sample_id}", self.session.config)
        rowids = await self.session.ask(lambda c: query.order(c, wanted))
        index = self.table.index_of(rowids[0]) if rowids else None
        if index is not None:
            self.table.cursor = index
        return index is not None

    # -- finding ------------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.ask(
            Question(
                "/",
                self.find,
                value=f"{self.filter} " if self.filter else "",
                hint="emotion:sad|tense key:Am bpm:80..100 is:open -is:verified rain   tab completes, empty shows all",
                check=lambda text: query.parse(text, self.session.config),
                complete=lambda text: completion.completed(text, self.session.config),
                mend=lambda text: completion.mended(text, self.session.config),
            )
        )

    def action_views(self) -> None:
        from kelly_tui.ui.screens.views import ViewsScreen

        assert self.app.workstation is not None
        self.app.push_screen(ViewsScreen(self.app.workstation))

    def sort_by(self, text: str) -> None:
        """List in another order: ``bpm``, ``-bpm``. Raises `FilterError` for an order that there is not."""
        wanted = text.strip()
        if wanted:
            query.sort_column(wanted)
        self.arrange_columns(replace(self.columns, sort=wanted))
        self.sort = self.usual_sort()
        self.find(self.filter)

    def sort_on(self, column: str) -> None:
        """List by that; what is listed by it already, the other way round."""
        self.sort_by(f"-{column}" if self.sort == column else column)

    def take_up_columns(self) -> None:
        """Arrange the list as it was left."""
        try:
            self.columns = saved_columns(self.session.catalogue.layout)
            query.sort_column(self.columns.sort or "path")
        except KellyError as error:
            self.columns = USUAL
            self.say_trouble(error)
        self.sort = self.usual_sort()
        self.table.arrange_columns(self.columns)

    def arrange_columns(self, columns: Columns, *, keep: bool = True) -> None:
        """Have the list's columns so; `keep`: the next time too."""
        self.columns = columns
        self.table.arrange_columns(columns)
        self.query_one(Headings).show(columns, self.sort)
        if keep:
            save_columns(self.session.catalogue.layout, columns)

    @on(Headings.Sorted)
    def _heading_clicked(self, message: Headings.Sorted) -> None:
        self.sort_on(message.by)

    @on(Headings.Resized)
    def _heading_dragged(self, message: Headings.Resized) -> None:
        self.arrange_columns(self.columns.resized(message.name, message.width), keep=message.over)

    def action_columns(self) -> None:
        from kelly_tui.ui.screens.columns import ColumnsScreen

        assert self.app.workstation is not None
        self.app.push_screen(ColumnsScreen(self.app.workstation))

    async def list_queue(self, filter: str, sort: str) -> int:
        """List what waits to be heard, if anything does; how many. It stays listed as one works through."""
        queue = query.parse(filter, self.session.config)
        order = await self.session.ask(lambda c: query.order(c, queue, sort))
        if order:
            self.filter, self.sort = queue.text, sort
            self.table.show(order, self._fetch)
            self.show_found()
        return len(order)

    async def to_variant(self, step: int) -> None:
        """To the next or previous listed version of the piece here. Raises `FilterError`."""
        row = self.table.current
        sample = self.session.catalogue.get(row.sample_id) if row else None
        if row is None or sample is None:
            return
        versions = await self.session.ask(lambda c: family(c, sample.root_id))
        listed = [index for index in map(self.table.index_of, versions) if index is not None]
        here = listed.index(self.table.cursor) if self.table.cursor in listed else -1
        if len(listed) < 2 or here < 0:
            raise FilterError("no variant of it is listed", hint="Augment it, or widen the filter.")
        self.table.cursor = listed[(here + step) % len(listed)]


def family(catalogue: Catalogue, root_id: str) -> list[int]:
    """The rows of a root and all its variants, oldest first."""
    return list(query.order(catalogue, query.parse(f"root:{root_id}", catalogue.config), "added"))
