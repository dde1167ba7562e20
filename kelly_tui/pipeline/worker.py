"""Runs chunks of items, in child processes that may die of them.

Native parsers read strangers' files, so the process that reads may crash, hang or eat all memory. It is a child:
its death costs the one item that it was at, whose name is known, and the next item gets a new child.
"""

from __future__ import annotations

import os
import pickle
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kelly_tui.paths import PROJECT
from kelly_tui.pipeline.child import LENGTH, needed_more_than
from kelly_tui.settings import Limits

CHUNK_SECONDS = 5.0
"""A chunk that has taken this long hands back what it has; the rest is asked for again."""

WAITING = 3.0
"""How many times its limit an item may take by the clock: what is starved, or waits for a disk, is no bad file."""

A_LOOK = 1.0
"""Seconds between two looks at the clock. One that comes as late again tells that we were stopped, by ctrl+z or a lid
that was closed, and most likely the item with us: that is no time of its own."""

A_PIPE = 1 << 16
"""Bytes that a pipe holds: room for more would be asked of the system, and given back, with each answer."""

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Workers already fill the cores: libraries that start a thread a core would fight over them."""


def python(module: str) -> list[str]:
    """The command that runs ``main()`` of a module of ours, installed or not.

    -P: a stranger's folder, which may be where we stand, is no place to import from.
    """
    code = f"import sys; sys.path.append({str(PROJECT)!r}); from {module} import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code]


Request = tuple[str, dict[str, Any], float]
"""(dotted path of the function, its argument, seconds that it may take of the processor)."""


class Chunk(NamedTuple):
    """Items to run one after another, and what each may take."""

    work: list[Request]
    memory: int
    """Bytes of address space that an item may take."""
    limits: Limits
    """What is believed of a file."""


Answer = tuple[str, Any, float]
"""(``done``, result, seconds) · (``refused`` ``crashed`` ``slow`` ``memory`` ``broken``, reason, seconds) when the item
failed · (``full`` ``stop`` ``dismissed``, reason, seconds) when it never had its chance · (``unread`` ``place``,
`Trouble`, seconds) where it may be done elsewhere or later: its file can't be read, or something can't be written."""

DOUBTED = frozenset(("refused", "memory", "crashed", "slow", "broken", "stop"))
"""Kinds that a machine which lacks something, a decoder or FluidSynth as well, gives of healthy files too: of a worker
of a cluster they are no truth about the item, or the stage, until it is tried here. It tells them as `Trouble`."""

NO_USE = ("full", "stop", "dismissed", "place")
"""Kinds of answers after which other items would meet the same."""


def run_chunk(chunk: Chunk) -> list[Answer]:
    """Answers to the first items of `chunk`, at least one, in order; fewer when time is up."""
    answers: list[Answer] = []
    until = time.monotonic() + CHUNK_SECONDS
    while len(answers) < len(chunk.work) and (not answers or time.monotonic() < until):
        try:
            child = _own_child(chunk.memory, chunk.limits)
        except OSError as error:  # this machine has no room for one more process, or for its pipes
            return [*answers, ("stop", f"can't start a process ({error.strerror})", 0.0)]
        answers += child.ask(chunk.work[len(answers) :], until)
        if answers[-1][0] in NO_USE:
            break
    return answers


class Child:
    """One child process, asked over pipes."""

    def __init__(self, memory: int, limits: Limits) -> None:
        self.bounds = (memory, limits)
        self._process = subprocess.Popen(
            [*python("kelly_tui.pipeline.child"), str(memory), msgspec.json.encode(limits).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            process_group=0,  # a ctrl+c in the terminal is for the driver, which ends its children itself
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._requests = self._process.stdin
        self._answers = self._process.stdout.fileno()
        self._errors = self._process.stderr.fileno()
        self._dismissed = False
        os.set_blocking(self._requests.fileno(), False)
        os.set_blocking(self._errors, False)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._answers, selectors.EVENT_READ)
        self._ready.register(self._errors, selectors.EVENT_READ)
        self._said = b""
        """What native code has written to standard error since the last answer, the last of it."""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, work: list[Request], until: float) -> list[Answer]:
        """Answers to the first of `work`: to all, or up to the item that the child died of, or until the time is up.

        A child that still has unanswered items is ended: they will be asked of another.
        """
        request = pickle.dumps(work, protocol=pickle.HIGHEST_PROTOCOL)
        unsent = memoryview(LENGTH.pack(len(request)) + request)
        answers: list[Answer] = []
        received = bytearray()
        self._ready.register(self._requests, selectors.EVENT_WRITE)
        waited, now = 0.0, time.monotonic()
        while len(answers) < len(work):
            if answers and now >= until:
                self.end()
                break
            limit = WAITING * work[len(answers)][2]
            patience = min(A_LOOK, max(0.0, limit - waited), until - now if answers else A_LOOK)
            ready = {key.fd for key, _ in self._ready.select(patience)}
            before, now = now, time.monotonic()
            if now - before < patience + A_LOOK:
                waited += now - before
            if self._errors in ready:
                ready.remove(self._errors)
                self._hear()
            if not ready and waited >= limit:  # not while there is an answer: it may have waited for us
                self.end()
                answers.append(("slow", f"took longer than {limit:g} s, most of it waiting", limit))
                break
            if self._requests.fileno() in ready:
                unsent = self._send(unsent)
            if self._answers in ready:
                block = os.read(self._answers, A_PIPE)
                if not block:
                    answers.append(self._last_words(work[len(answers)][2]))
                    break
                received += block
                fresh = _take_frames(received)
                answers += fresh
                if fresh:
                    waited = 0.0
                    self._hear()
                    self._said = b""
                if fresh and fresh[-1][0] == "memory":
                    self.end()
                    break
        return answers

    def dismiss(self) -> None:
        """Kill it from another thread; the one that waits for its answers is told so."""
        self._dismissed = True
        self._process.kill()

    def end(self) -> None:
        """Kill it, whatever it is doing, and let go of its pipes."""
        self._process.kill()
        self._process.wait()
        self._ready.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            unsent = unsent[os.write(self._requests.fileno(), unsent) :]
        except BrokenPipeError:  # it died; the end of its answers will say so
            unsent = unsent[:0]
        if not unsent:
            self._ready.unregister(self._requests)
        return unsent

    def _last_words(self, limit: float) -> Answer:
        self._process.wait()
        code = self._process.returncode
        self._hear()
        self.end()
        if self._dismissed:
            return "dismissed", "", 0.0
        if code == -signal.SIGKILL:
            return "memory", "was killed (signal 9), as the system does where memory runs out", 0.0
        if code == -signal.SIGPROF:
            return "slow", f"took longer than {limit:g} s", limit
        if _NO_MEMORY.search(self._said):  # OpenBLAS then leaves by exit(1), C++ by abort()
            return "memory", needed_more_than(self.bounds[0]), 0.0
        if code < 0:
            return "crashed", f"crashed (signal {-code})", 0.0
        return "crashed", f"ended its process (exit code {code})", 0.0

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            said = os.read(self._errors, A_PIPE)
            if not said and self._errors in self._ready.get_map():  # it was closed there
                self._ready.unregister(self._errors)
            self._said = (self._said + said)[-A_PIPE:]


_NO_MEMORY = re.compile(rb"(?i)out of memory|bad_alloc|memory ?error|memory allocation|(can.?not|failed to) allocate")


def _take_frames(received: bytearray) -> list[Answer]:
    """Remove and return the whole answers at the start of `received`."""
    answers = []
    while len(received) >= LENGTH.size:
        end = LENGTH.size + LENGTH.unpack_from(received)[0]
        if len(received) < end:
            break
        answers.append(pickle.loads(received[LENGTH.size : end]))  # noqa: S301 our own child wrote it
        del received[:end]
    return answers


class Workers(Executor):
    """Executors that know how many they are, and can be told to drop what they have in hand."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many chunks they do at once."""

    @abstractmethod
    def cut_short(self) -> None:
        """End the items in work; those that come after get new children."""

    @abstractmethod
    def must_see(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        """Raise `StageError` unless they all see the very folder `root`, and something at each of `others`.

        Those that do not answer are left out while others do; a line for a person of each.
        """

    @abstractmethod
    def without_blind(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        """As `must_see`, in the midst of a stage: those that see something else by now are left out as well.

        Raises `StageError` where there is no other.
        """

    @abstractmethod
    def without_silent(self) -> list[str]:
        """Leave out those that give no sign of life, while others do; asked every second, a line of each left out.

        What they had in hand is given to the others.
        """

    @abstractmethod
    def without_stuck(self) -> list[str]:
        """Leave out those that have something in hand, while others have nothing; a line of each left out.

        Asked when nothing has come back for longer than anything may take: who could do its work has done it.
        """

    @abstractmethod
    def without(self, worker: str, why: str) -> list[str]:
        """Leave out the one of that name, a line of which is returned: none where that was done before.

        Raises `StageError` where there is no other.
        """


class LocalExecutor(ThreadPoolExecutor, Workers):
    """Threads that wait, each for a child process of its own that works.

    Not a process pool: an item runs in a child in any case, so a second process above it would only cost its start,
    and a script that calls a stage would need ``if __name__ == "__main__"``.
    """

    def __init__(self, workers: int) -> None:
        self._size = workers
        self._children: set[Child] = set()
        super().__init__(workers, "kelly-worker", _belong_to, (self._children,))

    @property
    def size(self) -> int:
        return self._size

    def cut_short(self) -> None:
        _dismiss(self._children)

    def must_see(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        """They are on this machine, so they do."""
        return []

    def without_blind(self, root: Path, others: Sequence[Path] = ()) -> list[str]:
        """They are on this machine, so none is."""
        return []

    def without_silent(self) -> list[str]:
        """They are threads of this process: as alive as it."""
        return []

    def without_stuck(self) -> list[str]:
        """They all wait for children that they end in time."""
        return []

    def without(self, worker: str, why: str) -> list[str]:
        """They are on this machine: what one can't do none can, and no trouble names one."""
        return []

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As its parent does; with `cancel_futures` the items in work are cut short too."""
        if cancel_futures:
            self.cut_short()
        super().shutdown(wait, cancel_futures=cancel_futures)
        for child in list(self._children):
            if wait:
                child.end()
            else:
                child.dismiss()


_thread = threading.local()
_strays: set[Child] = set()
"""The children of threads that belong to no `LocalExecutor`: those of a cluster's worker."""


def cut_all_short() -> None:
    """On a worker of a cluster: end the items in work."""
    _dismiss(_strays)


def _dismiss(children: set[Child]) -> None:
    for child in list(children):
        child.dismiss()


def _belong_to(children: set[Child]) -> None:
    _thread.siblings = children


def _own_child(memory: int, limits: Limits) -> Child:
    """This thread's child, started when there is none or its limits are others."""
    child: Child | None = getattr(_thread, "child", None)
    siblings: set[Child] = getattr(_thread, "siblings", _strays)
    if child is not None and child.alive and child.bounds == (memory, limits):
        return child
    if child is not None:
        child.end()
        siblings.discard(child)
    _thread.child = child = Child(memory, limits)
    siblings.add(child)
    return child
