"""What a file costs in each stage: in the workers, in the process that drives them, beside the arithmetic alone.

A unit cost is the difference between many files and few, by the number of files more: what starting costs drops out.
CPU time, which other work on the machine changes less; only the efficiency of two cores is by the clock, and beside it
stands that of two processes at the arithmetic alone: cores that share a cache, or are one core's two threads, are not
twice one. The music is pop of some 1,660 notes, or made up as large; clips are 30 s at 44.1 kHz, 16 bits, mono.
"""

from __future__ import annotations

import hashlib
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import soundfile

from kelly_tui.augment.item import plan_item, variant_bytes
from kelly_tui.features.audio import detect_labels, extract_audio_features
from kelly_tui.features.fingerprint import midi_fingerprint
from kelly_tui.features.midi import analyse, features_of, labels_of
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import EMOTIONS, GROOVES
from kelly_tui.music.notes import read_midi
from kelly_tui.paths import PROJECT
from kelly_tui.pipeline.stages import augment_dataset, extract_features, import_files, synthesize_dataset
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.synth.item import classes_of, generate_sample
from tests.perf.bench_audio import clip
from tests.perf.bench_midi import songs

FEW, MANY = {"midi": 50, "audio": 4}, {"midi": 1_050, "audio": 84}  # an import of fewer is shorter than starting varies
TURNS = 3
GOAL = {("midi", "extract"): "goal 1.30", ("audio", "extract"): "goal 1.05"}
EFFICIENCY = 0.85
"""Of two cores over one, at least."""


class Cost(NamedTuple):
    """Seconds by the clock, CPU seconds of the driving process and of its children."""

    wall: float
    driver: float
    workers: float


class Unit(NamedTuple):
    """What one file costs in a stage: seconds and, where files come to lie, bytes on the disk."""

    kind: str
    stage: str
    floor: float
    """CPU seconds of reading and arithmetic alone."""
    one: Cost
    """With one worker."""
    two: Cost
    """With two."""
    size: float
    """Bytes that the dataset grew by in this stage."""
    alone: float | None
    """The efficiency of two cores over one at the arithmetic of extraction; None for import, mostly the disk's."""

    @property
    def efficiency(self) -> float:
        return self.one.wall / self.two.wall / 2


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    """(what, our CPU seconds a file, the floor's, a note); `n` changes nothing."""
    for unit in units():
        share = f"driver {unit.one.driver / (unit.one.driver + unit.one.workers):.0%}"
        goal = GOAL.get((unit.kind, unit.stage), "")
        cores = f"two cores over one {unit.efficiency:.2f}, goal {EFFICIENCY}"
        if unit.alone is not None:
            cores += f", the arithmetic alone {unit.alone:.2f}"
        note = f"{share}; {cores}; {goal}".rstrip("; ")
        yield f"{unit.stage} a {unit.kind} file, all of it", unit.one.driver + unit.one.workers, unit.floor, note

    yield from _makings(TURNS)


def _makings(turns: int) -> Iterator[tuple[str, float, float, str]]:
    """The same of the stages that make MIDI: one variant of each file, and as many generated samples."""
    taken: dict[str, list[Cost]] = {}
    least: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=PROJECT / "datasets") as folder:
        music = Path(folder) / "music"
        _write(music / "few", "midi", 0, FEW["midi"])
        _write(music / "many", "midi", FEW["midi"], MANY["midi"])
        _making_costs(Path(folder) / "warm", music / "few")
        for turn in range(turns):
            for stage, floor in _making_floors(sorted((music / "many").iterdir())).items():
                least.setdefault(stage, []).append(floor)
            few, many = (_making_costs(Path(folder) / f"{which} {turn}", music / which) for which in ("few", "many"))
            for stage, cost in many.items():
                more = (b - a for a, b in zip(few[stage], cost, strict=True))
                taken.setdefault(stage, []).append(Cost(*(one / (MANY["midi"] - FEW["midi"]) for one in more)))
    for stage, costs in taken.items():
        cost = _median(costs)
        share = f"driver {cost.driver / (cost.driver + cost.workers):.0%}"
        yield f"{stage} a midi file, all of it", cost.driver + cost.workers, statistics.median(least[stage]), share


def _making_costs(folder: Path, music: Path) -> dict[str, Cost]:
    create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
    root, count = folder / "bench", len(list(music.iterdir()))
    import_files(root, [music], workers=1)
    return {
        "augment": _cost(lambda: augment_dataset(root, 1, workers=1)),
        "synthesize": _cost(lambda: synthesize_dataset(root, count, workers=1)),
    }


def _making_floors(paths: list[Path]) -> dict[str, float]:
    classes = classes_of("emotion", {"emotion_labels": EMOTIONS, "groove_labels": GROOVES})

    def augment(path: Path) -> None:
        item = {"root": str(path.parent), "parent_path": path.name, "parent_sha256": path.name, "file_type": "midi",
                "root_id": path.name, "n": 1, "seed": 0}  # fmt: skip
        variant_bytes({**item, **plan_item(item)["variants"][0]})

    return {
        "augment": _each(augment, paths),
        "synthesize": _each(lambda path: generate_sample("emotion", 0, int(path.stem), classes), paths),
    }


