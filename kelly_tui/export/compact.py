"""Thrift's compact protocol, in which Parquet writes its footer and the heads of its pages, read as a stranger's.

Only what is asked for becomes an object: of a footer that is nothing but empty lists each byte would be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from kelly_tui.errors import FileRefused

Shape: TypeAlias = "type[int] | type[bytes] | list[Shape] | Mapping[int, tuple[str, Shape]]"
"""What is wanted: a number, bytes, a list of these, or of a struct the fields by number, with the name of each."""

STRUCT, LIST = 12, 9

_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY = (1, 2), 3, (4, 5, 6), 7, 8
_MOST = 1024
"""Items of a list that is kept: a table of Kelly's has a hundred columns."""
_DEEP = 16
"""Structs within structs: Parquet has them six deep."""


class Compact:
    """Reads forward over bytes. Everything raises `FileRefused` where they end, or are something else."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        """The byte that is read next."""

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a struct: take its `value`, or `skip` it, before the next."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            yield number, head & 15

    def items(self, kind: int) -> Iterator[int]:
        """The kind of each item of a list, to be treated as a field is."""
        if kind != LIST:
            raise _spoilt()
        head = self._byte()
        inner = _BYTE if head & 15 in _BOOLEANS else head & 15
        for _ in range(self.number() if head >> 4 == 15 else head >> 4):
            yield inner

    def value(self, kind: int, shape: Shape) -> Any:
        """What is wanted of what comes next."""
        if shape is int and kind in _INTEGERS:
            return self._signed()
        if shape is bytes and kind == _BINARY:
            return self.take(self.number())
        if isinstance(shape, list) and kind == LIST:
            found = list[Any]()
            for inner in self.items(kind):
                if len(found) == _MOST:
                    raise FileRefused(f"can't be read on (it has more than {_MOST:,} columns)")
                found.append(self.value(inner, shape[0]))
            return found
        if isinstance(shape, Mapping) and kind == STRUCT:
            struct = {}
            for number, inner in self.fields():
                if number in shape:
                    name, wanted = shape[number]
                    struct[name] = self.value(inner, wanted)
                else:
                    self.skip(inner)
            return struct
        raise _spoilt()

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over what comes next."""
        if kind in _INTEGERS:
            self.number()
        elif kind == _BYTE:
            self._byte()
        elif kind == _DOUBLE:
            self._pass(8)
        elif kind == _BINARY:
            self._pass(self.number())
        elif kind == LIST and depth < _DEEP:
            for inner in self.items(kind):
                self.skip(inner, depth + 1)
        elif kind == STRUCT and depth < _DEEP:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind not in _BOOLEANS:  # whose value is their kind
            raise _spoilt()

    def take(self, size: int) -> bytes:
        """The next bytes."""
        self._pass(size)
        return self._data[self.at - size : self.at]

    def number(self) -> int:
        """The next number, without a sign."""
        value = shift = 0
        while (byte := self._byte()) > 127 and shift < 63:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _pass(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise _spoilt()

    def _byte(self) -> int:
        self._pass(1)
        return self._data[self.at - 1]

    def _signed(self) -> int:
        number = self.number()
        return number >> 1 ^ -(number & 1)


def _spoilt() -> FileRefused:
    return FileRefused("can't be read on (its structure is spoilt)")
