"""The workstation: the list, the music, the one question being asked, and what the dataset needs."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.layout import Layout

from kelly_tui.errors import KellyError, LabelError
from kelly_tui.store.opinions import said_blind, to_hear
from kelly_tui.store.progress import progress
from kelly_tui.text import count, hours_in_words
from kelly_tui.ui.advice import Advice, Alike, look_alike, next_best
from kelly_tui.ui.edits import unguessed
from kelly_tui.ui.paint import fit
from kelly_tui.ui.panels import WIDE, PanelLayout
from kelly_tui.ui.screens.field_keys import named_digits
from kelly_tui.ui.screens.finding import SHARE
from kelly_tui.ui.screens.lenses import Lenses
from kelly_tui.ui.screens.tapping import Tapping
from kelly_tui.ui.session import outside_edits
from kelly_tui.ui.stages import ended
from kelly_tui.ui.widgets.find_line import FindLine
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.form import Form
from kelly_tui.ui.widgets.headings import Headings
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.music_view import MusicView
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.sample_table import SampleTable
from kelly_tui.ui.widgets.scores import ScoresPanel
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.too_small import TooSmall
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.validate.agreement import agreement

if TYPE_CHECKING:
    from textual.timer import Timer

    from kelly_tui.model.probe import Probe
    from kelly_tui.model.report import Scores
    from kelly_tui.model.sample import Sample
    from kelly_tui.pipeline.job import Job
    from kelly_tui.store.counters import Counts
    from kelly_tui.store.progress import Progress
    from kelly_tui.ui.paint import Span
    from kelly_tui.ui.session import Session

REST = 0.12
"""Seconds that the cursor rests on a sample before its sound is loaded."""

PREPARED = 3
"""Samples after the one under the cursor that are opened before they are asked for."""

FILTER_WIDTH = 28
"""Cells of a filter in the headline of a narrow terminal."""

LOOK = 0.25
"""Seconds between two looks at the stage that runs, and at what it has changed."""

IDLE_LOOKS = 4
"""Without a stage, what others may have changed is looked at only so many times more rarely."""


class Workstation(Tapping, Lenses):
    """Labels one dataset."""

    def __init__(self, session: Session, filter: str = "") -> None:
        super().__init__()
        self.session = session
        self.filter = filter
        self.advice = Advice("")
        self._alike: Alike | None = None
        self._progress: Progress | None = None
        """What has been labelled today."""
        self._scored: tuple[Counts, Scores] | None = None
        self._probed: Probe | None = None
        """What the scores were read from, and they."""
        self._heard_blind, self._agreed = (0, ""), ""
        """What had been said blind when it was measured how far people agree, and that in short."""
        self._counting = self._counted = False
        """Whether what looks alike is being counted, and whether that is of these scores."""
        self._panels = PanelLayout()
        self._gone = False
        self._ended: Job | None = None
        """The stage whose end has been said."""
        self._rest: Timer | None = None
        self._resting = False
        self._heading_for: str | None = None
        """The sample that is loaded, or will be once the cursor has rested on it."""
        self._version = 0
        self._looks, self._next_look = 0, 0.0
        self._looks_outside = False
        self._said_of_outside: list[str] = []
        self._in_catalogue = 0

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield FindLine(id="find")
        yield Headings(self.session.main_label, id="headings")
        yield SampleTable(self.session.main_label, id="samples")
        yield Transport(id="transport")
        yield MusicView(id="music")
        yield Form(self.session.config, id="form")
        yield ScoresPanel(self.app.keymap.shown("next_best"), id="scores")
        yield StatusLine(id="status")
        yield TooSmall(id="small")
        yield Prompt(id="prompt")
        footer = Footer(self.app.keymap, self.place, len(self.session.config.main_choices), id="footer")
        footer.named = named_digits(self.session.config)
        yield footer

    @property
    def layout(self) -> Layout:
        return self._panels

    def give_room(self, **changes: bool) -> None:
        """Arrange the panels anew: see `Room`."""
        self._panels.room = self._panels.room._replace(**changes)
        self.form.refresh(layout=True)  # a child's wish makes its parents arrange anew; the screen's own does not

    def on_mount(self) -> None:
        self._version = self.session.catalogue.data_version()
        self._in_catalogue = self.session.catalogue.counts().in_catalogue
        self.take_up_columns()
        self.table.hide_guesses(self.app.hides_guesses)
        self.show_scores()
        self.show_headline()
        self.find(self.filter)
        self.call_after_refresh(self.look_outside)
        self.set_interval(LOOK, self.look_around)

    def look_outside(self) -> None:
        """Take in what was edited in annotations/ or manifest.json, by hand or with git, since they were written.

        When they are opened, and when a person comes back to this terminal: who edits elsewhere is done by then.
        """
        if self.session.past is None and not self._looks_outside:
            self._looks_outside = True
            self.start(self._take_outside_edits, "outside")

    async def _take_outside_edits(self) -> None:
        try:
            lines = await asyncio.to_thread(outside_edits, self.session.root)
        finally:
            self._looks_outside = False
        if lines and lines != self._said_of_outside:  # what waits for a person is said once
            self.say(" · ".join(lines), "accent")
        self._said_of_outside = lines

    def on_unmount(self) -> None:
        self.session.let_go()

    # -- showing ------------------------------------------------------------------------------------------------------

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def show_headline(self) -> None:
        """Say what is open, and whether all is saved."""
        counts = self.session.catalogue.counts()
        saved: Span = (f"saved {self.saved_at}" if self.saved_at else "", "dim")
        if self.unsaved:
            saved = (f"NOT SAVED: {self.unsaved}", "broken") if self.kept else ("saving…", "dim")
        if self.session.past is not None:
            saved = (f"as of {self.session.past.words()}, read only", "accent")
        facts: list[Span] = [
            (f"{sum(counts.verified.values()):,} verified", "dim"),
            (count(counts.in_catalogue, "sample"), "text"),
            saved,
            *([(f"{len(self.table.marked):,} marked", "accent")] if self.table.marked else []),
        ]
        if self.filter and self.size.width < WIDE:  # where there is no line above the list that says it
            counted = self.query_one(FindLine).counted
            facts[:2] = [(fit(f"/{self.filter}", FILTER_WIDTH).rstrip(), "accent"), (counted, "text")]
        facts[:0] = self._progress_facts()
        self.query_one(Headline).show(
            self.session.name, self.session.config.model.title, [fact for fact in facts if fact[0]]
        )

    def _progress_facts(self) -> list[Span]:
        """What has been done today, and how long the rest will take; the first give way where there is no room."""
        done = self._progress
        if done is None or not done.today or self._scored is None:
            return []
        lacks = self._scored[1].lacks
        left = done.hours_left(lacks) if lacks else None
        return [
            (f"{hours_in_words(left)} to the target" if left else "", "dim"),
            (f"{done.per_hour:.0f} an hour" if done.per_hour else "", "dim"),
            (f"{done.today:,} today", "text"),
        ]

    def on_resize(self) -> None:
        self.show_headline()

    def show_scores(self) -> None:
        """Read the counters and say what they mean. A few milliseconds at any size."""
        from kelly_tui.store.probed import kept
        from kelly_tui.validate.scores import live_scores

        counts = self.session.catalogue.counts()
        scores = live_scores(counts, self.session.config)
        self._scored, self._counted = (counts, scores), False
        last = kept(self.session.catalogue)
        self._probed = last.probes[0] if last is not None and last.probes else None
        self._advise()
        if not self._counting:
            self._counting = True
            self.start(self._count_alike, "alike")

    def _advise(self) -> None:
        assert self._scored is not None
        counts, scores = self._scored
        self.advice = next_best(counts, scores, self.session.config, self._alike)
        self.query_one(ScoresPanel).show(scores, self.advice, self._probed, self._agreed)

    async def _count_alike(self) -> None:
        """Count the open samples that look like what is lacking, and advise anew; again where labels changed since."""
        try:
            while not self._counted and self._scored is not None and self.app.session is self.session:  # still open
                self._counted = True
                _, scores = self._scored
                began = monotonic()
                self._alike = await self.session.ask(partial(look_alike, scores=scores))
                await self._see_agreement()
                self._advise()
                if self.session.past is None:
                    asked = partial(progress, by=self.session.annotator, now=datetime.now(UTC))
                    self._progress = await self.session.ask(asked)
                    self.show_headline()
                if self.session.is_running:  # what it adds changes the scores again and again
                    await asyncio.sleep(SHARE * (monotonic() - began))
        except (KellyError, sqlite3.Error):  # the folder is gone, or the disk: `look_around` and the saver say so
            self._alike = None
            self._advise()
        finally:
            self._counting = False

    async def _see_agreement(self) -> None:
        """Measure how far people agree, where anything was said blind since that was done."""
        heard = await self.session.ask(said_blind)
        if heard != self._heard_blind:
            self._heard_blind = heard
            found = await self.session.ask(agreement)
            self._agreed = found.in_short(self.session.main_label, self.session.annotator)

    def show_sample(self) -> None:
        """Show the labels of the sample under the cursor."""
        row = self.table.current
        self.sample = None if row is None else self.session.catalogue.get(row.sample_id)
        if self.sample is None:
            self.form.show(None)
        elif self.is_hidden(self.sample):
            self.form.show(unguessed(self.sample))
        else:
            self.form.show(self.sample, self.session.suggestion(self.sample), self.session.issue(self.sample))
        self.say_why()
        self.hear_through()  # a label that changed may be one that is heard

    @on(Prompt.Toggled)
    def _prompt_toggled(self, message: Prompt.Toggled) -> None:
        self.give_room(asking=message.is_open)

    @on(SampleTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.show_sample()
        here = self.sample.sample_id if self.sample else ""
        if here == self._heading_for:
            return
        self._heading_for = here
        self.leave_pad_of_another()
        if self._rest is not None:
            self._rest.stop()
        self._resting = True
        if self.play_on_rest:  # a label key led here, and wants to hear it
            self._rested()
        else:
            self._rest = self.set_timer(REST, self._rested)

    @on(SampleTable.Clicked)
    async def _row_clicked(self, message: SampleTable.Clicked) -> None:
        await self.in_turn(partial(self._to_row, message))

    async def _to_row(self, clicked: SampleTable.Clicked) -> None:
        order, index = self.table.order, clicked.index
        if not (index < len(order) and order[index] == clicked.rowid):  # listed anew since
            found = self.table.index_of(clicked.rowid)
            if found is None:
                return
            index = found
        self.table.cursor = index
        if clicked.twice:
            await self.perform("play")

    def rest(self) -> None:
        row = self.table.current
        if row is not None and row.sample_id != self._heading_for:
            self._cursor_moved()  # a key came before the news of it
        if self._resting:
            if self._rest is not None:
                self._rest.stop()
            self._rested()

    def _rested(self) -> None:
        if not self._resting:  # the timer had gone off when a key came that it was stopped for
            return
        self._resting = False
        if self.app.screen is not self:  # what is heard there is another, until it is left
            return
        self.start(self.explain, "why")
        self.load(self.sample, play=self.play_on_rest)
        self.play_on_rest = False

    def load(self, sample: Sample | None, *, play: bool = False, at: float = 0.0) -> None:
        super().load(sample, play=play, at=at)
        coming = [self.table.row_at(self.table.cursor + step) for step in range(1, PREPARED + 1)]
        self.app.engine.prepare(self.session.files_of(row for row in coming if row is not None))

    def hear_again(self, at: float) -> None:
        self.load(self.sample, at=at)

    def look_around(self) -> None:
        """See what another process, or a stage of our own, has changed."""
        job = self.session.job
        self.query_one(StatusLine).show(job.progress if job is not None and job.running else None)
        if job is not None and not job.running and job is not self._ended:
            self._ended = job
            self.say(*ended(job))
            self._see_changes()
        learner = self.session.learner
        if learner is not None and not learner.running:
            self.session.learner = None
            if learner.exit_code:
                self.say(learner.last_words, "broken")
            else:
                self.session.learnt()
            self._see_changes()
        if self.session.is_there is self._gone:
            self._gone = not self._gone
            words = "is gone: nothing more can be saved until it is back" if self._gone else "is back"
            self.say(f"the dataset's folder {words}", "broken" if self._gone else "accent")
        self._looks += 1
        if self._gone or not (self.session.is_running or self._looks % IDLE_LOOKS == 0):
            return
        if (began := monotonic()) < self._next_look:
            return
        try:
            self._see_changes()
        except (KellyError, sqlite3.Error) as error:
            self.say_trouble(error)
        self._next_look = began + SHARE * (monotonic() - began)

    def _see_changes(self) -> None:
        version = self.session.catalogue.data_version()
        if version == self._version:
            return
        self._version = version
        self.table.forget()
        self.show_sample()
        self.start(self.explain, "why")
        self.show_scores()
        self.show_headline()
        in_catalogue = self.session.catalogue.counts().in_catalogue
        if in_catalogue != self._in_catalogue and (self.may_list_again or not self.session.is_running):
            self._in_catalogue = in_catalogue
            self.find(self.filter)

    def page_height(self) -> int:
        return (self.table if self.form.cursor is None else self.form).size.height

    def move(self, steps: int) -> None:
        if self.form.cursor is None:
            self.table.move(steps)
            self.show_sample()  # in the same frame: a second one would cost as much again
        else:
            self.edit_line(self.form.cursor + steps)

    # -- panels and actions that span them -----------------------------------------------------------------------------

    def action_compare(self) -> None:
        self.rest()
        self.hear_other(self._here())

    async def action_next_variant(self) -> None:
        await self._hear_variant(1)

    async def action_previous_variant(self) -> None:
        await self._hear_variant(-1)

    async def _hear_variant(self, step: int) -> None:
        self.rest()
        await self.to_variant(step)
        self.show_sample()
        if self.sample is not None:
            self._heading_for = self.sample.sample_id
            self.hear_at_same_place(self.sample)

    def action_variants(self) -> None:
        from kelly_tui.ui.screens.variants import VariantsScreen

        self.app.push_screen(VariantsScreen(self, self._here()))

    def judge_again(self, sample_id: str) -> None:
        from kelly_tui.ui.screens.second import AGAIN, SecondLook

        self.app.push_screen(SecondLook(self, [sample_id], AGAIN))

    async def action_hear_others(self) -> None:
        from kelly_tui.ui.screens.second import OTHERS, SecondLook, asked_fields

        settings = self.app.settings
        me, fields = settings.annotator, asked_fields(self.session.config, settings.second_look_fields)
        found = await self.session.ask(lambda catalogue: to_hear(catalogue, fields[0], me))
        if not found:
            raise LabelError(
                "nobody else has labelled what you have not judged", hint="kelly --as NAME opens it as another person."
            )
        self.app.push_screen(SecondLook(self, found, OTHERS))

    def action_sample_history(self) -> None:
        self.app.action_history(self._here())

    def action_review(self) -> None:
        from kelly_tui.ui.screens.review import ReviewScreen

        self.app.push_screen(ReviewScreen(self))

    def action_blind(self) -> None:
        self.rest()
        self.app.compare_blind(self._here(), self)

    def action_next_panel(self) -> None:
        self.give_room(music_first=not self._panels.room.music_first)

    def action_next_best(self) -> None:
        if self.advice.filter:
            self.find(self.advice.filter)
            self.say(f"{self.advice.words}   ‹filter› and enter shows all again", "accent")
        elif self.advice.stage:
            self.app.open_pipeline(self.advice.stage)
