"""What a stage is made of: items in, results out, and how far it is.

A stage is a list of `Item`, a pure function that turns one into a result, and a writer that commits results in
batches. Which process runs the function is `kelly_tui.pipeline.runner`'s business alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kelly_tui.errors import StageError
from kelly_tui.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from kelly_tui.store.runs import Turn


class Item(NamedTuple):
    """One piece of work: one file, one variant or one generated sample."""

    item_id: str
    """What the result is kept under: a sample's id, or a path."""
    name: str
    """What a person calls it; shown when it fails."""
    key: str
    """Of all that the result depends on: see `kelly_tui.pipeline.keys`."""
    size: int
    """Bytes to read; the time left is reckoned by it."""
    function: str
    """Dotted path of the function, ``package.module:name``; the worker imports it."""
    data: dict[str, Any]
    """The function's one argument; builtins only, since it travels between processes."""
    patience: float = 1.0
    """How many times the usual limit it may take: long recordings need it."""


class Failed(NamedTuple):
    """Why an item has no result."""

    reason: str
    kind: str
    """``refused`` (no use as a sample) ``crashed`` ``slow`` ``memory`` ``broken`` (a fault of ours)."""


PAUSED = "paused"
"""`Progress.message` of a stage that waits for a person."""

Result = dict[str, Any] | Failed


class Progress(NamedTuple):
    """How far a stage is."""

    stage: str
    done: int
    total: int
    failed: int
    rate: float
    """Items a second, lately."""
    seconds_left: float | None
    """By bytes left; None until there is something to reckon by."""
    message: str = ""

    def line(self) -> str:
        """For a person: ``extract 812/1,240  34/s  0:13 left  2 failed``."""
        parts = [
            f"{self.stage} {self.done + self.failed:,}/{self.total:,}",
            f"{self.rate:.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s",
        ]
        if self.seconds_left is not None:
            parts.append(f"{clock(self.seconds_left)} left")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.message:
            parts.append(self.message)
        return "  ".join(parts)


@dataclass
class Run:
    """How to run stages: where, how many at once, and who watches. Nothing here changes a result but `seed`."""

    workers: int = 0
    """Processes; 0 means the settings' number, which is one a core by default."""
    seed: int = 0
    dry_run: bool = False
    """Say what would be done, and why; change nothing."""
    cluster: str = ""
    """Where a Dask cluster is: see `kelly_tui.pipeline.cluster`. Empty: the settings', or this machine."""
    executor: Executor | None = None
    """Any other executor, such as a ``ProcessPoolExecutor``."""
    progress: Callable[[Progress], None] = lambda _: None
    notice: Callable[[str], None] = lambda _: None
    """Hears what a person should know that is no result: outside edits that were taken in."""
    cancel: threading.Event = field(default_factory=threading.Event)
    """Set it from any thread and the stage commits what is done and raises `Interrupted`."""
    pause: threading.Event = field(default_factory=threading.Event)
    """Set it from any thread and the stage commits what is in work, and waits until it is cleared or cancelled."""
    settings: Settings = field(default_factory=Settings)
    turn: Turn | None = field(default=None, init=False)
    """The right to work on the dataset, while a stage has it; `kelly_tui.pipeline.recorded.turn` sets it."""

    def __post_init__(self) -> None:
        for name, number in (("workers", self.workers), ("seed", self.seed)):
            if number < 0:
                raise StageError(f"{name} can't be less than 0")

    def tell(self, progress: Progress) -> None:
        """Say how far the stage is: to who watches, and to other processes that look at the dataset."""
        self.progress(progress)
        if self.turn is not None:
            self.turn.tell(progress.stage, progress._asdict())

    def worker_count(self) -> int:
        return self.workers or self.settings.worker_count()


@dataclass
class Outcome:
    """What a stage did."""

    stage: str
    done: int = 0
    skipped: int = 0
    """Items that had their result already."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of each item that failed."""
    failed_before: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason) of each that failed in an earlier run and was not tried again."""
    seconds: float = 0.0
    words: str = ""
    """What the numbers do not say: ``73 labelled, 12 have no folder that is a label``."""
    details: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """What of that is worth keeping with the record of the run: a few numbers, no lists of files."""

    def fail(self, name: str, reason: str) -> None:
        """Note that the item of that name failed."""
        self.failures.append((name, reason))

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def all_failures(self) -> list[tuple[str, str]]:
        return self.failures + self.failed_before

    def line(self) -> str:
        """``extract: 1,240 done, 2 failed in 0:13``."""
        counts = [f"{self.done:,} done"]
        if self.skipped:
            counts.append(f"{self.skipped:,} done before")
        if self.failures:
            counts.append(f"{self.failed:,} failed")
        if self.failed_before:
            counts.append(f"{len(self.failed_before):,} failed before")
        words = f"; {self.words}" if self.words else ""
        return f"{self.stage}: {', '.join(counts)} in {clock(self.seconds)}{words}"

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        failures = [{"name": name, "reason": reason} for name, reason in self.all_failures]
        return {
            "stage": self.stage,
            "done": self.done,
            "skipped": self.skipped,
            "failed": len(failures),
            "failures": failures,
            "seconds": round(self.seconds, 3),
            **self.details,
        }


class Interrupted(KeyboardInterrupt):
    """A stage was stopped by the person; what it had done is committed, and the same again goes on from there."""

    def __init__(self, outcome: Outcome, total: int) -> None:
        super().__init__()
        self.outcome = outcome
        self.total = total

    def __str__(self) -> str:  # when it is asked for: what has come back is still being committed as this is raised
        done, total = self.outcome.done, self.total
        return f"{self.outcome.stage} stopped at {done:,} of {total:,}; the same again goes on from there"


def clock(seconds: float) -> str:
    """``0:13``, ``12:05``, ``3:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
