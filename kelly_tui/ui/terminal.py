"""The terminal that the app is drawn on: what else may not write to it, and what becomes of the app when it goes."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOG_BYTES = 1 << 20
"""A log over this size begins anew."""

LOOK_MS = 1000
"""The terminal's end wakes who waits for it; where a system does not, it is seen within so many milliseconds."""


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
def quiet_stderr(log: Path) -> Iterator[None]:
    """File descriptor 2 goes to `log`: C libraries (ALSA, libsndfile) write to it, and it is the screen.

    The app draws on `sys.__stderr__`, which is the terminal still, whatever ``2>`` said. Several apps share the log;
    where it can't be written, what would be in it is lost.
    """
    sink = _opened(log)
    terminal = os.dup(2)
    before = sys.__stderr__
    sys.__stderr__ = Drawn(io.FileIO(os.dup(1), "w"), encoding="utf-8")  # type: ignore[misc]
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield
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


def when_gone(tell: Callable[[], object]) -> None:
    """Call `tell`, on a thread of its own, when the terminal on standard input has gone.

    A terminal's end may come without a signal (where the app leads no session). Reading it then gives nothing, again
    and again and at once: the framework's reader would keep a processor busy until the app ends.
    """
    threading.Thread(target=_watch, args=(tell,), name="terminal", daemon=True).start()


def _watch(tell: Callable[[], object]) -> None:
    watched = select.poll()
    watched.register(0, 0)  # nothing but its end
    while not watched.poll(LOOK_MS):
        pass
    tell()
