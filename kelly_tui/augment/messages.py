"""A MIDI file as its messages: what is no note stays as it is, whatever it is, and where it is.

Reference: MIDI Manufacturers Association, *Standard MIDI Files 1.0* (RP-001).
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kelly_tui.augment.ranges import range_of
from kelly_tui.music.notes import SHORTEST_BEAT
from kelly_tui.music.smf import METAS, track_spans

Ints = NDArray[np.int64]

_NOTE = np.dtype(
    [
        (name, "i8")
        for name in ("time", "duration", "pitch", "velocity", "track", "channel", "on", "off", "back", "ahead")
    ]
    + [("is_drum", "?")]
)
"""`on` and `off`: numbers of messages, the `off` -1 of what is never ended. `back` and `ahead`: the leeway in ticks."""
_DRUMS = 9
_RANK_BITS = 32
_FAR = 1 << 31
"""Ticks: more than there are."""

_STATUS_OF_STATE = bytes({*range(256)} - {*range(0x90, 0xF0), 0xF0, 0xF7})
"""Every byte but those that messages of a channel and sysex begin with; a note-off is of no weight."""
_OTHER_META = re.compile(rb"\xff[^\x03\x2f\x51\x58\x59]")
"""All but names, tempi, meters, keys and the end of a track."""
_LAST_TICK = (1 << 31) - 1
"""No clock goes on from here: what says so is damage."""
_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""Of system messages, which have no place in a file, and are read over by all readers."""


def is_plain(smf: bytes) -> bool:
    """Whether a file has no more than notes, tempi, meters, keys, names, and a program for each channel.

    Each channel in one track, each track with one channel, its program before its notes: that much the native parser
    carries as it is. Bytes are looked at, not messages: some plain files are not known as such.
    """
    if _OTHER_META.search(smf):
        return False
    spans = track_spans(smf, 8 + int.from_bytes(smf[4:8], "big"), None)
    if len(spans) != int.from_bytes(smf[10:12], "big"):
        return False
    taken = set()
    for start, end in spans:
        head = METAS.match(smf, start, end)
        track = smf[head.end() if head else start : end]
        kinds = {*track.translate(None, _STATUS_OF_STATE)}
        if kinds:
            note_on = min(kinds)
            channel = note_on & 15
            program = 0xC0 | channel
            if channel in taken or note_on > 0x9F or not kinds <= {note_on, program}:
                return False
            taken.add(channel)
            if program in kinds and (track.count(program) > 1 or track.index(program) > track.index(note_on)):
                return False
        elif b"\xff\x03" in smf[start:end]:  # the name of a track without notes
            return False
    return True


