"""The files of an export as a stranger's: in its folder, no pipe and no device, none larger than is held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kelly_tui.errors import FileRefused
from kelly_tui.store.inside import inside, is_plain, read_inside

MOST = 2 << 30
"""Bytes of a file that is read whole."""

_LONGEST = 64 << 20
"""Bytes of a line; of a longer one each such piece is a line, and none of them says anything."""


def regular(folder: Path, pattern: str) -> Iterator[Path]:
    """The files of a folder whose name is like that, by name; what is no file there is passed over."""
    for path in sorted(folder.glob(pattern)):
        if is_plain(folder, path):
            yield path


def content(folder: Path, name: object) -> bytes | None:
    """A file's bytes; None where there is none, it is too large, or the path leads out."""
    if not isinstance(name, str):
        return None
    try:
        return read_inside(folder, inside(folder, name), MOST)
    except (FileRefused, OSError, ValueError):
        return None


def lines_in(path: Path) -> Iterator[bytes]:
    """The lines of a file, however long it is."""
    with path.open("rb") as file:
        while text := file.readline(_LONGEST):
            yield text
