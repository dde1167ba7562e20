"""A piece and what was made from it, heard against each other at the same musical place."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from kelly_tui.errors import FilterError, KellyError
from kelly_tui.store import query
from kelly_tui.ui import edits
from kelly_tui.ui.screens.finding import family
from kelly_tui.ui.screens.lenses import Lenses
from kelly_tui.ui.screens.listening import read_picture
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.lanes import Lane, Lanes
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.transport import Transport

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.ui.screens.workstation import Workstation

WAYS = (
    "‹previous_variant› ‹next_variant› the next one   ‹compare› what it was made from   "
    "‹blind› blind   ‹reject› refuses, ‹reject_recipe› all alike"
)
ALONE = "nothing was made from it yet: ‹pipeline›, then augment, makes variants"


class VariantsScreen(Lenses):
    """Lanes on one time axis. The cursor's lane is heard, or with tab what it was made from; lenses stay on."""

    place = "variants"

    def __init__(self, workstation: Workstation, sample: Sample) -> None:
        super().__init__()
        self.session = workstation.session
        self.hear_as(workstation)
        self._workstation = workstation
        self._first = sample

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield Transport(id="transport")
        yield Lanes(id="lanes")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, id="footer")

    @property
    def music(self) -> Lanes:
        return self.query_one(Lanes)

    def on_mount(self) -> None:
        super().on_mount()
        self.start(self._open, "family")

    async def _open(self) -> None:
        await self._read()
        samples = [lane.sample.sample_id for lane in self.music.lanes]
        self.music.chosen = samples.index(self._first.sample_id)
        self.hear_at_same_place(self.chosen)
        self.say(ALONE if len(samples) < 2 else WAYS, "dim")
        root = self.session.root
        for lane in self.music.lanes:
            with suppress(KellyError):  # its title says why
                picture = await asyncio.to_thread(read_picture, root, lane.sample)
                self.music.put({lane.sample.sample_id: picture})

    async def _read(self) -> None:
        samples = await self.session.ask(lambda catalogue: _family_of(catalogue, self._first))
        self.music.lanes = [Lane(sample, self.session.name_of(sample)) for sample in samples]
        n = len(samples) - 1
        self.query_one(Headline).show(self.session.name, "variants", [(f"{n} variant{'s' * (n != 1)}", "dim")])
        self.music.repaint()

    @property
    def chosen(self) -> Sample:
        """The sample of the cursor's lane."""
        return self.music.lanes[self.music.chosen].sample

    def _entitle(self, sample: Sample | None) -> None:
        super()._entitle(sample)
        self.music.heard = sample.sample_id if sample else ""
        self.music.repaint()

    def make_versions_ready(self, sample: Sample) -> None:
        """All lanes: each is a key away."""
        self.app.engine.set_decks(self.session.files_of(lane.sample for lane in self.music.lanes))

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def renew(self, words: str) -> None:
        self.start(self._read, "family")
        self.say(words, "dim")

    @on(Lanes.Chosen)
    def _lane_clicked(self, message: Lanes.Chosen) -> None:
        self.move(message.number - self.music.chosen)

    def page_height(self) -> int:
        return len(self.music.lanes)

    def move(self, steps: int) -> None:
        if self.music.lanes:
            self._choose(max(0, min(self.music.chosen + steps, len(self.music.lanes) - 1)))

    def _choose(self, number: int) -> None:
        if number != self.music.chosen or self.heard != self.chosen:
            self.music.chosen = number
            self.hear_at_same_place(self.chosen)

    def action_next_variant(self) -> None:
        self._choose((self.music.chosen + 1) % len(self.music.lanes))

    def action_previous_variant(self) -> None:
        self._choose((self.music.chosen - 1) % len(self.music.lanes))

    def action_compare(self) -> None:
        self.hear_other(self.chosen)

    def action_reject(self) -> None:
        session = self._workstation.session
        self._workstation.save(edits.reject([self.chosen], session.config, session.suggestion))

    async def action_reject_recipe(self) -> None:
        await self._workstation.reject_recipe(self.chosen)

    def action_undo(self) -> None:
        self._workstation.action_undo()

    def action_blind(self) -> None:
        self.app.compare_blind(self.chosen, self)

    async def action_open(self) -> None:
        chosen = self.chosen
        if not await self._workstation.go_to(chosen.sample_id):
            raise FilterError("that sample is not in the list", hint="Widen the filter, then come back.")
        await self.action_back()

    async def action_back(self) -> None:
        if self.place == "lens":
            self.place = "variants"
            self.query_one(Footer).show(self.place)
            self.say(WAYS, "dim")
            return
        self._workstation.hear_as(self)
        self._workstation.load(self._workstation.sample)
        await self.app.action_back()


def _family_of(catalogue: Catalogue, sample: Sample) -> list[Sample]:
    """A sample with its root and all its variants, oldest first; last where nothing but its row says whose it is."""
    found = (catalogue.get(row.sample_id) for row in query.rows(catalogue, family(catalogue, sample.root_id)))
    samples = [one for one in found if one is not None]
    return samples if any(one.sample_id == sample.sample_id for one in samples) else [*samples, sample]
