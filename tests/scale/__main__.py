"""``make bench-scale``: every step of a large dataset, and of one a tenth of its size, in one table.

``make bench-scale SAMPLES=100000`` takes less. Files that are really imported are fewer, since each is read by a child
process: `FILES`, and a tenth. Growth is the exponent of CPU time, which other work on the machine changes less: 1 is
linear. Lists stand beside a bare SQLite at the same rows in the same run, which has to sort and outgrows caches as we
do: that explains a growth and excuses none. Memory is the most that any process of the step had. The last line names
what missed a goal; then it exits 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from kelly_tui.paths import PROJECT
from kelly_tui.pipeline.worker import ONE_THREAD
from tests.perf.__main__ import seconds

STEPS = {
    "create": "create, empty",
    "add": "add rows and features",
    "start": "open: catalogue, counts, first rows",
    "app": "the app, to its first numbers",
    "listing": "list: all samples read",
    "sorting": "list: all sorted by tempo",
    "filtering": "filter by emotion and tempo",
    "searching": "search in names",
    "edits": "label: 200 steps of one",
    "many_labels": "label: a tenth as one step",
    "undo": "undo that",
    "split": "split",
    "views": "write views",
    "outside": "look for outside edits",
    "planning": "plan a stage",
    "validate": "validate, first",
    "again": "validate, again",
    "suggest": "suggest emotions, learnt anew",
    "suspect": "suspect labels",
    "export": "export as JSONL",
    "rebuild": "catalogue from the views",
}
FILES = {"music": "", "import_music": "import MIDI files", "extract": "extract from them"}
"""Steps on real files; what has no words only prepares."""

GROWTH, MEMORY = 1.1, 1000
"""Goals: the largest exponent, megabytes."""

LEAST = 0.05
"""CPU seconds under which a step has no growth to speak of."""


class Cost(NamedTuple):
    """Seconds, CPU seconds of ours and of the floor, megabytes."""

    wall: float
    cpu: float
    memory: int
    floor: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=20_000, help="MIDI files that are imported and extracted")
    parser.add_argument("--in", dest="where", type=Path, default=PROJECT / "datasets", help="a folder on a real disk")
    given = parser.parse_args()
    if min(given.samples, given.files) < 1_000:
        parser.error("under 1,000 there is nothing to see")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    heads = f"{'step':38} {'samples':>10} {'time':>10} {'CPU':>10} {'a tenth':>10} {'growth':>7} {'MB':>6} {'MB':>6}"
    print(f"{heads} bare SQLite")
    missed: list[str] = []
    given.where.mkdir(exist_ok=True)
    for steps, n in ((FILES, given.files), (STEPS, given.samples)):
        with tempfile.TemporaryDirectory(dir=given.where, prefix="scale ") as folder:
            small, large = Path(folder) / "small", Path(folder) / "large"
            small.mkdir()
            large.mkdir()
            for step, words in steps.items():
                few, many = _run(step, small, n // 10), _run(step, large, n)
                if words:
                    missed += _told(words, n, few, many)
    print(f"\nmissed: {'; '.join(missed) or 'nothing'} (goals: growth {GROWTH}, {MEMORY} MB)")
    return int(bool(missed))


def _run(step: str, folder: Path, n: int) -> Cost:
    """The step in a process of its own; its memory is the largest of it and its children."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.scale.steps", step, str(folder), str(n)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},  # as the program has it
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{step} of {n:,} ended with {process.returncode}")
    wall, cpu, floor = json.loads(said)
    return Cost(wall, cpu, usage.ru_maxrss // 1000, floor)


def _told(words: str, n: int, few: Cost, many: Cost) -> list[str]:
    """Print a row; what of it missed a goal."""
    growth, floor = _growth(few.cpu, many.cpu), _growth(few.floor, many.floor)
    bare = f" {seconds(many.floor)}, {floor:.2f}" if floor is not None else ""
    print(
        f"{words:38} {n:10,} {seconds(many.wall):>10} {seconds(many.cpu):>10} {seconds(few.cpu):>10}"
        f" {'' if growth is None else f'{growth:.2f}':>7} {few.memory:6,} {many.memory:6,}{bare}",
        flush=True,
    )
    missed = []
    if growth is not None and growth > GROWTH:
        missed.append(f"{words} grows with {growth:.2f}" + (f", a bare SQLite with {floor:.2f}" if floor else ""))
    return missed + ([f"{words} took {many.memory:,} MB"] if many.memory > MEMORY else [])


def _growth(few: float, many: float) -> float | None:
    """The exponent; None of what takes too little to have one."""
    return math.log10(many / few) if many >= LEAST and few > 0 else None


if __name__ == "__main__":
    raise SystemExit(main())
