"""The sound process: takes commands from a pipe, plays, and ends when the app closes the pipe or is gone."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from typing import Any

from kelly_tui.playback.state import Board

Command = tuple[Any, ...]
"""The name of a method of `player.Player`, then its arguments."""

TURN = 0.05
"""Seconds between two looks at the music when nothing is asked: well below what is rendered ahead."""

_LASTING = ("set_volume", "set_speed")
"""Commands that hold for the next file too."""


def run(commands: Connection, board: Board, soundfont: str, volume: float) -> None:
    """The process, from start to end."""
    _silence()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the app's
    from kelly_tui.playback.player import Player  # after the silence: PortAudio and ALSA talk while they load

    player = Player(board, soundfont, volume)
    try:
        while True:
            busy = player.work()
            if commands.poll(0 if busy else TURN):
                asked = [commands.recv()]
                while commands.poll():
                    asked.append(commands.recv())
                for name, *arguments in without_superseded(asked):
                    getattr(player, name)(*arguments)
                board.memory.handled += len(asked)
    except (EOFError, OSError):  # the app closed the pipe
        player.close()
    os._exit(0)  # a sound server that hangs must not keep us at the door


def without_superseded(asked: list[Command]) -> list[Command]:
    """Of several loads only the last counts: who runs through a list wants to hear where they stop."""
    last = max((index for index, command in enumerate(asked) if command[0] == "load"), default=0)
    return [command for index, command in enumerate(asked) if index >= last or command[0] in _LASTING]


def _silence() -> None:
    """The app draws on these file descriptors; what C libraries print must not reach the screen."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
