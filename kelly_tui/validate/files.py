"""Whether what the catalogue names is on the disk, whole and unchanged."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kelly_tui.errors import FileRefused
from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.feature_files import FeatureFiles, Look
from kelly_tui.store.inside import inside
from kelly_tui.store.intact import IntactFiles, Known
from kelly_tui.store.layout import called
from kelly_tui.store.manifest import read_manifest_file
from kelly_tui.store.rebuild import last_rebuild
from kelly_tui.store.viewstate import changed_outside
from kelly_tui.store.waiting import edited_annotations
from kelly_tui.text import agree, count, safe_text

EXAMPLES = 50
"""How many samples a finding names: a page of the list."""

NO_GOOD_FILE = ("file-missing", "file-unreadable", "file-changed", "path-refused")
NO_GOOD_FEATURES = ("features-missing", "features-unreadable", "features-of-another")
"""Codes of findings that name their samples one by one."""

REMARKS = 3
"""How many remarks on the views are said."""


class _File(NamedTuple):
    sample_id: str
    known: Known
    features_path: str | None
    features_size: int | None
    """Of when its features could be read last; so is `features_mtime_ns`."""
    features_mtime_ns: int | None

    @property
    def looked(self) -> Look | None:
        """How its features looked when they could be read."""
        return None if self.features_size is None else (self.features_size, self.features_mtime_ns or 0)


def check_structure(catalogue: Catalogue) -> Iterator[Finding]:
    """Folders and files that the dataset can't be without; an empty folder it can: git keeps none."""
    layout = catalogue.layout
    samples = "SELECT 1 FROM samples WHERE"
    contents = {
        layout.raw_midi: f"{samples} file_path GLOB 'raw/midi/*'",
        layout.raw_audio: f"{samples} file_path GLOB 'raw/audio/*'",
        layout.raw_synthetic: f"{samples} file_path GLOB 'raw/synthetic/*'",
        layout.augmented: f"{samples} file_path GLOB 'processed/augmented/*'",
        layout.features: f"{samples} features_path IS NOT NULL",
        layout.annotations: "SELECT 1 FROM exports",
        layout.splits: f"{samples} split IS NOT NULL",
    }
    for folder, query in contents.items():
        if _is_gone(folder, stat.S_ISDIR) and catalogue.db.execute(f"{query} LIMIT 1").fetchone():
            name = folder.relative_to(layout.root).as_posix()
            yield Finding("error", "folder-missing", f"the folder {name}/ is gone", f"Restore it, or mkdir {folder}.")
    for path in (layout.config_path, layout.manifest_path):
        if _is_gone(path, stat.S_ISREG):
            todo = "Any stage writes it again." if path == layout.manifest_path else "Restore it."
            yield Finding("error", "file-missing", f"{path.name} is gone", todo)


