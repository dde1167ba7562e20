"""Chords with weights that never saw the music they are asked about; see `folds`.

The first look, which says where chords change and which of major and minor they are, is a conditional random field
(Lafferty, McCallum and Pereira, 2001), and fitted as one: the likelihood of what is annotated, where a seventh may
be left out, by the sums over all paths. The second look keeps its weights: those for notes saw chords made by rule, and
those for sound move the songs' figure by half a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import mir_eval
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kelly_tui.features import audio_chords
from kelly_tui.features.audio import extract_audio_features
from kelly_tui.music import chords
from kelly_tui.music.notes import read_midi
from kelly_tui.music.theory import QUALITIES
from tests.accuracy.folds import LISTENED, Annotated, Learnt, spectrum_of

Floats = NDArray[np.float64]

_LENGTH = 24
"""Windows of a chain: music is cut into these, all as long, to be summed side by side."""
_PENALTY = 3.0
_LEFT_OUT = 0.1
"""How often annotators leave a seventh out."""


class Chains(NamedTuple):
    """Windows in which chords follow one another; `n` chains of `_LENGTH`."""

    heard: Floats
    """(n, length, 40): 36 by pitch class for chords, 1 for their qualities, and with it 4 for no chord."""
    changes: Floats
    """(n, length, kinds) what a change of chord costs, by its weights."""
    allowed: Floats
    """(n, length, chords and none) how likely the annotation is given it"""
    counts: Floats
    """(n,) how much each chain does."""


def chains(pieces: Sequence[tuple[Floats, Floats, Floats]], sources: Sequence[str]) -> Chains:
    """Of pieces' (windows, ...) arrays; what is left over at a piece's end goes. All sources count the same."""
    cut, of_source = [], []
    for arrays, source in zip(pieces, sources):
        count = len(arrays[0]) // _LENGTH
        cut.append([part[: count * _LENGTH].reshape(count, _LENGTH, -1) for part in arrays])
        of_source += [source] * count
    names, numbers, counts = np.unique(of_source, return_inverse=True, return_counts=True)
    return Chains(*map(np.concatenate, zip(*cut)), len(of_source) / (len(names) * counts[numbers]))


_QUALITY = {quality: number for number, quality in enumerate(chords._PRIORS)}


def parted(number: int) -> Floats:
    """(36 + 1, chords) of what one of the weights of chords stands for: 18 of parts of a chord, then the qualities'."""
    table = np.zeros((37, chords.NONE))
    if number < 18:
        parts = np.zeros(18)
        parts[number] = 1.0
        table[:36] = chords.evidence(parts.reshape(3, 6))
    else:
        table[36] = [_QUALITY[quality] == number - 18 for _, quality in chords.STATES]
    return table


_STANDS_FOR = np.array([parted(number).ravel() for number in range(18 + len(_QUALITY))])
"""(weights, 37 * chords)"""
_OF_CHORDS = len(_STANDS_FOR)


def tables(weights: Floats) -> Floats:
    """(40, chords and none) what each number heard says, by the weights of chords and the 4 of none."""
    table = np.zeros((40, chords.NONE + 1))
    table[:37, : chords.NONE] = (weights[:_OF_CHORDS] @ _STANDS_FOR).reshape(37, -1)
    table[36:, chords.NONE] = weights[_OF_CHORDS : _OF_CHORDS + 4]
    return table


def sums(fits: Floats, dear: Floats) -> tuple[Floats, Floats, Floats]:
    """(n,) the logarithm of the sum over all paths, (n, length, states) the chance of each state, and (n, length) the
    chance of a change, which may be to the same chord. `fits`: exp of scores; `dear`: exp of minus the costs."""
    ahead, back = np.empty_like(fits), np.empty_like(fits)
    total, changes = np.zeros(len(fits)), np.zeros(dear.shape)
    length = fits.shape[1]
    for at in range(length):
        reached = fits[:, at] * (ahead[:, at - 1] + dear[:, at, None] if at else 1.0)
        norm = reached.sum(axis=1, keepdims=True)
        ahead[:, at] = reached / norm
        total += np.log(norm[:, 0])
    back[:, -1] = 1.0
    for at in range(length - 1, 0, -1):
        onward = fits[:, at] * back[:, at]
        jumps = dear[:, at] * onward.sum(axis=1)
        stays = (ahead[:, at - 1] * onward).sum(axis=1)
        changes[:, at] = jumps / (jumps + stays)
        back[:, at - 1] = (onward + jumps[:, None]) / (jumps + stays)[:, None]
    chances = ahead * back
    return total, chances / chances.sum(axis=2, keepdims=True), changes


