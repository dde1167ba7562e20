"""What a probe found: whether a model would learn from a dataset. See `kelly_tui.learn.probe`."""

from __future__ import annotations

import msgspec

from kelly_tui.text import count


class Estimate(msgspec.Struct, frozen=True):
    """A figure, 0..1 or a difference, and its interval of 95 %."""

    value: float
    low: float
    high: float

    def words(self) -> str:
        """``68 % (61 to 74)``."""
        return f"{100 * self.value:.0f} % ({100 * self.low:.0f} to {100 * self.high:.0f})"


class Score(msgspec.Struct, frozen=True):
    """How well one set of samples teaches another."""

    name: str
    samples: int = 0
    """Asked about."""
    groups: int = 0
    taught: int = 0
    """Learnt from."""
    accuracy: Estimate | None = None
    macro_f1: Estimate | None = None
    majority: float = 0.0
    """The share of the commonest class: what is right without listening."""
    why_not: str = ""

    def words(self) -> str:
        """One line for the report."""
        if self.accuracy is None or self.macro_f1 is None:
            return f"{self.name}: no figure: {self.why_not}"
        where = f"{count(self.samples, 'sample')}, {count(self.groups, 'piece')}"
        return (
            f"{self.name}: {self.accuracy.words()} right, macro F1 {self.macro_f1.words()}; "
            f"the commonest class alone {100 * self.majority:.0f} % ({where})"
        )


class Confusion(msgspec.Struct, frozen=True):
    """Samples by the label they have, a row each, and by what was told of them when their group was held out."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Probe(msgspec.Struct, frozen=True):
    """What the samples of one type of file teach of the dataset's main label."""

    file_type: str
    field: str
    scores: tuple[Score, ...]
    """On real samples; on these, taught by variants and generated ones too; on all."""
    curve: tuple[tuple[int, float], ...] = ()
    """Labels learnt from, and macro F1, on real samples."""
    next_labels: dict[str, Estimate] = {}
    """By class, what the next fifty labels of it would add to macro F1, going on as the last ones did."""
    alarms: tuple[str, ...] = ()
    """That something is known which should not be."""
    left_out: tuple[str, ...] = ()
    """Classes of too few pieces."""
    broken: int = 0
    """Samples whose features are no numbers."""
    confusion: Confusion | None = None
    """Of the samples that `headline` is about."""

    @property
    def headline(self) -> str:
        """``probe: emotion macro F1 .52 [.45-.60] on real songs``; without a figure, why there is none."""
        told = next((one for one in self.scores if one.macro_f1 is not None), None)
        if told is None or told.macro_f1 is None:
            why = next((one.why_not for one in self.scores if one.why_not), "nothing was asked")
            return f"probe: no figure for {self.field}: {why}"
        of = "real songs" if told.name.startswith("real") else "songs of all origins"
        low, high = _short(told.macro_f1.low), _short(told.macro_f1.high)
        return f"probe: {self.field} macro F1 {_short(told.macro_f1.value)} [{low}-{high}] on {of}"


class Kept(msgspec.Struct, frozen=True):
    """The last probe of a dataset, and how far the dataset was then."""

    at: str
    """When, UTC, ISO 8601."""
    revision: int
    """The number of the last event in the history."""
    probes: tuple[Probe, ...]


def _short(figure: float) -> str:
    """``.52``"""
    return f"{figure:.2f}".removeprefix("0")
