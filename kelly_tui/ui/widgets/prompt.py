"""The one line in which things are typed: filters, commands, keys, chords, the value of a field.

It takes the footer's place while it is open. What is typed is checked as it is typed, and the reason why it can't be
is shown beside it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input
from textual.widgets.input import Selection

from kelly_tui.errors import KellyError
from kelly_tui.text import JOINER, safe_letters, without_controls
from kelly_tui.ui.paint import Line, folded
from kelly_tui.ui.widgets.painted import Painted


@dataclass(frozen=True)
class Question:
    """What is asked: a label, what is there already, what may be typed, and what becomes of it."""

    label: str
    answer: Callable[[str], None]
    """Called with the text on enter; a `KellyError` it raises is shown, and the prompt stays open."""
    value: str = ""
    hint: str = ""
    check: Callable[[str], object] | None = None
    """Called with each text typed; raises a `KellyError` for one that can't be."""
    choices: Sequence[str] = ()
    """Offered as completions; tab or the right arrow takes one."""
    complete: Callable[[str], Sequence[str]] | None = None
    """In the place of choices: what a text may go on to, whole, the likeliest first."""
    heed: Callable[[str], str] | None = None
    """Called with each text that can be; what it says of that takes the hint's place."""
    mend: Callable[[str], str | None] | None = None
    """What was meant by a text that can't be, as near as can be told; tab takes that."""
    replaces: bool = False
    """What is typed takes the place of what is there, and does not go on after it."""
    cancelled: Callable[[], object] | None = None
    """Called when the prompt is left without an answer."""

    def completions(self, text: str) -> Sequence[str]:
        """What the text may go on to, the likeliest first."""
        if self.complete is not None:
            return self.complete(text)
        folded = text.casefold()
        return [one for one in self.choices if text and one != text and one.casefold().startswith(folded)]

    def taken(self, text: str) -> str | None:
        """What tab makes of the text: the first completion, else what was meant; None where there is neither."""
        found = self.completions(text)
        return found[0] if found else self.mend(text) if self.mend is not None else None


class _Completions(Suggester):
    """Shows, behind what is typed, how it may go on."""

    def __init__(self, question: Question) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._question = question

    async def get_suggestion(self, value: str) -> str | None:
        """The first completion."""
        return next(iter(self._question.completions(value)), None)


_drawn = lru_cache(maxsize=4)(safe_letters)
"""What is drawn of a text: asked for several times a key, of a text that may be a hundred thousand letters long."""


