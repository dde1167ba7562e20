"""The app at a desk of fixed size with a fake sound, a stopped clock and a small dataset of real notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import symusic
from textual.widgets import Input

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.render.companion import Companion
from kelly_tui.render.lens import Lens
from kelly_tui.settings import Settings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.ui.actions import ACTIONS
from kelly_tui.ui.app import KellyApp
from kelly_tui.ui.keymap import Keymap
from kelly_tui.ui.screens import workstation
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.widgets.form import Form
from kelly_tui.ui.widgets.status_line import StatusLine
from tests.terminal import Terminal

PATIENCE = 60.0
"""Seconds that a test waits for the app: a busy machine is slow, and one at rest never waits so long."""

NAMES = ("amber", "birch", "cedar", "dune", "elm", "fern", "grove", "heath", "iris", "juniper")
"""Samples s0…s9. birch is verified; cedar has a guess; elm is a variant of dune; juniper can't be read."""


def write_midi(path: Path, first_pitch: int = 60) -> None:
    """Four bars of a scale at 120 BPM."""
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    track = symusic.Track()
    for beat in range(16):
        track.notes.append(symusic.Note(beat * 480, 400, first_pitch + beat % 8, 50 + beat * 4))
    score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(score.dumps_midi())


def make_dataset(folder: Path, name: str = "songs", model: str = "emotionrecognizer") -> Path:
    """Ten samples with every kind of label; see `NAMES`."""
    create_dataset_structure(
        folder, DatasetConfig(dataset_id=name, target_model=model, created_at="2026-01-01T00:00:00Z")
    )
    root = folder / name
    found = {"key": Label("A", "detector", by="kelly key 1", confidence=0.94), "mode": Label("minor", "detector"),
             "tempo_bpm": Label(120.0, "detector", confidence=0.8)}  # fmt: skip
    labels: dict[int, dict[str, Label]] = {
        1: {"emotion": Label("sad", "folder"), "is_verified": Label(True, by="someone")},
        2: {**found, "emotion": Label("happy", "model", by="kelly guess 1", confidence=0.71)},
        3: {**found, "emotion": Label("tense", by="someone"), "groove_type": Label("swing", "detector", confidence=0.6),
            "chord_progression": Label(["Am", "F", "C", "G"], "detector", confidence=0.7),
            "chord_times": Label([0.0, 2.0, 4.0, 6.0], "detector")},
        4: {"emotion": Label("tense", "inherited", in_doubt=True)},
        6: {"emotion": Label("peaceful", "generator")},
    }  # fmt: skip
    samples = []
    for number, one in enumerate(NAMES):
        path = f"raw/midi/{one}.mid"
        write_midi(root / path, 50 + number)
        samples.append(
            Sample(
                sample_id=f"{number:016x}", file_path=path, file_type="midi", sha256=f"{number:064x}",
                file_size_bytes=300, duration_sec=8.0, labels=labels.get(number, found if number % 2 else {}),
                parent_id=f"{3:016x}" if number == 4 else None, root_id=f"{3:016x}" if number == 4 else "",
                augmentation_type="transpose" if number == 4 else None, is_synthetic=number == 6,
                split=("train", "train", "val", "test", None)[number % 5], created_at="2026-01-01T00:00:00Z",
                status="no notes" if number == 9 else "ok",
            )
        )  # fmt: skip
    with Catalogue.open(root) as catalogue:
        catalogue.add(samples)
    return root


@dataclass
class FakeState:
    position: float = 0.0
    duration: float = 8.0
    playing: bool = False
    speed: float = 1.0
    semitones: int = 0
    loop: tuple[float, float] | None = None
    matched: bool = True
    underruns: int = 0
    message: str = ""

    @property
    def goal(self) -> float:
        return self.position


@dataclass
class FakeSound:
    """Remembers what it was asked, and is at once where it was sent."""

    settings: object = None
    state: FakeState = field(default_factory=FakeState)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    loaded: str = ""
    lens: Lens = field(default_factory=Lens)
    companion: Companion = field(default_factory=Companion)

    def start(self) -> None:
        self.asked.append(("start",))

    def load(self, path: Path) -> None:
        self.loaded = path.stem
        self.state.position, self.state.playing = 0.0, False
        self.state.loop, self.state.semitones = None, 0
        self.lens, self.companion = Lens(), Companion()
        self.asked.append(("load", path.stem))

    def switch(self, path: Path, ratio: float = 1.0) -> None:
        self.loaded = path.stem
        self.state.position *= ratio
        self.lens, self.companion = self.lens.stretched(ratio), self.companion.stretched(ratio)
        self.asked.append(("switch", path.stem, ratio))

    def set_decks(self, paths: Sequence[Path]) -> None:
        self.asked.append(("decks", *(path.stem for path in paths)))

    def prepare(self, paths: Sequence[Path]) -> None:
        self.asked.append(("prepare", *(path.stem for path in paths)))

    def play(self) -> None:
        self.state.playing = True
        self.asked.append(("play",))

    def toggle(self) -> None:
        self.state.playing = not self.state.playing
        self.asked.append(("toggle",))

    def stop(self) -> None:
        self.state.playing = False
        self.asked.append(("stop",))

    def seek(self, seconds: float) -> None:
        self.state.position = seconds
        self.asked.append(("seek", round(seconds, 2)))

    def seek_by(self, seconds: float) -> None:
        self.seek(self.state.position + seconds)

    def set_speed(self, ratio: float) -> None:
        self.state.speed = ratio

    def set_loop(self, region: tuple[float, float] | None) -> None:
        self.state.loop = region

    def set_transpose(self, semitones: int) -> None:
        self.state.semitones = semitones

    def set_lens(self, lens: Lens) -> None:
        self.lens = lens
        self.state.semitones = lens.semitones

    def set_companion(self, companion: Companion) -> None:
        self.companion = companion

    def set_soundfont(self, path: str) -> None:
        self.asked.append(("soundfont", path))

    def set_device(self, name: str) -> None:
        self.asked.append(("device", name))

    def set_volume(self, volume: float) -> None:
        self.asked.append(("volume", volume))

    def close(self) -> None:
        self.asked.append(("close",))


