"""The key of a blues, by its chords: what makes it one is foreign to every scale.

A dominant seventh leads to another key by all that profiles of keys know: C7, F7 and G7 are F major's V7, V7 of IV and
V7 of V. Where nearly all chords are sevenths on three such roots, they are the first, fourth and fifth degree of a
blues.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kelly_tui.model.labels import KEYS
from kelly_tui.music.detection import Detection, unknown
from kelly_tui.music.theory import QUALITIES, chord_pitches

_SURE = 0.75
"""Made pieces only were there to choose it by: no blues is in the annotated sets, and nothing of these is heard as one.
"""
_NEARLY_ALL, _MOST, _EACH = 0.85, 0.4, 0.05
"""Shares of the time that chords sound: of major chords on the three degrees, of the first degree, and of the least of
the sevenths on each."""
_SEVENTH = frozenset(QUALITIES["7"])
_MAJOR = frozenset(QUALITIES[""])


def blues_key(chords: Sequence[tuple[float, str]], end: float) -> Detection[tuple[str, str]]:
    """The key of a blues whose chords are these, each with the second where it starts; mixolydian, since I is I7.

    ``("C", "mixolydian")`` where C7, F7 and G7 all sound, with C the longest and hardly anything else; else unknown.
    """
    kinds = map(_root_and_kind, {name for _, name in chords})
    if len({root for root, kind in kinds if kind == "seventh"}) < 3:  # as in most music
        return unknown("no blues")
    lasting: dict[str, float] = {}
    for (start, name), stop in zip(chords, [*(at for at, _ in chords[1:]), end]):
        lasting[name] = lasting.get(name, 0.0) + max(0.0, stop - start)
    sevenths, majors, sounding = np.zeros(12), np.zeros(12), 0.0
    for name, seconds in lasting.items():
        root, kind = _root_and_kind(name)
        if root < 0:
            continue
        sounding += seconds
        sevenths[root] += seconds * (kind == "seventh")
        majors[root] += seconds * (kind != "other")
    tonic = int(majors.argmax())
    degrees = (tonic + np.array([0, 5, 7])) % 12
    if (
        sounding == 0
        or majors[tonic] < _MOST * sounding
        or majors[degrees].sum() < _NEARLY_ALL * sounding
        or sevenths[degrees].min() < _EACH * sounding
    ):
        return unknown("no blues")
    first, fourth, fifth = (f"{KEYS[degree]}7" for degree in degrees)
    return Detection((KEYS[tonic], "mixolydian"), _SURE, f"a blues: {first}, {fourth} and {fifth} are its I, IV and V")


@lru_cache(maxsize=4096)
def _root_and_kind(name: str) -> tuple[int, str]:
    """The root, -1 without a chord, and whether it is a dominant ``seventh``, a ``major`` triad or ``other``."""
    chord = chord_pitches(name)
    if chord is None:
        return -1, "other"
    kinds = {_SEVENTH: "seventh", _MAJOR: "major"}
    return chord.root, kinds.get(frozenset((pitch - chord.root) % 12 for pitch in chord.pitches), "other")
