"""An export onto an object store: each part is made in a folder here, sent, and goes on where it was stopped.

What is under way, and what is put together at the end, stays in that folder, beside the catalogue; the store gets
whole files only, export.json last: where there is none, the export is not done. A store knows no locks: that nobody
else is at the same address is looked at before each sending.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from kelly_tui.errors import StageError
from kelly_tui.export.target import LARGEST, NAME, WORK, Target, decoded
from kelly_tui.store.layout import Layout, disk_errors, write_atomic
from kelly_tui.store.remote import Remote

_ELSEWHERE = "Name one that is not there yet."


def target_at(
    out: Path | Remote, layout: Layout, identity: dict[str, Any], *, link: bool = False, anew: bool = False
) -> Target:
    """An export's target, in a folder or on a store. Raises as `Target` and `Remote` do."""
    if isinstance(out, Remote):
        return RemoteTarget(out, layout.catalogue_dir / "exports", identity)
    return Target(out, identity, link=link, anew=anew)


def is_export_or_dataset(there: Remote) -> bool:
    """Whether more than music is there, which an import of its files would lose."""
    return any(there.look(name) is not None for name in (NAME, "manifest.json"))


class RemoteTarget(Target):
    """As `Target`, with the folder on a store."""

    way_on = "Remove what was sent there, and the same begins again; or name another folder."

    def __init__(self, out: Remote, folder: Path, identity: dict[str, Any]) -> None:
        """`folder` holds what exports to stores have under way."""
        self._out = out
        root = folder / hashlib.sha256(out.url.encode()).hexdigest()[:16]
        self._sent = root / WORK / "sent"
        """There once anything of this export may be on the store: without it, what lies there is somebody else's."""
        super().__init__(root, identity, out.url, link=True)

    def _begin(self) -> None:
        finished = self._finished()
        if finished is not None and self._is_told_in(finished):
            self.is_finished = True
            shutil.rmtree(self.root, ignore_errors=True)
            return
        if finished is not None:
            raise StageError("the folder is not empty: it holds another export", path=self._out.url, hint=_ELSEWHERE)
        if self._out.is_empty():
            shutil.rmtree(self.root, ignore_errors=True)  # whoever removed what was sent wants it anew
        elif not self._sent.exists():
            raise StageError("the folder is not empty", path=self._out.url, hint=_ELSEWHERE)
        super()._begin()

    def _finished(self) -> dict[str, Any] | None:
        """What the folder's export.json says; None for none, or not yet."""
        data = self._out.read(NAME, LARGEST)
        return None if data is None else decoded(data)

    def _secure(self) -> None:
        found = (path.relative_to(self.root) for path in sorted(self.root.rglob("*")) if path.is_file())
        whole = [path.as_posix() for path in found if path.parts[0] != WORK]
        if not whole:
            return
        self._check_alone()
        self._out.send(self.root, whole, self.alive)
        for name in whole:
            (self.root / name).unlink()

    def _check_alone(self) -> None:
        """Raise `StageError` where another came there since; before the first file, where anything did."""
        if not self._sent.exists():
            if not self._out.is_empty():
                raise StageError("the folder is not empty any more", path=self._out.url, hint=_ELSEWHERE)
            write_atomic(self._sent, b"")
        elif (finished := self._finished()) is not None and finished.get("identity") != self.identity:
            raise StageError(
                "the folder holds another export, which was sent there at the same time",
                path=self._out.url,
                hint="Files of it may be written over: remove what is there, and export each into a folder of its own.",
            )

    def _leave(self) -> None:
        with disk_errors(self.root):
            shutil.rmtree(self.root)
