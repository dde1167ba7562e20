"""The command line of the workstation (``:``) and the palette: the same actions and stages, by name."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from kelly_tui.errors import KellyError, SoundError
from kelly_tui.model.labels import nearest
from kelly_tui.ui.actions import ACTIONS, DIGIT, Action
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.stages import BY_NAME


def is_plain(action: Action) -> bool:
    """Whether an action needs no digit to say what it is about."""
    return not any(DIGIT in key for key in action.keys)


def offered(place: str) -> list[Action]:
    """The actions that can be done by name there."""
    return [action for action in ACTIONS if place in action.scopes and is_plain(action)]


COMMAND_HINT = "sort bpm · filter key:Am · extract · augment 10 · synthesize 500 · split · import ~/Music · device"

SYSTEM = "system"
"""``:device system`` leaves the choice to the system."""


def run_command(screen: KeyedScreen, text: str) -> None:
    """Do what was typed: an action's id, a stage with what it wants, ``sort``, ``filter``, ``device``, ``as-of`` a
    moment or ``now``.

    Raises `KellyError`.
    """
    name, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if not name:
        return
    workstation = screen.app.workstation
    if name == "sort" and workstation is not None:
        workstation.sort_by(rest)
    elif name == "filter" and workstation is not None:
        workstation.find(rest)
    elif name == "as-of":
        from kelly_tui.store.past import read_moment

        screen.start(partial(screen.app.open_past, read_moment(rest)), "past")
    elif name == "now":
        screen.app.open_dataset(screen.app.opened().root, workstation.filter if workstation else "")
    elif name == "device":
        screen.start(partial(_choose_device, screen, rest), "device")
    elif name in BY_NAME:
        screen.app.start_stage(BY_NAME[name], rest)
    elif name in (here := [action.id for action in offered(screen.place)]):
        screen.call_next(screen.perform, name)
    else:
        guess = nearest(name, (*here, *BY_NAME, "sort", "filter", "device", "as-of", "now"))
        raise KellyError(
            f"there is no command {name!r}", hint=f"Did you mean {guess}?" if guess else "‹help› shows all."
        )


async def _choose_device(screen: KeyedScreen, wanted: str) -> None:
    """Send the sound to the device whose name has `wanted` in it; without it, name those that there are."""
    from kelly_tui.playback.devices import device_names

    if wanted == SYSTEM:
        screen.app.engine.set_device("")
        screen.say("sound goes where the system sends it", "dim")
        return
    names = await asyncio.to_thread(device_names)  # the sound system may take its time
    if not wanted:
        screen.say(f"devices: {' · '.join([SYSTEM, *names])}   ‹command›device NAME chooses", "text")
        return
    fitting = [name for name in names if wanted.casefold() in name.casefold()]
    chosen = next((name for name in names if name == wanted), next(iter(fitting), None))
    if chosen is None:
        raise SoundError(f"there is no device {wanted!r}", hint=f"There are: {', '.join(names)}.")
    screen.app.engine.set_device(chosen)
    screen.say(f"sound goes to {chosen}   device = in settings.toml keeps that", "dim")


class Palette(CommandPalette):
    """The framework's, but that esc leaves at once: the next key is here already, and is for the screen under it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "escape", show=False, priority=True)]


class ActionProvider(Provider):
    """Offers every action that works on the screen under the palette."""

    def _offered(self) -> list[Action]:
        screen = self.screen
        return offered(screen.place) if isinstance(screen, KeyedScreen) else []

    async def discover(self) -> Hits:
        for action in self._offered():
            yield DiscoveryHit(self._words(action), self._run(action), help=None)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._offered():
            words = self._words(action)
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), self._run(action))

    def _words(self, action: Action) -> str:
        screen = self.screen
        assert isinstance(screen, KeyedScreen)
        keymap = screen.app.keymap
        words, keys = keymap.in_words(action.words), keymap.shown_all(action.id)
        return (f"{words}  ({', '.join(keys)})" if keys else words).replace("[", r"\[")

    def _run(self, action: Action) -> partial[Any]:
        screen = self.screen
        assert isinstance(screen, KeyedScreen)
        return partial(screen.perform, action.id)
