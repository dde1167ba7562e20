"""Edits on their way to the disk: one thread with its own connection, which commits them in the order of the keys.

What the screen calls saved has been committed; its view follows at once, so that a catalogue which something else
overwrites takes no label along. An edit that can't be written now (the disk is full, the file locked
or gone) is kept and tried again; one that can never be is said and dropped.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace
from textual.message import Message

from kelly_tui.errors import DatasetError, KellyError, LabelError
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Value
from kelly_tui.model.edit import Edit, Step

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

RETRY_SECONDS = 1.0
"""Between two tries to write what could not be written."""

LONG = 1.0
"""Seconds. What is not written by then waits for another process."""

VIEWS_AT_ONCE = 100
"""Views written between two looks at the queue."""


@dataclass(frozen=True)
class Order:
    """Something to be written: an edit, the wish to undo or redo one, what was heard or said blind."""

    kind: Literal["edit", "undo", "redo", "trial", "opinion"]
    edits: Sequence[Edit] = ()
    words: str | None = None
    trial: Trial | None = None
    sample_id: str = ""
    """Of which an opinion is."""
    said: Mapping[str, Value] = field(default_factory=dict)
    """The opinion, by field."""


@dataclass
class Saved(Message):
    """An order was carried out and is durable. `step` is None where there was nothing to undo or redo."""

    order: Order
    step: Step | None
    waiting: int
    """Orders that are not yet written."""


@dataclass
class NotSaved(Message):
    """An order could not be carried out. `kept`: it will be tried again."""

    order: Order
    reason: str
    kept: bool


@dataclass
class Trouble(Message):
    """Something besides an order went wrong: what, and what it means."""

    words: str


class Saver:
    """Carries out orders one after another on a thread of its own."""

    def __init__(self, root: Path, annotator: str, tell: Callable[[Message], object]) -> None:
        self._root = root
        self._annotator = annotator
        self._tell = tell
        self._orders: queue.Queue[Order | None] = queue.Queue()
        self._leaving = threading.Event()
        self._current: Order | None = None
        self.unsaved: list[Order] = []
        """After `close`: what could not be written."""
        self.stuck = ""
        """Why the oldest order can't be written now; empty while all goes well."""
        self._begun = 0.0
        """When the current order was taken up."""
        self.has_saved = False
        """Whether anything was written."""
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)
        self._thread.start()

    def order(self, order: Order) -> None:
        """Have it written. Returns at once. Raises `DatasetError` after `close`."""
        if self._leaving.is_set():
            raise DatasetError("the dataset is closed", hint="Open it again.")
        self._orders.put(order)

    @property
    def waiting(self) -> int:
        """Orders not yet taken up."""
        return self._orders.qsize()

    @property
    def delay(self) -> str:
        """Why the oldest order is not written yet, where that takes longer than it should; empty otherwise."""
        waits = self._current is not None and monotonic() - self._begun > LONG
        return self.stuck or ("another process is writing to the dataset" if waits else "")

    def close(self, seconds: float = 5.0) -> None:
        """Write what is waiting and end. What can't be written within `seconds` is in `unsaved`."""
        self._leaving.set()
        self._orders.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():  # it hangs, and ends with the program: what it holds must be said
            held = [self._current]
            while not self._orders.empty():
                held.append(self._orders.get_nowait())
            self.unsaved += [order for order in held if order is not None]

    def _run(self) -> None:
        catalogue = self._opened()
        if catalogue is None:
            return
        with catalogue:
            views_due = True  # an app that was killed may have left some
            while True:
                try:
                    order = self._orders.get(block=not views_due)
                except queue.Empty:
                    views_due = self._write_views(catalogue)
                    continue
                if order is None:
                    return
                if self.unsaved:  # an undo of what was not saved would take back what was
                    self.unsaved.append(order)
                    continue
                self._current, self._begun = order, monotonic()
                self._carry_out(catalogue, order)
                self._current = None
                views_due = True

    def _opened(self) -> Catalogue | None:
        """The catalogue, once it can be opened; None if the app is left before."""
        from kelly_tui.store.catalogue import Catalogue
        from kelly_tui.store.connection import keep_little
        from kelly_tui.store.full_disk import not_on_full_disk

        said = False
        while True:
            try:
                catalogue = not_on_full_disk(Catalogue.open(self._root))
                catalogue.begin_session()
                keep_little(catalogue.db)
                return catalogue
            except (KellyError, sqlite3.Error, OSError) as error:
                self.stuck = _in_short(error)
                if not said:
                    self._tell(Trouble(f"nothing can be saved yet: {error}"))
                    said = True
            if self._leaving.wait(RETRY_SECONDS):
                while (order := self._orders.get()) is not None:
                    self.unsaved.append(order)
                return None

    def _carry_out(self, catalogue: Catalogue, order: Order) -> None:
        said = False
        while True:
            try:
                step = _write(catalogue, order, self._annotator)
            except (KellyError, sqlite3.Error, OSError) as error:
                kept = not _is_in_vain(catalogue, order, error)
                why = _in_short(error)
                self.stuck = why if kept else ""
                if not said:
                    self._tell(NotSaved(order, why + _remedy(error) if kept else str(error), kept))
                    said = True
                if not kept:
                    return
                if self._leaving.wait(RETRY_SECONDS):
                    self.unsaved.append(order)
                    return
            else:
                self.has_saved, self.stuck = True, ""
                self._tell(Saved(order, step, self.waiting))
                return

    def _write_views(self, catalogue: Catalogue) -> bool:
        """Write views of edited samples; whether there are more. The catalogue has all of it: trouble only delays."""
        from kelly_tui.store.connection import meaning
        from kelly_tui.store.views import export_annotations

        try:
            written = export_annotations(catalogue, limit=VIEWS_AT_ONCE)
            return written.more and len(written.held_back) < VIEWS_AT_ONCE
        except (KellyError, sqlite3.Error, OSError) as error:
            # Nothing is lost: they are written after the next edit, or on leaving.
            why = meaning(error, catalogue.layout.catalogue_path) if isinstance(error, sqlite3.Error) else error
            self._tell(Trouble(f"saved, but annotations/ could not be written yet: {why}"))
            return False


