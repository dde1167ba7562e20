"""The part of the workstation that labels: keys become edits, edits become durable, and all of it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from random import Random
from typing import Any

from textual import on

from kelly_tui.errors import LabelError
from kelly_tui.features.reasons import read_reasons
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import FIELDS, Value, check_value
from kelly_tui.model.edit import Edit, Step
from kelly_tui.model.labels import MODES, parse_key
from kelly_tui.model.sample import Sample
from kelly_tui.store.opinions import is_asked, second_look
from kelly_tui.text import count, safe_text
from kelly_tui.ui import edits
from kelly_tui.ui.saver import NotSaved, Order, Saved, Trouble
from kelly_tui.ui.screens.finding import IN_DOUBT, LOOKS_WRONG
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.screens.trail import Trail
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.form import Form
from kelly_tui.ui.widgets.prompt import Question
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.words import field_word, said, typed

SKIP_REASONS = ("corrupt", "ambiguous", "wrong_category", "licence")

_TAUGHT = ("emotion", "valence", "arousal", "groove_type", "dynamic_range", "key", "mode")
"""Fields whose labels suggestions are learnt from, or that are judged."""

ONE_VALUE = ("choice", "key", "number", "meter", "flag")
"""Kinds of fields whose value is typed anew and not gone on with."""


class Labelling(Trail):
    """Edits of the sample here, or of those that are marked, on their way to the disk and back on the screen."""

    sample: Sample | None = None
    """The sample under the cursor."""
    saved_at = ""
    """The time of the last edit that became durable."""
    unsaved = 0
    """Orders that are not durable yet."""
    kept = False
    """Whether the oldest of them was refused, and is tried again."""
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

    def show_headline(self) -> None:
        """Say whether all is saved."""
        raise NotImplementedError

    def show_sample(self) -> None:
        """Show the labels of the sample under the cursor."""
        raise NotImplementedError

    def show_scores(self) -> None:
        """Show what the labels add up to."""
        raise NotImplementedError

    def judge_again(self, sample_id: str) -> None:
        """Ask about a sample again, blind."""
        raise NotImplementedError

    def give_room(self, **changes: bool) -> None:
        """Arrange the panels anew."""
        raise NotImplementedError

    def _here(self) -> Sample:
        row = self.table.current
        if row is None or self.sample is None or row.sample_id != self.sample.sample_id:
            self.show_sample()  # a key came before the news that the cursor moved: the row under the cursor counts
        if self.sample is None:
            raise LabelError("there is no sample here", hint="/ finds others.")
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
        me, field = self.app.settings.annotator, self.session.main_label
        found = await self.session.ask(lambda catalogue: second_look(catalogue, me, field, Random()))
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
            raise LabelError("the marked samples are gone", hint="esc takes the marks away.")
        self._last = [one for one in made if one.sample_id == made[0].sample_id]
        self.decided(made[0].sample_id)
        self.order(Order("edit", tuple(made), edits.in_words(made) + among))

    def keep_trial(self, trial: Trial) -> None:
        """Have an answer of blind listening saved."""
        self.order(Order("trial", words="what was heard blind", trial=trial))

    def give_opinion(self, sample_id: str, said: Mapping[str, Value]) -> None:
        """Have what was said blind of a sample saved."""
        self.order(Order("opinion", words="what was said blind", sample_id=sample_id, said=said))

    def order(self, order: Order) -> Order:
        self.session.refuse_change()
        self.session.saver.order(order)
        self.unsaved += 1
        self.show_headline()
        return order

    @on(Saved)
    async def _saved(self, message: Saved) -> None:
        try:
            await self._show_saved(message)
        finally:
            self.let_keys_go(message.order)

    async def _show_saved(self, message: Saved) -> None:
        self.unsaved -= 1
        self.kept = False
        self.saved_at = self.app.clock()
        self.show_headline()
        if message.order.trial is not None:
            return
        if message.step is None:
            self.say(f"nothing to {message.order.kind}", "dim")
            return
        step = message.step
        self.session.learn(sum(event.field in _TAUGHT for event in step.events))
        touched = {event.sample_id for event in (*step.events, *step.left_alone)}
        self.table.renew(touched)
        self.show_sample()
        self.show_scores()
        await self._say_done(message.order, step)
        if (above := self.app.screen) is not self and isinstance(above, KeyedScreen):
            above.renew(step.words)

    async def _say_done(self, order: Order, step: Step) -> None:
        if order.kind == "edit":
            self.say(self._done_in_words(order, step), "dim")
            return
        if order.kind == "opinion":
            self.say(*self._opinion_in_words(order))
            return
        where = next(iter((*step.events, *step.left_alone))).sample_id
        sample = self.session.catalogue.get(where)
        parts = [f"{step.words} · {self.session.name_of(sample) if sample else where}"]
        listed = await self.go_to(where)
        if step.left_alone:
            parts.append(f"{len(step.left_alone)} changed since by another: left alone")
        if not listed:
            parts += ["not in this list", *self.held.drop()]
        self.say(" · ".join(parts), "accent")

    def _opinion_in_words(self, order: Order) -> tuple[str, str]:
        """Whether what was said blind is what the label says."""
        sample = self.session.catalogue.get(order.sample_id)
        parts, style = [], "dim"
        for field, value in order.said.items():
            there = sample.labels.get(field) if sample else None
            parts.append(f"{field_word(field)} {said(field, value)}")
            if there is not None and there.value == value:
                parts.append(f"as {there.by or there.source} said")
            elif there is not None:
                parts.append(f"{there.by or there.source} said {said(field, there.value)}")
            if is_asked(self.session.catalogue, order.sample_id, field):
                parts.append("to be decided: ‹review›")
                style = "accent"
        name = self.session.name_of(sample) if sample else order.sample_id
        return f"{name}: {', '.join(parts)}", style

    def _done_in_words(self, order: Order, step: Step) -> str:
        asked = {one.sample_id for one in order.edits}
        if len(asked) > 1:
            as_before = asked - {event.sample_id for event in step.events}
            return step.words + (f", {len(as_before):,} of them as they were" if as_before else "")
        sample = self.session.catalogue.get(order.edits[0].sample_id)
        name = f"{self.session.name_of(sample)}: " if sample else ""
        reached = len({event.sample_id for event in step.events})
        more = f" · 1 edit, {count(reached, 'sample')}" if reached > 1 else ""
        return f"{name}{step.words}{more}" + ("" if step.events else ", as it was")

    @on(NotSaved)
    def _not_saved(self, message: NotSaved) -> None:
        self.kept = message.kept
        if not message.kept:
            self.unsaved -= 1
        tail = "; it is kept, and tried again every second" if message.kept else ""
        self.say(f"not saved: {message.order.words or message.order.kind}: {message.reason}{tail}", "broken")
        self.show_headline()
        self.let_keys_go(message.order)

    @on(Trouble)
    def _trouble(self, message: Trouble) -> None:
        self.say(message.words, "broken")

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
            f"{count(n, 'sample')} in doubt   enter confirms, a digit corrects, ‹reject› refuses" if n else "",
            "no label is in doubt: nothing waits to be heard",
        )

    async def action_suspects(self) -> None:
        n = await self.list_queue(*LOOKS_WRONG)
        self._hear_queue(
            f"{count(n, 'label')} may be wrong   enter says it is right, a digit corrects" if n else "",
            "no label looks wrong; :suggest judges them anew",
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
        self.ask_value("key", "A · Bb · F# minor", check=parse_key)

    def action_mode(self) -> None:
        self.ask_value("mode", " ".join(MODES))

    def answered(self, field: str) -> None:
        """A value was typed for a field, or the old one left as it was."""

    def ask_value(self, field: str, hint: str, check: object = None, **more: Any) -> None:
        """Ask for a field's value; `more` are other attributes of the `Question`."""
        sample = self._here()
        one = sample.labels.get(field)
        before = safe_text(typed(field, one.value), limit=None) if one else ""
        choices = self.session.config.choices(field)
        checked = check if callable(check) else lambda text: check_value(FIELDS[field], text, choices)

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
        self.query_one(Footer).offer(len(config.main_choices if field is None else config.choices(field)))
        self.query_one(StatusLine).unsay(self._reason)
        if self.form.reasons:
            self._say_why()
        elif field is not None:
            self.start(self.explain, "why")

    async def explain(self) -> None:
        """Show what the detected labels here rest on, and why others are absent."""
        sample = self.sample
        if sample is None or sample.features_path is None:
            return
        reasons = await asyncio.to_thread(read_reasons, self.session.root / sample.features_path)
        if self.sample is not None and sample.sample_id == self.sample.sample_id:
            self.form.explain(reasons)
            self._say_why()

    def _say_why(self) -> None:
        """Say in full what the detected label under the form's cursor rests on, or why there is none."""
        if (field := self.form.field) is not None and (why := self.form.reason(field)):
            self._reason = f"{field_word(field)}: {why}"
            self.say(self._reason, "dim")

    def action_edit_field(self) -> None:
        field = FIELDS[self.form.field or "notes"]
        choices = " ".join(self.session.config.choices(field.name))
        self.ask_value(field.name, choices or field.meaning)

    def action_choose(self, digit: int) -> Awaitable[None] | None:
        return self.choose_value(self.form.field or "notes", digit)

    def choose_value(self, field: str, digit: int) -> Awaitable[None] | None:
        """Set a field to the choice of that digit. Raises `LabelError` where it has none."""
        choices = self.session.config.choices(field)
        if not choices:
            raise LabelError(f"{field_word(field)} has no numbered choices", hint="enter lets you type it.")
        value = edits.choice_of(choices, digit)
        return self.change(edits.each(lambda one: edits.typed_value(one, self.session.config, field, value)))

    def action_clear_field(self) -> Awaitable[None] | None:
        field = self.form.field or "notes"
        return self.change(edits.each(lambda one: edits.typed_value(one, self.session.config, field, "")))
