"""How notes are held and struck: articulation, and loudness shaped by meter and phrase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kelly_tui.synth.arranger import Note, NoteTable
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
) -> NoteTable:
    """The notes as a player gives them: held by the articulation, their velocities inside `velocity`.

    Loudness has the meter's accents, a rise and fall over four bars, and a human hand. `prominence` (0..1) is where in
    the range a part lies: a melody above its accompaniment.
    """
    low, high = velocity
    width = high - low
    gate, accent = TOUCHES[articulation]
    phrase = 4 * meter.bar
    table = np.array(notes)
    table[:, 1] *= np.minimum(gate + chance.hand(len(table), 0.04), 1.0)
    onsets, which = np.unique(table[:, 0], return_inverse=True)  # what is struck together is struck alike
    strength = meter.strengths(onsets)
    place = onsets % phrase / phrase
    arch = 4 * place * (1 - place)
    weight = low + width * (prominence + 0.4 * (strength - 0.5) + 0.35 * (arch - 0.6))
    weight += np.where(strength >= 0.5, accent / 2, -accent / 2) + chance.hand(len(onsets), 0.1 * width)
    table[:, 3] = np.clip(np.rint(weight), low, high)[which]
    return table
