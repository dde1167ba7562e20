"""The process that touches strangers' files, and may die of it.

Its arguments are the memory it may take, in bytes, and `kelly_tui.settings.Limits` as JSON. Requests come on standard
input, each a pickled list of (function, argument, seconds); one answer an item goes back on what was standard output,
as soon as it is known. Frames are a 4-byte length and a pickle. What native code prints goes nowhere, but where it ends
the process after some words on memory, as OpenBLAS does, these are its answer.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

import msgspec

from kelly_tui.errors import DatasetError, DiskFull, FileRefused, KellyError, LibraryMissing, SoundError, StoreError
from kelly_tui.pipeline.trouble import Trouble, is_there_after_all, no_place, unread
from kelly_tui.settings import Limits, obey

LENGTH = struct.Struct("<I")

_PR_SET_PDEATHSIG = 1
"""Of Linux's ``prctl``: which signal a process gets when the thread that started it has ended."""

_HEARD = 1 << 16
"""Bytes of what native code says that are kept: what a pipe holds, so that it never waits and they never pile up."""


def main() -> None:
    """Answer until the asker is gone."""
    try:
        _work()
    finally:  # never by way of C's exit, whose last words need an interpreter
        os._exit(1)


def _work() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is for the process that drives
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    sys.stderr = os.fdopen(nowhere, "w")  # Python's own need no room where native code is heard
    heard = _hear_errors()
    _end_with_asker()
    memory = _limit_memory(int(sys.argv[1]))

    def last_words() -> None:
        if b"memory" in _said(heard).lower():
            _send(answers, "memory", _needed_more_than(memory), 0.0)
            os._exit(0)

    _at_exit(last_words)
    obey(msgspec.json.decode(sys.argv[2], type=Limits))
    requests: queue.SimpleQueue[list[tuple[str, dict[str, Any], float]]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    is_warm = False
    while True:
        for function, argument, seconds in requests.get():
            # The system ends us, also inside native code, when an item takes too long of the processor; the asker does
            # when it takes too long by the clock. An alarm here would run on while all of us are stopped.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            _said(heard)  # of the item before
            began = time.monotonic()
            kind, value = _answer(function, argument, memory)
            if kind == "unread" and is_there_after_all(value.path):
                kind, value = _answer(function, argument, memory)
            signal.setitimer(signal.ITIMER_PROF, 0)
            _send(answers, kind, value, time.monotonic() - began)
            if kind == "memory":  # what is left of a process that ran out of memory is not to be trusted
                os._exit(0)
            if not is_warm:  # what the first item has imported stays: the garbage collector need not walk it for each
                gc.freeze()
                is_warm = True


def _send(answers: BinaryIO, kind: str, value: Any, seconds: float) -> None:
    answer = pickle.dumps((kind, value, seconds), protocol=pickle.HIGHEST_PROTOCOL)
    answers.write(LENGTH.pack(len(answer)) + answer)
    answers.flush()


def _hear_errors() -> int:
    """Have what is written to standard error go where `_said` reads it, as far as there is room."""
    heard, said = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(said, False)
    os.dup2(said, 2)
    return heard


def _said(heard: int) -> bytes:
    with suppress(BlockingIOError):  # nothing
        return os.read(heard, _HEARD)
    return b""


def _at_exit(last: Callable[[], None]) -> None:
    """Have `last` called where native code ends the process by C's ``exit``: Python's ``atexit`` never hears of it."""
    called = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: last())
    _kept.append(called)
    ctypes.CDLL(None).__cxa_atexit(called, None, None)


_kept: list[Any] = []
"""What C has the address of, and Python would forget."""


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[list[tuple[str, dict[str, Any], float]]]) -> None:
    """Pass requests on; leave at once, whatever is being done, when the asker is gone."""
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        inbox.put(pickle.loads(requests.read(LENGTH.unpack(head)[0])))  # noqa: S301 our own asker wrote it
    os._exit(0)


def _answer(function: str, argument: dict[str, Any], memory: int) -> tuple[str, Any]:
    """(``done``, result), or (what kind of failure, why); `memory`: bytes that there are."""
    try:
        module, _, name = function.partition(":")
        return "done", getattr(import_module(module), name)(argument)
    except FileRefused as error:
        if isinstance(error.__cause__, MemoryError):
            return "memory", _needed_more_than(memory)
        if (trouble := unread(error, argument)) is not None:
            return "unread", trouble
        return "refused", error.what
    except DiskFull as error:
        return "full", str(error)
    except DatasetError as error:
        return "place", Trouble(error.what, str(error.path or ""), error.hint)
    except (LibraryMissing, SoundError, StoreError) as error:  # not this file's fault: the next would meet the same
        return "stop", str(error)
    except KellyError as error:
        return "broken", str(error)
    except MemoryError:
        return "memory", _needed_more_than(memory)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "full", str(error)
        if error.errno == errno.ENOMEM:
            return "memory", _needed_more_than(memory)
        if (trouble := no_place(error, argument)) is not None:
            return "place", trouble
        return "broken", f"{type(error).__name__}: {error}"
    except Exception as error:  # a fault of ours costs its item, by name, and not the run
        return "broken", f"{type(error).__name__}: {error}"


def _needed_more_than(memory: int) -> str:
    whose = "item_memory_gb" if memory == int(sys.argv[1]) else "a limit of the system"
    return f"needed more than {memory / 2**30:.3g} GB ({whose})"


def _end_with_asker() -> None:
    """Have the system end us with the asker, also inside native code that would not let `_listen` have its turn."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_memory(limit: int) -> int:
    """The bytes of address space that we get: fewer than `limit` where the system gives none of us so many."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return limit
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    given = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (given, hard))
    return given
