"""The app's handle on the sound process. Nothing here waits, and nothing here raises into the app."""

from __future__ import annotations

import math
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kelly_tui.playback.process import Command, run
from kelly_tui.playback.state import Board, PlaybackState
from kelly_tui.settings import Settings
from kelly_tui.text import safe_text

if TYPE_CHECKING:  # they bring the MIDI parser: the app has one already when it makes them
    from kelly_tui.render.companion import Companion
    from kelly_tui.render.lens import Lens

SILENT = 20
"""A sound process that gave no sign of life at so many looks in a row is ended and started again: after a second. Looks
are counted, not seconds: where the whole machine stood still, the process may be well."""

STOPPED = 10
"""The same, where the system says that it was stopped, which a busy machine does to nobody. Not at once: a moment may
be meant, or our whole group was stopped and goes on."""

HUNG = 6.0
"""Seconds after which a process that is still at one command, or at opening one file, is ended and started again."""

SLOW_START = 20.0
"""Seconds that it may take to start, or to load a SoundFont: libraries, devices and gigabytes take their time."""

QUICK, DEATHS = 10.0, 3
"""A process that lives for less than so many seconds so many times in a row is not started again."""

BLIND = 2
"""Where so many processes in a row crashed while they looked for devices, the next one does not look."""

CRASHES = frozenset(-sign for sign in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE))
"""Exit codes of a process that a library ended: not ours, and nobody's who wanted it to end."""

NOTICE = 6.0
"""Seconds for which it is said that it was started again, or until another file is asked for."""

SOON = 0.5
"""Seconds after which it is said what a file that was asked for still waits for."""

_IN_FLIGHT = 100
"""Commands not yet carried out that the pipe may hold; it holds more, so writing never blocks."""

_GLANCE = 0.05
"""Seconds between two looks at the process."""


