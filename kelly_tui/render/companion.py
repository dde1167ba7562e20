"""What is played beside the music so that a wrong label sounds wrong: a drone on the key, the chords, a click.

It is music of its own, as messages, on a synthesizer of its own: it goes with recorded sound as with MIDI.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kelly_tui.errors import LabelError
from kelly_tui.music.click import Clicks
from kelly_tui.music.theory import chord_pitches, pitch_class, scale
from kelly_tui.render.events import DRUM_CHANNEL, NOTE_OFF, NOTE_ON, PROGRAM, Events, transposed

Message = tuple[float, int, int, int, int]
"""Seconds, kind, channel, first and second data byte."""

ORGAN, STRINGS = 19, 48
"""Programs that go on sounding: of the drone, and of the chords."""
_DRONE, _CHORDS = 0, 1
"""Their channels."""
DRONE_LOUD, CHORD_LOUD = 70, 64
WOOD_HIGH, WOOD_LOW = 76, 77
"""General MIDI's wood blocks: an accent, and another click."""
CLICK_SECONDS = 0.05

_STRIKE_AGAIN = 4.0
"""Seconds for which the drone is held before it is struck anew: a seek begins with what is held."""
_LOWEST, _MIDDLE = 36, 55
"""The lowest bass, and the lowest of the other notes of a chord."""


@dataclass(frozen=True)
class Companion:
    """What is heard beside the music. The one made without arguments is silent."""

    drone: str = ""
    """The tonic: ``A``."""
    mode: str = ""
    """Of the drone's fifth."""
    chords: tuple[tuple[float, str], ...] = ()
    """Seconds at which each begins, and its name; ``N`` is silence."""
    clicks: Clicks = ()
    semitones: int = 0
    """How much higher the music is heard than it is labelled: the drone and the chords go with it."""

    def stretched(self, ratio: float) -> Companion:
        """The same, beside a version of the music that takes `ratio` seconds for each of this one's."""
        chords = tuple((start * ratio, name) for start, name in self.chords)
        return replace(self, chords=chords, clicks=tuple((start * ratio, accent) for start, accent in self.clicks))


def companion_events(companion: Companion, duration: float) -> Events:
    """The messages of a companion to music of `duration` seconds. Names that can't be read are silent."""
    messages = [*_drone(companion, duration), *_chords(companion.chords, duration), *_clicks(companion.clicks)]
    table = np.array(messages, np.float64).reshape(-1, 5)
    kind = table[:, 1].astype(np.uint8)
    order = np.lexsort((kind == NOTE_ON, table[:, 0]))  # what ends at a moment ends before what begins
    columns = table[order, 1:].astype(np.uint8)
    events = Events(
        table[order, 0],
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        columns[:, 3],
        np.zeros(len(table), np.uint16),
        duration,
    )
    return transposed(events, companion.semitones) if companion.semitones else events


def _drone(companion: Companion, duration: float) -> list[Message]:
    """Tonic, fifth and tonic again, low, until the end."""
    if not companion.drone:
        return []
    try:
        tonic = pitch_class(companion.drone)
        degrees = scale(companion.drone, companion.mode or "major")
    except (LabelError, KeyError):
        return []
    low = _LOWEST + tonic
    pitches = (low, low + (degrees[4] - tonic) % 12, low + 12)
    messages: list[Message] = [(0.0, PROGRAM, _DRONE, ORGAN, 0)]
    for start in np.arange(0.0, duration, _STRIKE_AGAIN).tolist():
        end = min(start + _STRIKE_AGAIN, duration)
        messages += _notes(start, end, _DRONE, pitches, DRONE_LOUD)
    return messages


def _chords(chords: tuple[tuple[float, str], ...], duration: float) -> list[Message]:
    """Each from where it begins to where the next does: its bass, and its notes around middle C."""
    messages: list[Message] = [(0.0, PROGRAM, _CHORDS, STRINGS, 0)] if chords else []
    ends = [*(start for start, _ in chords[1:]), duration]
    for (start, name), end in zip(chords, ends, strict=False):  # without chords there is an end too many
        if start < end:
            messages += _notes(start, end, _CHORDS, chord_pitches_heard(name), CHORD_LOUD)
    return messages


def chord_pitches_heard(name: str) -> tuple[int, ...]:
    """The MIDI pitches of a chord: its bass, and its notes around middle C. None of ``N``, or of what is no chord."""
    try:
        chord = chord_pitches(name)
    except LabelError:
        return ()
    if chord is None:
        return ()
    return (_LOWEST + chord.bass, *(_MIDDLE + (pitch - _MIDDLE) % 12 for pitch in sorted(chord.pitches)))


def _clicks(clicks: Clicks) -> list[Message]:
    messages: list[Message] = []
    for start, is_accent in clicks:
        wood, loud = (WOOD_HIGH, 120) if is_accent else (WOOD_LOW, 90)
        messages += _notes(start, start + CLICK_SECONDS, DRUM_CHANNEL, (wood,), loud)
    return messages


def _notes(start: float, end: float, channel: int, pitches: tuple[int, ...], velocity: int) -> list[Message]:
    on: list[Message] = [(start, NOTE_ON, channel, pitch, velocity) for pitch in pitches]
    return on + [(end, NOTE_OFF, channel, pitch, 0) for pitch in pitches]
