"""Mean and standard deviation of what a model reads, over the steps that there are; of train alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kelly_tui.export.arrays.rows import Array, Flags, Form

Floats = NDArray[np.float64]

_SMALLEST = 1e-6
"""A channel that varies by less is constant: it is divided by 1."""


class Sums(NamedTuple):
    """Of the values of each channel: how many, their mean, and the squares of their distances from it."""

    number: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, x: Array, mask: Flags, form: Form) -> Self:
        """Of some rows of a model; each array has the shape of `x`, with 1 for the axes that are put together."""
        axes = tuple(axis for axis in range(x.ndim) if axis not in form.channels)
        seen = np.broadcast_to(form.spread(mask), x.shape)
        count = seen.sum(axis=axes, keepdims=True).astype(np.float64)
        total = np.where(seen, x, 0).sum(axis=axes, keepdims=True, dtype=np.float64)
        mean = total / np.maximum(count, 1)
        away = np.where(seen, x - mean, 0)
        return cls(count, mean, np.square(away).sum(axis=axes, keepdims=True))

    @classmethod
    def together(cls, parts: Iterable[Sums]) -> Sums | None:
        """Of all parts, in their order (Chan, Golub and LeVeque, 1983); None of none."""
        whole: Sums | None = None
        for part in parts:
            if whole is None:
                whole = part
                continue
            count = whole.number + part.number
            share = part.number / np.maximum(count, 1)
            step = part.mean - whole.mean
            squares = whole.squares + part.squares + np.square(step) * whole.number * share
            whole = cls(count, whole.mean + step * share, squares)
        return whole

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """``mean`` and ``std``, float32, so that ``(x - mean) / std`` is as it should be for one example or many."""
        std = np.sqrt(self.squares / np.maximum(self.number, 1))
        mean = self.mean[0].astype(np.float32)
        return {"mean": mean, "std": np.where(std < _SMALLEST, 1.0, std)[0].astype(np.float32)}
