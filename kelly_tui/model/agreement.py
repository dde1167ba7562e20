"""How far people agree on a field: figures, as a report holds them."""

from __future__ import annotations

from typing import Literal

import msgspec

from kelly_tui.text import count

Scale = Literal["nominal", "ordinal", "interval"]
"""Whether two values can only be equal or not, have an order, or have a distance."""


FEW = 5
"""Samples under which drawing them anew tells nothing of an interval."""


class Alpha(msgspec.Struct, frozen=True):
    """Krippendorff's alpha with its interval: 1 is agreement throughout, 0 what chance gives, less is worse."""

    value: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    samples: int
    """That two or more opinions are of."""

    @property
    def interval(self) -> str:
        """``0.61 to 0.85``."""
        return "too few to tell" if self.samples < FEW else f"{self.low:.2f} to {self.high:.2f}"


class PairAgreement(msgspec.Struct, frozen=True):
    """Two people, or a person and the same one later, on the samples that both judged."""

    first: str
    second: str
    samples: int
    equal: int
    """Samples of which both say the same."""
    kappa: float | None
    """Cohen's, of labels; None where it is not defined: both said one thing only, or the field has a distance."""


class FieldAgreement(msgspec.Struct, frozen=True):
    """How far people agree on a field."""

    field: str
    scale: Scale
    alpha: Alpha | None
    """None where nothing can be said: no sample has two opinions, or all opinions are the same."""
    by_class: dict[str, float | None] = {}
    """{label: alpha of that label against all others}, of nominal and ordinal fields."""
    pairs: list[PairAgreement] = []

    def words(self) -> str:
        """``emotion: alpha 0.74 (0.61 to 0.85) on 40 samples, kappa 0.71 (ann, bob)``."""
        if self.alpha is None:
            return f"{self.field}: too little to say"
        one = self.alpha
        words = f"{self.field}: alpha {one.value:.2f} ({one.interval}) on {count(one.samples, 'sample')}"
        kappas = [pair.kappa for pair in self.pairs if pair.kappa is not None]
        if not kappas:
            return words
        if len(self.pairs) > 1:
            return f"{words}, kappa {min(kappas):.2f} to {max(kappas):.2f} of {count(len(kappas), 'pair')}"
        return f"{words}, kappa {kappas[0]:.2f} ({self.pairs[0].first}, {self.pairs[0].second})"


class Agreement(msgspec.Struct, frozen=True):
    """How far the people of a dataset agree in what they said blind."""

    fields: list[FieldAgreement]
    """Between people, of fields that two of them judged on one sample."""
    own: dict[str, list[FieldAgreement]]
    """{who: of each field that this person judged twice}; the pairs are of rounds."""
    to_decide: int
    """Open conflicts between opinions."""

    def in_short(self, field: str, who: str) -> str:
        """``agreement 0.74 on 40, with yourself 0.81 on 12``: the alphas of a field; empty where there are none."""
        between = _alpha_of(field, self.fields)
        own = _alpha_of(field, self.own.get(who, []))
        said = [f"{between.value:.2f} on {between.samples:,}"] if between is not None else []
        said += [f"with yourself {own.value:.2f} on {own.samples:,}"] if own is not None else []
        return f"agreement {', '.join(said)}" if said else ""


def _alpha_of(field: str, found: list[FieldAgreement]) -> Alpha | None:
    return next((one.alpha for one in found if one.field == field), None)
