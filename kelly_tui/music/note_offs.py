"""One note-off for all the notes of a key that sound, as pretty_midi reads it and synthesizers play it.

The native parser gives a note-off to one note-on, the first, and leaves out the notes for which none remains: of a key
struck eight times before it is let go, seven. Here the note-off is written as often as it ends a note, at its own time,
so that the parser finds them all. Hardly a file has such notes, and most show in a few counts that they have none.

Reference: MIDI Manufacturers Association, *Standard MIDI Files 1.0* (RP-001).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import symusic
from numpy.typing import NDArray

from kelly_tui.music.smf import METAS, track_spans

_END, _HIGH = b"\xff\x2f\x00", bytes(range(128, 256))
_PROGRAM = re.compile(rb"(?:[\x80-\xff]*+.[\xb0-\xbf]..)*+[\x80-\xff]*+.[\xc0-\xcf].", re.DOTALL)
"""The first program of a track, after controllers that select its bank."""


def parse(smf: bytes) -> Any:
    """The `symusic.Score` of a standard MIDI file, in ticks, with all its notes. Raises what the parser raises."""
    score = symusic.Score.from_midi(smf)
    if _may_lack_notes(smf, score):
        whole = with_own_note_offs(smf)
        if len(whole) > len(smf):
            return symusic.Score.from_midi(whole)
    return score


def _may_lack_notes(smf: bytes, score: Any) -> bool:
    """Whether a file may have more note-ons than the parser found notes.

    Of the bytes of a message those below 128 are three: the last of its time, and two of data. Two are of a program,
    any number of what has no channel, such as a track begins with: those are told apart. Where there are no more bytes
    than the parser's notes and other messages have, nothing is left out; it leaves out some that are no notes, too.
    """
    begin, found = 8 + int.from_bytes(smf[4:8], "big"), int(score.note_num())
    data, low = np.frombuffer(smf, np.int8), 0
    bodies = []
    for start, end in track_spans(smf, begin, None):
        metas = METAS.match(smf, start, end)
        after = metas.end() if metas else start
        program = _PROGRAM.match(smf, after, end)
        after = program.end() if program else after
        low -= len(smf[start - 8 : after].translate(None, _HIGH)) + 3 * smf.endswith(_END, after, end)
        bodies.append((after, end))
    low += int(np.count_nonzero(data[begin:] >= 0))
    others = sum(len(track.controls) + len(track.pitch_bends) for track in score.tracks)
    if low <= 3 * (2 * found + others):
        return False
    ons = [_note_ons(data[start:end].view(np.uint8)) for start, end in bodies]
    return None in ons or sum(filter(None, ons)) > found


def _note_ons(track: NDArray[np.uint8]) -> int | None:
    """How many there are among (n,) bytes of messages with two bytes of data each; None where there are others too."""
    low = (track < 128).nonzero()[0]
    if len(low) % 3 or track[-3:].tobytes() != _END:
        return None
    time, first, second = low[:-3].reshape(-1, 3).T
    told = first - time == 2  # by a status between them: others run on
    status = track[first[told] - 1]
    known = ((status >= 0x80) & (status < 0xC0)) | (status >> 4 == 0xE)
    if not (known.all() and told[:1].all() and (first - time <= 2).all() and (second - first == 1).all()):
        return None
    return int(np.count_nonzero((status[told.cumsum() - 1] >> 4 == 9) & (track[second] > 0)))


def with_own_note_offs(smf: bytes) -> bytes:
    """The file with a note-off for each note that ends: what ends several is repeated at once, as a running status.

    Notes that begin on its tick it leaves to the next one, if it ends others; else it ends them, at no length.
    """
    written, done = [], 0
    for start, end in track_spans(smf, 8 + int.from_bytes(smf[4:8], "big"), None):
        track, copied = [], start
        for at, times in _repeated(smf, start, end):
            track += [smf[copied:at], (b"\x00" + smf[at - 2 : at]) * times]
            copied = at
        track.append(smf[copied:end])
        written += [smf[done : start - 4], struct.pack(">I", sum(map(len, track))), *track]
        done = end
    return b"".join([*written, smf[done:]])


def _repeated(smf: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Behind which note-offs of a track how many more are to be."""
    sounding: dict[int, list[int]] = {}
    try:
        for at, tick, status in _note_events(smf, start, end):
            key = (status & 0x0F) << 7 | smf[at]
            if status >= 0x90 and smf[at + 1]:
                sounding.setdefault(key, []).append(tick)
            elif key in sounding:
                ons = sounding.pop(key)
                before = sum(on < tick for on in ons)
                if 0 < before < len(ons):
                    sounding[key] = ons[before:]
                ends = before or len(ons)
                if ends > 1:
                    yield at + 2, ends - 1
    except IndexError:  # a track that breaks off: the parser has the words for it
        return


def _note_events(smf: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Where the data of each note-on and note-off of a track is, its tick, and its status."""
    tick = status = 0
    while at < end:
        delta = smf[at]
        at += 1
        if delta > 0x7F:  # few: no call for the others
            delta, at = _number(smf, at - 1)
        tick += delta
        if smf[at] > 0x7F:
            status = smf[at]
            at += 1
        if status < 0xA0:
            yield at, tick, status
        if status < 0xF0:
            at += 1 if 0xC0 <= status < 0xE0 else 2
        else:
            size, at = _number(smf, at + (status == 0xFF))
            at += size


def _number(smf: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where the next byte is."""
    value = smf[at] & 0x7F
    while smf[at] > 0x7F:
        at += 1
        value = value << 7 | smf[at] & 0x7F
    return value, at + 1