@dataclass
class Desk:
    """An app that runs, and a second look at its dataset."""

    app: KellyApp
    pilot: Any
    performed: list[str]

    @property
    def sound(self) -> FakeSound:
        return self.app.engine  # type: ignore[return-value]

    @property
    def here(self) -> str:
        """The name of the sample under the cursor."""
        assert self.app.workstation is not None
        row = self.app.workstation.table.current
        return "" if row is None else Path(row.file_path).stem

    @property
    def place(self) -> str:
        """The name of the screen that is on top, as keys have it."""
        assert isinstance(self.app.screen, KeyedScreen)
        return self.app.screen.place

    @property
    def said(self) -> str:
        """The last message."""
        return self.app.screen.query_one(StatusLine).message[0]

    @property
    def hint(self) -> str:
        """What the prompt says about what is typed."""
        return self.app.screen.query_one("#prompt-hint").line[0][0]  # type: ignore[attr-defined]

    @property
    def form(self) -> Form:
        assert self.app.workstation is not None
        return self.app.workstation.form

    def stored(self, name: str) -> Sample:
        """What the catalogue says of a sample, through another connection."""
        assert self.app.session is not None
        with Catalogue.open(self.app.session.root) as catalogue:
            sample = catalogue.get(f"{NAMES.index(name):016x}")
        assert sample is not None
        return sample

    def values(self, name: str) -> dict[str, Any]:
        return self.stored(name).annotations

    async def press(self, *keys: str) -> None:
        """Press keys, then wait until all is saved and drawn."""
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def type(self, text: str) -> None:
        """Put a text into the prompt, as typing does, and enter."""
        self.app.screen.query_one(Input).value = text
        await self.press("enter")

    async def settle(self) -> None:
        """Wait until nothing is being done, saved, read or drawn."""
        quiet = 0
        for _ in range(800):
            await self.pilot.pause()
            quiet = 0 if self._is_busy() else quiet + 1
            if quiet == 2:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the app does not come to rest")

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so, of what comes in its own time: a look around, a stage, a second try."""
        deadline = monotonic() + PATIENCE
        while not done():
            assert monotonic() < deadline, self.text()
            await self.pilot.pause(0.02)

    def _is_busy(self) -> bool:
        desk = self.app.workstation
        if getattr(self.app, "_performing", 0) or any(not worker.is_finished for worker in self.app.workers):
            return True
        if desk is None:
            return False
        resting = desk._rest is not None and desk._rest._task is not None and not desk._rest._task.done()
        return resting or bool(desk.unsaved and not desk.kept)

    def text(self) -> str:
        """The screen as text."""
        return screen_text(self.app)


def screen_text(app: KellyApp) -> str:
    """The screen as text, a line each, without trailing blanks."""
    app.screen._compositor.update_widgets(set())
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text.rstrip() for strip in strips[: app.size.height])


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing moves by itself, and no home configuration is read."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr(workstation, "REST", 0.005)


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The actions that keys have led to."""
    seen: list[str] = []
    perform = KeyedScreen.perform

    async def remembering(self: KeyedScreen, action: str, *arguments: Any) -> None:
        seen.append(action)
        self.app._performing = getattr(self.app, "_performing", 0) + 1  # type: ignore[attr-defined]
        await perform(self, action, *arguments)
        self.app._performing -= 1  # type: ignore[attr-defined]

    monkeypatch.setattr(KeyedScreen, "perform", remembering)
    return seen


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "datasets")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A real terminal of 80 columns by 24 lines."""
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


Open = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(tmp_path: Path, performed: list[str]) -> Open:
    """Open the app on a dataset, or on the picker: ``async with open_desk(root) as desk``."""

    @asynccontextmanager
    async def opened(
        dataset: Path | None = None,
        size: tuple[int, int] = (120, 40),
        filter: str = "",
        keymap: Keymap | None = None,
        notice: str = "",
        **changes: Any,
    ) -> AsyncIterator[Desk]:
        settings = Settings(annotator="tester", **changes)
        app = KellyApp(
            settings, tmp_path / "datasets", dataset, filter, keymap=keymap, sound=FakeSound, clock=lambda: "14:02:11"
        )
        app.notice = (notice, "broken")
        async with app.run_test(size=size) as pilot:
            desk = Desk(app, pilot, performed)
            await desk.settle()
            yield desk
            if app._running:
                app.leave()

    return opened


@pytest.fixture(autouse=True)
def _does_what_it_says(request: pytest.FixtureRequest, performed: list[str]) -> Iterator[None]:
    """A test marked ``exercises`` must have led to those actions by keys."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        return
    mark = request.node.get_closest_marker("exercises")
    if mark is not None:
        assert set(mark.args) <= {action.id for action in ACTIONS}
        assert set(mark.args) <= set(performed), f"no key led to {set(mark.args) - set(performed)}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "exercises(*actions): the actions of the table that the test leads to by keys")