def fit(those: Chains) -> tuple[Floats, Floats]:
    """The weights of `tables`, and those of a change."""
    heard, dear_of = those.heard.reshape(-1, 40).astype(np.float32), those.changes
    kinds, counts = dear_of.shape[2], those.counts.astype(np.float32)
    likely = those.allowed.astype(np.float32)

    def cost(weights: Floats) -> tuple[float, Floats]:
        scores = (heard @ tables(weights).astype(np.float32)).reshape(*dear_of.shape[:2], -1)
        highest = scores.max(axis=2, keepdims=True)
        fits = np.exp(scores - highest)
        dear = np.exp(-dear_of @ weights[-kinds:]).astype(np.float32)
        free, chances, changes = sums(fits, dear)
        right, wanted, moves = sums(fits * likely + np.float32(1e-12), dear)
        apart = heard.T @ ((chances - wanted) * counts[:, None, None]).reshape(-1, chords.NONE + 1)
        slope = np.concatenate(
            (
                _STANDS_FOR @ apart[:37, : chords.NONE].ravel(),
                apart[36:, chords.NONE],
                ((moves - changes) * those.counts[:, None]).ravel() @ dear_of.reshape(-1, kinds),
            )
        )
        loss = those.counts @ (free - right) + _PENALTY / 2 * weights @ weights
        return float(loss), slope + _PENALTY * weights

    start = np.zeros(_OF_CHORDS + 4 + kinds)
    start[-kinds:] = 1.0
    weights = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
    return weights, weights[-kinds:]


def allowed(label: Sequence[tuple[float, float, str]], times: Floats) -> Floats:
    """(windows, chords and none) how likely the annotation is given each; 1 for all where there is none.

    `times`: (windows,) seconds of their middles.
    """
    table = np.ones((len(times), chords.NONE + 1))
    for start, end, name in label:
        root, steps, _ = mir_eval.chord.encode(name)
        if name == "X":
            continue
        those = np.zeros(chords.NONE + 1)
        if root < 0:
            those[chords.NONE] = 1.0
        else:
            wanted = frozenset(np.flatnonzero(steps == 1).tolist()) - {9}  # a sixth is a colour
            those[: chords.NONE] = [_likely(QUALITIES[quality], wanted) * (on == root) for on, quality in chords.STATES]
        if those.any():
            table[(times >= start) & (times < end)] = those
    return table


def _likely(steps: Sequence[int], wanted: frozenset[int]) -> float:
    """Of an annotation, given a chord."""
    if wanted == set(steps):
        return 1.0
    return _LEFT_OUT * ({step for step in steps if step < 9} == {step for step in wanted if step < 9})


def of_notes(pieces: Annotated) -> Learnt:
    """The first look's weights for notes."""
    found = []
    for path, label in pieces:
        score = read_midi(path)
        windows = chords.beat_windows(score)
        changes = np.column_stack((np.eye(4)[windows.strong], -np.minimum(windows.struck, 4)))
        half = np.diff(windows.beats[:2]) / 2
        found.append(
            (chords.heard_in(windows), changes, allowed(label["chords"], score.beat_to_time(windows.beats + half)))
        )
    weights, costs = fit(chains(found, [path.parent.name for path, _ in pieces]))
    return [
        (chords, {"_WEIGHTS": tables(weights).astype(np.float32), "_CHANGE": costs[:4], "_CHANGE_STRUCK": costs[4]})
    ]


def of_sound(pieces: Annotated) -> Learnt:
    """The first look's weights for sound."""
    found = []
    for path, label in pieces:
        spectrum = spectrum_of(path)
        features = extract_audio_features(path, LISTENED)
        edges, on_beat = audio_chords._windows(
            features.beat_frames * (spectrum.hop / spectrum.rate), features.duration_sec
        )
        bands, level = audio_chords._pitch_bands(spectrum, audio_chords._low(spectrum), edges)
        heard, none, _ = audio_chords._evidence_in(
            audio_chords._explained(bands, spectrum.rate / audio_chords._DECIMATION), level
        )
        times = (edges[: len(heard)] + edges[1 : len(heard) + 1]) / 2
        changes = np.eye(2)[on_beat[: len(heard)].astype(np.int64)]
        found.append((np.hstack((heard, none)), changes, allowed(label["chords"], times)))
    weights, costs = fit(chains(found, [path.parent.name for path, _ in pieces]))
    table = tables(weights).astype(np.float32)
    learnt: dict[str, Any] = {
        "_EVIDENCE": table[:36, : chords.NONE],
        "_STATE_PRIORS": table[36, : chords.NONE],
        "_NO_CHORD": table[36:, chords.NONE],
        "_CHANGE": costs,
    }
    return [(audio_chords, learnt)]
