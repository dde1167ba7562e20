"""An export of ours, read again: each sample as it was, with its files."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.errors import DatasetError, FileRefused, StageError
from kelly_tui.export.choice import Extracted
from kelly_tui.export.facts import KIND, VERSION
from kelly_tui.export.formats import missing
from kelly_tui.export.lines import extracted_of, sample_of
from kelly_tui.export.outside import LONGEST, content, lines_in, most_of, opened, regular, too_large
from kelly_tui.export.pages import Row, rows
from kelly_tui.export.shards import bytes_of, members
from kelly_tui.export.target import NAME, said
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.sample import Sample, file_type_of
from kelly_tui.store.feature_files import LARGEST
from kelly_tui.text import agree, count, of_json

PLACES = ("raw/", "processed/augmented/")
"""Where the files of samples lie in a dataset."""


class Returned(NamedTuple):
    """A sample that came back."""

    sample: Sample
    music: bytes
    features: bytes | None
    extracted: Extracted | None


class _Line(NamedTuple):
    """What is told of a sample."""

    said: Mapping[str, Any]
    findings: Sequence[str] = ()
    """What was `mended` in it."""


class _Raw(NamedTuple):
    """A sample as it lies in an export."""

    line: _Line
    music: bytes | None
    features: bytes | None
    refused: str = ""
    """Why one of its files is not here."""
    where: str = NAME
    """Where in the export it is told of, for people."""


class _Spoilt(NamedTuple):
    """A file of an export that can't be read, or not to its end."""

    name: str
    why: str


def is_export(folder: Path) -> bool:
    """Whether `kelly export` wrote it, in a format that can be read back, and came to its end."""
    return folder.is_dir() and identity_in(folder).get("kind") == KIND


def identity_in(folder: Path) -> dict[str, Any]:
    """What tells this export from others, by export.json."""
    found = said(folder).get("identity")
    return found if isinstance(found, dict) else {}


def config_of(folder: Path) -> DatasetConfig:
    """The configuration of the dataset that was exported. Raises `DatasetError`."""
    try:
        return DatasetConfig.from_json(msgspec.json.encode(said(folder).get("config", {})))
    except DatasetError as error:
        what = error.what.removeprefix("config.json: ")
        raise DatasetError(f"its config can't be used ({what})", path=folder / NAME, hint="Mend that value.") from None


def samples_in(folder: Path) -> int:
    """How many there are, by export.json."""
    number = said(folder).get("samples")
    return number if isinstance(number, int) else 0


def read_back(folder: Path, config: DatasetConfig, refused: Callable[[str, str], None]) -> Iterator[Returned]:
    """Each sample, in the order of the export; `refused` hears the name and the reason of one that is spoilt.

    `config` is that of the dataset it comes into: labels are those that this declares. Raises `StageError` for an
    export that can't be read back, `LibraryMissing`.
    """
    identity = identity_in(folder)
    if identity.get("version") != VERSION:
        raise StageError("another version of Kelly wrote this export", path=folder, hint="Update Kelly.")
    written_as = str(identity.get("format"))
    if written_as not in _READERS:
        raise StageError(
            f"{written_as[:40]} does not hold samples whole", path=folder, hint=f"These do: {' '.join(_READERS)}."
        )
    lacking = samples_in(folder)
    for raw in _READERS[written_as](folder):
        if isinstance(raw, _Spoilt):
            refused(*raw)
            continue
        lacking -= 1
        name, findings = raw.where, [*raw.line.findings]
        try:
            if not raw.line.said:
                raise FileRefused("no JSON object")
            sample = sample_of(raw.line.said, config, findings)
            name = sample.file_path or name
            yield _checked(sample, raw)
            for finding in findings:
                refused(name, f"{finding}; the rest of the sample came back")
        except FileRefused as error:
            refused(name, error.what)
        del raw  # before the next is read
    if lacking > 0:
        refused(NAME, f"{count(lacking, 'sample')} of {samples_in(folder):,} {agree(lacking, 'is', 'are')} not there")


def _checked(sample: Sample, raw: _Raw) -> Returned:
    if raw.refused:
        raise FileRefused(raw.refused)
    if raw.line.findings and "\ufffd" in sample.sample_id + sample.file_path:
        raise FileRefused("its id or its path has half of a letter")
    if raw.music is None:
        raise FileRefused("its file is not in the export")
    if len(raw.music) > (most := most_of(sample.file_path)):
        raise FileRefused(too_large(most))
    if sample.file_type != file_type_of(sample.file_path):
        raise FileRefused(f"{sample.file_path[:80]!r} is no file of {sample.file_type or 'music'}")
    if sample.sha256 and hashlib.sha256(raw.music).hexdigest() != sample.sha256:
        raise FileRefused("its bytes are not those that were exported")
    return Returned(sample, raw.music, raw.features, extracted_of(raw.line.said))


def _decoded(text: bytes | None) -> _Line:
    findings: list[str] = []
    try:
        line = of_json(text or b"", object, LONGEST, findings)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        line = None
    return _Line(_object(line), findings)


