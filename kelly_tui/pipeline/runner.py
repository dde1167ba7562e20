"""Drives a stage: hands items to workers, commits what comes back, says how far it is, and stops when told.

Only this process writes to the catalogue. Results are committed in the order of the items, whatever order they come
back in, so that a dataset is the same on any number of workers.

A full disk pauses a stage: it says so, looks every half second whether there is room again, and goes on by itself.
After `FULL_SECONDS` it gives up (exit code 2), so that a script does not hang for ever; cancelling answers at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.errors import DiskFull, KellyError, StageError
from kelly_tui.pipeline.pace import Pace
from kelly_tui.pipeline.plan import Work
from kelly_tui.pipeline.stage import PAUSED, Failed, Interrupted, Item, Outcome, Progress, Result, Run
from kelly_tui.pipeline.trouble import Trouble, lacking
from kelly_tui.pipeline.witness import Witness
from kelly_tui.pipeline.worker import WAITING, Answer, Chunk, Workers, run_chunk
from kelly_tui.pipeline.workplace import workers

CHUNK_WORK = 0.2
"""Seconds of work in a chunk, about: over 0.1, below which handing it over costs more than doing it."""

CHUNK_ITEMS = 500
WINDOW = 4
"""Chunks in flight for each worker: enough that none waits, few enough that nothing piles up."""

COMMIT_SECONDS = 0.5
STALL_SECONDS = 120.0
A_LOOK = 1.0
"""Seconds between two looks at what has come back; whatever is beyond was no wait for workers: ctrl+z stopped us."""

LAST_MOMENT = 0.3
"""Seconds that work in progress gets to end after a cancellation, which has to be over in one."""

FULL_SECONDS = 3600.0
"""How long a stage waits for room on a full disk."""

RETRIES = 3
"""How often a chunk whose worker was lost is handed out again."""

_NO_TROUBLE = {"unread": "refused", "place": "stop"}
"""What kind of answer it is where what a worker could not do can't be done here either."""

SAMPLE = 50
"""Items after which it is asked whether most fail."""

Commit = Callable[[list[tuple[Item, Result]]], None]


