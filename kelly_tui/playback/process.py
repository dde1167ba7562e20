"""The sound process: takes commands from a pipe, plays, and ends when the app closes the pipe or is gone."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from kelly_tui.playback.allowance import FEW_THREADS
from kelly_tui.playback.state import Board

Command = tuple[Any, ...]
"""The name of a method of `player.Player`, then its arguments."""

TURN = 0.05
"""Seconds between two looks at the music when nothing is asked: well below what is rendered ahead."""

BEAT = 0.1
"""Seconds between two signs of life."""

NICENESS = -10
"""Where the system lets us: sound is little work, and all of it is urgent."""

_SWITCH = 0.001
"""Seconds after which a thread hands the interpreter to another: the device's must not wait for the usual 5 ms."""

_LASTING = ("set_volume", "set_speed", "set_device", "set_soundfont")
"""Commands that hold for the next file too."""


def run(
    commands: Connection, board: Board, soundfont: str, volume: float, device: str | None, surroundings: dict[str, str]
) -> None:
    """The process, from start to end.

    `device`: its name, empty for the system's choice, None to look for none. `surroundings`: the app's environment;
    what forks us may have an older one.
    """
    os.environ.clear()
    os.environ.update({**surroundings, **FEW_THREADS})
    _silence()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the app's
    lead_session(NICENESS)
    sys.setswitchinterval(_SWITCH)
    threading.Thread(target=_beat, args=(board,), name="beat", daemon=True).start()
    from kelly_tui.playback.player import Player  # after the silence: PortAudio and ALSA talk while they load

    player = Player(board, soundfont, volume, device)
    board.memory.up = True
    gc.freeze()  # what is there stays: looking through it again takes milliseconds
    waiting: list[Command] = []
    try:
        while True:
            busy = player.work()
            for found in wait([commands, *player.ears], 0 if busy or _can_go_on(waiting, player.opening) else TURN):
                if found is not commands:
                    player.heed(found)
                    continue
                while commands.poll():
                    waiting.append(commands.recv())
                    board.memory.handled += 1
                waiting = without_superseded(waiting)
                board.memory.done = board.memory.handled - len(waiting)
            if _can_go_on(waiting, player.opening):
                name, *arguments = waiting.pop(0)
                board.memory.busy = time.monotonic()
                getattr(player, name)(*arguments)
                board.memory.busy, board.memory.done = 0.0, board.memory.handled - len(waiting)
    except (EOFError, OSError):  # the app closed the pipe
        player.close()
    os._exit(0)  # a sound server that hangs must not keep us at the door


def lead_session(niceness: int) -> None:
    """Have this process lead a session that is so nice, as far as the system lets it.

    Linux shares the cores out between sessions, and looks at the niceness of processes only within one (sched(7),
    autogroup): jobs in the app's own would be heard.
    """
    with suppress(OSError):
        os.setsid()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), "ascii")


def without_superseded(asked: Sequence[Command]) -> list[Command]:
    """Of several loads only the last counts: who runs through a list wants to hear where they stop."""
    last = max((index for index, command in enumerate(asked) if command[0] == "load"), default=0)
    return [command for index, command in enumerate(asked) if index >= last or command[0] in _LASTING]


def _can_go_on(waiting: list[Command], opening: bool) -> bool:
    """Whether the next command can be carried out: what is asked of a file waits until it is open."""
    return bool(waiting) and (not opening or waiting[0][0] in (*_LASTING, "load"))


def _beat(board: Board) -> None:
    """Signs of life, whatever the player is busy with; a stopped process gives none."""
    while True:
        board.memory.heartbeat = time.monotonic()
        time.sleep(BEAT)


def _silence() -> None:
    """The app draws on these file descriptors; what C libraries print must not reach the screen."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
