"""The import of an export of ours, or of a dataset of the earlier pipeline: samples come with all that was known."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.export.back import Returned, config_of, read_back, samples_in
from kelly_tui.export.earlier import opened, read_earlier
from kelly_tui.export.said import take_said
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import Sample
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.stage import PAUSED, Interrupted, Outcome, Progress, Run
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.durable import write_all
from kelly_tui.store.importer import STAGE
from kelly_tui.store.layout import inside, save_config
from kelly_tui.store.manifest import read_manifest_file
from kelly_tui.store.rebuild import ID
from kelly_tui.store.scan import name_with
from kelly_tui.text import count

_AT_ONCE = 200
_PLACES = ("raw/", "processed/augmented/")
_ADOPTED = ("emotion_labels", "groove_labels", "group_by", "license", "source", "author", "description")
"""What an empty dataset takes over from the configuration of the one that was exported."""


@recorded(STAGE)
def import_export(catalogue: Catalogue, run: Run, folder: Path) -> Outcome:
    """Take in the samples of the export in `folder`: labels with where they come from, features, parents, parameters.

    Into a dataset without samples splits come too, and the labels that the exported one declares; in another one
    `split` places them. A sample that is there already stays as it is.

    Raises `StageError`, `LibraryMissing`, `Interrupted`.
    """
    if run.dry_run:
        return _foreseen(samples_in(folder))
    fresh = _adopt(catalogue, config_of(folder))
    outcome = Outcome(STAGE)
    found = read_back(folder, catalogue.config, lambda name, why: outcome.failures.append((name, why)))
    _bring(catalogue, run, outcome, found, samples_in(folder), fresh=fresh)
    said = take_said(catalogue, folder, lambda name, why: outcome.failures.append((name, why)))
    outcome.words = f"{outcome.done:,} came back from the export"
    outcome.words += f", with {count(said, 'blind answer')}" if said else ""
    outcome.words += "; kelly split proves their splits" if fresh else "; kelly split places them"
    return outcome


@recorded(STAGE)
def import_earlier(catalogue: Catalogue, run: Run, folder: Path) -> Outcome:
    """Take in the samples of a dataset of the earlier pipeline, as `import_export` does those of an export.

    Raises `StageError`, `DatasetError`, `Interrupted`.
    """
    if run.dry_run:
        return _foreseen(len(read_manifest_file(folder / "manifest.json").lines))
    outcome = Outcome(STAGE)
    with opened(folder, catalogue.layout.kelly_dir) as earlier:
        fresh = _adopt(catalogue, earlier.config)
        found = read_earlier(earlier, catalogue.config, lambda name, why: outcome.failures.append((name, why)))
        _bring(catalogue, run, outcome, found, len(earlier), fresh=fresh)
    outcome.words = (
        f"{outcome.done:,} came from the earlier dataset, with their labels; kelly extract, then kelly split"
    )
    return outcome


def _foreseen(number: int) -> Outcome:
    return Outcome(STAGE, words=f"dry run: {number:,} in the export", details={"to_do": number})


def _adopt(catalogue: Catalogue, there: DatasetConfig) -> bool:
    """Whether the dataset is empty; then it takes over what the other declares."""
    if len(catalogue):
        return False
    catalogue.config = msgspec.structs.replace(catalogue.config, **{name: getattr(there, name) for name in _ADOPTED})
    save_config(catalogue.root, catalogue.config)
    return True


def _bring(
    catalogue: Catalogue, run: Run, outcome: Outcome, found: Iterator[Returned], total: int, *, fresh: bool
) -> None:
    began = time.monotonic()
    room = Room(catalogue)
    while batch := list(islice(found, _AT_ONCE)):
        while run.pause.is_set() and not run.cancel.is_set():
            run.tell(Progress(STAGE, outcome.done + outcome.skipped, total, outcome.failed, 0.0, None, PAUSED))
            run.cancel.wait(0.2)
        if run.cancel.is_set():
            raise Interrupted(outcome, total)
        _take(catalogue, batch, outcome, room, fresh=fresh)
        done = outcome.done + outcome.skipped
        rate = done / max(time.monotonic() - began, 1e-3)
        run.tell(Progress(STAGE, done, total, outcome.failed, rate, (total - done) / rate if rate else None))
    outcome.seconds = time.monotonic() - began


def _take(catalogue: Catalogue, batch: list[Returned], outcome: Outcome, room: Room, *, fresh: bool) -> None:
    """Files first, then the rows that name them: one transaction."""
    files: dict[Path, bytes] = {}
    samples: list[Sample] = []
    features: list[FeatureRow] = []
    for sample, music, data, extracted in _new(catalogue, batch, outcome):
        try:
            path = _place(catalogue, sample, music, files)
            features_path = None if data is None else _features_place(catalogue, sample)
        except FileRefused as error:
            outcome.failures.append((sample.file_path, error.what))
            continue
        if not fresh:
            sample.split = None
        files[path] = music
        if data is None or features_path is None:
            sample.features_path = None
        else:
            files[features_path] = data
            if extracted is not None:
                vector = array("f", extracted.vector)
                features.append(
                    FeatureRow(sample.sample_id, extracted.key, sample.features_path or "", sample.duration_sec or 0.0,
                               list(vector), extracted.columns, extracted.sketch)
                )  # fmt: skip
        samples.append(sample)
    write_all(files)
    if not all(room.admits(path) for path in files):
        for path in files:
            path.unlink()
        raise room.exhausted(STAGE)
    with catalogue.writing():
        catalogue.add(samples)
        catalogue.put_features(features)
    outcome.done += len(samples)


def _new(catalogue: Catalogue, batch: Iterable[Returned], outcome: Outcome) -> Iterator[Returned]:
    """Those whose id is free; what is there already is passed over, what has none is refused."""
    for one in batch:
        if ID.fullmatch(one.sample.sample_id) is None:
            outcome.failures.append((one.sample.file_path, "its id is none"))
        elif catalogue.get(one.sample.sample_id) is not None:
            outcome.skipped += 1
        else:
            yield one


def _place(catalogue: Catalogue, sample: Sample, music: bytes, others: Mapping[Path, bytes]) -> Path:
    """Where its file goes: to the path it had; under another name where that is another sample's."""
    if not sample.file_path.startswith(_PLACES):
        raise FileRefused("its path is none of a sample")
    path = inside(catalogue.root, sample.file_path)
    if path in others or not _is_free(catalogue, path, music):
        name = PurePosixPath(sample.file_path)
        sample.file_path = str(name.with_name(name_with(name.name, f"~{sample.sample_id[:8]}")))
        path = inside(catalogue.root, sample.file_path)
        if path in others or not _is_free(catalogue, path, music):
            raise FileRefused("another file has its name")
    return path


def _is_free(catalogue: Catalogue, path: Path, music: bytes) -> bool:
    """Whether nothing is there, or this very file, which a killed import has left."""
    relative = path.relative_to(catalogue.root).as_posix()
    if catalogue.db.execute("SELECT 1 FROM samples WHERE file_path = ?", (relative,)).fetchone():
        return False
    try:
        return path.read_bytes() == music
    except FileNotFoundError:
        return True
    except OSError:  # a folder has its name
        return False


def _features_place(catalogue: Catalogue, sample: Sample) -> Path:
    suffix = ".json" if sample.file_type == "midi" else ".npz"
    path = catalogue.layout.features_path(sample.sample_id, suffix)
    sample.features_path = path.relative_to(catalogue.root).as_posix()
    return path
