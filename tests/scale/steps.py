"""What is done to the large dataset, one function a step. Each runs in a process of its own and is given the folder.

``python -m tests.scale.steps STEP FOLDER N`` prints what it took: seconds, CPU seconds with those of its children, and
those of a floor where there is one. A step that only asks is done a few times and the least is told.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import EMOTIONS
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue, FeatureRow

TURNS = 5
EDITS = 200
BATCH = 5_000
LATER = "2999-01-01T00:00:00.000Z"
"""When samples are said to have come: no file is younger, so that none counts as changed since."""


class Took:
    """Seconds, and CPU seconds of this process and the children that have ended, of what ran in ``with`` blocks."""

    def __init__(self) -> None:
        self.seconds = self.cpu = self.floor = 0.0
        """`floor`: CPU seconds of a bare SQLite at the same."""

    @contextmanager
    def counting(self) -> Iterator[None]:
        began, used = time.perf_counter(), _cpu()
        yield
        self.seconds += time.perf_counter() - began
        self.cpu += _cpu() - used

    @staticmethod
    def least(act: Callable[[], object], turns: int = TURNS) -> Took:
        found = []
        for _ in range(turns):
            took = Took()
            with took.counting():
                act()
            found.append(took)
        return min(found, key=lambda took: took.cpu)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def create(folder: Path, n: int) -> Took:
    from kelly_tui.store.layout import create_dataset_structure

    def make() -> None:
        create_dataset_structure(folder, DatasetConfig(dataset_id="large"))
        with Catalogue.open(folder / "large") as catalogue:
            assert len(catalogue) == 0

    return Took.least(make, 1)


def add(folder: Path, n: int) -> Took:
    """`n` samples with the labels of `extract`, two small files each, and features with a vector."""
    from tests.perf.bench_store import samples

    took, chance = Took(), np.random.default_rng(7)
    with Catalogue.open(folder / "large") as catalogue:
        for some in _batches(samples(n)):
            made = [_with_files(catalogue.root, sample) for sample in some]
            rows = [_features(sample, chance) for sample in made]
            with took.counting():
                catalogue.add(made)
                catalogue.put_features(rows)
    return took


def _batches(samples: Iterator[Sample]) -> Iterator[list[Sample]]:
    while some := list(islice(samples, BATCH)):
        yield some


def _with_files(root: Path, sample: Sample) -> Sample:
    number = sample.file_path.rpartition(" ")[2].removesuffix(".mid")
    features_path = f"processed/features/{sample.sample_id[:2]}/{sample.sample_id}.json"
    for path, data in ((sample.file_path, number.encode()), (features_path, b"{}")):
        target = f"{root}/{path}"
        try:
            _write(target, data)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _write(target, data)
    return msgspec.structs.replace(sample, file_size_bytes=len(number), features_path=features_path, created_at=LATER)


def _write(path: str, data: bytes) -> None:
    """Without what pathlib and buffers cost, a million times."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, data)
    os.close(descriptor)


def _features(sample: Sample, chance: np.random.Generator) -> FeatureRow:
    from tests.perf.bench_trust import _tune

    vector = chance.random(117, np.float32).tolist()
    piece = int(sample.file_path.rpartition(" ")[2].removesuffix(".mid")) // 3
    return FeatureRow(
        sample.sample_id, "key", sample.features_path or "", 30.0, vector, {"note_count": 300}, _tune(piece)
    )


def start(folder: Path, n: int) -> Took:
    """The catalogue, the counts, and the first rows of the list."""
    from kelly_tui.store import query

    def look() -> None:
        with Catalogue.open(folder / "large") as catalogue:
            assert catalogue.counts().in_catalogue == n
            assert len(query.rows(catalogue, query.beginning(catalogue, query.Query(), "path", 100))) == 100

    return Took.least(look)


def app(folder: Path, n: int) -> Took:
    """The app on a terminal, until the number of samples stands there."""
    from tests.pty_program import PtyProgram

    environment = {"XDG_STATE_HOME": f"{folder}/state", "XDG_CONFIG_HOME": f"{folder}/state", "KELLY_AUTOPLAY": "no"}
    took = Took()
    began = time.perf_counter()
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(folder / "large")], (160, 48), environment) as program:
        program.wait_for(f"{n:,}".encode(), 600)
        took.seconds = time.perf_counter() - began
        took.cpu = program.cpu_seconds()
        program.send(b"\x11")
        program.end(600)  # the views that are due are written on leaving
    return took


def listing(folder: Path, n: int) -> Took:
    """Every sample read, as ``kelly list`` does."""
    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: sum(1 for _ in catalogue.samples()), 1)


def sorting(folder: Path, n: int) -> Took:
    ordered = "(SELECT number FROM bare WHERE tempo_bpm IS NOT NULL ORDER BY tempo_bpm DESC, number DESC)"
    return _listed(folder, "", "-bpm", f"SELECT group_concat(number) FROM {ordered}")


def filtering(folder: Path, n: int) -> Took:
    wanted = "emotion = 'sad' AND tempo_bpm BETWEEN 80 AND 100 AND is_verified IS NOT 1"
    ordered = f"(SELECT number FROM bare WHERE {wanted} ORDER BY file_path)"
    found = "emotion:sad bpm:80..100 -is:verified"
    return _listed(folder, found, "path", f"SELECT group_concat(number) FROM {ordered}")


def searching(folder: Path, n: int) -> Took:
    """Words in names, of which a fixed number is found."""
    ordered = "(SELECT number FROM bare WHERE file_path LIKE '%4321%' ORDER BY file_path)"
    return _listed(folder, "4321", "path", f"SELECT group_concat(number) FROM {ordered}")


