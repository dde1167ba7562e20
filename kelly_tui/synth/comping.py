"""How chords are played: comping patterns and bass patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kelly_tui.synth.arranger import Note
from kelly_tui.synth.chords import Segment
from kelly_tui.synth.meter import Meter
from kelly_tui.synth.voicing import BASS_HIGHEST, Voicing

Struck = tuple[float, float, tuple[int, ...]]
"""Onset, duration, and pitches struck together."""


def _sustained(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    return [(segment.onset, segment.length, upper)]


def _pulsed(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    return [(at, length, upper) for at, length in _steps(segment, meter.pulse)]


def _in_eighths(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    return [(at, length, upper) for at, length in _steps(segment, 0.5)]


def _after_beats(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    """The chord once, then between the bass notes: oom-pah, and oom-pah-pah where the meter has threes."""
    struck: list[Struck] = [(segment.onset, meter.pulse if meter.numerator == 3 else 0.5, upper)]
    for at, length in _steps(segment, 0.5 if meter.is_compound else meter.pulse):
        if meter.is_compound:
            if round((at - segment.onset) % 1.5, 6) != 0:
                struck.append((at, length, upper))
        elif meter.numerator == 3:
            if at > segment.onset:
                struck.append((at, length, upper))
        elif length > 0.5:
            struck.append((at + 0.5, 0.5, upper))
    return struck


def _syncopated(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    """Groups of three eighths against the beat, as in a tresillo."""
    return [(at, length, upper) for at, length in _steps(segment, 1.0 if meter.is_compound else 1.5)]


def _arpeggio(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    """The voices one after another in eighths, up and down; each rings until it is struck again."""
    order = (0, 1, 2) if meter.is_compound else (0, 1, 2, 1)
    onsets = [at for at, _ in _steps(segment, 0.5)]
    if len(onsets) < len(upper):
        return _sustained(segment, upper, meter)
    struck: list[Struck] = []
    for i, at in enumerate(onsets):
        voice = order[i % len(order)]
        again = [onsets[j] for j in range(i + 1, len(onsets)) if order[j % len(order)] == voice]
        struck.append((at, (again[0] if again else segment.end) - at, (upper[voice],)))
    return struck


def _broken(segment: Segment, upper: tuple[int, ...], meter: Meter) -> list[Struck]:
    """The lowest voice on the pulse and the others together after it, the lowest held."""
    struck: list[Struck] = [(segment.onset, segment.length, upper)]
    for at, length in _steps(segment, meter.pulse)[1:]:
        struck.append((at, length, upper[1:]))
    return struck


COMPING: dict[str, Callable[[Segment, tuple[int, ...], Meter], list[Struck]]] = {
    "sustained": _sustained,
    "pulsed": _pulsed,
    "eighths": _in_eighths,
    "after-beats": _after_beats,
    "syncopated": _syncopated,
    "arpeggio": _arpeggio,
    "broken": _broken,
}

_DEEPEST = 28
"""E1, a bass guitar's lowest."""

_HELD = ("sustained", "arpeggio", "broken")
_STRUCK = ("pulsed", "syncopated", "after-beats", "eighths")


def patterns_for(articulation: str) -> tuple[str, ...]:
    """The comping patterns that let an articulation be heard: a staccato chord can't last a bar."""
    return (*_HELD, "pulsed") if articulation in ("legato", "tenuto", "normal") else _STRUCK


def basses_for(comping: str) -> tuple[str, ...]:
    """The bass patterns that go with a comping pattern, the plainest first."""
    return ("held", "fifths", "pulsed") if comping in _HELD else ("pulsed", "fifths", "walking")


def comped(figure: Sequence[str], segments: Sequence[Segment], voicings: Sequence[Voicing], meter: Meter) -> list[Note]:
    """The upper voices in a figure, whose patterns take turns chord by chord; the last chord is held."""
    notes: list[Note] = []
    for i, (segment, voicing) in enumerate(zip(segments, voicings)):
        play = _sustained if segment is segments[-1] else COMPING[figure[i % len(figure)]]
        struck = play(segment, voicing.upper, meter)
        notes += [Note(onset, length, pitch) for onset, length, pitches in struck for pitch in pitches]
    return notes


def bass_part(pattern: str, segments: Sequence[Segment], voicings: Sequence[Voicing], meter: Meter) -> list[Note]:
    """The bass in a pattern: held, pulsed, eighths, fifths, octaves or walking.

    The chord's lowest note is always struck with the chord; the last one is held.
    """
    notes: list[Note] = []
    for i, (segment, voicing) in enumerate(zip(segments, voicings)):
        root = voicing.bass
        after = voicings[i + 1].bass if i + 1 < len(voicings) else root
        if segment is segments[-1] or pattern == "held":
            notes.append(Note(segment.onset, segment.length, root))
            continue
        step = 0.5 if pattern in ("eighths", "octaves") else meter.pulse
        places = _steps(segment, step)
        for j, (at, length) in enumerate(places):
            notes.append(Note(at, length, _bass_pitch(pattern, j, len(places), segment, voicing, after)))
    return notes


def _bass_pitch(pattern: str, place: int, count: int, segment: Segment, voicing: Voicing, after: int) -> int:
    root = voicing.bass
    if place == 0 or pattern in ("pulsed", "eighths"):
        return root
    if pattern == "octaves":
        if place % 2 == 0:
            return root
        if root + 12 < voicing.upper[0]:
            return root + 12
        return root - 12 if root - 12 >= _DEEPEST else root
    others = [(root + steps) for steps in range(1, 12) if (root + steps) % 12 in segment.chord.tones]
    if pattern == "fifths":
        # The chord tone nearest a fifth up, or below it where that is too high for a bass.
        other = min(others, key=lambda pitch: abs(pitch - root - 7))
        return (other if other <= BASS_HIGHEST else other - 12) if place % 2 else root
    if place == count - 1 and count > 2:
        # Walking: from a tone beside where it is going; the leading tone is left to the upper voices.
        return after + 2 if after < root or (after - 1) % 12 in segment.chord.tones else after - 1
    return others[(place - 1) % len(others)]


def power_chords(segments: Sequence[Segment], voicings: Sequence[Voicing], step: float) -> list[Note]:
    """Root and fifth every `step` beats under the chord, an octave over the bass; the last one is held."""
    notes: list[Note] = []
    for segment, voicing in zip(segments, voicings):
        root = voicing.bass + 12 + (segment.chord.root - voicing.bass) % 12
        fifth = root + next(steps for steps in (7, 6, 8) if segment.chord.has(steps))
        places = [(segment.onset, segment.length)] if segment is segments[-1] else _steps(segment, step)
        notes += [Note(at, length, pitch) for at, length in places for pitch in (root, fifth)]
    return notes


def _steps(segment: Segment, step: float) -> list[tuple[float, float]]:
    """Onsets every `step` beats through the segment, each held to the next."""
    count = max(1, round(segment.length / step + 0.49))
    onsets = [segment.onset + i * step for i in range(count) if i * step < segment.length - 1e-9]
    ends = [*onsets[1:], segment.end]
    return [(onset, end - onset) for onset, end in zip(onsets, ends)]
