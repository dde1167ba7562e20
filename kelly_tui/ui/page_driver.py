"""What the app of a page of `kelly serve` draws on and reads from: two pipes, whose other ends the server holds."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import Any

from textual.drivers import web_driver


class WebDriver(web_driver.WebDriver):
    """Once the server is gone nothing is left to see, and the app may go on to its end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._write = partial(_send, self.fileno)


def _send(pipe: int, data: bytes) -> int:
    left = memoryview(data)
    with suppress(OSError):
        while left:  # a signal may come between
            left = left[os.write(pipe, left) :]
    return len(data)
