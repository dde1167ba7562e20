"""An export of ours, read again: each sample as it was, with its files."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.errors import FileRefused, StageError
from kelly_tui.export.choice import Extracted
from kelly_tui.export.facts import KIND, VERSION
from kelly_tui.export.formats import missing
from kelly_tui.export.lines import extracted_of, sample_of
from kelly_tui.export.target import NAME, said
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.sample import Sample, file_type_of
from kelly_tui.store.layout import inside

PLACES = ("raw/", "processed/augmented/")
"""Where the files of samples lie in a dataset."""


class Returned(NamedTuple):
    """A sample that came back."""

    sample: Sample
    music: bytes
    features: bytes | None
    extracted: Extracted | None


class _Raw(NamedTuple):
    """A sample as it lies in an export."""

    line: Mapping[str, Any]
    music: bytes | None
    features: bytes | None


def is_export(folder: Path) -> bool:
    """Whether `kelly export` wrote it, in a format that can be read back, and came to its end."""
    return folder.is_dir() and said(folder).get("identity", {}).get("kind") == KIND


def config_of(folder: Path) -> DatasetConfig:
    """The configuration of the dataset that was exported. Raises `DatasetError`."""
    return DatasetConfig.from_json(msgspec.json.encode(said(folder).get("config", {})))


def samples_in(folder: Path) -> int:
    """How many there are, by export.json."""
    return int(said(folder).get("samples", 0))


def read_back(folder: Path, config: DatasetConfig, refused: Callable[[str, str], None]) -> Iterator[Returned]:
    """Each sample, in the order of the export; `refused` hears the name and the reason of one that is spoilt.

    `config` is that of the dataset it comes into: labels are those that this declares. Raises `StageError` for an
    export that can't be read back, `LibraryMissing`.
    """
    identity = said(folder)["identity"]
    if identity.get("version") != VERSION:
        raise StageError("another version of Kelly wrote this export", path=folder, hint="Update Kelly.")
    if identity["format"] not in _READERS:
        raise StageError(
            f"{identity['format']} does not hold samples whole", path=folder, hint=f"These do: {' '.join(_READERS)}."
        )
    for raw in _READERS[identity["format"]](folder):
        name = str(raw.line.get("file_path") or raw.line.get("sample_id") or NAME)
        try:
            yield _checked(raw, config)
        except FileRefused as error:
            refused(name, error.what)


def _checked(raw: _Raw, config: DatasetConfig) -> Returned:
    sample = sample_of(raw.line, config)
    if raw.music is None:
        raise FileRefused("its file is not in the export")
    if sample.file_type != file_type_of(sample.file_path):
        raise FileRefused(f"{sample.file_path[:80]!r} is no file of {sample.file_type or 'music'}")
    if sample.sha256 and hashlib.sha256(raw.music).hexdigest() != sample.sha256:
        raise FileRefused("its bytes are not those that were exported")
    return Returned(sample, raw.music, raw.features, extracted_of(raw.line))


def _file(folder: Path, name: object) -> bytes | None:
    """A file of the export by its path there; None where there is none, or the path leads out."""
    if not isinstance(name, str):
        return None
    try:
        return inside(folder, name).read_bytes()
    except (FileRefused, OSError):
        return None


def _decoded(text: bytes | str) -> dict[str, Any]:
    try:
        line = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        line = None
    return line if isinstance(line, dict) else {}


def _jsonl(folder: Path) -> Iterator[_Raw]:
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if not path.exists():
            continue
        with path.open("rb") as lines:
            for text in lines:
                line = _decoded(text)
                music = _file(folder, line.get("audio", line.get("midi")))
                yield _Raw(line, music, _file(folder, line.get("features")))


def _jams(folder: Path) -> Iterator[_Raw]:
    for split in SPLITS:
        for path in sorted((folder / split).glob("*/*.jams")):
            sandbox = _decoded(path.read_bytes()).get("sandbox", {})
            line = sandbox.get("kelly", {}) if isinstance(sandbox, dict) else {}
            yield _Raw(line, _file(folder, sandbox.get("file")), _file(folder, line.get("features")))


def _webdataset(folder: Path) -> Iterator[_Raw]:
    for split in SPLITS:
        for path in sorted(folder.glob(f"{split}-*.tar")):
            with tarfile.open(path, "r|") as shard:
                yield from _in_shard(shard)


def _in_shard(shard: tarfile.TarFile) -> Iterator[_Raw]:
    """A sample's files lie side by side, as readers of the format want them."""
    key, files = "", dict[str, bytes]()
    for member in shard:
        name, _, suffix = member.name.partition(".")
        if files and name != key:
            yield _of_files(files)
            files = {}
        content = shard.extractfile(member)
        key, files[suffix] = name, content.read() if content is not None else b""
    if files:
        yield _of_files(files)


def _of_files(files: dict[str, bytes]) -> _Raw:
    line = _decoded(files.pop("json", b""))
    features = next((data for suffix, data in files.items() if suffix.startswith("features.")), None)
    music = next((data for suffix, data in files.items() if not suffix.startswith("features.")), None)
    return _Raw(line, music, features)


def _parquet(folder: Path) -> Iterator[_Raw]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise missing("pyarrow", "parquet") from None
    columns = ["sample", "audio", "midi", "path", "features"]
    for split in SPLITS:
        for path in sorted((folder / "data").glob(f"{split}-*.parquet")):
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=64, columns=columns):
                    for row in batch.to_pylist():
                        music = (row["audio"] or {}).get("bytes") or row["midi"] or _file(folder, row["path"])
                        yield _Raw(_decoded(row["sample"] or ""), music, row["features"])


_READERS: dict[str, Callable[[Path], Iterator[_Raw]]] = {
    "jsonl": _jsonl,
    "parquet": _parquet,
    "webdataset": _webdataset,
    "jams": _jams,
}
