"""Meters: bars, pulses and how strongly each is felt. A beat is a quarter note, as in a MIDI file."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_GRID = 48
"""Places in a beat at which notes are looked for."""


class _Signature(NamedTuple):
    numerator: int
    denominator: int


class Meter(_Signature):
    """A time signature. Compound ones (6/8, 12/8) are felt in dotted quarters."""

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @cached_property
    def bar(self) -> float:
        """Length of a bar in beats."""
        return self.numerator * 4 / self.denominator

    @cached_property
    def is_compound(self) -> bool:
        return self.denominator == 8 and self.numerator % 3 == 0

    @cached_property
    def pulse(self) -> float:
        """What a foot taps, in beats."""
        return 1.5 if self.is_compound else 4 / self.denominator

    @property
    def tempo_beat(self) -> float:
        """What a tempo counts, in beats: one, or in compound meters the pulse."""
        return self.pulse if self.is_compound else 1.0

    @cached_property
    def pulses(self) -> tuple[float, ...]:
        """Where it taps, in beats from the bar line."""
        return tuple(i * self.pulse for i in range(round(self.bar / self.pulse)))

    @cached_property
    def half(self) -> float:
        """Where a bar is divided in two, the larger part first."""
        return self.pulses[(len(self.pulses) + 1) // 2]

    def strength(self, beat: float) -> float:
        """How strongly `beat` (from the start of the piece) is felt: 1 on the bar line, 0.25 between pulses."""
        return self._strengths.get(round(beat % self.bar, 6), 0.25)

    def strengths(self, beats: NDArray[np.float64]) -> NDArray[np.float64]:
        """`strength` of each."""
        places = beats % self.bar * _GRID
        nearest = np.rint(places)
        felt: NDArray[np.float64] = self._strength_of_places[nearest.astype(np.int64)]
        return np.where(np.abs(places - nearest) < 1e-4, felt, 0.25)

    @cached_property
    def _strength_of_places(self) -> NDArray[np.float64]:
        return np.array([self.strength(place / _GRID) for place in range(round(self.bar * _GRID) + 1)])

    @cached_property
    def _strengths(self) -> dict[float, float]:
        return dict.fromkeys(self.pulses, 0.5) | {self.half: 0.75, 0.0: 1.0, self.bar: 1.0}


@lru_cache(maxsize=32)
def meter_named(name: str) -> Meter:
    """``"6/8"`` as a meter."""
    numerator, denominator = name.split("/")
    return Meter(int(numerator), int(denominator))
