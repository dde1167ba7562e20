"""How notes are held and struck: articulation, and loudness shaped by meter and phrase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from kelly_tui.synth.arranger import Note
from kelly_tui.synth.chance import Chance
from kelly_tui.synth.meter import Meter


class Touch(NamedTuple):
    """An articulation: the share of its written length that a note sounds, and how much louder a pulse is struck."""

    gate: float
    accent: int


TOUCHES = {
    "legato": Touch(1.0, 0),
    "tenuto": Touch(0.93, 3),
    "normal": Touch(0.82, 3),
    "accent": Touch(0.82, 16),
    "marcato": Touch(0.65, 12),
    "staccato": Touch(0.42, 2),
}


def touched(notes: Sequence[Note], articulation: str) -> list[Note]:
    """The notes held as long as the articulation holds them."""
    gate = TOUCHES[articulation].gate
    return [Note(onset, duration * gate, pitch) for onset, duration, pitch, _ in notes]


def played(
    notes: Sequence[Note],
    velocity: tuple[int, int],
    prominence: float,
    articulation: str,
    meter: Meter,
    chance: Chance,
) -> list[Note]:
    """The notes as a player gives them: held by the articulation, their velocities inside `velocity`.

    Loudness has the meter's accents, a rise and fall over four bars, and a human hand. `prominence` (0..1) is where in
    the range a part lies: a melody above its accompaniment.
    """
    low, high = velocity
    width = high - low
    gate, accent = TOUCHES[articulation]
    phrase = 4 * meter.bar
    loudness: dict[float, int] = {}
    result = []
    for onset, duration, pitch, _ in notes:
        level = loudness.get(onset)
        if level is None:
            strength = meter.strength(onset)
            arch = math.sin(math.pi * ((onset % phrase) / phrase))
            weight = low + width * (prominence + 0.3 * (strength - 0.5) + 0.2 * (arch - 0.6)) + chance.near(1.5)
            weight += accent / 2 if strength >= 0.5 else -accent / 2
            level = loudness[onset] = max(low, min(high, round(weight)))
        result.append(Note(onset, duration * gate, pitch, level))
    return result
