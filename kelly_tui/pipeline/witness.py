"""What a worker says of an item may be the truth about the worker: this machine looks, or tries the item, itself."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from pathlib import Path

from kelly_tui.pipeline.plan import Work
from kelly_tui.pipeline.trouble import (
    Trouble,
    can_be_read,
    can_be_written,
    folder_away,
    folder_gone,
    is_open,
    mount_lost,
    mounts,
)
from kelly_tui.pipeline.worker import DOUBTED, Answer, Chunk, LocalExecutor, run_chunk
from kelly_tui.store.layout import MUSIC_FOLDERS
from kelly_tui.store.probe import is_as_found

WRONG = 3
"""How often a worker may fail at what can be done here before it is left out."""

LOOKS = 3
"""How often an item is handed out again since its file can be read after all."""


class Witness:
    """This machine, as it stands to the items of one stage."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._mounts = mounts()
        self._executor: LocalExecutor | None = None
        self._tried: dict[int, Trouble] = {}
        """By the item's place, what a worker said."""
        self._looks: Counter[int] = Counter()
        self._wrong: Counter[str] = Counter()

    def doubts(self, kind: str, trouble: Trouble, place: int) -> bool:
        """Whether only trying the item here tells: a look at its file would not, or has told of another worker."""
        return bool(trouble.worker) and (kind in DOUBTED or self._looks[place] > 0)

    def can(self, kind: str, trouble: Trouble, place: int) -> bool:
        """Whether what could not be read or written can be, by now or by us."""
        if kind == "unread":
            self._looks[place] += 1
            return self._looks[place] <= LOOKS and can_be_read(trouble.path)
        room = self._work.room
        return bool(trouble.worker) and room is not None and can_be_written(room.folder, trouble.path)

    def folder_away(self, trouble: Trouble, root: str) -> Path | None:
        """The folder of a person's, or of the dataset at `root`, without which the item's file can't be there."""
        persons = [one for one in self._work.reads if str(one) != root]
        gone = mount_lost(trouble.path, self._mounts)
        gone = gone or folder_away(trouble.path, persons) or folder_gone(trouble.path, persons)
        if gone is not None or not root:
            return gone
        below = [Path(root, name) for name in MUSIC_FOLDERS]  # empty where a person removed the only file
        of_dataset = [Path(root, "raw"), Path(root, "processed"), *(one for one in below if not is_open(one))]
        return folder_away(trouble.path, [*self._work.reads, *of_dataset])

    def tries(self, chunk: Chunk, place: int, trouble: Trouble) -> Future[list[Answer]]:
        """Have the one item of `chunk` done here, of which a worker told `trouble`."""
        if self._executor is None:
            self._executor = LocalExecutor(1)
        ((_, data, _),) = chunk.work
        if is_as_found(data, data.get("path", "")):  # else it was written to since, and the worker may be right
            self._tried[place] = trouble
        return self._executor.submit(run_chunk, chunk)

    def belies(self, place: int, kind: str) -> Trouble | None:
        """What a worker told of an item that was now answered with `kind`, where that shows it to be wrong."""
        told = self._tried.pop(place, None)
        if told is None or kind != "done":
            return None
        self._wrong[told.worker] += 1
        return told

    def has_enough(self, worker: str) -> bool:
        """Whether it was belied so often that it is to be left out."""
        return self._wrong[worker] >= WRONG

    def end(self) -> None:
        """Cut short what is in work."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