class Engine:
    """Plays one file at a time, in a process of its own, which is started again where it left off when it dies.

    Make it before the app takes over the terminal, `start` it, and `close` it at the end.
    """

    def __init__(self, settings: Settings) -> None:
        resource_tracker.ensure_running()  # it can't be started once Textual holds standard error
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["kelly_tui.playback.player"])
        self._board = Board()
        self._soundfont = settings.soundfont
        self._device: str | None = settings.device
        self._volume = settings.volume
        self._speed = 1.0
        self._loop: tuple[float, float] | None = None
        self._lens: Lens | None = None
        self._companion: Companion | None = None
        self._path: Path | None = None
        self._token, self._asked_at = 0, 0.0
        self._move, self._goal = 0, 0.0
        self._kin: list[str] = []
        self._next: list[str] = []
        self._notice, self._notice_ends = "", 0.0
        self._crashed_looking = 0
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._thread = threading.Thread(target=self._supervise, name="sound", daemon=True)

    def start(self) -> None:
        """Start the process. Commands given before it is up are carried out when it is."""
        self._thread.start()

    def load(self, path: Path) -> None:
        """Put a file in place, audio or MIDI by its content, at its start, not playing."""
        self._path, self._loop, self._notice, self._kin = path, None, "", []
        self._lens = self._companion = None
        self._ask()
        self._commands.put(("load", self._token, str(path), 0.0, self._moved(0.0)))

    def switch(self, path: Path, ratio: float = 1.0) -> None:
        """Go on with another version of what is heard at the same musical place, playing if that did.

        Loop, lens and companion go with it, at its pace.

        `ratio`: how many seconds of the other one second of the present one is: 2 for one at half the tempo.
        """
        self._path = path
        self._loop = (self._loop[0] * ratio, self._loop[1] * ratio) if self._loop else None
        self._lens = self._lens.stretched(ratio) if self._lens else None
        self._companion = self._companion.stretched(ratio) if self._companion else None
        self._ask()
        self._commands.put(("switch", self._token, str(path), ratio, self._moved(self.state.goal * ratio)))

    def set_decks(self, paths: Sequence[Path]) -> None:
        """Name the versions that will be switched between, the present one among them, until the next file.

        They are made ready one after another, and then heard as loud as the one that was loaded.
        """
        self._kin = [str(path) for path in paths]
        self._commands.put(("set_decks", self._kin))

    def prepare(self, paths: Sequence[Path]) -> None:
        """Have these files open: they will be asked for next."""
        self._next = [str(path) for path in paths]
        self._commands.put(("prepare", self._next))

    def play(self) -> None:
        self._commands.put(("play",))

    def pause(self) -> None:
        self._commands.put(("pause",))

    def toggle(self) -> None:
        """Pause what plays, play what does not."""
        self._commands.put(("toggle",))

    def stop(self) -> None:
        """Pause, and go back to the start."""
        self._commands.put(("stop", self._moved(0.0)))

    def seek(self, seconds: float) -> None:
        """Go to `seconds`, playing or not."""
        self._commands.put(("seek", float(seconds), self._moved(float(seconds))))

    def seek_by(self, seconds: float) -> None:
        """Go forward, or back, by `seconds`, from where what was asked before leads."""
        self.seek(max(self.state.goal + seconds, 0.0))

    def set_speed(self, ratio: float) -> None:
        """Play `ratio` (0.5 to 2) times as fast, pitch kept."""
        self._speed = float(ratio)
        self._commands.put(("set_speed", self._speed))

    def set_volume(self, volume: float) -> None:
        """0..1."""
        self._volume = float(volume)
        self._commands.put(("set_volume", self._volume))

    def set_loop(self, region: tuple[float, float] | None) -> None:
        """Repeat from `region`'s first to its second time in seconds; None ends that."""
        self._loop = region
        self._commands.put(("set_loop", region))

    def set_transpose(self, semitones: int) -> None:
        """Hear MIDI so many semitones (-12 to 12) higher than it is written, until the next file."""
        from kelly_tui.render.lens import Lens

        self.set_lens(replace(self._lens or Lens(), semitones=semitones))

    def set_lens(self, lens: Lens) -> None:
        """Hear MIDI otherwise than it is written, until the next file."""
        self._lens = lens
        self._commands.put(("set_lens", lens))

    def set_companion(self, companion: Companion) -> None:
        """Hear that beside the music, until the next file."""
        self._companion = companion
        self._commands.put(("set_companion", companion))

    def set_device(self, name: str) -> None:
        """Play on the device of that name from now on; empty means the system's choice."""
        self._device = name
        self._commands.put(("set_device", name))

    def set_soundfont(self, path: str) -> None:
        """Play MIDI with that SoundFont as soon as it is loaded; empty means `paths.soundfont`'s choice."""
        self._soundfont = path
        self._commands.put(("set_soundfont", path))

    @property
    def state(self) -> PlaybackState:
        """What plays now, read from shared memory: never waits."""
        memory = self._board.memory
        ready = bool(self._token) and memory.token == self._token
        duration = float(memory.duration) if ready else 0.0
        goal = memory.cursor if memory.move == self._move and ready else self._goal
        return PlaybackState(
            loaded=str(self._path) if ready and duration else None,
            position=min(max(self._board.position(), 0.0), duration),
            goal=min(max(float(goal), 0.0), duration) if duration else float(goal),
            duration=duration,
            playing=bool(memory.playing) and ready,
            ready=ready,
            level=float(memory.level),
            speed=float(memory.speed),
            semitones=int(memory.semitones) if ready else 0,
            loop=(memory.loop_start, memory.loop_end) if ready and memory.loop_end else None,
            matched=bool(memory.matched) and ready,
            message=self._board.message or self._said(ready),
            underruns=int(memory.underruns),
            latency=float(memory.latency),
        )

    @property
    def pid(self) -> int | None:
        """The present process, if there is one."""
        process = self._process
        return process.pid if process is not None else None

    def close(self) -> None:
        """End the process. Returns within a second."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(0.9)

    def _supervise(self) -> None:
        deaths, was_up = 0, False
        commands: list[Command] = []
        while not self._closing.is_set():
            begun = time.monotonic()
            undone, untold = self._live(commands)
            deaths = deaths + 1 if time.monotonic() - begun < QUICK else 1
            was_up = bool(self._board.memory.up) or (was_up and deaths > 1)
            if self._crashed_looking >= BLIND:
                self._device, self._crashed_looking = None, 0
            if self._closing.is_set():
                return
            self._board.message = ""  # what the next process says is newer than that this one ended
            if deaths < DEATHS:
                self._notice, self._notice_ends = self._said_of_death(), time.monotonic() + NOTICE
                commands = [*self._resumption(undone), *untold]
            else:
                self._give_up(f"keeps ending{self._on_what()}" if was_up else "ends as it starts (see kelly doctor)")
                commands = self._next_load()
                deaths = 0

    def _live(self, waiting: list[Command]) -> tuple[list[Command], list[Command]]:
        """One process from start to end, its own or the app's. Returns the commands that it was told and did not carry
        out, and those that it was not told."""
        memory = self._board.memory
        memory.heartbeat, memory.handled, memory.done, memory.busy, memory.opening = 0.0, 0, 0, 0.0, 0.0
        memory.loading = memory.looking = memory.up = False
        theirs, ours = self._context.Pipe(duplex=False)
        arguments = (theirs, self._board, self._soundfont, self._volume, self._device, dict(os.environ))
        process = self._context.Process(target=run, args=arguments, name="kelly sound", daemon=True)
        try:
            process.start()
        except (OSError, ValueError, EOFError):  # no more processes, no tracker (see `__init__`), what forks it died
            ours.close()
            return [], waiting
        finally:
            theirs.close()  # ours would keep the pipe alive after the process is gone
        self._process = process
        sent, watch = 0, _Watch(memory, process.pid)
        told: deque[Command] = deque()
        try:
            while not self._closing.is_set() and process.is_alive():
                if watch.is_hung():
                    break
                while waiting and sent - memory.handled < _IN_FLIGHT:
                    ours.send(waiting[0])
                    told.append(waiting.pop(0))
                    sent += 1
                while len(told) > sent - memory.done:
                    told.popleft()
                waiting += self._next_commands()
        except OSError:  # it died with the pipe in hand
            pass
        ours.close()  # the process ends when it notices
        process.join(0.3 if self._closing.is_set() else 0.05)
        crashed = memory.looking and process.exitcode in CRASHES
        self._crashed_looking = self._crashed_looking + 1 if crashed else 0
        process.kill()
        process.join(0.3)
        self._process = None
        undone = list(told)[len(told) - (sent - memory.done) :]
        return (undone[1:] if memory.busy else undone), waiting  # what it died of is not asked again

    def _next_commands(self) -> list[Command]:
        try:
            found = [self._commands.get(timeout=_GLANCE)]
        except queue.Empty:
            return []
        while not self._commands.empty():
            found.append(self._commands.get())
        return found

    def _resumption(self, undone: list[Command]) -> list[Command]:
        """Commands that bring a new process to where the last one was, or was told to be."""
        memory = self._board.memory
        commands: list[Command] = [("set_speed", self._speed)]
        if self._path is not None:
            commands.append(("load", self._token, str(self._path), self.state.goal, self._move))
            if self._kin:
                commands.append(("set_decks", self._kin))
            if self._lens is not None:
                commands.append(("set_lens", self._lens))
            if self._companion is not None:
                commands.append(("set_companion", self._companion))
            if self._loop:
                commands.append(("set_loop", self._loop))
            if _is_to_play(bool(memory.playing), undone):
                commands.append(("play",))
        return [*commands, ("prepare", self._next)]

    def _ask(self) -> None:
        self._token += 1
        self._asked_at = time.monotonic()

    def _said(self, ready: bool) -> str:
        """What there is to say while the process says nothing: it ended, or what the file still waits for."""
        memory, now = self._board.memory, time.monotonic()
        if now < self._notice_ends and self._notice:
            return self._notice
        if ready or not self._token or now - self._asked_at < SOON:
            return ""
        if not memory.up:
            return "the sound is starting…"
        return "the SoundFont is being loaded…" if memory.loading else "the file is being opened…"

    def _said_of_death(self) -> str:
        if self._board.memory.loading:
            name, self._soundfont = safe_text(Path(self._soundfont).name), ""
            return f"the sound process ended while it loaded the SoundFont {name}; another plays instead"
        return "the sound process ended and was started again"

    def _moved(self, goal: float) -> int:
        """The number of a request to go to `goal`."""
        self._goal = goal
        self._move += 1
        return self._move

    def _give_up(self, how: str) -> None:
        memory = self._board.memory
        memory.playing, memory.level, memory.token = False, 0.0, -1
        self._notice = f"no sound: the sound process {how}; open another sample to try again"
        self._notice_ends = math.inf

    def _on_what(self) -> str:
        return f" on {safe_text(self._path.name)}" if self._path else ""

    def _next_load(self) -> list[Command]:
        """Wait until another file is wanted; nothing else can bring the process back."""
        while not self._closing.is_set():
            commands = self._next_commands()
            if any(command[0] == "load" for command in commands):
                return [("set_speed", self._speed), *commands]
        return []


def _is_to_play(playing: bool, commands: list[Command]) -> bool:
    """Whether it plays after these commands, if it did or did not before them."""
    for name, *_ in commands:
        if name == "toggle":
            playing = not playing
        elif name in ("play", "pause", "stop", "load"):
            playing = name == "play"
    return playing


class _Watch:
    """Looks at a process again and again, and says when it hangs."""

    def __init__(self, memory: Any, pid: int | None) -> None:
        self._memory, self._pid = memory, pid
        self._begun = time.monotonic()
        self._last_sign, self._silent, self._looked_at = 0.0, 0, 0.0

    def is_hung(self) -> bool:
        memory, now = self._memory, time.monotonic()
        sign = memory.heartbeat
        if not sign:
            return now - self._begun > SLOW_START
        if now - self._looked_at >= _GLANCE:  # where commands come thick and fast we are here more often
            self._silent = self._silent + 1 if sign == self._last_sign else 0
            self._last_sign, self._looked_at = sign, now
        since = [moment for moment in (memory.busy, memory.opening) if moment]
        patience = SLOW_START if memory.loading else HUNG
        is_silent = self._silent > SILENT or (self._silent > STOPPED and _is_stopped(self._pid))
        return is_silent or any(now - moment > patience for moment in since)


def _is_stopped(pid: int | None) -> bool:
    """Whether the system says that a process was stopped, by a signal or a debugger; False where it can't be asked."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] in (b"T", b"t")
