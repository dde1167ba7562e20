"""The pages of `kelly serve`: each has an app of its own, of a size that can be drawn, which ends with its page."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from kelly_tui.ui.size import drawable

HEARTBEAT = 15
"""Seconds between two signs of life that a page is asked for: one that went without a word is seen so."""

PATIENCE = 5.0
"""Seconds that an app has to heed a word; after that it sees its input end, and must end by itself."""

DRIVER = "kelly_tui.ui.page_driver:WebDriver"

NO_MESSAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a message may raise which no page of ours has sent."""


class PageServer(Server):
    """Starts an app for each page, and ends it with the page or with the server."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._open: list[web.Request] = []

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT)
        await socket.prepare(request)

        async def close() -> None:
            await socket.close()

        app = PageApp(
            self.command,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        self._open.append(request)
        try:
            await app.start(*drawable(request.query.get("width"), request.query.get("height")))
            with suppress(*NO_MESSAGE):
                await self._process_messages(socket, app)
        finally:
            self._open.remove(request)
            _hang_up(request)
            await app.stop()
        return socket

    async def on_shutdown(self, app: web.Application) -> None:
        """Pages that stay open would keep the server for a minute."""
        for request in self._open:
            _hang_up(request)


class PageApp(AppService):
    """The app of one page, in a process of its own."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), "TEXTUAL_DRIVER": DRIVER}

    async def set_terminal_size(self, width: Any, height: Any) -> None:
        await super().set_terminal_size(*drawable(width, height))

    async def on_data(self, payload: bytes) -> None:
        with suppress(OSError):  # the page is gone; the app is read on, or it would wait for a reader and never end
            await super().on_data(payload)

    async def on_meta(self, data: bytes) -> None:
        with suppress(OSError):
            await super().on_meta(data)

    async def stop(self) -> None:
        """End the app: what was typed before comes first. It may take its time to save, or to write the manifest."""
        if self._task is not None:
            stopping = asyncio.create_task(super().stop())
            await asyncio.wait([stopping], timeout=PATIENCE)
            self.stdin.close()
            await stopping


def _hang_up(request: web.Request) -> None:
    """Nothing more is said to a page, nor waited for until it has heard all: it may never."""
    if request.transport is not None:
        request.transport.abort()
