"""What the arrays of every model have in common: rows of one sample, and the form that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Flags = NDArray[np.bool_]


class Rows(NamedTuple):
    """n examples of one sample."""

    x: Array
    """(n, …): what the model reads; finite, in padding too: silence of sound, else 0."""
    mask: Flags
    """(n, steps): which of the steps of `x` there are; the others are padding."""
    y: Array
    """(n, …): what it shall say."""
    start: Array
    """(n,) seconds from the start of the sample at which the example begins, float32."""


class Form(NamedTuple):
    """What the arrays of a model look like."""

    model: str
    x: tuple[int, ...]
    """Shape of one example."""
    x_type: str
    mask: tuple[int, ...]
    y: tuple[int, ...]
    y_type: str
    names: tuple[str, ...]
    """Of `y`, where it is an id: the label map, in order; empty for numbers and for classes that a dataset declares."""
    labels: tuple[str, ...]
    """Labels of the whole sample that go with each example, by their field."""
    channels: tuple[int, ...]
    """Axes of `x` that are normalised each by itself, others together; none where `x` is of ids."""
    spread: Callable[[Flags], Flags]
    """`mask` in a shape that spreads over `x`."""
    part: int
    """Samples that are written as one file, at most."""
    grows: int = 1
    """How many times as large as music files the arrays are, about, where they are larger."""
