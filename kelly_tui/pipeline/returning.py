"""The import of an export of ours, or of another dataset: samples come with all that was known."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from kelly_tui.errors import FileRefused, StageError
from kelly_tui.export.back import PLACES, Returned, config_of, identity_in, read_back, samples_in
from kelly_tui.export.datasets import opened, read_dataset, samples_of
from kelly_tui.export.said import all_said, lines_of, said_in, take_said
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import UNDECIDED
from kelly_tui.model.sample import Sample
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.stage import PAUSED, Interrupted, Outcome, Progress, Run
from kelly_tui.store.adoption import ID
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.configuration import change_config
from kelly_tui.store.durable import write_all
from kelly_tui.store.importer import STAGE
from kelly_tui.store.inside import inside, read_inside
from kelly_tui.store.merge import other_than
from kelly_tui.store.scan import name_with
from kelly_tui.text import count

_AT_ONCE, _BYTES_AT_ONCE = 200, 64 << 20
"""Samples that are held at once, and so many bytes of them, but for one that has more."""
_EXPANDS = 30
"""So many times its bytes JSON takes in memory at worst: a list of nearly empty objects."""

_NAMED = 10_000
"""So many refusals are named."""
_BEGUN = "import begun"
"""Where the catalogue keeps what is coming into a dataset that was empty."""

_ELSEWHERE = "said_otherwise"
"""Among the details: how many samples are here already, of which people said there what does not stand here."""

_ADOPTED = ("emotion_labels", "groove_labels", "group_by", "license", "source", "author", "description")
"""What an empty dataset takes over from the configuration of the one that was exported."""


@recorded(STAGE)
def import_export(catalogue: Catalogue, run: Run, folder: Path) -> Outcome:
    """Take in the samples of the export in `folder`: labels with where they come from, features, parents, parameters.

    Into a dataset without samples splits come too, and the labels that the exported one declares; in another one
    `split` places them. A sample that is there already stays as it is; `details` counts where people said otherwise.

    Raises `StageError`, `LibraryMissing`, `Interrupted`.
    """
    if run.dry_run:
        return _foreseen(samples_in(folder))
    outcome = Outcome(STAGE)
    total = samples_in(folder)
    with (
        _into(catalogue, config_of(folder), str(identity_in(folder).get("digest"))) as fresh,
        _refusals(run, outcome, total) as refused,
    ):
        _bring(catalogue, run, outcome, read_back(folder, catalogue.config, refused), total, fresh=fresh)
        more = take_said(catalogue, said_in(folder), refused)
    outcome.words = f"{outcome.done:,} came back from the export" + (f", with {more}" if more else "")
    if outcome.done or fresh:
        outcome.words += "; kelly split proves their splits" if fresh else "; kelly split places them"
    outcome.words += _left_there(outcome, "copy annotations/ of the dataset that it was made from")
    return outcome


@recorded(STAGE)
def import_dataset(catalogue: Catalogue, run: Run, folder: Path) -> Outcome:
    """Take in the samples of another dataset, ours or of the earlier pipeline, as `import_export` does of an export.

    The history of their labels stays where it is. Raises `StageError`, `DatasetError`, `Interrupted`.
    """
    if folder.samefile(catalogue.root):
        raise StageError("this is the dataset itself", path=folder, hint="Name another one, or a folder of music.")
    if run.dry_run:
        return _foreseen(samples_of(folder))
    outcome = Outcome(STAGE)
    with (
        opened(folder, catalogue.layout.kelly_dir) as other,
        _into(catalogue, other.config, str(folder.resolve())) as fresh,
        _refusals(run, outcome, len(other)) as refused,
    ):
        found = read_dataset(other, catalogue.config, refused)
        _bring(catalogue, run, outcome, found, len(other), fresh=fresh)
        told = {name: lines_of(every) for name, every in all_said(other).items()}
        more = take_said(catalogue, told, refused)
    outcome.words = f"{outcome.done:,} came from the other dataset, with their labels" + (f", {more}" if more else "")
    if outcome.done or fresh:
        lacking = catalogue.db.execute("SELECT 1 FROM samples WHERE features_path IS NULL LIMIT 1").fetchone()
        outcome.words += f"; {'kelly extract, then ' if lacking else ''}kelly split "
        outcome.words += f"{'proves' if fresh else 'makes'} their splits"
    outcome.words += _left_there(outcome, "copy its annotations/")
    return outcome


def _foreseen(number: int) -> Outcome:
    words = f"dry run: {count(number, 'sample')} with their labels; those that are here keep the labels that they have"
    return Outcome(STAGE, words=words, details={"to_do": number})


def _left_there(outcome: Outcome, copy: str) -> str:
    """Of samples that are here already, what is not taken: who merges two datasets so and deletes one would lose it."""
    number = outcome.details.get(_ELSEWHERE, 0)
    has = count(number, "sample that is here already has", "samples that are here already have")
    words = f"; {has} labels or decisions of people there, which are not taken"
    words += f": to merge them {copy} over the one here, and kelly conflicts takes in what it says"
    return words if number else ""


@contextmanager
def _into(catalogue: Catalogue, there: DatasetConfig, source: str) -> Iterator[bool]:
    """Whether the dataset was empty when the import of `source` began, which may have been stopped or killed since.

    Then it takes over what the other declares.
    """
    began = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_BEGUN,)).fetchone()
    fresh = not len(catalogue) or began == (source,)
    if not len(catalogue):
        with catalogue.writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_BEGUN, source))
        change_config(catalogue, {name: getattr(there, name) for name in _ADOPTED})
    yield fresh
    with catalogue.writing() as db:
        db.execute("DELETE FROM meta WHERE name = ?", (_BEGUN,))


@contextmanager
def _refusals(run: Run, outcome: Outcome, total: int) -> Iterator[Callable[[str, str], None]]:
    """Hears what is refused: each of as many as a person may look through, and how many more there were.

    A file of nothing but ends of lines would be as many objects. Raises `Interrupted`, as `_bring` does.
    """
    more = 0

    def refused(name: str, why: str) -> None:
        nonlocal more
        if run.cancel.is_set():
            raise Interrupted(outcome, total)
        if outcome.failed < _NAMED:
            outcome.fail(name, why)
        else:
            more += 1

    yield refused
    if more:
        outcome.fail("and", f"{more:,} more")


def _bring(
    catalogue: Catalogue, run: Run, outcome: Outcome, found: Iterator[Returned], total: int, *, fresh: bool
) -> None:
    began = time.monotonic()
    room = Room(catalogue)
    for batch in _batches(found):
        while run.pause.is_set() and not run.cancel.is_set():
            run.tell(Progress(STAGE, outcome.done + outcome.skipped, total, outcome.failed, 0.0, None, PAUSED))
            run.cancel.wait(0.2)
        if run.cancel.is_set():
            raise Interrupted(outcome, total)
        _take(catalogue, batch, outcome, room, fresh=fresh)
        done = outcome.done + outcome.skipped
        total = max(total, done)  # which export.json claims
        rate = done / max(time.monotonic() - began, 1e-3)
        run.tell(Progress(STAGE, done, total, outcome.failed, rate, (total - done) / rate if rate else None))
        batch.clear()  # before the next is read
    outcome.seconds = time.monotonic() - began


def _batches(found: Iterator[Returned]) -> Iterator[list[Returned]]:
    batch, size = list[Returned](), 0
    for one in found:
        batch.append(one)
        size += len(one.music) + len(one.features or b"") + _EXPANDS * _told_besides(one)
        del one
        if len(batch) == _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _told_besides(one: Returned) -> int:
    """Bytes of what may be of any form."""
    columns = one.extracted.columns if one.extracted is not None else None
    return len(msgspec.json.encode((one.sample.extra, one.sample.augmentation, columns)))


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
        elif (ours := catalogue.get(one.sample.sample_id)) is not None:
            outcome.skipped += 1
            if _is_said_otherwise(one.sample, ours):
                outcome.details[_ELSEWHERE] = outcome.details.get(_ELSEWHERE, 0) + 1
        else:
            yield one


def _is_said_otherwise(theirs: Sample, ours: Sample) -> bool:
    """Whether people gave `theirs` a label or decided something that does not stand here, whoever says so."""
    labels = {name: label.value for name, label in theirs.labels.items() if label.source == "human"}
    decided = {name: value for name, value in theirs.state.items() if value != UNDECIDED[name]}
    return bool(other_than(ours.annotations, labels) or other_than(ours.state, decided))


def _place(catalogue: Catalogue, sample: Sample, music: bytes, others: Mapping[Path, bytes]) -> Path:
    """Where its file goes: to the path it had; under another name where that is another sample's."""
    if not sample.file_path.startswith(PLACES):
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
        return read_inside(catalogue.root, path, len(music)) == music
    except FileNotFoundError:
        return True
    except (OSError, FileRefused):  # a folder has its name, or what is larger
        return False


def _features_place(catalogue: Catalogue, sample: Sample) -> Path:
    suffix = ".json" if sample.file_type == "midi" else ".npz"
    path = catalogue.layout.features_path(sample.sample_id, suffix)
    sample.features_path = path.relative_to(catalogue.root).as_posix()
    return path
