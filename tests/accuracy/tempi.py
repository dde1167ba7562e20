"""What speaks for a tempo of notes is weighed; ``python -m tests.accuracy.tempi`` prints the weights for the program.

They are fitted to recorded pop, drum takes and jazz, and to music of other kinds that is played here. Drums, lines and
chords have weights of their own: what one teaches would mislead another. No kind decides all: however many there are,
those of a kind that is made or played here count together as `_TOGETHER` says, by figures out of fold. Below the
weights it is printed how sure a tempo of each kind is out of fold, and how often right; and at which temperature that
would be said best (Guo et al., 2017). It is 0.8 to 0.9, so less is said than could be; the program has none, as pieces
that are generated for an emotion are right less often than is said.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from kelly_tui.music import tempo
from kelly_tui.music.notes import read_midi
from kelly_tui.music.tempi import BPM, likeliest_tempo
from tests.accuracy.folds import Annotated, Choice, Floats, Learnt, fit, is_near, songs_apart
from tests.accuracy.judged import annotated, folder_of
from tests.accuracy.played import taught

TEXTURES = ("drums", "line", "chords")
SETS = ("tempo_midi", "groove_gmd", "swing_wjd", "key_midi")
_PENALTY = 12.0
_TOGETHER = {"accompaniment": 75.0, "chorale": 25.0, "tune": 40.0, "song": 40.0, "groove": 15.0, "emotion": 25.0}
_JAZZ = 0.25
"""What a solo counts: its beats are an annotator's, and swing hides them."""
_FOLDS = 5
_EDGES = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95, 1.01)


class Example(NamedTuple):
    kind: str
    group: str
    texture: str
    evidence: Floats
    """(tempi, kinds of evidence)"""
    bpm: float

    @property
    def right(self) -> NDArray[np.bool_]:
        """(tempi,)"""
        return is_near(BPM, self.bpm)


def learn(pieces: Annotated) -> Learnt:
    """The weights that these of the judged pieces teach, and all that is played here, which is in none of the sets."""
    return [(tempo, {"_WEIGHTS": weigh([*of_sets(pieces), *outside()])})]


def of_sets(pieces: Annotated) -> list[Example]:
    """A song in two sets once."""
    found = []
    for path, label in {path.stem: (path, label) for path, label in pieces}.values():
        score = read_midi(path)
        kind = {"gmd": "drums", "wjd": "jazz"}.get(path.parent.name, "pop")
        bpm = float(label.get("bpm", score.tempo_bpm))
        found.append(Example(kind, path.stem, *tempo.pulse_evidence(score), bpm))
    return found


@cache
def outside() -> tuple[Example, ...]:
    return tuple(Example(one.kind, one.group, *tempo.pulse_evidence(one.score), one.bpm) for one in taught())


@cache
def worth(kind: str) -> float:
    """What one of a kind counts beside a song, or a take."""
    if kind in _TOGETHER:
        return _TOGETHER[kind] / sum(one.kind == kind for one in outside())
    return _JAZZ if kind == "jazz" else 1.0


def weigh(seen: Sequence[Example]) -> dict[str, tuple[float, ...]]:
    """The weights of each texture."""
    learnt = {}
    for texture in TEXTURES:
        choices = [Choice(one.evidence, one.right, worth(one.kind)) for one in seen if one.texture == texture]
        last = choices[0].evidence.shape[1] - 1
        learnt[texture] = tuple(fit(choices, _PENALTY, {last: _THREES}))
    return learnt


_THREES = -10.0
"""Of strokes that part two beats in three: set, as few that teach are in threes."""


def out_of_fold(seen: Sequence[Example]) -> list[Floats]:
    """For each the log odds of `BPM` by the weights that the other groups teach."""
    folds = [zlib.crc32(one.group.encode()) % _FOLDS for one in seen]
    weights = [weigh([one for one, fold in zip(seen, folds) if fold != left]) for left in range(_FOLDS)]
    return [one.evidence @ np.array(weights[fold][one.texture]) for one, fold in zip(seen, folds)]


def temperature(seen: Sequence[Example], odds: Sequence[Floats]) -> float:
    """What the odds are to be divided by."""
    counts = np.array([worth(one.kind) for one in seen])

    def cost(divisor: float) -> float:
        each = [logsumexp(those / divisor) - logsumexp(those[one.right] / divisor) for one, those in zip(seen, odds)]
        return float(counts @ np.array(each))

    return float(minimize_scalar(cost, bounds=(0.4, 3.0), method="bounded").x)


def reliability(seen: Sequence[Example], odds: Sequence[Floats], kind: str) -> str:
    """``0.78 → 0.81 (58)``: how sure, how often right, of how many."""
    heard = [(*likeliest_tempo(those), one.bpm) for one, those in zip(seen, odds) if one.kind == kind]
    found = np.array([(sure, abs(bpm / true - 1) < 0.04) for bpm, sure, true in heard], float)
    cells = []
    for low, high in pairwise(_EDGES):
        inside = found[(found[:, 0] >= low) & (found[:, 0] < high)]
        cells.append(f"{inside[:, 0].mean():.2f} → {inside[:, 1].mean():.2f} ({len(inside)})" if len(inside) else "")
    return f"{kind:14}{100 * found[:, 1].mean():5.0f}" + "".join(f"{cell:>19}" for cell in cells)


def main() -> None:
    pieces = {path: label for name in SETS for path, label in
              ((folder_of(name) / file, label) for file, label in annotated(name).items())}  # fmt: skip
    apart = songs_apart({path.stem for path in pieces})
    seen = [*of_sets([*pieces.items(), *apart]), *outside()]
    for texture, weights in weigh(seen).items():
        print(f"{texture!r}: ({', '.join(f'{weight:.2f}' for weight in weights)}),", flush=True)
    odds = out_of_fold(seen)
    for texture in TEXTURES:
        those = [number for number, one in enumerate(seen) if one.texture == texture]
        found = temperature([seen[number] for number in those], [odds[number] for number in those])
        print(f"{texture}: temperature {found:.2f}")
    for kind in dict.fromkeys(one.kind for one in seen):
        print(reliability(seen, odds, kind))


if __name__ == "__main__":
    main()
