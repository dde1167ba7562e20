"""The tempi that notes and audio are weighed by, and which of them is the beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BPM: Floats = 30.0 * 2 ** (np.arange(42, 332) / 100)
"""The tempi that are weighed: 40 to 299, 0.7 % apart. Slower ones nobody taps (Moelants, 2002).

They lie about 60, 120 and 240, at which machines play: of an exact tempo the pulse of sixteenths is lost beside it."""
_SAME = 4
"""Steps of `BPM`, 3 %, within which a tempo is the same."""


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
    return float(2 ** np.average(np.log2(BPM[peak]), weights=chances[peak])), float(within.max())
