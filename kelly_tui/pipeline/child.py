"""The process that touches strangers' files, and may die of it.

Its arguments are the memory it may take, in bytes, and `kelly_tui.settings.Limits` as JSON. Requests come on standard
input, each a pickled list of (function, argument, seconds); one answer an item goes back on what was standard output,
as soon as it is known. Frames are a 4-byte length and a pickle. What native code prints goes nowhere; of what it writes
to standard error the asker takes the last, where it ends the process.
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
from importlib import import_module
from typing import Any, BinaryIO

import msgspec

from kelly_tui.errors import DatasetError, DiskFull, FileRefused, KellyError, LibraryMissing, SoundError, StoreError
from kelly_tui.pipeline.trouble import Trouble, is_there_after_all, no_place, unread
from kelly_tui.settings import Limits, obey

LENGTH = struct.Struct("<I")

_PR_SET_PDEATHSIG = 1
"""Of Linux's ``prctl``: which signal a process gets when the thread that started it has ended."""


def main() -> None:
    """Answer until the asker is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is for the process that drives
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    sys.stderr = os.fdopen(nowhere, "w")
    os.set_blocking(2, False)  # nothing waits for the asker to read it: what there is no room for is not said
    _end_with_asker()
    _limit_memory(int(sys.argv[1]))
    obey(msgspec.json.decode(sys.argv[2], type=Limits))
    requests: queue.SimpleQueue[list[tuple[str, dict[str, Any], float]]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    is_warm = False
    while True:
        for function, argument, seconds in requests.get():
            # The system ends us, also inside native code, when an item takes too long of the processor; the asker does
            # when it takes too long by the clock. An alarm here would run on while all of us are stopped.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            began = time.monotonic()
            kind, value = _answer(function, argument)
            if kind == "unread" and is_there_after_all(value.path):
                kind, value = _answer(function, argument)
            answer = pickle.dumps((kind, value, time.monotonic() - began), protocol=pickle.HIGHEST_PROTOCOL)
            signal.setitimer(signal.ITIMER_PROF, 0)
            answers.write(LENGTH.pack(len(answer)) + answer)
            answers.flush()
            if kind == "memory":  # what is left of a process that ran out of memory is not to be trusted
                os._exit(0)
            if not is_warm:  # what the first item has imported stays: the garbage collector need not walk it for each
                gc.freeze()
                is_warm = True


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[list[tuple[str, dict[str, Any], float]]]) -> None:
    """Pass requests on; leave at once, whatever is being done, when the asker is gone."""
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        inbox.put(pickle.loads(requests.read(LENGTH.unpack(head)[0])))  # noqa: S301 our own asker wrote it
    os._exit(0)


def _answer(function: str, argument: dict[str, Any]) -> tuple[str, Any]:
    """(``done``, result), or (what kind of failure, why)."""
    try:
        module, _, name = function.partition(":")
        return "done", getattr(import_module(module), name)(argument)
    except FileRefused as error:
        if (short := _short_of(error.__cause__)) is not None:
            return short
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
    except Exception as error:  # a fault of ours costs its item, by name, and not the run
        if (short := _short_of(error)) is not None:
            return short
        if isinstance(error, OSError) and (trouble := no_place(error, argument)) is not None:
            return "place", trouble
        return "broken", f"{type(error).__name__}: {error}"


def _short_of(error: BaseException | None) -> tuple[str, str] | None:
    """What the machine had no more of, where that is what an item met: it tells nothing of what is in its file."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "memory", needed_more_than(int(sys.argv[1]))
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "full", str(error)
    if number in (errno.EMFILE, errno.ENFILE):
        hint = "End other programs, or allow more (ulimit -n)."
        return "stop", str(KellyError(f"can't open a file ({os.strerror(number)})", hint=hint))
    return None


def needed_more_than(allowed: int) -> str:
    """Of an item for which the bytes `allowed` to a child did not do: why, and what to change."""
    given = memory_given(allowed)
    whose = "item_memory_gb" if given == allowed else "a limit of the system"
    return f"needed more than {given / 2**30:.3g} GB ({whose})"


def _end_with_asker() -> None:
    """Have the system end us with the asker, also inside native code that would not let `_listen` have its turn."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def memory_given(allowed: int) -> int:
    """The bytes of address space that a process gets: fewer than `allowed` where the system gives none so many."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        return allowed
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    return allowed if hard == resource.RLIM_INFINITY else min(allowed, hard)


def _limit_memory(allowed: int) -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_given(allowed), hard))
