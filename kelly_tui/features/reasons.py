"""What detected labels rest on, read back from a file of features for the screen."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.store.feature_files import LARGEST
from kelly_tui.store.inside import inside, read_inside

_LONGEST = 1 << 20
"""Bytes of the reasons: a line for each label."""

_UNREADABLE = (OSError, KeyError, ValueError, RecursionError, FileRefused, msgspec.MsgspecError)


class _Reasons(msgspec.Struct):
    """Of a file of features only what is asked for."""

    why: msgspec.Raw = msgspec.Raw(b"{}")


def read_reasons(root: Path, features_path: str) -> dict[str, str]:
    """By label, what it rests on or why there is none; empty where the dataset has no such file, or an older one."""
    try:
        path = inside(root, features_path)
        if path.suffix == ".npz":
            from kelly_tui.features.npz import read_npz

            said: bytes | msgspec.Raw = str(read_npz(path, ["why"])["why"]).encode()
        else:
            said = msgspec.json.decode(read_inside(root, path, LARGEST), type=_Reasons).why
        return msgspec.json.decode(said, type=dict[str, str]) if len(memoryview(said)) <= _LONGEST else {}
    except _UNREADABLE:  # features can be made again: no screen fails for want of them
        return {}
