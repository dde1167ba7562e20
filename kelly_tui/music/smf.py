"""A standard MIDI file's outer form, seen before the native parser reads it.

Reference: MIDI Manufacturers Association, *Standard MIDI Files 1.0* (RP-001), and for the wrapper *RIFF-based MIDI*
(RP-029).
"""

from __future__ import annotations

import re
import struct
from collections import Counter

import numpy as np

from kelly_tui.errors import FileRefused

_MAX_TICK = (1 << 31) - 1
"""The native parser counts ticks in 32 bits and says nothing when they overflow."""

_LONGEST = 0x0FFFFFFF
"""What four bytes hold: no number of variable length may be larger."""

_DELTA = rb"[\x80-\xff]*+."
_SHORT_DATA = b"|".join(re.escape(bytes([size])) + b".{%d}" % size for size in range(128))
_TRACK = (
    rb"(?:%(delta)b(?:"
    rb"[\x80-\x9f\xb0-\xbf\xe0-\xef]..(?:%(delta)b[\x00-\x7f].)*+|"  # two bytes of data, and again without a status
    rb"[\xc0-\xcf].(?:%(delta)b[\x00-\x7f])*+|"  # one byte
    rb"\xff(?:%(meta)b)))*+%(delta)b\xff/"
)
"""A track, up to its end, of the events that the native parser reads: no aftertouch, no sysex."""
_PLAIN_TRACK = re.compile(_TRACK % {b"delta": _DELTA, b"meta": rb"[^/](?:%b)" % _SHORT_DATA}, re.DOTALL)
_CALM_TRACK = re.compile(
    _TRACK % {b"delta": rb"[\x80-\xff]?+[\x00-\x7f]", b"meta": rb"\x51\x03...|[^/\x51](?:%b)" % _SHORT_DATA}, re.DOTALL
)
"""Most are plain; most of these wait nowhere for longer than two bytes can say, and all their tempi have three bytes.
They are spared the walk."""
_LONGEST_CALM = 2 * (_MAX_TICK >> 14)
"""Bytes of a calm track in which its clock can't overflow: an event has two at least."""
METAS = re.compile(rb"(?:%b\xff[^/](?:%b))*+" % (_DELTA, _SHORT_DATA), re.DOTALL)
"""Those that a track begins with: of a conductor's track all."""
_HARMLESS = bytes({*range(256)} - {*range(0xA0, 0xB0), *range(0xD0, 0xE0), 0xF0, 0xF7})
"""Every byte but those that aftertouch and sysex begin with: a track of these has neither."""
_ODD_TEMPO = re.compile(rb"\xff\x51[^\x03]")


