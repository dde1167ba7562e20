"""The part of the workstation that has edits made durable, and says what became of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from textual import events, on

from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Value
from kelly_tui.model.edit import Event, Step
from kelly_tui.store.opinions import is_asked
from kelly_tui.text import count
from kelly_tui.ui.held import Deed
from kelly_tui.ui.saver import NotSaved, Order, Saved, Trouble
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.screens.trail import Trail
from kelly_tui.ui.words import field_word, said

_TAUGHT = ("emotion", "valence", "arousal", "groove_type", "dynamic_range", "key", "mode")
"""Fields whose labels suggestions are learnt from, or that are judged."""


class Saving(Trail):
    """Orders on their way to the disk, and back on the screen."""

    saved_at = ""
    """The time of the last edit that became durable."""
    unsaved = 0
    """Orders that are not durable yet."""
    kept = False
    """Whether the oldest of them was refused, and is tried again."""

    @abstractmethod
    def show_sample(self) -> None:
        """Show the labels of the sample under the cursor."""

    @abstractmethod
    def show_scores(self) -> None:
        """Show what the labels add up to."""

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

    def holds(self, one: events.Key | Deed) -> bool:
        """Whether a key or a click waits for what is not shown yet.

        Not for an undo that stands behind what can't be written now: on a full disk nobody could even leave.
        """
        awaited = self.held.awaited
        if isinstance(awaited, Order) and self.session.saver.delay:
            self.let_held_go(awaited)
        return self.held.take(one)

    @on(Saved)
    async def _saved(self, message: Saved) -> None:
        try:
            await self._show_saved(message)
        finally:
            self.let_held_go(message.order)

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
        where = self._where(step)
        sample = self.session.catalogue.get(where)
        parts = [f"{step.words} · {self.session.name_of(sample) if sample else where}"]
        if step.left_alone:
            parts.append(f"{len(step.left_alone)} changed since by another: left alone")
        if not self.held.is_for(order):  # it could not be written when it was wanted, and the hands have gone on
            parts.append("only now; the cursor stays")
        elif not await self.go_to(where):
            parts += ["not in this list", *self.held.drop()]
        self.say(" · ".join(parts), "accent")

    def _where(self, step: Step) -> str:
        """The sample that is gone to when a step is undone or redone: the one here if it was one of those edited."""
        events = (*step.events, *step.left_alone)
        edited = [event.sample_id for event in events if not _is_inherited(event)] or [events[0].sample_id]
        here = self.table.current
        if here is not None and here.sample_id in edited:
            return here.sample_id
        return edited[0]

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
        self.let_held_go(message.order)

    @on(Trouble)
    def _trouble(self, message: Trouble) -> None:
        self.say(message.words, "broken")


def _is_inherited(event: Event) -> bool:
    """Whether only what another sample's label brought along has changed."""
    return any(label is not None and label.source == "inherited" for label in (event.old, event.new))
