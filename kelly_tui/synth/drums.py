"""Drum parts on the straight grid, by style and meter. A groove bends them afterwards."""

from __future__ import annotations

from typing import NamedTuple

from kelly_tui.synth.arranger import Note
from kelly_tui.synth.chance import Chance
from kelly_tui.synth.meter import Meter

KICK, RIM, SNARE, CLOSED, PEDAL, OPEN, CRASH, RIDE = 36, 37, 38, 42, 44, 46, 49, 51
LOW_TOM, MID_TOM, HIGH_TOM, SHAKER, TAMBOURINE = 45, 47, 50, 70, 54


class Hit(NamedTuple):
    """One stroke: beats from the start, General MIDI drum, loudness 0..1."""

    beat: float
    drum: int
    weight: float


def drum_part(style: str, chance: Chance, meter: Meter, bars: int) -> list[Hit]:
    """A pattern of two bars with its own kick, varied, a fill at each phrase's end, a crash where a phrase starts."""
    cymbals, backbeats = _COLOURS[style]
    cymbal, backbeat = chance.pick(cymbals), chance.pick(backbeats)
    kicks = [_kicks(style, chance, meter) for _ in range(2)]
    hits: list[Hit] = []
    for bar in range(bars):
        start = bar * meter.bar
        last = bar == bars - 1
        if last:
            hits += [Hit(start, KICK, 1.0), Hit(start, CRASH, 0.9)]
            break
        fill = bar % 4 == 3 or (bar == bars - 2 and chance.yes(0.6))
        fill_from = meter.pulses[-1] if fill else meter.bar
        for at, weight in _cymbals(style, meter):
            if at < fill_from:
                hits.append(Hit(start + at, cymbal, weight))
        hits += [Hit(start + at, KICK, 1.0 if at == 0 else 0.85) for at in kicks[bar % 2] if at < fill_from]
        hits += [Hit(start + at, backbeat, 0.95) for at in _backbeats(style, meter) if at < fill_from]
        if fill:
            hits += _fill(style, chance, meter, start + fill_from)
        if bar % 4 == 0 and style not in ("brush", "half"):
            hits.append(Hit(start, CRASH, 0.85))
    return hits


_COLOURS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "rock": ((CLOSED, RIDE, CLOSED), (SNARE,)),
    "four": ((OPEN, CLOSED, TAMBOURINE), (SNARE, 39)),
    "half": ((RIDE, CLOSED), (SNARE, RIM)),
    "brush": ((SHAKER, RIDE, PEDAL), (RIM,)),
    "march": ((CLOSED, PEDAL), (SNARE,)),
    "drive": ((RIDE, OPEN, CRASH), (SNARE,)),
}
"""Cymbals and backbeats to choose from. 39 is a hand clap."""


def _cymbals(style: str, meter: Meter) -> list[tuple[float, float]]:
    if style == "four":
        return [(at + meter.pulse / 2, 0.75) for at in meter.pulses if not meter.is_compound] or [
            (at + 1.0, 0.75) for at in meter.pulses
        ]
    if style in ("half", "march", "drive"):
        return [(at, 0.8) for at in meter.pulses]
    count = round(meter.bar / 0.5)
    return [(i * 0.5, 0.75 if i * 0.5 in meter.pulses else 0.5) for i in range(count)]


def _backbeats(style: str, meter: Meter) -> tuple[float, ...]:
    pulses = meter.pulses
    if style == "drive":
        return tuple(at + meter.pulse / 2 for at in pulses) if not meter.is_compound else pulses[1:]
    if style == "half":
        return (meter.half,)
    if len(pulses) == 3:
        return pulses[1:]
    return pulses[1::2]


def _kicks(style: str, chance: Chance, meter: Meter) -> list[float]:
    pulses = meter.pulses
    if style in ("four", "drive"):
        return list(pulses)
    kicks = {0.0}
    if style != "half" and len(pulses) >= 4:
        kicks.add(meter.half)
    taken = set(_backbeats(style, meter))
    for at in (i * 0.5 for i in range(1, round(meter.bar / 0.5))):
        if at not in taken and chance.yes(0.18 if style in ("rock", "half") else 0.08):
            kicks.add(at)
    return sorted(kicks)


def _fill(style: str, chance: Chance, meter: Meter, start: float) -> list[Hit]:
    if style == "brush":
        return [Hit(start, RIM, 0.7)]
    step = 0.25 if chance.yes(0.5) else 0.5
    toms = chance.pick(((SNARE, SNARE, SNARE), (HIGH_TOM, MID_TOM, LOW_TOM), (SNARE, HIGH_TOM, LOW_TOM)))
    count = round(meter.pulse / step)
    return [Hit(start + i * step, toms[i * 3 // count], 0.75 + 0.2 * i / count) for i in range(count)]


def drummed(hits: list[Hit], velocity: tuple[int, int]) -> list[Note]:
    """The hits as notes, inside a range of velocities."""
    low, high = velocity
    return [Note(hit.beat, 0.2, hit.drum, round(low + (high - low) * min(hit.weight, 1.0))) for hit in hits]
