"""The tempi that notes and audio are weighed by, and which of them is the beat."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BPM: Floats = 30.0 * 2 ** (np.arange(42, 332) / 100)
"""The tempi that are weighed: 40 to 299, 0.7 % apart. Slower ones nobody taps (Moelants, 2002).

They lie about 60, 120 and 240, at which machines play: of an exact tempo the pulse of sixteenths is lost beside it."""
PULSE_BPM: Floats = BPM[0] / 4 * 2 ** (np.arange(len(BPM) + 501) / 100)
"""Where pulses are sought: from a quarter of the slowest tempo to more than eight times the fastest, in the same steps.
"""
_SAME = 4
"""Steps of `BPM`, 3 %, within which a tempo is the same."""


def at_multiples(pulse: Floats, multiples: Sequence[float]) -> list[Floats]:
    """(tempi,) the pulse at each of the multiples of `BPM`, of (frequencies,) those at `PULSE_BPM`.

    Where only the beat's relatives are asked, a neighbour may answer: performers are not exact.
    """
    ring = np.concatenate((pulse[-1:], pulse, pulse[:1]))
    wide = np.maximum(pulse, np.maximum(ring[:-2], ring[2:]))
    return [at_multiple(pulse if multiple in (1, 2) else wide, multiple) for multiple in multiples]


def at_multiple(pulse: Floats, multiple: float) -> Floats:
    """(tempi,) of (frequencies,) a pulse at `PULSE_BPM` those nearest to a multiple of `BPM`, 1/4 to 8."""
    first = round(100 * math.log2(4 * multiple))
    return pulse[first : first + len(BPM)]


def likeliest_tempo(odds: Floats) -> tuple[float, float]:
    """By the log odds of `BPM`: the tempo about which most of the probability lies, and how much within 3 % does.

    A performer is not exact: the tempo that is highest alone may stand beside one that is likelier in its breadth.
    """
    chances = np.exp(odds - odds.max())
    chances /= chances.sum()
    within = np.convolve(chances, np.ones(2 * _SAME + 1), "same")
    first = max(0, int(within.argmax()) - _SAME)
    best = first + int(chances[first : first + 2 * _SAME + 1].argmax())
    peak = slice(max(0, best - 2), best + 3)
    octaves = float((np.log2(BPM[peak]) * chances[peak]).sum() / chances[peak].sum())
    return 2**octaves, float(within.max())
