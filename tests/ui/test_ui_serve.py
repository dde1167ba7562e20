"""`kelly serve`: the list shows in a browser and a label key works; who may not come in doesn't."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from kelly_tui.errors import KellyError
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.text import safe_text
from kelly_tui.ui.serve import _door, address, check_door, is_loopback, serve
from tests.browser import DEADLINE, browser, chromium

TOKEN = "a long secret of ours"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def emotion_of(root: Path) -> object:
    """Of the first sample, as the catalogue has it."""
    with Catalogue.open(root) as catalogue:
        sample = catalogue.get(f"{0:016x}")
    assert sample is not None
    return sample.value("emotion")


async def labelled(root: Path, wanted: str) -> None:
    """Wait until the first sample is labelled so."""
    async with asyncio.timeout(DEADLINE):
        while emotion_of(root) != wanted:
            await asyncio.sleep(0.1)


Served = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """Run ``kelly serve``: ``async with served(root) as address``."""

    @asynccontextmanager
    async def running(root: Path, *options: str) -> AsyncIterator[str]:
        port = free_port()
        words = [sys.executable, "-m", "kelly_tui", "serve", str(root), "--port", str(port), *options]
        environment = {**os.environ, "KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(tmp_path / "state"),
                       "XDG_CONFIG_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}  # fmt: skip
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
        )
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    assert process.poll() is None, process.communicate()[0]
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        await asyncio.sleep(0.1)
                        continue
                    writer.close()
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=DEADLINE)[0]
        assert "Kelly is at http://127.0.0.1" in said
        assert "Sound plays on the machine that serves" in said
        assert "Traceback" not in said

    return running


async def test_the_list_comes_to_a_page_and_a_key_labels(served: Served, root: Path) -> None:
    async with served(root, "--as", "anna") as address, aiohttp.ClientSession() as session:
        async with session.get(address) as page:
            text = await page.text()
        assert address.replace("http", "ws") in text
        assert "googleapis" not in text  # nothing is asked of anyone else
        async with session.ws_connect(f"{address}/ws?width=120&height=36", headers={"Origin": address}) as one:
            seen = b""

            async def until(what: bytes) -> None:
                nonlocal seen
                async with asyncio.timeout(DEADLINE):
                    while what not in seen:
                        message = await one.receive()
                        assert isinstance(message.data, bytes | str), message
                        seen += message.data if isinstance(message.data, bytes) else message.data.encode()

            await until(b"birch")
            await until(b"machine that serves")
            await one.send_str(json.dumps(["stdin", "2"]))
            await until(b"emotion sad")
        await labelled(root, "sad")
    with Catalogue.open(root) as catalogue:
        assert "anna" in [one.labels["emotion"].by for one in catalogue.samples() if one.value("emotion") == "sad"]


def apps(root: Path) -> list[int]:
    """The processes of apps on that dataset."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"open" in words and bytes(root) in words:
                found.append(int(folder.name))
    return found


async def ended(root: Path) -> None:
    """Wait until no app is left on that dataset."""
    async with asyncio.timeout(DEADLINE):
        while apps(root):
            await asyncio.sleep(0.1)


async def seen(socket: aiohttp.ClientWebSocketResponse, *wanted: bytes) -> None:
    """Wait until the page was told all of it."""
    told = b""
    async with asyncio.timeout(DEADLINE):
        while not all(what in told for what in wanted):
            message = await socket.receive()
            assert isinstance(message.data, bytes | str), message
            told += message.data if isinstance(message.data, bytes) else message.data.encode()


