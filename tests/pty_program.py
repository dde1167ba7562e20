"""A program on a real pseudo-terminal: what it writes, byte by byte, and how soon after a key."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

ASKS_FOR_FRAMES, HAS_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""Whether the terminal shows frames whole, and that this one does: then a program says where each ends."""

_SIZE = ("COLUMNS", "LINES")
"""A test worker's, which a program would believe before its own terminal."""

END_OF_FRAME = b"\x1b[?2026l"


class PtyProgram:
    """Runs a command on a pty of its own; use it in a ``with`` block."""

    def __init__(
        self, command: Sequence[str], size: tuple[int, int] = (120, 40), environment: Mapping[str, str] | None = None
    ) -> None:
        self._master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if name not in _SIZE},
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                **(environment or {}),
            },
        )
        os.close(slave)
        self.written = bytearray()
        """Everything that it wrote. It grows in place: copied at each read, it was slower than the program measured."""

    def _take(self, seconds: float) -> bytes:
        """What it writes next, within `seconds`; nothing when it is still or has ended."""
        if not select.select([self._master], [], [], seconds)[0]:
            return b""
        try:
            chunk = os.read(self._master, 1 << 16)
        except OSError:  # it has ended
            return b""
        if ASKS_FOR_FRAMES in chunk:
            os.write(self._master, HAS_FRAMES)
        self.written += chunk
        return chunk

    def read(self, seconds: float) -> bytes:
        """What it writes until it has been still for `seconds`."""
        found = b""
        while chunk := self._take(seconds):
            found += chunk
        return found

    def wait_for(self, what: bytes, seconds: float = 30.0) -> None:
        """Read until `what` has been written."""
        until = time.monotonic() + seconds
        while what not in self.written:
            assert time.monotonic() < until, f"{what!r} never came: {self.written[-300:]!r}"
            self._take(0.1)

    def send(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def press(self, keys: bytes, seconds: float = 30.0) -> None:
        """Send keys, and read until the end of the next frame that it draws, or of the one that it is drawing."""
        while select.select([self._master], [], [], 0)[0]:
            self._take(0)
        self.send(keys)
        found, until = b"", time.monotonic() + seconds
        while END_OF_FRAME not in found and time.monotonic() < until:
            found += self._take(0.5)

    def answer(self, keys: bytes, still: float = 0.03) -> float:
        """Seconds from sending keys, once it has been still for a while, to the end of the next frame it draws."""
        self.read(still)
        begun = time.perf_counter()
        self.send(keys)
        found = b""
        while END_OF_FRAME not in found and time.perf_counter() < begun + 2:
            found += self._take(0.5)
        return time.perf_counter() - begun

    def cpu_seconds(self) -> float:
        """Processor time that the program has used, its own and not its children's."""
        with open(f"/proc/{self._process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Memory that the program holds, its own and not its children's."""
        with open(f"/proc/{self._process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1000

    def hang_up(self, seconds: float = 30.0) -> int:
        """Take the terminal away, and wait for the program's end: its exit code."""
        os.close(self._master)
        self._master = -1
        return self._process.wait(seconds)

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll()

    def signal(self, sign: int) -> None:
        self._process.send_signal(sign)

    def wait(self, seconds: float) -> int:
        """Its exit code; nothing of what it writes is read meanwhile."""
        return self._process.wait(seconds)

    def end(self, seconds: float = 5.0) -> None:
        """Read on until it has ended; end it if it has not within `seconds`."""
        if self._master < 0:
            return
        until = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < until:
            self.read(0.02)
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(5)
        os.close(self._master)
        self._master = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None and kind is not None:
            self._process.kill()
        self.end()
