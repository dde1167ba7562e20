"""Chords laid out for an ensemble: a bass line, and upper voices that move as little as they can.

The path through all voicings is found by dynamic programming, so that a chord is voiced for where the music goes, not
only for where it comes from. What costs is in `_movement_cost`: distance, parallel fifths and octaves, leading tones
that don't rise and sevenths that don't fall (the rules of any textbook of four-part writing).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, combinations, permutations
from typing import NamedTuple

import numpy as np

from kelly_tui.synth.chance import Chance
from kelly_tui.synth.chords import Chord, Segment

Layouts = tuple[tuple[int, ...], ...]

LOWEST, HIGHEST = 48, 71
"""C3 to B4: between bass and melody."""
BASS_LOWEST, BASS_HIGHEST = 31, 47

_OUTER_PARALLEL = 200.0
_INNER_PARALLEL = 8.0
_UNRESOLVED = 12.0


class Voicing(NamedTuple):
    """The pitches of one chord, upwards; the bass apart."""

    bass: int
    upper: tuple[int, ...]


def voiced(segments: Sequence[Segment], chance: Chance) -> list[Voicing]:
    """Bass and upper voices for each segment. `chance` sets the register they start from."""
    basses = bass_line([segment.chord for segment in segments], chance)
    centre = chance.between(56.0, 61.0)
    candidates = [_candidates(segment.chord.uppers) for segment in segments]
    costs = [_distance_from(candidates[0], centre)]
    came_from: list[np.ndarray] = []
    for i in range(1, len(segments)):
        move = _movement_cost(segments[i - 1].chord, basses[i - 1], segments[i].chord, basses[i])
        total = costs[-1][:, None] + move
        came_from.append(total.argmin(axis=0))
        costs.append(total.min(axis=0) + 0.3 * _distance_from(candidates[i], centre))
    at = int(costs[-1].argmin())
    path = [at]
    for back in reversed(came_from):
        at = int(back[at])
        path.append(at)
    path.reverse()
    return [Voicing(bass, found[i]) for bass, found, i in zip(basses, candidates, path)]


def bass_line(chords: Sequence[Chord], chance: Chance) -> list[int]:
    """The lowest note of each chord, near the one before it and inside the register of a bass."""
    centre = chance.between(36.0, 42.0)
    line: list[int] = []
    for chord in chords:
        before = line[-1] if line else centre
        pitches = [pitch for pitch in range(BASS_LOWEST, BASS_HIGHEST + 1) if pitch % 12 == chord.bass]
        line.append(min(pitches, key=lambda pitch: abs(pitch - before) + 0.4 * abs(pitch - centre)))
    return line


@lru_cache(maxsize=512)
def _candidates(layouts: Layouts) -> tuple[tuple[int, ...], ...]:
    """Every way to lay out one of `layouts` (three pitch classes) in the register, under an octave and a half wide."""
    found = set()
    for order in chain.from_iterable(permutations(tones) for tones in layouts):
        lowest = LOWEST + (order[0] - LOWEST) % 12
        for start in (lowest, lowest + 12):
            pitches = [start]
            for tone in order[1:]:
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            if pitches[-1] <= HIGHEST and pitches[-1] - pitches[0] <= 17:
                found.add(tuple(pitches))
    # A second at the bottom of a chord growls, and one on top hides the tune.
    clean = {pitches for pitches in found if pitches[1] - pitches[0] > 2 and pitches[-1] - pitches[-2] > 1}
    return tuple(sorted(clean or found))


@lru_cache(maxsize=512)
def _tops(layouts: Layouts) -> np.ndarray:
    return np.array([pitches[-1] for pitches in _candidates(layouts)])


def _distance_from(candidates: tuple[tuple[int, ...], ...], centre: float) -> np.ndarray:
    return np.array([abs(sum(pitches) / len(pitches) - centre) for pitches in candidates])


@lru_cache(maxsize=8192)
def _movement_cost(before: Chord, bass_before: int, after: Chord, bass_after: int) -> np.ndarray:
    """(voicings of before, voicings of after): how awkward it is to go from one to the other."""
    cost = _upper_cost(before.uppers, after.uppers, before.rising_to(after), before.falling())
    if bass_before == bass_after:
        return cost
    top_before, top_after = _tops(before.uppers)[:, None], _tops(after.uppers)[None, :]
    interval = (top_before - bass_before) % 12
    parallel = (
        (interval == (top_after - bass_after) % 12) & ((interval == 0) | (interval == 7)) & (top_before != top_after)
    )
    total: np.ndarray = cost + _OUTER_PARALLEL * parallel
    return total


@lru_cache(maxsize=4096)
def _upper_cost(before: Layouts, after: Layouts, rising: int, falling: int) -> np.ndarray:
    """The same for the upper voices alone. `rising` and `falling` are pitch classes with a duty, or -1."""
    old = np.array(_candidates(before))[:, None, :]
    new = np.array(_candidates(after))[None, :, :]
    steps = np.abs(old[..., :, None] - new[..., None, :])
    cost: np.ndarray = 0.5 * (
        steps.min(axis=3).sum(axis=2) + steps.min(axis=2).sum(axis=2) + np.abs(old - new).sum(axis=2)
    )
    ahead = new[..., None, :] - old[..., :, None]
    rises = (ahead == 1).any(axis=3)
    cost += _UNRESOLVED * ((old % 12 == rising) & ~rises).sum(axis=2)
    falls = ((ahead <= 0) & (ahead >= -2)).any(axis=3)
    cost += _UNRESOLVED / 2 * ((old % 12 == falling) & ~falls).sum(axis=2)
    for low, high in combinations(range(old.shape[2]), 2):
        interval = (old[..., high] - old[..., low]) % 12
        moves = (old[..., low] != new[..., low]) & (old[..., high] != new[..., high])
        same = interval == (new[..., high] - new[..., low]) % 12
        cost += _INNER_PARALLEL * (moves & same & ((interval == 0) | (interval == 7)))
    return cost
