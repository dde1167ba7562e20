"""What the app of a page of `kelly serve` draws on and reads from: two pipes, whose other ends the server holds."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from typing import Any

from textual import events
from textual.drivers import web_driver
from textual.geometry import Size


class WebDriver(web_driver.WebDriver):
    """Once the server is gone nothing is left to see, and the app may go on to its end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._write = partial(_send, self.fileno)

    def on_meta(self, packet_type: str, payload: dict[str, Any]) -> None:
        """Have a size go the way of the first: by the framework's own, which is shorter, it came there before it."""
        if packet_type != "resize":
            super().on_meta(packet_type, payload)
            return
        self._size = payload["width"], payload["height"]
        size = Size(*self._size)
        asyncio.run_coroutine_threadsafe(self._app._post_message(events.Resize(size, size)), self._loop)


def _send(pipe: int, data: bytes) -> int:
    left = memoryview(data)
    with suppress(OSError):
        while left:  # a signal may come between
            left = left[os.write(pipe, left) :]
    return len(data)
