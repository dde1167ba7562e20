"""How a catalogue is opened, locked, and what its troubles mean."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from kelly_tui.errors import DatasetError, DiskFull
from kelly_tui.store.damage import is_damage, is_of_another_form, suspect
from kelly_tui.store.layout import disk_full
from kelly_tui.store.migrations import VERSION
from kelly_tui.store.whole import check_schema

LOCK_SECONDS = 30.0
"""How long a writer waits for its turn before it says that another holds the dataset."""

_CHECKPOINT_PAGES = 1000
"""Of 4 kB: the log is carried into the catalogue each 4 MB."""


_TRIED = 1 << 16
"""Bytes that a disk takes which is not full: more than SQLite writes at once."""

AMONG = "(SELECT value FROM json_each(?))"
"""After ``IN``: any number of values, as `among` gives them."""


def among(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()


_NAMES_ANOTHER = bytes.fromhex("d9d505f920a163d7")
"""How a journal ends that names another one as above it: SQLite would delete what it names, wherever that lies."""


def refuse_strangers_journal(path: Path) -> None:
    """Raises `DatasetError` where the journal beside the catalogue at `path` is none that Kelly can have left."""
    journal = path.with_name(f"{path.name}-journal")
    with suppress(OSError):  # there is none; or SQLite says why it can't be read
        with open(os.open(journal, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - len(_NAMES_ANOTHER)))
            names_another = file.read(len(_NAMES_ANOTHER)) == _NAMES_ANOTHER
        if names_another:
            raise DatasetError(
                "the journal beside the catalogue is not Kelly's: SQLite would delete a file that it names",
                path=journal,
                hint="Delete it, if you trust who made the dataset.",
            )


def connect(path: Path) -> sqlite3.Connection:
    refuse_strangers_journal(path)
    with suppress(OSError):  # it is there, and opening it would let go of SQLite's locks; or SQLite says why not
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))  # SQLite's are for one user
    db = sqlite3.connect(path, timeout=5, isolation_level=None, cached_statements=512)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        "cache_size = -32000",
    ):
        db.execute(f"PRAGMA {pragma}")
    return db


def back_up(db: sqlite3.Connection, path: Path) -> None:
    """Copy a catalogue as it is now, over what may lie at `path`."""
    refuse_strangers_journal(path)
    with closing(sqlite3.connect(path)) as copy:
        db.backup(copy)


def keep_little(db: sqlite3.Connection) -> None:
    """Have a connection keep few pages in memory: of the app's three none gains by what stages need."""
    db.execute("PRAGMA cache_size = -4000")


AS_IT_LIES = "mode=ro&immutable=1"


def connect_for_reading(path: Path, ways: Sequence[str] = ("mode=ro", AS_IT_LIES)) -> sqlite3.Connection:
    """A catalogue in a folder that can't be written: through the log if its index is there, else as it lies."""
    refuse_strangers_journal(path)
    for how in ways:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)
        try:
            check_schema(db)
            (version,) = db.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            db.close()
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            last = error
        else:
            if version == VERSION:
                return db
            db.close()
            older = version < VERSION
            if older and is_full(path):
                raise DiskFull("an older Kelly made this catalogue, and the disk is full", path=path, hint="Make room.")
            raise DatasetError(
                f"{'an older' if older else 'a newer'} Kelly made this catalogue, and the folder is read-only",
                path=path,
                hint="Copy the dataset, and open the copy." if older else "Update Kelly.",
            )
    raise last


def is_writable(path: Path, lock: Path) -> bool:
    """Whether we may write a catalogue, or make one; another's may be closed to us in a folder that is not."""
    folder = path.parent if path.parent.exists() else path.parents[1]
    files = [file for file in (path, lock) if file.exists()]
    return os.access(folder, os.W_OK) and all(os.access(file, os.R_OK | os.W_OK) for file in files)


def connect_as_guest(path: Path) -> sqlite3.Connection:
    """A catalogue that we may not write. Nothing is made beside it: its owner could not write what is ours."""
    has_log = all(path.with_name(f"{path.name}{end}").exists() for end in ("-wal", "-shm"))
    return connect_for_reading(path) if has_log else connect_for_reading(path, (AS_IT_LIES,))


def file_at(path: Path) -> tuple[int, int] | None:
    """Device and number of the file at `path`, which it keeps when it is moved; None where there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def take(lock: int, root: Path) -> None:
    """Take the lock; if it is held, queue for it in a thread, since nothing else can end a wait for it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        return
    deciding = threading.Lock()
    outcome: list[str] = []  # "taken" or "given up", whichever comes first

    def queue() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with deciding:
            if outcome:
                fcntl.flock(lock, fcntl.LOCK_UN)
            outcome.append("taken")

    def leave() -> bool:
        """Whether the turn had not come; it will then be passed on."""
        with deciding:
            if outcome:
                return False
            outcome.append("given up")
            return True

    waiting = threading.Thread(target=queue, daemon=True)
    waiting.start()
    try:
        waiting.join(LOCK_SECONDS)
    except BaseException:  # Ctrl-C
        if not leave():
            fcntl.flock(lock, fcntl.LOCK_UN)
        raise
    if leave():
        raise DatasetError(
            f"another program has held this dataset for {LOCK_SECONDS:g} s",
            path=root,
            hint="Look for a stopped or hanging kelly, and end it.",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say what SQLite's errors mean for the catalogue at `path`, and what to do about them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        meant = meaning(error, path)
        if meant is error:
            raise
        raise meant from error


def meaning(error: sqlite3.Error, path: Path) -> Exception:
    """What an error of SQLite means for the catalogue at `path`; the error itself where that is a fault of ours.

    A damaged catalogue is marked, so that it is examined when it is opened next.
    """
    if is_damage(error) or is_of_another_form(error):
        suspect(path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in _WHERE_FULL and is_full(path)):
        return disk_full(path)
    for codes, what, hint in _MEANINGS:
        if code in codes:
            return DatasetError(what, path=path, hint=hint)
    return error


def is_full(path: Path) -> bool:
    """Whether nothing more can be written beside the catalogue: SQLite may call a full disk a failing one.

    Tried, since a quota shows nowhere else.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix=f"{path.name}-", dir=path.parent, buffering=0) as file:
            left = memoryview(bytes(_TRIED))
            while left:
                left = left[os.write(file.fileno(), left) :]
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return False


_WHERE_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite also says on a full disk: the latter where no inode is left for its log."""

_MEANINGS = (
    (
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
        "the catalogue is damaged",
        "Leave all kelly programs and start one again: it sets the file aside and rebuilds it from the views.",
    ),
    (
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN),
        "the catalogue can't be opened for writing",
        "Check who owns the folder, or copy the dataset.",
    ),
    (
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        "another program holds the catalogue",
        "Close it (a database viewer?) and try again.",
    ),
    ((sqlite3.SQLITE_IOERR,), "the disk failed", "Check the disk; all that was saved before is kept."),
)
