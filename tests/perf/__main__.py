"""``make bench``: run every ``bench_*.py`` beside this file and print one table.

A bench module has ``rows(n)``, which yields (what, our seconds, the floor's seconds, a note). Trust the ratios: the
machine may be shared. ``python -m tests.perf store views --samples 100000`` runs two of them, smaller.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import time
from importlib import import_module
from pathlib import Path


def seconds(value: float) -> str:
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"


def main() -> int:
    found = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="bench", help=f"of {' '.join(found)}; all of them otherwise")
    parser.add_argument("--samples", type=int, default=1_000_000, help="size of the large dataset")
    arguments = parser.parse_args()
    for unknown in set(arguments.which) - set(found):
        parser.error(f"there is no bench {unknown}; known: {' '.join(found)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f}, {arguments.samples:,} samples\n")
    print(f"{'what':58} {'Kelly':>10} {'floor':>10} {'ratio':>7}  note")
    for name in arguments.which or found:
        begun = time.perf_counter()
        for what, ours, floor, note in import_module(f"tests.perf.bench_{name}").rows(arguments.samples):
            ratio = f"{ours / floor:7.2f}" if floor else f"{'':7}"
            print(f"{what:58} {seconds(ours):>10} {seconds(floor) if floor else '':>10} {ratio}  {note}", flush=True)
        print(f"{'':58} ({name}: {time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
