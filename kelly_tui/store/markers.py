"""A view in which git left a merge to people: it holds both versions, between ``<<<<<<<``, ``=======``, ``>>>>>>>``."""

from __future__ import annotations

_OURS, _BASE, _THEIRS, _END = b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"


def versions(raw: bytes) -> list[bytes]:
    """The file as each side has it; only itself where git left nothing, or the marks make no sense."""
    if _OURS not in raw:
        return [raw]
    found = {_OURS: bytearray(), _THEIRS: bytearray()}
    inside, marked = b"", False
    for line in raw.splitlines(keepends=True):
        mark = line[:7]
        if mark == _OURS and not inside:
            inside, marked = _OURS, True
        elif (mark == _BASE and inside == _OURS) or (mark == _THEIRS and inside in (_OURS, _BASE)):
            inside = mark
        elif mark == _END and inside == _THEIRS:
            inside = b""
        else:
            for side in (inside,) if inside else found:
                if side in found:
                    found[side] += line
    return [bytes(lines) for lines in found.values()] if marked and not inside else [raw]
