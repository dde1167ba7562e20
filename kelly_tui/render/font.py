"""The SoundFont that sound is recorded to be made with: the file at its path is asked whether it is that one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kelly_tui.errors import SoundError
from kelly_tui.paths import ANOTHER_SOUNDFONT, is_soundfont

Identity = tuple[int, int, int, int, int]


class Font(NamedTuple):
    """A SoundFont, and what is recorded of it."""

    path: str = ""
    """Empty for the usual one."""
    sha256: str = ""
    """Empty where nobody records it: then any will do."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is rendered in this block is made with those bytes. Raises `SoundError` where it may not be.

        FluidSynth opens the file by its path, and again for each instrument that is asked for: so it is looked at
        before and after.
        """
        if not self.sha256:
            yield
            return
        before = _identity(self.path)
        if _sha256(self.path, before) != self.sha256:
            raise SoundError("this SoundFont is not the one that the stage began with", path=self.path)
        yield
        if _identity(self.path) != before:
            raise SoundError("the SoundFont was changed while it was played", path=self.path)


USUAL = Font()


def _identity(path: str) -> Identity | None:
    """Another once the file was written to, or another has its name; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=1)
def _sha256(path: str, _: Identity | None) -> str:
    """Of the file that looks so: it is read once for all items of a stage."""
    if not is_soundfont(Path(path)):
        raise SoundError("the SoundFont can't be read", path=path, hint=ANOTHER_SOUNDFONT)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
