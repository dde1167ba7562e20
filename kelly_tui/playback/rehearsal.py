"""The sound process's side of `rehearse`: what is to be played there, and what came of it."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from kelly_tui.playback.loudness import UNKNOWN, Loudness
from kelly_tui.playback.rehearse import Asked, Heard
from kelly_tui.playback.source import Samples, Stamp, stamp_of

PATIENCE = 30.0
"""Seconds after which a child that is still at one piece is given up, when something else is wanted."""

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a file without a name


class Rehearsal:
    """Versions that are compared, played one after another by a child that is started when first wanted.

    Nothing here waits: where `fileno` is not negative, `heed` when it can be read from.
    """

    def __init__(self) -> None:
        self.found: dict[Path, Loudness] = {}
        """Of those that were wanted last, as far as they were heard."""
        self._tapes: dict[Path, tuple[Stamp, Samples]] = {}
        self._waiting: list[tuple[Path, int, str]] = []
        self._asked: tuple[Path, int, str] | None = None
        self._tape: IO[bytes] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._told = b""
        self._asked_at = 0.0

    def want(self, paths: Sequence[Path], rate: int, soundfont: Path | None) -> None:
        """Have these heard, and no others."""
        for known in (self.found, self._tapes):
            for path in [path for path in known if path not in paths]:
                del known[path]
        if self._asked is not None and time.monotonic() - self._asked_at > PATIENCE:
            self.close()
            self._take(None)
        self._waiting = [(path, rate, str(soundfont or "")) for path in paths if path not in self.found]
        self._ask()

    def forget(self) -> None:
        """Another rate or SoundFont makes all of it different."""
        self.found.clear()
        self._tapes.clear()
        self._waiting.clear()

    def tape(self, path: Path) -> Samples | None:
        """The whole of a piece of MIDI as it sounds, if it was heard and has not changed since."""
        stamp, samples = self._tapes.get(path, (None, None))
        return samples if samples is not None and stamp == stamp_of(path) else None

    def fileno(self) -> int:
        return self._socket.fileno() if self._socket is not None else -1

    def heed(self) -> list[Path]:
        """Take what the child says; the paths that it has heard."""
        assert self._socket is not None
        try:
            said = self._socket.recv(1 << 16)
        except OSError:
            said = b""
        if not said:  # it died of what it was asked
            self.close()
            return self._take(None)
        self._told += said
        if not self._told.endswith(b"\n"):
            return []
        answer, self._told = msgspec.json.decode(self._told, type=Heard), b""
        return self._take(answer)

    def close(self) -> None:
        """End the child."""
        if self._socket is not None:
            self._socket.close()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._child = self._socket = None
        self._told = b""

    def _take(self, answer: Heard | None) -> list[Path]:
        asked, tape, self._asked, self._tape = self._asked, self._tape, None, None
        heard: list[Path] = []
        if asked is not None and asked in self._waiting:
            self._waiting.remove(asked)
            path = asked[0]
            heard.append(path)
            if answer is None:
                self.found[path] = UNKNOWN
            else:
                self.found[path] = Loudness(-math.inf if answer.lufs is None else answer.lufs, answer.peak)
                if answer.on_tape and tape is not None:
                    samples = np.memmap(tape, np.float32, "r", shape=(answer.on_tape, 2))
                    self._tapes[path] = (stamp_of(path), samples)
        if tape is not None:
            tape.close()  # what is mapped stays
        self._ask()
        return heard

    def _ask(self) -> None:
        """Have the next one heard, unless the child is at work."""
        if self._asked is not None or not self._waiting:
            return
        if self._socket is None and not self._start():
            self._waiting.clear()
            return
        assert self._socket is not None
        self._asked, self._asked_at = self._waiting[0], time.monotonic()
        path, rate, soundfont = self._asked
        self._tape = tempfile.TemporaryFile(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None)  # noqa: SIM115
        line = msgspec.json.encode(Asked(os.fsencode(path), rate, os.fsencode(soundfont)))
        with suppress(OSError):  # that it died is heeded
            socket.send_fds(self._socket, [line], [self._tape.fileno()])

    def _start(self) -> bool:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "kelly_tui.playback.rehearse"]
        with theirs:
            try:
                self._child = subprocess.Popen(
                    command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            except OSError:
                ours.close()
                return False
        self._socket = ours
        os.set_blocking(ours.fileno(), True)
        return True
