"""The part of the workstation that leads back to what one has decided, however far the cursor has gone since."""

from __future__ import annotations

from kelly_tui.errors import LabelError
from kelly_tui.ui.screens.marking import Marking


class Trail(Marking):
    """The samples that were edited since the dataset was opened, in that order; the history has all others."""

    def __init__(self) -> None:
        super().__init__()
        self._trail: list[str] = []
        self._on_trail = 0
        """Where on it one is; at its end where one has not gone back."""

    def decided(self, sample_id: str) -> None:
        """A sample was edited: it is what one goes back to first."""
        self._trail = [*(one for one in self._trail if one != sample_id), sample_id]
        self._on_trail = len(self._trail)

    async def action_earlier(self) -> None:
        await self._walk(-1)

    async def action_later(self) -> None:
        await self._walk(1)

    async def _walk(self, step: int) -> None:
        there = self._on_trail + step
        if not 0 <= there < len(self._trail):
            way = "earlier" if step < 0 else "later"
            raise LabelError(f"there is nothing {way} that you have decided", hint="‹history› lists all edits.")
        self._on_trail = there
        if not await self.go_to(self._trail[there]):
            raise LabelError("it is not in this list", hint="‹filter› and enter shows all.")
