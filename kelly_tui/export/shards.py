"""Tar shards as a stranger's: header by header, none of which is believed to say more than its file can hold.

Names and sizes stand in the header itself, as `kelly_tui.export.webdataset` writes them. What other programs put before
it, for long names and times, is passed over: it is what makes a reader hold gigabytes, or go on for ever.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from kelly_tui.errors import FileRefused

_BLOCK = tarfile.BLOCKSIZE
_FILES = (b"0", b"\0", b"7")
"""Kinds of a regular file."""


class Member(NamedTuple):
    """A regular file of a shard."""

    name: str
    size: int
    at: int
    """The byte of the shard at which its own begin."""


def members(shard: BufferedReader) -> Iterator[Member]:
    """The files of a shard, one after another. Raises `FileRefused` where it is damaged, `OSError`."""
    length, at = os.fstat(shard.fileno()).st_size, 0
    while at < length or not length:
        shard.seek(at)
        head = shard.read(_BLOCK)
        if head == bytes(_BLOCK):
            return
        size = _size(head, at)
        at += _BLOCK
        if not 0 <= size <= length - at:
            raise FileRefused(
                f"can't be read on (a file of {size} bytes at byte {at - _BLOCK:,}, and it has {length:,})"
            )
        name = _name(head)
        if head[156:157] in _FILES and not name.endswith("/"):
            yield Member(name, size, at)
        at += size + -size % _BLOCK


def bytes_of(shard: BufferedReader, member: Member) -> bytes:
    shard.seek(member.at)
    return shard.read(member.size)


def _size(head: bytes, at: int) -> int:
    """What the header claims, if it is one."""
    try:
        if len(head) == _BLOCK and _number(head[148:156]) == sum(head[:148]) + 8 * ord(" ") + sum(head[156:]):
            return _number(head[124:136])
    except ValueError:
        pass
    raise FileRefused(f"can't be read on (no header of a tar file at byte {at:,})")


def _number(field: bytes) -> int:
    """In octal digits, or where it is too large for these, in bytes. Raises `ValueError`."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)
    return int(field.strip(b"\0 ") or b"0", 8)


def _name(head: bytes) -> str:
    name = _text(head[:100])
    folder = _text(head[345:500]) if head[257:263] == b"ustar\0" else ""
    return (f"{folder}/{name}" if folder else name).removeprefix("./")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
