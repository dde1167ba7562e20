"""What is done between an undo, or a filter, and its being shown: it is meant for after that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import events

Deed = Callable[[], Awaitable[None]]
"""What a click does, of what was there when it was clicked."""


class Held:
    """Keys and clicks in their order, kept while what they are meant for is not shown yet: an undo or redo that is on
    its way to the disk and back, or a list that is being found."""

    def __init__(self) -> None:
        self.waiting: list[events.Key | Deed] = []
        self.awaited: object = None

    def wait_for(self, wanted: object) -> None:
        """Hold what comes until that is shown."""
        self.awaited = wanted

    def is_for(self, wanted: object) -> bool:
        """Whether it is this that is waited for."""
        return self.awaited is wanted

    def let_go(self, shown: object) -> bool:
        """Whether it was this that was waited for; it is no more."""
        if shown is None or not self.is_for(shown):
            return False
        self.awaited = None
        return True

    @property
    def waits(self) -> bool:
        """Whether what is obeyed now might mean another sample."""
        return self.awaited is not None

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
