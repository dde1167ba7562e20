"""Which samples an export holds, and in what order: by split, then by id, so that the same give the same bytes."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.errors import FileRefused, StageError
from kelly_tui.export.outside import most_of, too_large
from kelly_tui.model.annotation import Label
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.sample import Sample
from kelly_tui.store import schema
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import keep_little
from kelly_tui.store.feature_files import LARGEST
from kelly_tui.store.inside import inside
from kelly_tui.store.intact import OTHER_BYTES
from kelly_tui.store.layout import must_be_there_for
from kelly_tui.store.query import parse

_AT_ONCE = 200
"""Rows that are read at once."""

_OF_VERIFIED = "(is_verified OR root_id IN (SELECT sample_id FROM samples WHERE is_verified))"
_OF_GENERATED = "root_id IN (SELECT sample_id FROM samples WHERE is_synthetic)"


Refused = Callable[[str, str], None]
"""Hears the path of a sample that can't be used, and why."""


class Choice(msgspec.Struct, frozen=True):
    """What a person asked for. Quarantined and rejected samples, and those in no split, are never in an export."""

    filter: str = ""
    """As in the app: ``emotion:sad -is:verified``."""
    splits: tuple[str, ...] = SPLITS
    verified_only: bool = False
    """Samples that a person confirmed, and their variants."""
    no_generated: bool = False
    """Neither generated samples nor their variants."""

    def where(self, catalogue: Catalogue) -> tuple[str, tuple[Any, ...]]:
        """SQL for all of it but the splits, and its parameters. Raises `FilterError`."""
        query = parse(self.filter, catalogue.config)
        conditions = [schema.HELD, f"({query.where})"]
        if self.verified_only:
            conditions.append(_OF_VERIFIED)
        if self.no_generated:
            conditions.append(f"NOT {_OF_GENERATED}")
        return " AND ".join(conditions), query.parameters


class Part(NamedTuple):
    """A run of samples of one split that is written as one: whole, or again."""

    split: str
    number: int
    """Of its split, from 0."""
    of: int
    """How many parts the split has."""
    first: str
    last: str
    """The ids at its ends."""
    samples: int
    size: int
    """Bytes of music."""

    @property
    def name(self) -> str:
        """``train-00000-of-00003``."""
        return f"{self.split}-{self.number:05}-of-{self.of:05}"


class Extracted(msgspec.Struct, frozen=True):
    """What the catalogue keeps of a sample's features."""

    key: str
    """Of the content and the parameters: where it is the same nothing need be extracted again."""
    vector: bytes
    """The feature vector, float32, little-endian: 117 numbers of MIDI, 128 of audio. In JSON it is Base64."""
    columns: dict[str, Any]
    """Numbers and words to filter by."""
    sketch: bytes = b""
    """What the piece is recognised by; of variants and generated music none is kept."""


class Record(NamedTuple):
    """A sample with its bytes, which are those that the catalogue knows."""

    sample: Sample
    music: bytes
    features: bytes | None
    """The file that `extract` wrote: JSON of MIDI, npz of audio."""
    extracted: Extracted | None
    root: Path
    """Of the dataset."""

    @property
    def suffix(self) -> str:
        """Of the music's file, in small letters, without the dot: ``mid``."""
        return self.sample.file_path.rpartition(".")[2].lower()

    @property
    def features_suffix(self) -> str:
        """Of the features' file, with the dot: ``.json``."""
        return f".{(self.sample.features_path or '').rpartition('.')[2]}"

    @property
    def music_path(self) -> Path:
        return self.root / self.sample.file_path

    @property
    def labels(self) -> dict[str, Label]:
        return self.sample.labels


@dataclass
class Plan:
    """All parts of an export, and what is in them."""

    parts: list[Part] = field(default_factory=list)
    digest: str = ""
    """Of everything of the catalogue that the export depends on."""
    by_split: dict[str, int] = field(default_factory=dict)
    by_origin: Counter[str] = field(default_factory=Counter)
    by_label: Counter[str] = field(default_factory=Counter)
    """Of the label that the dataset is for; ``""`` counts those without."""

    @property
    def samples(self) -> int:
        return sum(part.samples for part in self.parts)

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


@contextmanager
def unchanging(root: Path) -> Iterator[Catalogue]:
    """The catalogue as it is now, to be read: what others change meanwhile is not seen."""
    with Catalogue.open(root) as catalogue:
        keep_little(catalogue.db)  # each row is read once, and sorting goes to the disk the sooner
        catalogue.is_for_reading = True  # what is written in here, all others would wait for until the end
        catalogue.db.execute("BEGIN")
        try:
            catalogue.db.execute("SELECT 1 FROM samples LIMIT 1").fetchone()  # from here on it stands still
            yield catalogue
        finally:
            catalogue.db.execute("ROLLBACK")


