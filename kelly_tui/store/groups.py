"""Which samples belong together: the same root, the same content, near-duplicates, the same song."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.folders import FolderWords, words
from kelly_tui.text import count

GroupBy = Literal["folder", "prefix", "none"]

_VERSION_WORDS = {"version", "versions", "take", "takes", "variation", "variations", "alternate", "alternates"}
"""A folder so called holds versions of the song whose folder it is in (POP909: 001/versions/001-v1.mid)."""

_SEVERAL = 5
"""Fewer folders are collections, not songs: as songs they could not fill three splits."""
_FEW = 20
"""A folder of a song holds at most about so many files; more, and it is a collection."""


class SongNames:
    """What song a file belongs to, by the path it was imported from."""

    def __init__(self, config: DatasetConfig) -> None:
        self._group_by = config.group_by
        self._vocabulary = FolderWords(config)

    def song(self, source: str) -> str | None:
        """The song's name; None where the path names none. Depends on this one path, so that it never changes."""
        if self._group_by == "prefix":
            return prefix(source)
        return self._folder(source) if self._group_by == "folder" else None

    def _folder(self, source: str) -> str | None:
        """The path of the innermost folder whose name is neither a label nor a word for versions."""
        folders = source.split("/")[:-1]
        while folders and (self._vocabulary.is_label(folders[-1]) or set(words(folders[-1])) & _VERSION_WORDS):
            folders.pop()
        return "/".join(folders) or None


def prefix(source: str) -> str:
    """The file's name before the last ``_``, whole where there is none: ``0J7lX-Tcx-w_0.mid`` is of 0J7lX-Tcx-w."""
    name = source.rpartition("/")[2]  # by hand: of 100,000 paths pathlib would take a second
    dot = name.rfind(".")
    stem = name[:dot] if 0 < dot < len(name) - 1 else name
    return stem.rpartition("_")[0] or stem


def propose_grouping(sources: Sequence[str], config: DatasetConfig) -> tuple[GroupBy, str]:
    """What a song probably is among `sources`, relative paths, and why: a sentence to show."""
    folder_of = SongNames(_with(config, "folder")).song
    folders = Counter(folder for source in sources if (folder := folder_of(source)) is not None)
    shared = sum(count for count in folders.values() if count > 1)
    if len(folders) >= _SEVERAL and shared * 2 > len(sources) and max(folders.values()) <= _FEW:
        example, files = folders.most_common(1)[0]
        return "folder", (
            f"{shared} of {count(len(sources), 'file')} lie in {count(len(folders), 'folder')} that name no label, "
            f"at most {files} in each ({example}): a folder is taken for a song"
        )
    numbered = Counter(stem for source in sources if (stem := _before_number(source)) is not None)
    shared = sum(count for count in numbered.values() if count > 1)
    if len(numbered) > 1 and shared * 4 > len(sources):
        example, files = numbered.most_common(1)[0]
        return "prefix", (
            f"{shared} of {count(len(sources), 'file')} share their name up to the last _ with another "
            f"({files} are {example}_…): that part is taken for the song"
        )
    return "none", "neither folders nor names tell which files are of the same song: each file stands alone"


def _before_number(source: str) -> str | None:
    before, _, after = PurePosixPath(source).stem.rpartition("_")
    return before if before and after.isdigit() else None


def _with(config: DatasetConfig, group_by: GroupBy) -> DatasetConfig:
    return DatasetConfig(
        dataset_id=config.dataset_id,
        target_model=config.target_model,
        emotion_labels=config.emotion_labels,
        groove_labels=config.groove_labels,
        group_by=group_by,
    )


def songs_of(sources: Iterable[str], names: SongNames) -> tuple[str, ...]:
    """The songs of a file that was met at all of `sources`."""
    return tuple(dict.fromkeys(song for source in sources if (song := names.song(source)) is not None))
