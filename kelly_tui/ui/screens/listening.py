"""The part of the workstation that is heard: what is loaded, the playhead, the picture of the music."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual import on

from kelly_tui.errors import FileRefused, KellyError, SoundError
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.widgets.music_view import Chords, MusicView, Sought
from kelly_tui.ui.widgets.status_line import StatusLine
from kelly_tui.ui.widgets.transport import Transport
from kelly_tui.ui.words import clock

if TYPE_CHECKING:
    from textual.timer import Timer

    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.picture import Picture
    from kelly_tui.ui.session import Session

FRAME = 1 / 16
"""Seconds between two looks at the playhead while something plays."""

LINGER = 16
"""Frames that are still drawn after the last sign of sound: starting takes the sound process a moment."""

SLOW_START = 320
"""The same, while the file is not in place yet: a busy machine, or a sound process that is just being started; and
while something is said that may go by itself."""

SHORTEST_LOOP = 0.4
"""Seconds. Who marks the end so soon after the start wants no loop."""

HIGHEST = 12
"""Semitones that MIDI can be heard away from what is written."""

SPEED_STEP = 1.1
SLOWEST, FASTEST = 0.5, 2.0
VOLUME_STEP = 0.1


class Music(Protocol):
    """What draws the music that is heard."""

    @property
    def picture(self) -> Picture | None: ...
    def show(self, picture: Picture | None, chords: Chords = (), sentence: str = "") -> None: ...
    def follow(self, playhead: float, loop: tuple[float, float] | None = None) -> None: ...


class Listening(KeyedScreen):
    """Loads the sample on which the cursor rests, plays it, and follows it."""

    session: Session
    heard: Sample | None = None
    """What is loaded: the sample under the cursor, or what it was made from."""
    _title = ""
    _told = ""
    """What was last said of how it is heard."""
    _silent_for = ""
    """Why there is no sound, as it was said."""
    _loop: tuple[float, float] | None = None
    """The seconds that are to be repeated."""
    _loop_from: float | None = None
    """Where the whole began to loop: the start of a region whose end is still to be marked."""
    _semitones = 0
    _quiet_frames = 0
    _frames: Timer

    @property
    def music(self) -> Music:
        return self.query_one(MusicView)

    def on_mount(self) -> None:
        self._frames = self.set_interval(FRAME, self.follow, pause=True)

    def load(self, sample: Sample | None, *, play: bool = False, at: float = 0.0) -> None:
        """Load a sample for the ear and the eye; `at` seconds from its start. None: nothing."""
        self._loop, self._loop_from, self._semitones = None, None, 0
        why = self._why_silent(sample)
        if sample is None or why:
            self._entitle(sample)
            self.music.show(None, sentence=why)
            self.app.engine.stop()
            self.follow()
            return
        self.app.engine.load(self._put_up(sample))
        self.make_versions_ready(sample)
        if at:
            self.app.engine.seek(at)
        if play:
            self.app.engine.play()
        self._watch()

    def _why_silent(self, sample: Sample | None) -> str:
        """Why a sample can be neither heard nor drawn; empty where it can, and where there is none."""
        if sample is None:
            return ""
        try:
            self.session.file_of(sample)
        except FileRefused as error:
            return error.what
        return "" if sample.status == "ok" else sample.status

    def what_brings_back(self) -> Callable[[], None]:
        """Loads what is heard now, where it is and playing if it does, after another screen had the engine."""
        heard, state, loop = self.heard, self.app.engine.state, self._loop
        goal, playing = state.goal, state.playing

        def bring_back() -> None:
            self.load(heard, play=playing, at=goal)
            if loop is not None:
                self._loop = loop
                self.app.engine.set_loop(loop)

        return bring_back

    def _entitle(self, sample: Sample | None) -> None:
        self.heard = sample
        for line in self.query(StatusLine):
            line.unsay(self._told)
        self._title = self._title_of(sample) if sample is not None else ""

    def _put_up(self, sample: Sample) -> Path:
        """Name it and draw it, as soon as that can be; where its file is. Raises `FileRefused`."""
        self._entitle(sample)
        path = self.session.file_of(sample)
        self.music.show(None, sentence="…")  # reading may take a second: never the former's music under this name
        self.start(partial(self._draw, sample), "picture")
        return path

    def _tell(self, words: str, style: str) -> None:
        """Say how what is loaded is heard: true until another is."""
        self._told = words
        self.say(words, style)

    async def _draw(self, sample: Sample) -> None:
        try:
            picture = await asyncio.to_thread(read_picture, self.session.root, sample)
        except KellyError as error:
            what = error.what if isinstance(error, FileRefused) else str(error)
            self.music.show(None, sentence=what)
        else:
            self.music.show(picture, chords_of(sample))
        self.follow()

    def _title_of(self, sample: Sample) -> str:
        """Its name; of what was imported, its file's."""
        is_file = sample.origin == "imported"
        return sample.file_path.rpartition("/")[2] if is_file else self.session.name_of(sample)

    def follow(self) -> None:
        """Show where the playhead is; stop looking when nothing moves any more."""
        state, sample = self.app.engine.state, self.heard
        duration = (sample.duration_sec or 0.0) if sample else 0.0
        self.query_one(Transport).show(self._title, state, duration, autoplay=self.app.autoplay, through=self.through())
        self.music.follow(state.position, state.loop)
        if self._silent_for and state.message != self._silent_for:
            for line in self.query(StatusLine):
                line.unsay(self._silent_for)
            self._silent_for = ""
        self._quiet_frames = 0 if state.playing else self._quiet_frames + 1
        if self._quiet_frames > (LINGER if state.duration and not state.message else SLOW_START):
            self._frames.pause()

    def through(self) -> str:
        """Through which lenses it is heard, in words."""
        return ""

    def _watch(self) -> None:
        self._quiet_frames = 0
        self._frames.resume()
        self.follow()

    def rest(self) -> None:
        """Load now what was to be loaded once the cursor had rested: a key that came sooner means that."""

    def _sounding(self) -> Any:
        """The engine, when there is something in it to be moved about in."""
        self.rest()
        if self.heard is None or self._why_silent(self.heard):
            raise SoundError("there is nothing to play", hint="Choose a sample whose file can be read.")
        self._watch()
        return self.app.engine

    def action_play(self) -> None:
        engine = self._sounding()
        engine.toggle()
        if engine.state.message:  # the line above the music may have no room for it
            self._silent_for = engine.state.message
            self._tell(self._silent_for, "dim")

    @on(Sought)
    async def _sought(self, message: Sought) -> None:
        await self.carry_out(lambda: self._sounding().seek(message.seconds))

    def action_seek_on(self) -> None:
        self._step(1, 1.0, bars=False)

    def action_seek_back(self) -> None:
        self._step(-1, 1.0, bars=False)

    def action_bar_on(self) -> None:
        self._step(1, 5.0, bars=True)

    def action_bar_back(self) -> None:
        self._step(-1, 5.0, bars=True)

    def _step(self, way: int, seconds: float, *, bars: bool) -> None:
        """To the next or previous beat or bar line; by `seconds` where they are not known."""
        engine = self._sounding()
        picture, position = self.music.picture, engine.state.goal
        lines = () if picture is None else picture.bars if bars else picture.beats
        if not len(lines) or (way > 0 and lines[-1] <= position + 0.02):
            engine.seek_by(way * seconds)
        elif way > 0:
            engine.seek(next(line for line in lines if line > position + 0.02))
        else:  # just after a line, the one before it is meant
            engine.seek(next((line for line in reversed(lines) if line < position - 0.25), 0.0))

    def action_slower(self) -> None:
        self._go_at(max(self.app.speed / SPEED_STEP, SLOWEST))

    def action_faster(self) -> None:
        self._go_at(min(self.app.speed * SPEED_STEP, FASTEST))

    def action_normal_speed(self) -> None:
        self._go_at(1.0)

    def _go_at(self, speed: float) -> None:
        """Hear everything at that speed from here on."""
        self._sounding().set_speed(speed)
        self.app.speed = speed

    # -- lenses: what is heard changes, nothing that is stored does ----------------------------------------------------

    def action_hook(self) -> None:
        engine = self._sounding()
        if self.music.picture is None:
            raise SoundError("it is still being read", hint="Try again in a moment.")
        region = self.music.picture.hook()
        if self._loop == region:
            self._repeat(None)
            return
        self._repeat(region)
        engine.seek(region[0])
        engine.play()

    def action_loop(self) -> None:
        engine = self._sounding()
        here = self._on_beat(engine.state.position)
        duration = engine.state.duration or (self.heard.duration_sec if self.heard else None) or 0.0
        start = self._loop_from
        if self._loop is None:
            self._repeat((0.0, duration))
            self._loop_from = here
            self._tell(f"loops the whole   again: from {clock(here, tenths=True)} to where you are then", "accent")
        elif start is not None and here - start >= SHORTEST_LOOP:
            self._repeat((start, here))
        else:
            self._repeat(None)

    def _repeat(self, region: tuple[float, float] | None) -> None:
        self._loop, self._loop_from = region, None
        self.app.engine.set_loop(region)
        if region is None:
            self._tell("loops no more", "dim")
        else:
            self._tell(f"loops {clock(region[0], tenths=True)} to {clock(region[1], tenths=True)}", "accent")

    def _on_beat(self, seconds: float) -> float:
        """The nearest beat, where beats are known: a loop that keeps time."""
        beats = self.music.picture.beats if self.music.picture is not None else ()
        return min(beats, key=lambda beat: abs(beat - seconds), default=seconds)

    def action_hear_lower(self) -> None:
        self._hear_at(-1)

    def action_hear_higher(self) -> None:
        self._hear_at(1)

    def _hear_at(self, step: int) -> None:
        engine = self._sounding()
        if self.heard is not None and self.heard.file_type != "midi":
            raise SoundError("recorded sound is heard as it is", hint="‹hear_lower› and ‹hear_higher› transpose MIDI.")
        self._semitones = min(max(self._semitones + step, -HIGHEST), HIGHEST)
        engine.set_transpose(self._semitones)
        heard = f"{self._semitones:+d} semitones; nothing is written" if self._semitones else "as written"
        self._tell(f"heard {heard}", "accent" if self._semitones else "dim")

    def action_zoom_in(self) -> None:
        self._zoom(1)

    def action_zoom_out(self) -> None:
        self._zoom(-1)

    def _zoom(self, step: int) -> None:
        from kelly_tui.ui.picture import FURTHEST, NEAREST  # numpy: not on the way to the first paint

        view = self.query_one(MusicView)
        view.zoom = min(max(view.zoom + step, FURTHEST), NEAREST)
        view.repaint()

    def action_spectrum(self) -> None:
        view = self.query_one(MusicView)
        view.spectrum = not view.spectrum
        view.repaint()
        if self.heard is not None and self.heard.file_type == "midi":
            self.say(f"sound is drawn as a {'spectrogram' if view.spectrum else 'waveform'}; notes stay notes", "dim")

    def action_louder(self) -> None:
        self.app.change_volume(VOLUME_STEP)
        self.say(f"volume {self.app.volume:.0%}", "dim")

    def action_quieter(self) -> None:
        self.app.change_volume(-VOLUME_STEP)
        self.say(f"volume {self.app.volume:.0%}", "dim")

    def action_autoplay(self) -> None:
        self.app.autoplay = not self.app.autoplay
        self.say("plays after labelling" if self.app.autoplay else "does not play after labelling", "dim")
        self.follow()

    def hear_at_same_place(self, other: Sample) -> None:
        """Go on with another version of what is heard, at the same musical place; it plays if this one does."""
        before = self.heard
        if before is None or self._why_silent(before) or self._why_silent(other):
            self.load(other)
            return
        ratio = before.pace / other.pace
        self._loop = (self._loop[0] * ratio, self._loop[1] * ratio) if self._loop else None
        self._loop_from = None if self._loop_from is None else self._loop_from * ratio
        path = self._put_up(other)
        self.app.engine.switch(path, ratio)
        self.make_versions_ready(other)
        self._watch()

    def make_versions_ready(self, sample: Sample) -> None:
        """Have a variant and what it was made from ready to be switched between, equally loud."""
        parent = self.session.catalogue.get(sample.parent_id) if sample.parent_id is not None else None
        if parent is not None and parent.status == "ok":
            self.app.engine.set_decks(self.session.files_of((sample, parent)))

    def hear_other(self, shown: Sample) -> None:
        """Between a variant and what it was made from, at the same musical place. Raises `SoundError`."""
        if shown.parent_id is None:
            raise SoundError("it is no variant", hint="‹compare› compares a variant with what it was made from.")
        hearing_parent = self.heard is not None and self.heard.sample_id == shown.parent_id
        other = shown if hearing_parent else self.session.catalogue.get(shown.parent_id)
        if other is None:
            raise SoundError("what it was made from is gone")
        if why := self._why_silent(other):
            raise SoundError(f"{self.session.name_of(other)} can't be heard: {why}")
        self.hear_at_same_place(other)
        self.app.engine.play()
        self._tell(f"hearing {self._title}" + ("" if hearing_parent else ", the original"), "dim")


def read_picture(root: Path, sample: Sample) -> Picture:
    """What the music view draws of a sample. Raises `KellyError`."""
    from kelly_tui.ui import picture  # numpy and the parsers load after the first paint

    return picture.read_picture(root, sample)


def chords_of(sample: Sample) -> Chords:
    """The labelled chords, each with the second at which it begins; none without times."""
    names, times = sample.value("chord_progression"), sample.value("chord_times")
    if not isinstance(names, list) or not isinstance(times, list) or len(names) != len(times):
        return ()
    return [(float(str(time)), str(name)) for time, name in zip(times, names)]
