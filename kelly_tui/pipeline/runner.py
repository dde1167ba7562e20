"""Drives a stage: hands items to workers, commits what comes back, says how far it is, and stops when told.

Only this process writes to the catalogue. Results are committed in the order of the items, whatever order they come
back in, so that a dataset is the same on any number of workers.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.errors import KellyError, StageError
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.stage import Failed, Interrupted, Item, Outcome, Progress, Result, Run
from kelly_tui.pipeline.worker import Answer, Chunk, LocalExecutor, run_chunk

CHUNK_WORK = 0.2
"""Seconds of work in a chunk, about: over 0.1, below which handing it over costs more than doing it."""

CHUNK_ITEMS = 500
WINDOW = 4
"""Chunks in flight for each worker: enough that none waits, few enough that nothing piles up."""

HELD_BACK = 5_000
"""Results that wait for an earlier one before no more work is handed out."""

COMMIT_SECONDS = 0.5
STALL_SECONDS = 120.0
LAST_MOMENT = 0.5
"""Seconds that work in progress gets to end after a cancellation, which has to be over in one."""

RETRIES = 3
"""How often a chunk whose worker was lost is handed out again."""

SAMPLE = 50
"""Items after which it is asked whether most fail."""

Commit = Callable[[list[tuple[Item, Result]]], None]


class Work(NamedTuple):
    """A stage's items, and how many they are."""

    stage: str
    items: Iterable[Item]
    total: int
    total_bytes: int
    skipped: int = 0
    """Items not among them, since they have their result."""
    strangers: bool = False
    """Whether the items are files nobody has vouched for, as in import, so that refusing most of them is no fault."""
    room: Room | None = None
    written: Callable[[Item, dict[str, Any]], Path | None] = lambda item, _: Path(
        item.data["root"], item.data["target"]
    )
    """The file that an item has written, which `room` counts."""


def run_items(work: Work, commit: Commit, run: Run) -> Outcome:
    """Run every item and commit its result or its failure.

    Raises `Interrupted` when cancelled (what was done is committed), `StageError` when the stage can't go on.
    """
    outcome = Outcome(work.stage, skipped=work.skipped)
    if work.total:
        with _workers(run) as executor, _interruptible(run.cancel):
            _Drive(work, commit, run, executor, outcome).go()
    return outcome


@contextmanager
def shared_workers(run: Run) -> Iterator[Run]:
    """`run` with one set of workers for several stages, so that they start once."""
    with _workers(run) as executor:
        before, run.executor = run.executor, executor
        try:
            yield run
        finally:
            run.executor = before


