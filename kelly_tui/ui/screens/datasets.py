"""The datasets of a folder, what each is for and how far it is."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.errors import DatasetError, KellyError
from kelly_tui.model.report import whole_percent
from kelly_tui.ui.advice import look_alike, next_best
from kelly_tui.ui.paint import Line, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry, LineList

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

BAR = 6
"""Cells of a score's bar."""

WIDE = 110
"""Columns from which scores have bars."""


class State(NamedTuple):
    """How far a dataset is."""

    root: Path
    name: str
    model: str
    samples: int
    verified: int
    scores: tuple[float, float, float]
    """Balance, diversity, quality."""
    imported: float
    """The balance of the imported samples alone."""
    worked_at: str
    needs: str
    """The next best action, or why it can't be opened."""


def state_of(root: Path) -> State:
    """Look into a dataset. One that can't be opened says why in `needs`."""
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.validate.scores import live_scores

    try:
        with Catalogue.open(root) as catalogue:
            counts, config = catalogue.counts(), catalogue.config
            worked_at = last_work(catalogue)
            scores = live_scores(counts, config)
            alike = look_alike(catalogue, scores)
    except (KellyError, OSError) as error:
        return State(root, root.name, "", 0, 0, (0, 0, 0), 0, "", str(error))
    return State(
        root,
        root.name,  # what opens it: a copy's dataset_id is that of the original
        config.model.title,
        counts.in_catalogue,
        sum(counts.verified.values()),
        (scores.balance, scores.diversity, scores.quality),
        scores.balance_imported,
        f"{datetime.fromisoformat(worked_at).astimezone():%Y-%m-%d %H:%M}" if worked_at else "",
        next_best(counts, scores, config, alike).words,
    )


def last_work(catalogue: Catalogue) -> str:
    """When someone last edited, or a stage ran, or the dataset was made: UTC, ISO 8601.

    Not the time of the catalogue's file: looking into a dataset changes that, and an edit at first does not.
    """
    from kelly_tui.store import history, runs

    edits = [event.at for event in history.history(catalogue, limit=1)]
    stages = [run.ended or run.began for run in runs.latest(catalogue.db).values()]
    return max(catalogue.config.created_at, *edits, *stages, "")


def states_in(folder: Path) -> list[State]:
    """The state of every dataset of a folder."""
    from kelly_tui.store.layout import find_datasets

    return [state_of(root) for root in find_datasets(folder)]


class DatasetsScreen(Page):
    """One line a dataset; enter opens, n makes one."""

    place = "datasets"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._states: list[State] = []

    def show(self) -> None:
        self.query_one(Headline).show("datasets", "", [(str(self._folder), "dim")])
        self.start(self._look, "datasets")

    async def _look(self) -> None:
        self._states = await asyncio.to_thread(states_in, self._folder)
        self.lines.show(self._entries())
        self._say_needs()

    def _entries(self) -> list[Entry]:
        return datasets_entries(self._states, self.size.width, self.app.keymap.shown("new_dataset"))

    def on_line_list_cursor_moved(self, event: LineList.CursorMoved) -> None:
        self._say_needs()

    def _say_needs(self) -> None:
        state = self.lines.chosen
        if not isinstance(state, State):
            return
        if not state.model:
            self.say(state.needs, "broken")
            return
        alone, balance = whole_percent(state.imported), whole_percent(state.scores[0])
        beside = "" if alone == balance else f"   balance of the imported alone: {alone}%"
        self.say(f"next: {state.needs}{beside}")

    def on_screen_resume(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.lines.show(self._entries())

    def action_open(self) -> None:
        state = self.lines.chosen
        if isinstance(state, State):
            if not state.model:
                raise DatasetError(state.needs)
            self.app.open_dataset(state.root)

    def action_new_dataset(self) -> None:
        from kelly_tui.ui.screens.new_dataset import NewDataset

        self.app.push_screen(NewDataset(self._folder))

    def action_import_music(self) -> None:
        """Open the dataset, and ask what to import."""
        self.action_open()
        self.app.open_pipeline("import", start=True)


def datasets_entries(states: list[State], width: int, key: str) -> list[Entry]:
    """The page, top to bottom. `key` makes a dataset."""
    if not states:
        return [
            Entry(()),
            Entry([("  There is no dataset here yet.", "text")]),
            Entry(()),
            Entry([(f"  {key}", "accent"), ("   makes one, for one of five models", "dim")]),
        ]
    wide = width >= WIDE
    name_width = max(min(width - (97 if wide else 60), 40), 16)
    heads: Line = [
        (" " + fit("dataset", name_width), "dim"),
        (fit("model", 18), "dim"),
        (fit("samples", 9, right=True) + fit("verified", 10, right=True), "dim"),
        (
            "   " + "".join(fit(name, 12) for name in ("balance", "diversity", "quality"))
            if wide
            else "   bal div qual",
            "dim",
        ),
        (" last work" if wide else "", "dim"),
    ]
    return [Entry(heads), Entry(()), *(Entry(_state_line(state, name_width, wide), state) for state in states)]


def _state_line(state: State, name_width: int, wide: bool) -> Line:
    name = (" " + fit(state.name, name_width), "text" if state.model else "broken")
    if not state.model:
        return [name, (state.needs, "broken")]
    return [
        name,
        (fit(state.model, 18), "dim"),
        (f"{state.samples:>9,}{state.verified:>10,}", "text"),
        ("   ", "text"),
        *(span for score in state.scores for span in _score(score, wide)),
        (f" {state.worked_at}" if wide else "", "dim"),
    ]


def _score(score: float, wide: bool) -> Line:
    percent = f"{whole_percent(score):>3}%"
    if not wide:
        return [(percent, "text")]
    length = round(score * BAR)
    return [("━" * length, "text"), ("·" * (BAR - length), "faint"), (f"{percent}  ", "text")]
