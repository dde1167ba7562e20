"""Functions for items of the toy stage, each of a temper that strangers' files have."""

import ctypes
import errno
import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

from kelly_tui.errors import FileRefused, LibraryMissing


def square(item: dict) -> dict:
    return {"square": item["number"] ** 2, "process": os.getpid()}


def _read(path: str, said: str | None = None) -> None:
    try:
        Path(path).read_bytes()
    except OSError as error:
        error.filename = said or path
        raise FileRefused(f"can't be read ({error.strerror})", path=path) from error


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
        case "large":
            bytes(item["bytes"])  # asked for, and no page of it used
        case "killed where it is short":  # as the system does
            if "SHORT" in os.environ:
                os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            os._exit(3)
        case "exit":  # as native code does
            os.write(2, item.get("words", b""))
            ctypes.CDLL(None).exit(1)
        case "speak":
            for _ in range(100):
                with suppress(BlockingIOError):
                    os.write(2, b"out of memory, it seems\n" * 100)
        case "go on about it and exit":
            for _ in range(100):
                while True:  # until there is room: the asker hears it out
                    with suppress(BlockingIOError):
                        os.write(2, b"warning\n" * 100)
                        break
            while True:
                with suppress(BlockingIOError):
                    os.write(2, b"std::bad_alloc\n")
                    ctypes.CDLL(None).exit(1)
        case "refused":
            raise FileRefused("no notes")
        case "refused where it is short":  # as by a worker whose decoder knows fewer formats
            if "SHORT" in os.environ:
                raise FileRefused("can't be read as audio")
        case "fault":
            raise ZeroDivisionError("division by zero")
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "full while there":
            if Path(item["path"]).exists():
                raise OSError(errno.ENOSPC, "No space left on device")
        case "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), item["path"])
        case "closed to us":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), item["path"])
        case "write":
            time.sleep(0.01)
            Path(item["path"], str(item["number"])).touch()
        case "read":
            time.sleep(0.01)
            _read(item["path"])
        case "read late":  # as NFS has it: once it is not there, though it is
            if not Path(item["mark"]).exists():
                Path(item["mark"]).touch()
                _read(f"{item['path']}/gone", item["path"])
        case "never read":  # by what the process says, though it is there
            _read(f"{item['path']}/gone", item["path"])
        case "read after two looks":
            with open(item["mark"], "ab") as marks:
                marks.write(b".")
            if os.path.getsize(item["mark"]) <= 2:
                _read(f"{item['path']}/gone", item["path"])
        case "open too many":
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            os.open(item["path"], os.O_RDONLY)
        case "read too many":
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            _read(item["path"])
        case "no memory to read it":
            error = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            raise FileRefused(f"can't be read ({error.strerror})") from error
        case "library":
            raise LibraryMissing("libfluidsynth is missing", hint="Install libfluidsynth3.")
        case "library where it is short":
            if "SHORT" in os.environ:
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
