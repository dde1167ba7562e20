"""Lenses: the same music with something left out, so that the rest is heard. Messages in, messages out.

Flat velocities let dynamics be missed, notes on the grid the groove, a part that is silent what it played. Nothing here
writes a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kelly_tui.render.events import (
    CONTROLLER,
    DRUM_CHANNEL,
    KEY_PRESSURE,
    NOTE_OFF,
    NOTE_ON,
    PRESSURE,
    PROGRAM,
    Array,
    Events,
    transposed,
)
from kelly_tui.text import safe_text

FAMILIES = (
    "piano", "mallets", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "lead", "pad", "effects", "ethnic", "percussion", "noises",
)  # fmt: skip
"""General MIDI's sixteen families of eight programs each."""

DRUMS = "drums"

LONGEST_NAME = 14
"""Characters of a track's name."""

_VOLUME, _BREATH, _EXPRESSION = 7, 2, 11

_EARLY = 0.15
"""Of a beat: a note that comes so little before the next beat is that beat's."""
_ONE_STROKE = 0.06
"""Of a beat: notes this near to each other are one stroke."""
_GRIDS = (2, 3, 4, 6, 8)
"""Parts of a beat that notes are put on, the coarsest first."""


class Part(NamedTuple):
    """What one hand, or one player, has: the notes of one channel in one track."""

    track: int
    channel: int
    name: str
    """Of its track, of the instrument's family, or ``drums``."""
    notes: int
    is_drums: bool


@dataclass(frozen=True)
class Lens:
    """What is heard otherwise than it is written. The one made without arguments changes nothing."""

    silent: tuple[int, ...] = ()
    """Numbers of `parts` that are not heard."""
    flat: bool = False
    """Every note is as loud as the next."""
    beats: tuple[float, ...] = ()
    """Seconds: notes lie on the even parts of these beats; empty leaves them where they are."""
    semitones: int = 0

    def stretched(self, ratio: float) -> Lens:
        """The same, of a version of the music that takes `ratio` seconds for each of this one's."""
        return replace(self, beats=tuple(beat * ratio for beat in self.beats))


