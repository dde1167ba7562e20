"""Where everything of a dataset lies, and the one way files are written there."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import DatasetError, DiskFull, FileRefused
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import nearest
from kelly_tui.settings import load_settings
from kelly_tui.store.inside import check_stays, open_inside, read_inside, status_inside
from kelly_tui.store.partial import partials, put
from kelly_tui.text import json_of, no_number, of_json, safe_json, shell_word, storable

NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "fuse.")
"""Beginnings of the types in /proc/mounts on which locks and shared memory can't be trusted."""

LARGEST_CONFIG = 4 << 20
"""Bytes of config.json."""

LARGEST_MANIFEST = 1 << 30
"""Bytes of a manifest that is read whole, as those of other programs are: of a million samples it has about that."""

LARGEST_LIST = 64 << 20
"""Bytes of a list of a split, or of what proves them: three million ids fit."""

MUSIC_FOLDERS = (
    "raw/midi",
    "raw/audio",
    "raw/synthetic",
    "processed/features",
    "processed/augmented/midi",
    "processed/augmented/audio",
)
"""Where samples and what is made of them lie."""

_MADE_FIRST = ("raw", "processed", "processed/augmented", *MUSIC_FOLDERS)
"""What a stage makes at its start and never later, outer ones first: each may be a mount of its own."""

_FOLDERS = (*MUSIC_FOLDERS, "annotations", "splits", ".kelly")


def utc_now() -> str:
    """Now, UTC, ISO 8601, to the millisecond: ``2026-08-01T12:00:00.000Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def features_name(sample_id: str, suffix: str) -> str:
    """Where the sample's features lie, relative to the dataset."""
    return f"processed/features/{sample_id[:2]}/{sample_id}{suffix}"


