"""Who is at work on a dataset now: each run of the app holds the lock of a file of its own in ``sessions/``.

The lock goes with the process, however that ends, so that a session is alive if and only if its file is locked.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path


class Session:
    """One run of the app on a dataset, alive until it is closed or its process ends."""

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(8)
        self._path = folder / self.name
        folder.mkdir(exist_ok=True)
        hidden = folder / f".{self.name}"  # locked before it can be seen, or another would take it for a dead one's
        self._lock = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        hidden.replace(self._path)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


def living(folder: Path) -> list[str]:
    """The names of the sessions that are alive; what dead ones left is removed."""
    found = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue  # the last two are none of ours
            with suppress(FileNotFoundError):
                lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    path.unlink()
                except BlockingIOError:
                    found.append(path.name)
                finally:
                    os.close(lock)
    return found
