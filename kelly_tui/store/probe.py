"""One stranger's file looked at once: read, hashed, parsed, and laid ready inside the dataset.

Runs in a worker. It knows nothing of the catalogue; `kelly_tui.store.importer` takes in what it brings.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from kelly_tui.errors import FileRefused
from kelly_tui.music.soundform import whole_sound
from kelly_tui.settings import limits
from kelly_tui.store.layout import disk_error, make_folder
from kelly_tui.store.partial import NAME, partials
from kelly_tui.store.remote import Remote

_BLOCK = 1 << 20
_NOTHING = bytes(_BLOCK)
_FICLONE = 0x40049409
"""Linux: let two files share their blocks until one is changed."""
_COARSE = 2.0
"""Seconds between which two machines may tell when one file was written: some mounts know only every other second."""

How = Literal["copied", "hard-linked", "reflinked", "there"]


class Probed(msgspec.Struct, frozen=True):
    """What there is to know about a file, and where its bytes lie now."""

    sha256: str
    file_size_bytes: int
    duration_sec: float
    how: How
    """``there``: it lay in its place already."""
    incoming: str | None
    """Name in `.kelly/partial`; None where nothing had to be brought."""


def probe_item(item: dict[str, Any]) -> dict[str, Any]:
    """Look at the file of ``item`` = {root, path, relative, file_type, link, …}; give a `Probed` as builtins.

    `link`: share the file's bytes by a hard link, else by a reflink, else copy. `elsewhere`: this is another machine
    than the one that found the file, and refuses one that `is_as_found` denies. Raises `FileRefused` for what is
    empty, damaged, no music, or no regular file, and `OSError` when the dataset's disk is full.
    """
    path, file_type, relative = str(item["path"]), str(item["file_type"]), str(item["relative"])
    # Plain strings and few system calls: for a small file they are most of the work.
    folder = f"{item['root']}/.kelly/{NAME}"
    make_folder(item["root"], folder)
    incoming = f"{folder}/{os.urandom(8).hex()}{os.path.splitext(relative)[1]}"
    there = f"{item['root']}/raw/{file_type}/{relative}"
    source = _open(path)
    try:
        if item.get("elsewhere") and not is_as_found(item, source):
            raise FileRefused("another file is there", path=path)
        probe = _probe_midi if file_type == "midi" else _probe_audio
        return msgspec.structs.asdict(probe(source, path, incoming, there, bool(item.get("link"))))
    finally:
        os.close(source)


def is_as_found(item: dict[str, Any], file: str | int) -> bool:
    """Whether a file, by its path or opened, looks as when it was found; true where it is not known how that was."""
    if item.get("mtime") is None:
        return True
    try:
        status = os.stat(file)
    except OSError:
        return False
    return bool(status.st_size == item["size"] and abs(status.st_mtime - item["mtime"]) <= _COARSE)


def probe_remote_item(item: dict[str, Any]) -> dict[str, Any]:
    """As `probe_item`, of a file on a store, whose address ``path`` is. Raises `StoreError` besides."""
    folder = Path(f"{item['root']}/.kelly")
    with partials(folder) as new:
        fetched = new()
        try:
            Remote(item["path"]).fetch(fetched)
        except OSError as error:
            raise disk_error(error, folder) from error
        return probe_item({**item, "path": str(fetched), "link": True}) | {"how": "copied"}


def _open(path: str) -> int:
    """Descriptor of a regular file, through links; a pipe or a device would block or never end."""
    try:
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error
    if not stat.S_ISREG(os.fstat(source).st_mode):
        os.close(source)
        raise FileRefused("not a file", path=path)
    return source


def _probe_midi(source: int, path: str, incoming: str, there: str, link: bool) -> Probed:
    from kelly_tui.music.notes import midi_seconds  # numpy and symusic: not on a cold start

    data = _read(
        source, limits().midi_bytes + 1, path, 1 << 16
    )  # one read: what is hashed, parsed and stored is the same
    seconds = midi_seconds(data, path)
    sha256 = hashlib.sha256(data).hexdigest()
    if _holds(there, len(data), sha256):
        return Probed(sha256, len(data), seconds, "there", None)
    how = _share(source, path, incoming) if link else None
    if how is None:
        _create(incoming, data)
    return Probed(sha256, len(data), seconds, how or "copied", os.path.basename(incoming))


def _probe_audio(source: int, path: str, incoming: str, there: str, link: bool) -> Probed:
    before = os.fstat(source)
    if before.st_size == 0:
        raise FileRefused("empty", path=path)
    seconds = _audio_seconds(path, path)  # before it is read: a terabyte may be no sound
    how: How | None = _share(source, path, incoming) if link else None
    if how is None:
        with open(incoming, "xb", buffering=0) as copy:
            sha256, size = _hash(source, path, copy.fileno())
    else:
        sha256, size = _hash(source, path)
    if not _is_as_before(before, source, path):  # what was looked at is not what was brought
        try:
            seconds = _audio_seconds(incoming, path)
        except FileRefused:
            os.unlink(incoming)
            raise
    if _holds(there, size, sha256):
        os.unlink(incoming)
        return Probed(sha256, size, seconds, "there", None)
    return Probed(sha256, size, seconds, how or "copied", os.path.basename(incoming))


def _is_as_before(before: os.stat_result, source: int, path: str) -> bool:
    """Whether nobody wrote to the file, or put another in its place."""
    try:
        looks = [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in (os.fstat(source), os.stat(path))]
    except OSError:
        return False
    return looks == 2 * [(before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns)]


def _read(source: int, limit: int, path: str, block: int = _BLOCK) -> bytes:
    """At most `limit` bytes, from where the file is; `block` at once."""
    blocks = []
    try:
        while limit > 0 and (read := os.read(source, min(limit, block))):
            blocks.append(read)
            limit -= len(read)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _create(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write(file, data)
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _hash(source: int, path: str, copy: int | None = None) -> tuple[str, int]:
    """The hash of a file's bytes and how many they are; `copy` gets them, with holes where it has holes."""
    digest, size = hashlib.sha256(), 0
    status = os.fstat(source)
    has_holes = status.st_blocks * 512 < status.st_size
    while block := _read(source, _BLOCK, path):
        digest.update(block)
        size += len(block)
        if copy is None:
            continue
        if has_holes and block == _NOTHING[: len(block)]:
            os.lseek(copy, len(block), os.SEEK_CUR)
        else:
            _write(copy, block)
    if copy is not None and has_holes:
        os.ftruncate(copy, size)
    return digest.hexdigest(), size