class SafeInput(Input):
    """An input that draws nothing a terminal would obey, and holds what was there before letter for letter.

    It does what its keys say in the order in which they come. The framework would first let the keys that edit rise
    to the app, and characters typed meanwhile would overtake them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+b", "cursor_left_word", show=False),
        Binding("alt+f", "cursor_right_word", show=False),
    ]

    seen: events.Key | None = None
    """The last key that came to it."""

    question: Question | None = None
    """What is asked."""

    async def on_key(self, event: events.Key) -> None:
        self.seen = event
        prompt = self.query_ancestor(Prompt)
        if not prompt.is_open:  # typed after the key that closed it, and sent here before that was done
            event.stop()
            event.prevent_default()
            self.screen.post_message(events.Key(event.key, event.character))
            return
        if event.key in ("enter", "escape"):  # at once: the next key is here already
            event.stop()
            event.prevent_default()
            if event.key == "enter":
                prompt.submit(self.value)
            else:
                prompt.leave()
            return
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            self._go_on()
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            event.stop()
            event.prevent_default()
            await self.run_action(binding.action)

    def on_paste(self, event: events.Paste) -> None:
        """Have the first line pasted, and no control character, which could not be typed either."""
        event.text = without_controls(next(iter(event.text.splitlines()), ""))

    def action_cursor_right(self, select: bool = False) -> None:
        if self._suggestion and self.cursor_at_end and not select:
            self._go_on()
        else:
            super().action_cursor_right(select)

    def action_delete_right(self) -> None:
        if self.selection.is_empty:
            self.delete(self.cursor_position, self._beside(self.cursor_position + 1, 1))
        else:
            self.delete_selection()

    def _go_on(self) -> None:
        """Complete what is typed, where that is offered."""
        taken = None if self.question is None else self.question.taken(self.value)
        if taken is not None:
            self.value = taken
            self.cursor_position = len(taken)

    # -- what is drawn, and where the cursor is in it: places in what is drawn are those in the text -------------------

    @property
    def _value(self) -> Text:
        return Text(_drawn(self.value), no_wrap=True, overflow="ignore", end="")

    def validate__suggestion(self, suggestion: str) -> str:
        return safe_letters(suggestion)

    def validate_selection(self, selection: Selection) -> Selection:
        """The selection, its ends before or behind what is drawn as one: a letter and its marks, a family of emoji."""
        step = 1 if selection.end > self.selection.end else -1
        start, end = super().validate_selection(selection)
        return Selection(self._beside(start, step), self._beside(end, step))

    def _beside(self, place: int, step: int) -> int:
        """The next place from there on, in steps of 1 or -1, where the cursor may be."""
        shown = _drawn(self.value)
        while 0 < place < len(shown) and (shown[place - 1] == JOINER or not cell_len(shown[place])):
            place += step
        return min(place, len(shown))

    def _position_to_cell(self, position: int) -> int:
        return cell_len(_drawn(self.value)[:position])

    def _cell_offset_to_index(self, offset: int) -> int:
        across = offset + self.scroll_offset.x
        return bisect_right(range(len(self.value) + 1), across, key=self._position_to_cell) - 1


class _Words(Painted):
    """The label before the input, or the hint or trouble under it."""

    def __init__(self, style: str, *, id: str) -> None:
        super().__init__(id=id)
        self.line: Line = ()
        self.style = style

    def say(self, text: str, style: str) -> None:
        self.line = [(self.app.keymap.in_words(text), style)]
        self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        """The words in as many lines as there are; what is too long for them is cut after a word."""
        lines: list[Line] = []
        for text, style in self.line:
            first, *more = folded(text.strip(), width - 2)
            shown = (
                [first, *more[: height - 2], " ".join(more[height - 2 :])] if more and height > 1 else [text.strip()]
            )
            lines += [[(f" {line}", style)] for line in shown if line]
        return lines


class Prompt(Vertical):
    """Asks one `Question` at a time; hidden otherwise."""

    @dataclass
    class Toggled(Message):
        """The prompt was opened or closed."""

        is_open: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.question: Question | None = None

    def compose(self) -> ComposeResult:
        yield _Words("dim", id="prompt-hint")
        with Horizontal():
            yield _Words("accent", id="prompt-label")
            yield SafeInput(compact=True, id="prompt-input", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.display = False

    @property
    def is_open(self) -> bool:
        return self.question is not None

    def ask(self, question: Question) -> None:
        """Open with that question."""
        self.question = question
        label = self.query_one("#prompt-label", _Words)
        label.styles.width = len(question.label) + 2
        label.say(f" {question.label} ", "accent")
        field = self.query_one(SafeInput)
        field.question, field.suggester = question, _Completions(question)
        field.value = question.value
        field.selection = Selection(0 if question.replaces else len(question.value), len(question.value))
        self._say_hint()
        self.display = True
        self.screen.add_class("-asking")
        self.post_message(self.Toggled(is_open=True))
        self.screen.set_focus(field, scroll_visible=False)  # at once: the next key may be here already

    def take(self, event: events.Key) -> None:
        """Hand a key to the input that was typed before it had the focus, and not yet came by it."""
        field = self.query_one(SafeInput)
        if field.seen is not event:
            event.stop()
            event.prevent_default()
            field.post_message(events.Key(event.key, event.character))

    def close(self) -> None:
        """Close without an answer."""
        self.question = None
        self.display = False
        self.screen.remove_class("-asking")
        self.post_message(self.Toggled(is_open=False))
        self.screen.set_focus(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.question is None or self.question.check is None or not event.value.strip():
            self._say_hint()
            return
        if self._say_completions(self.question, event.value):
            return
        try:
            self.question.check(event.value)
        except KellyError as error:
            self._say_trouble(error)
        else:
            if self.question.heed is not None:
                self.query_one("#prompt-hint", _Words).say(f" {self.question.heed(event.value)}", "dim")
            else:
                self._say_hint()

    def submit(self, value: str) -> None:
        """Close with that answer; stay open where it can't be one."""
        question = self.question
        if question is None:
            return
        try:
            if question.check is not None and value.strip():
                question.check(value)
            self.close()
            question.answer(value)
        except KellyError as error:
            if not self.is_open:
                self.ask(Question(**{**vars(question), "value": value, "replaces": False}))
            self._say_trouble(error)

    def leave(self) -> None:
        """Close without an answer, and do what is to be done then."""
        cancelled = self.question.cancelled if self.question else None
        self.close()
        if cancelled is not None:
            cancelled()

    def _say_completions(self, question: Question, text: str) -> bool:
        """Name the ways in which an unfinished text may go on, if there is more than one."""
        ways = question.completions(text) if question.complete is not None else ()
        if not ways:
            return False
        stem = max(text.rfind(" "), text.rfind(":"), text.rfind("|")) + 1
        self.query_one("#prompt-hint", _Words).say(f" tab: {'  '.join(way[stem:] for way in ways)}", "dim")
        return True

    def _say_hint(self) -> None:
        self.query_one("#prompt-hint", _Words).say(f" {self.question.hint if self.question else ''}", "dim")

    def _say_trouble(self, error: KellyError) -> None:
        self.query_one("#prompt-hint", _Words).say(f" {error}", "broken")
