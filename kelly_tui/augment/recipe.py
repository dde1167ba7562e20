"""What may be changed about a sample, and which changes a variant gets.

`TRANSFORMS` has the values that are chosen from; how far each may go is `kelly_tui.model.variation`, what they do to
labels `kelly_tui.music.label_rules`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from kelly_tui.errors import KellyError
from kelly_tui.model.annotation import Label
from kelly_tui.model.variation import LIMITS
from kelly_tui.music.label_rules import LARGE, NEUTRAL, inherited_label

FileType = Literal["midi", "audio"]


class Transform(msgspec.Struct, frozen=True):
    """One way to change a file."""

    name: str
    word: str
    """In a variant's `augmentation_type`."""
    values: tuple[float, ...]
    """Those that are chosen from."""
    chance: float
    """How often it acts."""

    @property
    def neutral(self) -> float:
        """The value that changes nothing."""
        return NEUTRAL[self.name]


_STRETCH = Transform("time_stretch", "stretch", (0.9, 0.95, 1.05, 1.1), 0.6)
TRANSFORMS: dict[FileType, tuple[Transform, ...]] = {
    "midi": (
        Transform("transpose", "transpose", (-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6), 0.8),
        _STRETCH,
        Transform("velocity_scale", "velocity", (0.8, 0.9, 1.1, 1.2), 0.6),
        Transform("jitter_ms", "jitter", (5.0,), 0.5),
        Transform("dropout", "dropout", (0.02,), 0.3),
    ),
    "audio": (
        Transform("pitch_shift", "pitch", (-2, -1, 1, 2), 0.8),
        _STRETCH,
        Transform("noise", "noise", (0.001, 0.002, 0.005), 0.4),
        Transform("gain", "gain", (0.8, 0.9, 1.1, 1.2), 0.5),
    ),
}
_BY_NAME = {transform.name: transform for kind in TRANSFORMS.values() for transform in kind}


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to a file, in the units of `TRANSFORMS`."""

    transpose: int = 0
    """Semitones, MIDI."""
    pitch_shift: float = 0.0
    """Semitones, audio."""
    time_stretch: float = 1.0
    """Of the speed: 1.1 is faster and shorter."""
    velocity_scale: float = 1.0
    jitter_ms: float = 0.0
    """The most by which an onset is moved."""
    dropout: float = 0.0
    """Share of the notes left out."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise, of full scale."""
    gain: float = 1.0

    def __post_init__(self) -> None:
        for name in _BY_NAME:
            value, (low, high) = getattr(self, name), LIMITS[name]
            if not low <= value <= high:
                raise KellyError(f"{name} can't be {value}", hint=f"{low:g}..{high:g} can.")

    @property
    def changes(self) -> dict[str, float]:
        """The transforms that change something, by name; what a sample's row keeps and ``Recipe(**changes)`` reads."""
        values = {name: getattr(self, name) for name, one in _BY_NAME.items() if getattr(self, name) != one.neutral}
        # 2 and 2.0 are one recipe: its id must not depend on how it was typed.
        return {name: int(value) if value == int(value) else float(value) for name, value in values.items()}

    @property
    def name(self) -> str:
        """``transpose+velocity``, for `augmentation_type`."""
        return "+".join(_BY_NAME[name].word for name in self.changes)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a file bears: facts that forbid changes which would do nothing, or harm. The defaults forbid nothing."""

    down: int = 24
    """Semitones by which all parts can go down and stay in their ranges; 0, as `up`, where there are drums only."""
    up: int = 24
    notes: int = 1_000_000
    """Those that may be dropped: not the last of a track."""
    softest: int = 64
    """The least velocity from 10 up; 0 where there is none."""
    slowest_bpm: float = 120.0
    fastest_bpm: float = 120.0
    tick_ms: float = 0.1
    """The longest tick of the file's clock."""
    peak: float = 0.0
    """Of audio, 1 is full scale."""

    def allow(self, name: str, value: float) -> bool:
        """Whether transform `name` by `value` does what it says to this file."""
        match name:
            case "transpose":
                return -self.down <= value <= self.up
            case "velocity_scale":
                return self.softest >= 10 and (value < 1 or self.softest <= 105)
            case "time_stretch":
                return self.slowest_bpm * value >= 5 and self.fastest_bpm * value <= 1000
            case "jitter_ms":
                return self.notes >= 8 and self.tick_ms <= value / 2
            case "dropout":
                return self.notes * value >= 1
            case "gain":
                return self.peak * value <= 1
        return True


def choose_recipes(
    file_type: FileType, n: int, root_id: str, seed: int = 0, limits: Limits | None = None
) -> list[Recipe]:
    """`n` different recipes for one root, none of which does nothing; fewer where there are no more.

    Each transform acts as often as its `chance` says; values that are `LARGE` are taken half as often. The same
    arguments give the same list, and the list for 5 is the beginning of the list for 10.
    """
    limits = limits or Limits()
    names, table, weights = _all_recipes(file_type)
    rng = np.random.Generator(np.random.PCG64(_number(seed, root_id)))
    # Efraimidis and Spirakis (2006): sorted by log(u) / w this is a weighted draw without replacement.
    order = np.argsort(np.log(1 - rng.random(len(table))) / -weights, kind="stable")
    allowed = np.ones(len(table), dtype=bool)
    for column, name in enumerate(names):
        for value in np.unique(table[:, column]):
            if value != _BY_NAME[name].neutral and not limits.allow(name, value):
                allowed &= table[:, column] != value
    chosen = order[allowed[order]][:n]
    return [msgspec.convert(dict(zip(names, row, strict=True)), Recipe, strict=False) for row in table[chosen].tolist()]


def variant_seed(seed: int, root_id: str, recipe: Recipe) -> int:
    """The seed of the noise in one variant: 0..2^53-1, so that JSON keeps it."""
    return _number(seed, root_id, recipe.changes) >> 75


def variant_id(parent_sha256: str, recipe: Recipe, seed: int) -> str:
    """16 hex digits: of parent, parameters and seed."""
    return _digest(parent_sha256, recipe.changes, seed)[:16]


def variant_labels(labels: Mapping[str, Label], recipe: Recipe) -> dict[str, Label]:
    """The labels of a variant of a sample with `labels`, by `LABEL_RULES`; source ``inherited``."""
    changes = recipe.changes
    found = {field: inherited_label(field, labels, changes) for field in labels}
    return {field: label for field, label in found.items() if label is not None}


@lru_cache(maxsize=2)
def _all_recipes(file_type: FileType) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """The names of the transforms, every combination of their values but the one that does nothing, and its weight."""
    transforms = TRANSFORMS[file_type]
    table = np.array(list(product(*((one.neutral, *one.values) for one in transforms))))[1:]
    weights = np.ones(len(table))
    for column, one in zip(table.T, transforms, strict=True):
        away = np.abs(column - one.neutral).round(9)
        weights *= np.where(away > 0, one.chance / len(one.values), 1 - one.chance)
        weights[away >= LARGE.get(one.name, math.inf)] /= 2
    return [one.name for one in transforms], table, weights


def _digest(*parts: object) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _number(*parts: object) -> int:
    return int(_digest(*parts)[:32], 16)
