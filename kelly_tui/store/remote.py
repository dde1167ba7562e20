"""A place on an object store, or wherever else fsspec reaches: ``s3://bucket/music``. Only this module knows fsspec.

Who may read and write there is said in the way of each backend: its environment, its own files. Kelly asks for no
password, writes none down, and refuses an address that holds one, since addresses are shown and kept.
"""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kelly_tui.errors import FileRefused, KellyError, LibraryMissing, StoreError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._:-]+)://")
_PASSING = ("memory", "data", "generic", "dask", "pyscript")
"""What fsspec reaches and that is no store: it keeps nothing, or leads through to another."""

_ALMOST = re.compile(r"(data|s3|gs|gcs|abfs|az|ftp|sftp|hdfs|https?|memory|local):", re.IGNORECASE)
_ONE_IS = "One is s3://BUCKET/FOLDER."
_AT_ONCE = 100
"""Files that are sent together."""

_VERSION = "?versionId="
"""What s3fs takes off a name, so that it asks for another file."""

_LOOK_SECONDS = 0.1
_MARKS = ("ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "updated", "created")
"""What backends call that by which other bytes are told from these; the first that there is."""


class Entry(NamedTuple):
    """A file or a folder there."""

    name: str
    is_folder: bool
    size: int
    mark: str
    """Another one where the bytes are others; empty where the store has nothing of the kind."""


class Remote:
    """A folder there, or a file."""

    def __init__(self, url: str) -> None:
        """Raises `StoreError` for what is no address, `LibraryMissing` where what speaks to it is not installed."""
        self.url = url.rstrip("/")
        """As it was typed, for people and to be kept."""
        scheme = _SCHEME.match(url)
        if scheme is None or ":" in scheme[1]:  # fsspec would go through one of them to another
            raise StoreError("no address of a store", path=url, hint=_ONE_IS)
        self.scheme = scheme[1]
        try:
            password = urlsplit(url).password
        except ValueError:  # a bracket without its other, as of an IPv6 address
            raise StoreError("no address of a store", path=url, hint=_ONE_IS) from None
        if password is not None:
            shown = url.replace(f":{password}@", ":…@")
            raise StoreError("an address with a password in it", path=shown, hint="Say it in the backend's own way.")
        if self.scheme in _PASSING:
            raise StoreError(f"{self.scheme}:// keeps no files", path=url, hint=_ONE_IS)
        self._files = _file_system(self.scheme, url)
        self._path = str(self._files._strip_protocol(self.url))

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Of the folder itself."""
        return self._path.rpartition("/")[2]

    def look(self, relative: str = "") -> Entry | None:
        """What is there, or at this path below; None for nothing. Raises `StoreError`."""
        with self._said():
            try:
                return _entry(self._files.info(self._below(relative)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def entries(self, below: str = "") -> Iterator[Entry]:
        """What the folder itself, or that of this path in it, holds, by name; one may be empty. Raises `StoreError`."""
        path = self._below(below)
        with self._said():
            listed = self._files.ls(path, detail=True, refresh=True)
        others = [one for one in listed if str(one["name"]).rstrip("/") != path]
        nameless = [_entry(one)._replace(name="") for one in listed if _is_nameless(one, path)]
        yield from nameless + sorted(found for found in map(_entry, others) if found.name)

    def why_not(self, entry: Entry) -> str:
        """Why what is listed can't be had under its name; empty where it can."""
        if not entry.name:
            return "a folder without a name"  # an address of it is one of the folder that it lies in
        if self.scheme in ("s3", "s3a") and _VERSION in entry.name:
            return f"{self.scheme}:// takes {_VERSION} for a version of another"
        return ""

    def is_empty(self) -> bool:
        """Whether nothing is there, be it that there is no such folder, or only its mark. Raises `StoreError`."""
        with self._said():
            try:
                listed = self._files.ls(self._path, detail=False, refresh=True)
                return all(str(one).rstrip("/") == self._path for one in listed)  # as a store's own page makes folders
            except FileNotFoundError:
                return True

    def read(self, relative: str, most: int) -> bytes | None:
        """A small file's bytes; None where there is none. Raises `StoreError`, also for more than `most`."""
        there = self.look(relative)
        if there is None:
            return None
        if there.size > most:
            raise StoreError(f"larger than {most >> 20} MB", path=f"{self.url}/{relative}", hint="Move it away.")
        with self._said():
            try:
                return bytes(self._files.cat_file(self._below(relative)))
            except FileNotFoundError:
                return None

    def send(self, folder: Path, names: Sequence[str], alive: Callable[[], None]) -> None:
        """Copy these files of `folder` there, each whole or not at all where the store can that.

        `alive` is called again and again meanwhile; what it raises ends it. Raises `StoreError`.
        """
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            _aside(partial(self._send, folder, some), alive)

    def _send(self, folder: Path, names: Sequence[str]) -> None:
        with self._said():
            self._files.put([str(folder / name) for name in names], [self._below(name) for name in names])

    def fetch(self, target: Path) -> None:
        """Copy the file that is there. Raises `FileRefused` where it can't be had, `StoreError` where nothing can."""
        with self._said():
            try:
                self._files.get_file(self._path, str(target))
            except FileNotFoundError:
                raise FileRefused("it is gone", path=self.url) from None
            except PermissionError as error:
                raise FileRefused(f"no permission to read it ({_reason(error)})", path=self.url) from None

    def _below(self, relative: str) -> str:
        return f"{self._path}/{relative}" if relative else self._path

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say what a person can do about whatever the backend raises."""
        again = "Then run the same again to go on."
        try:
            yield
        except KellyError:
            raise
        except FileNotFoundError:
            raise StoreError(
                "there is no such bucket or folder", path=self.url, hint="Check the spelling, or make it."
            ) from None
        except PermissionError as error:
            raise StoreError(
                f"no permission ({_reason(error)})",
                path=self.url,
                hint=f"Check the credentials that {self.scheme}:// finds in its environment. {again}",
            ) from None
        except Exception as error:  # every backend has errors of its own, of which fsspec knows none
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise  # our own disk, not the store
            raise StoreError(
                f"the store fails ({_reason(error)})",
                path=self.url,
                hint=f"Check the network, the address and the credentials. {again}",
            ) from error


def place(where: Path | str) -> Path | Remote:
    """A folder or file by what a person typed: a path of this machine, also as ``file://``, or an address.

    Raises as `Remote`; also for what looks like an address, ``data:,x``, where no file has that name.
    """
    text = str(where)
    if not is_address(text):
        if _ALMOST.match(text) and not Path(text).exists():
            raise StoreError("no address of a store", path=text, hint=f"{_ONE_IS} A folder here would be ./{text}.")
        return Path(text.removeprefix("file://")).expanduser()
    return Remote(text)


def is_address(text: str) -> bool:
    """Whether it names a place that is not in this machine's folders."""
    return _SCHEME.match(text) is not None and not text.startswith("file://")


def _file_system(scheme: str, url: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise LibraryMissing(
            f"{scheme}:// needs fsspec, which is not installed", hint="Install it: pip install 'kelly-tui[remote]'."
        ) from None
    try:
        makes_folders = {"auto_mkdir": True} if scheme == "local" else {}  # others need none, or make them anyway
        return fsspec.url_to_fs(url, use_listings_cache=False, **makes_folders)[0]
    except ImportError as error:
        raise LibraryMissing(
            f"what speaks {scheme}:// is not installed ({_reason(error)})",
            hint="For s3:// pip install 'kelly-tui[remote]' brings it.",
        ) from None
    except ValueError as error:
        raise StoreError(f"nothing speaks {scheme}:// ({_reason(error)})", hint=_ONE_IS) from None
    except TypeError:  # it wants to be told more than an address
        raise StoreError(f"{scheme}:// needs more than an address", path=url, hint=_ONE_IS) from None
    except Exception as error:  # as in `_said`
        hint = "Check the network, the address and the credentials."
        raise StoreError(f"the store can't be reached ({_reason(error)})", path=url, hint=hint) from error


def _entry(info: dict[str, Any]) -> Entry:
    is_folder = info.get("type") == "directory"
    mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    name = str(info["name"]).rstrip("/").rpartition("/")[2]
    return Entry(name, is_folder, int(info.get("size") or 0), mark)


def _is_nameless(info: dict[str, Any], path: str) -> bool:
    """Whether it is the folder ``path//``: a file ``path/`` only marks the folder that is listed."""
    return info.get("type") == "directory" and str(info["name"]) == f"{path}/"


def _reason(error: BaseException) -> str:
    """The first line of what it says, or what it is."""
    said = str(error).strip().splitlines()
    return said[0].rstrip(".") if said else type(error).__name__


def _aside(work: Callable[[], object], alive: Callable[[], None]) -> None:
    """Do it in another thread, so that this one can look whether it is still wanted."""
    failed: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as error:  # raised below, where it is awaited
            failed.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    while thread.is_alive():
        alive()
        thread.join(_LOOK_SECONDS)
    if failed:
        raise failed[0]
