"""MIDI files that lie, never end, overflow or claim what they have not."""

from __future__ import annotations

import gzip
import struct


def number(value: int) -> bytes:
    """A MIDI file's number of variable length."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def chunk(kind: bytes, body: bytes, claimed: int | None = None) -> bytes:
    return kind + struct.pack(">I", len(body) if claimed is None else claimed) + body


END = b"\x00\xff\x2f\x00"


def track(*events: bytes) -> bytes:
    return chunk(b"MTrk", b"".join(events) + END)


def header(form: int = 1, tracks: int = 1, division: int = 480) -> bytes:
    return chunk(b"MThd", struct.pack(">HHH", form, tracks, division))


def note(pitch: int, wait: int = 0, length: int = 240) -> bytes:
    return number(wait) + bytes((0x90, pitch, 80)) + number(length) + bytes((0x80, pitch, 0))


def meta(kind: int, body: bytes, claimed: int | None = None) -> bytes:
    return b"\x00\xff" + bytes((kind,)) + number(len(body) if claimed is None else claimed) + body


LONG_WAIT = b"\xff\xff\xff\x7f\x80\x01\x00"
TUNE = b"".join(note(60 + at * 5 % 12) for at in range(32))
SMF = header() + track(TUNE)
ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x9b31m[bold]\r\n\x00"


def riff(body: bytes, claimed: int | None = None) -> bytes:
    size = struct.pack("<I", len(body) if claimed is None else claimed)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"RMIDdata" + size + body


def nested(depth: int) -> bytes:
    data = SMF
    for _ in range(depth):
        data = riff(data)
    return data


NASTY: dict[str, bytes] = {
    "empty": b"",
    "one byte": b"M",
    "name only": b"MThd",
    "header cut": SMF[:12],
    "header of no length": chunk(b"MThd", b"") + track(TUNE),
    "header of four gigabytes": chunk(b"MThd", struct.pack(">HHH", 1, 1, 480), 0xFFFFFFFF) + track(TUNE),
    "format 3": header(3) + track(TUNE),
    "format 65535": header(0xFFFF) + track(TUNE),
    "no clock": header(division=0) + track(TUNE),
    "clock of film": header(division=0xE250) + track(TUNE),
    "clock of minus 128 frames": header(division=0x8000) + track(TUNE),
    "65535 tracks claimed": header(tracks=0xFFFF) + track(TUNE),
    "65535 tracks there": header(tracks=0xFFFF) + track() * 0xFFFF,
    "no track claimed": header(tracks=0) + track(TUNE),
    "track of four gigabytes": header() + chunk(b"MTrk", TUNE, 0xFFFFFFFF),
    "track of minus one": header() + chunk(b"MTrk", TUNE, 0x80000000),
    "track shorter than it": header() + chunk(b"MTrk", TUNE + END, 3),
    "track of no length": header() + chunk(b"MTrk", b""),
    "track cut in a number": header() + chunk(b"MTrk", TUNE + b"\xff"),
    "track cut in a note": header() + chunk(b"MTrk", TUNE + b"\x00\x90\x3c"),
    "running status from nothing": header() + track(b"\x00\x3c\x50\x60\x3c\x00"),
    "running status after sysex": header() + track(TUNE, b"\x00\xf0\x01\xf7\x00\x3c\x50"),
    "pitch over 127": header() + track(b"\x00\x90\xfc\x50\x60\x80\xfc\x00"),
    "velocity over 127": header() + track(b"\x00\x90\x3c\xd0\x60\x80\x3c\x00"),
    "undefined status": header() + track(TUNE, b"\x00\xf4\x00\xf5\x00\xf9"),
    "a number without end": header() + track(b"\xff" * 5000),
    "a number of five bytes": header() + track(b"\x81\x80\x80\x80\x00\x90\x3c\x50\x60\x80\x3c\x00"),
    "a wait of a hundred bits": header() + track(TUNE, b"\x00\xb0\x40\x7f", b"\xff" * 14 + b"\x00\xb0\x01\x01"),
    "sysex without end": header() + track(TUNE, b"\x00\xf0\xff\xff\xff\x7f" + b"\x01" * 100),
    "sysex of nothing ten thousand times": header() + track(TUNE, b"\x00\xf0\x00" * 10_000),
    "text of a quarter gigabyte": header() + track(meta(1, b"x", (1 << 28) - 1), TUNE),
    "text of escapes": header() + track(meta(3, ESCAPES), meta(1, ESCAPES * 100), meta(5, ESCAPES), TUNE),
    "a tempo of no bytes": header() + track(meta(0x51, b""), TUNE),
    "a tempo of seven bytes": header() + track(meta(0x51, b"\x07" * 7), TUNE),
    "a meter of one byte": header() + track(meta(0x58, b"\x04"), TUNE),
    "a key of 127 flats": header() + track(meta(0x59, b"\x81\x05"), TUNE),
    "an end within": header() + track(TUNE, b"\x00\xff\x2f\x7f" + b"\x00" * 127, TUNE),
    "10^11 seconds": header() + track(meta(0x51, b"\xff\xff\xff"), b"\xff\xff\xff\x7f\xb0\x01\x01" * 64, TUNE),
    "the clock runs over": header() + track(b"\xff\xff\xff\x7f\x90\x3c\x50" * 20),
    "the clock runs over within a note": header()
    + track(3 * LONG_WAIT, b"\x00\x90\x3c\x50", 5 * LONG_WAIT, b"\x7f\x80\x3c\x00"),
    "the clock runs over at one tick a beat": header(division=1) + track(b"\xff\xff\xff\x7f\x90\x3c\x50" * 7, TUNE),
    "a million notes": header() + chunk(b"MTrk", b"\x00\x90\x3c\x50" + b"\x01\x3c\x00\x00\x3c\x50" * 1_000_000 + END),
    "nine megabytes": header() + track(TUNE, meta(1, b"x" * 9_000_000)),
    "a hundred thousand tempi": header() + track(b"\x01\xff\x51\x03\x07\xa1\x20" * 100_000, TUNE),
    "empty chunks without end": header() + chunk(b"JUNK", b"") * 100_000 + track(TUNE),
    "a chunk of four gigabytes before": header() + chunk(b"JUNK", b"x", 0xFFFFFFFF) + track(TUNE),
    "a file in a RIFF in a RIFF": nested(50),
    "a RIFF of four gigabytes": riff(SMF, 0xFFFFFFFF),
    "a RIFF of nothing": b"RIFF\x00\x00\x00\x00RMID",
    "gzip": gzip.compress(SMF, mtime=0),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "zeros": bytes(100_000),
    "the header again and again": header() * 1000,
    "random events": header() + track(bytes((at * 7919 >> 3) & 0xFF for at in range(50_000))),
}  # fmt: skip
