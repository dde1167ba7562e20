"""The workstation: the list, the music, the one question being asked, and what the dataset needs."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.layout import Layout

from kelly_tui.errors import KellyError, LabelError
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.model.edit import Edit, Step
from kelly_tui.model.labels import MODES, parse_key
from kelly_tui.model.sample import Sample
from kelly_tui.text import safe_text
from kelly_tui.ui import edits
from kelly_tui.ui.advice import Advice, next_best
from kelly_tui.ui.panels import PanelLayout
from kelly_tui.ui.saver import NotSaved, Order, Saved, Trouble
from kelly_tui.ui.screens.finding import Finding
from kelly_tui.ui.screens.listening import Listening
from kelly_tui.ui.widgets.find_line import FindLine, Headings
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.form import Form
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.music_view import MusicView
from kelly_tui.ui.widgets.prompt import Prompt, Question
from kelly_tui.ui.widgets.sample_table import SampleTable
from kelly_tui.ui.widgets.scores import ScoresPanel
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.too_small import TooSmall
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.ui.words import field_word, sample_name, typed

if TYPE_CHECKING:
    from textual.timer import Timer

    from kelly_tui.pipeline.job import Job
    from kelly_tui.store.readback import Merge
    from kelly_tui.ui.paint import Span
    from kelly_tui.ui.session import Session

REST = 0.12
"""Seconds that the cursor rests on a sample before its sound is loaded."""

SKIP_REASONS = ("corrupt", "ambiguous", "wrong_category", "licence")


LOOK = 0.25
"""Seconds between two looks at the stage that runs, and at what it has changed."""

IDLE_LOOKS = 4
"""Without a stage, what others may have changed is looked at only so many times more rarely."""


def _read_back(root: Path) -> Merge:
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.readback import read_back

    with Catalogue.open(root) as catalogue:
        return read_back(catalogue)


class Workstation(Finding, Listening):
    """Labels one dataset."""

    def __init__(self, session: Session, filter: str = "") -> None:
        super().__init__()
        self.session = session
        self.filter = filter
        self.sample: Sample | None = None
        """The sample under the cursor."""
        self.advice = Advice("")
        self._panels = PanelLayout()
        self._saved_at = ""
        self._unsaved = 0
        self._kept = False
        self._gone = False
        self._ended: Job | None = None
        """The stage whose end has been said."""
        self._last: list[Edit] = []
        self._play_on_rest = False
        self._rest: Timer | None = None
        self._heading_for: str | None = None
        """The sample that is loaded, or will be once the cursor has rested on it."""
        self._version = 0
        self._looks = 0
        self._in_catalogue = 0

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield FindLine(id="find")
        yield Headings(self.session.main_label, id="headings")
        yield SampleTable(self.session.main_label, id="samples")
        yield Transport(id="transport")
        yield MusicView(id="music")
        yield Form(self.session.config, id="form")
        yield ScoresPanel(id="scores")
        yield StatusLine(id="status")
        yield TooSmall(id="small")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, len(self.session.config.main_choices), id="footer")

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
        self.sort = self.usual_sort()
        self.show_scores()
        self.show_headline()
        self.find(self.filter)
        self.start(self._take_outside_edits, "outside")
        self.set_interval(LOOK, self.look_around)

    async def _take_outside_edits(self) -> None:
        """Take in what was edited in annotations/ or manifest.json, by hand or with git, since they were written."""
        merge = await asyncio.to_thread(_read_back, self.session.root)
        if words := merge.words():
            self.say(words.splitlines()[0], "accent")

    def on_unmount(self) -> None:
        self.session.let_go()

    # -- showing ------------------------------------------------------------------------------------------------------

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def show_headline(self) -> None:
        """Say what is open, and whether all is saved."""
        counts = self.session.catalogue.counts()
        saved: Span = (f"saved {self._saved_at}" if self._saved_at else "", "dim")
        if self._unsaved:
            saved = (f"NOT SAVED: {self._unsaved}", "broken") if self._kept else ("saving…", "dim")
        facts: list[Span] = [
            (f"{sum(counts.verified.values()):,} verified", "dim"),
            (f"{counts.in_catalogue:,} samples", "text"),
            saved,
        ]
        self.query_one(Headline).show(
            self.session.name, self.session.config.model.title, [fact for fact in facts if fact[0]]
        )

    def show_scores(self) -> None:
        """Read the counters and say what they mean. A few milliseconds at any size."""
        from kelly_tui.validate.scores import live_scores

        counts = self.session.catalogue.counts()
        scores = live_scores(counts, self.session.config)
        self.advice = next_best(counts, scores, self.session.config)
        self.query_one(ScoresPanel).show(scores, self.advice)

    def show_sample(self) -> None:
        """Show the labels of the sample under the cursor."""
        row = self.table.current
        self.sample = None if row is None else self.session.catalogue.get(row.sample_id)
        self.query_one(Form).show(self.sample)

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
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._rested)

    @on(SampleTable.Opened)
    async def _row_opened(self) -> None:
        await self.perform("play")

    def _rested(self) -> None:
        self.load(self.sample, play=self._play_on_rest)
        self._play_on_rest = False

    def look_around(self) -> None:
        """See what another process, or a stage of our own, has changed."""
        job = self.session.job
        self.query_one(StatusLine).show(job.progress if job is not None and job.running else None)
        if job is not None and not job.running and job is not self._ended:
            self._ended = job
            words = job.last_words or "ended"
            stage = "" if words.startswith(job.stage) else f"{job.stage}: "
            self.say(f"{stage}{words}", "accent" if job.exit_code == 0 else "broken")
            self._see_changes()
        if self.session.is_there is self._gone:
            self._gone = not self._gone
            words = "is gone: nothing more can be saved until it is back" if self._gone else "is back"
            self.say(f"the dataset's folder {words}", "broken" if self._gone else "accent")
        self._looks += 1
        if self._gone or not (self.session.is_running or self._looks % IDLE_LOOKS == 0):
            return
        try:
            self._see_changes()
        except (KellyError, sqlite3.Error) as error:
            self.say_trouble(str(error))

    def _see_changes(self) -> None:
        version = self.session.catalogue.data_version()
        if version == self._version:
            return
        self._version = version
        self.table.forget()
        self.show_sample()
        self.show_scores()
        self.show_headline()
        in_catalogue = self.session.catalogue.counts().in_catalogue
        if in_catalogue != self._in_catalogue:
            self._in_catalogue = in_catalogue
            self.find(self.filter)

    # -- editing ------------------------------------------------------------------------------------------------------

    def _here(self) -> Sample:
        row = self.table.current
        if row is None or self.sample is None or row.sample_id != self.sample.sample_id:
            self.show_sample()  # a key came before the news that the cursor moved: the row under the cursor counts
        if self.sample is None:
            raise LabelError("there is no sample here", hint="/ finds others.")
        return self.sample

    def _edit(self, made: list[Edit], *, on: bool = False) -> None:
        """Have edits of the sample here saved; `on`: go to the next, and play it."""
        self._last = made
        self._order(Order("edit", tuple(made), edits.in_words(made)))
        if on:
            self._play_on_rest = self.app.autoplay
            self.table.move(1)
            self.show_sample()

    def _order(self, order: Order) -> None:
        self.session.saver.order(order)
        self._unsaved += 1
        self.show_headline()

    @on(Saved)
    async def _saved(self, message: Saved) -> None:
        self._unsaved -= 1
        self._kept = False
        self._saved_at = self.app.clock()
        self.show_headline()
        if message.step is None:
            self.say(f"nothing to {message.order.kind}", "dim")
            return
        step = message.step
        touched = {event.sample_id for event in (*step.events, *step.left_alone)}
        self.table.renew(touched)
        self.show_sample()
        self.show_scores()
        await self._say_done(message.order, step)

    async def _say_done(self, order: Order, step: Step) -> None:
        if order.kind == "edit":
            sample = self.session.catalogue.get(order.edits[0].sample_id)
            name = f"{sample_name(sample.file_path, sample.origin)}: " if sample else ""
            self.say(f"{name}{step.words}" + ("" if step.events else ", as it was"), "dim")
            return
        where = next(iter((*step.events, *step.left_alone))).sample_id
        sample = self.session.catalogue.get(where)
        name = sample_name(sample.file_path, sample.origin) if sample else where
        listed = await self.go_to(where)
        parts = [f"{step.words} · {name}"]
        if step.left_alone:
            parts.append(f"{len(step.left_alone)} changed since by another: left alone")
        if not listed:
            parts.append("not in this list")
        self.say(" · ".join(parts), "accent")

    @on(NotSaved)
    def _not_saved(self, message: NotSaved) -> None:
        self._kept = message.kept
        if not message.kept:
            self._unsaved -= 1
        tail = "; it is kept, and tried again every second" if message.kept else ""
        self.say(f"not saved: {message.order.words or message.order.kind}: {message.reason}{tail}", "broken")
        self.show_headline()

    @on(Trouble)
    def _trouble(self, message: Trouble) -> None:
        self.say(message.words, "broken")

    def action_label(self, digit: int) -> None:
        self._edit(edits.label(self._here(), self.session.config, digit), on=True)

    def action_unsure(self, digit: int) -> None:
        self._edit(edits.label(self._here(), self.session.config, digit, unsure=True), on=True)

    def action_accept(self) -> None:
        self._edit(edits.accept(self._here(), self.session.config), on=True)

    def action_affect(self, valence: int, arousal: int) -> None:
        self._edit(edits.affect(self._here(), valence, arousal))

    def action_skip(self) -> None:
        self._edit(edits.skip(self._here()), on=True)

    def action_skip_reason(self) -> None:
        sample = self._here()
        self.ask(
            Question(
                "skip, because",
                lambda text: self._edit(edits.skip(sample, text.strip() or "no reason"), on=True),
                hint=" · ".join(SKIP_REASONS) + " · or in your words",
                choices=SKIP_REASONS,
            )
        )

    def action_flag(self) -> None:
        self._edit(edits.flag(self._here(), self.session.config))

    def action_reject(self) -> None:
        self._edit(edits.reject(self._here(), self.session.config))

    def action_repeat(self) -> None:
        self._edit(edits.repeated(self._here(), self._last))

    def action_undo(self) -> None:
        self._order(Order("undo"))

    def action_redo(self) -> None:
        self._order(Order("redo"))

    def action_key(self) -> None:
        self._ask_value("key", "A · Bb · F# minor", check=parse_key)

    def action_mode(self) -> None:
        self._ask_value("mode", " ".join(MODES))

    def action_chords(self) -> None:
        self._ask_value("chord_progression", "C Am G7 Fmaj7 Bdim C/E, N for none")

    def _ask_value(self, field: str, hint: str, check: object = None) -> None:
        sample = self._here()
        one = sample.labels.get(field)
        before = safe_text(typed(field, one.value), limit=None) if one else ""
        choices = self.session.config.choices(field)
        checked = check if callable(check) else lambda text: check_value(FIELDS[field], text, choices)

        def answer(text: str) -> None:
            if text != before:
                self._edit(edits.typed_value(sample, self.session.config, field, text))

        self.ask(
            Question(
                field_word(field),
                answer,
                value=before,
                hint=f"{hint}   enter saves, empty clears, esc leaves",
                check=checked,
                choices=choices,
            )
        )

    # -- all fields ---------------------------------------------------------------------------------------------------

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def action_edit(self) -> None:
        self._here()
        self.place = "form"
        self.give_room(editing=True)
        self.form.move_to(0)
        self.query_one(Footer).show(self.place)

    def action_back(self) -> None:
        self.place = "list"
        self.give_room(editing=False)
        self.form.move_to(None)
        self.query_one(Footer).show(self.place)

    def action_edit_field(self) -> None:
        field = FIELDS[self.form.field or "notes"]
        choices = " ".join(self.session.config.choices(field.name))
        self._ask_value(field.name, choices or field.meaning)

    def action_choose(self, digit: int) -> None:
        field = FIELDS[self.form.field or "notes"]
        choices = self.session.config.choices(field.name)
        if not choices:
            raise LabelError(f"{field_word(field.name)} has no numbered choices", hint="enter lets you type it.")
        value = edits.choice_of(choices, digit)
        self._edit(edits.typed_value(self._here(), self.session.config, field.name, value))

    def action_clear_field(self) -> None:
        self._edit(edits.typed_value(self._here(), self.session.config, self.form.field or "notes", ""))

    def page_height(self) -> int:
        return (self.table if self.form.cursor is None else self.form).size.height

    def move(self, steps: int) -> None:
        if self.form.cursor is None:
            self.table.move(steps)
            self.show_sample()  # in the same frame: a second one would cost as much again
        else:
            self.form.move_to(self.form.cursor + steps)

    # -- and the rest -------------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        self.hear_other(self._here())

    def action_next_panel(self) -> None:
        self.give_room(music_first=not self._panels.room.music_first)

    def action_next_best(self) -> None:
        if self.advice.filter:
            self.find(self.advice.filter)
            self.say(f"{self.advice.words}   / and enter shows all again", "accent")
        elif self.advice.stage:
            self.app.open_pipeline(self.advice.stage)
