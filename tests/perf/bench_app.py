"""The app on a real pseudo-terminal: how soon it is there, and how soon a key is answered."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.paths import PROJECT
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.ui.advice import next_best
from kelly_tui.validate.scores import live_scores
from tests.perf.bench_store import samples
from tests.pty_program import PtyProgram

SIZE = (160, 48)
STARTS = 7
KEYS = 200

ASKED = {"cursor down": b"j", "page down": b"\x1b[6~", "label and go on": b"2"}
"""What the keys do, and they."""

SMALLEST_APP = """
from textual.app import App
from textual.widgets import Static

class Smallest(App):
    BINDINGS = [("j", "count")]
    n = 0

    def compose(self):
        yield Static("ready")

    def action_count(self):
        self.n += 1
        self.query_one(Static).update(f"ready {self.n}")

Smallest().run()
"""
"""What the framework costs by itself: the floor."""


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    with tempfile.TemporaryDirectory(dir=PROJECT / "datasets") as folder:
        create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
        root = Path(folder) / "bench"
        with Catalogue.open(root) as catalogue:
            catalogue.add(samples(n))
            yield "scores and next action after an edit", _scores(catalogue), 0.0, f"{n:,} samples; goal 5 ms"
        # A second look is another page, drawn whole: no answer to the label.
        environment = {"KELLY_AUTOPLAY": "no", "KELLY_SECOND_LOOK": "0"}
        environment |= {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
        yield from measure(root, environment, n)


def measure(root: Path, environment: dict[str, str], n: int) -> Iterator[tuple[str, float, float, str]]:
    ours = [sys.executable, "-m", "kelly_tui", str(root)]
    floor = [sys.executable, "-c", SMALLEST_APP]
    first = statistics.median(_start(ours, environment, b"Balance") for _ in range(STARTS))
    least = statistics.median(_start(floor, environment, b"ready") for _ in range(STARTS))
    yield "cold start to first paint, CPU", first, least, f"{n:,} samples; goal 0.5 s; floor: the smallest Textual app"
    with PtyProgram(floor, SIZE) as smallest:
        smallest.wait_for(b"ready")
        least_time = _share([smallest.answer(b"j") for _ in range(KEYS)])
        smallest.send(b"\x11")
    with PtyProgram(ours, SIZE, environment) as app:
        app.wait_for(f"{n:,}".encode())
        app.read(2.0)
        idle = {what: [app.answer(keys) for _ in range(KEYS)] for what, keys in ASKED.items()}
        for what, times in idle.items():
            yield f"key to repaint, {what}", _share(times), least_time, f"{_told(times)}; floor: the smallest app"
        app.send(b":sort -bpm\r")
        sorting = [app.answer(b"j", still=0.01) for _ in range(KEYS // 4)]
        yield "key to repaint while a million is sorted", _share(sorting), least_time, _told(sorting)
        _start_stage(app, root, n)
        busy = {what: [app.answer(keys) for _ in range(KEYS)] for what, keys in ASKED.items()}
        for what, times in busy.items():
            yield f"the same beside a stage on all cores, {what}", _share(times), _share(idle[what]), \
                f"{_told(times)}; floor: the same app idle"  # fmt: skip
        yield "memory of the app, MB as seconds", app.megabytes(), 0.0, f"{n:,} samples; goal 200 MB"
        app.press(b"\x11")  # a stage is running, it says: again to stop it
        app.send(b"\x11")
        app.end(60)


def _start_stage(app: PtyProgram, root: Path, n: int) -> None:
    """Have the app start a stage that makes samples on every core for longer than the keys take."""
    with Catalogue.open(root) as catalogue:
        before = len(catalogue)
        app.send(f":synthesize {n}\r".encode())
        while len(catalogue) == before:
            app.read(0.1)


def _told(times: list[float]) -> str:
    found = f"median {statistics.median(times) * 1e3:.1f}, longest {max(times) * 1e3:.0f} ms"
    return f"95 %; {found}; goals 10, 30, 100"


def _scores(catalogue: Catalogue) -> float:
    """Seconds, median, from the counters to what the panel says."""
    times = []
    for _ in range(KEYS):
        begun = time.perf_counter()
        counts = catalogue.counts()
        next_best(counts, live_scores(counts, catalogue.config), catalogue.config)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _start(command: list[str], environment: dict[str, str], shown: bytes) -> float:
    """CPU seconds until `shown` is on the screen and nothing more comes."""
    with PtyProgram(command, SIZE, environment) as program:
        program.wait_for(shown)
        used = program.cpu_seconds()
        program.read(0.3)
        program.send(b"\x11")
    return used


def _share(times: list[float], share: float = 0.95) -> float:
    return sorted(times)[int(len(times) * share)]
