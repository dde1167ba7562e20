"""Where a held chord is cut at a bar: its bass is another from there on, or it is another chord on its root.

The first look hears few changes in music that stays on a root or keeps most of its tones: C over E after C, or Csus4
between two bars of C, costs more than it gains. A bar alone shows it. Only bars, and what is left of them at a
stretch's ends if it is two beats or more, are asked: the steps of a walking or broken bass within one cut nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.chord_stretches import IS_TONE, WEIGHTS, content, odds, unexplained
from kelly_tui.music.runs import lengths_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CLEAR = 0.75
"""Share of a bar from which one tone is its bass."""
_LEAST = 4
"""Windows of what is left of a bar that can be told: two beats."""


def cut_at_bars(
    starts: Ints, states: Ints, bars: Flags, sounding: Floats, ornaments: Floats, lowest: Ints
) -> tuple[Ints, Ints]:
    """The first window and the state of each stretch, of which some are cut in two or more.

    A bar begins another stretch where one chord tone is its bass for three quarters of it and another one was last; or
    where what is named does not explain it, and another chord does, with nothing missing and nothing foreign.

    `starts`, `states`: (stretches,) of the first look; `bars`: (windows,) where one starts; the rest is as in
    `chords.Windows`.
    """
    begins = bars.copy()
    begins[starts] = True
    parts = begins.nonzero()[0]
    lengths = lengths_of(parts, len(bars))
    stretch = starts.searchsorted(parts, "right") - 1
    asked = (np.bincount(stretch) > 1)[stretch] & (lengths >= _LEAST)
    if not asked.any():
        return starts, states
    inside = asked.repeat(lengths)
    first = states[stretch[asked]]
    held = content(sounding[inside], ornaments[inside], lowest[inside], lengths[asked])
    chord = first.copy()
    again = unexplained(first, held).nonzero()[0]
    if len(again):
        part = held.take(again)
        best = odds(first[again], part, False, WEIGHTS).argmax(axis=1)
        chord[again] = np.where(unexplained(best, part), first[again], best)
    low = held.bass.argmax(axis=1)
    low[(held.bass.max(axis=1) < _CLEAR) | ~IS_TONE[chord, low]] = -1
    begins = np.concatenate(([True], stretch[1:] != stretch[:-1]))
    told = (begins | asked).nonzero()[0]  # what is too short goes on as the part before it
    named, bass = states[stretch], np.full(len(parts), -1)
    named[asked], bass[asked] = chord, low
    cuts, name, last = [], -1, -1
    for at, first_of, now, under in zip(*(column.tolist() for column in (told, begins[told], named[told], bass[told]))):
        if first_of or now != name or under >= 0 <= last != under:
            cuts.append(at)
            last = -1
        name, last = now, under if under >= 0 else last
    return parts[cuts], named[cuts]
