"""A headless Chromium, driven over the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

DEADLINE = 60.0
"""Seconds that anything is waited for."""


def chromium() -> str | None:
    """The browser's program, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page, and what its web sockets were sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.received = b""
        """By its web sockets."""
        self.asked: list[str] = []
        """Addresses that it has asked for."""
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.webSocketFrameReceived":
                frame = told["params"]["response"]
                data = frame["payloadData"]
                self.received += data.encode() if frame["opcode"] == 1 else base64.b64decode(data)
            elif told["method"] == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        told = await asyncio.wait_for(self._answers[number], DEADLINE)
        assert "error" not in told, told
        return told["result"]

    async def open(self, address: str) -> None:
        await self.send("Network.enable")
        await self.send("Page.enable")
        await self.send("Page.navigate", url=address)

    async def press(self, key: str) -> None:
        """Press a printable key."""
        code = {"key": key, "text": key, "unmodifiedText": key, "windowsVirtualKeyCode": ord(key.upper())}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **code)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def click(self, x: int, y: int) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def wait_for(self, what: bytes) -> None:
        """Until that was received."""
        async with asyncio.timeout(DEADLINE):
            while what not in self.received:
                await asyncio.sleep(0.05)

    async def colours(self) -> dict[tuple[int, int, int], int]:
        """How many pixels of each colour it shows."""
        from PIL import Image

        shot = base64.b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])
        image = Image.open(io.BytesIO(shot)).convert("RGB")
        return {colour: n for n, colour in image.getcolors(image.width * image.height) or []}  # type: ignore[misc]

    def close(self) -> None:
        self._reader.cancel()


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A browser of its own, with an empty page."""
    program = chromium()
    assert program is not None
    words = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--window-size=1200,800", "--remote-debugging-port=0", f"--user-data-dir={folder}",
             "about:blank"]  # fmt: skip
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)},
        start_new_session=True,
    )  # fmt: skip
    try:
        said = folder / "DevToolsActivePort"
        async with asyncio.timeout(DEADLINE):
            while not said.exists() or len(said.read_text().splitlines()) < 2:
                assert process.poll() is None, "the browser has ended"
                await asyncio.sleep(0.05)
        port = said.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                yield page
                page.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # Debian's program is a script that would leave the browser behind
        process.wait(DEADLINE)
