"""What the command line costs before it does anything, beside a python that does nothing."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

_TIMES = 11


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """CPU seconds, the median of a few starts; nothing here depends on `n`."""
    floor = _cpu("-c", "pass")
    yield "kelly --help, CPU", _cpu("-m", "kelly_tui", "--help"), floor, "floor: python -c pass"
    yield "kelly list of nothing, CPU", _cpu("-m", "kelly_tui", "list", "nothing"), floor, "its imports, and an error"


def _cpu(*words: str) -> float:
    return sorted(_once(words) for _ in range(_TIMES))[_TIMES // 2]


def _once(words: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