def units(turns: int = TURNS) -> list[Unit]:
    """Unit costs of every stage for both kinds of files: the medians of `turns`, one worker and two by turns."""
    with tempfile.TemporaryDirectory(dir=PROJECT / "datasets") as folder:
        found = []
        for kind, floors in (("midi", _midi_floors), ("audio", _audio_floors)):
            music = Path(folder) / kind
            _write(music / "few", kind, 0, FEW[kind])
            _write(music / "many", kind, FEW[kind], MANY[kind])
            _costs(Path(folder) / f"{kind} warm", music / "few", 1)  # what is imported late is imported by then
            paths = sorted((music / "many").iterdir())
            taken: dict[tuple[str, int], list[Cost]] = {}
            sizes: dict[str, float] = {}
            least: dict[str, list[float]] = {}
            for turn in range(turns):
                for stage, floor in floors(paths).items():  # by turns with ours: a shared core has slow minutes
                    least.setdefault(stage, []).append(floor)
                for workers in (1, 2):
                    root = Path(folder) / f"{kind} {turn} {workers}"
                    for stage, (cost, size) in _unit_costs(root, music, kind, workers).items():
                        taken.setdefault((stage, workers), []).append(cost)
                        sizes[stage] = size
            alone = {"import": None, "extract": _alone(floors, paths)}
            found += [
                Unit(
                    kind, stage, statistics.median(least[stage]), _median(taken[stage, 1]), _median(taken[stage, 2]),
                    sizes[stage], alone[stage],
                )
                for stage in ("import", "extract")
            ]  # fmt: skip
    return found


def _alone(floors: Callable[[list[Path]], dict[str, float]], paths: list[Path]) -> float:
    """How much two processes at the arithmetic get done in the time of one, of twice as much."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        seconds = {}
        for at_once in (2, 1, 2):  # the first time both import what they need
            began = time.perf_counter()
            for running in [pool.submit(floors, paths) for _ in range(at_once)]:
                running.result()
            seconds[at_once] = time.perf_counter() - began
    return seconds[1] / seconds[2]


def _median(costs: list[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def _unit_costs(root: Path, music: Path, kind: str, workers: int) -> dict[str, tuple[Cost, float]]:
    """By stage: the cost of a file more, and the bytes it leaves on the disk."""
    few, many = (_costs(root / which, music / which, workers) for which in ("few", "many"))
    more = MANY[kind] - FEW[kind]
    return {
        stage: (
            Cost(*((b - a) / more for a, b in zip(few[stage][0], cost, strict=True))),
            (size - few[stage][1]) / more,
        )
        for stage, (cost, size) in many.items()
    }


def _costs(folder: Path, music: Path, workers: int) -> dict[str, tuple[Cost, int]]:
    create_dataset_structure(folder, DatasetConfig(dataset_id="bench"))
    root, found, before = folder / "bench", {}, 0
    stages: dict[str, Callable[[], object]] = {
        "import": lambda: import_files(root, [music], workers=workers),
        "extract": lambda: extract_features(root, workers=workers),
    }
    for stage, act in stages.items():
        cost = _cost(act)
        size = sum(path.stat().st_blocks * 512 for path in root.rglob("*"))
        found[stage], before = (cost, size - before), size
    return found


def _cost(act: Callable[[], object]) -> Cost:
    began, driver, workers = time.perf_counter(), time.process_time(), _of_children()
    act()
    return Cost(time.perf_counter() - began, time.process_time() - driver, _of_children() - workers)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(folder: Path, kind: str, first: int, count: int) -> None:
    """`count` files, each of other content than any other."""
    folder.mkdir(parents=True)
    if kind == "audio":
        sound = clip(44_100)
        for number in range(count):
            soundfile.write(folder / f"{number}.wav", sound * (0.5 + (first + number) / 200), 44_100, "PCM_16")
        return
    originals = songs()
    for number in range(count):
        (folder / f"{number}.mid").write_bytes(_another(originals[number % len(originals)], first + number))


def _another(song: bytes, number: int) -> bytes:
    """The song with a few notes as loud as `number` says."""
    import symusic

    score = symusic.Score.from_midi(song)
    for place, note in enumerate(score.tracks[0].notes[:3]):
        note.velocity = 30 + number // 64**place % 64
    return score.dumps_midi()


def _midi_floors(paths: list[Path]) -> dict[str, float]:
    import symusic

    def bring(path: Path) -> None:
        data = path.read_bytes()
        hashlib.sha256(data).hexdigest()
        symusic.Score.from_midi(data)
        (path.parents[1] / "copy").write_bytes(data)

    def extract(path: Path) -> None:
        score = read_midi(path)
        analysis = analyse(score)
        features_of(analysis)
        labels_of(analysis)
        midi_fingerprint(score)

    return {"import": _each(bring, paths), "extract": _each(extract, paths)}


def _audio_floors(paths: list[Path]) -> dict[str, float]:
    def bring(path: Path) -> None:
        data = path.read_bytes()
        hashlib.sha256(data).hexdigest()
        soundfile.read(path, dtype="float32")
        (path.parents[1] / "copy").write_bytes(data)

    return {
        "import": _each(bring, paths),
        "extract": _each(lambda path: detect_labels(extract_audio_features(path)), paths),
    }


def _each(act: Callable[[Path], object], paths: list[Path]) -> float:
    """CPU seconds of `act` for a file, on one core as a worker has it, after one that is not counted."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        act(paths[0])
        began = time.process_time()
        for path in paths:
            act(path)
        return (time.process_time() - began) / len(paths)
