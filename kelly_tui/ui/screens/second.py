"""A sample to be judged without its name, its labels and anybody's guess: one's own again, or what others labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.app import ComposeResult

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, field_named
from kelly_tui.store.opinions import to_judge
from kelly_tui.text import count
from kelly_tui.ui import edits
from kelly_tui.ui.paint import Line, wrapped
from kelly_tui.ui.screens.listening import Listening
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.music_view import MusicView
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.widgets.prompt import Prompt, Question
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.ui.words import field_word, said
from kelly_tui.validate.agreement import scale_of

if TYPE_CHECKING:
    from kelly_tui.model.annotation import Value
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.screens.workstation import Workstation

LISTEN = 0.5
"""Seconds in which nobody has heard what is asked about: a key that comes earlier was meant for something else."""

AGAIN = "You have labelled this before. What do you say now?"
OTHERS = "Somebody else has labelled this. What do you say?"


class Asked(Painted):
    """What is asked of a sample, what has been said, and what can be said of what is asked now."""

    def __init__(self, question: str, config: DatasetConfig, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._question, self._config = question, config
        self._fields: Sequence[str] = ()
        self._said: Mapping[str, Value] = {}

    def show(self, fields: Sequence[str], said: Mapping[str, Value]) -> None:
        """`fields` in the order asked; those that are in `said` have been answered."""
        self._fields, self._said = [*fields], {**said}
        self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        now = next((field for field in self._fields if field not in self._said), "")
        fields: list[Line] = [
            [(field_word(field), "text" if field == now else "dim"), (self._answer(field), "strong")]
            for field in self._fields
        ]
        return [
            [(f"   {self._question}", "strong")],
            (),
            *([("   ", "text"), *line] for line in wrapped(fields, width - 4, gap=4)),
            *([("   ", "text"), *line] for line in wrapped(self._choices(now), width - 4)),
        ]

    def _answer(self, field: str) -> str:
        return f" {said(field, self._said[field])}" if field in self._said else ""

    def _choices(self, field: str) -> list[Line]:
        if not field:
            return []
        said = edits.digit_words(field, self._config, self.app.keymap.digits)
        if not said:
            return [[(self.app.keymap.in_words("‹say_value› types it"), "dim")]]
        return [[(key, "accent"), (f" {words}", "dim")] for key, words in said]


def asked_fields(config: DatasetConfig, chosen: str) -> list[str]:
    """The fields that are asked about blind: those of the setting, else of the dataset's model. Raises `LabelError`."""
    fields = [field_named(word).name for word in chosen.split()]
    unfit = next((field for field in fields if scale_of(field) is None), None)
    if unfit is not None:
        raise LabelError(f"no agreement is measured on {unfit}", hint="Mend second_look_fields in settings.toml.")
    return fields or [field for field in config.model.needs if scale_of(field) is not None]


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
        self._fields: list[str] = []
        """What is asked of the sample here, in this order."""
        self._said: dict[str, Value] = {}
        """What has been answered of it."""
        self._given: list[tuple[int, list[str]]] = []
        """The answers in their order: of which sample, and what was asked there."""
        self._since = 0.0
        """When the sample began to be heard."""

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield Transport(id="transport")
        yield MusicView(id="music")
        yield Asked(self._question, self.session.config, id="asked")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, 0, id="footer")

    def on_mount(self) -> None:
        super().on_mount()
        self._show()

    def _show(self) -> None:
        n = len(self._waiting)
        facts = [(f"{self._at + 1} of {count(n, 'sample')}", "dim")] if n > 1 else []
        self.query_one(Headline).show(self.session.name, "blind", facts)
        sample = self.session.catalogue.get(self._waiting[self._at])
        self._fields, self._said = self._to_ask(sample), {}
        # What is drawn and named is drawn and named from this: it knows nothing.
        self.load(None if sample is None else replace(sample, labels={}), play=self.app.autoplay)
        self._since = monotonic()
        self._ask()

    def _to_ask(self, sample: Sample | None) -> list[str]:
        settings, catalogue = self.app.settings, self.session.catalogue
        fields = asked_fields(self.session.config, settings.second_look_fields)
        if sample is None:
            return fields[:1]
        own = self._question == AGAIN
        return to_judge(catalogue, sample, fields, settings.annotator, own=own) or fields[:1]

    def _ask(self) -> None:
        """Show what is asked now, and how many digits say something of it."""
        self.query_one(Asked).show(self._fields, self._said)
        self.query_one(Footer).offer(edits.digits_for(self._field, self.session.config))

    @property
    def _field(self) -> str:
        """What is asked now."""
        return next((field for field in self._fields if field not in self._said), self._fields[-1])

    def _title_of(self, sample: Sample) -> str:
        return "a sample"

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def renew(self, words: str) -> None:
        if words.startswith("undo ") and self._given:  # what was taken back is asked again
            at, fields = self._given.pop()
            if at != self._at:
                self.move(at - self._at)
            self._said = {field: value for field, value in self._said.items() if field not in fields}
            self._ask()
        self.say(words, "dim")

    def page_height(self) -> int:
        return 1

    def move(self, steps: int) -> None:
        self._at = max(0, min(self._at + steps, len(self._waiting) - 1))
        self._show()

    async def _give(self, given: Mapping[str, Value]) -> None:
        """Have it kept, and ask what is left."""
        if self.heard is None:
            raise LabelError("that sample is gone", hint="‹skip› goes to the next.")
        if monotonic() - self._since < LISTEN:
            raise LabelError("this one has hardly begun", hint="Listen, then say it.")
        given = {field: value for field, value in given.items() if field not in self._said}
        if not given:
            raise LabelError("that is said already", hint="‹undo› takes it back.")
        self._workstation.give_opinion(self.heard.sample_id, given)
        self._given.append((self._at, list(given)))
        self._said |= given
        await self._go_on()

    async def action_judge(self, digit: int) -> None:
        await self._give({self._field: edits.by_digit(self._field, self.session.config, digit)})

    async def action_affect(self, valence: int, arousal: int) -> None:
        await self._give({"valence": edits.rated("valence", valence), "arousal": edits.rated("arousal", arousal)})

    def action_say_value(self) -> None:
        field = self._field
        choices = self.session.config.choices(field)

        def checked(text: str) -> dict[str, Value]:
            return edits.typed(self.session.config, field, text, self._said)

        self.ask(
            Question(
                field_word(field),
                lambda text: self.call_next(self.carry_out, self._give, checked(text)),
                hint=f"{' '.join(choices) or FIELDS[field].meaning}   enter saves, esc leaves",
                check=checked,
                choices=choices,
            )
        )

    async def action_skip(self) -> None:
        self._fields = [field for field in self._fields if field != self._field]
        await self._go_on()

    async def _go_on(self) -> None:
        """To the next question, to the next sample, or out."""
        if any(field not in self._said for field in self._fields):
            self._ask()
        elif self._at + 1 < len(self._waiting):
            self.move(1)
        else:
            await self.action_back()

    def action_undo(self) -> None:
        self._workstation.action_undo()

    async def action_back(self) -> None:
        self._workstation.load(self._workstation.sample, play=self._question == AGAIN and self.app.autoplay)
        await self.app.action_back()
