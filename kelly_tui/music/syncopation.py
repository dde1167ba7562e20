"""Syncopation: how often a part holds a note over a stronger place of the bar than the one it is struck on."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.notes import Meter, Score
from kelly_tui.music.tempo_map import held_meters

Ints = NDArray[np.int64]


def syncopation(score: Score) -> float:
    """0..1, after Longuet-Higgins and Lee (1984), "The rhythmic interpretation of monophonic music", of each part.

    A part is what one track plays with one program, its strokes at their nearest sixteenths (32nds in /32); a drum kit
    is one. Places of the bar have levels by its meter (see `levels_of`), counted from where the meter begins. A stroke
    that is held, or followed by a rest, over a stronger place than its own counts by how many levels that is stronger,
    as a share of the levels that the meter has. The mean is over all strokes that another of their part follows: each
    part weighs by its strokes. Where the file names no meter, or bars of one beat, bars are of 4/4.
    """
    notes = score.notes
    order = notes["track"].argsort(kind="stable")
    track, onset = notes["track"][order], notes["onset_beat"][order]
    same = track[1:] == track[:-1]
    meters = held_meters(score.meters)
    if not any(meter.numerator > 1 for meter in meters):
        meters = [Meter(0.0, 0.0, 4, 4)]
    begins = np.array([meter.beat for meter in meters])
    several = len(meters) > 1
    meter_of = np.maximum(begins.searchsorted(onset[:-1] + _HALF_A_SIXTEENTH, "right") - 1, 0) if several else 0
    here, following = onset[:-1] - begins[meter_of], onset[1:] - begins[meter_of]
    kinds = sorted({(meter.numerator, meter.denominator) for meter in meters})
    kind_of = np.array([kinds.index((meter.numerator, meter.denominator)) for meter in meters])[meter_of]
    stronger, strokes = 0.0, 0
    for kind, (numerator, denominator) in enumerate(kinds):
        cells = max(16, denominator) / 4
        at, then = (np.rint(beats * cells).astype(np.int64) for beats in (here, following))
        lasting = then - at
        pairs = ((kind_of == kind) & same & (lasting > 0)).nonzero()[0]
        levels, passed = _passed(numerator, denominator)
        bar, longest = passed.shape
        place = at[pairs] % bar * longest + np.minimum(lasting[pairs], longest - 1)
        stronger += float(passed.take(place).sum()) / max(1, levels - 1)
        strokes += len(pairs)
    return stronger / strokes if strokes else 0.0


_HALF_A_SIXTEENTH = 1 / 8


@lru_cache(maxsize=16)  # of the longest bar a table has millions of places
def _passed(numerator: int, denominator: int) -> tuple[int, NDArray[np.int8]]:
    """The levels that a meter has, and (cells of a bar, cells) by how many a stroke at each place, held for so many
    cells, passes stronger ones than its own. Who is held for more than a bar passes them all."""
    units = levels_of(numerator, denominator)
    at = np.arange(units[0])[:, None]
    last = at + np.arange(-1, units[0] + 1)
    stronger = np.zeros(last.shape, np.int8)
    for unit in units.tolist():
        stronger += last // unit > at // unit
        stronger -= at % unit == 0
    return len(units), np.maximum(stronger, 0)


@cache
def levels_of(numerator: int, denominator: int) -> Ints:
    """(levels,) the length of a bar, of its parts, of theirs, and so on, in sixteenths (in 32nds in /32).

    Halves where there are such, then other primes, then threes: 4/4 is of halves, 3/4 of three quarters, 6/8 of two
    beats of three eighths, 12/8 of twice two. The beats of 5/4 and 7/8 are on one level, for files don't say how they
    are grouped. From the meter's own note on, all is of halves.
    """
    unit = max(16, denominator) // denominator
    parts = sorted(_primes(numerator), key=lambda prime: (prime == 3, prime)) + [2] * (unit.bit_length() - 1)
    return numerator * unit // np.cumprod([1, *parts])


def _primes(number: int) -> list[int]:
    """Its prime factors: 12 is 2, 2, 3."""
    for prime in range(2, number + 1):
        if number % prime == 0:
            return [prime, *_primes(number // prime)]
    return []
