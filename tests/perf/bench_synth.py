"""Generated music: samples made and registered, beside the same notes written by pretty_midi and by symusic alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import symusic
from pretty_midi import PrettyMIDI

import kelly_tui
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS, GROOVES
from kelly_tui.synth.item import classes_of, generate_sample

_KINDS = ("emotion", "melody", "harmony", "dynamics", "groove")
_CONFIG = {"emotion_labels": list(EMOTIONS), "groove_labels": list(GROOVES)}
_IN_ALL, _EACH = 5_000, 400


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """Seconds for 5,000 emotion samples on two cores (goal 15), and for a sample of each kind on one."""
    yield _registered(min(n, _IN_ALL))
    for kind in _KINDS:
        yield _of_kind(kind)


def _registered(count: int) -> tuple[str, float, float, str]:
    """The whole stage, processes started and rows in the catalogue; beside pretty_midi writing the same notes."""
    with tempfile.TemporaryDirectory() as folder:
        kelly_tui.create_dataset_structure(folder, DatasetConfig(dataset_id="d", target_model="emotionrecognizer"))
        root = Path(folder, "d")
        begun = time.perf_counter()
        outcome = kelly_tui.synthesize_dataset(root, count, workers=2)
        ours = time.perf_counter() - begun
        assert outcome.done == count
        some = [PrettyMIDI(str(path)) for path in list(root.rglob("*.mid"))[:_EACH]]
        begun = time.perf_counter()
        for number, music in enumerate(some):
            music.write(f"{folder}/{number}.mid")
        peer = (time.perf_counter() - begun) / len(some) * count / 2
    note = "goal 15 s for 5,000, in the catalogue; floor: pretty_midi writing the same notes, on two cores"
    return f"{count:,} emotion samples, two processes", ours, peer, note


def _of_kind(kind: str) -> tuple[str, float, float, str]:
    classes = classes_of(kind, _CONFIG)
    begun = time.perf_counter()
    samples = [generate_sample(kind, 1, index, classes) for index in range(_EACH)]
    ours = (time.perf_counter() - begun) / _EACH
    scores = [symusic.Score.from_midi(sample.midi) for sample in samples]
    begun = time.perf_counter()
    for score in scores:
        score.dumps_midi()
    floor = (time.perf_counter() - begun) / _EACH
    return f"{kind}: one sample, one process", ours, floor, "floor: symusic writing the same notes"