@contextmanager
def _workers(run: Run) -> Iterator[Executor]:
    if run.executor is not None:
        yield run.executor
        return
    executor = LocalExecutor(run.worker_count())
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _interruptible(cancel: threading.Event) -> Iterator[None]:
    """The first ctrl+c sets `cancel`; the next one is python's own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, frame: object) -> None:
        cancel.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Ticket(NamedTuple):
    """An item and its place in the order."""

    place: int
    item: Item


class _Drive:
    """One run of one stage, from first item to last commit."""

    def __init__(self, work: Work, commit: Commit, run: Run, executor: Executor, outcome: Outcome) -> None:
        self.work = work
        self.commit = commit
        self.run = run
        self.executor = executor
        self.outcome = outcome
        self.waiting = (_Ticket(place, item) for place, item in enumerate(work.items))
        self.again: deque[_Ticket] = deque()
        """Handed out before and come back without an answer; first in line."""
        self.flying: dict[Future[tuple[list[Answer], float]], list[_Ticket]] = {}
        self.lost: dict[int, int] = {}
        self.landed: dict[int, tuple[Item, Result]] = {}
        self.next_place = 0
        self.seconds_an_item = CHUNK_WORK
        self.bytes_done = 0
        self.longest = 0.0
        """The most seconds that an item in hand may take."""
        self.faults = 0
        """Failures that count towards "most fail"."""
        self.last_reason = ""
        self.answered = 0
        self.pace: deque[tuple[float, int, int]] = deque(maxlen=64)
        """(when, items, bytes) lately."""
        self.last_answer = self.last_commit = self.last_word = self.began = time.monotonic()

    def go(self) -> None:
        try:
            while self._hand_out():
                self._collect()
                self._tell()
                if self.run.cancel.is_set():
                    self._let_land()
                    raise Interrupted(self.outcome, self.work.total)
        finally:
            for future in self.flying:
                future.cancel()
            self._commit_landed()
            self.outcome.seconds = time.monotonic() - self.began
            self._tell(last=True)

    def _let_land(self) -> None:
        """Wait a moment for what is in work: a result whose forerunner is missing could not be committed."""
        until = time.monotonic() + LAST_MOMENT
        self.flying = {future: tickets for future, tickets in self.flying.items() if not future.cancel()}
        while self.flying and time.monotonic() < until:
            self._collect()

    def _hand_out(self) -> bool:
        """Fill the window; whether anything is still in flight."""
        window = WINDOW * self.run.worker_count()
        while len(self.flying) < window and len(self.landed) < HELD_BACK:
            tickets = self._next_chunk()
            if not tickets:
                break
            usual = self.run.settings.item_seconds
            work = [(item.function, item.data, usual * item.patience) for _, item in tickets]
            self.longest = max(self.longest, *(seconds for *_, seconds in work))
            chunk = Chunk(work, int(self.run.settings.item_memory_gb * 2**30))
            self.flying[self.executor.submit(run_chunk, chunk)] = tickets
        return bool(self.flying)

    def _next_chunk(self) -> list[_Ticket]:
        wanted = max(1, min(CHUNK_ITEMS, int(CHUNK_WORK / max(self.seconds_an_item, 1e-6))))
        tickets: list[_Ticket] = []
        while len(tickets) < wanted:
            ticket = self.again.popleft() if self.again else next(self.waiting, None)
            if ticket is None:
                break
            tickets.append(ticket)
        return tickets

    def _collect(self) -> None:
        landed, _ = wait(self.flying, timeout=0.1, return_when=FIRST_COMPLETED)
        for future in landed:
            tickets = self.flying.pop(future)
            try:
                answers, seconds = future.result()
            except (KellyError, CancelledError):
                raise
            except Exception as error:  # the worker itself is gone: a machine lost, a pool broken
                self._take_back(tickets, error)
                continue
            self.last_answer = time.monotonic()
            self._take(tickets, answers, seconds)
        now = time.monotonic()
        if now - self.last_answer > max(STALL_SECONDS, 2 * self.longest):
            raise StageError(
                f"{self.work.stage} has made no progress for {now - self.last_answer:.0f} s",
                hint="Its workers may be gone; run the same again to go on.",
            )
        if now - self.last_commit >= COMMIT_SECONDS:
            self._commit_landed()

    def _take(self, tickets: list[_Ticket], answers: list[Answer], seconds: float) -> None:
        stop = ""
        for ticket, (kind, value) in zip(tickets, answers, strict=False):
            if kind == "done":
                self.landed[ticket.place] = (ticket.item, value)
            elif kind in ("full", "stop", "dismissed"):
                self.again.append(ticket)
                if kind != "dismissed":
                    stop = "the disk is full" if kind == "full" else value
                continue
            else:
                self.landed[ticket.place] = (ticket.item, Failed(value, kind))
                self.last_reason = value
                self.faults += not (self.work.strangers and kind == "refused")
            self.answered += 1
            self.bytes_done += ticket.item.size
        self.again.extend(tickets[len(answers) :])
        if answers:
            share = seconds / len(answers)
            self.seconds_an_item += 0.3 * (share - self.seconds_an_item)
            self.pace.append((time.monotonic(), self.answered, self.bytes_done))
        if stop:
            raise StageError(
                f"{self.work.stage} stopped: {stop}", hint="When that is mended, run the same again to go on."
            )
        if self.answered >= SAMPLE and self.faults * 2 > self.answered:
            raise StageError(
                f"{self.work.stage} stopped: most items fail, {self.faults} of {self.answered} ({self.last_reason})",
                hint="Mend the cause, then `kelly retry` and run it again.",
            )

    def _take_back(self, tickets: list[_Ticket], error: Exception) -> None:
        for ticket in tickets:
            self.lost[ticket.place] = self.lost.get(ticket.place, 0) + 1
            if self.lost[ticket.place] > RETRIES:
                raise StageError(
                    f"{self.work.stage} lost its workers ({error or type(error).__name__})",
                    hint="Run the same again to go on.",
                )
        self.again.extend(tickets)

    def _commit_landed(self) -> None:
        """Commit what has come back, up to the first item that has not."""
        places = list(takewhile(self.landed.__contains__, count(self.next_place)))
        self.last_commit = time.monotonic()
        if not places:
            return
        fitting = list(takewhile(self._fits, (self.landed[place] for place in places)))
        self.commit(fitting)
        for place in places:
            del self.landed[place]
        self.next_place += len(fitting)
        for item, result in fitting:
            if isinstance(result, Failed):
                self.outcome.failures.append((item.name, result.reason))
            else:
                self.outcome.done += 1
        if len(fitting) < len(places):
            assert self.work.room is not None
            raise self.work.room.exhausted(self.work.stage)

    def _fits(self, landed: tuple[Item, Result]) -> bool:
        item, result = landed
        if self.work.room is None or isinstance(result, Failed):
            return True
        path = self.work.written(item, result)
        return path is None or self.work.room.admits(path)

    def _tell(self, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self.last_word < 0.1:
            return
        self.last_word = now
        rate = bytes_a_second = 0.0
        if self.pace:
            then, items, size = self.pace[0] if len(self.pace) == self.pace.maxlen else (self.began, 0, 0)
            rate = (self.answered - items) / max(now - then, 1e-3)
            bytes_a_second = (self.bytes_done - size) / max(now - then, 1e-3)
        left: float | None = None
        if bytes_a_second:
            left = max(0, self.work.total_bytes - self.bytes_done) / bytes_a_second
        elif rate:
            left = (self.work.total - self.answered) / rate
        failed = self.outcome.failed + sum(isinstance(result, Failed) for _, result in self.landed.values())
        self.run.progress(Progress(self.work.stage, self.answered - failed, self.work.total, failed, rate, left))