class _Cut:
    """The parts of one split, as its samples come in order."""

    def __init__(self, split: str) -> None:
        self.split, self.digest = split, hashlib.sha256(split.encode())
        self.parts: list[Part] = []
        self._first = self._last = ""
        self._count = self._size = 0

    def add(self, sample_id: str, size: int, most: int, most_bytes: int) -> None:
        if self._count and (self._count >= most or self._size + size > most_bytes):
            self.end()
        self._first = self._first if self._count else sample_id
        self._last, self._count, self._size = sample_id, self._count + 1, self._size + size

    def end(self) -> None:
        if self._count:
            one = Part(self.split, len(self.parts), 0, self._first, self._last, self._count, self._size)
            self.parts.append(one)
        self._count = self._size = 0


def plan_of(catalogue: Catalogue, choice: Choice, samples: int, size: int) -> Plan:
    """The export cut into parts of at most so many samples and, but for one large sample, bytes of music."""
    where, parameters = choice.where(catalogue)
    plan, digest = Plan(), hashlib.sha256()
    digest.update(msgspec.json.encode(catalogue.config.to_dict()))
    cuts = {split: _Cut(split) for split in SPLITS if split in choice.splits}
    rows = catalogue.db.execute(  # one way through the table is for all splits
        "SELECT sample_id, file_size_bytes, rev, sha256, license, decision, file_path, features_path, status,"
        " (SELECT results.key FROM results WHERE stage = 'extract' AND results.sample = samples.rowid),"
        f" split, {schema.ORIGIN}, {catalogue.config.model.main_label}"
        f" FROM samples WHERE split IN ({', '.join('?' * len(cuts))}) AND {where} ORDER BY sample_id",
        (*cuts, *parameters),
    )
    for row in rows:
        cut = cuts[row[-3]]
        cut.digest.update(repr(row).encode())
        cut.add(row[0], row[1], samples, size)
        plan.by_origin[row[-2]] += 1
        plan.by_label[row[-1] or ""] += 1
    for split, cut in cuts.items():
        cut.end()
        plan.parts += [part._replace(of=len(cut.parts)) for part in cut.parts]
        plan.by_split[split] = sum(part.samples for part in cut.parts)
        digest.update(cut.digest.digest())
    plan.digest = digest.hexdigest()
    return plan


def written(catalogue: Catalogue, plan: Plan, left_out: Iterable[str]) -> Plan:
    """`plan` with the numbers of what came to be in the export: not of the files `left_out`."""
    by_split, by_origin, by_label = Counter(plan.by_split), plan.by_origin.copy(), plan.by_label.copy()
    wanted = f"split, {schema.ORIGIN}, {catalogue.config.model.main_label}"
    for path in left_out:
        row = catalogue.db.execute(f"SELECT {wanted} FROM samples WHERE file_path = ?", (path,)).fetchone()
        split, origin, label = row
        by_split[split] -= 1
        by_origin[origin] -= 1
        by_label[label or ""] -= 1
    return replace(plan, by_split=dict(by_split), by_origin=+by_origin, by_label=+by_label)


def records(catalogue: Catalogue, choice: Choice, part: Part, left_out: Refused) -> Iterator[Record]:
    """The samples of a part in order; of one whose file is gone, or another than it was, `left_out` hears why.

    Raises `DatasetError` where a folder of the dataset is gone: that is no fault of its files.
    """
    where, within = _of_part(catalogue, choice, part)
    return _records(catalogue, where, within, left_out)


def samples(catalogue: Catalogue, choice: Choice, part: Part) -> Iterator[Sample]:
    """The samples of a part in order, without a look at their files."""
    where, within = _of_part(catalogue, choice, part)
    rows = catalogue.db.execute(f"SELECT {schema.COLUMNS} FROM samples WHERE {where}", within)
    while chunk := rows.fetchmany(_AT_ONCE):
        yield from map(schema.from_row, chunk)


def sizes(catalogue: Catalogue, choice: Choice, part: Part) -> Counter[str]:
    """Bytes of the music of a part by file type."""
    where, within = _of_part(catalogue, choice, part)
    rows = f"(SELECT file_type, file_size_bytes FROM samples WHERE {where})"
    return Counter(dict(catalogue.db.execute(f"SELECT file_type, sum(file_size_bytes) FROM {rows} GROUP BY 1", within)))


