"""Keys that come between an undo and its being shown: they are meant for the sample to which it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual import events

    from kelly_tui.ui.saver import Order


class HeldKeys:
    """Keys in the order typed, kept while an undo or redo is on its way to the disk and back."""

    def __init__(self) -> None:
        self.keys: list[events.Key] = []
        self._order: Order | None = None

    def wait_for(self, order: Order) -> None:
        """Hold keys until `order` is shown."""
        self._order = order

    def let_go(self, order: Order) -> bool:
        """Whether it was this order that keys waited for; they do no more."""
        if self._order is not order:
            return False
        self._order = None
        return True

    @property
    def waits(self) -> bool:
        """Whether a key that is obeyed now might mean another sample."""
        return self._order is not None

    def take(self, key: events.Key) -> bool:
        """Hold a key, where it has to wait or others before it do."""
        if not self.waits and not self.keys:
            return False
        self.keys.append(key)
        return True

    def drop(self) -> list[str]:
        """Forget the keys, where there is no sample to which they belong; in words, which, if any."""
        typed = "".join(key.character or f" {key.key} " for key in self.keys)
        self.keys.clear()
        return [f"typed since, not done: {typed}"] if typed else []
