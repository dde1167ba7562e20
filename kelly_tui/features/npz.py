"""Arrays in one file that is the same, byte for byte, wherever and whenever it is written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

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
