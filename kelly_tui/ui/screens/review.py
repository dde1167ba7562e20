"""One sample and what others said of it, hidden until one has said something oneself; then all side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.edit import Edit
from kelly_tui.store.opinions import Said, is_asked, opinions, to_decide
from kelly_tui.text import count
from kelly_tui.ui import edits
from kelly_tui.ui.paint import Line, Span, clickable, fit, wrapped
from kelly_tui.ui.screens.listening import Listening
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.music_view import MusicView
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.widgets.prompt import Prompt, Question
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.ui.words import field_word

if TYPE_CHECKING:
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.screens.workstation import Workstation

NOTHING = (
    "Nothing waits to be decided.",
    "",
    "A sample does when what one person said of it blind is not what another",
    "said, or the same one before; when two others have labelled it and you have",
    "not; and when two folders, or a file edited outside and the catalogue, say",
    "different things. Each opens the dataset under a name: kelly --as anna, or",
    "annotator in settings.toml. ‹agreement› in the list says how far you agree.",
)

COLUMN = 22
"""Cells."""


class Opinions(Painted):
    """The question, and a column for each opinion, one's own last."""

    def __init__(self, config: DatasetConfig, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._config = config
        self.field = config.model.main_label
        self.others: list[Said] | None = None
        self.own: Said | None = None

    def paint(self, width: int, height: int) -> list[Line]:
        if self.others is None:
            nothing = map(self.app.keymap.in_words, NOTHING)
            return [[(f"   {words}", "strong" if n == 0 else "dim")] for n, words in enumerate(nothing)]
        columns = [self._column(f"opinion {number + 1}", one) for number, one in enumerate(self.others)]
        own = (self.own.value if self.own else "·", "", "")
        columns.append(("you", *own) if self.own else ("you", "·", "what do you say?", ""))
        rows: list[Line] = []
        for row, style in enumerate(("dim", "strong", "text", "dim")):
            rows.append([("   ", "text"), *((fit(column[row], COLUMN), style) for column in columns)])
        keys = self.app.keymap.digits
        choices: list[Line] = [
            [clickable(span, "opinion", (keys.index(key) + 1) % 10) for span in ((key, "accent"), (f" {words}", "dim"))]
            for key, words in edits.digit_words(self.field, self._config, keys)
        ]
        choices = choices or [[(self.app.keymap.in_words("‹settle› types it"), "dim")]]
        asked: Span = (f"   {field_word(self.field)}", "text")
        return [[asked], *([("   ", "text"), *line] for line in wrapped(choices, width - 4)), (), *rows]

    def _column(self, title: str, one: Said) -> tuple[str, str, str, str]:
        if self.own is None:
            return title, "hidden", "", ""
        return title, one.value, one.by, one.at[:10]


class ReviewScreen(Listening):
    """Labels that wait to be decided, one after another."""

    place = "review"

    def __init__(self, workstation: Workstation) -> None:
        super().__init__()
        self.session = workstation.session
        self._workstation = workstation
        self._waiting: list[tuple[str, str]] = []
        """Samples, each with the field that is asked about."""
        self._at = 0

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield Transport(id="transport")
        yield MusicView(id="music")
        yield Opinions(self.session.config, id="opinions")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, 0, id="footer")

    def on_mount(self) -> None:
        super().on_mount()
        self.start(self._open, "review")

    async def _open(self) -> None:
        field, me = self.session.main_label, self.app.settings.annotator
        self._waiting = await self.session.ask(lambda catalogue: to_decide(catalogue, field, me))
        self._show()

    @property
    def _field(self) -> str:
        """What is asked now."""
        return self._waiting[self._at][1] if self._waiting else self.session.main_label

    def _show(self) -> None:
        """Show the sample that is asked about, or how one comes by such."""
        n = len(self._waiting)
        facts = [(f"{self._at + 1} of {count(n, 'label')}", "dim")] if n else []
        self.query_one(Headline).show(self.session.name, "review", facts)
        sample = self.session.catalogue.get(self._waiting[self._at][0]) if n else None
        if sample is None or self.heard is None or sample.sample_id != self.heard.sample_id:
            self.load(sample, play=self.heard is not None and self.app.autoplay)
        self.renew("")

    def renew(self, words: str) -> None:
        if words:
            self.say(words, "dim")
        panel = self.query_one(Opinions)
        if self.heard is None:
            panel.others = None
            self.query_one(Footer).offer(0)
        else:
            catalogue, field = self.session.catalogue, self._field
            panel.field = field
            self.query_one(Footer).offer(edits.digits_for(field, self.session.config))
            said = opinions(catalogue, self.heard.sample_id, field)
            mine = [one for one in said if one.by == self.app.settings.annotator]
            # What waits to be decided wants a new word, also of who has said something before.
            asked = is_asked(catalogue, self.heard.sample_id, field)
            panel.own = None if asked else max(mine, key=lambda one: one.at, default=None)
            panel.others = [one for one in said if one is not panel.own]
        panel.repaint()

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def page_height(self) -> int:
        return 1

    def move(self, steps: int) -> None:
        if self._waiting:
            self._at = max(0, min(self._at + steps, len(self._waiting) - 1))
            self._show()

    def action_opinion(self, digit: int) -> None:
        if self.heard is None:
            raise LabelError("nothing waits for an opinion", hint="‹back› leaves.")
        value = edits.by_digit(self._field, self.session.config, digit)
        self._workstation.save([Edit(self.heard.sample_id, self._field, Label(value))])

    def _type(self, sample: Sample) -> None:
        field, config = FIELDS[self._field], self.session.config
        choices = config.choices(field.name)
        self.ask(
            Question(
                field_word(field.name),
                lambda text: self._workstation.save(edits.typed_value(sample, config, field.name, text)),
                hint=f"{' '.join(choices) or field.meaning}   enter saves, esc leaves",
                check=lambda text: edits.typed(config, field.name, text),
                choices=choices,
            )
        )

    def action_settle(self) -> None:
        panel = self.query_one(Opinions)
        if self.heard is not None and panel.own is None and not edits.digits_for(self._field, self.session.config):
            self._type(self.heard)
            return
        if self.heard is None or panel.own is None:
            raise LabelError("you have not said anything yet", hint="A digit says it, and shows what others said.")
        if self._at + 1 == len(self._waiting):
            self.say(f"{panel.own.value} stands; that was the last", "accent")
        else:
            self.say(f"{panel.own.value} stands", "dim")
            self.move(1)

    def action_undo(self) -> None:
        self._workstation.action_undo()

    async def action_back(self) -> None:
        self._workstation.load(self._workstation.sample)
        await self.app.action_back()
