"""An export onto an object store: each part is made in a folder here, sent, and goes on where it was stopped.

What is under way, and what is put together at the end, stays in that folder, beside the catalogue; the store gets
whole files only, export.json last: where there is none, the export is not done.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from kelly_tui.errors import StageError
from kelly_tui.export.target import JOURNAL, LARGEST, NAME, WORK, Target, decoded
from kelly_tui.store.layout import Layout, disk_errors
from kelly_tui.store.remote import Remote


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
        super().__init__(folder / hashlib.sha256(out.url.encode()).hexdigest()[:16], identity, out.url, link=True)

    def _begin(self) -> None:
        journal = self.root / WORK / JOURNAL
        is_begun = journal.is_file() and journal.stat().st_size > 0
        if self._out.is_empty():
            shutil.rmtree(self.root, ignore_errors=True)  # whoever removed what was sent wants it anew
        elif decoded(self._out.read(NAME, LARGEST) or b"").get("identity") == self.identity:
            self.is_finished = True
            shutil.rmtree(self.root, ignore_errors=True)
            return
        elif not is_begun:
            raise StageError("the folder is not empty", path=self._out.url, hint="Name one that is not there yet.")
        super()._begin()

    def _secure(self) -> None:
        found = (path.relative_to(self.root) for path in sorted(self.root.rglob("*")) if path.is_file())
        whole = [path.as_posix() for path in found if path.parts[0] != WORK]
        self._out.send(self.root, whole, self.alive)
        for name in whole:
            (self.root / name).unlink()

    def _leave(self) -> None:
        with disk_errors(self.root):
            shutil.rmtree(self.root)
