"""Chords in the keys that hold when they sound, and both in words for the screen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from kelly_tui.music.modulation import Region
from kelly_tui.music.theory import numeral_of


def numerals(chords: Sequence[tuple[float, str]], keys: Sequence[Region]) -> list[str]:
    """The roman numeral of each (time, chord) in the key that holds then; empty where there is no key."""
    if not keys:
        return []
    changes = [key.start for key in keys[1:]]
    key_of = [(key.tonic, key.mode) for key in keys]
    return [numeral_of(chord, *key_of[bisect_right(changes, time + 1e-6)]) for time, chord in chords]


_TOLD = 8
"""So many keys, or numerals, are told in words."""


def keys_in_words(keys: Sequence[Region]) -> str:
    """``; C major, from 0:24 G major, from 0:48 C major``; empty where nothing modulates."""
    if len(keys) < 2:
        return ""
    told = [f"{one.tonic} {one.mode}" for one in keys[:_TOLD]]
    times = [f"from {int(one.start) // 60}:{int(one.start) % 60:02} " for one in keys[1:_TOLD]]
    return "; " + ", ".join(map("".join, zip(["", *times], told))) + _more(len(keys), _TOLD)


def numerals_in_words(romans: Sequence[str], times: Sequence[float], keys: Sequence[Region]) -> str:
    """``; from C major I IV V7 I``: those at `times`, seconds, in the key heard first; empty where there is no key.

    Where another key begins they are no more told: a numeral alone does not say in which key it counts.
    """
    if not romans or not keys:
        return ""
    first = bisect_right(times, keys[1].start - 1e-6) if len(keys) > 1 else len(romans)
    told = romans[: min(first, _TOLD)]
    if not told:
        return ""
    return f"; from {keys[0].tonic} {keys[0].mode} {' '.join(told)}{_more(len(romans), len(told))}"


def _more(count: int, told: int) -> str:
    return f" … {count} in all" if count > told else ""