@dataclass(frozen=True)
class Layout:
    """The folders and files of the dataset at `root`."""

    root: Path

    @property
    def config_path(self) -> Path:
        return self.root / "config.json"

    @property
    def manifest_path(self) -> Path:
        return self.root / "manifest.json"

    @property
    def kelly_dir(self) -> Path:
        return self.root / ".kelly"

    @property
    def raw_midi(self) -> Path:
        return self.root / "raw" / "midi"

    @property
    def raw_audio(self) -> Path:
        return self.root / "raw" / "audio"

    @property
    def raw_synthetic(self) -> Path:
        return self.root / "raw" / "synthetic"

    @property
    def features(self) -> Path:
        return self.root / "processed" / "features"

    @property
    def augmented(self) -> Path:
        return self.root / "processed" / "augmented"

    @property
    def annotations(self) -> Path:
        return self.root / "annotations"

    @property
    def splits(self) -> Path:
        return self.root / "splits"

    def features_path(self, sample_id: str, suffix: str) -> Path:
        """Of the sample's features, by the first two digits of its id; `suffix` is ``.json`` or ``.npz``."""
        return self.root / features_name(sample_id, suffix)

    def annotation_path(self, sample_id: str) -> Path:
        return self.annotations / f"{sample_id[:2]}/{sample_id}.json"

    @property
    def catalogue_path(self) -> Path:
        return self.catalogue_dir / "catalogue.sqlite"

    def must_have_catalogue(self) -> None:
        """Raise `DatasetError` where no catalogue lies any more: the dataset was moved away, or is being removed."""
        if not self.catalogue_path.exists():
            must_be_there(self.root)
            raise DatasetError("the catalogue is gone", path=self.root, hint="Opened again, one is made of the views.")

    @property
    def lock_path(self) -> Path:
        return self.catalogue_dir / "lock"

    @property
    def sessions(self) -> Path:
        return self.catalogue_dir / "sessions"

    @cached_property
    def catalogue_dir(self) -> Path:
        """Where catalogue and lock lie: ``.kelly``, or the user's state folder if the dataset is on a network."""
        if not on_network(self.root):
            return self.kelly_dir
        from kelly_tui.store.away import catalogue_dir_away  # late: it writes files as all do

        return catalogue_dir_away(self.root)

    def has_views(self) -> bool:
        """Whether manifest.json or annotations/ name any sample, so that a lost catalogue can be rebuilt."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if any(self.annotations.iterdir()):
                return True
        return self.has_manifest()

    def has_manifest(self) -> bool:
        """Whether manifest.json names any sample."""
        try:
            with open_inside(self.root, self.manifest_path) as file:
                return b'"sample_id"' in file.read(1 << 20)
        except (FileNotFoundError, FileRefused):
            return False


def on_network(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether `path` lies on a network file system, as far as the list of mounts tells."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:  # not Linux
        return False
    real = os.path.realpath(path)
    longest, kind = "", ""
    for line in lines:
        _, mounted, file_system, *_ = line.split(" ")
        mounted = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), mounted)  # \040 is a space
        inside_it = real == mounted or real.startswith(mounted.rstrip("/") + "/")
        if inside_it and len(mounted) >= len(longest):
            longest, kind = mounted, file_system
    return kind.startswith(NETWORK_FILE_SYSTEMS)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what a person can do about a disk that is full, read-only or closed to them."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


@contextmanager
def dataset_errors(root: Path, path: Path | None = None) -> Iterator[None]:
    """As `disk_errors`, of `path` or others in the dataset at `root`: a folder of it that is gone is told as that."""
    with disk_errors(path or root):
        try:
            yield
        except FileNotFoundError as error:
            for one in (path, error.filename, error.filename2):
                must_be_there_for(os.fsdecode(one or root), os.fspath(root))
            if path is not None or error.filename is None:
                raise
            gone = Path(os.fsdecode(error.filename))
            raise DatasetError("what was just written is gone", path=gone, hint="Run the same again.") from None


def disk_error(error: OSError, path: Path) -> DatasetError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(path)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DatasetError("no permission to write", path=path, hint="Check who owns the folder, or copy it.")
    if error.errno in (
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.EISDIR,
        errno.EEXIST,
    ):
        return DatasetError(f"nothing can be written there ({error.strerror})", path=path, hint="Name another place.")
    return DatasetError(f"can't be written ({error.strerror})", path=path, hint="Check the disk and try again.")


def disk_full(path: Path) -> DiskFull:
    """That nothing can be written at `path`: no bytes are left, or, under many small files, no inode."""
    kept = "all that was saved is kept."
    there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    with suppress(OSError):
        disk = os.statvfs(there)
        if disk.f_files and not disk.f_favail:
            what = "the disk takes no more files: it is out of inodes"
            return DiskFull(what, path=path, hint=f"Remove files that nobody needs; {kept}")
    return DiskFull("the disk is full", path=path, hint=f"Make room; {kept}")


def write_atomic(path: Path, data: bytes) -> bool:
    """Write a file so that at any moment it is whole, old or new; False if it held these bytes already.

    The folder must exist or can be made. Raises `DatasetError` (`DiskFull`).
    """
    with disk_errors(path):
        with suppress(FileNotFoundError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with partials(path.parent) as new:
            partial = new()
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put(partial, path)
        sync_folder(path.parent)
    return True


def must_be_there(root: Path) -> None:
    """Raise `DatasetError` where a dataset was moved away: what is made in its place would be in its way back."""
    if not root.is_dir():
        raise DatasetError("the dataset's folder is gone", path=root, hint="Put it back.")


def must_be_there_for(path: str, root: str) -> None:
    """As `must_be_there`, also where a folder is gone that a path in the dataset leads through and no worker makes.

    One that is closed to us is named too: what lies in it is not gone.
    """
    must_be_there(Path(root))
    for name in _MADE_FIRST:
        folder = f"{root}/{name}"
        if not f"{path}/".startswith(f"{folder}/"):
            continue
        if not os.path.exists(folder):
            raise DatasetError("a folder of the dataset is gone", path=folder, hint="Put it back, or an empty one.")
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK):
            raise DatasetError("a folder of the dataset can't be read", path=folder, hint="Check who owns it.")


def make_music_folders(root: Path, *names: str) -> None:
    """Make those of `MUSIC_FOLDERS` that a stage will write in, at its start: a copy without empty folders lacks them.

    Raises `DatasetError`.
    """
    must_be_there(root)
    for name in names:
        with disk_errors(root / name), suppress(FileRefused):  # it leads out: so will each file, which is told
            if status_inside(root, name) is None:
                (root / name).mkdir(parents=True, exist_ok=True)


def make_folder(root: Path | str, folder: Path | str) -> None:
    """Make a folder of the dataset at `root`, and those that it lies in; never `root`, nor what a stage makes first.

    Such a one was moved away, or its mount is lost. Raises `DatasetError` where one is gone, `OSError`.
    """
    here, there = os.fspath(root), os.fspath(folder)
    if os.path.isdir(there):  # most are
        return
    must_be_there_for(there, here)
    for part in there.removeprefix(f"{here}/").split("/"):
        here = f"{here}/{part}"
        try:
            os.mkdir(here)
        except FileExistsError:
            continue
        except FileNotFoundError:
            must_be_there_for(there, os.fspath(root))
            raise


def sync_folder(folder: Path) -> None:
    """Make names written into `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_dataset(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("config.json", "manifest.json", ".kelly/catalogue.sqlite"))


def find_datasets(folder: Path) -> list[Path]:
    """The datasets in `folder`, by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and is_dataset(path))


def dataset_root(folder: Path, name: str) -> Path:
    """The dataset called `name` in `folder`, or at the path `name`; `DatasetError` naming the nearest otherwise.

    A name with a slash, such as ``./songs``, is a path first.
    """
    places = [folder / name, Path(name).expanduser()]
    for path in reversed(places) if "/" in name else places:
        if path.is_dir() and is_dataset(path):
            return path
    names = [path.name for path in find_datasets(folder)]
    guess = nearest(name, names)
    if guess:
        hint = f"Did you mean {guess}?"
    else:
        hint = f"There are: {' '.join(names)}." if names else f"Make it: kelly create {name} --target-model M."
    raise DatasetError(f"there is no dataset {name!r} in {folder}", hint=hint)


def called(root: Path) -> str:
    """How a command finds the dataset at `root` from where the person stands, as a shell reads it."""
    usual = Path(load_settings().datasets).expanduser() / root.name
    if usual.is_dir() and usual.samefile(root):
        return shell_word(root.name)
    return shell_word(str(root) if "/" in str(root) else f"./{root}")


def create_dataset_structure(folder: Path | str, config: DatasetConfig) -> dict[str, Any]:
    """Make ``folder/<dataset_id>`` and return its manifest, which is empty. An existing dataset is never touched."""
    name = config.dataset_id
    is_plain = name == name.strip() == storable(name) and not name.startswith(".")
    if not name or not is_plain or any(c in name for c in "/\\\0") or len(name) > 200:
        raise DatasetError(f"{name!r} can't name a dataset", hint="Use letters, digits, - and _.")
    root = Path(folder) / name
    if is_dataset(root):
        raise DatasetError("the dataset exists already", path=root, hint="Open it, or choose another name.")
    now = utc_now()
    config = msgspec.structs.replace(config, created_at=config.created_at or now)
    manifest = {"config": config.to_dict(), "created_at": now, "updated_at": now, "samples": [], "stats": {}}
    written = pretty_json(manifest)  # before anything is made
    with disk_errors(root):
        for relative in _FOLDERS:
            (root / relative).mkdir(parents=True, exist_ok=True)
    make_kelly_dir(Layout(root))
    write_atomic(root / "manifest.json", written)
    save_config(root, config)
    return manifest


def check_links(layout: Layout) -> None:
    """Raises `DatasetError` where a link would have Kelly read or write elsewhere, or a pipe would have it wait."""
    kept = (*layout.kelly_dir.glob("*"), *layout.kelly_dir.glob("backups/*"))
    for path in (layout.kelly_dir, layout.annotations, layout.splits, *kept):
        check_stays(layout.root, path)


def make_kelly_dir(layout: Layout) -> None:
    """Make what Kelly keeps for this machine, if it is not there, and have git pass over it, in a clone too."""
    for folder in (layout.kelly_dir, layout.catalogue_dir):
        folder.mkdir(parents=True, exist_ok=True)
    ignore = layout.kelly_dir / ".gitignore"
    if not ignore.exists():
        write_atomic(ignore, b"*\n")


def load_config(root: Path) -> DatasetConfig:
    """From config.json, or from the manifest of an older dataset that has none. Raises `DatasetError`."""
    layout = Layout(root)
    try:
        written = read_inside(root, layout.config_path, LARGEST_CONFIG)
        return DatasetConfig.from_json(written.removeprefix(b"\xef\xbb\xbf"))
    except FileNotFoundError:
        pass
    except FileRefused as refused:
        raise DatasetError(refused.what, path=layout.config_path, hint="Put a plain file there.") from None
    except DatasetError as error:
        raise DatasetError(error.what, path=root, hint=error.hint) from None
    except OSError as error:
        raise DatasetError(f"config.json can't be read ({error.strerror})", path=root) from error
    try:
        written = read_inside(root, layout.manifest_path, LARGEST_MANIFEST)
        config = of_json(written, _ManifestConfig).config
        said = of_json(bytes(config), dict[str, Any]) if len(memoryview(config)) <= LARGEST_CONFIG else None
    except (OSError, FileRefused, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if said is None:
        raise DatasetError("there is no config.json", path=root, hint="Is this the folder of a dataset?") from None
    if no_number(said.get("dataset_id")):
        del said["dataset_id"]
    try:
        return DatasetConfig.from_json(json_of({"dataset_id": root.name, **said}))
    except DatasetError as error:
        what = error.what.replace("config.json", "the config in manifest.json", 1)
        raise DatasetError(what, path=root, hint=error.hint) from None


class _ManifestConfig(msgspec.Struct):
    config: msgspec.Raw


def save_config(root: Path, config: DatasetConfig) -> None:
    write_atomic(Layout(root).config_path, pretty_json(config.to_dict()))


def pretty_json(data: object) -> bytes:
    """JSON for people and for git: two spaces, a newline at the end, keys as they come, nothing raw for a terminal."""
    return safe_json(msgspec.json.format(json_of(data), indent=2)) + b"\n"
