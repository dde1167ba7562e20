"""What is done between an undo and its being shown: it is meant for after that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from kelly_tui.ui.saver import Order

Deed = Callable[[], Awaitable[None]]
"""What a click does, of what was there when it was clicked."""


class Held:
    """Keys and clicks in their order, kept while an undo or redo is on its way to the disk and back."""

    def __init__(self) -> None:
        self.waiting: list[events.Key | Deed] = []
        self._order: Order | None = None

    def wait_for(self, order: Order) -> None:
        """Hold what comes until `order` is shown."""
        self._order = order

    def is_for(self, order: Order) -> bool:
        """Whether it is this order that is waited for."""
        return self._order is order

    def let_go(self, order: Order) -> bool:
        """Whether it was this order that was waited for; it is no more."""
        if not self.is_for(order):
            return False
        self._order = None
        return True

    @property
    def waits(self) -> bool:
        """Whether what is obeyed now might mean another sample."""
        return self._order is not None

    def take(self, one: events.Key | Deed) -> bool:
        """Hold a key or a click, where it has to wait or others before it do."""
        if not self.waits and not self.waiting:
            return False
        self.waiting.append(one)
        return True

    def drop(self) -> list[str]:
        """Forget them, where there is no sample to which they belong; in words, which, if any."""
        typed = "".join(map(_in_words, self.waiting))
        self.waiting.clear()
        return [f"typed since, not done: {typed}"] if typed else []


def _in_words(one: events.Key | Deed) -> str:
    return (one.character or f" {one.key} ") if isinstance(one, events.Key) else " a click "
