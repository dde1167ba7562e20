"""How loud a piece is, and how much softer or louder versions of it must be played to sound equally loud.

Integrated loudness by ITU-R BS.1770-4 (two gates, K weighting), in LUFS, measured by pyloudnorm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kelly_tui.playback.source import Samples

SHORTEST = 0.4
"""Seconds of one of the standard's blocks: shorter sounds are measured with silence after them."""


class Loudness(NamedTuple):
    """Of a whole piece."""

    lufs: float
    """-inf for silence."""
    peak: float
    """The largest sample, 1 being full scale."""


UNKNOWN = Loudness(-math.inf, 0.0)
"""Of what can't be read."""


def measured(samples: Samples, rate: int) -> Loudness:
    """The loudness of `samples`, shape (n, 2)."""
    import warnings

    import pyloudnorm  # with scipy: only in the child that measures

    missing = math.ceil(SHORTEST * rate) - len(samples)
    if missing > 0:
        samples = np.pad(samples, ((0, missing), (0, 0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # silence has no logarithm
        lufs = float(pyloudnorm.Meter(rate).integrated_loudness(samples))
    return Loudness(lufs if math.isfinite(lufs) else -math.inf, float(np.abs(samples).max(initial=0.0)))


def matching_gain(found: Mapping[Path, Loudness], first: Path, versions: Sequence[Path], wanted: Path) -> float:
    """By what `wanted` must be multiplied for all `versions` to be as loud as `first` is by itself.

    Where one of them can't be made so loud without clipping, all are as loud as that one can be. 1 for what is silent
    or not measured yet.
    """
    known = [found[path] for path in versions if path in found and math.isfinite(found[path].lufs)]
    mine = found.get(wanted, UNKNOWN)
    if first not in found or not math.isfinite(mine.lufs) or not math.isfinite(found[first].lufs):
        return 1.0
    loudest = min(one.lufs - 20 * math.log10(max(one.peak, 1e-9)) for one in known)
    return float(10 ** ((min(found[first].lufs, loudest) - mine.lufs) / 20))
