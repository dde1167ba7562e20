"""What a stage has to do, found out without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.pipeline.pace import kind_of
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.stage import Item, Outcome


@dataclass
class Plan:
    """How much there is to do, and why."""

    total: int = 0
    bytes_by_kind: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    """Items that have their result."""
    failed_before: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of items that failed with the same content and parameters, so that trying again is pointless."""
    why: Counter[str] = field(default_factory=Counter)

    def add(self, item: Item, why: str) -> None:
        """One more to do."""
        self.total += 1
        self.bytes_by_kind[kind_of(item)] += item.size
        self.why[why] += 1

    def outcome(self, stage: str) -> Outcome:
        """What a dry run says."""
        reasons = ", ".join(f"{count:,} {why}" for why, count in self.why.most_common())
        words = f"dry run: {self.total:,} to do" + (f" ({reasons})" if reasons else "")
        details = {"to_do": self.total, "why": dict(self.why)}
        return Outcome(stage, skipped=self.skipped, failed_before=self.failed_before, words=words, details=details)


class Work(NamedTuple):
    """A stage's items, and what is known of them before."""

    stage: str
    items: Iterable[Item]
    plan: Plan
    """Of these very items."""
    room: Room | None = None
    written: Callable[[Item, dict[str, Any]], Path | str | None] = lambda item, _: (
        f"{item.data['root']}/{item.data['target']}"
    )
    """The file that an item has written, which `room` counts."""
    reads: Sequence[Path] = ()
    """Where its workers read besides the dataset's folder."""
    strangers: bool = False
    """Whether the items are files nobody has vouched for, as in import, so that refusing most of them is no fault."""
    ahead: int = 5_000
    """Results that may wait for an earlier one before no more work is handed out."""
    commits_again: bool = True
    """Whether a commit that met a full disk can be tried again; not one that has moved files by then."""
