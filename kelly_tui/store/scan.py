"""Finding music in folders: every file is named, each folder is entered once, and no name is trusted."""

from __future__ import annotations

import base64
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kelly_tui.errors import DatasetError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import file_type_of
from kelly_tui.store.folders import FolderWords
from kelly_tui.store.remote import Entry, Remote
from kelly_tui.text import safe_text

ELSEWHERE = "link to a folder elsewhere"
"""Why what a link leads to is not searched: it is none of what was named, and may be all that a machine has."""

_LONGEST_NAME = 255
_LONGEST_PATH = 1000
"""Bytes: what file systems take, with room left for the dataset's own folder."""


class Found(NamedTuple):
    """A file, and where in the dataset's raw folder it would lie."""

    path: str
    """As the system has it: undecodable bytes are surrogates."""
    relative: str
    """Below the folder that was asked for; the same name made safe, POSIX, valid UTF-8."""
    file_type: str | None
    """``midi``, ``audio``; None where it is not taken."""
    size: int = 0
    mtime: float | None = None
    """None of one on a store, and of one that can't be read."""
    original_b64: str | None = None
    """The bytes of the relative name, in base64, where they had to be changed."""
    why_not: str = ""
    """Why it is ignored (not music, hidden, `ELSEWHERE`) or can't be read."""
    unreadable: bool = False
    mark: str = ""
    """Of a file on a store: the address, and what tells these bytes from others. Empty where the store has no such."""


def find_music(paths: Sequence[Path | str], config: DatasetConfig, leave_out: Path | None = None) -> Iterator[Found]:
    """Every file at and below `paths`, in the order of their names.

    Relative names begin below the folder given, unless its own name is a label: importing ``Music/happy`` keeps
    ``happy/``. Links to files are read through, and those to folders at and below `paths`: a folder is entered once,
    by its own name rather than by a link, so that loops end. `leave_out`, the dataset itself, is not entered. Raises
    `DatasetError` for a path that is not there, before anything is found.
    """
    roots = [Path(path).expanduser() for path in paths]
    for root in roots:
        if not os.path.exists(root):
            raise DatasetError("there is no such file or folder to import", path=root, hint="Check the spelling.")
    vocabulary = FolderWords(config)
    named = [os.path.realpath(root) for root in roots]
    entered = {_identity(str(leave_out))} if leave_out is not None and leave_out.exists() else set()
    for root in roots:
        if not root.is_dir():
            yield _found(str(root.absolute()), root.name)
            continue
        name = root.resolve().name
        yield from _walk(str(root.absolute()), name if vocabulary.is_label(name) else "", named, entered)


def _walk(top: str, prefix: str, named: Sequence[str], entered: set[tuple[int, int]]) -> Iterator[Found]:
    folders = [(top, prefix)]
    links: list[tuple[str, str]] = []
    while folders or links:
        path, relative = folders.pop() if folders else links.pop(0)
        try:
            identity = _identity(path)
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(
                path,
                _safe(relative or os.path.basename(path)),
                None,
                why_not=f"can't be read ({error.strerror})",
                unreadable=True,
            )
            continue
        inner: list[tuple[str, str]] = []
        for entry in listed:
            name = f"{relative}/{entry.name}" if relative else entry.name
            # os.path.isdir: a link to itself is no folder, where entry.is_dir() would raise
            if not (os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()):
                yield _found(entry.path, name)
            elif entry.name.startswith("."):
                yield Found(entry.path, _safe(name), None, why_not="hidden folder")
            elif not entry.is_symlink():
                inner.append((entry.path, name))
            elif _is_below(os.path.realpath(entry.path), named):
                links.append((entry.path, name))
            else:
                yield Found(entry.path, _safe(name), None, why_not=ELSEWHERE)
        folders += reversed(inner)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders)


def find_remote(remote: Remote, config: DatasetConfig) -> Iterator[Found]:
    """As `find_music`, of a file or folder on a store. Raises `StoreError`."""
    there = remote.look()
    if there is None:
        raise DatasetError("there is no such file or folder to import", path=remote.url, hint="Check the spelling.")
    if not there.is_folder:
        yield _found_remote(remote.url, there.name, there)
        return
    folders = [("", remote.name if FolderWords(config).is_label(remote.name) else "")]
    while folders:
        below, prefix = folders.pop()
        inner: list[tuple[str, str]] = []
        for entry in remote.entries(below):
            path = f"{below}/{entry.name}" if below else entry.name
            relative = f"{prefix}/{entry.name}" if prefix else entry.name
            why_not = remote.why_not(entry)
            if not entry.is_folder:
                found = _found_remote(f"{remote.url}/{path}", relative, entry)
                yield _unreadable(found, why_not) if why_not and found.file_type else found
            elif entry.name.startswith("."):
                yield Found(f"{remote.url}/{path}", _safe(relative), None, why_not="hidden folder")
            elif why_not:
                yield _unreadable(Found(f"{remote.url}/{path}/", _safe(f"{relative}/"), None), why_not)
            else:
                inner.append((path, relative))
        folders += reversed(inner)


def _unreadable(found: Found, why_not: str) -> Found:
    return found._replace(why_not=f"can't be read ({why_not})", unreadable=True)


def _found_remote(url: str, relative: str, entry: Entry) -> Found:
    found = _named(url, relative)
    return found._replace(size=entry.size, mark=f"{url} {entry.mark}" if entry.mark else "")


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _found(path: str, relative: str) -> Found:
    found = _named(path, relative)
    if found.file_type is None:
        return found
    try:
        status = os.stat(path)
    except OSError as error:
        return found._replace(why_not=f"can't be read ({error.strerror})", unreadable=True)
    return found._replace(size=status.st_size, mtime=status.st_mtime)


def _named(path: str, relative: str) -> Found:
    """What a file's name tells."""
    safe = _safe(relative)
    name = relative.rpartition("/")[2]
    original = None if safe == relative else base64.b64encode(os.fsencode(relative)).decode()
    if name.startswith("."):
        return Found(path, safe, None, why_not="hidden file")
    kind = file_type_of(name)
    if kind is None:
        return Found(path, safe, None, why_not="not music")
    return Found(path, safe, kind, original_b64=original)


def _safe(relative: str) -> str:
    """The path with every name such that any system, terminal and text file can hold it."""
    if len(relative) <= _LONGEST_NAME and relative.isascii() and relative.isprintable():  # as most are
        return relative
    safe = "/".join(_safe_name(name) for name in relative.split("/"))
    if len(safe.encode()) > _LONGEST_PATH:
        return _safe_name(PurePosixPath(safe).name)
    return safe


def _safe_name(name: str) -> str:
    if not (name.isascii() and name.isprintable()):
        # Composing changes text too, but what it changes is not dangerous and stays as it is.
        name = "".join(one if safe_text(one) == unicodedata.normalize("NFC", one) else "_" for one in name)
    return name_with(name, "")


def name_with(name: str, suffix: str) -> str:
    """``song.mid`` with ``~ab12`` is ``song~ab12.mid``; cut so that a file system can hold it."""
    stem, dot, kind = name.rpartition(".")
    if not dot:
        stem, kind = kind, ""
    room = _LONGEST_NAME - len(f"{suffix}{dot}{kind}".encode())
    return f"{stem.encode()[:room].decode('utf-8', 'ignore')}{suffix}{dot}{kind}"
