"""The pipeline: a line for each stage, what it has done, and the log of the one that runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from textual.widget import Widget

from kelly_tui.errors import StageError
from kelly_tui.ui.paint import Line, Span, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.stages import BY_NAME, STAGES, Stage, arguments, parameters
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry, LineList
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.words import count

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.ui.session import Session

_MARKS: Mapping[str, Span] = {
    "done": ("✓", "good"),
    "stale": ("○", "accent"),
    "failed": ("!", "broken"),
    "never": ("·", "dim"),
    "running": ("▶", "accent"),
}


class Standing(NamedTuple):
    """How a stage stands: never, done, stale (there is more to do) or failed, and the numbers."""

    state: str
    words: str


def standings(catalogue: Catalogue) -> dict[str, Standing]:
    """How each stage stands, from the counters and the list of failures."""
    counts = catalogue.counts()
    parts, origins = counts.quality(), counts.origins
    failed = Counter(failure.stage for failure in catalogue.failures())
    labelled = sum(counts.of(catalogue.config.model.main_label).values())
    placed = sum(counts.splits.values())

    def standing(stage: str, done: int, wanted: int, words: str) -> Standing:
        if failed[stage]:
            return Standing("failed", f"{words}, {failed[stage]:,} failed")
        state = "never" if not done else "done" if done >= wanted else "stale"
        return Standing(state, words if done else "")

    return {
        "import": standing("import", origins["imported"], 1, count(origins["imported"], "imported", "imported")),
        "annotate": standing("annotate", labelled, parts["file"], f"{labelled:,} of {parts['file']:,} labelled"),
        "extract": standing(
            "extract", parts["features"], parts["file"], f"{parts['features']:,} of {parts['file']:,} have features"
        ),
        "split": standing("split", placed, counts.roots, f"{placed:,} placed"),
        "augment": standing("augment", origins["augmented"], 1, count(origins["augmented"], "variant")),
        "synthesize": standing("synthesize", origins["generated"], 1, f"{origins['generated']:,} generated"),
        "validate": Standing("never", ""),
    }


class PipelineScreen(Page):
    """Starts, watches and stops stages; they run in processes of their own."""

    place = "pipeline"

    def __init__(self, session: Session, stage: str = "") -> None:
        super().__init__()
        self._session = session
        self._wanted = stage
        self._version = -1
        self._stands: dict[str, Standing] = {}

    def below(self) -> Iterable[Widget]:
        yield LineList(id="chosen")
        yield LineList(id="log")

    def on_mount(self) -> None:
        super().on_mount()
        if self._wanted:
            self.lines.move([stage.name for stage in STAGES].index(self._wanted))
        self.set_interval(0.25, self.show)

    def show(self) -> None:
        session = self._session
        self.query_one(Headline).show(session.name, "pipeline", [(session.config.model.title, "dim")])
        version = session.catalogue.data_version()
        if version != self._version:
            self._version, self._stands = version, standings(session.catalogue)
        running = session.job.stage if session.job is not None and session.is_running else ""
        self.lines.show([_entry(stage, self._stands[stage.name], running == stage.name) for stage in STAGES])
        job = session.job
        self.query_one(StatusLine).show(job.progress if job is not None and session.is_running else None)
        self._show_chosen()
        log = self.query_one("#log", LineList)
        if job is not None:
            log.show([Entry([(f"   {line}", "dim")]) for line in tuple(job.log)])
            log.move(len(job.log))

    def _show_chosen(self) -> None:
        stage = self.lines.chosen
        if isinstance(stage, Stage):
            words = [stage.words, *parameters(stage, self._session.config)]
            lines = [Entry([("   " + line, "text" if number == 0 else "dim")]) for number, line in enumerate(words)]
            self.query_one("#chosen", LineList).show(lines)

    def on_line_list_cursor_moved(self, event: LineList.CursorMoved) -> None:
        self._show_chosen()

    def action_start(self) -> None:
        stage = self.lines.chosen
        if not isinstance(stage, Stage):
            return
        if not stage.wants:
            self.app.start_stage(stage)
            return
        self.ask(
            Question(
                f"{stage.name}:",
                lambda text: self.app.start_stage(stage, text),
                value=stage.usual,
                hint=f"{stage.words}: {stage.wants}",
                check=lambda text: arguments(stage, self._session.root, text) if stage.option else None,
            )
        )

    def action_cancel(self) -> None:
        if not self._session.is_running or self._session.job is None:
            raise StageError("nothing is running", hint="enter starts the stage under the cursor.")
        self._session.job.cancel()
        self.say("stopping; what is done is kept", "dim")


def _entry(stage: Stage, standing: Standing, is_running: bool) -> Entry:
    state = "running" if is_running else standing.state
    mark, style = _MARKS[state]
    line: Line = [
        (f" {mark}  ", style),
        (fit(stage.name, 12), "strong"),
        (fit(state if state != "never" else "", 9), style),
        (standing.words, "text"),
    ]
    return Entry(line, BY_NAME[stage.name])