def run_items(work: Work, commit: Commit, run: Run) -> Outcome:
    """Run every item and commit its result or its failure.

    Raises `Interrupted` when cancelled (what was done is committed), `StageError` when the stage can't go on.
    """
    plan = work.plan
    outcome = Outcome(work.stage, skipped=plan.skipped, failed_before=plan.failed_before)
    if plan.total:
        with workers(run) as executor, _interruptible(run.cancel):
            drive = _Drive(work, commit, run, executor, outcome)
            drive.check_workers()
            drive.go()
    return outcome


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
        self.flying: dict[Future[list[Answer]], list[_Ticket]] = {}
        self.lost: dict[int, int] = {}
        self.witness = Witness(work)
        self.landed: dict[int, tuple[Item, Result]] = {}
        self.next_place = 0
        self.pace = Pace(work.plan.bytes_by_kind, work.plan.total, self._size())
        self.longest = 0.0
        """The most seconds that an item in hand may take."""
        self.faults = 0
        """Failures that count towards "most fail"."""
        self.last_reason = ""
        self.is_full = False
        """Whether an item has met a full disk."""
        self.full_since: float | None = None
        self.answered = 0
        self.began = time.monotonic()
        self.last_answer = self.last_commit = self.last_word = self.last_look = self.last_roll = self.began

    def check_workers(self) -> None:
        """Raise `StageError` where a worker has other folders than we have."""
        if self.work.room is not None and isinstance(self.executor, Workers):
            for words in self.executor.must_see(self.work.room.folder, self.work.reads):
                self.run.notice(words)

    def go(self) -> None:
        try:
            self._work_off()
        except (KellyError, Interrupted):
            self._clear_away()
            raise

    def _work_off(self) -> None:
        said: tuple[type[KellyError], ...] = ()
        try:
            while self._hand_out():
                self._collect()
                if self.is_full:
                    self._wait_for_room()
                self._tell()
                if self.run.pause.is_set():
                    self._wait_for_a_person()
                if self.run.cancel.is_set():
                    self._let_land()
                    raise Interrupted(self.outcome, self.work.plan.total)
        except KellyError:
            said = (KellyError,)
            raise
        finally:
            self.witness.end()
            for future in self.flying:
                future.cancel()
            with suppress(*said):  # what follows from the trouble is not said in its place
                self._commit_landed()
            self.outcome.seconds = time.monotonic() - self.began
            self._tell(last=True)

    def _wait_for_room(self) -> None:
        """Return when there is room on the disk again, or the stage is cancelled. Raises `StageError`."""
        room, self.is_full = self.work.room, False
        assert room is not None
        needed = room.needed(self.work.plan.total - self.outcome.done - self.outcome.failed)
        words = f"paused: the disk is full, needs about {max(1, needed // 1_000_000):,} MB"
        if self.full_since is None:
            self.full_since = time.monotonic()
            self.run.notice(f"{self.work.stage} {words}; it goes on by itself when there is room")
        while not self.run.cancel.is_set():
            if time.monotonic() - self.full_since >= FULL_SECONDS:
                raise StageError(
                    f"{self.work.stage} stopped: the disk has been full for {FULL_SECONDS / 60:.0f} minutes",
                    hint="Make room, then run the same again to go on.",
                )
            self._tell(message=words)
            self.run.cancel.wait(0.5)
            if room.is_free(needed):
                break
        self.last_answer = time.monotonic()

    def _wait_for_a_person(self) -> None:
        """Commit what is in work, and return when the stage may go on or is cancelled. Workers stay where they are."""
        while self.flying and not self.run.cancel.is_set():
            self._collect()
            self._tell(message="pausing")
        self._commit_landed()
        while self.run.pause.is_set() and not self.run.cancel.is_set():
            self._tell(message=PAUSED)
            self.run.cancel.wait(0.2)
        self.last_answer = time.monotonic()

    def _let_land(self) -> None:
        """Wait a moment for what is in work: a result whose forerunner is missing could not be committed."""
        until = time.monotonic() + LAST_MOMENT
        self.flying = {future: tickets for future, tickets in self.flying.items() if not future.cancel()}
        while self.flying and time.monotonic() < until:
            self._collect()

    def _clear_away(self) -> None:
        """Remove the files of results that will not be committed, those still in work too."""
        if self.work.room is None:
            return
        wait(self.flying, timeout=LAST_MOMENT)
        if isinstance(self.executor, Workers):
            self.executor.cut_short()
        ended, _ = wait(self.flying, timeout=LAST_MOMENT)
        uncommitted = list(self.landed.values())
        for future in ended:
            if not future.cancelled() and future.exception() is None:
                answers = zip(self.flying[future], future.result(), strict=False)
                uncommitted += [(ticket.item, value) for ticket, (kind, value, _) in answers if kind == "done"]
        for item, result in uncommitted:
            if (path := self._written(item, result)) is not None:
                self.work.room.clear(path, item.item_id)

    def _hand_out(self) -> bool:
        """Fill the window; whether anything is still in flight. With nothing in it all is committed, or to do again."""
        if len(self.landed) >= self.work.ahead or not self.flying:
            self._commit_landed()
        window = WINDOW * self._size()
        while len(self.flying) < window and (self.again or len(self.landed) < self.work.ahead):
            tickets = self._next_chunk()
            if not tickets:
                break
            self.flying[self.executor.submit(run_chunk, self._chunk(tickets))] = tickets
        return bool(self.flying)

    def _chunk(self, tickets: list[_Ticket]) -> Chunk:
        settings = self.run.settings
        work = [(item.function, item.data, settings.item_seconds * item.patience) for _, item in tickets]
        self.longest = max(self.longest, *(WAITING * seconds for *_, seconds in work))
        return Chunk(work, int(settings.item_memory_gb * 2**30), settings.limits)

    def _size(self) -> int:
        """Chunks that are done at once."""
        return self.executor.size if isinstance(self.executor, Workers) else self.run.worker_count()

    def _next_chunk(self) -> list[_Ticket]:
        tickets: list[_Ticket] = []
        seconds = 0.0
        while seconds < CHUNK_WORK and len(tickets) < CHUNK_ITEMS:
            ticket = self.again.popleft() if self.again else next(self.waiting, None)
            if ticket is None:
                break
            tickets.append(ticket)
            seconds += self.pace.guess(ticket.item, CHUNK_WORK)
        return tickets

    def _collect(self) -> None:
        landed, _ = wait(self.flying, timeout=0.1, return_when=FIRST_COMPLETED)
        for future in landed:
            tickets = self.flying.pop(future)
            try:
                answers = future.result()
            except KellyError:
                raise
            except CancelledError:  # who handed it out is gone: a scheduler lost, an executor shut down
                raise StageError(
                    f"{self.work.stage} lost its workers, or the scheduler of its cluster",
                    hint="Run the same again to go on.",
                ) from None
            except Exception as error:  # the worker itself is gone: a machine lost, a pool broken
                why = f"{self.work.stage} lost its workers ({error or type(error).__name__})"
                self._take_back(tickets, StageError(why, hint="Run the same again to go on."))
                continue
            self.last_answer = time.monotonic()
            self._take(tickets, answers)
        now = time.monotonic()
        self.last_answer += max(0.0, now - self.last_look - A_LOOK)
        self.last_look = now
        self._look_after_workers(now)
        if now - self.last_commit >= COMMIT_SECONDS:
            self._commit_landed()

    def _look_after_workers(self, now: float) -> None:
        """Go on without those that are gone without a word. Raises `StageError` where all seem to be."""
        workers = self.executor if isinstance(self.executor, Workers) else None
        if workers is not None and now - self.last_roll >= A_LOOK:
            self.last_roll = now
            for words in workers.without_silent():
                self.run.notice(words)
        idle = now - self.last_answer
        if idle <= max(STALL_SECONDS, 1.2 * self.longest):
            return
        left_out = [] if workers is None else workers.without_stuck()
        if not left_out:
            raise StageError(
                f"{self.work.stage} has made no progress for {idle:.0f} s",
                hint="Its workers may be gone; run the same again to go on.",
            )
        for words in left_out:
            self.run.notice(words)
        self.last_answer = now

    def _take(self, tickets: list[_Ticket], answers: list[Answer]) -> None:
        stop, blamed, belied = "", None, None
        for ticket, (said, told, seconds) in zip(tickets, answers, strict=False):
            place, item = ticket
            belied = self.witness.belies(place, said) or belied
            kind = _NO_TROUBLE.get(said, said)
            value: Any = told
            if isinstance(told, Trouble):
                if blamed is None and self.witness.doubts(said, told, place):
                    self.flying[self.witness.tries(self._chunk([ticket]), place, told)] = [ticket]
                    continue
                if blamed is not None or self.witness.can(said, told, place):
                    blamed = told  # by the same worker, whatever it says of the next: others will tell
                    self.again.append(ticket)
                    continue
                value = told.what if kind == "refused" else told.line(told.hint)
                if said == "unread" and (away := self.witness.folder_away(told, item.data.get("root", ""))):
                    kind, value = "stop", lacking(away)
            if kind == "done":
                self.landed[ticket.place] = (ticket.item, value)
            elif kind in ("full", "stop", "dismissed"):
                self.again.append(ticket)
                if kind == "full" and self.work.room is not None:
                    self.is_full = True
                elif kind != "dismissed":
                    stop = "the disk is full" if kind == "full" else value
                continue
            else:
                self.landed[ticket.place] = (ticket.item, Failed(value, kind))
                self.last_reason = value
                self.faults += not (self.work.strangers and kind == "refused")
            self.answered += 1
            self.pace.note(ticket.item, seconds, failed=kind != "done")
        self.again.extend(tickets[len(answers) :])
        if belied is not None and self.witness.has_enough(belied.worker):
            blamed = belied
        elif belied is not None:
            self.run.notice(f"the worker {belied.worker} failed at what could be done here ({belied.line()})")
        if blamed is not None and isinstance(self.executor, Workers):
            for words in self.executor.without(blamed.worker, f"can't do what can be done here ({blamed.line()})"):
                self.run.notice(words)
        if stop:
            raise StageError(
                f"{self.work.stage} stopped: {stop}", hint="When that is mended, run the same again to go on."
            )
        if self.answered >= SAMPLE and self.faults * 2 > self.answered:
            raise StageError(
                f"{self.work.stage} stopped: most items fail, {self.faults} of {self.answered} ({self.last_reason})",
                hint="Mend the cause, then `kelly retry` and run it again.",
            )

    def _take_back(self, tickets: list[_Ticket], in_vain: StageError) -> None:
        """To hand them out again. Raises `in_vain` where that was done often enough."""
        for ticket in tickets:
            self.lost[ticket.place] = self.lost.get(ticket.place, 0) + 1
            if self.lost[ticket.place] > RETRIES:
                raise in_vain
        self.again.extend(tickets)

    def _commit_landed(self) -> None:
        """Commit what has come back, up to the first item that has not, or whose file is not there."""
        places = list(takewhile(self.landed.__contains__, count(self.next_place)))
        self.last_commit = time.monotonic()
        if not places:
            return
        fitting: list[tuple[Item, Result]] = []
        trouble: StageError | FileNotFoundError | None = None
        try:
            for place in places:
                self._admit(*self.landed[place])
                fitting.append(self.landed[place])
        except (StageError, FileNotFoundError) as error:
            trouble = error
        if fitting:
            self._commit(fitting)
        for place in places[: len(fitting)]:
            del self.landed[place]
        self.next_place += len(fitting)
        for item, result in fitting:
            if isinstance(result, Failed):
                self.outcome.failures.append((item.name, result.reason))
            else:
                self.outcome.done += 1
        if isinstance(trouble, StageError):
            raise trouble
        if trouble is not None and not self.run.cancel.is_set():
            self._write_again()

    def _commit(self, fitting: list[tuple[Item, Result]]) -> None:
        while True:
            try:
                self.commit(fitting)
            except DiskFull:
                if self.work.room is None or not self.work.commits_again:
                    raise
                if self.run.cancel.is_set():
                    raise Interrupted(self.outcome, self.work.plan.total) from None
                self._wait_for_room()
            else:
                self.full_since = None
                return

    def _admit(self, item: Item, result: Result) -> None:
        """Raises `StageError` without room for what was written, `FileNotFoundError` where that is not there."""
        room = self.work.room
        if room is not None and (path := self._written(item, result)) is not None and not room.admits(path):
            raise room.exhausted(self.work.stage)

    def _written(self, item: Item, result: Result) -> Path | str | None:
        return None if isinstance(result, Failed) else self.work.written(item, result)

    def _write_again(self) -> None:
        """Have done again what was written and is not here: a worker may have lost a folder. Raises `StageError`."""
        assert self.work.room is not None
        if isinstance(self.executor, Workers):
            for words in self.executor.without_blind(self.work.room.folder, self.work.reads):
                self.run.notice(words)
        for place, landed in sorted(self.landed.items()):
            path = self._written(*landed)
            if path is not None and not os.path.exists(path):
                del self.landed[place]
                self.answered -= 1
                gone = StageError(
                    f"{self.work.stage} stopped: what was written is gone",
                    path=path,
                    hint="Look after that folder, then run the same again to go on.",
                )
                self._take_back([_Ticket(place, landed[0])], gone)

    def _tell(self, last: bool = False, message: str = "") -> None:
        now = time.monotonic()
        if not last and not message and now - self.last_word < 0.1:
            return
        self.last_word = now
        failed = self.outcome.failed + sum(isinstance(result, Failed) for _, result in self.landed.values())
        done, total = self.answered - failed, self.work.plan.total
        self.run.tell(Progress(self.work.stage, done, total, failed, self.pace.rate, self.pace.seconds_left, message))
