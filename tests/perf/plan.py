"""``make plan``: time, disk and money for a million MIDI files and 150,000 clips, from what a file costs here.

The stages are import and extract, views included. Workers share the files; the process that drives them and writes the
catalogue is one, so a stage takes at least what that process takes. Prices are yours to give.
"""

from __future__ import annotations

import argparse
import os

from tests.perf.bench_stages import EFFICIENCY, Unit, units

WANTED = {"midi": 1_000_000, "audio": 150_000}
CORES = (1, 8, 200)


def hours(found: list[Unit], kind: str, cores: int) -> float:
    """Hours on so many cores: the workers' part shared at `EFFICIENCY` (one core loses nothing), or the driver's."""
    total = 0.0
    for unit in found:
        if unit.kind == kind:
            work = unit.one.driver + unit.one.workers
            total += work if cores == 1 else max(work / cores / EFFICIENCY, unit.one.driver)
    return total * WANTED[kind] / 3600


def main() -> int:
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour")
    parser.add_argument("--gb-month", type=float, default=0.08, help="price of a gigabyte for a month")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print(f"measured on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ", end="")
    print(f"{given.core_hour:g} a core and hour, {given.gb_month:g} a GB and month\n")
    found = units(given.turns)
    for unit in found:
        print(
            f"{unit.stage:8} a {unit.kind:5} file: {unit.one.workers * 1e3:7.2f} ms worker, "
            f"{unit.one.driver * 1e3:6.2f} ms driver, {unit.floor * 1e3:7.2f} ms floor, {unit.size / 1e3:8,.0f} kB"
        )
    print(f"\n{'':17} {'disk':>9} {'a month':>9}", *(f"{f'{cores} cores':>20}" for cores in CORES))
    for kind, count in WANTED.items():
        disk = sum(unit.size for unit in found if unit.kind == kind) * count / 1e9
        plans = ((spent := hours(found, kind, cores), spent * cores * given.core_hour) for cores in CORES)
        times = (f"{f'{spent:,.1f} h, {money:,.2f}':>20}" for spent, money in plans)
        print(f"{count:9,} {kind:7} {disk:6,.0f} GB {disk * given.gb_month:9,.2f}", *times)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
