"""What the sound process tells the app: a board in shared memory, written without locks, read without waiting.

The clock is a ring of marks. Each says that at a certain moment (`time.monotonic`, the same in both processes) a
certain place in the music leaves the device, and for how long it goes on from there. The playhead is read from the
newest mark whose moment has come, so it can't drift from the sound, whatever the latency.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawValue
from typing import Any

_MARKS = 64
"""Enough for half a second of latency in blocks of 8 ms."""

_MESSAGE_BYTES = 320


@dataclass(frozen=True)
class PlaybackState:
    """What plays now, as far as the app needs to know."""

    loaded: str | None = None
    """The file that is in place; None while none is."""
    position: float = 0.0
    """Seconds of music, at the loudspeaker."""
    goal: float = 0.0
    """Where it will be once all was carried out that was asked: what a step forward or back is counted from."""
    duration: float = 0.0
    playing: bool = False
    ready: bool = False
    """Whether the file that was last asked for is in place."""
    level: float = 0.0
    """Peak of the last block, 0..1."""
    speed: float = 1.0
    semitones: int = 0
    """How much higher MIDI is heard than it is written."""
    loop: tuple[float, float] | None = None
    """The seconds of music that are repeated."""
    matched: bool = False
    """Whether the versions that `Engine.set_decks` named are all ready, and heard equally loud."""
    message: str = ""
    """Why there is no sound, for a person; empty when all is well."""
    underruns: int = 0
    latency: float = 0.0
    """Seconds from a frame handed to the device until it is heard."""


class _Memory(ctypes.Structure):
    _fields_ = (
        ("heartbeat", ctypes.c_double),
        ("looking", ctypes.c_bool),  # for the first device
        ("up", ctypes.c_bool),  # libraries loaded, devices looked at
        ("busy", ctypes.c_double),  # since when a command is being carried out; 0 when none is
        ("opening", ctypes.c_double),  # since when a file is awaited
        ("loading", ctypes.c_bool),  # a SoundFont
        ("handled", ctypes.c_uint64),  # commands that were taken from the pipe
        ("done", ctypes.c_uint64),  # of them, those that were carried out
        ("token", ctypes.c_int64),
        ("duration", ctypes.c_double),
        ("playing", ctypes.c_bool),
        ("level", ctypes.c_double),
        ("speed", ctypes.c_double),
        ("semitones", ctypes.c_int),
        ("matched", ctypes.c_bool),
        ("cursor", ctypes.c_double),
        ("move", ctypes.c_int64),
        ("loop_start", ctypes.c_double),
        ("loop_end", ctypes.c_double),
        ("underruns", ctypes.c_uint64),
        ("latency", ctypes.c_double),
        ("message", ctypes.c_char * _MESSAGE_BYTES),
        ("start", ctypes.c_double),
        ("since", ctypes.c_uint64),
        ("ratio", ctypes.c_double),
        ("renewed", ctypes.c_uint64),
        ("marks", ctypes.c_uint64),
        ("time", ctypes.c_double * _MARKS),
        ("position", ctypes.c_double * _MARKS),
        ("pace", ctypes.c_double * _MARKS),
        ("length", ctypes.c_double * _MARKS),
    )


class Board:
    """The shared memory. The sound process writes; the app reads, and clears it before a new process."""

    def __init__(self) -> None:
        self.memory: Any = RawValue(_Memory)
        self.memory.speed = self.memory.ratio = 1.0

    def begin(self, token: int, position: float, duration: float, ratio: float | None = None) -> None:
        """Another file is in place: older marks speak of the one before.

        `ratio`: it is another version of that, so many seconds of it to each; until it is heard, which is as late as
        the device, the place in the one that still sounds is said as its own.
        """
        memory = self.memory
        memory.start, memory.duration = position, duration
        memory.ratio, memory.renewed = ratio or 1.0, memory.marks
        if ratio is None:
            memory.since = memory.marks
        memory.token = token

    def mark(self, moment: float, position: float, pace: float, length: float) -> None:
        """From `moment` on, for `length` seconds, the music goes on from `position` at `pace`."""
        memory = self.memory
        slot = memory.marks % _MARKS
        memory.time[slot], memory.position[slot] = moment, position
        memory.pace[slot], memory.length[slot] = pace, length
        memory.marks += 1  # last, so that a reader never sees half a mark

    def position(self, now: float | None = None) -> float:
        """Seconds of music that leave the device now."""
        now = time.monotonic() if now is None else now
        memory = self.memory
        newest = memory.marks
        oldest = max(newest - _MARKS + 2, memory.since)  # the writer may be at work on the next slot
        for mark in range(newest - 1, oldest - 1, -1):
            slot = mark % _MARKS
            if memory.time[slot] <= now:
                gone = min(now - memory.time[slot], memory.length[slot])
                place = memory.position[slot] + gone * memory.pace[slot]
                return float(place * memory.ratio if mark < memory.renewed else place)
        return float(memory.start)

    @property
    def message(self) -> str:
        return bytes(self.memory.message).decode("utf-8", "ignore")

    @message.setter
    def message(self, text: str) -> None:
        self.memory.message = text.encode("utf-8", "replace")[: _MESSAGE_BYTES - 1]
