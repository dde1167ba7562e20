"""Functions for items of the toy stage, each of a temper that strangers' files have."""

import ctypes
import errno
import os
import signal
import time
from pathlib import Path

from kelly_tui.errors import FileRefused, LibraryMissing


def square(item: dict) -> dict:
    return {"square": item["number"] ** 2, "process": os.getpid()}


def temper(item: dict) -> dict:
    match item.get("temper"):
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            while True:
                pass
        case "bomb":
            held = []
            while True:
                held.append(bytearray(64 << 20))
        case "leave":
            os._exit(3)
        case "refused":
            raise FileRefused("no notes")
        case "fault":
            raise ZeroDivisionError("division by zero")
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "full while there":
            if Path(item["path"]).exists():
                raise OSError(errno.ENOSPC, "No space left on device")
        case "library":
            raise LibraryMissing("libfluidsynth is missing", hint="Install libfluidsynth3.")
        case "chatter":
            os.write(1, b"\x1b]0;owned\x07")
            print("chatter")
        case "touch":
            Path(item["path"]).touch()
        case "nap":
            time.sleep(0.01)
        case "wait":
            signal.pause()
        case "hold":  # as native code may: the interpreter is not let go of
            Path(item["path"]).touch()
            ctypes.PyDLL(None).pause()
        case "stop the worker":  # once: as a host that is suspended with its work in hand
            if not Path(item["path"]).exists():
                Path(item["path"]).write_text(str(os.getppid()))
                os.kill(os.getppid(), signal.SIGSTOP)
        case "alarm":
            return {"alarm": signal.getitimer(signal.ITIMER_REAL)}
    return square(item)


def write(item: dict) -> dict:
    """Append a line and rest: what an interrupted stage leaves behind can be counted."""
    with open(item["path"], "a") as log:
        log.write(f"{item['number']}\n")
    time.sleep(0.005)
    return square(item)
