"""The terminal that the app is drawn on: what else may not write to it, and what becomes of the app when it goes."""

from __future__ import annotations

import io
import math
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

LOG_BYTES = 1 << 20
"""A log over this size begins anew."""

LOOK_MS = 1000
"""The terminal's end wakes who waits for it; where a system does not, it is seen within so many milliseconds."""

ROOM_MS = 100
"""The terminal has room again when it is read; whether it is still waited for is asked so often."""

PATIENCE = 1.0
"""Seconds that a terminal nobody reads is waited for once the app was told to end."""

HANGS = 20.0
"""Seconds after the terminal's end in which an app that works leaves, also where another program holds the dataset."""


class Screen(io.RawIOBase):
    """The terminal, which is waited for as long as nobody reads it (ctrl+s, a window that hangs), but not at the end.

    A writer that is stuck in the system can't be freed: the app could neither be drawn nor end. So it is opened anew,
    where that can be done, and asked for room before each write.
    """

    name = "terminal"

    def __init__(self, terminal: int) -> None:
        """`terminal`: a file descriptor; it stays the caller's."""
        super().__init__()
        try:
            self._fd = os.open(os.ttyname(terminal), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # no terminal, or none that has a name here
            self._fd = os.dup(terminal)
        self._ends = math.inf

    def ends(self) -> None:
        """The app was told to end: it waits no longer than `PATIENCE` now. A signal's handler may call it."""
        self._ends = min(self._ends, monotonic() + PATIENCE)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: Any) -> int:
        """All of the bytes; what nobody reads at the end is lost. Raises `OSError` where the terminal is gone."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                if monotonic() >= self._ends:
                    break
                room = select.poll()
                room.register(self._fd, select.POLLOUT)
                room.poll(ROOM_MS)
        return size

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


class Drawn(io.TextIOWrapper):
    """Where the app draws. Once the terminal is gone nothing is left to see, and the app may go on to its end."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


@contextmanager
def quiet_stderr(log: Path) -> Iterator[Screen]:
    """File descriptor 2 goes to `log`: C libraries (ALSA, libsndfile) write to it, and it is the screen.

    The app draws on `sys.__stderr__`, which is the terminal still, whatever ``2>`` said. Several apps share the log;
    where it can't be written, what would be in it is lost.
    """
    sink = _opened(log)
    terminal = os.dup(2)
    before = sys.__stderr__
    screen = Screen(1)
    sys.__stderr__ = Drawn(screen, encoding="utf-8")  # type: ignore[misc]
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield screen
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        with suppress(OSError):
            sys.__stderr__.close()
        sys.__stderr__ = before  # type: ignore[misc]


def _opened(log: Path) -> int:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if os.fstat(sink).st_size > LOG_BYTES:
            os.ftruncate(sink, 0)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
    return sink


def when_gone(tell: Callable[[], object], has_left: threading.Event, give_up: Callable[[], object]) -> None:
    """Call `tell`, on a thread of its own, when the terminal (or the pipe) on standard input has gone.

    An app that has not left then hangs, and nobody is there to end it: `give_up` is called on the same thread.

    A terminal's end may come without a signal (where the app leads no session). Reading it then gives nothing, again
    and again and at once: the framework's reader would keep a processor busy until the app ends.
    """
    threading.Thread(target=_watch, args=(tell, has_left, give_up), name="terminal", daemon=True).start()


def _watch(tell: Callable[[], object], has_left: threading.Event, give_up: Callable[[], object]) -> None:
    watched = select.poll()
    watched.register(0, 0)  # nothing but its end
    while not watched.poll(LOOK_MS):
        pass
    tell()
    if not has_left.wait(HANGS):
        give_up()