def _may_be_wrong(smf: bytes) -> bool:
    """Whether a file may hold what the native parser gets silently wrong. Few do, and the others are spared the walk.

    No clock can pass the sum of all that may be a delta: three bytes above 127 in a row may be in one of four bytes,
    the longest there may be, two in a row in one of three; and shorter ones come at most every three bytes. Four in a
    row may be in one that is too long.
    """
    high = np.frombuffer(smf, np.int8) < 0
    two = high[1:] & high[:-1]
    three = two[1:] & high[:-2]
    if (three[1:] & high[:-3]).any():
        return True
    longest = (len(smf) // 3 << 14) + (np.count_nonzero(two) << 21) + (np.count_nonzero(three) << 28)
    return bool(longest > _MAX_TICK) or _ODD_TEMPO.search(smf) is not None


def check_chunks(data: bytes, name: str = "") -> bytes:
    """The standard MIDI file in `data`.

    Raises `FileRefused` if it is no MIDI file, cut short, or of a kind that can't be read.
    """
    path = name or None
    smf = _unwrap_riff(data)
    if not data:
        raise FileRefused("empty file", path=path)
    if smf[:4] != b"MThd":
        raise FileRefused("not a MIDI file", path=path)
    if len(smf) < 14:
        raise FileRefused("truncated in its header", path=path)
    length, form, claimed, division = struct.unpack(">IHHH", smf[4:14])
    if length < 6:
        raise FileRefused("damaged MIDI header", path=path)
    if form > 2:
        raise FileRefused(f"unknown MIDI format {form}", path=path)
    if division == 0:
        raise FileRefused("the clock has no ticks per quarter note", path=path)
    if division & 0x8000:
        raise FileRefused("its clock counts SMPTE frames, not beats", path=path)
    tracks = track_spans(smf, 8 + length, path)
    if len(tracks) < claimed:
        raise FileRefused(f"truncated: {claimed} tracks announced, {len(tracks)} there", path=path)
    if _may_be_wrong(smf):
        for start, end in tracks:
            if end - start > _LONGEST_CALM or not _CALM_TRACK.match(smf, start, end):
                _walk(smf, start, end, path)
    return smf


def count_dropped(smf: bytes) -> dict[str, int]:
    """What the native parser will leave out of a file that `check_chunks` passed: sysex, aftertouch, extra tracks."""
    header, _, claimed = struct.unpack(">IHH", smf[4:12])
    tracks = track_spans(smf, 8 + header, None)
    dropped: Counter[str] = Counter()
    if len(tracks) > claimed:
        dropped["track"] = len(tracks) - claimed
    for start, end in tracks:
        if smf[start:end].translate(None, _HARMLESS) and not _PLAIN_TRACK.match(smf, start, end):
            dropped += _walk(smf, start, end, None)
    return dict(dropped)


def _unwrap_riff(data: bytes) -> bytes:
    """The content of the ``data`` chunk of a RIFF RMID file; anything else as it is."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return data


def track_spans(smf: bytes, at: int, path: str | None) -> list[tuple[int, int]]:
    """Start and end of the content of each track. Chunks of other kinds and trailing junk are passed over."""
    tracks = []
    while at + 8 <= len(smf):
        kind = smf[at : at + 4]
        size = int.from_bytes(smf[at + 4 : at + 8], "big")
        if kind == b"MTrk":
            if at + 8 + size > len(smf):
                raise FileRefused("truncated in a track", path=path)
            tracks.append((at + 8, at + 8 + size))
        at += 8 + size
    return tracks


def _walk(smf: bytes, at: int, end: int, path: str | None) -> Counter[str]:
    """Read a track event by event: count sysex and aftertouch, refuse what the native parser gets silently wrong.

    A track that makes no sense here is left to the native parser, which has the words for it.
    """
    found: Counter[str] = Counter()
    tick = status = 0
    try:
        while at < end:
            delta = smf[at] & 0x7F
            while smf[at] & 0x80:
                at += 1
                delta = delta << 7 | smf[at] & 0x7F
            at += 1
            if delta > _LONGEST:
                raise FileRefused("a time of more than four bytes", path=path)
            tick += delta
            if tick > _MAX_TICK:
                raise FileRefused("its clock overflows", path=path)
            if smf[at] & 0x80:
                status = smf[at]
                at += 1
            kind = status & 0xF0
            if kind in (0xA0, 0xD0):
                found["aftertouch"] += 1
            if kind in (0xC0, 0xD0):
                at += 1
            elif kind != 0xF0:
                at += 2
            elif status in (0xF0, 0xF7, 0xFF):
                meta = smf[at] if status == 0xFF else -1
                at += status == 0xFF
                size = smf[at] & 0x7F
                while smf[at] & 0x80:
                    at += 1
                    size = size << 7 | smf[at] & 0x7F
                at += 1 + size
                if meta == 0x51 and size != 3:
                    raise FileRefused(f"a tempo of {size} bytes instead of three", path=path)
                if meta == 0x2F:
                    break
                if meta < 0:
                    found["sysex"] += 1
            else:
                break
    except IndexError:
        pass
    return found
