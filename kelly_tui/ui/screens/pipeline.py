"""The pipeline: a line for each stage, what it has done, and the log of the one that runs."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterable, Mapping
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.widget import Widget

from kelly_tui.errors import KellyError, StageError
from kelly_tui.pipeline.parameters import PARAMETERS, Parameter, parameters_of
from kelly_tui.pipeline.stage import Progress
from kelly_tui.pipeline.standing import Standing, standings
from kelly_tui.store.filters import FAILING
from kelly_tui.store.query import parse, size
from kelly_tui.store.runs import At, at_work
from kelly_tui.ui.paint import Line, Span, fit, folded
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.stages import BY_NAME, STAGES, Said, Stage, arguments, ended, parameters, typed
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry, LineList
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kelly_tui.pipeline.job import Job
    from kelly_tui.ui.session import Session

_MARKS: Mapping[str, Span] = {
    "done": ("✓", "good"),
    "stale": ("○", "accent"),
    "failed": ("!", "broken"),
    "never": ("·", "dim"),
    "running": ("▶", "accent"),
    "paused": ("‖", "accent"),
}


OFTEN = 2.0
"""Seconds between two looks at how the stages stand, at the shortest."""

SHARE = 5
"""So many times as long as a look took it waits for the next: at a million samples one takes seconds."""


STANDS_AT = 26
"""Cells before how a stage stands."""

INDENT = 3
"""Cells before the log."""


class PipelineScreen(Page):
    """Starts, watches and stops stages; they run in processes of their own."""

    place = "pipeline"

    def __init__(self, session: Session, stage: str = "", *, start: bool = False) -> None:
        super().__init__()
        self._starts = start
        self._session = session
        self._wanted = stage
        self._seen: object = None
        self._trouble = ""
        """Why the stages could not be looked at."""
        self._next_look = 0.0
        self._runs: Job | None = None
        """The stage that was seen running, until its end is said."""
        self._stands: dict[str, Standing] = {}

    def below(self) -> Iterable[Widget]:
        yield LineList(id="chosen")
        yield LineList(id="log")

    def on_mount(self) -> None:
        super().on_mount()
        if self._wanted:
            self.lines.move([stage.name for stage in STAGES].index(self._wanted))
        if self._starts:
            self.call_after_refresh(self.perform, "start")
        self.set_interval(0.25, self.show)

    def show(self) -> None:
        session = self._session
        self.query_one(Headline).show(session.name, "pipeline", [(session.config.model.title, "dim")])
        at = at_work(session.catalogue.layout)
        try:
            version = session.catalogue.data_version()
        except (KellyError, sqlite3.Error) as error:  # the folder is gone, or the disk
            self.say_trouble(error)
            self._trouble = self._in_words(error)
            return
        self.query_one(StatusLine).unsay(self._trouble)
        seen = (version, at and (at.stage, at.pid), session.is_running)
        if seen != self._seen and monotonic() >= self._next_look:
            self._seen, self._next_look = seen, inf  # until it is known how long this one takes
            self.start(self._look, "standings")
        stands = {stage.name: self._standing(stage.name, at) for stage in STAGES}
        self.lines.show([_entry(stage, stands[stage.name]) for stage in STAGES])
        self.query_one(StatusLine).show(self._progress(at))
        self._say_ended()
        self._show_chosen()

    async def _look(self) -> None:
        began = monotonic()
        try:
            self._stands = await self._session.ask(standings)
        finally:
            self._next_look = monotonic() + max(OFTEN, SHARE * (monotonic() - began))
        self.show()

    def _say_ended(self) -> None:
        """Say once how the stage that ran here has ended; what was said of it while it ran is true no more."""
        ran, job = self._runs, self._session.job
        self._runs = job if job is not None and job.running else None
        if ran is not None and not ran.running:
            self.say(*ended(ran))

    def _standing(self, name: str, at: At | None) -> Standing:
        """As the last look found it; what runs is seen at once, whoever started it."""
        job, stands = self._session.job, self._stands.get(name, Standing("never"))
        if at is not None and at.stage == name:
            here = job is not None and job.pid == at.pid
            said = "" if here else f"not started here: process {at.pid}, since {at.since}"
            return Standing("paused" if here and job is not None and job.is_paused else "running", said)
        if self._session.is_running and job is not None and job.stage == name:
            return Standing("paused" if job.is_paused else "running")
        return Standing("stale", "has just ended") if stands.state == "running" else stands

    def _progress(self, at: At | None) -> Progress | None:
        job = self._session.job
        if job is not None and job.running:
            return job.progress
        return Progress(**at.progress) if at is not None and at.progress else None

    def _show_chosen(self) -> None:
        stage = self.lines.chosen
        if isinstance(stage, Stage):
            said = self._session.said.get(stage.name, {})
            chosen = [Entry([("   " + stage.words, "text")])]
            if self.place == "parameters":
                chosen += parameter_entries(stage, said)
            else:
                chosen.append(_in_one_line(stage, said, self.size.width - 2 * INDENT))
            chosen += [Entry([("   " + line, "dim")]) for line in parameters(stage, self._session.config)]
            self._form.show(chosen)
            width = max(self.size.width - 2 * INDENT, 1)
            stands = self._stands.get(stage.name, Standing("never")).words
            whole = [stands] if STANDS_AT + cell_len(stands) > self.size.width else []  # its line cuts it
            logged = [*whole, *self._log_of(stage.name)]
            log = [Entry([(part, "dim")]) for line in logged for part in in_lines(line, width)]
            self.query_one("#log", LineList).show(log)
            self.query_one("#log", LineList).move(len(log))

    def _log_of(self, name: str) -> list[str]:
        """What the last run of a stage said: here, or what is on record of one that was started elsewhere."""
        job, record = self._session.jobs.get(name), self._stands.get(name, Standing("never")).record
        if job is not None and (record is None or job.running or job.pid == record.pid):
            said = list(job.log)
            return said if not job.last_words or job.last_words in said else [*said, job.last_words]
        if record is None:
            return []
        failed = f", {record.failed:,} failed" if record.failed else ""
        before = f", {record.skipped:,} done before" if record.skipped else ""
        return [f"{record.since}: {record.how}, {record.done:,} done{before}{failed}", record.words]

    def on_line_list_cursor_moved(self, event: LineList.CursorMoved) -> None:
        self._show_chosen()

    def move(self, steps: int) -> None:
        (self._form if self.place == "parameters" else self.lines).move(steps)

    def action_start(self) -> None:
        stage = self.lines.chosen
        if not isinstance(stage, Stage):
            return
        if not stage.wants:
            self.app.start_stage(stage)
            return
        said = self._session.said.get(stage.name, {})
        self.ask(
            Question(
                f"{stage.name}:",
                lambda text: self._start(stage, text),
                value=shlex.join(filter(None, (said.get(one.name, one.usual) for one in stage.asked))),
                replaces=True,
                hint=f"{stage.words}   {stage.wants}",
                check=lambda text: arguments(stage, self._session.root, text, said) if stage.asks else None,
            )
        )

    def _start(self, stage: Stage, text: str) -> None:
        """Start it, and keep in the form what was typed; of an import, show first what it would take in."""
        if stage.name != "import":
            self.app.start_stage(stage, text)
            now, _ = typed(stage, shlex.split(text))
            for one in stage.asked:
                if one.name in now:
                    self._say_to(stage, one, now[one.name])
            return
        from kelly_tui.ui.screens.import_preview import ImportPreview

        _, _, *paths = arguments(stage, self._session.root, text)
        self.app.push_screen(ImportPreview(self._session, text, paths))

    # -- parameters ----------------------------------------------------------------------------------------------------

    @property
    def _form(self) -> LineList:
        return self.query_one("#chosen", LineList)

    def action_parameters(self) -> None:
        stage = self.lines.chosen
        if not isinstance(stage, Stage) or not parameters_of(stage.name):
            raise StageError("nothing more can be said to this stage", hint="config.json says the rest.")
        self._edit(True)

    def _edit(self, editing: bool) -> None:
        self.place = "parameters" if editing else "pipeline"
        self.set_class(editing, "-form")
        self.query_one(Footer).show(self.place)
        self._show_chosen()

    async def action_back(self) -> None:
        if self.place == "parameters":
            self._edit(False)
        else:
            await self.app.action_back()

    def action_set_parameter(self) -> None:
        stage, one = self.lines.chosen, self._form.chosen
        if not isinstance(stage, Stage) or not isinstance(one, Parameter):
            return
        value = self._session.said.get(stage.name, {}).get(one.name, one.usual)
        if one.choices:
            self._say_to(stage, one, one.choices[(one.choices.index(value) + 1) % len(one.choices)])
            return
        self.ask(
            Question(
                one.name,
                lambda text: self._say_to(stage, one, text),
                value=value,
                replaces=True,
                hint=one.meaning if one.required else f"{one.meaning}   empty: as usual",
                check=lambda text: self._check(one, text),
            )
        )

    def action_usual_parameter(self) -> None:
        stage, one = self.lines.chosen, self._form.chosen
        if isinstance(stage, Stage) and isinstance(one, Parameter):
            self._say_to(stage, one, "")

    def _check(self, one: Parameter, text: str) -> str:
        """What is kept of what was typed. Raises `StageError`, `FilterError`."""
        if one.kind == "filter":
            parse(text, self._session.config)
        return one.check(text)

    def _say_to(self, stage: Stage, one: Parameter, text: str) -> None:
        value = self._check(one, text)
        said = self._session.said.setdefault(stage.name, {})
        said.pop(one.name, None)
        if value:
            said[one.name] = value
        self._show_chosen()

    # -- what runs -----------------------------------------------------------------------------------------------------

    def _ours(self) -> Job:
        """The stage that runs, started here. Raises `StageError`."""
        if self._session.is_running and self._session.job is not None:
            return self._session.job
        at = at_work(self._session.catalogue.layout)
        if at is not None:
            raise StageError(f"{at.stage} runs elsewhere (process {at.pid})", hint="Stop it there, with ctrl+c.")
        raise StageError("nothing is running", hint="‹start› starts the stage under the cursor.")

    def action_pause(self) -> None:
        job = self._ours()
        if job.is_paused:
            job.resume()
            self.say(f"{job.stage} goes on", "dim")
        else:
            job.pause()
            self.say(f"{job.stage} pauses once what is in work is kept; ‹pause› lets it go on", "dim")

    def action_failed(self) -> None:
        stage, workstation = self.lines.chosen, self.app.workstation
        if not isinstance(stage, Stage) or workstation is None:
            return
        if stage.name not in FAILING:
            raise StageError(f"{stage.name} fails on no sample", hint="Its log says what went wrong.")
        failed = f"failed:{stage.name}"
        if not size(self._session.catalogue, parse(failed, self._session.config), at_most=1):
            raise StageError(f"{stage.name} has failed on no sample", hint="Choose the stage that has.")
        workstation.find(failed)
        workstation.say(f"on which {stage.name} failed   ‹filter› and enter shows all again", "accent")
        self.app.pop_screen()

    def action_cancel(self) -> None:
        self._ours().cancel()
        self.say("stopping; what is done is kept", "dim")


def parameter_entries(stage: Stage, said: Said) -> list[Entry]:
    """A line for each parameter: its name, what is taken, and what it means."""
    return [
        Entry(
            [
                ("  " + fit(one.name, 14), "text"),
                (fit(said.get(one.name, one.usual) or "·", 12), "accent" if one.name in said else "strong"),
                (one.meaning, "dim"),
            ],
            one,
        )
        for one in parameters_of(stage.name)
    ]


def _in_one_line(stage: Stage, said: Said, room: int) -> Entry:
    """The parameters as they are; where there is no room for all, those that matter."""
    known = [one for one in parameters_of(stage.name) if said.get(one.name, one.usual)]
    own = [one for one in known if one.name in said or one in PARAMETERS.get(stage.name, ())]
    few = [one for one in own if one.name in said or one.name in stage.asks]
    shown, short = (" · ".join(f"{one.name} {said.get(one.name, one.usual)}" for one in these) for these in (own, few))
    return Entry([("   " + (shown if cell_len(shown) <= room else short), "accent" if said else "dim")])


def _entry(stage: Stage, standing: Standing) -> Entry:
    mark, style = _MARKS[standing.state]
    line: Line = [
        (f" {mark}  ", style),
        (fit(stage.name, 12), "strong"),
        (fit(standing.state, 9), style),
        (standing.words, "text"),
    ]
    return Entry(line, BY_NAME[stage.name])


def in_lines(said: str, width: int) -> list[str]:
    """What a stage said, whole, in lines of at most `width` cells as far in as it was."""
    words = said.lstrip(" ")
    inward = len(said) - len(words)
    return [" " * (INDENT + inward) + line for line in folded(words, max(width - inward, 1))]
