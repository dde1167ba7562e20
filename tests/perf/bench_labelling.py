"""A recorded run of keys on real music: what the tool takes of a decision when nobody listens."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator

from tests.labelling_run import RUNS, SIZE, runs
from tests.perf.bench_app import SMALLEST_APP
from tests.pty_program import PtyProgram

PRESSES = 100


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    floor = statistics.mean(_presses())
    for model, took in runs():
        note = f"{took.keys:.2f} keys a decision, goals 1.2 and 150 ms; floor: the smallest app's keys"
        yield f"a decision in the tool, {RUNS[model]}", took.seconds, took.keys * floor, note


def _presses() -> Iterator[float]:
    with PtyProgram([sys.executable, "-c", SMALLEST_APP], SIZE) as smallest:
        smallest.wait_for(b"ready")
        smallest.read(0.3)
        for _ in range(PRESSES):
            begun = time.perf_counter()
            smallest.press(b"j")
            yield time.perf_counter() - begun
        smallest.send(b"\x11")