@pytest.mark.parametrize("size", ["width=99999999&height=99999999", "width=0&height=-5", "width=wide&height=", ""])
async def test_a_page_of_any_size_has_an_app_that_can_be_used(served: Served, root: Path, size: str) -> None:
    """One request had the app grow until the system ended something."""
    async with served(root) as address, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{address}/ws?{size}", headers={"Origin": address}, max_msg_size=0) as one:
            for width, height in ((99999999, 99999999), (0, -5), (None, [{}]), (1e400, "tall"), (130, 40)):
                await one.send_json(["resize", {"width": width, "height": height}])
            await seen(one, b"birch")
            said = asyncio.create_task(seen(one, b"emotion sad"))
            while not said.done():  # a key that comes while there is no room for the list is for nobody
                await one.send_json(["stdin", "2"])
                await asyncio.wait([said], timeout=1)
            await said
        await labelled(root, "sad")
        await ended(root)


async def test_what_no_page_says_ends_the_page_and_leaves_no_trace(served: Served, root: Path) -> None:
    async with served(root) as address, aiohttp.ClientSession() as session:
        for said in ("{", "{}", "[]", '["resize", 3]', '["resize", {}]', '["stdin", null]', "[" * 100_000):
            async with session.ws_connect(f"{address}/ws", headers={"Origin": address}) as one:
                await one.send_str(said)
                async with asyncio.timeout(DEADLINE):
                    while not (await one.receive()).type.name.startswith("CLOS"):
                        pass
        await ended(root)


async def test_an_app_ends_with_a_page_that_reads_nothing(served: Served, root: Path) -> None:
    """It waited for a reader of what it had drawn, for as long as the server ran."""
    async with served(root) as address, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{address}/ws?width=120&height=36", headers={"Origin": address}) as one:
            await seen(one, b"birch")
            await one.send_json(["stdin", "2"])
            await seen(one, b"emotion sad")
            for more in range(40):
                await one.send_json(["resize", {"width": 400 + more, "height": 200}])
                await asyncio.sleep(0.1)  # each is to be drawn: of all at once only the last would be
            connection = one._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        await ended(root)
    assert emotion_of(root) == "sad"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_apps_end_with_the_server_and_all_is_saved(tmp_path: Path, root: Path, sign: int) -> None:
    port = free_port()
    words = [sys.executable, "-m", "kelly_tui", "serve", str(root), "--port", str(port)]
    environment = {**os.environ, "KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(tmp_path / "state"),
                   "XDG_CONFIG_HOME": str(tmp_path)}  # fmt: skip
    with subprocess.Popen(words, env=environment, start_new_session=True) as server:
        try:
            async with aiohttp.ClientSession() as session:
                async with asyncio.timeout(DEADLINE):
                    while True:
                        try:
                            one = await session.ws_connect(f"http://127.0.0.1:{port}/ws?width=120&height=36")
                            break
                        except aiohttp.ClientConnectionError:
                            await asyncio.sleep(0.1)
                await seen(one, b"birch")
                await one.send_json(["stdin", "2"])
                await seen(one, b"emotion sad")
                server.send_signal(sign)
                server.wait(15)  # though the page is open, and reads nothing
                await ended(root)
        finally:
            server.kill()
    assert emotion_of(root) == "sad"
    row = next(line for line in (root / "manifest.json").read_text().splitlines() if "amber.mid" in line)
    assert '"emotion":"sad"' in row


async def test_pages_of_other_sites_and_other_names_are_refused(served: Served, root: Path) -> None:
    async with served(root) as address, aiohttp.ClientSession() as session:
        for path in ("/", "/ws"):
            for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"},
                            {"Host": "["}, {"Origin": "http://["}):  # fmt: skip
                async with session.get(address + path, headers=headers) as answer:
                    assert answer.status == 403, (path, headers)


async def test_what_is_no_http_is_answered_and_leaves_no_trace(served: Served, root: Path) -> None:
    """Anyone who reached the door could fill the terminal with tracebacks, without a token."""
    async with served(root) as address:
        for asked in (b"GET / HTTP/1.1\r\nCookie: " + b"a" * 20_000, b"\x1b[2J\x1b]0;owned\x07 / HTTP/9\r\nHost: \xff"):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            writer.write(asked + b"\r\n\r\n")
            async with asyncio.timeout(DEADLINE):
                assert b" 400 " in await reader.readline()
            writer.close()