def _write(catalogue: Catalogue, order: Order, annotator: str) -> Step | None:
    from kelly_tui.store import history
    from kelly_tui.store.layout import utc_now
    from kelly_tui.store.opinions import give_opinion
    from kelly_tui.store.trials import add_trials

    if not catalogue.layout.config_path.exists():  # or it would be written into a file without a name
        raise DatasetError("the dataset's folder is gone", path=catalogue.root)
    if order.kind == "edit":
        return history.edit(catalogue, order.edits, annotator, order.words)
    if order.kind == "opinion":
        return give_opinion(catalogue, order.sample_id, order.said, annotator)
    if order.trial is not None:
        add_trials(catalogue, [replace(order.trial, by=annotator, at=utc_now())])
        return None
    return history.undo(catalogue, annotator) if order.kind == "undo" else history.redo(catalogue, annotator)


def _in_short(error: Exception) -> str:
    """Why, without the file, which leaves no room for more on a line."""
    return error.what if isinstance(error, KellyError) else str(error)


def _remedy(error: Exception) -> str:
    """What helps where waiting does not."""
    from kelly_tui.store.damage import is_damage

    return ", quit and open it again" if is_damage(error.__cause__ or error) else ""


def _is_in_vain(catalogue: Catalogue, order: Order, error: Exception) -> bool:
    """Whether no later try can do better: the value can't be, or its sample is gone."""
    if isinstance(error, LabelError):
        return True
    try:
        wanted = [order.sample_id] if order.kind == "opinion" else [edit.sample_id for edit in order.edits]
        return any(catalogue.get(sample_id) is None for sample_id in wanted)
    except sqlite3.Error:
        return False
