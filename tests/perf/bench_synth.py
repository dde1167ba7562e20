"""Generated music: samples made and written, beside the same notes written by symusic alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import symusic

from kelly_tui.model.labels import EMOTIONS, GROOVES
from kelly_tui.synth.item import classes_of, generate_item, generate_sample

_KINDS = ("emotion", "melody", "harmony", "dynamics", "groove")
_CONFIG = {"emotion_labels": list(EMOTIONS), "groove_labels": list(GROOVES)}
_IN_ALL, _EACH, _CHUNK = 5_000, 400, 50


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """Seconds for 5,000 emotion samples on two cores (goal 15), and for a sample of each kind on one."""
    yield _on_two_cores(min(n, _IN_ALL))
    for kind in _KINDS:
        yield _of_kind(kind)


def _on_two_cores(count: int) -> tuple[str, float, float, str]:
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_write, [(folder, 0, 1), (folder, 1, 2)]))  # started and imported
        begun = time.perf_counter()
        sizes = list(pool.map(_write, [(folder, first, first + _CHUNK) for first in range(0, count, _CHUNK)]))
        ours = time.perf_counter() - begun
        files = list(Path(folder).rglob("*.mid"))
        contents = [path.read_bytes() for path in files]
        begun = time.perf_counter()
        for path, content in zip(files, contents):
            path.write_bytes(content)
        floor = time.perf_counter() - begun
    note = f"goal 15 s for 5,000; {sum(sizes) / count / 1024:.1f} kB each; floor: writing the files"
    return f"{count:,} emotion samples, two processes", ours, floor, note


def _write(chunk: tuple[str, int, int]) -> int:
    folder, first, last = chunk
    size = 0
    for index in range(first, last):
        item = {"root": folder, "kind": "emotion", "index": index, "seed": 0, "config": _CONFIG,
                "target": f"{index % 256:02x}/{index}.mid"}  # fmt: skip
        size += generate_item(item)["file_size_bytes"]
    return size


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
