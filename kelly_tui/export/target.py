"""The folder that an export is written into, and its journal, by which an interrupted one goes on.

While an export is made its folder holds ``.export``: the journal, whose first line says which export this is and each
further one names a part that is done, and what is to be put together at the end. It is gone once export.json stands.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from kelly_tui.errors import FileRefused, StageError
from kelly_tui.export.choice import Part
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.report import ExportedFile
from kelly_tui.store.durable import make_durable
from kelly_tui.store.inside import check_stays, is_plain, read_inside
from kelly_tui.store.layout import disk_errors, pretty_json, sync_folder
from kelly_tui.text import of_json

NAME = "export.json"
"""Says what the export is; the last file to be written."""

LEFT_OUT, UNNAMED = "left_out", "left_out_unnamed"
"""Its keys for the files of the dataset that could not be used, with why; and for how many more it does not name."""

WORK = ".export"
"""The folder of what is under way."""

JOURNAL = "journal.jsonl"

WRITTEN = (
    WORK, NAME, "README.md", "croissant.json", "opinions.jsonl", "blind_listening.jsonl", "conflicts.jsonl",
    "rides.jsonl", "metadata.json", "music", "features", "data", *(f"{split}*" for split in SPLITS),
    *(f"*-{split}-*.npz" for split in SPLITS),
)  # fmt: skip
"""All that exports write into their folder."""

_OVER = ".exported"
_BLOCK = 1 << 20
LARGEST = 16 << 20
"""Bytes of export.json: as large an export as fits a disk has some thousand files that trainers open."""
_LONGEST = 64 << 20
"""Bytes of a line of the journal, with the reasons of a part's samples; one that is longer is none of ours."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


class Done(msgspec.Struct, frozen=True):
    """A line of the journal: a part that is written, and durable."""

    part: str
    samples: int
    files: list[ExportedFile] = []
    left_out: dict[str, str] = {}
    """Files of the dataset that could not be used, and why."""


