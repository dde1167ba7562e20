"""What memory a SoundFont may take when it is loaded: of a compressed one a few kilobytes can hold gigabytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LEAST = 1 << 28
"""Bytes that any may take."""

TIMES = 20
"""Its own size that a larger one may take: Vorbis makes a tenth of what it is given."""

FEW_THREADS = {"OMP_NUM_THREADS": str(min(os.cpu_count() or 1, 4)), "OMP_STACKSIZE": "2M"}
"""In the environment of who loads: FluidSynth takes a thread a core, and their stacks count. Those of 32 are 256 MiB,
and libgomp ends the process where it gets none."""


@contextmanager
def allowance(soundfont: Path) -> Iterator[None]:
    """Let this process have as much more memory as `soundfont` may take; what asks for more gets none."""
    most = _held() + max(LEAST, TIMES * soundfont.stat().st_size)
    before = _limit(most)
    try:
        yield
    finally:
        if before is not None:
            _limit(before)


def _held() -> int:
    """Bytes of this process that count."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _limit(most: int) -> int | None:
    """Set the limit, where the system has one that counts what is mapped; what it was."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        before, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or most <= hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
            return before
    return None
