"""The values of a JSON array one after another: held as they lie, and decoded by whoever takes one.

A list of them would be a hundred bytes for each, and of a stranger's array they may be two bytes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

import msgspec

from kelly_tui.errors import FileRefused

_T = TypeVar("_T")

_SHORTEST, _FEW = 32, 1000
"""Bytes that any sample, opinion or conflict is told in, on an average; and how many may be told in fewer."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_BETWEEN = re.compile(rb'(?s:[^][{},"]++|' + _STRING + rb")*+")
"""What is no end of a value of the array, nor opens one of many parts."""
_WITHIN = re.compile(rb'(?s:[^][{}"]++|' + _STRING + rb")*+")


def too_many(number: int, size: int) -> bool:
    """Whether so many values in so many bytes can't be what they are taken for."""
    return number > _FEW and size < number * _SHORTEST


class Elements:
    """The values of an array, as bytes."""

    def __init__(self, array: msgspec.Raw | bytes, name: str) -> None:
        """`array` is valid JSON. Raises `FileRefused` where it is none, or one of too many."""
        self._array, self._count = memoryview(array), 0
        if bytes(self._array[:1]) != b"[":
            raise FileRefused(f"its {name} are no list")
        for _, end in self._places():
            self._count += 1
            if too_many(self._count, end):
                raise FileRefused(f"its {name} have fewer than {_SHORTEST} bytes each")

    def __len__(self) -> int:
        return self._count

    def __contains__(self, one: object) -> bool:
        return any(one == other for other in self)

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(self._array[begin:end]).strip() for begin, end in self._places())

    def _places(self) -> Iterator[tuple[int, int]]:
        """Where each value begins and ends."""
        array, begin, at, depth = self._array, 1, 1, 0
        while found := (_WITHIN if depth else _BETWEEN).match(array, at):
            mark, at = array[found.end()], found.end() + 1
            if mark in b"[{":
                depth += 1
            elif depth and mark in b"]}":
                depth -= 1
            elif not depth:
                if mark == ord(",") or bytes(array[begin : at - 1]).strip():
                    yield begin, at - 1
                if mark != ord(","):
                    return
                begin = at


def all_of(array: msgspec.Raw, kind: type[_T], name: str, findings: list[str]) -> list[_T]:
    """Those of an array that are of this kind; what is none is left out, and said where no array is there."""
    found: list[_T] = []
    try:
        for one in Elements(array, name):
            with suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(one, type=kind))
    except FileRefused as error:
        findings.append(f"{error.what}: left out")
    return found