class Target:
    """An export's folder, from its first file to export.json. Close it, or use it in a ``with`` block."""

    way_on = "--anew removes what that wrote and begins again; or name another folder."
    """What to do where another export was interrupted."""

    def __init__(
        self, root: Path, identity: dict[str, Any], place: str = "", *, link: bool = False, anew: bool = False
    ) -> None:
        """Begin, or go on where this same export stopped. Raises `StageError` where anything else is there.

        `anew` begins in place of another export that was interrupted, or of this one where it left samples out: what
        that wrote is removed.
        """
        self.root = root
        self._anew = anew
        self.identity: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(identity))
        self.done: dict[str, Done] = {}
        self.link = link
        """Whether music shares its bytes with the dataset where the disk can."""
        self.is_finished = False
        """Whether export.json was there before."""
        self.left_out: dict[str, str] = {}
        """Files of the dataset that could not be used, and why."""
        self.unnamed = 0
        """So many more of an export that is finished: it names the first."""
        self.place = place or str(root)
        """Where the export is, for people."""
        self.alive: Callable[[], None] = lambda: None
        """Called again and again while what takes long goes on; what it raises ends that."""
        self.files: list[ExportedFile] = []
        """Of the part at hand."""
        self._made: list[Path] = []
        self._journal: BinaryIO | None = None
        with self.errors():
            self._begin()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Say what a person can do about what could not be written. Raises `StageError`, `DatasetError`."""
        with disk_errors(self.root):
            try:
                yield
            except FileNotFoundError:
                self._must_be_there()
                raise

    def _must_be_there(self) -> None:
        """Raise `StageError` where the folder is not that in which the journal was opened.

        It was moved away, or its mount is lost: what was written since lies elsewhere, or in the mount's empty place.
        """
        if self._journal is None:
            return
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._journal.fileno()), os.stat(self.root / WORK / JOURNAL)):
                return
        raise StageError(
            "the folder that is exported into was moved, or its disk is gone",
            path=self.root,
            hint="Put it back, then run the same again to go on.",
        )

    def _begin(self) -> None:
        root, work = self.root, self.root / WORK
        if root.exists() and not root.is_dir():
            raise StageError("this is a file", path=root, hint="Name a folder that is empty or not there yet.")
        if (root / _OVER).is_dir():
            shutil.rmtree(root / _OVER)
        there = sorted(entry.name for entry in os.scandir(root)) if root.is_dir() else []
        if there and WORK not in there:
            if NAME not in there or not self._is_told_in(said(root)):
                what = f"is not empty: {there[0]} is there"
                if NAME in there:
                    what = "holds another export, or this one of earlier"
                raise StageError(f"the folder {what}", path=root, hint="Name one that is empty or not there yet.")
            if not self._anew or not self.left_out:
                self.is_finished = True
                return
            self._of_exports()  # before anything says that an export is under way
            self.left_out, self.unnamed = {}, 0
        for path in (work / "parts", work / JOURNAL, work / "partial"):
            check_stays(root, path)
        (work / "parts").mkdir(parents=True, exist_ok=True)
        self._journal = (work / JOURNAL).open("a+b")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read_journal()
        except BlockingIOError:
            self.close()
            raise StageError("another export is being written there", path=root, hint="Wait for it.") from None
        except BaseException:
            self.close()
            raise

    def _read_journal(self) -> None:
        """What was done before; a line that was cut short is cut off."""
        assert self._journal is not None
        self._journal.seek(0)
        good = 0
        for number, line in enumerate(iter(partial(self._journal.readline, _LONGEST), b"")):
            if not line.endswith(b"\n"):
                break
            good += len(line)
            if number:
                done = msgspec.json.decode(line, type=Done)
                self._has(done)
            elif msgspec.json.decode(line) != self.identity:
                if not self._anew:
                    raise StageError(
                        "the folder holds another export that was interrupted, or the dataset has changed since",
                        path=self.place,
                        hint=self.way_on,
                    )
                self._of_exports()
                good = 0
                break
        self._journal.truncate(good)
        if not good:  # a kill before the first line has the rest of what is not this export cleared away later
            self._clear()
            self._note(self.identity)

    def _clear(self) -> None:
        """Remove what another export wrote, all but its journal. Raises `StageError` where there is more than that."""
        for entry in (one for one in self._of_exports() if one.name != WORK):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry)
            else:
                os.unlink(entry)
        shutil.rmtree(self.root / WORK / "parts")
        (self.root / WORK / "parts").mkdir()

    def _of_exports(self) -> list[os.DirEntry[str]]:
        """What is in the folder. Raises `StageError` where no export wrote it."""
        there = sorted(os.scandir(self.root), key=lambda entry: entry.name)
        for entry in there:
            if not any(fnmatchcase(entry.name, pattern) for pattern in WRITTEN):
                raise StageError("no export wrote this", path=entry.path, hint="Move it away, or name another folder.")
        return there

    def _is_told_in(self, facts: dict[str, Any]) -> bool:
        """Whether export.json says that it is this very export; what that left out is known then."""
        if facts.get("identity") != self.identity:
            return False
        with suppress(msgspec.ValidationError):  # a stranger's, or of an older Kelly
            self.left_out = msgspec.convert(facts.get(LEFT_OUT, {}), dict[str, str])
            self.unnamed = msgspec.convert(facts.get(UNNAMED, 0), int)
        return True

    def _note(self, line: object) -> None:
        assert self._journal is not None
        self._journal.write(msgspec.json.encode(line) + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # -- what a format writes with ------------------------------------------------------------------------------------

    def put(self, relative: str, data: bytes) -> None:
        """Write a small file of the part at hand: music, features."""
        path = f"{self.root}/{relative}"
        try:
            descriptor = os.open(path, _NEW, 0o666)
        except FileNotFoundError:  # the first of its folder
            self._make_folder_of(Path(path))
            descriptor = os.open(path, _NEW, 0o666)
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, memoryview(data)[written:])
        finally:
            os.close(descriptor)
        if len(self._made) < _FEW:
            self._made.append(Path(path))

    def bring(self, relative: str, data: bytes, dataset: Path, source: str) -> None:
        """`put` the dataset's file `source`, whose bytes are `data`; with `link` that file under a second name."""
        if self.link:
            path = self.root / relative
            self._make_folder_of(path)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # another file system, or one without links
                os.link(os.path.realpath(dataset / source), path)
                return
        self.put(relative, data)

    def _make_folder_of(self, path: Path) -> None:
        if not path.parent.is_dir():
            self._must_be_there()
            path.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def file(self, relative: str, columns: Mapping[str, str] | None = None) -> Iterator[BinaryIO]:
        """A file that trainers open, written in pieces and never seen half written; listed in export.json.

        `columns` are those of a table that its Croissant names, and what they hold: ``{"sample_id": "sc:Text"}``.
        """
        path = self.root / relative
        self._make_folder_of(path)
        incoming = self.root / WORK / "partial"
        with incoming.open("wb", buffering=_BLOCK) as file:
            yield file
        incoming.replace(path)
        self._made.append(path)
        self.files.append(ExportedFile(relative, _sha256(path), path.stat().st_size, columns=dict(columns or {})))

    @contextmanager
    def piece(self, part: Part, suffix: str) -> Iterator[BinaryIO]:
        """What a part adds to a file that `join` puts together at the end."""
        path = self._piece(part, suffix)
        with path.open("wb", buffering=_BLOCK) as file:
            yield file
        self._made.append(path)

    def join(self, parts: Sequence[Part], suffix: str, into: IO[bytes], between: bytes = b"") -> None:
        """Copy the pieces of `parts` into a file that was opened by `file`, with `between` between those not empty."""
        is_first = True
        for part in parts:
            path = self._piece(part, suffix)
            if not path.stat().st_size:
                continue
            if not is_first:
                into.write(between)
            is_first = False
            with path.open("rb") as piece:
                shutil.copyfileobj(piece, into, _BLOCK)

    def read_piece(self, part: Part, suffix: str) -> bytes:
        """What was written by `piece`."""
        return self._piece(part, suffix).read_bytes()

    def _piece(self, part: Part, suffix: str) -> Path:
        return self.root / WORK / "parts" / f"{part.name}.{suffix}"

    # -- what the stage does ------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, part: Part, left_out: dict[str, str]) -> Iterator[None]:
        """The part is noted as done when the block ends, and its files are durable by then."""
        self.files, self._made = [], []
        yield
        self._must_be_there()
        self._secure()
        done = Done(part.name, part.samples - len(left_out), self.files, left_out)
        self._has(done)
        self._note(done)

    def _has(self, done: Done) -> None:
        self.done[done.part] = done
        self.left_out |= done.left_out

    def all_files(self, parts: Sequence[Part]) -> list[ExportedFile]:
        """What trainers open, of all parts and what was written since, by path."""
        files = [file for part in parts for file in self.done[part.name].files] + self.files
        return sorted(files, key=lambda file: file.path)

    def abandon(self) -> None:
        """Clear up where a format found nothing to write: the folder is free for another export."""
        self.close()
        shutil.rmtree(self.root / WORK)

    def finish(self, parts: Sequence[Part], facts: dict[str, Any]) -> None:
        """Write export.json, which names all files, and clear up."""
        self._must_be_there()
        files = [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in self.all_files(parts)]
        whole = {**facts, "files": files, "identity": self.identity}
        self._secure()
        self._made = []
        self.put(NAME, pretty_json(whole))
        self._secure()
        self.close()
        self._leave()

    def _secure(self) -> None:
        """Return when what was written since the last time can't be lost."""
        make_durable(self._made)

    def _leave(self) -> None:
        """Clear up once all is there."""
        (self.root / WORK).rename(self.root / _OVER)
        shutil.rmtree(self.root / _OVER)
        sync_folder(self.root)


_FEW = 40
"""So many files of a part are remembered: more are made durable by one flush of the file system anyway."""


def said(folder: Path) -> dict[str, Any]:
    """What export.json says; empty where there is none, or it is none of ours. Raises `StageError` for too large a one.

    What that would say nobody knows, and an export taken for a folder of music would lose all but that.
    """
    try:
        return decoded(read_inside(folder, folder / NAME, LARGEST)) if is_plain(folder, folder / NAME) else {}
    except FileRefused as refused:
        hint = "No export has such a one: move it away."
        raise StageError(refused.what, path=folder / NAME, hint=hint) from None
    except OSError:
        return {}


def decoded(data: bytes) -> dict[str, Any]:
    """As `said`, of the bytes of export.json."""
    try:
        found = of_json(data, object, LARGEST)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