def _jsonl(folder: Path) -> Iterator[_Raw | _Spoilt]:
    files = _Files(folder)
    for split in SPLITS:
        for path in regular(folder, f"{split}.jsonl"):
            try:
                for number, text in enumerate(lines_in(folder, path), 1):
                    where = f"{path.name}, line {number}"
                    if len(text) >= LONGEST:
                        yield _Spoilt(where, too_large(LONGEST))
                    elif text.strip():
                        line = _decoded(text)
                        yield files.of(line, line.said.get("audio", line.said.get("midi")))._replace(where=where)
            except FileRefused as error:
                yield _Spoilt(path.name, error.what)


def _jams(folder: Path) -> Iterator[_Raw | _Spoilt]:
    files = _Files(folder)
    for split in SPLITS:
        for path in regular(folder, f"{split}/*/*.jams"):
            name = path.relative_to(folder).as_posix()
            try:
                told = _decoded(content(folder, name, LONGEST))
            except FileRefused as error:
                yield _Spoilt(name, error.what)
                continue
            sandbox = _object(told.said.get("sandbox"))
            line = _Line(_object(sandbox.get("kelly")), told.findings)
            yield files.of(line, sandbox.get("file"))._replace(where=name)


class _Files:
    """The files of samples, each a file of its own in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named: set[int] = set()
        """Hashes of the names of music: a million are a million."""

    def of(self, line: _Line, music: object) -> _Raw:
        """The sample of this line, with the file `music`. One file named by every line would be a disk full of it."""
        if isinstance(music, str):
            name = hash(posixpath.normpath(music))
            if name in self._named:
                return _Raw(line, None, None, "its file is that of another sample")
            self._named.add(name)
        try:
            found = content(self._folder, music, most_of(str(line.said.get("file_path"))))
            return _Raw(line, found, content(self._folder, line.said.get("features"), LARGEST))
        except FileRefused as error:
            return _Raw(line, None, None, error.what)


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _webdataset(folder: Path) -> Iterator[_Raw | _Spoilt]:
    for split in SPLITS:
        for path in regular(folder, f"{split}-*.tar"):
            try:
                with opened(folder, path) as shard:
                    yield from _in_shard(shard, path.name)
            except FileRefused as error:
                yield _Spoilt(path.name, error.what)
            except OSError as error:
                yield _Spoilt(path.name, f"can't be read on ({error.strerror})")


def _in_shard(shard: BufferedReader, shard_name: str) -> Iterator[_Raw]:
    """A sample's files lie side by side, as readers of the format want them."""
    key, files, refused = "", dict[str, bytes](), ""
    for member in members(shard):
        name, _, suffix = member.name.partition(".")
        if name != key:
            if files:
                yield _of_files(files, refused, f"{shard_name}, {key}.json")
            key, files, refused = name, {}, ""
        kind, most = _in_a_shard(suffix)
        if kind in files:
            continue
        if member.size > most:
            refused = refused or too_large(most)
            continue
        files[kind] = bytes_of(shard, member)
    if files:
        yield _of_files(files, refused, f"{shard_name}, {key}.json")


def _in_a_shard(suffix: str) -> tuple[str, int]:
    """Which of a sample's files has this suffix, and how many bytes of it are believed."""
    if suffix == "json":
        return "line", LONGEST
    return ("features", LARGEST) if suffix.startswith("features.") else ("music", most_of(f"a.{suffix}"))


def _of_files(files: Mapping[str, bytes], refused: str, where: str) -> _Raw:
    return _Raw(_decoded(files.get("line", b"")), files.get("music"), files.get("features"), refused, where)


def _parquet(folder: Path) -> Iterator[_Raw | _Spoilt]:
    try:
        import_module("pyarrow")  # said before anything is read
    except ImportError:
        raise missing("pyarrow", "parquet") from None
    files = _Files(folder)
    for split in SPLITS:
        for path in regular(folder, f"data/{split}-*.parquet"):
            name = f"data/{path.name}"
            try:
                with opened(folder, path) as file:
                    for row in rows(file):
                        where = f"{name}, row {row.number}"
                        if len(row.sample) >= LONGEST:
                            yield _Spoilt(where, too_large(LONGEST))
                        else:
                            yield _of_row(row, files)._replace(where=where)
                        del row  # before the next is read
            except FileRefused as error:
                yield _Spoilt(name, error.what)
            except (OSError, ValueError, MemoryError) as error:  # what pyarrow raises is one of these too
                reason = str(error).splitlines()[0] if str(error) else "it takes too much memory"
                yield _Spoilt(name, f"can't be read on ({reason})")


def _of_row(row: Row, files: _Files) -> _Raw:
    line = _decoded(row.sample)
    if len(row.features or b"") > LARGEST:
        return _Raw(line, None, None, too_large(LARGEST))
    if row.music:
        return _Raw(line, row.music, row.features)
    path = row.path.decode("utf-8", "replace") if row.path else None
    return files.of(line, path)._replace(features=row.features)


_READERS: dict[str, Callable[[Path], Iterator[_Raw | _Spoilt]]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "webdataset": _webdataset,
    "jams": _jams,
}
