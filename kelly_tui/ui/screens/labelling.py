"""The part of the workstation that labels: keys become edits of the sample here, or of those that are marked."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable
from random import Random
from typing import Any

from kelly_tui.errors import LabelError
from kelly_tui.features.reasons import read_reasons
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import MODES
from kelly_tui.model.sample import Sample
from kelly_tui.store.opinions import second_look
from kelly_tui.text import count
from kelly_tui.ui import edits
from kelly_tui.ui.saver import Order
from kelly_tui.ui.screens.finding import IN_DOUBT, LOOKS_WRONG
from kelly_tui.ui.screens.saving import Saving
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.form import Form
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.words import field_word, typed

SKIP_REASONS = ("corrupt", "ambiguous", "wrong_category", "licence")

ONE_VALUE = ("choice", "key", "number", "meter", "flag")
"""Kinds of fields whose value is typed anew and not gone on with."""


class Labelling(Saving):
    """What keys change of samples, and what they ask for first."""

    sample: Sample | None = None
    """The sample under the cursor."""
    play_on_rest = False
    """Whether the sample on which the cursor rests next is to be played."""

    def __init__(self) -> None:
        super().__init__()
        self._last: list[Edit] = []
        self._looks_due = 0.0
        """Second looks that the labels since the last one have earned."""
        self._to_look_at = ""
        """The sample that is asked about again next."""
        self._reason = ""
        """Why a detector says what it says, while the form's cursor is there."""

    @abstractmethod
    def judge_again(self, sample_id: str) -> None:
        """Ask about a sample again, blind."""

    @abstractmethod
    def give_room(self, **changes: bool) -> None:
        """Arrange the panels anew."""

    def _here(self) -> Sample:
        row = self.table.current
        if row is None or self.sample is None or row.sample_id != self.sample.sample_id:
            self.show_sample()  # a key came before the news that the cursor moved: the row under the cursor counts
        if self.sample is None:
            raise LabelError("there is no sample here", hint="‹filter› finds others.")
        return self.sample

    def change(self, make: edits.Make, of: Sample | None = None, *, on: bool = False) -> Awaitable[None] | None:
        """Have an edit of the marked samples saved, else of that one or the one here; `on`: go on, and play."""
        if self.table.marked:
            return self._change_marked(make)
        self.save(make([of or self._here()]))
        if on:
            self.table.move(1)
            self.play_on_rest = not self._look_again() and self.app.autoplay
            self.show_sample()
        return None

    def _look_again(self) -> bool:
        """Whether an earlier sample is asked about again now: after so many labels, one of them comes back."""
        self._looks_due += self.app.settings.second_look
        if self._looks_due < 1:
            return False
        chosen, self._to_look_at = self._to_look_at, ""
        if chosen:
            self._looks_due = 0.0
            self.judge_again(chosen)
        else:  # found in time for the next label: never after this key, when the next sample may be heard already
            self.start(self._choose_second_look, "again")
        return bool(chosen)

    async def _choose_second_look(self) -> None:
        from kelly_tui.ui.screens.second import asked_fields

        settings = self.app.settings
        me, fields = settings.annotator, asked_fields(self.session.config, settings.second_look_fields)
        found = await self.session.ask(lambda catalogue: second_look(catalogue, me, fields, Random()))
        self._to_look_at = found or ""
        if found is None:
            self._looks_due = 0.0  # there is nothing old enough

    def change_soon(self, make: edits.Make, of: Sample, *, on: bool = False) -> None:
        """The same, where it can't be waited for: it is done before the next key."""
        if (changing := self.change(make, of, on=on)) is not None:

            async def changed() -> None:
                await changing

            self.call_next(changed)

    async def _change_marked(self, make: edits.Make) -> None:
        samples = await self.marked_samples()
        try:
            made = make(samples)
        except LabelError as error:
            self.say_trouble(error)
            return
        done = len({one.sample_id for one in made})
        self.save(made, "" if done == len(samples) else f" (of {len(samples):,} marked)")

    def save(self, made: list[Edit], among: str = "") -> None:
        """Have edits saved, as one step."""
        if not made:
            raise LabelError("the marked samples are gone", hint="‹unmark› takes the marks away.")
        self._last = [one for one in made if one.sample_id == made[0].sample_id]
        self.decided(made[0].sample_id)
        self.order(Order("edit", tuple(made), edits.in_words(made) + among))

    def action_label(self, digit: int) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.label(one, self.session.config, digit)), on=True)

    def action_unsure(self, digit: int) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.label(one, self.session.config, digit, unsure=True)), on=True)

    def action_accept(self) -> Awaitable[None] | None:
        return self.change(edits.each(self._accepted), on=True)

    def _accepted(self, sample: Sample) -> list[Edit]:
        config = self.session.config
        if not self.is_hidden(sample):
            return edits.accept(sample, config, self.session.suggestion(sample))
        if config.model.main_label not in (known := edits.unguessed(sample)).labels:
            word = field_word(config.model.main_label)
            raise LabelError(
                f"{word} is open, and guesses are hidden", hint="Choose it by its digit; ‹hide_guesses› shows guesses."
            )
        return edits.accept(known, config)

    def is_hidden(self, sample: Sample) -> bool:
        """Whether what is guessed of a sample is not shown: they are hidden, and nobody has decided."""
        return self.app.hides_guesses and edits.undecided(sample, self.session.config)

    def action_hide_guesses(self) -> None:
        self.app.hides_guesses = not self.app.hides_guesses
        self.table.hide_guesses(self.app.hides_guesses)
        self.show_sample()
        self.say("guesses are " + ("hidden until you have decided" if self.app.hides_guesses else "shown"), "dim")

    def action_affect(self, valence: int, arousal: int) -> Awaitable[None] | None:
        return self.change(edits.each(lambda one: edits.affect(one, valence, arousal)))

    def action_skip(self) -> Awaitable[None] | None:
        return self.change(edits.each(edits.skip), on=True)

    def action_skip_reason(self) -> None:
        sample = self._here()
        self.ask(
            Question(
                f"skip{self.of_marked()}, because",
                lambda text: self.change_soon(
                    edits.each(lambda one: edits.skip(one, text.strip() or "no reason")), sample, on=True
                ),
                hint=" · ".join(SKIP_REASONS) + " · or in your words",
                choices=SKIP_REASONS,
            )
        )

    def action_flag(self) -> Awaitable[None] | None:
        return self.change(lambda samples: edits.flag(samples, self.session.config))

    def action_reject(self) -> Awaitable[None] | None:
        suggestion = self.session.suggestion
        return self.change(lambda samples: edits.reject(samples, self.session.config, suggestion), on=self.auditioning)

    async def action_audition(self) -> None:
        n = await self.list_queue(*IN_DOUBT)
        self._hear_queue(
            f"{count(n, 'sample')} in doubt   ‹accept› confirms, a digit corrects, ‹reject› refuses" if n else "",
            "no label is in doubt: nothing waits to be heard",
        )

    async def action_suspects(self) -> None:
        n = await self.list_queue(*LOOKS_WRONG)
        self._hear_queue(
            f"{count(n, 'label')} may be wrong   ‹accept› says it is right, a digit corrects" if n else "",
            "no label looks wrong; ‹command›suggest judges them anew",
        )

    def _hear_queue(self, listed: str, nothing: str) -> None:
        if listed:
            self.play_on_rest = self.app.autoplay
            self.show_headline()
        self.say(listed or nothing, "accent" if listed else "dim")

    def action_repeat(self) -> Awaitable[None] | None:
        last = self._last
        return self.change(edits.each(lambda one: edits.repeated(one, last)))

    def action_undo(self) -> None:
        self.held.wait_for(self.order(Order("undo")))

    def action_redo(self) -> None:
        self.held.wait_for(self.order(Order("redo")))

    def action_key(self) -> None:
        self.ask_value("key", "A · Bb · F# minor")

    def action_mode(self) -> None:
        self.ask_value("mode", " ".join(MODES))

    def answered(self, field: str) -> None:
        """A value was typed for a field, or the old one left as it was."""

    def ask_value(self, field: str, hint: str, check: object = None, **more: Any) -> None:
        """Ask for a field's value; `more` are other attributes of the `Question`."""
        sample = self._here()
        one = sample.labels.get(field)
        before = typed(field, one.value) if one else ""
        choices = self.session.config.choices(field)
        checked = check if callable(check) else lambda text: edits.typed(self.session.config, field, text)

        def answer(text: str) -> None:
            if text != before or self.table.marked:
                make = edits.each(lambda one: edits.typed_value(one, self.session.config, field, text))
                self.change_soon(make, sample)
            self.answered(field)

        self.ask(
            Question(
                field_word(field) + self.of_marked(),
                answer,
                value=before,
                replaces=FIELDS[field].kind in ONE_VALUE,
                hint=f"{hint}   enter saves, empty clears, esc leaves",
                check=checked,
                choices=choices,
                **more,
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
        self.edit_line(0)
        self.query_one(Footer).show(self.place)

    async def clicked_field(self, name: str) -> None:
        """A field was clicked: the cursor goes there; there already, its value is typed."""
        if self.place not in ("list", "form"):
            return
        before = self.form.field
        if self.place == "list":
            await self.perform("edit")
        if before == name:
            await self.perform("edit_field")
        elif name in self.form.fields:
            self.edit_line(self.form.fields.index(name))

    def action_back(self) -> None:
        self.place = "list"
        self.give_room(editing=False)
        self.edit_line(None)
        self.query_one(Footer).show(self.place)

    def edit_line(self, line: int | None) -> None:
        """Put the form's cursor on that line; None leaves it. The footer offers the digits that mean something."""
        self.form.move_to(line)
        config, field = self.session.config, self.form.field
        offered = len(config.main_choices) if field is None else edits.digits_for(field, config)
        self.query_one(Footer).offer(offered)
        self.say_why()
        if field is not None and not self.form.reasons:
            self.start(self.explain, "why")

    async def explain(self) -> None:
        """Show what the detected labels here rest on, and why others are absent."""
        sample = self.sample
        if sample is None or sample.features_path is None:
            return
        reasons = await asyncio.to_thread(read_reasons, self.session.root, sample.features_path)
        if self.sample is not None and sample.sample_id == self.sample.sample_id:
            self.form.explain(reasons)
            self.say_why()

    def say_why(self) -> None:
        """Say in full what the detected label under the form's cursor rests on, or why there is none."""
        before, self._reason = self._reason, ""
        if (field := self.form.field) is not None and (why := self.form.reason(field)):
            self._reason = f"{field_word(field)}: {why}"
        if not self._reason:
            self.query_one(StatusLine).unsay(before)
        elif self._reason != before:
            self.say(self._reason, "dim")

    def action_edit_field(self) -> None:
        field = FIELDS[self.form.field or "notes"]
        choices = " ".join(self.session.config.choices(field.name))
        self.ask_value(field.name, choices or field.meaning)

    def action_choose(self, digit: int) -> Awaitable[None] | None:
        return self.choose_value(self.form.field or "notes", digit)

    def choose_value(self, field: str, digit: int) -> Awaitable[None] | None:
        """Set a field to what that digit says of it. Raises `LabelError` where it says nothing."""
        value = edits.by_digit(field, self.session.config, digit)
        return self.change(edits.each(lambda one: edits.typed_value(one, self.session.config, field, str(value))))

    def action_clear_field(self) -> Awaitable[None] | None:
        field = self.form.field or "notes"
        return self.change(edits.each(lambda one: edits.typed_value(one, self.session.config, field, "")))
