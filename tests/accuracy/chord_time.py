"""How much of the time a progression is right, by mir_eval."""

from __future__ import annotations

import mir_eval
import numpy as np

_SHORTHAND = {
    "": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "dim": "dim", "dim7": "dim7", "m7b5": "hdim7",
    "aug": "aug", "mmaj7": "minmaj7", "sus4": "sus4", "sus2": "sus2", "6": "maj6", "m6": "min6", "5": "5",
    "7sus4": "sus4(b7)",
}  # fmt: skip
"""Chord names as Harte writes them, for mir_eval."""


def harte(name: str) -> str:
    """``F#m7/A`` as ``F#:min7``; inversions are left out, since no metric used here asks for them."""
    if name == "N":
        return "N"
    body = name.split("/", maxsplit=1)[0]
    size = 2 if body[1:2] in ("#", "b") else 1
    return f"{body[:size]}:{_SHORTHAND.get(body[size:], 'maj')}"


def major_or_minor(found: list[tuple[float, float, str]], wanted: list[tuple[float, float, str]]) -> float:
    """The share of the time of major, minor and no chords of `wanted`, in Harte's names, that `found`, in ours, has."""
    wanted, found = ([span for span in spans if span[1] > span[0]] for spans in (wanted, found))
    times, names = np.array([span[:2] for span in wanted]), [span[2] for span in wanted]
    our_times, our_names = mir_eval.util.adjust_intervals(
        np.array([span[:2] for span in found]), [harte(span[2]) for span in found], times.min(), times.max(), "N", "N"
    )
    merged, theirs, ours = mir_eval.util.merge_labeled_intervals(times, names, our_times, our_names)
    right = mir_eval.chord.majmin(theirs, ours)
    return float(mir_eval.chord.weighted_accuracy(right, mir_eval.util.intervals_to_durations(merged)))
