"""What a transport plays: anything that renders blocks from a place on, at a speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kelly_tui.render.lens import Lens

Samples = np.ndarray[Any, np.dtype[np.float32]]


Stamp = tuple[int, int] | None
"""When a file was last written, and its size; None where it can't be looked at."""


class Source(Protocol):
    """A piece of sound of `duration` seconds, as stereo float32 at the device's rate."""

    duration: float

    @property
    def position(self) -> float:
        """Seconds of music before the next frame."""

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        """Go to `seconds` and play on from there at `speed`; the pitch stays. Must come before the first `read`."""

    def see_through(self, lens: Lens) -> None:
        """Sound otherwise than what is written, where notes are written. A `seek` must follow."""

    def read(self, frames: int) -> Samples:
        """At most `frames` more frames, shape (n, 2); fewer only at the end, then none."""

    def close(self) -> None:
        """Let go of the file."""


def is_midi(path: Path) -> bool:
    """Whether a file's content, not its name, begins as MIDI."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:] == b"RMID")


def stamp_of(path: Path) -> Stamp:
    """By which a file is known again."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
