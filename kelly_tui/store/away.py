"""Where the catalogue of a dataset on a network folder lies: on this machine, found by an id that the dataset keeps.

The id is copied where the dataset is. So it is remembered beside the catalogue where that dataset lies: of two folders
with one id the other is a copy, and gets an id of its own; a dataset whose old place is empty was moved, and keeps its
catalogue.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.paths import state_dir
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import disk_errors, write_atomic

_PLACE, _COPY_OF = "place", "copy-of"
_LARGEST = 1 << 12
"""Bytes of what names a host, a catalogue or a folder."""


def catalogue_dir_away(root: Path) -> Path:
    """The folder of the catalogue of the dataset at `root`, which exists.

    Raises `DatasetError` where the dataset is another machine's, or can't be written.
    """
    _claim_for_this_host(root)
    while True:
        uuid = _uuid(root)
        folder = state_dir() / uuid
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / _PLACE).open("a+b") as place:
                fcntl.flock(place, fcntl.LOCK_EX)
                if _uuid(root) != uuid:  # another process has seen meanwhile that this is a copy
                    continue
                place.seek(0)
                here, there = os.path.realpath(root), os.fsdecode(place.read())
                if there == here or (there and _has(Path(there), uuid) and _is_one_folder(root, Path(there))):
                    return folder
                if not there or not _has(Path(there), uuid):
                    place.truncate(0)
                    place.write(os.fsencode(here))
                    return folder
                _begin_another(root, there)


def copy_of(catalogue_dir: Path) -> str:
    """Where the dataset lies of which this catalogue's is a copy; nothing of one that was not found to be one."""
    try:
        return read_inside(catalogue_dir, catalogue_dir / _COPY_OF, _LARGEST).decode("utf-8", "replace")
    except (OSError, FileRefused):
        return ""


def _begin_another(root: Path, original: str) -> None:
    """Give a copy an id of its own: the catalogue that is found by that will be made from its views."""
    uuid = secrets.token_hex(16)
    write_atomic(state_dir() / uuid / _COPY_OF, os.fsencode(original))
    write_atomic(_uuid_path(root), uuid.encode())


def _is_one_folder(root: Path, other: Path) -> bool:
    """Whether what is written in one is seen in the other. Numbers of files tell nothing between two mounts."""
    if os.path.samefile(root, other):
        return True
    with disk_errors(root), tempfile.NamedTemporaryFile(prefix="seen-", dir=root / ".kelly") as file:
        return (other / ".kelly" / Path(file.name).name).exists()


def _has(root: Path, uuid: str) -> bool:
    """Whether a dataset of that id lies there."""
    with suppress(OSError, FileRefused):
        return read_inside(root, _uuid_path(root), _LARGEST).strip() == uuid.encode()
    return False


def _uuid(root: Path) -> str:
    """The dataset's id, made where there is none."""
    path = _uuid_path(root)
    if not path.exists():
        write_atomic(path, secrets.token_hex(16).encode())
    uuid = read_inside(root, path, _LARGEST).decode("ascii", "replace").strip()
    if not re.fullmatch("[0-9a-f]{32}", uuid):  # it becomes a path
        raise DatasetError("this names no catalogue", path=path, hint="Remove it, and it is made anew.")
    return uuid


def _uuid_path(root: Path) -> Path:
    return root / ".kelly" / "uuid"


def _claim_for_this_host(root: Path) -> None:
    """The catalogue of a shared dataset lies on one host; another must not begin a second one."""
    host_path = root / ".kelly" / "host"
    here = socket.gethostname()
    if not host_path.exists():
        write_atomic(host_path, here.encode())
    owner = read_inside(root, host_path, _LARGEST).decode("utf-8", "replace").strip()
    if owner != here:
        raise DatasetError(
            f"the catalogue of this dataset is on {owner!r}, this is {here!r}",
            path=root,
            hint=f"Work on {owner}, or remove {host_path} to rebuild it here from the views.",
        )
