"""A dataset while stages work on it: open, outside edits taken in, views written, stale results known."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from kelly_tui.pipeline.inherit import hand_down
from kelly_tui.pipeline.stage import Progress, Run, stage_key, why_stale
from kelly_tui.settings import Settings
from kelly_tui.store import views
from kelly_tui.store.catalogue import Catalogue


class Options(TypedDict, total=False):
    """What every stage's function takes by keyword: the fields of `Run`."""

    workers: int
    seed: int
    dry_run: bool
    executor: Executor | None
    progress: Callable[[Progress], None]
    notice: Callable[[str], None]
    cancel: threading.Event
    settings: Settings


@contextmanager
def opened(root: Path | str, run: Run) -> Iterator[Catalogue]:
    """The catalogue of `root`, with outside edits taken in; the views are written at the end, also when a stage fails.

    Not after an interruption: that has to be over in a second, and the same command is likely to come again.
    A dry run changes nothing.
    """
    with Catalogue.open(root) as catalogue:
        if run.dry_run:
            yield catalogue
            return
        with catalogue.writing():  # says at once that a dataset is read-only
            pass
        if merged := views.read_back(catalogue).words():
            run.notice(merged)
        hand_down(catalogue)
        try:
            yield catalogue
        except Exception:
            views.write_views(catalogue)
            raise
        views.write_views(catalogue)


class Parameters:
    """The parameters of a stage, which remember what they were when a result was made."""

    def __init__(self, catalogue: Catalogue, stage: str, version: int, values: Mapping[str, Any]) -> None:
        self._catalogue, self._stage, self._version, self.values = catalogue, stage, version, values
        self._texts: dict[str, str] = {}

    def key(self, content: str) -> str:
        """`stage_key` of a result from `content`."""
        return stage_key(content, self._stage, self._version, self.values)

    def remember(self) -> None:
        """So that a later dry run can say what changed."""
        name = f"parameters {self.key('').split('-')[1]}"
        with self._catalogue.writing() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, json.dumps(dict(self.values))))

    def why(self, old: str | None, new: str) -> str:
        """Why the result under `old` does not serve: ``new``, ``input changed``, ``n_mels 64 → 80``."""
        reason = why_stale(old, new)
        return reason if old is None or reason != "parameters changed" else self._difference(old.split("-")[1])

    def _difference(self, digest: str) -> str:
        if digest not in self._texts:
            row = self._catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (f"parameters {digest}",))
            before: dict[str, Any] = json.loads((row.fetchone() or ("{}",))[0])
            changed = [
                f"{name} {before[name]} → {value}"
                for name, value in self.values.items()
                if name in before and before[name] != value
            ]
            self._texts[digest] = ", ".join(changed) or "parameters changed"
        return self._texts[digest]
