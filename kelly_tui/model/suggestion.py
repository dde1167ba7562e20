"""What a sample's features suggest that it expresses: no label, until a person accepts it."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import GUESSED
from kelly_tui.model.sample import Sample


class Suggestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Emotion, valence and arousal as they are heard in the features, and how sure that is."""

    emotion: str | None = None
    """The likeliest of the dataset's labels; None where nothing can be said, and `why` says why."""
    probabilities: dict[str, float] = {}
    """Of each label, the likeliest first; those under a hundredth are left out."""
    valence: float | None = None
    """-1..1"""
    arousal: float | None = None
    """-1..1"""
    valence_spread: float | None = None
    """Standard deviation of what people would say, from what was heard."""
    arousal_spread: float | None = None
    why: str = ""
    """``minor, 68 BPM, quiet, few notes``"""

    @property
    def probability(self) -> float | None:
        """Of the likeliest label."""
        return None if self.emotion is None else self.probabilities.get(self.emotion)

    def values(self) -> dict[str, Value]:
        """What it says, by the field that it is about."""
        said = {"emotion": self.emotion, "valence": self.valence, "arousal": self.arousal}
        return {field: value for field, value in said.items() if value is not None}

    def without(self, refused: Collection[str]) -> Suggestion:
        """What is left where a person has refused guesses (`Sample.refused`): the others, in their shares.

        With the likeliest emotion go valence and arousal, which were heard together with it.
        """
        if not refused or not self.values():
            return self
        left = {name: share for name, share in self.probabilities.items() if f"emotion:{name}" not in refused}
        whole = sum(left.values())
        contradicted = self.emotion is not None and self.emotion not in left
        plane = {
            field: None if contradicted or field in refused else getattr(self, field)
            for field in ("valence", "arousal")
        }
        return msgspec.structs.replace(
            self,
            emotion=next(iter(left), None) if whole > 0 else None,
            probabilities={name: round(share / whole, 3) for name, share in left.items()} if whole > 0 else {},
            **plane,
        )


def offered(suggestion: Suggestion | None, sample: Sample, config: DatasetConfig) -> dict[str, Value]:
    """What of a suggestion there is to accept: the fields that the model needs and that nobody has filled.

    Where a person or a folder has named another emotion, all of it is contradicted, and nothing is offered.
    """
    if suggestion is None:
        return {}
    named: Label | None = sample.labels.get("emotion")
    if named is not None and named.source not in GUESSED and named.value != suggestion.emotion:
        return {}
    return {
        field: value
        for field, value in suggestion.values().items()
        if field in config.model.needs and field not in sample.labels
    }
