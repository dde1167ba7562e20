"""What detected labels rest on, read back from a file of features for the screen."""

from __future__ import annotations

import zipfile
from pathlib import Path

import msgspec

_UNREADABLE = (OSError, KeyError, ValueError, zipfile.BadZipFile, msgspec.MsgspecError)


class _Reasons(msgspec.Struct):
    """Of a file of features only what is asked for."""

    why: dict[str, str] = {}


def read_reasons(path: Path) -> dict[str, str]:
    """By label, what it rests on or why there is none; empty where there is no such file, or it is an older one."""
    try:
        if path.suffix == ".npz":
            import numpy as np

            with np.load(path, allow_pickle=False) as arrays:
                raw = str(arrays["why"]).encode()
            return msgspec.json.decode(raw, type=dict[str, str])
        return msgspec.json.decode(path.read_bytes(), type=_Reasons).why
    except _UNREADABLE:  # features can be made again: no screen fails for want of them
        return {}
