"""The files of an export as a stranger's: in its folder, no pipe, no device, no hole, none larger than is believed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from kelly_tui.errors import FileRefused
from kelly_tui.model.sample import file_type_of
from kelly_tui.settings import limits
from kelly_tui.store.inside import inside, is_hollow, is_plain, open_inside

MOST = 2 << 30
"""Bytes of a file that is read whole."""

LONGEST = 10 << 20
"""Bytes of a line, or of a small file that says what a line says. What is longer says nothing."""

HOLLOW = "most of it is a hole, as cp --sparse=never fills it"


def most_of(file_path: str) -> int:
    """Bytes that a sample's file may have: MIDI as many as the settings say, sound `MOST`."""
    return limits().midi_bytes if file_type_of(file_path) == "midi" else MOST


def too_large(most: int) -> str:
    """The reason for which a file of more bytes is refused."""
    return f"larger than {most / 2**20:,.4g} MB" + (" (midi_bytes)" if most == limits().midi_bytes else "")


def regular(folder: Path, pattern: str) -> Iterator[Path]:
    """The files of a folder whose name is like that, by name; what is no file there is passed over."""
    for path in sorted(folder.glob(pattern)):
        if is_plain(folder, path):
            yield path


def opened(folder: Path, path: Path) -> BufferedReader:
    """A file of the folder, to be read. Raises `FileRefused` as `open_inside`, and for a hole; `OSError`."""
    file = open_inside(folder, path)
    if is_hollow(file.fileno()):
        file.close()
        raise FileRefused(HOLLOW)
    return file


def content(folder: Path, name: object, most: int) -> bytes | None:
    """A file's bytes; None where none lies in the folder. Raises `FileRefused` for more than `most`, or a hole."""
    if not isinstance(name, str):
        return None
    try:
        path = inside(folder, name)
    except (FileRefused, OSError, ValueError):
        return None
    try:
        if os.stat(path).st_size > most:
            raise FileRefused(too_large(most))
        with opened(folder, path) as file:
            data = file.read(most + 1)
    except (OSError, ValueError):
        return None
    if len(data) > most:
        raise FileRefused(too_large(most))
    return data


def lines_in(folder: Path, path: Path) -> Iterator[bytes]:
    """The lines of a file, however long it is, one at a time; of one that is too long its beginning.

    Raises `FileRefused` as `opened`, `OSError`.
    """
    with opened(folder, path) as file:
        while text := file.readline(LONGEST):
            yield text
            while len(text) == LONGEST and not text.endswith(b"\n"):
                text = file.readline(LONGEST)
