"""What speaks for a key of notes is weighed; ``python -m tests.accuracy.keys`` prints the weights for the program.

They are fitted to tunes and chorales of music21's corpus that are in none of the judged sets, and to these sets; out
of fold to that corpus and to the other half of the sets. So that modes in which there is little music are told too,
pieces are also moved to others, degree by degree, and some are made by rule; so are loops of few chords, of which the
sets have nearly none, and these also tell how sure a key is. The more there is of a mode in a kind of
music, the less each piece of it counts. How sure a key is comes from what is said out of fold of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, softmax
from sklearn.linear_model import LogisticRegression

from kelly_tui.model.labels import KEYS, parse_key
from kelly_tui.music import key, key_weights
from kelly_tui.music.notes import Score, read_midi
from kelly_tui.music.theory import SCALES
from tests.accuracy.corpus_keys import Piece, unlike
from tests.accuracy.folds import Annotated, Choice, Floats, Learnt, fit, half_of
from tests.accuracy.judged import EVAL, KEY_SETS, annotated
from tests.accuracy.loops import loops
from tests.modal_tunes import modal_piece, modal_tune

TEXTURES = ("melody", "harmony", "loop")
"""Whose weights these are; those of voices from before tonality saw none of this."""
_LEARNT_FROM = {"melody": ("melody",), "harmony": ("harmony", "loop"), "loop": ("harmony", "loop")}
"""The loops made by rule teach only what a loop is told by."""
_PENALTY = 3.0
_COPIES = 2
"""To how many other modes each piece is moved."""
_MOVED = {"melody": 0.3, "harmony": 0.1, "loop": 0.1}
"""What a piece's copies count together beside itself: in harmony there is nearly nothing but major and minor."""
LOOPS, _LOOP = "loops", 0.15
"""The source of loops made by rule, and what each counts."""
_RARE = 0.5
"""The power of how many there are by which each counts less."""
_ABSENT = 6
"""The kind of evidence whose weight is set."""
_PLAIN = tuple(mode for mode in key.MODES if mode not in key.FORMS[1:])


class Example(NamedTuple):
    texture: str
    kind: tuple[str, tuple[str, ...]]
    """The source and the modes that are right."""
    is_moved: bool
    evidence: Floats
    """(12 * modes, kinds of evidence and modes but the first)"""
    right: NDArray[np.bool_]
    """(12 * modes,)"""


def learn(pieces: Annotated) -> Learnt:
    """The weights that these of the judged pieces teach, and all of the corpus that is like none of any half."""
    weights, priors = dict(key_weights.WEIGHTS), dict(key._PRIOR_ROWS)
    for texture, learnt in weigh([*outside(), *looped(0), *looped(1), *examples(of_sets(pieces))]).items():
        kinds = len(key_weights.WEIGHTS[texture])
        weights[texture] = tuple(learnt[:kinds])
        priors[texture] = np.tile(np.append(0.0, learnt[kinds:]), 12)
    return [(key, {"WEIGHTS": weights, "_PRIOR_ROWS": priors})]


def weigh(seen: Sequence[Example]) -> dict[str, Floats]:
    """By texture the weights of evidence, and those of all modes but the first."""
    learnt = {}
    for texture in TEXTURES:
        those = [
            one for one in seen if one.texture in _LEARNT_FROM[texture] and (texture == "loop" or one.kind[0] != LOOPS)
        ]
        often = Counter((one.kind, one.is_moved) for one in those)
        counts = np.array(
            [
                often[one.kind, one.is_moved] ** -_RARE * (_MOVED[texture] / _COPIES if one.is_moved else counted(one))
                for one in those
            ]
        )
        counts *= len(those) / counts.sum()
        choices = [Choice(one.evidence, one.right, count) for one, count in zip(those, counts.tolist())]
        learnt[texture] = fit(choices, _PENALTY, {_ABSENT: key_weights.WEIGHTS[texture][_ABSENT]})
    return learnt


def of_sets(pieces: Annotated) -> list[Piece]:
    """Judged pieces; of a folk song only major and minor are told apart, by the third."""
    found = []
    for path, label in pieces:
        modes: tuple[str, ...] = (label["mode"],)
        if path.parent.name == "essen":
            modes = tuple(mode for mode in key.MODES if (4 in SCALES[mode]) == (label["mode"] == "major"))
        tonic = KEYS.index(parse_key(label["tonic"])[0])
        found.append(Piece(path.parent.name, read_midi(path), tonic, modes))
    return found


@cache
def all_judged() -> list[Any]:
    """(path, label) of all sets of keys."""
    return [(EVAL / "midi" / file, label) for name in KEY_SETS for file, label in annotated(name).items()]


