"""The part of the workstation that marks samples: one by one, or all from the last mark to here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.store import query
from kelly_tui.text import count
from kelly_tui.ui.screens.finding import Finding

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.store.catalogue import Catalogue

MOST = 20_000
"""Samples that one edit may change: a second of work for the disk."""


class Marking(Finding):
    """Which of the listed samples the next edits are made on. They stay marked until they are no longer wanted."""

    _last_mark: int | None = None
    """The row that was marked last."""

    @abstractmethod
    def show_headline(self) -> None:
        """Say how many are marked."""

    def show_found(self) -> None:
        super().show_found()
        self.show_headline()  # what is no longer listed is no longer marked

    def of_marked(self) -> str:
        """What a question adds while samples are marked."""
        n = len(self.table.marked)
        return f" of {count(n, 'sample')}" if n else ""

    async def marked_samples(self) -> list[Sample]:
        """Those that are marked, in the order of the list. Raises `LabelError` for too many."""
        marked = self.table.marked
        refuse_too_many(len(marked))
        rowids = [rowid for rowid in self.table.order if rowid in marked]
        return await self.session.ask(lambda catalogue: _samples(catalogue, rowids))

    def action_mark(self) -> None:
        table = self.table
        if not table.order:
            raise LabelError("there is no sample here", hint="‹filter› finds others.")
        rowid = table.order[table.cursor]
        self._last_mark = rowid
        self._mark(table.marked ^ {rowid})
        table.move(1)

    def action_mark_range(self) -> None:
        table = self.table
        start = None if self._last_mark is None else table.index_of(self._last_mark)
        if start is None or not table.marked:
            raise LabelError("nothing is marked that a range could begin with", hint="‹mark› marks a sample.")
        first, last = sorted((start, table.cursor))
        self._last_mark = table.order[table.cursor]
        self._mark(table.marked.union(table.order[first : last + 1]))

    def action_unmark(self) -> None:
        if self.table.marked:
            self._last_mark = None
            self._mark(frozenset())

    def _mark(self, rowids: frozenset[int]) -> None:
        self.table.mark(rowids)
        self.show_headline()
        what = (
            f"{count(len(rowids), 'sample')} marked: what is set is set on all of them, until ‹unmark›"
            if rowids
            else "no sample is marked"
        )
        self.say(what, "accent" if rowids else "dim")


def refuse_too_many(n: int) -> None:
    """Raises `LabelError` for more samples than one edit may change."""
    if n > MOST:
        raise LabelError(
            f"this would change {count(n, 'sample')}, and one edit changes {MOST:,} at most",
            hint="A filter and marks do it in parts; ‹unmark› takes marks away.",
        )


def _samples(catalogue: Catalogue, rowids: Sequence[int]) -> list[Sample]:
    found = (catalogue.get(row.sample_id) for row in query.rows(catalogue, rowids))
    return [sample for sample in found if sample is not None]
