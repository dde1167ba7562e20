"""Parquet shards as a stranger's: page by page, and of a page value by value, none of which is believed unseen.

A library that decodes them makes of a kilobyte what its pages claim, all at once. Here nothing is unpacked before it is
wanted, and what was is counted. What `kelly_tui.export.parquet` writes and has written is read, and no other forms.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, NamedTuple, cast

from kelly_tui.errors import FileRefused
from kelly_tui.export.compact import LIST, STRUCT, Compact, Shape
from kelly_tui.export.outside import LONGEST
from kelly_tui.settings import limits
from kelly_tui.store.feature_files import LARGEST
from kelly_tui.text import count

COLUMNS = ("sample", "audio.bytes", "midi", "path", "features")
"""Those of which samples come back."""

_LEAST = 32
"""Bytes of a row on an average: its checksum alone has as many that no packing makes fewer."""
_FREE, _TIMES = 512 << 20, 100
"""A shard gives so many bytes, or so many times its own where that is more."""
_HELD, _HELD_TIMES = LARGEST, 4
"""So large is a page, or so many times its bytes in the file: ours have 16 MB, or are one file of a sample."""
_ENTRIES = 1 << 16
"""Of a dictionary."""
_FOOTER = 64 << 20
"""Bytes: those of a shard of a hundred gigabytes."""
_HEAD = 32 << 10
"""Bytes of a page's head, in which the least and greatest value stand too if they are short."""
_NUMBERS = 1 << 20
"""Bytes of the numbers in a page that say which values are there, and where in the dictionary."""

_PIECE = 1 << 20
"""Bytes that are passed over at once."""
_WIDEST = 32
"""Bits of such a number."""
_MAGIC = b"PAR1"
_BYTE_ARRAY, _OPTIONAL, _REPEATED = 6, 1, 2
_DATA, _DICTIONARY = 0, 2
_PLAIN, _OF_DICTIONARY, _RUNS = 0, (2, 8), 3
_PACKED_AS = {0: "", 6: "zstd"}

_ELEMENT: Shape = {1: ("type", int), 3: ("repetition", int), 4: ("name", bytes), 5: ("children", int)}
_CHUNK: Shape = {4: ("codec", int), 7: ("size", int), 9: ("data", int), 11: ("dictionary", int)}
_GROUP: Shape = {1: ("columns", [{3: ("chunk", _CHUNK)}]), 3: ("rows", int)}
_PAGE: Shape = {
    1: ("kind", int),
    2: ("size", int),
    3: ("packed", int),
    5: ("data", {1: ("values", int), 2: ("encoding", int), 3: ("levels", int)}),
    7: ("dictionary", {1: ("values", int), 2: ("encoding", int)}),
}


class Row(NamedTuple):
    """A row of a shard."""

    number: int
    """From 1."""
    sample: bytes
    music: bytes | None
    path: bytes | None
    features: bytes | None


class _Column(NamedTuple):
    """Where a column is."""

    place: int
    """Among those of each row group."""
    levels: int
    """How many things around a value may be null, itself included."""


def rows(file: io.BufferedReader) -> Iterator[Row]:
    """The rows of a shard. Raises `FileRefused` where it is damaged, or claims too much, `OSError`."""
    try:
        yield from _Shard(file.fileno()).rows()
    except LookupError:
        raise FileRefused("can't be read on (its pages are not as Kelly writes them)") from None