@cache
def outside() -> list[Example]:
    """What is learnt from in either fold."""
    return [*examples(unlike([read_midi(path) for path, _ in all_judged()])), *made()]


@cache
def looped(half: int) -> list[Example]:
    """Half of the loops, each of them in all its textures."""
    return [
        example(Piece(LOOPS, one.score, one.tonic, (one.mode,)), False)
        for one in loops()
        if half_of(one.chords) == half
    ]


def counted(one: Example) -> float:
    """What something that was not moved counts."""
    return _LOOP if one.kind[0] == LOOPS else 1.0


def made() -> Iterator[Example]:
    """Tunes and harmony made in each mode by rule, others than those of the tests; counted as what was moved."""
    for mode, seed, tonic, make in product(_PLAIN, range(101, 105), range(0, 12, 3), (modal_tune, modal_piece)):
        yield example(Piece(make.__name__, make(tonic, mode, seed), (tonic + 2) % 12, (mode,)), True)


def examples(pieces: Sequence[Piece]) -> Iterator[Example]:
    """Pieces as they are, and moved to other modes."""
    chance = np.random.default_rng(1)
    for piece in pieces:
        yield example(piece, False)
        others = chance.permutation([mode for mode in _PLAIN if mode not in piece.modes]).tolist()
        for to in others[:_COPIES]:
            score = in_mode(piece.score, piece.tonic, piece.modes[0], to)
            yield example(piece._replace(score=score, modes=(to,)), True)


def example(piece: Piece, is_moved: bool) -> Example:
    evidence, texture = key.key_evidence(piece.score)
    right = np.zeros((12, len(key.MODES)), np.bool_)
    right[piece.tonic] = np.isin(key.MODES, (*piece.modes, *(key.FORMS if "minor" in piece.modes else ())))
    of_mode = np.tile(np.eye(len(key.MODES))[:, 1:], (12, 1))
    return Example(texture, (piece.source, piece.modes), is_moved, np.hstack((evidence, of_mode)), right.ravel())


def in_mode(score: Score, tonic: int, mode: str, to: str) -> Score:
    """A piece moved to another mode, degree by degree."""
    shift = np.zeros(12, np.int64)
    for step, other in zip(SCALES[mode], SCALES[to]):
        shift[step] = other - step
    notes = score.notes.copy()
    pitches = notes["pitch"].astype(np.int64)
    notes["pitch"] = np.where(notes["is_drum"], pitches, pitches + shift[(pitches - tonic) % 12])
    return replace(score, notes=notes)


def how_sure(halves: Sequence[Sequence[Example]]) -> dict[str, tuple[float, float]]:
    """By texture the offset and the factor of the log-odds (Platt, 1999), of what each half teaches of the other."""
    odds: dict[str, list[float]] = {texture: [] for texture in TEXTURES}
    right: dict[str, list[bool]] = {texture: [] for texture in TEXTURES}
    counts: dict[str, list[float]] = {texture: [] for texture in TEXTURES}
    for taught, asked in (halves, halves[::-1]):
        learnt = weigh(taught)
        for one in asked:
            if not one.is_moved and one.texture in TEXTURES:
                chances = key.as_keys(softmax(one.evidence @ learnt[one.texture]))
                best = int(chances.argmax())
                odds[one.texture].append(float(logit(min(chances[best], 1 - 1e-6))))
                right[one.texture].append(bool(one.right[best]))
                counts[one.texture].append(counted(one))
    found = {}
    for texture in TEXTURES:
        model = LogisticRegression(C=1e6).fit(np.array(odds[texture])[:, None], right[texture], counts[texture])
        found[texture] = (float(model.intercept_[0]), float(model.coef_[0, 0]))
    return found


def main() -> None:
    """To three figures, each by the name that it has in the program."""
    judged = all_judged()
    learnt = weigh([*outside(), *looped(0), *looped(1), *examples(of_sets(judged))])
    for texture, weights in learnt.items():
        evidence, modes = np.split(weights, [len(key_weights.WEIGHTS[texture])])
        print(f'WEIGHTS["{texture}"] = ({", ".join(f"{weight:.3g}" for weight in evidence)})')
        print(f'PRIORS["{texture}"] =', {mode: round(one, 2) for mode, one in zip(key.MODES[1:], modes.tolist())})
    half_outside = np.cumsum([not one.is_moved for one in outside()]) % 2
    halves = [
        [one for one, of in zip(outside(), half_outside) if of == half]
        + looped(half)
        + list(examples(of_sets([piece for piece in judged if half_of(piece[0]) == half])))
        for half in (0, 1)
    ]
    for texture, (offset, factor) in how_sure(halves).items():
        print(f'SURE["{texture}"] = ({offset:.2f}, {factor:.2f})')


if __name__ == "__main__":
    main()