def _listed(folder: Path, wanted: str, sort: str, bare: str) -> Took:
    """A list in our catalogue, and by a statement on `bare`: the same rows in a table of what is short."""
    from kelly_tui.store import query

    with Catalogue.open(folder / "large") as catalogue:
        found = query.parse(wanted, catalogue.config)
        took = Took.least(lambda: query.order(catalogue, found, sort))
        with tempfile.TemporaryDirectory(dir=folder) as place, closing(sqlite3.connect(f"{place}/bare")) as db:
            db.execute("PRAGMA cache_size = -32000")
            db.execute("ATTACH ? AS ours", (str(catalogue.layout.catalogue_path),))
            short = [name for _, _, name in catalogue.db.execute("PRAGMA index_info(samples_short)") if name]
            db.execute(f"CREATE TABLE bare AS SELECT rowid AS number, {', '.join(short)} FROM ours.samples")
            db.commit()
            took.floor = Took.least(lambda: db.execute(bare).fetchone()).cpu
    return took


def edits(folder: Path, n: int) -> Took:
    """Labels, one a step, each durable."""
    from kelly_tui.store import history

    took = Took()
    with Catalogue.open(folder / "large") as catalogue:
        ids = [sample_id for (sample_id,) in catalogue.db.execute("SELECT sample_id FROM samples LIMIT ?", (EDITS,))]
        with took.counting():
            for number, sample_id in enumerate(ids):
                history.edit(catalogue, [Edit(sample_id, "emotion", Label(EMOTIONS[number % 8]))], by="bench")
    return took


def many_labels(folder: Path, n: int) -> Took:
    """A tenth of all labelled as one step."""
    from kelly_tui.store import history

    took = Took()
    with Catalogue.open(folder / "large") as catalogue:
        asked = catalogue.db.execute("SELECT sample_id FROM samples ORDER BY sample_id LIMIT ?", (n // 10,)).fetchall()
        wanted = [Edit(sample_id, "emotion", Label("sad")) for (sample_id,) in asked]
        with took.counting():
            history.edit(catalogue, wanted, by="bench")
    return took


def undo(folder: Path, n: int) -> Took:
    """And taken back."""
    from kelly_tui.store import history

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: history.undo(catalogue, "bench"), 1)


def split(folder: Path, n: int) -> Took:
    from kelly_tui.store.splits import split_samples

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: split_samples(catalogue), 1)


def views(folder: Path, n: int) -> Took:
    """An annotation file for each, the manifest, the lists of splits."""
    from kelly_tui.store.views import write_views

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: write_views(catalogue), 1)


def outside(folder: Path, n: int) -> Took:
    """Looking for edits from outside, when there are none."""
    from kelly_tui.store.views import read_back

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: read_back(catalogue), 1)


def planning(folder: Path, n: int) -> Took:
    """What extraction would do: every sample is looked at."""
    from kelly_tui.pipeline.stages import extract_features

    return Took.least(lambda: extract_features(folder / "large", dry_run=True), 1)


def validate(folder: Path, n: int) -> Took:
    """The first time: pieces that are there twice are sought, and remembered."""
    from kelly_tui.validate.report import validate_dataset

    return Took.least(lambda: validate_dataset(folder / "large"), 1)


def again(folder: Path, n: int) -> Took:
    return validate(folder, n)


def suggest(folder: Path, n: int) -> Took:
    """What ``kelly suggest`` does first; features are noise, which costs as much to learn from as music."""
    from kelly_tui.learn.suggest import suggest_for

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: suggest_for(catalogue), 1)


def suspect(folder: Path, n: int) -> Took:
    from kelly_tui.learn.suspects import suspect_for

    with Catalogue.open(folder / "large") as catalogue:
        return Took.least(lambda: suspect_for(catalogue), 1)


def export(folder: Path, n: int) -> Took:
    from kelly_tui.pipeline.stages import export_dataset

    return Took.least(lambda: export_dataset(folder / "large", "jsonl", folder / "out", force=True), 1)


def rebuild(folder: Path, n: int) -> Took:
    """The catalogue is lost, and made anew from the views."""
    for path in (folder / "large" / ".kelly").glob("catalog*"):
        path.unlink()

    def look() -> None:
        with Catalogue.open(folder / "large") as catalogue:
            assert len(catalogue) == n

    return Took.least(look, 1)


def music(folder: Path, n: int) -> Took:
    """`n` MIDI files of forty notes, each another tune, in folders of a thousand."""
    import symusic

    took = Took()
    with took.counting():
        for number in range(n):
            score, track = symusic.Score(480), symusic.Track()
            tune = random.Random(number)
            track.notes.extend(
                [symusic.Note(240 * at, 200, tune.randrange(48, 84), tune.randrange(40, 110)) for at in range(40)]
            )
            score.tracks.append(track)
            path = folder / "music" / EMOTIONS[number % 8] / f"{number // 1000}" / f"{number}.mid"
            if number < 8 or number % 1000 < 8:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(score.dumps_midi())
    return took


def import_music(folder: Path, n: int) -> Took:
    from kelly_tui.pipeline.stages import import_files
    from kelly_tui.store.layout import create_dataset_structure

    create_dataset_structure(folder, DatasetConfig(dataset_id="imported"))

    def bring() -> None:
        assert import_files(folder / "imported", [folder / "music"]).done == n

    return Took.least(bring, 1)


def extract(folder: Path, n: int) -> Took:
    from kelly_tui.pipeline.stages import extract_features

    return Took.least(lambda: extract_features(folder / "imported"), 1)


def main() -> None:
    name, folder, n = sys.argv[1:]
    took = globals()[name](Path(folder), int(n))
    print(json.dumps([took.seconds, took.cpu, took.floor]))


if __name__ == "__main__":
    main()
