"""What was changed, by whom, newest first."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.model.edit import Event
from kelly_tui.store import history
from kelly_tui.ui.paint import Line, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.words import field_word, said, sample_name

if TYPE_CHECKING:
    from kelly_tui.model.annotation import Label
    from kelly_tui.ui.session import Session

SHOWN = 200
"""Events."""


class HistoryScreen(Page):
    """Steps of edits, each with its sample; enter goes there."""

    place = "history"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def show(self) -> None:
        events = history.history(self._session.catalogue, limit=SHOWN)
        self.query_one(Headline).show(self._session.name, "history", [("newest first", "dim")])
        if not events:
            self.lines.show([Entry([("  Nothing has been edited yet.", "dim")])])
            return
        entries = []
        for number, (_, group) in enumerate(groupby(events, lambda event: event.step)):
            for place, event in enumerate(reversed(list(group))):
                entries.append(Entry(self._line(event, first=place == 0), (number, place, event.sample_id)))
        self.lines.show(entries)

    def _line(self, event: Event, *, first: bool) -> Line:
        sample = self._session.catalogue.get(event.sample_id)
        name = sample_name(sample.file_path, sample.origin) if sample else event.sample_id
        when = event.at[:19].replace("T", " ") if first else ""
        what = event.kind if first else ""
        return [
            (" " + fit(when, 20), "dim"),
            (fit(what, 8), "accent" if event.kind != "stage" else "dim"),
            (fit(event.actor if first else "", 14), "dim"),
            (fit(name, 28) + " ", "text"),
            (fit(field_word(event.field), 12), "dim"),
            (f"{_said(event.field, event.old)} → ", "dim"),
            (_said(event.field, event.new), "strong"),
        ]

    async def action_open(self) -> None:
        chosen = self.lines.chosen
        workstation = self.app.workstation
        if not isinstance(chosen, tuple) or workstation is None:
            return
        if not await workstation.go_to(chosen[2]):
            raise LabelError("that sample is not in the list", hint="Widen the filter, then come back.")
        self.app.pop_screen()


def _said(field: str, label: Label | None) -> str:
    return "·" if label is None else said(field, label.value)
