"""A stage in a process of its own, as the app starts, watches and stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from kelly_tui.errors import StageError
from kelly_tui.pipeline.stage import PAUSED, Progress
from kelly_tui.pipeline.worker import python

PATIENCE = 2.0
"""Seconds from asking a job to stop until it is told to."""

STOPPED = 130
"""The exit code of a stage that was stopped."""

PAUSE, RESUME = signal.SIGUSR1, signal.SIGUSR2
"""What a job heeds, see `heeded_pause`."""

POLITE = 10
"""How far a job, and so all its workers, stands back from the app and its sound where cores are few (`os.nice`).

It stays in the app's session: between sessions Linux shares the cores evenly, whatever their niceness (sched(7),
autogroup).
"""

_LOG_LINES = 500


class Job:
    """A running ``kelly STAGE …``. All attributes may be read from any thread; only `wait` and `join` block."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Start ``kelly`` with these arguments: ``["extract", "/data/songs"]``."""
        self.stage = arguments[0]
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        """What it has said, the last lines."""
        self.progress = Progress(self.stage, 0, 0, 0, 0.0, None)
        self._cancelled = False
        self._process = subprocess.Popen(
            [*python("kelly_tui.__main__"), *arguments, "--progress", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # a ctrl+c in the app's terminal is the app's own
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        with suppress(OSError):  # it has ended, or may not be changed
            os.setpriority(os.PRIO_PROCESS, self._process.pid, POLITE)
        streams = (self._process.stdout, self._process.stderr)
        self._listeners = [threading.Thread(target=self._listen, args=(stream,), daemon=True) for stream in streams]
        for listener in self._listeners:
            listener.start()

    @classmethod
    def start(cls, arguments: Sequence[str]) -> Job:
        """Start a stage."""
        return cls(arguments)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """0 done, 1 with failures, 2 not done, 130 stopped; None while it runs."""
        code = self._process.poll()
        return STOPPED if self._was_stopped(code) else code

    def _was_stopped(self, code: int | None) -> bool:
        """Whether being asked to stop ended it before it could listen, whatever Python made of that, or by force."""
        return self._cancelled and code not in (None, 0) and (code < 0 or not self.progress.total)

    @property
    def last_words(self) -> str:
        """The last line that it said, without the failures listed under it; or how it was ended if it could not say."""
        code = self._process.poll()
        if self._was_stopped(code):
            return f"{self.stage} was stopped; what it had done is kept"
        if code is not None and code < 0:
            return f"{self.stage} was killed ({signal.Signals(-code).name}); what it had done is kept"
        said = list(self.log)
        return next((line for line in reversed(said) if not line.startswith(" ")), said[-1] if said else "")

    def cancel(self) -> None:
        """Ask it to stop, and tell it to after `PATIENCE`; what it has done by then is kept."""
        self._cancelled = True
        self._signal(signal.SIGINT)
        teller = threading.Timer(PATIENCE, self._signal, (signal.SIGTERM,))
        teller.daemon = True
        teller.start()

    @property
    def is_paused(self) -> bool:
        """Whether it waits for `resume`."""
        return self.running and self.progress.message == PAUSED

    def pause(self) -> None:
        """Have it commit what is in work and wait. Raises `StageError` before it has begun: nothing listens yet."""
        if not self.progress.total:
            raise StageError(f"{self.stage} has only just begun", hint="Pause it in a moment.")
        self._signal(PAUSE)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(RESUME)

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        code = self._process.wait(seconds)
        return STOPPED if self._was_stopped(code) else code

    def join(self) -> None:
        """Wait until it has ended and all that it said is in `log`."""
        for listener in self._listeners:
            listener.join()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _listen(self, stream: object) -> None:
        for line in stream:  # type: ignore[attr-defined]
            progress = _progress_of(line)
            if progress is not None:
                self.progress = progress
            elif said := line.rstrip():
                self.log.append(said)


def heeded_pause(*, is_job: bool) -> threading.Event:
    """What is set while a stage is to pause: in a process that is a job when it is asked to, until it may go on."""
    pause = threading.Event()
    if is_job:
        signal.signal(PAUSE, lambda *_: pause.set())
        signal.signal(RESUME, lambda *_: pause.clear())
    return pause


def _progress_of(line: str) -> Progress | None:
    """What a line of ``--progress json`` says; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        return Progress(**msgspec.json.decode(line))
    except (msgspec.DecodeError, TypeError):
        return None
