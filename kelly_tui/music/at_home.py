"""What half bars say for the key of the whole while nothing leads away from it.

A chord on the scale tells a chord, not a key: those of i VI III VII are the relative major's too, and any chord of a
loop is nearer to some other key. So while nothing foreign to the scale of the whole sounds, music is at home there,
unless it comes home elsewhere: two groups of four bars that begin and close on another note of the scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kelly_tui.model.labels import KEYS
from kelly_tui.music.key import Key
from kelly_tui.music.theory import SCALES

if TYPE_CHECKING:
    from kelly_tui.music.modal_stretches import Groups

Floats = NDArray[np.float64]

FOREIGN, AROUND = 0.08, 4
"""The share of what sounds, in a window and so many to either side, by which foreign pitch classes lead away."""


def at_home(sounding: Floats, edges: Floats, groups: Groups, key: Key) -> Floats:
    """(n,) 1 where nothing leads away from `key`, to 0 where much does or the music comes home to another tonic.

    `sounding`: (n, 12) how many quarter notes each pitch class sounds in each window; `edges`: (n,) where windows
    start, quarter notes.
    """
    tonic, scale = KEYS.index(key[0]), SCALES[key[1]]
    foreign = np.ones(12)
    foreign[[(tonic + step) % 12 for step in (*scale, 11 if 3 in scale else 0)]] = 0.0  # minor has its leading tone
    around = np.ones(2 * AROUND + 1)
    away, every = (np.convolve(sums, around)[AROUND:-AROUND] for sums in (sounding @ foreign, sounding @ np.ones(12)))
    stays: Floats = np.maximum(0.0, 1.0 - away / np.maximum(FOREIGN * every, 1e-9))
    group = groups.edges[1:-1].searchsorted(edges + 0.1, "right")
    stays[_home_elsewhere(groups, tonic)[group]] = 0.0
    return stays


def _home_elsewhere(groups: Groups, tonic: int) -> NDArray[np.bool_]:
    """(groups,) those that are with the next or the one before a stretch that begins and closes on another tonic, and
    on it either closes the first or begins the second.
    """
    begins, closes = groups.begins, groups.closes
    both = begins[:-1] & closes[1:] & (closes[:-1] | begins[1:])
    both[:, tonic] = False
    first = both.any(axis=1)
    elsewhere = np.zeros(len(begins), np.bool_)
    elsewhere[:-1] |= first
    elsewhere[1:] |= first
    return elsewhere
