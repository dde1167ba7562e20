"""Tar shards that claim what is not so: sizes, headers before headers, and maps of holes."""

from __future__ import annotations

import tarfile

_BLOCK = tarfile.BLOCKSIZE


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """That of a file of any size, right in its checksum."""
    head = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    head[156:157] = kind
    if 0 <= size < 8**11:
        head[124:136] = b"%011o\0" % size
    else:
        head[124:136] = (b"\xff" if size < 0 else b"\x80") + (size % 256**11).to_bytes(11, "big")
    return summed(head)


def summed(head: bytearray) -> bytes:
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def pax(**said: str) -> bytes:
    """A header that says something about the next."""
    body = b""
    for name, value in said.items():
        text = f" {name.replace('_', '.')}={value}\n".encode()
        length = len(text) + 1
        while len(str(length)) + len(text) != length:
            length = len(str(length)) + len(text)
        body += str(length).encode() + text
    return header("pax", len(body), tarfile.XHDTYPE) + body + bytes(-len(body) % _BLOCK)


def _with(head: bytes, at: int, field: bytes) -> bytes:
    changed = bytearray(head)
    changed[at : at + len(field)] = field
    return summed(changed)


_LINE = b'{"sample_id": "ab", "file_path": "raw/midi/ab.mid"}'
_HOLES = b"".join(b"%d\n" % n for n in (10**8, *range(100))).ljust(_BLOCK, b"\n")

SHARDS: dict[str, bytes] = {
    "a size past the end": header("ab.json", 1 << 62) + bytes(3 * _BLOCK),
    "a size of a byte too many": header("ab.json", 1025) + bytes(2 * _BLOCK),
    "a size below nothing": header("ab.json", -_BLOCK) + bytes(9 * _BLOCK),
    "a second size below nothing": header("ab.json", 0) + header("ab.mid", -2 * _BLOCK) + bytes(9 * _BLOCK),
    "a size in words": _with(header("ab.json", 0), 124, b"eight bytes\0") + bytes(9 * _BLOCK),
    "pax that claims less than nothing": pax(size="-1024") + header("ab.json", 0) + bytes(9 * _BLOCK),
    "pax of no number": pax(size="nan", mtime="1e999") + header("ab.json", 0) + bytes(9 * _BLOCK),
    "pax of four thousand digits": pax(size="9" * 4000) + header("ab.json", 0) + bytes(9 * _BLOCK),
    "pax upon pax": pax(a="b") * 3000 + header("ab.json", len(_LINE)) + _LINE.ljust(_BLOCK, b"\0"),
    "pax past the end": header("pax", 900 << 20, tarfile.XHDTYPE) + bytes(9 * _BLOCK),
    "long name upon long name": header("long", 9, tarfile.GNUTYPE_LONGNAME) * 3000 + bytes(9 * _BLOCK),
    "a map of holes": pax(GNU_sparse_major="1", GNU_sparse_minor="0", GNU_sparse_name="ab.json")
    + header("ab.json", _BLOCK)
    + _HOLES
    + bytes(9 * _BLOCK),
    "holes upon holes": _with(header("ab.mid", 0, tarfile.GNUTYPE_SPARSE), 482, b"\1") + b"\1" * _BLOCK * 9,
    "a checksum that is none": header("ab.json", 0)[:148] + b"0000000\0" + bytes(_BLOCK * 2),
    "a header cut": header("ab.json", 0) + header("ab.mid", 0)[:300],
    "a name of nothing": header("", 0) * 9,
    "a name of no UTF-8": _with(header("ab.json", 0), 0, b"\xff\xfe\x80.mid") + bytes(9 * _BLOCK),
    "folders": header("ab.mid/", 0, tarfile.DIRTYPE) * 9 + header("ab.json/", 0) + bytes(9 * _BLOCK),
    "noise": bytes(range(256)) * 99,
}
"""What may lie in place of a shard of an export."""