def _is_gone(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """What may not be looked at is not gone: `check_files` counts what lies there."""
    try:
        return not is_kind(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def check_views(catalogue: Catalogue) -> Iterator[Finding]:
    """Outside edits that wait: labels that people gave and that the catalogue, and so this report, does not know."""
    name = called(catalogue.root)
    yield from _check_manifest(catalogue, name)
    if edited := list(edited_annotations(catalogue)):
        yield Finding(
            "warning",
            "outside-edit",
            f"annotations of {len(edited):,} of {count(len(catalogue), 'sample')} were changed outside Kelly"
            " and not taken in yet",
            _DECIDE.format(name),
            len(edited),
            tuple(edited),
        )
    rebuilt = last_rebuild(catalogue)
    if rebuilt is not None and rebuilt.findings:
        remarks = "; ".join(safe_text(one, 120) for one in rebuilt.findings[:REMARKS])
        left_out = len(rebuilt.findings) + rebuilt.more
        yield Finding(
            "note",
            "views-not-taken",
            f"when the catalogue was made of the views, there {agree(left_out, 'was', 'were')}"
            f" {count(left_out, 'remark')}: {remarks}",
            "What could not be taken is kept in .kelly/set-aside, or beside its sample in the manifest.",
        )


def _check_manifest(catalogue: Catalogue, name: str) -> Iterator[Finding]:
    path = catalogue.layout.manifest_path
    try:
        if not changed_outside(catalogue, path):
            return
        read_manifest_file(path)
    except OSError:
        yield Finding(
            "warning",
            "manifest-unreadable",
            "manifest.json can't be read",
            f"Check who owns it, then kelly conflicts {name}.",
        )
    except FileRefused as error:
        yield Finding(
            "error",
            "manifest-broken",
            f"manifest.json was changed outside Kelly, and is {error.what}",
            f"kelly conflicts {name} sets it aside and writes it anew: the catalogue has all that it had.",
        )
    else:
        yield Finding(
            "warning",
            "outside-edit",
            "manifest.json was changed outside Kelly and not taken in yet",
            _DECIDE.format(name),
        )


_DECIDE = "kelly conflicts {} takes it in, or shows it where it is much: --take theirs or ours then decides."


def check_files(catalogue: Catalogue, *, deep: bool = False) -> Iterator[Finding]:
    """Files that are gone, can't be read, have changed since they were taken in, or whose features are gone or broken.

    `IntactFiles.is_same` says when a file is taken to be unchanged; `deep` hashes all of them, and reads all files of
    features.
    """
    gone: list[str] = []
    changed: list[str] = []
    refused: list[str] = []
    unreadable: list[str] = []
    featureless: list[str] = []
    illegible: list[str] = []
    of_another: list[str] = []
    folder_stays = _folder_check(catalogue.root)
    music, features = IntactFiles(catalogue, deep=deep), FeatureFiles(catalogue, deep=deep)
    for file in _files(catalogue):
        try:
            folder_stays(file.known.path.rpartition("/")[0])
            if file.features_path:
                state = features.state(file.sample_id, file.features_path, file.looked)
                if state != "whole":
                    {"gone": featureless, "broken": illegible, "of another": of_another}[state].append(file.sample_id)
            if not music.is_same(file.known):
                changed.append(file.sample_id)
        except FileRefused:
            refused.append(file.sample_id)
        except (FileNotFoundError, NotADirectoryError):
            gone.append(file.sample_id)
        except OSError:  # a folder closed to this person, a disk that fails
            unreadable.append(file.sample_id)
    music.remember()
    features.remember()
    yield from _finding("file-missing", "{} gone", gone, "Put them back, or import them again.")
    yield from _finding("file-unreadable", "{} not to be read", unreadable,
                        "Check who owns them and their folders, and the disk.")  # fmt: skip
    yield from _finding("file-changed", "{} not what was taken in", changed,
                        "Restore them, or remove them and import the new ones.")  # fmt: skip
    yield from _finding("path-refused", "{} outside of the dataset, or no plain file", refused,
                        "Mend their paths in the manifest.")  # fmt: skip
    yield from _finding("features-missing", "{} without the features that were extracted", featureless,
                        f"kelly extract {called(catalogue.root)} makes them again.")  # fmt: skip
    yield from _finding("features-unreadable", "{} without features that can be read", illegible,
                        f"kelly extract {called(catalogue.root)} makes them again.")  # fmt: skip
    yield from _finding("features-of-another", "{} with features that are not its own", of_another,
                        f"kelly extract {called(catalogue.root)} makes them again.")  # fmt: skip


def _files(catalogue: Catalogue) -> Iterator[_File]:
    last = 0
    while rows := catalogue.db.execute(_PAGE, (last,)).fetchall():  # no transaction is open while files are read
        for row in rows:
            yield _File(row[-4], Known(*row[:-4]), *row[-3:])
        last = rows[-1][0]


_PAGE = """
SELECT samples.rowid, file_path, file_size_bytes, sha256, created_at, intact.mtime_ns, intact.ctime_ns,
  sample_id, features_path, legible.size, legible.mtime_ns
FROM samples LEFT JOIN intact ON intact.sample = samples.rowid LEFT JOIN legible ON legible.sample = samples.rowid
WHERE NOT rejected AND samples.rowid > ? ORDER BY samples.rowid LIMIT 1000
"""


def _folder_check(root: Path) -> Callable[[str], None]:
    """A function that raises `FileRefused` for a folder that leads out of `root`; each folder is looked at once."""

    @lru_cache(maxsize=100_000)
    def stays(folder: str) -> None:
        inside(root, folder or ".")

    return stays


def _finding(code: str, message: str, samples: list[str], todo: str) -> Iterator[Finding]:
    if samples:
        files = count(len(samples), "file is", "files are")
        yield Finding("error", code, message.format(files), todo, len(samples), tuple(samples))