async def test_a_token_is_asked_for_and_goes_no_further_than_a_cookie(served: Served, root: Path) -> None:
    async with served(root, "--token", TOKEN) as address, aiohttp.ClientSession() as session:
        for path in ("/", "/ws", "/static/js/textual.js", "/?token=" + "x" * len(TOKEN)):
            async with session.get(address + path) as answer:
                assert answer.status == 401, path
        async with session.get(address, params={"token": TOKEN}, allow_redirects=False) as answer:
            assert answer.status == 302
            assert answer.headers["Location"] == "/"
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        port = int(address.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: kelly_token=\xff\r\n\r\n")
        assert b" 401 " in await reader.readline()
        writer.close()
        headers = {"Cookie": cookie.partition(";")[0]}
        async with session.get(address, headers=headers) as answer:
            assert answer.status == 200
        async with session.ws_connect(f"{address}/ws", headers={**headers, "Origin": address}) as one:
            assert (await one.receive()).data


@pytest.mark.parametrize("token", ["a+b&c=d%20e#f/g", "ünd ein Wort ☂", 'quoted "and"; more'])
async def test_the_address_that_is_printed_opens_the_page_whatever_the_token_is(token: str) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="the page")

    app = web.Application(middlewares=[_door("127.0.0.1", 0, token)])
    app.router.add_get("/", page)
    jar = aiohttp.CookieJar(unsafe=True)  # takes cookies of an address without a name too, as browsers do
    async with TestServer(app) as server, aiohttp.ClientSession(cookie_jar=jar) as session:
        printed = address("127.0.0.1", server.port or 0, token)
        assert safe_text(printed, limit=None) == printed
        async with session.get(URL(printed, encoded=True)) as answer:  # goes on with the cookie
            assert (answer.status, await answer.text()) == (200, "the page")
        async with aiohttp.ClientSession() as other, other.get(address("127.0.0.1", server.port or 0)) as answer:
            assert answer.status == 401


def test_where_it_is_has_brackets_of_an_ipv6_host() -> None:
    assert address("::1", 8000) == "http://[::1]:8000/"


def test_a_host_that_can_not_be_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(KellyError, match=r"'a\.\.b' is no host"):
        serve(tmp_path, "a..b", 8000, TOKEN)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_off_loopback_a_token_is_wanted(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    check_door(host, TOKEN)
    if loopback:
        check_door(host, "")
    else:
        with pytest.raises(KellyError, match="can be reached from other machines"):
            check_door(host, "")
    with pytest.raises(KellyError, match="can be guessed"):
        check_door(host, "short")


def test_the_command_refuses_to_let_everyone_in(root: Path) -> None:
    words = [sys.executable, "-m", "kelly_tui", "serve", str(root), "--host", "0.0.0.0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert done.returncode == 2
    assert "0.0.0.0 can be reached from other machines. Give a secret: --token SECRET." in done.stderr


@pytest.mark.skipif(chromium() is None, reason="no Chromium: apt install chromium-headless-shell")
async def test_in_a_browser_the_list_shows_and_a_key_labels(served: Served, root: Path, tmp_path: Path) -> None:
    async with served(root) as address, browser(tmp_path / "chromium") as page:
        await page.open(address)
        await page.wait_for(b"birch")
        await page.wait_for(b"amber.mid")
        async with asyncio.timeout(DEADLINE):
            while True:  # the terminal draws when the browser lets it
                colours = await page.colours()
                ground, accent = colours.get((0x15, 0x17, 0x1C), 0), colours.get((0xE8, 0xB4, 0x5A), 0)
                if ground > 0.5 * sum(colours.values()) and accent > 200:
                    break
                await asyncio.sleep(0.1)
        await page.click(700, 700)
        await page.press("2")
        await page.wait_for(b"emotion sad")
        assert all(asked.startswith(address) for asked in page.asked)
        await labelled(root, "sad")