class _Shard:
    def __init__(self, file: int) -> None:
        self._file = file
        self._size = os.fstat(file).st_size
        self._left = max(_FREE, _TIMES * self._size)
        self._ends = dict.fromkeys(COLUMNS, len(_MAGIC))
        """Of each column, where its last chunk ended: the next begins behind it."""
        tail = os.pread(file, 8, max(0, self._size - 8))
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > self._size - 12:
            raise FileRefused("can't be read on (no footer of a Parquet file at its end)")
        if length > _FOOTER:
            raise FileRefused(f"can't be read on (a footer of more than {_FOOTER >> 20} MB)")
        self._end = self._size - 8 - length
        self._footer = os.pread(file, length, self._end)

    def rows(self) -> Iterator[Row]:
        number = claimed = 0
        for columns, group in self._groups():
            claimed += max(1, group["rows"])
            if claimed * _LEAST > self._size:
                raise FileRefused(f"claims {count(claimed, 'row')} in {count(self._size, 'byte')}")
            values = [self._values(name, columns.get(name), group) for name in COLUMNS]
            for _ in range(group["rows"]):
                number += 1
                yield _row(number, values)  # and no name keeps it while the next is read

    def _groups(self) -> Iterator[tuple[Mapping[str, _Column], Mapping[str, Any]]]:
        """The columns, and each row group, one at a time."""
        footer = Compact(self._footer)
        columns: Mapping[str, _Column] = {}
        for number, kind in footer.fields():
            if number == 2:
                columns = _columns(footer.value(kind, [_ELEMENT]))
            elif number == 4 and kind == LIST and columns:
                for inner in footer.items(kind):
                    yield columns, footer.value(inner, _GROUP)
            else:
                footer.skip(kind)

    def _values(self, name: str, column: _Column | None, group: Mapping[str, Any]) -> Iterator[bytes | None]:
        """Those of a column in a row group, as many as this has rows."""
        if column is None:
            yield from repeat(None)
            return
        chunk = group["columns"][column.place]["chunk"]
        at = min(chunk.get("dictionary") or chunk["data"], chunk["data"])
        end = at + chunk["size"]
        if not self._ends[name] <= at <= end <= self._end:
            raise FileRefused(f"can't be read on (its column {name} is where others are)")
        self._ends[name] = end
        if chunk["codec"] not in _PACKED_AS:
            raise FileRefused(f"its column {name} is not packed by zstd, as Kelly packs it")
        left, dictionary = group["rows"], list[bytes]()
        while left:
            head, at = self._head(at, end)
            page = _Page(self, at, head, _PACKED_AS[chunk["codec"]], _longest(name))
            at += head["packed"]
            if head["kind"] == _DICTIONARY and not dictionary:
                dictionary = page.dictionary(head["dictionary"])
            elif head["kind"] == _DATA and 0 < head["data"]["values"] <= left:
                left -= head["data"]["values"]
                yield from page.values(head["data"], column.levels, dictionary)
            else:
                raise LookupError

    def _head(self, at: int, end: int) -> tuple[Mapping[str, Any], int]:
        """Of the page there, and where the page begins behind it."""
        read = Compact(os.pread(self._file, min(_HEAD, end - at), at))
        head = read.value(STRUCT, _PAGE)
        at += read.at
        if not (0 <= head["packed"] <= end - at and head["size"] >= 0):
            raise LookupError
        return head, at

    def opened(self, at: int, size: int) -> io.RawIOBase:
        """So many bytes of the file."""
        return _Span(self._file, at, size)

    def count(self, size: int) -> None:
        """So many bytes were unpacked. Raises `FileRefused` once that is more than is believed."""
        self._left -= size
        if self._left < 0:
            raise FileRefused(f"expands to more than {_FREE >> 20} MB, and to {_TIMES} times its bytes")


