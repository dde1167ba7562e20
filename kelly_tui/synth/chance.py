"""Choices that come out the same everywhere: one stream of numbers for each sample, named by its key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Chance:
    """Draws from one `numpy.random.Generator`, seeded by a hash of `key`.

    Only uniform doubles are taken from the generator: NumPy promises their bits, not those of its distributions.
    """

    def __init__(self, *key: object) -> None:
        digest = hashlib.sha256(":".join(map(str, key)).encode()).digest()
        self._generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
        self._drawn: list[float] = []

    def unit(self) -> float:
        """A number in [0, 1)."""
        if not self._drawn:
            self._drawn = self._generator.random(256).tolist()  # one call for many: a scalar call costs as much
        return self._drawn.pop()

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def yes(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.unit() * len(choices))]

    def near(self, deviation: float) -> float:
        """A number around 0 with that standard deviation, never further than two and a half of them."""
        return (self.unit() + self.unit() - 1.0) * 2.449 * deviation  # two dice: a triangle, whose variance is 1/6

    def hand(self, count: int, deviation: float) -> NDArray[np.float64]:
        """`count` numbers as from `near`."""
        dice: NDArray[np.float64] = self._generator.random((2, count)).sum(axis=0)
        return (dice - 1.0) * (2.449 * deviation)


def evenly(choices: Sequence[T], turn: int, *key: object) -> T:
    """The choice for `turn`: each of `choices` once in every len(choices) turns, in an order that `key` shuffles."""
    block, place = divmod(turn, len(choices))
    return choices[_shuffled(len(choices), (*key, block))[place]]


@lru_cache(maxsize=4096)
def _shuffled(count: int, key: tuple[object, ...]) -> tuple[int, ...]:
    chance = Chance(*key)
    ranks = [chance.unit() for _ in range(count)]
    return tuple(sorted(range(count), key=ranks.__getitem__))
