"""Blind listening: X is A or B by chance, and whoever hears no difference is right half of the time.

Sixteen trials make a comparison: with twelve right or more, chance does so well in fewer than one of twenty. How many
there will be is settled before the first: who may stop when it looks good will find a difference where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import comb
from typing import Any

import msgspec

from kelly_tui.model.variation import changes

TRIALS = 16
"""Of one comparison."""


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer: whether X was taken for what it was."""

    recipe: str
    """What was changed: see `recipe_of`."""
    sample_id: str
    """The variant that was heard against what it was made from."""
    correct: bool
    by: str = ""
    at: str = ""


class Result(msgspec.Struct, frozen=True):
    """Of all trials of a recipe."""

    recipe: str
    trials: int
    correct: int

    @property
    def p(self) -> float:
        """How often chance does as well or better."""
        return p_of_chance(self.correct, self.trials)

    def words(self) -> str:
        """``13 of 16 right, p = .011``."""
        number = f"p = {self.p:.3f}".replace("0.", ".") if self.p >= 0.001 else "p < .001"
        return f"{self.correct} of {self.trials} right, {number}"

    def line(self) -> str:
        """``+3 st ×0.95: 13 of 16 right, p = .011``."""
        return f"{changes(msgspec.json.decode(self.recipe, type=dict[str, Any])) or 'a variant'}: {self.words()}"


def p_of_chance(correct: int, trials: int) -> float:
    """The chance of at least `correct` right answers in `trials` for one who hears no difference: the one-sided
    binomial test."""
    return sum(comb(trials, right) for right in range(correct, trials + 1)) / (1 << trials)


def recipe_of(augmentation: Mapping[str, Any] | None) -> str:
    """The parameters of a variant without its seed, as JSON in the order of their names: equal for equal changes."""
    changed = {name: value for name, value in sorted((augmentation or {}).items()) if name != "seed"}
    return msgspec.json.encode(changed).decode()


def results(trials: Iterable[Trial]) -> list[Result]:
    """One for each recipe, in the order in which they were first heard."""
    counted: dict[str, tuple[int, int]] = {}
    for trial in trials:
        n, right = counted.get(trial.recipe, (0, 0))
        counted[trial.recipe] = (n + 1, right + trial.correct)
    return [Result(recipe, n, right) for recipe, (n, right) in counted.items()]
