"""What a MIDI file tells a synthesizer to do and when: every channel message, in order, in seconds.

The note table (`music.notes`) says which notes there are. A synthesizer also wants channels as they were written,
programs, controllers, bends and pressure, so the bytes are read here once more, after the same door.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kelly_tui.music.notes import SHORTEST_BEAT, parse_midi, read_bytes
from kelly_tui.music.smf import check_chunks, track_spans

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROLLER, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0
SUSTAIN = 64
DRUM_CHANNEL = 9

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Events:
    """Channel messages of one file, in the order in which they take effect.

    Arrays of one length: `time` in seconds (float64); `kind` (status without channel; a note-on of velocity 0 is a
    note-off), `channel` 0..15, `first` and `second` data byte (uint8), `track` of the file (uint16). `duration`: end
    of the last note, seconds.
    """

    time: Array
    kind: Array
    channel: Array
    first: Array
    second: Array
    track: Array
    duration: float
    track_names: tuple[str, ...] = ()
    """As the file has them, one a track; empty where it has none. A stranger's text."""

    def __len__(self) -> int:
        return len(self.time)

    def at(self, chosen: Array) -> Events:
        """Some of the messages, in another order if need be: by indices, or by a mask."""
        return replace(
            self,
            time=self.time[chosen],
            kind=self.kind[chosen],
            channel=self.channel[chosen],
            first=self.first[chosen],
            second=self.second[chosen],
            track=self.track[chosen],
        )


def read_events(source: Path | bytes) -> Events:
    """The messages of a MIDI file or of its bytes. Raises `FileRefused`.

    A note that is never let go is left out, as it is from the note table: it would sound for ever.
    """
    name = str(source) if isinstance(source, Path) else ""
    data = read_bytes(source) if isinstance(source, Path) else source
    parse_midi(data, name)  # refuses what is no music
    smf = check_chunks(data, name)
    header = int.from_bytes(smf[4:8], "big")
    ticks_per_beat = int.from_bytes(smf[12:14], "big")
    messages: list[tuple[int, int, int, int]] = []
    tempi: list[tuple[int, int]] = []
    lengths: list[int] = []
    names: list[str] = []
    for start, end in track_spans(smf, 8 + header, name or None):
        before = len(messages)
        names.append(_read_track(smf[start:end], messages, tempi))
        lengths.append(len(messages) - before)
    table = np.array(messages, np.int64).reshape(-1, 4)
    order = np.argsort(table[:, 0], kind="stable")
    table, track = table[order], np.repeat(np.arange(len(lengths), dtype=np.uint16), lengths)[order]
    time = _seconds(table[:, 0], tempi, ticks_per_beat)
    kind = table[:, 1] & 0xF0
    kind[(kind == NOTE_ON) & (table[:, 3] == 0)] = NOTE_OFF
    channel, first, second = table[:, 1] & 0x0F, table[:, 2], table[:, 3]
    kept = ~_endless(kind, channel * 128 + first)
    duration = float(time[kept & (kind <= NOTE_ON)].max(initial=0.0))
    columns: Array = np.stack([kind, channel, first, second])[:, kept].astype(np.uint8)
    return Events(time[kept], columns[0], columns[1], columns[2], columns[3], track[kept], duration, tuple(names))


def transposed(events: Events, semitones: int) -> Events:
    """The same, every note but drums so many semitones higher. Notes that MIDI has no key for are left out."""
    tuned = (events.kind <= KEY_PRESSURE) & (events.channel != DRUM_CHANNEL)
    first = events.first + np.where(tuned, semitones, 0)  # wider than a byte
    kept = (first >= 0) & (first < 128)
    return replace(events.at(kept), first=first[kept].astype(np.uint8))


def _endless(kind: Array, key: Array) -> Array:
    """Which messages are note-ons after which no note-off of the same key comes."""
    last_off = np.full(2048, -1)
    off = np.flatnonzero(kind == NOTE_OFF)
    last_off[key[off]] = off  # of several the last stays
    endless: Array = (kind == NOTE_ON) & (np.arange(len(kind)) > last_off[key])
    return endless


def _read_track(track: bytes, messages: list[tuple[int, int, int, int]], tempi: list[tuple[int, int]]) -> str:
    """Append a track's channel messages (tick, status, two data bytes) and tempi (tick, microseconds a beat).

    Returns its name.
    """
    at = tick = status = 0
    name = ""
    try:
        while at < len(track):
            byte = track[at]
            at += 1
            delta = byte & 0x7F
            while byte & 0x80:
                byte = track[at]
                at += 1
                delta = delta << 7 | byte & 0x7F
            tick += delta
            if track[at] & 0x80:
                status = track[at]
                at += 1
            if status < 0x80:
                return name
            if status < 0xF0:
                two = status & 0xE0 != 0xC0  # program and pressure have one data byte
                messages.append((tick, status, track[at] & 0x7F, track[at + 1] & 0x7F if two else 0))
                at += 1 + two
                continue
            if status not in (0xF0, 0xF7, 0xFF):  # none that a file may hold: what follows has no meaning
                return name
            meta = track[at] if status == 0xFF else -1
            at += status == 0xFF
            byte = track[at]
            at += 1
            size = byte & 0x7F
            while byte & 0x80:
                byte = track[at]
                at += 1
                size = size << 7 | byte & 0x7F
            if meta == 0x51:
                beat = int.from_bytes(track[at : at + size], "big")
                if beat >= SHORTEST_BEAT:
                    tempi.append((tick, beat))
            elif meta == 0x03 and not name:
                name = track[at : at + size].decode("latin-1").strip()
            elif meta == 0x2F:
                return name
            at += size
    except IndexError:
        pass  # a track that ends in the middle of a message ends there
    return name


def _seconds(ticks: Array, tempi: list[tuple[int, int]], ticks_per_beat: int) -> Array:
    """Ticks to seconds through the tempo map: the last tempo at a tick counts, 120 BPM before the first."""
    steps = dict([(0, 500_000), *sorted(tempi, key=lambda step: step[0])])
    starts = np.array(list(steps), np.float64)
    lengths = np.array(list(steps.values()), np.float64) / 1e6 / ticks_per_beat
    begins = np.concatenate(([0.0], np.cumsum(np.diff(starts) * lengths[:-1])))
    where = np.searchsorted(starts, ticks, side="right") - 1
    times: Array = begins[where] + (ticks - starts[where]) * lengths[where]
    return times
