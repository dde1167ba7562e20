"""Arrays in one file that is the same, byte for byte, wherever and whenever it is written, and read as a stranger's."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kelly_tui.errors import FileRefused
from kelly_tui.store.feature_files import LARGEST, open_arrays

MAX_BYTES = 64 << 20
"""Of an array: thirty minutes of mel spectrum. One that claims more is refused unread."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name


def npz_bytes(arrays: Mapping[str, ArrayLike]) -> bytes:
    """What ``numpy.load(..., allow_pickle=False)`` reads as `arrays`.

    Not compressed: deflate saves a tenth of such arrays, costs more than computing them, and differs between builds
    of zlib.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(arrays[name]), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), entry.getvalue())
    return file.getvalue()


def read_npz(path: Path, names: Iterable[str] | None = None) -> dict[str, NDArray[np.generic]]:
    """The arrays of these names that are there, or all. No pickle is opened, nothing expands beyond `MAX_BYTES`.

    Raises `FileRefused` for what is no such file, or holds an array that is damaged, too large or of Python objects.
    """
    found: dict[str, NDArray[np.generic]] = {}
    try:
        with open(path, "rb") as file, open_arrays(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise zipfile.BadZipFile
            there = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for name in there if names is None else names:
                if name in there:
                    found[name] = _array(archive, there[name])
    except Exception as error:  # NumPy takes heads apart as Python, and raises whatever a stranger's text leads to
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not the arrays of a sample"
        raise FileRefused(f"features can't be read ({reason})", path=path, hint="`kelly extract` makes them.") from None
    return found


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    """Raises `ValueError` for an array that would be larger than its entry, or than `MAX_BYTES`."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as entry:
        version = np.lib.format.read_magic(entry)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(entry)
        claimed = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not 0 <= claimed <= min(size, MAX_BYTES) or any(length < 0 for length in shape):
            raise ValueError(name)
        values = np.frombuffer(entry.read(claimed), dtype)
    return values.reshape(shape, order="F" if fortran else "C")
