"""A dataset while stages work on it: outside edits are taken in, labels handed down, views written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from kelly_tui.pipeline.inherit import hand_down
from kelly_tui.pipeline.recorded import turn
from kelly_tui.pipeline.stage import Progress, Run
from kelly_tui.settings import Settings
from kelly_tui.store import views
from kelly_tui.store.catalogue import Catalogue


class Options(TypedDict, total=False):
    """What every stage's function takes by keyword: the fields of `Run`."""

    workers: int
    seed: int
    dry_run: bool
    cluster: str
    executor: Executor | None
    progress: Callable[[Progress], None]
    notice: Callable[[str], None]
    cancel: threading.Event
    pause: threading.Event
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
        with turn(catalogue, run):
            for line in views.read_back(catalogue).words().splitlines():
                run.notice(line)
            hand_down(catalogue)
            try:
                yield catalogue
            except Exception:
                _settle(catalogue, run)
                raise
            _settle(catalogue, run)


@contextmanager
def readable(root: Path | str, run: Run) -> Iterator[Catalogue]:
    """As `opened`; a dataset that can't be written is read as it lies, for what writes elsewhere."""
    with Catalogue.open(root) as catalogue:
        as_it_lies = catalogue.is_for_reading
        if as_it_lies:
            if not run.dry_run:
                run.notice("the dataset can't be written: outside edits are not looked for")
            yield catalogue
    if not as_it_lies:
        with opened(root, run) as catalogue:
            yield catalogue


def _settle(catalogue: Catalogue, run: Run) -> None:
    """Variants say what their parents now say, and the views say both."""
    hand_down(catalogue)
    for line in views.write_views(catalogue).lists_kept:
        run.notice(line)
