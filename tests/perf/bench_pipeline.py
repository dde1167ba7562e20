"""What it costs that every file is handled in a process that may die, beside doing it here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline.importing import import_music
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Item, Run
from kelly_tui.pipeline.workplace import shared_workers
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from tests.perf import bench_import

ITEMS = 20_000
SPIN = "tests.perf.bench_pipeline:spin"


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """The children are started before; nothing here depends on `n`."""
    with shared_workers(Run()) as run:
        _spin(run, 50)
        yield f"{ITEMS:,} items of 100 µs, all cores", _spin(run, ITEMS), _spin_here(), "floor: here, on one core"
        with tempfile.TemporaryDirectory(dir=Path(__file__).parents[2]) as folder:
            music = Path(folder) / "music"
            bench_import._write_music(music)
            _import(run, Path(folder) / "warm", music / "00")
            ours = min(_import(run, Path(folder) / f"in{turn}", music) for turn in range(2))
            floor = min(bench_import._floor(music, Path(folder) / f"copy{turn}") for turn in range(2))
        yield "import stage, 1,000 MIDI files, all cores", ours, floor, "cp -r + sha256sum + symusic; goal: twice"


def spin(item: dict[str, int]) -> dict[str, int]:
    """Some 100 µs of work."""
    return {"sum": sum(range(item["number"] % 100 + 7000))}


def _spin(run: Run, count: int) -> float:
    plan = Plan()
    items = [Item(str(number), str(number), "", 1, SPIN, {"number": number}) for number in range(count)]
    for item in items:
        plan.add(item, "new")
    begun = time.perf_counter()
    run_items(Work("spin", items, plan), lambda _: None, run)
    return time.perf_counter() - begun


def _spin_here() -> float:
    begun = time.perf_counter()
    for number in range(ITEMS):
        spin({"number": number})
    return time.perf_counter() - begun


def _import(run: Run, folder: Path, music: Path) -> float:
    create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
    with Catalogue.open(folder / "bench") as catalogue:
        begun = time.perf_counter()
        import_music(catalogue, run, [music])
        return time.perf_counter() - begun
