"""What was changed, by whom, newest first."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.model.edit import Event
from kelly_tui.store import history
from kelly_tui.ui.paint import Line, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.words import field_word, provenance, said

if TYPE_CHECKING:
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.session import Session

SHOWN = 200
"""Events."""

WIDE = 100
"""Columns from which the year, the seconds and who it was are shown too."""


class HistoryScreen(Page):
    """Steps of edits, each with its sample, or those of one sample; enter goes there."""

    place = "history"

    def __init__(self, session: Session, sample: Sample | None = None) -> None:
        super().__init__()
        self._session = session
        self._of = sample

    def show(self) -> None:
        only = self._of.sample_id if self._of else None
        events = history.history(self._session.catalogue, only, limit=SHOWN)
        what = f"history of {self._session.name_of(self._of)}" if self._of else "history"
        self.query_one(Headline).show(self._session.name, "history", [(f"{what}, newest first", "dim")])
        if not events:
            self.lines.show([Entry([("  Nothing has been edited yet.", "dim")])])
            return
        entries = []
        for number, (_, group) in enumerate(groupby(events, lambda event: event.step)):
            step = list(reversed(list(group)))
            for place, event in enumerate(step):
                about = (number, place, event.sample_id, step[-1].seq)
                entries.append(Entry(self._line(event, first=place == 0), about))
        self.lines.show(entries)

    def on_resize(self) -> None:
        self.show()

    def _line(self, event: Event, *, first: bool) -> Line:
        sample = self._session.catalogue.get(event.sample_id)
        name = self._session.name_of(sample) if sample else event.sample_id
        wide = self.size.width >= WIDE
        at = datetime.fromisoformat(event.at).astimezone()
        when = f"{at:%Y-%m-%d %H:%M:%S}" if wide else f"{at:%m-%d %H:%M}"
        before, after = _said(event.field, event.old), _said(event.field, event.new)
        if before == after and event.old is not None and event.new is not None:  # who says so is what changed
            before += f" {provenance(event.old)}".rstrip()
            after += f" {provenance(event.new)}".rstrip()
        who: Line = [(fit(event.actor if first else "", 14), "dim")]
        return [
            (" " + fit(when if first else "", len(when) + 1), "dim"),
            (fit(event.kind if first else "", 6), "accent" if event.kind != "stage" else "dim"),
            *(who if wide else ()),
            (fit(name, 28 if wide else 20) + " ", "text"),
            (fit(field_word(event.field), 13), "dim"),
            (f"{before} → ", "dim"),
            (after, "strong"),
        ]

    async def action_open(self) -> None:
        chosen = self.lines.chosen
        workstation = self.app.workstation
        if not isinstance(chosen, tuple) or workstation is None:
            return
        if not await workstation.go_to(chosen[2]):
            raise LabelError("that sample is not in the list", hint="Widen the filter, then come back.")
        self.app.pop_screen()

    def action_as_of(self) -> None:
        chosen = self.lines.chosen
        if isinstance(chosen, tuple):
            self.start(partial(self.app.open_past, chosen[3]), "past")


def _said(field: str, label: Label | None) -> str:
    return "·" if label is None else said(field, label.value)
