"""``make plan``: time, disk and money for a million MIDI files and 150,000 clips, from what a file costs here.

The stages are import and extract, views included. Workers share the files; the process that drives them and writes the
catalogue is one, so a stage takes at least what that process takes. Prices are yours to give. Printed last is the table
of README.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence

from tests.perf.bench_stages import EFFICIENCY, Unit, units

WANTED = {"midi": 1_000_000, "audio": 150_000}
CORES = (1, 8, 200)


WORDS = {"midi": "MIDI files of 1,660 notes", "audio": "clips of 30 s, 44.1 kHz mono WAV"}


def hours(found: Sequence[Unit], kind: str, cores: int) -> float:
    """Hours on so many cores: all work shared at `EFFICIENCY` (one core loses nothing), or the driver's if longer."""
    total = 0.0
    for unit in found:
        if unit.kind == kind:
            work = unit.one.driver + unit.one.workers
            total += work if cores == 1 else max(work / cores / EFFICIENCY, unit.one.driver)
    return total * WANTED[kind] / 3600


def most_cores(found: Sequence[Unit], kind: str) -> float:
    """Beyond how many cores no stage is sooner done, since the driver is not."""
    return max((one.one.driver + one.one.workers) / one.one.driver for one in found if one.kind == kind) / EFFICIENCY


def table(found: Sequence[Unit], core_hour: float, gb_month: float) -> Iterator[str]:
    """Lines of Markdown, as they stand in README.md. All cores are paid for as long as the whole takes."""
    heads = [f"{cores:,} {'core' if cores == 1 else 'cores'}" for cores in CORES]
    yield f"| | disk, and a month of it at {gb_month:g} a GB | {' | '.join(heads)} | at {core_hour:g} a core and hour |"
    yield "|---" * (len(CORES) + 3) + "|"
    for kind, count in WANTED.items():
        disk = sum(unit.size for unit in found if unit.kind == kind) * count / 1e9
        times = [hours(found, kind, cores) for cores in CORES]
        money = ", ".join(f"{spent * cores * core_hour:.2f}" for spent, cores in zip(times, CORES, strict=True))
        spent = " | ".join(f"{one:.1f} h" for one in times)
        yield f"| {count:,} {WORDS[kind]} | {disk:,.0f} GB, {disk * gb_month:,.2f} | {spent} | {money} |"
    driver = {kind: sum(unit.one.driver for unit in found if unit.kind == kind) * 1e3 for kind in WANTED}
    yield ""
    yield (
        f"One process writes the catalogue, {driver['midi']:.1f} ms a MIDI file and {driver['audio']:.1f} ms a clip: "
        f"beyond {most_cores(found, 'midi'):.0f} cores MIDI is no sooner done, clips beyond "
        f"{most_cores(found, 'audio'):.0f}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--gb-month", type=float, default=0.08, help="price of a gigabyte for a month")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print(f"measured on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    found = units(given.turns)
    for unit in found:
        print(
            f"{unit.stage:8} a {unit.kind:5} file: {unit.one.workers * 1e3:7.2f} ms worker, "
            f"{unit.one.driver * 1e3:6.2f} ms driver, {unit.floor * 1e3:7.2f} ms floor, {unit.size / 1e3:8,.0f} kB"
        )
    print("", *table(found, given.core_hour, given.gb_month), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
