"""Whether files of features are whole: each is read once, and again only where the disk says that it is another.

Right after they were written they are; what size and time they had then, the catalogue remembers.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from array import array
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.store.inside import open_inside, read_inside

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

State = Literal["whole", "gone", "broken", "of another"]
"""The last: they are not those that were extracted from this sample, which the catalogue knows by their vector."""
Look = tuple[int, int]
"""Bytes, and when it was modified, in nanoseconds."""

LARGEST = 128 << 20
"""Bytes of a file of features: those of half a million notes, or of an hour of sound, fit twice."""

_LONGEST = 64 << 10
"""Bytes of a vector in such a file: its hundred or so numbers fit ten times."""
_AT_ONCE = 1000
_LISTED = 64 << 10
"""Bytes in which the entries of a zip of arrays are listed: a thousand of them."""


class FeatureFiles:
    """The files of features of a dataset, looked at one by one; `remember` what was read at the end."""

    def __init__(self, catalogue: Catalogue, *, deep: bool = False) -> None:
        """`deep`: read all of them."""
        self._catalogue, self._deep = catalogue, deep
        self._root = f"{catalogue.root}/"
        self._read: dict[str, Look] = {}

    def state(self, sample_id: str, path: str, known: Look | None) -> State:
        """How the file of that sample at the relative `path` is; `known`: how it looked when it was whole.

        Raises `OSError` where it can't be looked at.
        """
        try:
            found = look(self._root + path)
        except (FileNotFoundError, NotADirectoryError):
            return "gone"
        if found == known and not self._deep:
            return "whole"
        state = self._read_through(sample_id, path)
        if state != "whole":
            return state
        if found != known:
            self._read[sample_id] = found
        return "whole"

    def remember(self) -> None:
        """Have what was read and found whole not read again; of a dataset that can't be written it is."""
        with suppress(DatasetError):
            rest = iter(self._read.items())
            while some := dict(islice(rest, _AT_ONCE)):
                put_looks(self._catalogue, some)
        self._read.clear()

    def _read_through(self, sample_id: str, relative: str) -> State:
        """How JSON, or a zip of arrays, is that is read to its end, and is as large as features can be."""
        try:
            vector = self._vector(relative)
        except (
            ValueError,
            RecursionError,
            RuntimeError,
            LookupError,
            OverflowError,
            FileRefused,
            zipfile.BadZipFile,
            zlib.error,
        ):
            return "broken"
        query = "SELECT vector FROM features JOIN samples ON samples.rowid = features.sample WHERE sample_id = ?"
        known = self._catalogue.db.execute(query, (sample_id,)).fetchone()
        return "whole" if known is None or vector == known[0] else "of another"

    def _vector(self, relative: str) -> bytes:
        root = self._catalogue.root
        if not relative.endswith(".npz"):
            said = _decode(read_inside(root, root / relative, LARGEST)).feature_vector
            if len(memoryview(said)) > _LONGEST:
                raise ValueError(relative)
            return array("f", msgspec.json.decode(said, type=list[float])).tobytes()
        with open_inside(root, root / relative) as file, open_arrays(file) as arrays:
            if sum(entry.file_size for entry in arrays.infolist()) > LARGEST or arrays.testzip() is not None:
                raise zipfile.BadZipFile
            if arrays.getinfo("feature_vector.npy").file_size > _LONGEST:
                raise zipfile.BadZipFile
            return array("f", _numbers(arrays.read("feature_vector.npy"))).tobytes()


class _Features(msgspec.Struct):
    """What is looked for in a file of features."""

    feature_vector: msgspec.Raw


_decode = msgspec.json.Decoder(_Features).decode


def _numbers(stored: bytes) -> array[float]:
    """The floats of an array as NumPy writes it."""
    start = 10 + int.from_bytes(stored[8:10], "little")
    return array("f" if b"'<f4'" in stored[:start] else "d", stored[start:])


def open_arrays(file: BinaryIO) -> zipfile.ZipFile:
    """A zip of arrays, as NumPy writes it. Raises `BadZipFile` for others, and for one of too many entries.

    Each would become an object of some hundred bytes before the first is read. What says how many there are stands at
    the end, in 22 bytes where there is no comment, behind 20 more where there are 64-bit sizes.
    """
    file.seek(max(0, file.seek(0, os.SEEK_END) - 42))
    before, end = (tail := file.read())[:-22], tail[-22:]
    listed = int.from_bytes(end[12:16], "little")
    if not end.startswith(b"PK\5\6") or end[20:] != bytes(2) or b"PK\6\7" in before or listed > _LISTED:
        raise zipfile.BadZipFile
    archive = zipfile.ZipFile(file)
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in archive.infolist()):
        raise zipfile.BadZipFile  # NumPy packs no other way, and other unpackers fail in ways of their own
    return archive


def look(path: str) -> Look:
    """What tells that a file is another. Raises `OSError`."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def put_looks(catalogue: Catalogue, looks: Mapping[str, Look]) -> None:
    """Remember, by sample, how files looked when they were whole."""
    with catalogue.writing() as db:
        db.executemany(
            "INSERT OR REPLACE INTO legible SELECT rowid, ?2, ?3 FROM samples WHERE sample_id = ?1",
            ((sample_id, *found) for sample_id, found in looks.items()),
        )