def _of_part(catalogue: Catalogue, choice: Choice, part: Part) -> tuple[str, tuple[Any, ...]]:
    """What follows WHERE, and its parameters."""
    where, parameters = choice.where(catalogue)
    within = (part.split, part.first, part.last, *parameters)
    return f"split = ? AND sample_id BETWEEN ? AND ? AND {where} ORDER BY sample_id", within


def all_records(catalogue: Catalogue, left_out: Refused) -> Iterator[Record]:
    """All samples of a dataset in the order in which they came, whatever their status. Raises as `records`."""
    return _records(catalogue, "1 ORDER BY rowid", (), left_out)


def _records(catalogue: Catalogue, where: str, given: Sequence[Any], left_out: Refused) -> Iterator[Record]:
    rows = catalogue.db.execute(
        f"SELECT {schema.COLUMNS}, {', '.join(map(_of_features, ('key', 'vector', 'columns')))},"
        " (SELECT sketch FROM fingerprints WHERE fingerprints.sample = samples.rowid)"
        f" FROM samples WHERE {where}",
        given,
    )
    files, root = Files(catalogue.root), os.fspath(catalogue.root)
    while chunk := rows.fetchmany(_AT_ONCE):
        for row in chunk:
            sample = schema.from_row(row[:-4])
            key, vector, columns, sketch = row[-4:]
            found = Extracted(key, vector, msgspec.json.decode(columns), sketch or b"") if key is not None else None
            try:
                yield _record(files, sample, found)
            except FileRefused as refused:
                for path in (sample.file_path, sample.features_path or ""):
                    must_be_there_for(f"{root}/{path}", root)
                left_out(sample.file_path, refused.what)


def _of_features(column: str) -> str:
    return f"(SELECT features.{column} FROM features WHERE features.sample = samples.rowid)"


class Files:
    """Reads a dataset's files; a folder that was found to lie in the dataset is not examined again while it stays."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[int, int]] = {}

    def read(self, relative: str, most: int) -> bytes:
        """The bytes of a regular file, `most` of them. Raises `FileRefused`."""
        folder, _, name = relative.rpartition("/")
        try:
            if folder not in self._known or name in ("", ".", ".."):
                inside(self.root, relative)
            place = os.open(f"{self.root}/{folder}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                status = os.fstat(place)
                if self._known.get(folder) != (status.st_dev, status.st_ino):  # a link may have taken its place
                    inside(self.root, relative)
                data = _read(name, most, place)
            except _IsLink:
                data = _read(os.path.realpath(inside(self.root, relative)), most)
            finally:
                os.close(place)
        except OSError as error:
            raise FileRefused(f"can't be read ({error.strerror})") from None
        self._known[folder] = status.st_dev, status.st_ino
        return data

    def music(self, relative: str, sha256: str) -> bytes:
        """The bytes of a sample, which are those that the catalogue knows. Raises `FileRefused`."""
        data = self.read(relative, most_of(relative))
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise FileRefused(OTHER_BYTES)
        return data


class _IsLink(Exception):
    """The path is a link, which may lead anywhere."""


def _read(path: str, most: int, place: int | None = None) -> bytes:
    """The bytes of a file, `most` of them; `place` is the folder, open, that its name is in."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=place)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _IsLink from None
        raise
    try:
        size = os.fstat(descriptor).st_size
        if size > most:
            raise FileRefused(too_large(most))
        data = os.read(descriptor, size + 1)
        if len(data) == size:
            return data
        rest = [data]
        while rest[-1]:  # a large file comes in pieces
            rest.append(os.read(descriptor, 1 << 30))
        return b"".join(rest)
    finally:
        os.close(descriptor)


def _record(files: Files, sample: Sample, extracted: Extracted | None) -> Record:
    music = files.music(sample.file_path, sample.sha256)
    if sample.features_path is None:
        return Record(sample, music, None, extracted, files.root)
    try:
        return Record(sample, music, files.read(sample.features_path, LARGEST), extracted, files.root)
    except FileRefused as refused:
        raise FileRefused(f"its features are gone ({refused.what}): kelly extract") from None


def splits_named(splits: str) -> tuple[str, ...]:
    """``train,val`` as splits, in their order. Raises `StageError`."""
    named = [one.strip() for one in splits.split(",") if one.strip()]
    for one in named:
        if one not in SPLITS:
            raise StageError(f"{one!r} is no split", hint=f"Name some of {' '.join(SPLITS)}.")
    return tuple(one for one in SPLITS if one in named) or SPLITS