@dataclass(frozen=True, eq=False)
class Messages:
    """All messages of a file, track after track.

    The k-th is ``data[start[k] : start[k] + size[k]]``, with its status.
    """

    form: int
    tpq: int
    tracks: int
    data: NDArray[np.uint8]
    tick: Ints
    track: Ints
    start: Ints
    size: Ints

    def notes(self) -> NDArray[np.void]:
        """A new table of the notes, in the order of their messages."""
        return self._notes.copy()

    @cached_property
    def _notes(self) -> NDArray[np.void]:
        rows = []
        sounding: defaultdict[tuple[int, int, int], deque[int]] = defaultdict(deque)
        status, pitch, velocity = (column.tolist() for column in (self._status, self._byte(1), self._byte(2)))
        tick, track = self.tick.tolist(), self.track.tolist()
        off: dict[int, int] = {}
        for number in np.flatnonzero((self._status >= 0x80) & (self._status < 0xA0)).tolist():
            key = (track[number], status[number] & 15, pitch[number])
            if status[number] >= 0x90 and velocity[number]:
                sounding[key].append(number)
                off[number] = -1
            elif sounding[key]:
                off[sounding[key].popleft()] = number
        for on, end in off.items():
            channel = status[on] & 15
            duration = tick[end] - tick[on] if end >= 0 else 0
            part = track[on] << 4 | channel
            rows.append((tick[on], duration, pitch[on], velocity[on], part, channel, on, end, 0, 0, channel == _DRUMS))
        notes = np.array(rows, _NOTE)
        notes["back"], notes["ahead"] = self._leeway(notes)
        return notes

    def tempi(self) -> tuple[Ints, Ints]:
        """Ticks, and microseconds a quarter note, in their order; without those that no music has."""
        numbers = self._tempo_numbers
        mspq = self._mspq(numbers)
        real = mspq >= SHORTEST_BEAT
        return self.tick[numbers][real], mspq[real]

    def parts(self) -> list[tuple[tuple[int, int], int, int]]:
        """For each program of each channel but drums: the range it can play in, its lowest and its highest pitch."""
        notes = self._notes
        notes = notes[~notes["is_drum"]]
        programs = np.flatnonzero(self._status >> 4 == 0xC)
        programs = programs[np.argsort(self._place(programs))]
        at = self._place(notes["on"])
        before = np.searchsorted(self._place(programs), at) - 1
        number = programs[before] if len(programs) else np.zeros(len(notes), np.int64)
        known = (before >= 0) & (self._status[number] & 15 == notes["channel"])
        program = np.where(known, self._byte(1)[number], 0)
        return [
            (range_of(one), int(pitches.min()), int(pitches.max()))
            for one in np.unique(program).tolist()
            for pitches in [notes["pitch"][program == one]]
        ]

    def leeway(self, notes: NDArray[np.void]) -> tuple[Ints, Ints]:
        """How many ticks each onset can move back and on, and still find its channel in the same state.

        A note that is struck before its program, or before a bend is let go, would be another note.
        """
        return notes["back"], notes["ahead"]

    def _leeway(self, notes: NDArray[np.void]) -> tuple[Ints, Ints]:
        status = self._status
        states = np.flatnonzero((status >= 0xA0) & (status < 0xF0))
        states = states[np.argsort(self._place(states))]
        at = np.searchsorted(self._place(states), self._place(notes["on"]))
        time = notes["time"]
        ticks = np.concatenate(([-1], self.tick[states], [_FAR]))
        channel = np.concatenate(([-1], status[states] & 15, [-1]))
        before = np.where(channel[at] == notes["channel"], ticks[at], -1)
        after = np.where(channel[at + 1] == notes["channel"], ticks[at + 1], _FAR)
        after = np.where(self._cut_at_once(notes), time, after)
        return np.minimum(before + 1 - time, 0), np.maximum(after - 1 - time, 0)

    def _cut_at_once(self, notes: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which notes another track of their channel ends on the tick they begin: later they would sound."""
        status, pitch = self._status, self._byte(1)
        ends = np.flatnonzero((status >> 4 == 8) | ((status >> 4 == 9) & (self._byte(2) == 0)))
        key = ((status & 15) << 7 | pitch) << _RANK_BITS
        ends = ends[np.argsort(key[ends] | self._rank[ends])]
        following = np.searchsorted(key[ends] | self._rank[ends], (key | self._rank)[notes["on"]])
        ends = np.append(ends, 0)  # after all there is none
        key, tick = key[ends], self.tick[ends]
        key[-1] = -1
        same = key[following] == (notes["channel"] << 7 | self._byte(1)[notes["on"]]) << _RANK_BITS
        cut: NDArray[np.bool_] = same & (tick[following] == notes["time"])
        return cut

    def changed(self, notes: NDArray[np.void], semitones: int, mspq: Ints | None) -> bytes:
        """The file with these of its notes as they are now, its keys moved, and a tempo map of these values.

        `mspq`: one for each of `tempi`, after one for the start if that has none there; None leaves the tempi alone.
        """
        data, tick, track, start, size = self.data.copy(), self.tick.copy(), self.track, self.start, self.size
        status = self._status
        kept = np.ones(len(tick), dtype=bool)
        was = self._notes
        if len(notes) < len(was):
            gone = was[~np.isin(was["on"], notes["on"], assume_unique=True)]
            kept[gone["on"]] = False
            kept[gone["off"][gone["off"] >= 0]] = False
        if semitones:
            with_pitch = (status >= 0x80) & (status < 0xB0) & (status & 15 != _DRUMS)
            pitch = self._byte(1)[with_pitch] + semitones
            kept[with_pitch] &= (pitch >= 0) & (pitch <= 127)  # only those that end or press no note can go
            data[start[with_pitch] + 1] = pitch & 127
            keys = self._metas(0x59, 2)
            sharps = data[start[keys] + 3].view(np.int8).astype(np.int64)
            data[start[keys] + 3] = ((sharps + 7 * semitones + 5) % 12 - 5) & 255  # a semitone up is seven fifths
        data[start[notes["on"]] + 2] = notes["velocity"]
        tick[notes["on"]] = notes["time"]
        if mspq is not None:
            numbers = self._tempo_numbers
            kept[numbers] = self._mspq(numbers) >= SHORTEST_BEAT
            numbers = numbers[kept[numbers]]
            if len(mspq) > len(numbers):  # MIDI's default tempo has no message yet
                first = np.frombuffer(b"\xff\x51\x03\0\0\0", np.uint8)
                tick, track, start, size = (
                    np.insert(column, 0, value)
                    for column, value in ((tick, 0), (track, 0), (start, len(data)), (size, len(first)))
                )
                kept, data = np.insert(kept, 0, True), np.concatenate((data, first))
                numbers = np.insert(numbers + 1, 0, 0)
            for place, shift in enumerate((16, 8, 0)):
                data[start[numbers] + 3 + place] = mspq >> shift & 255
        tick, track, start, size = (column[kept] for column in (tick, track, start, size))
        order = np.argsort(track << _RANK_BITS | tick, kind="stable")
        return self._written(data, *(column[order] for column in (tick, track, start, size)))

    def _written(self, data: NDArray[np.uint8], tick: Ints, track: Ints, start: Ints, size: Ints) -> bytes:
        firsts = np.searchsorted(track, np.arange(self.tracks + 1))
        delta = np.diff(tick, prepend=0)
        begins = firsts[:-1][firsts[:-1] < firsts[1:]]
        delta[begins] = tick[begins]
        digits = 1 + (delta >= 1 << 7).astype(np.int64) + (delta >= 1 << 14) + (delta >= 1 << 21) + (delta >= 1 << 28)
        ends = np.cumsum(digits + size)
        out = np.empty(int(ends[-1]), np.uint8)
        for digit in range(5):
            has = np.flatnonzero(digits > digit)
            more = 0x80 if digit else 0
            out[(ends - size - 1)[has] - digit] = delta[has] >> 7 * digit & 0x7F | more
        within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
        out[np.repeat(ends - size, size) + within] = data[np.repeat(start, size) + within]
        edges = np.concatenate(([0], ends))[firsts].tolist()
        chunks = [b"MThd" + struct.pack(">IHHH", 6, self.form, self.tracks, self.tpq)]
        for begin, end in pairwise(edges):
            chunks.append(b"MTrk" + struct.pack(">I", end - begin) + out[begin:end].tobytes())
        return b"".join(chunks)

    @cached_property
    def _status(self) -> Ints:
        return self._byte(0)

    def _byte(self, place: int) -> Ints:
        """The first, second or third byte of each message; the last one where it has not so many."""
        found: Ints = self.data[self.start + np.minimum(place, self.size - 1)].astype(np.int64)
        return found

    def _metas(self, kind: int, size: int) -> Ints:
        """The numbers of the meta messages of a kind that have as many bytes as it should."""
        return np.flatnonzero(
            (self._status == 0xFF) & (self._byte(1) == kind) & (self._byte(2) == size) & (self.size == size + 3)
        )

    @cached_property
    def _tempo_numbers(self) -> Ints:
        numbers = self._metas(0x51, 3)
        return numbers[np.argsort(self.tick[numbers], kind="stable")]

    def _mspq(self, numbers: Ints) -> Ints:
        high, middle, low = (self.data[self.start[numbers] + 3 + place].astype(np.int64) for place in range(3))
        return high << 16 | middle << 8 | low

    @cached_property
    def _rank(self) -> Ints:
        """The place of each message among all when the tracks are played together."""
        rank = np.empty(len(self.tick), np.int64)
        rank[np.argsort(self.tick, kind="stable")] = np.arange(len(rank))
        return rank

    def _place(self, numbers: Ints) -> Ints:
        """A number that puts messages in the order of channels, and in each in the order in which they are played."""
        place: Ints = (self._status[numbers] & 15) << _RANK_BITS | self._rank[numbers]
        return place


def read_messages(smf: bytes) -> Messages:
    """The messages of a file that `parse_midi` passed; of a track that is damaged at its end those before."""
    header, form, tracks, tpq = struct.unpack(">IHHH", smf[4:14])
    found: list[tuple[int, int, int, int]] = []
    content = bytearray()
    for number, (at, end) in enumerate(track_spans(smf, 8 + header, None)[:tracks]):
        _read_track(smf[:end], at, number, content, found)
    tick, track, start, size = np.array(found, np.int64).T
    data = np.frombuffer(content, np.uint8)
    of_channels = data[start] < 0xF0
    for byte in (start + 1, start + size - 1):
        data[byte[of_channels]] &= 0x7F  # more is damage, and readers differ in what they make of it
    return Messages(form, tpq, tracks, data, tick, track, start, size)


def _read_track(smf: bytes, at: int, track: int, content: bytearray, found: list[tuple[int, int, int, int]]) -> None:
    """Append the messages of a track that goes from `at` to the end, each with its status.

    One that says where the track ends comes last.
    """
    tick = running = 0
    while at < len(smf):
        try:
            delta, at = _number(smf, at)
            status = smf[at] if smf[at] & 0x80 else running
            at += smf[at] >> 7
            begin = at
            if 0x80 <= status < 0xF0:
                running = status
                at += 1 if status & 0xE0 == 0xC0 else 2
            elif status in (0xF0, 0xF7, 0xFF):
                size, at = _number(smf, at + (status == 0xFF))
                at += size
            else:
                at += _DATA_BYTES.get(status, 0)
        except IndexError:
            break
        if at > len(smf) or not status or tick + delta > _LAST_TICK:
            break
        tick += delta
        if status == 0xFF and smf[begin] == 0x2F:
            break
        found.append((tick, track, len(content), 1 + at - begin))
        content.append(status)
        content += smf[begin:at]
    found.append((tick, track, len(content), 3))
    content += b"\xff\x2f\x00"


def _number(smf: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where what follows begins."""
    value = smf[at] & 0x7F
    while smf[at] & 0x80:
        at += 1
        value = value << 7 | smf[at] & 0x7F
    return value, at + 1
