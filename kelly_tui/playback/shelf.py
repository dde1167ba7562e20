"""Files that are open before they are asked for, in a thread of its own: what is slow to open stops nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread

from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.playback.source import Source, Stamp, stamp_of


class Shelf:
    """Opens what is wanted, first things first, and keeps it until it is taken or no longer wanted.

    `open_source` runs in the shelf's thread. Who takes a source owns it, and puts it back or closes it. The shelf's
    file descriptor can be read from when something was opened, until `heed`.
    """

    def __init__(self, open_source: Callable[[Path], Source]) -> None:
        self._open = open_source
        self._bell, self._rope = os.pipe()
        for end in (self._bell, self._rope):
            os.set_blocking(end, False)
        self._wanted: list[Path] = []
        self._held: dict[Path, tuple[Stamp, Source | KellyError]] = {}
        self._round = 0
        self._change = Condition()
        Thread(target=self._work, name="shelf", daemon=True).start()

    def want(self, paths: Iterable[Path]) -> None:
        """Have these open, in this order of haste, and no others."""
        with self._change:
            self._wanted = list(dict.fromkeys(paths))
            self._drop([path for path in self._held if path not in self._wanted])
            self._change.notify()

    def take(self, path: Path) -> Source | KellyError | None:
        """The open file, why it can't be opened, or None if it is not open yet."""
        with self._change:
            stamp, found = self._held.pop(path, (None, None))
            if found is None:
                return None
            if stamp == stamp_of(path):
                self._wanted.remove(path)
                return found
            _close(found)  # it was written again since
            self._change.notify()
            return None

    def put(self, path: Path, source: Source) -> None:
        """Give an open file back: it is kept if it is wanted."""
        with self._change:
            if path in self._wanted and path not in self._held:
                self._held[path] = (stamp_of(path), source)
            else:
                source.close()

    def clear(self) -> None:
        """Forget all that is open: another rate or another SoundFont is asked of it now."""
        with self._change:
            self._round += 1
            self._drop(list(self._held))
            self._change.notify()

    def fileno(self) -> int:
        return self._bell

    def heed(self) -> None:
        """What was opened until now is known."""
        with suppress(BlockingIOError):
            os.read(self._bell, 1 << 12)

    def _drop(self, paths: list[Path]) -> None:
        for path in paths:
            _close(self._held.pop(path)[1])

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: any(path not in self._held for path in self._wanted))
                path = next(path for path in self._wanted if path not in self._held)
                asked = self._round
            stamp, found = stamp_of(path), self._opened(path)
            with self._change:
                if path in self._wanted and path not in self._held and asked == self._round:
                    self._held[path] = (stamp, found)
                else:
                    _close(found)
            with suppress(BlockingIOError):  # it has rung often enough
                os.write(self._rope, b"!")

    def _opened(self, path: Path) -> Source | KellyError:
        try:
            return self._open(path)
        except KellyError as error:
            return error
        except OSError as error:
            return FileRefused(f"can't be read ({error.strerror})", path=path)


def _close(found: Source | KellyError) -> None:
    if not isinstance(found, KellyError):
        found.close()
