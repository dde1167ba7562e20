"""A recorded run of keys: a hundred tunes labelled in the app, on a real pseudo-terminal.

The tunes are of Ryan's Mammoth Collection (1883), as music21's corpus has them. ``runs/emotion.keys`` has a line a
decision: the keys, what is then stored, and the tune. ``python -m tests.labelling_run`` prints what it takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import GROOVES
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.ui.words import field_word
from tests.pty_program import PtyProgram

RUNS = {"emotionrecognizer": "emotion", "groovepredictor": "groove"}
"""The target model of a run's dataset, and the name of its file."""

SIZE = (120, 40)
ALONE = {"KELLY_SECOND_LOOK": "0"}
"""Nothing comes back for a second look: when it does is drawn by lot, and no recorded key expects it."""

_WRITE = """
import sys
from pathlib import Path
import symusic
for name in sys.argv[3:]:
    (Path(sys.argv[2]) / f"{name}.mid").write_bytes(symusic.Score(Path(sys.argv[1]) / f"{name}.abc").dumps_midi())
"""
"""In a process of its own: the reader of ABC prints what it thinks of old notation."""


class Decision(NamedTuple):
    """One line of a run."""

    keys: tuple[str, ...]
    said: str
    """The label that is stored, ``skipped``, or ``flagged``."""
    tune: str


class Took(NamedTuple):
    """What a run took."""

    keys: float
    """A decision."""
    seconds: float
    """A decision, from the first key to all labels on the disk: what the tool takes, without anybody listening."""


def decisions(model: str) -> list[Decision]:
    """The lines of a run."""
    path = Path(__file__).parent / "runs" / f"{RUNS[model]}.keys"
    lines = [line.split() for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [Decision(tuple(keys), said, tune) for *keys, said, tune in lines]


def make_dataset(folder: Path, model: str) -> Path:
    """The dataset of a run: its tunes as MIDI, imported, with nothing labelled."""
    import kelly_tui

    spec = find_spec("music21")
    assert spec is not None
    assert spec.origin is not None
    corpus = Path(spec.origin).parent / "corpus" / "ryansMammoth"
    music = folder / "music"
    music.mkdir()
    tunes = [one.tune for one in decisions(model)]
    subprocess.run([sys.executable, "-c", _WRITE, corpus, music, *tunes], check=True, stdout=subprocess.DEVNULL)
    create_dataset_structure(folder, _config(model))
    kelly_tui.import_files(folder / "tunes", [music], workers=1)
    return folder / "tunes"


def play(root: Path, model: str, environment: dict[str, str]) -> Took:
    """Press the keys, one after the other's frame, and wait until what the last decided is on the disk."""
    run = decisions(model)
    command = [sys.executable, "-m", "kelly_tui", str(root)]
    undone = f"undo {field_word(_config(model).model.main_label)}".encode()  # what is said then
    with (
        PtyProgram(command, SIZE, {**environment, "KELLY_AUTOPLAY": "yes", **ALONE}) as app,
        Catalogue.open(root) as catalogue,
    ):
        app.wait_for(run[0].tune[:12].encode())
        app.read(0.5)
        begun = time.perf_counter()
        for decision in run:
            for key in decision.keys:
                before = app.written.count(undone)
                app.press(key.encode())
                if key == "u":  # where it leads is seen before the next key
                    _until(lambda: app.written.count(undone) > before, app)  # noqa: B023
        last = run[-1]
        _until(lambda: what_is_said(_sample(catalogue, last.tune), model) == last.said, app)
        seconds = time.perf_counter() - begun
        app.send(b"\x11")
    return Took(sum(len(one.keys) for one in run) / len(run), seconds / len(run))


def what_is_said(sample: Sample, model: str) -> str:
    """A decision, as the file of a run has it."""
    main = _config(model).model.main_label
    said = str(sample.value(main) or "·") if sample.decision == "labelled" else sample.decision
    label = sample.labels.get(main)
    return f"{said}?" if label is not None and label.unsure else said


def stored(root: Path, model: str) -> dict[str, str]:
    """What is said of each tune."""
    with Catalogue.open(root) as catalogue:
        return {one.name: what_is_said(one, model) for one in catalogue.samples()}


def _config(model: str) -> DatasetConfig:
    return DatasetConfig(dataset_id="tunes", target_model=model, groove_labels=GROOVES)


def _sample(catalogue: Catalogue, tune: str) -> Sample:
    return catalogue.find(f"{tune}.mid")


def _until(done: Callable[[], bool], app: PtyProgram, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"the last decision never came: {app.written[-300:]!r}"
        app.read(0.002)


def runs() -> Iterator[tuple[str, Took]]:
    """Each run in a dataset of its own, and what it took."""
    for model in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            root = make_dataset(Path(folder), model)
            quiet = {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
            yield model, play(root, model, {**os.environ, **quiet})


if __name__ == "__main__":
    for model, took in runs():
        print(f"{RUNS[model]}: {took.keys:.2f} keys and {took.seconds * 1e3:.0f} ms a decision")
