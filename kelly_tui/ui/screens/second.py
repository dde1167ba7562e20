"""A sample to be judged without its name, its labels and anybody's guess: one's own again, or what others labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.app import ComposeResult

from kelly_tui.errors import LabelError
from kelly_tui.text import count
from kelly_tui.ui import edits
from kelly_tui.ui.paint import Line, wrapped
from kelly_tui.ui.screens.listening import Listening
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.music_view import MusicView
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.ui.words import field_word

if TYPE_CHECKING:
    from kelly_tui.model.annotation import Value
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.screens.workstation import Workstation

LISTEN = 0.5
"""Seconds in which nobody has heard what is asked about: a key that comes earlier was meant for something else."""

AGAIN = "You have labelled this before. What do you say now?"
OTHERS = "Somebody else has labelled this. What do you say?"


class Asked(Painted):
    """The question, and what can be said."""

    def __init__(self, question: str, field: str, choices: tuple[str, ...], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._question, self._field, self._choices = question, field, choices

    def paint(self, width: int, height: int) -> list[Line]:
        choices: list[Line] = [
            [(key, "accent"), (f" {choice}", "dim")] for key, choice in zip(self.app.keymap.digits, self._choices)
        ]
        return [
            [(f"   {self._question}", "strong")],
            (),
            [(f"   {self._field}", "text")],
            *([("   ", "text"), *line] for line in wrapped(choices, width - 4)),
        ]


class SecondLook(Listening):
    """Asks about samples one after another; after the last it leaves. Each answer is an opinion, and no label."""

    place = "second"

    def __init__(self, workstation: Workstation, waiting: Sequence[str], question: str) -> None:
        super().__init__()
        self.session = workstation.session
        self._workstation = workstation
        self._waiting = list(waiting)
        self._question = question
        self._at = 0
        self._since = 0.0
        """When the sample began to be heard."""

    def compose(self) -> ComposeResult:
        config = self.session.config
        yield Headline(id="headline")
        yield Transport(id="transport")
        yield MusicView(id="music")
        yield Asked(self._question, field_word(self.session.main_label), config.main_choices[:10], id="asked")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, len(config.main_choices), id="footer")

    def on_mount(self) -> None:
        super().on_mount()
        self._show()

    def _show(self) -> None:
        n = len(self._waiting)
        facts = [(f"{self._at + 1} of {count(n, 'sample')}", "dim")] if n > 1 else []
        self.query_one(Headline).show(self.session.name, "blind", facts)
        sample = self.session.catalogue.get(self._waiting[self._at])
        # What is drawn and named is drawn and named from this: it knows nothing.
        self.load(None if sample is None else replace(sample, labels={}), play=self.app.autoplay)
        self._since = monotonic()

    def _title_of(self, sample: Sample) -> str:
        return "a sample"

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def renew(self, words: str) -> None:
        self.say(words, "dim")

    def page_height(self) -> int:
        return 1

    def move(self, steps: int) -> None:
        self._at = max(0, min(self._at + steps, len(self._waiting) - 1))
        self._show()

    def _give(self, said: Mapping[str, Value]) -> None:
        if self.heard is None:
            raise LabelError("that sample is gone", hint="‹skip› goes to the next.")
        if monotonic() - self._since < LISTEN:
            raise LabelError("this one has hardly begun", hint="Listen, then say it.")
        self._workstation.give_opinion(self.heard.sample_id, said)

    async def action_judge(self, digit: int) -> None:
        config = self.session.config
        self._give({config.model.main_label: edits.choice_of(config.main_choices, digit)})
        await self._go_on()

    def action_affect(self, valence: int, arousal: int) -> None:
        assert self.heard is not None
        said = {one.field: one.label.value for one in edits.affect(self.heard, valence, arousal) if one.label}
        self._give(said)

    async def action_skip(self) -> None:
        await self._go_on()

    async def _go_on(self) -> None:
        if self._at + 1 < len(self._waiting):
            self.move(1)
        else:
            await self.action_back()

    def action_undo(self) -> None:
        self._workstation.action_undo()

    async def action_back(self) -> None:
        self._workstation.load(self._workstation.sample, play=self._question == AGAIN and self.app.autoplay)
        await self.app.action_back()
