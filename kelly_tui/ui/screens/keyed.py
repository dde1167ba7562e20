"""What every screen does with keys: one keymap, sequences, and actions that are methods."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from kelly_tui.errors import KellyError
from kelly_tui.store.connection import meaning
from kelly_tui.store.damage import is_of_another_form
from kelly_tui.ui.actions import BY_ID
from kelly_tui.ui.held import Deed
from kelly_tui.ui.keyboard import parted
from kelly_tui.ui.keymap import Hit, Keys
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.prompt import Prompt, Question
from kelly_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kelly_tui.ui.app import KellyApp


FAR = 1 << 40
"""More lines than there are."""


class KeyedScreen(Screen[None]):
    """Turns keys into actions: ``action_<id>`` of the screen, else of the app. A `KellyError` is said, never raised."""

    AUTO_FOCUS = ""
    place = "list"
    """The scope of the table of actions in which its keys are looked up."""
    app: KellyApp

    def __init__(self) -> None:
        super().__init__()
        self.typed: Keys = ()
        self._refused = ""
        """Why the last key could not be obeyed."""

    @abstractmethod
    def say(self, words: str, style: str = "text") -> None:
        """Tell the person something, where this screen tells things."""

    def say_trouble(self, error: Exception | str) -> None:
        """Tell what went wrong."""
        self.say(self._in_words(error), "broken")

    def _in_words(self, error: Exception | str) -> str:
        workstation = self.app.workstation
        if isinstance(error, sqlite3.Error) and workstation is not None:
            error = meaning(error, workstation.session.catalogue.layout.catalogue_path)
            if isinstance(error, sqlite3.Error) and is_of_another_form(error):
                return (
                    f"the catalogue can't be read: {error}. Leave all kelly programs and start one again: it looks why."
                )
        return str(error)

    def renew(self, words: str) -> None:
        """Something was saved while this screen is on top: show it. `words` say what."""

    async def _dispatch_message(self, message: Message) -> None:
        """What the catalogue can't say while a message is heeded, as when it is overwritten, ends nothing."""
        try:
            await super()._dispatch_message(message)
        except (KellyError, sqlite3.Error) as error:
            self.say_trouble(error)

    async def on_key(self, event: events.Key) -> None:
        workstation = self.app.workstation
        for key in [event] if self.query_one(Prompt).is_open else parted(event):
            if workstation is not None and workstation.holds(key):
                event.stop()
                event.prevent_default()
            else:
                await self._obey(key)

    async def obey_held(self) -> None:
        """Do what has waited, in its order; one of it may be an undo, for which the rest waits again."""
        workstation = self.app.workstation
        while workstation is not None and workstation.held.waiting and not workstation.held.waits:
            one = workstation.held.waiting.pop(0)
            await (self._obey(one) if isinstance(one, events.Key) else one())

    async def in_turn(self, deed: Deed) -> None:
        """Do what was clicked, after what was wanted before it."""
        workstation = self.app.workstation
        if workstation is None or not workstation.holds(deed):
            await deed()

    async def _obey(self, event: events.Key) -> None:
        key = event.key
        if self.app.screen is not self:  # the key before led away from here
            event.stop()
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        if self.query_one(Prompt).is_open:
            if self.app.keymap.find(self.place, (key,)) == Hit("quit", ()):
                event.stop()
                await self.perform("quit")
            else:
                self.query_one(Prompt).take(event)
            return
        if event.is_printable and event.character and event.character != " ":
            key = event.character
        event.stop()
        event.prevent_default()
        if key == "escape" and self.app.warned:
            self.app.warned = ""
            self.say("")
            return
        if key == "escape" and self.typed:
            self._typed(())
            return
        typed = (*self.typed, key)
        hit = self.app.keymap.find(self.place, typed)
        if hit is not None:
            self._typed(())
            await self.perform(hit.action, *hit.digits)
        elif self.app.keymap.continuations(self.place, typed):
            self._typed(typed)
        else:
            self._typed(())
            if key == "ctrl+c":
                self.say("‹quit› quits", "dim")

    async def on_click(self, event: events.Click) -> None:
        """Do what was clicked, where that does something; see `paint.clickable`."""
        does = str(event.style.meta.get("does", ""))
        if not does or self.query_one(Prompt).is_open:
            return
        event.stop()
        self._typed(())
        action, *arguments = does.split(" ")
        clicked = getattr(self, f"clicked_{action}", None)
        if clicked is not None:
            await self.in_turn(partial(self.carry_out, clicked, *arguments))
        elif action in BY_ID and self.place in BY_ID[action].scopes:
            await self.in_turn(partial(self.perform, action, *map(int, arguments)))

    def _typed(self, typed: Keys) -> None:
        self.typed = typed
        self.query_one(Footer).show(self.place, typed)

    def warn(self, words: str) -> None:
        """Tell what a key would do if it were pressed again; where something is being typed, that is left."""
        prompt = self.query_one(Prompt)
        if prompt.is_open:
            prompt.close()
        self.say(words, "broken")

    async def perform(self, action: str, *arguments: Any) -> None:
        """Do an action of the table."""
        if action != "quit":
            self.app.warned = ""
        target = self if hasattr(self, f"action_{action}") else self.app
        await self.carry_out(getattr(target, f"action_{action}"), *arguments)

    async def carry_out(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Do something that a person asked for; where it can't be done, say why."""
        refused, self._refused = self._refused, ""
        try:
            result = work(*arguments)
            if result is not None:
                await result
        except (KellyError, sqlite3.Error, OSError) as error:
            self._refused = self._in_words(error)
            self.say_trouble(error)
        else:
            for line in self.query(StatusLine):
                line.unsay(refused)

    # -- moving, which every screen does -----------------------------------------------------------------------------

    @abstractmethod
    def move(self, steps: int) -> None:
        """Move the cursor by lines; it stops at the ends."""

    @abstractmethod
    def page_height(self) -> int:
        """Lines of what is scrolled."""

    def action_down(self) -> None:
        self.move(1)

    def action_up(self) -> None:
        self.move(-1)

    def action_page_down(self) -> None:
        self.move(max(self.page_height() - 1, 1))

    def action_page_up(self) -> None:
        self.move(-max(self.page_height() - 1, 1))

    def action_first(self) -> None:
        self.move(-FAR)

    def action_last(self) -> None:
        self.move(FAR)

    def action_command(self) -> None:
        from kelly_tui.ui.commands import COMMAND_HINT, run_command

        self.ask(Question(":", lambda text: run_command(self, text), hint=COMMAND_HINT))

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        """Do something that takes a while; a newer work of the same group replaces an older one."""
        self.run_worker(work, exclusive=True, group=group, exit_on_error=False)  # type: ignore[arg-type]

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        assert error is not None
        if not isinstance(error, (KellyError, sqlite3.Error, OSError)):
            raise error  # a fault of ours: better seen than hidden
        self.say_trouble(error)

    def ask(self, question: Question) -> None:
        """Open the prompt."""
        self.query_one(Prompt).ask(question)
