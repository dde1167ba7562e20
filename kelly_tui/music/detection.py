"""What a detector says: a value, how sure it is, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Detection(Generic[T]):
    """`value` is None where it can't be said, and `why` says why not."""

    value: T | None
    confidence: float
    """0..1: how often a detection that says so is right."""
    why: str
    """One short sentence for the screen: ``swing 0.64 ± 0.02 from 61 pairs``."""

    def told(self, more: str) -> Detection[T]:
        """The same with `more` to say."""
        return Detection(self.value, self.confidence, self.why + more)

    def less_sure(self, share: float) -> Detection[T]:
        """The same with this `share` of its confidence."""
        return Detection(self.value, self.confidence * share, self.why)


def unknown(why: str) -> Detection[T]:
    """Nothing can be said, because of `why`."""
    return Detection(None, 0.0, why)
