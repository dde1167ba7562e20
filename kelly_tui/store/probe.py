"""One stranger's file looked at once: read, hashed, parsed, and laid ready inside the dataset.

Runs in a worker. It knows nothing of the catalogue; `kelly_tui.store.importer` takes in what it brings.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import secrets
import stat
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from kelly_tui.errors import FileRefused

MAX_SECONDS = 6 * 3600
"""Longer than any piece: a file that says so is broken, or no sample."""

_BLOCK = 1 << 20
_FICLONE = 0x40049409
"""Linux: let two files share their blocks until one is changed."""

How = Literal["copied", "hard-linked", "reflinked", "there"]


class Probed(msgspec.Struct, frozen=True):
    """What there is to know about a file, and where its bytes lie now."""

    sha256: str
    file_size_bytes: int
    duration_sec: float
    how: How
    """``there``: it lay in its place already."""
    incoming: str | None
    """Name in `.kelly/incoming`; None where nothing had to be brought."""


def probe_item(item: dict[str, Any]) -> dict[str, Any]:
    """Look at the file of ``item`` = {root, path, relative, file_type, link}; give a `Probed` as builtins.

    `link`: share the file's bytes by a hard link, else by a reflink, else copy. Raises `FileRefused` for what is
    empty, damaged, no music, or no regular file, and `OSError` when the dataset's disk is full.
    """
    path, file_type = str(item["path"]), str(item["file_type"])
    incoming = Path(item["root"]) / ".kelly" / "incoming"
    there = Path(item["root"]) / "raw" / file_type / str(item["relative"])
    name = secrets.token_hex(8) + os.path.splitext(str(item["relative"]))[1]
    with _open(path) as source:
        probe = _probe_midi if file_type == "midi" else _probe_audio
        probed = probe(source, path, incoming / name, there, bool(item.get("link")))
    return msgspec.to_builtins(probed)  # type: ignore[no-any-return]


def _open(path: str) -> BinaryIO:
    """A regular file, through links; a pipe or a device would block or never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefused("not a file", path=path)
    return os.fdopen(descriptor, "rb")


def _probe_midi(source: BinaryIO, path: str, incoming: Path, there: Path, link: bool) -> Probed:
    from kelly_tui.music.notes import MAX_BYTES, parse_midi, score_seconds  # numpy and symusic: not on a cold start

    data = _read(source, MAX_BYTES + 1, path)  # one read: what is hashed, parsed and stored is the same
    seconds = score_seconds(parse_midi(data, path))
    sha256 = hashlib.sha256(data).hexdigest()
    if _holds(there, len(data), sha256):
        return Probed(sha256, len(data), seconds, "there", None)
    how = _share(source, path, incoming) if link else None
    if how is None:
        incoming.parent.mkdir(parents=True, exist_ok=True)
        incoming.write_bytes(data)
    return Probed(sha256, len(data), seconds, how or "copied", incoming.name)


def _probe_audio(source: BinaryIO, path: str, incoming: Path, there: Path, link: bool) -> Probed:
    size = os.fstat(source.fileno()).st_size
    if size == 0:
        raise FileRefused("empty", path=path)
    incoming.parent.mkdir(parents=True, exist_ok=True)
    how: How | None = _share(source, path, incoming) if link else None
    if how is None:
        with incoming.open("xb") as copy:
            sha256, size = _hash(source, path, copy)
    else:
        sha256, size = _hash(source, path)
    try:
        seconds = _audio_seconds(incoming, path)
    except FileRefused:
        incoming.unlink()
        raise
    if _holds(there, size, sha256):
        incoming.unlink()
        return Probed(sha256, size, seconds, "there", None)
    return Probed(sha256, size, seconds, how or "copied", incoming.name)


def _read(source: BinaryIO, limit: int, path: str) -> bytes:
    try:
        return source.read(limit)
    except OSError as error:
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error


def _hash(source: BinaryIO, path: str, copy: BinaryIO | None = None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := _read(source, _BLOCK, path):
        digest.update(block)
        size += len(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest(), size


def _holds(path: Path, size: int, sha256: str) -> bool:
    """Whether these bytes lie at `path` already: a second import brings nothing."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size == size and _hash(file, str(path))[0] == sha256
    except OSError:  # nothing there, or nothing that a sample could be
        return False


def _share(source: BinaryIO, path: str, target: Path) -> How | None:
    """Give `target` the bytes of `source` without a copy; None where the file system can't."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(os.path.realpath(path), target)  # a link to a link would follow it wherever it is bent to later
        if os.path.samestat(os.stat(target), os.fstat(source.fileno())):
            return "hard-linked"
        target.unlink()
    except OSError:  # another file system, or one without links
        target.unlink(missing_ok=True)
    with target.open("xb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), _FICLONE, source.fileno())
        except OSError:
            target.unlink()
            return None
    return "reflinked"


def _audio_seconds(file: Path, path: str) -> float:
    """How long the sound is, by its header; what is in it is judged when it is decoded."""
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            frames, rate = sound.frames, sound.samplerate
    except RuntimeError as error:
        reason = getattr(error, "error_string", "") or str(error)
        raise FileRefused(f"can't be read as audio ({reason.strip().rstrip('.')})", path=path) from None
    if frames <= 0 or rate <= 0:
        raise FileRefused("no sound in it", path=path)
    seconds = frames / rate
    if not math.isfinite(seconds) or seconds > MAX_SECONDS:
        raise FileRefused(f"{seconds / 3600:.0f} hours long", path=path)
    return float(seconds)
