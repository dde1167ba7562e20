"""The app: which dataset is open, which screen is shown, what all screens share."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.filter import ANSIToTruecolor, LineFilter
from textual.message import Message

from kelly_tui.errors import DatasetError, KellyError, SoundError, StageError
from kelly_tui.settings import Settings
from kelly_tui.store.runs import at_work
from kelly_tui.text import count
from kelly_tui.ui import garbage, stages
from kelly_tui.ui.commands import ActionProvider, Palette
from kelly_tui.ui.keymap import Keymap, default_keymap
from kelly_tui.ui.plain import Plain
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.session import Session
from kelly_tui.ui.silence import Silence, Sound
from kelly_tui.ui.size import drawable
from kelly_tui.ui.theme import MONO, THEMES, after, theme_name

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.store.past import Past
    from kelly_tui.ui.saver import Order
    from kelly_tui.ui.screens.listening import Listening


def _now() -> str:
    return f"{datetime.now():%H:%M:%S}"


class Gone(Message):
    """There is no terminal any more, or somebody wants the app to end."""


class KellyApp(App[None], inherit_bindings=False):
    """Holds the open dataset, the sound, the keys and the settings; screens do the rest."""

    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {ActionProvider}
    TITLE = "kelly"
    ENABLE_COMMAND_PALETTE = False  # else the framework binds its key, before and beside the keymap

    def __init__(
        self,
        settings: Settings,
        datasets: Path,
        dataset: Path | None = None,
        filter: str = "",
        *,
        keymap: Keymap | None = None,
        sound: Callable[[Settings], Sound] | None = None,
        clock: Callable[[], str] = _now,
    ) -> None:
        """`dataset` None opens the picker of those in `datasets`. `sound` None: no sound process is started."""
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = MONO if self.no_color else theme_name(settings.theme)
        self._plain = [Plain()] if settings.glyphs == "ascii" else []
        self.settings = settings
        self.datasets = datasets
        self.keymap = keymap or default_keymap()
        self.clock = clock
        self.autoplay = settings.autoplay
        self.hides_guesses = settings.hide_guesses
        self.volume = settings.volume
        self.speed = 1.0
        """That was asked for: the sound process takes a moment to follow."""
        self.soundfont = ""
        """That MIDI is heard with: chosen by key, by the dataset, or in settings; empty before a dataset is open."""
        self._silence = Silence()
        self.engine: Sound = self._silence
        self.session: Session | None = None
        self.workstation: Workstation | None = None
        self.notice = ("", "text")
        """What is to be said once the first screen is there."""
        self.warned = ""
        """What was said when leaving was asked for, until another key."""
        self.unsaved: list[Order] = []
        """After the app has ended: edits that could not be written."""
        self.edited: list[Path] = []
        """After the app has ended: datasets whose views are behind their catalogue."""
        self.failed: KellyError | None = None
        """After the app has ended: why it could not begin."""
        self.told_to_end: Callable[[], object] = lambda: None
        """What is done at once when a signal says that the app should end."""
        self._first = (dataset, filter)
        self._make_sound = sound

    def on_mount(self) -> None:
        dataset, wanted = self._first
        if dataset is None:
            self.action_datasets()
        else:
            try:
                self.open_dataset(dataset, wanted)
            except (KellyError, sqlite3.Error, OSError) as error:
                self.failed = error if isinstance(error, KellyError) else KellyError(str(error), path=dataset)
                self.exit()
                return
        if not self.is_headless:
            self._heed_signals(asyncio.get_running_loop())
        self.call_after_refresh(self._give_notice)
        self.call_after_refresh(self._start_sound)
        self.set_timer(1.0, garbage.resume)

    def _heed_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        def told(*_: object) -> None:  # not by the loop: it may wait for a terminal that nobody reads
            self.told_to_end()
            loop.call_soon_threadsafe(self.terminal_gone)

        for sign in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(sign, told)

    def _give_notice(self) -> None:
        if self.notice[0] and isinstance(self.screen, KeyedScreen):
            self.screen.say(*self.notice)

    def terminal_gone(self) -> None:
        """From any thread: end as soon as what waits is saved, without a question, since nobody sees it."""
        self.post_message(Gone())

    async def on_gone(self) -> None:
        self.leave()

    def _start_sound(self) -> None:
        if self._make_sound is None:
            return
        self.engine = self._make_sound(self.settings)
        self.engine.start()
        self.engine.set_volume(self.volume)
        if self.soundfont != self.settings.soundfont:
            self.engine.set_soundfont(self.soundfont)
        if self.workstation is not None and self.workstation.heard is not None:
            self.workstation.load(self.workstation.heard, play=self._silence.wanted)

    def _tell(self, message: Message) -> None:
        """Pass on what another thread has to say to the screen that the edits are made on."""
        if self.workstation is not None:
            self.workstation.post_message(message)

    async def on_event(self, event: events.Event) -> None:
        """No screen is drawn larger than is sane, whoever says how large it is: a page, a terminal, the environment."""
        if isinstance(event, events.Resize) and event.size != (size := drawable(*event.size)):
            event = events.Resize.from_dimensions(size, None)
        await super().on_event(event)

    def _handle_exception(self, error: Exception) -> None:
        """What the catalogue can't say when a timer or a drawing asks is told; any other error ends the app."""
        screen = self.screen if self.screen_stack else None
        if isinstance(error, (KellyError, sqlite3.Error)) and isinstance(screen, KeyedScreen) and screen.is_mounted:
            screen.say_trouble(error)
        else:
            super()._handle_exception(error)

    # -- the dataset --------------------------------------------------------------------------------------------------

    def open_dataset(self, root: Path, filter: str = "", past: Past | None = None) -> None:
        """Open a dataset, as it is or was, in a workstation. Raises `KellyError` with the old one still open."""
        session = Session(root, self.settings.annotator, self._tell, past)
        self.close_dataset()
        self.session = session
        self.play_with(session.config.soundfont or self.settings.soundfont)
        self.workstation = Workstation(session, filter)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(self.workstation)

    async def open_past(self, moment: datetime | int) -> None:
        """Show the dataset as it was at a moment, or after the event of that number. Raises `KellyError`."""
        from kelly_tui.store.past import Past

        session = self.opened()
        past = await asyncio.to_thread(Past, session.root, moment)
        if self.session is session:
            self.open_dataset(session.root, self.workstation.filter if self.workstation else "", past)
        else:
            past.close()

    def close_dataset(self) -> None:
        """Write what is waiting and let go of the dataset."""
        if self.session is not None:
            self.session.close()
            self.unsaved += self.session.saver.unsaved
            if self.session.saver.has_saved and self.session.root not in self.edited:
                self.edited.append(self.session.root)
            self.session = self.workstation = None

    def play_with(self, soundfont: str) -> None:
        """Hear MIDI with that SoundFont from now on; empty means `paths.soundfont`'s choice."""
        if soundfont != self.soundfont:
            self.soundfont = soundfont
            self.engine.set_soundfont(soundfont)

    def opened(self) -> Session:
        """The open dataset; a `DatasetError` when there is none."""
        if self.session is None:
            raise DatasetError("no dataset is open", hint="Choose one with ‹open›.")
        return self.session

    def start_stage(self, stage: stages.Stage, text: str = "") -> None:
        """Start a stage in a process of its own. Raises `StageError`."""
        session = self.opened()
        if session.is_running:
            raise StageError(
                "another stage is running", hint="Wait for it, or stop it in the pipeline (‹pipeline›, ‹cancel›)."
            )
        at = at_work(session.catalogue.layout)
        if at is not None and stage.name != "validate":  # which only looks
            raise StageError(f"{at.stage} runs elsewhere (process {at.pid})", hint="Wait for it, or stop it there.")
        session.start(stages.arguments(stage, session.root, text, session.said.get(stage.name)))
        if isinstance(self.screen, KeyedScreen):
            self.screen.say(f"{stage.name} started", "dim")

    # -- looks --------------------------------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What all that is drawn goes through; where the terminal's own colours are meant, they stay."""
        given = super().get_line_filters()
        if self.native_ansi_color:
            given = [one for one in given if not isinstance(one, ANSIToTruecolor)]
        return [*given, *self._plain]

    def action_theme(self) -> None:
        """The next of the themes, until the app ends."""
        if self.no_color:
            raise KellyError("there are no colours", hint="NO_COLOR is set in the environment.")
        chosen = after(self.theme)
        self.theme = theme_name(chosen)
        if isinstance(self.screen, KeyedScreen):
            self.screen.say(f'colours: {chosen}   theme = "{chosen}" in settings.toml keeps them', "dim")

    # -- sound --------------------------------------------------------------------------------------------------------

    def change_volume(self, by: float) -> None:
        self.volume = max(0.0, min(round(self.volume + by, 2), 1.0))
        self.engine.set_volume(self.volume)

    # -- screens ------------------------------------------------------------------------------------------------------

    async def action_back(self) -> None:
        """Leave the topmost screen, unless it is all there is."""
        if len(self.screen_stack) > 2:
            self.pop_screen()  # not awaited: the screen that goes is the one that asks

    def action_datasets(self) -> None:
        from kelly_tui.ui.screens.datasets import DatasetsScreen

        self.push_screen(DatasetsScreen(self.datasets))

    def open_pipeline(self, stage: str = "", *, start: bool = False) -> None:
        """Show the pipeline, with the cursor on that stage; `start` asks at once what it wants."""
        from kelly_tui.ui.screens.pipeline import PipelineScreen

        self.push_screen(PipelineScreen(self.opened(), stage, start=start))

    def compare_blind(self, variant: Sample, heard_in: Listening) -> None:
        """Hear a variant against what it was made from without knowing which is which.

        Raises `SoundError`, `FileRefused`.

        `heard_in`: the screen that had the engine, and gets it back.
        """
        from kelly_tui.ui.screens.blind import BlindScreen

        parent = self.opened().catalogue.get(variant.parent_id) if variant.parent_id else None
        if parent is None or self.workstation is None or parent.status != "ok" or variant.status != "ok":
            raise SoundError(
                "there are no two to compare", hint="‹blind› compares a variant with what it was made from."
            )
        for one in (parent, variant):
            self.opened().file_of(one)
        self.push_screen(BlindScreen(self.workstation, heard_in, variant, parent))

    def action_pipeline(self) -> None:
        self.open_pipeline()

    def action_report(self) -> None:
        from kelly_tui.ui.screens.report import ReportScreen

        self.push_screen(ReportScreen(self.opened()))

    def action_agreement(self) -> None:
        from kelly_tui.ui.screens.agreement import AgreementScreen

        self.push_screen(AgreementScreen(self.opened()))

    def action_history(self, sample: Sample | None = None) -> None:
        from kelly_tui.ui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(self.opened(), sample))

    def action_help(self) -> None:
        from kelly_tui.ui.screens.help import HelpScreen

        place = self.screen.place if isinstance(self.screen, KeyedScreen) else "list"
        self.push_screen(HelpScreen(self.keymap, place))

    def on_app_focus(self) -> None:
        """A person came back to this terminal."""
        if self.workstation is not None:
            self.workstation.look_outside()

    async def on_key(self, event: events.Key) -> None:
        """Quit works over screens that know nothing of the keymap: the palette."""
        hit = self.keymap.find("help", (event.key,))
        if hit is not None and hit.action == "quit":
            await self.action_quit()

    def action_palette(self) -> None:
        self.push_screen(Palette())

    async def action_quit(self) -> None:
        """Save what is waiting, then end; where something would be lost or stopped, only when asked twice."""
        question = self._at_stake()
        if question and question != self.warned:
            if not isinstance(self.screen, KeyedScreen):  # the palette, which has no line to say it in
                self.pop_screen()
            assert isinstance(self.screen, KeyedScreen)
            self.screen.warn(f"{question}, ‹back› stays")
            self.warned = question
            return
        self.leave()

    def _at_stake(self) -> str:
        """What is lost or stopped by leaving now, and how to leave; empty for nothing."""
        session, workstation = self.session, self.workstation
        if session is None or workstation is None:
            return ""
        again = f"{self.keymap.shown('quit')} again"
        if (why := session.saver.delay) and workstation.unsaved:
            n = workstation.unsaved
            are = "is" if n == 1 else "are"
            return f"{count(n, 'edit')} {are} not saved: {why}. {again} quits and prints them"
        if session.is_running and session.job is not None:
            return f"{session.job.stage} is running. {again} stops it, what is done is kept"
        return ""

    def action_suspend(self) -> None:
        """Into the background of the shell, silent; the shell's ``fg`` comes back."""
        if self.engine.state.playing:
            self.engine.toggle()
        self.action_suspend_process()

    def leave(self) -> None:
        """Save what is waiting, then end."""
        self.close_dataset()
        self.engine.close()
        self.exit()