def _holds(path: str, size: int, sha256: str) -> bool:
    """Whether these bytes lie at `path` already: a second import brings nothing."""
    try:
        if os.stat(path).st_size != size:
            return False
        with open(path, "rb", buffering=0) as file:
            return _hash(file.fileno(), path)[0] == sha256
    except (OSError, FileRefused):  # nothing there, or nothing that can be read
        return False


def _share(source: int, path: str, target: str) -> How | None:
    """Give `target` the bytes of `source` without a copy; None where the file system can't."""
    try:
        os.link(os.path.realpath(path), target)  # a link to a link would follow it wherever it is bent to later
        if os.path.samestat(os.stat(target), os.fstat(source)):
            return "hard-linked"
        os.unlink(target)  # another file has come to that name
    except OSError:  # another file system, or one without links
        with suppress(FileNotFoundError):
            os.unlink(target)
    with open(target, "xb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), _FICLONE, source)
        except OSError:
            os.unlink(target)
            return None
    return "reflinked"


def _audio_seconds(file: str, path: str) -> float:
    """How long the sound is, by its header; what is in it is judged when it is decoded."""
    from kelly_tui.music.notes import check_seconds

    frames, rate = whole_sound(file, path)
    if frames <= 0 or rate <= 0:
        raise FileRefused("no sound in it", path=path)
    seconds = frames / rate
    check_seconds(seconds, path)
    return seconds
