"""The chord of a whole stretch, by all that it holds: a second look where the first leaves something unexplained.

What sounds in half a beat names the common chords, and where they change. It does not tell a power chord from a triad
whose third comes later, a broken chord from its notes, or a seventh in the bass from another root. Where a tone of the
first chord never sounds in its stretch, or a foreign one sounds as much as its own, every chord of a wider vocabulary
is weighed anew by the whole: a conditional logit over what sounds, what is missing, and what is lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kelly_tui.music.theory import QUALITIES

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HEARD = ("", "m", "7", "m7", "maj7", "dim", "m7b5", "dim7", "sus4", "sus2", "aug", "mmaj7", "7sus4", "5")
"""The qualities that are told apart."""
STATES = [(root, quality) for root in range(12) for quality in HEARD]
NONE = len(STATES)
"""The state after those of the chords: no chord."""
IS_TONE = np.array(
    [[(pitch - root) % 12 in QUALITIES[quality] for pitch in range(12)] for root, quality in STATES] + [[False] * 12]
)
"""(states, 12)"""

_THIRD, _FIFTH, _NEAR, _FAR = 1, 2, 4, 5
"""Parts of a chord, beside root (0) and seventh (3): the last two are foreign, a semitone from a tone or farther."""
_REMEMBERED = 4
"""Windows for which a bass is the bass after it has ended, until a lower note sounds: two beats."""
_GONE, _LITTLE, _FOREIGN, _FOREIGN_BRIEF = 0.12, 0.3, 0.45, 0.75
"""Shares of what a stretch's second and third longest pitch classes sound: below the first one is not there, below the
second it does not count, from the third a foreign one needs a reason; in a beat or less, where it may pass, the fourth.
"""
_PASSING = 2
"""Windows in which a foreign note may pass."""


def _part(quality: str, step: int) -> int:
    """The part that a pitch class so many semitones above the root has in a chord."""
    steps = QUALITIES[quality]
    if quality == "5" and step == 7:
        return _FIFTH
    near = any((step - tone) % 12 in (1, 11) for tone in steps)
    return steps.index(step) if step in steps else _NEAR if near else _FAR


def _is_needed(quality: str, step: int) -> bool:
    """Whether a chord without this tone is another: a perfect fifth is often left out beside a third."""
    steps = QUALITIES[quality]
    return step in steps and not (step == 7 and (3 in steps or 4 in steps))


_PARTS = np.array([[_part(quality, (pitch - root) % 12) for root, quality in STATES] for pitch in range(12)])
"""(12, chords): what each pitch class is in each chord."""
_IS_OWN, _IS_FOREIGN = (_PARTS < _NEAR).astype(np.float32), (_PARTS >= _NEAR).astype(np.float32)
_NEEDED = np.array(
    [[_is_needed(quality, (pitch - root) % 12) for pitch in range(12)] for root, quality in STATES] + [[False] * 12]
)
_IS_INNER = np.array([[2 <= (pitch - root) % 12 <= 5 for pitch in range(12)] for root, _ in STATES] + [[False] * 12])
"""(states, 12) whether a chord is another without it; whether it is a second, third or fourth above the root."""
_QUALITY = np.arange(NONE) % len(HEARD)
_OPEN = HEARD.index("5")
_LIKE = np.array([[QUALITIES[one][1:3] == QUALITIES[other][1:3] for other in HEARD] for one in HEARD])
"""Whether two qualities have one third and fifth."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Of the logit."""

    parts: Floats
    """(4, 6) for a root, third, fifth, seventh, a semitone from a chord tone, and farther: how much it is held, how
    much it is an ornament, how much it is the bass, that it is gone."""
    whole: float
    """All of the chord is there, and nothing else much."""
    foreign: float
    """The longest foreign pitch class."""
    open: float
    """For a power chord, in a piece of open chords."""
    same: Floats
    """(3,) the first look's third and fifth, its root, its chord."""
    qualities: Floats
    """(qualities,) of `HEARD`, always."""

    @cached_property
    def table(self) -> Singles:
        """(4 * 12, chords): what each pitch class says for each chord."""
        return self.parts.astype(np.float32)[:, _PARTS].reshape(-1, NONE)

    @cached_property
    def always(self) -> Singles:
        """(2, chords): what speaks for each chord in any piece, and in one of open chords."""
        of_each = self.qualities[_QUALITY]
        return np.array((of_each, of_each + self.open * (_QUALITY == _OPEN))).astype(np.float32)

    @cached_property
    def alike(self) -> Singles:
        """(qualities, qualities): what the first look's says for each on its root."""
        third_and_fifth, root, chord = self.same
        said: Singles = (third_and_fifth * _LIKE + root + chord * np.eye(len(HEARD))).astype(np.float32)
        return said


WEIGHTS = Weights(
    parts=np.array(
        [  # root, third, fifth, seventh, a semitone from a chord tone, farther
            [1.65, 0.16, 1.31, 0.51, -1.94, -1.68],
            [1.41, 1.41, 1.41, 1.41, -1.44, 0.03],
            [1.04, -0.25, -0.36, 0.46, 0.00, -0.89],
            [0.18, -1.67, -0.37, -2.38, 0.00, 0.00],
        ]
    ),
    whole=1.79,
    foreign=-1.02,
    open=3.23,
    same=np.array([0.46, -0.16, 0.16]),
    qualities=np.array([3.17, 2.80, 0.28, -0.80, -0.72, 0.86, -0.28, -0.79, -0.86, -0.81, -0.33, -0.39, -1.31, -0.82]),
)