def parts(events: Events) -> list[Part]:
    """Those that have notes, by track and channel."""
    on = events.kind == NOTE_ON
    key = _part_keys(events)
    counted = list(zip(*(column.tolist() for column in np.unique(key[on], return_counts=True)), strict=True))
    tracks = [part // 16 for part, _ in counted]
    found = []
    for (part, notes), track in zip(counted, tracks, strict=True):
        is_drums = part % 16 == DRUM_CHANNEL
        named = events.track_names[track] if track < len(events.track_names) and tracks.count(track) == 1 else ""
        family = DRUMS if is_drums else FAMILIES[_program(events, part) // 8]
        found.append(Part(track, part % 16, safe_text(named, LONGEST_NAME) or family, notes, is_drums))
    return found


def seen_through(events: Events, lens: Lens) -> Events:
    """What of `events`, and how, is heard."""
    if lens.silent:
        events = muted(events, lens.silent)
    if lens.flat:
        events = flattened(events)
    if len(lens.beats) > 1:
        events = quantised(events, lens.beats)
    return transposed(events, lens.semitones) if lens.semitones else events


def muted(events: Events, silent: Iterable[int]) -> Events:
    """Without the notes of those `parts`. What is said to their channels stays: others may play on them."""
    own = parts(events)
    keys = [own[number].track * 16 + own[number].channel for number in silent if number < len(own)]
    return events.at((events.kind > KEY_PRESSURE) | ~np.isin(_part_keys(events), keys))


def flattened(events: Events) -> Events:
    """Every note as loud as the mean, no swelling by expression, breath or pressure, each channel's first volume."""
    on = events.kind == NOTE_ON
    if not on.any():
        return events
    second = events.second.copy()
    second[on] = round(float(second[on].mean()))
    controls = events.kind == CONTROLLER
    volumes = np.flatnonzero(controls & (events.first == _VOLUME))
    _, firsts = np.unique(events.channel[volumes], return_index=True)
    swelling = (controls & np.isin(events.first, (_EXPRESSION, _BREATH))) | np.isin(
        events.kind, (PRESSURE, KEY_PRESSURE)
    )
    swelling[np.delete(volumes, firsts)] = True
    return replace(events, second=second).at(~swelling)


def quantised(events: Events, beats: Sequence[float]) -> Events:
    """Every stroke on an even part of its beat: long and short eighths become equal, what drags is in time.

    `beats`: rising, seconds, at least two. A beat of at most two strokes is halved; of more, it is divided into the
    number of parts, of 3, 4, 6 and 8, that its strokes lie nearest to without two of them meeting. Notes keep their
    length, but end where their key is struck again.
    """
    on = np.flatnonzero(events.kind == NOTE_ON)
    if not len(on):
        return events
    grid = _extended(np.asarray(beats, np.float64), events.time[on])
    place = np.interp(events.time[on], grid, np.arange(len(grid), dtype=np.float64))
    moved = np.interp(_on_grid(place), np.arange(len(grid), dtype=np.float64), grid)
    time = events.time.copy()
    time[on] = moved
    ends = _ends(events, on)
    ended = ends >= 0
    until = np.minimum((moved + time[ends] - events.time[on])[ended], _struck_again(events, on, moved)[ended])
    time[ends[ended]] = np.maximum(until, moved[ended])
    # At one time, notes end before they begin, and what else is said comes first, as it did.
    rank = np.select([events.kind == NOTE_ON, events.kind == NOTE_OFF], [2, 0], 1)
    order = np.lexsort((rank, time))
    return replace(events, time=time, duration=float(time[events.kind <= NOTE_ON].max())).at(order)


def _on_grid(place: Array) -> Array:
    """Places in beats, each on its beat's grid."""
    beat = np.floor(place + _EARLY)
    phase = place - beat
    out = place.copy()
    order = np.argsort(beat, kind="stable")
    for inside in np.split(order, np.flatnonzero(np.diff(beat[order])) + 1):
        out[inside] = beat[inside] + _snapped(phase[inside])
    return out


def _snapped(phase: Array) -> Array:
    """Phases within a beat, -0.15..0.85, on the grid that tells its strokes apart."""
    order = np.argsort(phase, kind="stable")
    stroke = np.concatenate(([0], np.cumsum(np.diff(phase[order]) > _ONE_STROKE)))
    strokes = np.array([phase[order][stroke == number].mean() for number in range(stroke[-1] + 1)])
    best, least = None, np.inf
    for parts_of_beat in _GRIDS:
        slots = np.clip(np.floor(strokes * parts_of_beat + 0.5), 0, parts_of_beat - 1)
        if len(np.unique(slots)) < len(strokes):
            continue
        if parts_of_beat == 2:  # swing is what is to be missed: two strokes are eighths, however uneven
            best = slots / 2
            break
        error = float(np.abs(slots / parts_of_beat - strokes).sum())
        if error < least * 0.8:  # a finer grid must be clearly nearer
            best, least = slots / parts_of_beat, error
    if best is None:  # a trill: as fine as it is
        return np.asarray(np.round(phase * 12) / 12)
    out = np.empty_like(phase)
    out[order] = best[stroke]
    return out


def _extended(beats: Array, onsets: Array) -> Array:
    """Beats that go on evenly to before the first and beyond the last onset."""
    first, last = beats[1] - beats[0], beats[-1] - beats[-2]
    before = max(0, int(np.ceil((beats[0] - onsets.min()) / first)) + 1)
    after = max(0, int(np.ceil((onsets.max() - beats[-1]) / last)) + 1)
    return np.concatenate(
        (beats[0] - first * np.arange(before, 0, -1), beats, beats[-1] + last * np.arange(1, after + 1))
    )


def _ends(events: Events, on: Array) -> Array:
    """For each note-on the index of the note-off that ends it, first come first served; -1 where there is none left."""
    off = np.flatnonzero(events.kind == NOTE_OFF)
    key = _keys(events)
    ends = np.full(len(on), -1)
    offs = off[np.argsort(key[off], kind="stable")]
    order = np.argsort(key[on], kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(key[on][order])) + 1):
        pitch = key[on[own[0]]]
        there = offs[np.searchsorted(key[offs], pitch) : np.searchsorted(key[offs], pitch, "right")]
        count = np.arange(len(own))
        nth = np.maximum.accumulate(np.searchsorted(there, on[own]) - count) + count
        ends[own] = np.append(there, np.full(len(own), -1))[nth]
    return ends


def _struck_again(events: Events, on: Array, moved: Array) -> Array:
    """When each note's key is struck next; infinity for the last."""
    key = _keys(events)[on]
    order = np.lexsort((moved, key))
    again = np.full(len(on), np.inf)
    same = key[order][1:] == key[order][:-1]
    again[order[:-1][same]] = moved[order][1:][same]
    return again


def _keys(events: Events) -> Array:
    """Channel and pitch as one number."""
    return events.channel.astype(np.int64) * 128 + events.first


def _part_keys(events: Events) -> Array:
    return events.track.astype(np.int64) * 16 + events.channel


def _program(events: Events, part: int) -> int:
    """The program with which a part's first note is played."""
    on = np.flatnonzero((events.kind == NOTE_ON) & (_part_keys(events) == part))
    before = (events.kind[: on[0]] == PROGRAM) & (events.channel[: on[0]] == part % 16)
    chosen = np.flatnonzero(before)
    return int(events.first[chosen[-1]]) if len(chosen) else 0