class _Page:
    """The values of a page, unpacked one by one."""

    def __init__(self, shard: _Shard, at: int, head: Mapping[str, Any], codec: str, longest: int) -> None:
        self._shard, self._longest = shard, longest
        self._left = head["size"]
        if self._left > max(_HELD, _HELD_TIMES * head["packed"]):
            raise FileRefused(f"can't be read on (it expands to {self._left >> 20:,} MB at once)")
        self._stream: Any = io.BufferedReader(shard.opened(at, head["packed"]))
        if codec:
            import pyarrow

            self._stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(self._stream, mode="r"), codec)

    def dictionary(self, head: Mapping[str, Any]) -> list[bytes]:
        """All of it."""
        if head["encoding"] not in (_PLAIN, *_OF_DICTIONARY) or head["values"] > _ENTRIES:
            raise LookupError
        return [self._value() for _ in range(head["values"])]

    def values(self, head: Mapping[str, Any], levels: int, dictionary: list[bytes]) -> Iterator[bytes | None]:
        """One after another; None for null."""
        there: Iterator[int] = repeat(levels)
        if levels:
            if head["levels"] != _RUNS:
                raise LookupError
            there = _runs(self._numbers(self._number()), levels.bit_length())
        if head["encoding"] == _PLAIN:
            dictionary.clear()  # a column does not go back to it
            for _ in range(head["values"]):
                yield self._value() if next(there) == levels else None
        elif head["encoding"] in _OF_DICTIONARY:
            numbers = self._numbers(self._left)
            entries = _runs(numbers[1:], numbers[0] if numbers else _WIDEST + 1)
            for _ in range(head["values"]):
                yield self._entry(dictionary, next(entries)) if next(there) == levels else None
        else:
            raise LookupError

    def _entry(self, dictionary: list[bytes], number: int) -> bytes:
        value = dictionary[number]
        self._shard.count(len(value))
        return value

    def _value(self) -> bytes:
        size = self._number()
        kept = min(size, self._longest)
        value = self._take(kept)
        for at in range(kept, size, _PIECE):
            self._take(min(_PIECE, size - at))
        return value

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def _numbers(self, size: int) -> bytes:
        if size > _NUMBERS:
            raise LookupError
        return self._take(size)

    def _take(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise FileRefused("can't be read on (a page ends in the midst of a value)")
        self._shard.count(size)
        data = self._stream.read(size) if size else b""
        if len(data) != size:
            raise FileRefused("can't be read on (a page is cut short)")
        if not self._left:
            self._stream = None  # what unpacks it holds as much as the largest value
        return cast("bytes", data)


class _Span(io.RawIOBase):
    """Some bytes of a file, which others read elsewhere meanwhile."""

    def __init__(self, file: int, at: int, size: int) -> None:
        self._file, self._at, self._end = file, at, at + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer)[: self._end - self._at]
        done = os.preadv(self._file, [room], self._at)
        self._at += done
        return done


def _longest(name: str) -> int:
    """Of a value of this column only so many bytes are kept, as of a line that is too long: more than is believed."""
    if name in ("sample", "path"):
        return LONGEST
    return limits().midi_bytes + 1 if name == "midi" else sys.maxsize


def _row(number: int, values: list[Iterator[bytes | None]]) -> Row:
    sample, audio, midi, path, features = (next(each) for each in values)
    if sample is None:
        raise FileRefused(f"can't be read on (row {number:,} holds no sample)")
    return Row(number, sample, audio or midi, path, features)


def _columns(elements: list[dict[str, Any]]) -> dict[str, _Column]:
    """Those that are read, by their paths. Raises `FileRefused` where they can't hold what Kelly writes there."""
    found: dict[str, _Column] = {}
    place = 0
    around = [("", elements[0]["children"], 0)]
    """What we are in: its path, how many of it are to come, and how many things may be null there."""
    for element in elements[1:]:
        while around[-1][1] == 0:
            around.pop()
        path, more, levels = around[-1]
        around[-1] = path, more - 1, levels
        name = path + element["name"].decode("utf-8", "replace")
        repetition = element.get("repetition")
        levels += repetition == _OPTIONAL
        if name in COLUMNS:
            if element.get("type") != _BYTE_ARRAY or repetition == _REPEATED:
                raise FileRefused(f"its column {name} holds no text or bytes")
            if name in found:
                raise FileRefused(f"has two columns {name}")
            found[name] = _Column(place, levels)
        if "type" in element:
            place += 1
        else:
            around.append((f"{name}."[:_HEAD], element["children"], levels))
    if "sample" not in found:
        raise FileRefused("has no column sample")
    return found


def _runs(data: bytes, width: int) -> Iterator[int]:
    """Numbers of so many bits, as runs of one and as packs of eight. Raises `LookupError` where they end."""
    read = Compact(data)
    size = (width + 7) // 8
    if width > _WIDEST:
        raise LookupError
    while width:
        head = read.number()
        if not head & 1:
            yield from repeat(int.from_bytes(read.take(size), "little"), min(head >> 1, sys.maxsize))
            continue
        for _ in range(head >> 1):
            pack = int.from_bytes(read.take(width), "little")
            for shift in range(0, 8 * width, width):
                yield pack >> shift & (1 << width) - 1
    yield from repeat(0)