class Content(NamedTuple):
    """What each stretch holds, by pitch class. Shares are of what its second and third longest ones sound."""

    total: Floats
    """(stretches, 12) how long it sounds."""
    held: Floats
    """(stretches, 12) share, at most 1, without ornaments."""
    ornaments: Floats
    """(stretches, 12) share as ornaments."""
    gone: Flags
    """(stretches, 12) not there."""
    bass: Floats
    """(stretches, 12) share of the time that it is the bass."""
    lengths: Ints
    """(stretches,) windows."""

    def take(self, stretches: Ints) -> Content:
        """Of these only."""
        return Content(
            self.total[stretches],
            self.held[stretches],
            self.ornaments[stretches],
            self.gone[stretches],
            self.bass[stretches],
            self.lengths[stretches],
        )


def content(sounding: Floats, ornaments: Floats, lowest: Ints, lengths: Ints) -> Content:
    """Of stretches of so many windows; the rest is as in `chords.Windows`."""
    starts = lengths.cumsum() - lengths
    total, passing = np.add.reduceat(sounding, starts), np.add.reduceat(ornaments, starts)
    return shares(total, passing, basses(lowest, lengths), lengths)


def shares(total: Floats, passing: Floats, bass: Floats, lengths: Ints) -> Content:
    """(stretches, 12) how long each pitch class sounds, with and as ornaments, in any unit, as shares."""
    ranked = np.sort(total, axis=1)
    usual = (ranked[:, -3:-2] + ranked[:, -2:-1]) / 2 + 1e-9
    return Content(
        total,
        np.minimum(np.maximum((total - passing) / usual, 0.0), 1.0),
        np.minimum(passing / usual, 1.0),
        total < _GONE * usual,
        bass,
        lengths,
    )


def basses(lowest: Ints, lengths: Ints) -> Floats:
    """(stretches, 12) the share of its time that each pitch class is the bass: the lowest note of the last two beats.

    `lowest`: (windows,) pitches, -1 in silence.
    """
    stretch = np.arange(len(lengths)).repeat(lengths)
    silence = 999
    pitch = np.where(lowest < 0, silence, lowest)
    bass = pitch.copy()
    for back in range(1, _REMEMBERED):
        same = stretch[back:] == stretch[:-back]
        np.minimum(bass[back:], np.where(same, pitch[:-back], silence), out=bass[back:])
    heard = bass < silence
    counts = np.bincount(stretch[heard] * 12 + bass[heard] % 12, minlength=12 * len(lengths)).reshape(-1, 12)
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def unexplained(states: Ints, held: Content) -> Flags:
    """(stretches,) whether a tone of the chord is not there, or a foreign pitch class is as much as a tone."""
    reason = np.where(held.lengths > _PASSING, _FOREIGN, _FOREIGN_BRIEF)
    missing, foreign = _NEEDED[states] & held.gone, ~IS_TONE[states] & (held.held > reason[:, None])
    unlike: Flags = (missing | foreign).any(axis=1) & (states < NONE)
    return unlike


def odds(states: Ints, held: Content, open_piece: bool, weights: Weights) -> Singles:
    """(stretches, chords): how well each chord fits each stretch.

    `states`: the first look's; `open_piece`: see `is_open`.
    """
    heard = np.concatenate((held.held, held.ornaments, held.bass, held.gone), axis=1, dtype=np.float32)
    fit: Singles = heard @ weights.table + weights.always[int(open_piece)]
    # Of the five that sound longest one is foreign: a chord has four tones at most.
    which, sounds = (of.T[:-6:-1] for of in (heard[:, :12].argsort(axis=1), np.sort(heard[:, :12], axis=1)))
    foreign = (_IS_FOREIGN[which] * sounds[:, :, None]).max(axis=0)
    whole = (heard[:, 36:] @ _IS_OWN == 0) & (foreign < _LITTLE)
    fit += np.float32(weights.whole) * whole + np.float32(weights.foreign) * foreign
    root, quality = np.divmod(states, len(HEARD))
    fit.reshape(-1, 12, len(HEARD))[np.arange(len(states)), root] += weights.alike[quality]
    return fit


class Second(NamedTuple):
    """The second look at a piece."""

    states: Ints
    """(stretches,)"""
    bass: Ints
    """(stretches,) the pitch class that is the bass for most of it; -1 where none is."""
    doubted: Flags
    """(stretches,) where there was a second look."""
    sure: Floats
    """(stretches,) 0..1 how sure it was; 0 where there was none."""


def second_look(states: Ints, held: Content, weights: Weights = WEIGHTS, least: float = 0.0) -> Second:
    """The chords of the stretches, each either the first look's, or what explains the whole better.

    `least`: how sure it must be to be preferred.
    """
    states, sure = states.copy(), np.zeros(len(states))
    bass = np.where(held.bass.max(axis=1) > 0.5, held.bass.argmax(axis=1), -1)
    doubted = unexplained(states, held)
    again = doubted.nonzero()[0]
    if len(again):
        fit = odds(states[again], held.take(again), is_open(states, held), weights)
        best = fit.argmax(axis=1)
        sure[again] = 1 / np.exp(fit - fit.max(axis=1, keepdims=True)).sum(axis=1)
        states[again] = np.where(sure[again] >= least, best, states[again])
    return Second(states, bass, doubted, sure)


def is_open(states: Ints, held: Content) -> bool:
    """Whether more than a third of a piece's chords, by time, have no third, second or fourth.

    Where most are whole, a third that is missing is understood; where many lack it, it is not meant.
    """
    chord = states < NONE
    bare = (held.gone | ~_IS_INNER[states]).all(axis=1) & chord
    return bool(3 * held.lengths[bare].sum() > held.lengths[chord].sum())
