"""The workstation in a browser: one app a page, on this machine, by textual-serve.

On loopback only unless another host is named. What comes from another site's page, or by another name than the
server's own (a name that was made to point here), is refused; off loopback all wants a token.
"""

from __future__ import annotations

import hmac
import html
import ipaddress
import logging
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlsplit

from kelly_tui.errors import KellyError, LibraryMissing
from kelly_tui.text import storable

if TYPE_CHECKING:
    from aiohttp import web

HOST, PORT = "127.0.0.1", 8000

COOKIE = "kelly_token"

SHORTEST_TOKEN = 12
"""Characters: what is shorter can be guessed."""

SOUND_STAYS = "Sound plays on the machine that serves, not in the browser."
IN_THE_CLEAR = (
    "Anyone who reaches {host}:{port} and has the token can label, and read what you can read. It is plain HTTP: "
    "who listens on the way sees the token too. Use it in a network that you trust, or through a tunnel."
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>{title}</title>
    <link rel="stylesheet" href="/static/css/xterm.css">
    <script src="/static/js/textual.js"></script>
    <style>
      @font-face {{ font-family: "Roboto Mono"; src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); }}
      body {{ margin: 0; background: #15171c; color: #c5c9d3; font: 16px "Roboto Mono", monospace; }}
      .closed {{ display: none; padding: 2em; }}
      body.-closed .closed {{ display: block; }}
      body.-closed #terminal {{ display: none; }}
      a {{ color: #e8b45a; }}
    </style>
  </head>
  <body>
    <p class="closed">Kelly has ended; every edit is saved. <a href="/">Open it again</a></p>
    <div id="terminal" class="textual-terminal" data-session-websocket-url="{socket}" data-font-size="16"></div>
  </body>
</html>
"""


def serve(
    root: Path, host: str = HOST, port: int = PORT, token: str = "", filter: Sequence[str] = (), annotator: str = ""
) -> None:
    """Serve the workstation on a dataset until interrupted; labels are `annotator`'s, empty means the settings' name.

    Raises `KellyError` for a host off loopback without a token, and `LibraryMissing` without textual-serve.
    """
    check_door(host, token)
    name = ["--as", annotator] if annotator else []
    command = [sys.executable, "-m", "kelly_tui", *name, "open", str(root), *filter]
    server = _server(shlex.join(command), host, port, token, f"kelly {root.name}")
    try:
        server.serve()
    except UnicodeError:  # what can't be a name, such as a..b
        raise KellyError(f"{host!r} is no host", hint="Name another --host.") from None
    except OSError as error:
        raise KellyError(f"can't listen on {host}:{port} ({error.strerror})", hint="Name another --port.") from None


def address(host: str, port: int, token: str = "") -> str:
    """What a browser opens: any token as an address has it, in which a plus is a space."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_door(host: str, token: str) -> None:
    """Raise `KellyError` where others could come in without a key, or with one that can be guessed."""
    if not is_loopback(host) and not token:
        raise KellyError(f"{host} can be reached from other machines", hint="Give a secret: --token SECRET.")
    if token and len(token) < SHORTEST_TOKEN:
        raise KellyError("the token can be guessed", hint=f"Use {SHORTEST_TOKEN} characters or more.")
    if token != storable(token):
        raise KellyError("the token is no text", hint="Use letters and digits.")


def _server(command: str, host: str, port: int, token: str, title: str) -> Any:
    try:
        from aiohttp import web
        from aiohttp.http_exceptions import HttpProcessingError

        from kelly_tui.ui.pages import PageServer
    except ImportError:
        raise LibraryMissing("textual-serve is not installed", hint='pip install "kelly-tui[serve]"') from None

    class KellyServer(PageServer):
        """Lets in who may come, and says no more than it must."""

        def initialize_logging(self) -> None:
            """What goes wrong here goes to standard error; what goes right needs no line, nor what is no HTTP."""
            logging.getLogger("aiohttp.server").addFilter(
                lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
            )

        async def on_startup(self, app: web.Application) -> None:
            """`kelly serve` has said where it is."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(_door(host, port, token))
            return app

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            socket = f"ws://{request.host}{request.app.router['websocket'].url_for()}"
            text = _PAGE.format(title=html.escape(title), socket=html.escape(socket, quote=True))
            return web.Response(text=text, content_type="text/html", headers={"Referrer-Policy": "no-referrer"})

    return KellyServer(command, host=host, port=port, title=title, public_url=address(host, port).rstrip("/"))


def _door(host: str, port: int, token: str) -> Any:
    """What each request passes first."""
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_loopback(host) and not is_loopback(_split(f"//{request.host}").hostname or ""):
            raise web.HTTPForbidden(text="asked for by another name than this machine's")
        origin = request.headers.get("Origin")
        if origin is not None and _split(origin).netloc != request.host:
            raise web.HTTPForbidden(text="asked for by another site's page")
        if not token or _same(request.cookies.get(COOKIE, ""), quote(token, safe="")):
            return await handler(request)
        if not _same(request.query.get("token", ""), token):
            raise web.HTTPUnauthorized(text="open the address that kelly serve has said, with its token")
        found = web.HTTPFound("/")  # on without it: an address is shown, kept and copied
        found.set_cookie(COOKIE, quote(token, safe=""), httponly=True, samesite="Strict")
        raise found

    return door


def _split(address: str) -> SplitResult:
    """The parts of an address; what is none, such as ``//[``, has none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _same(given: str, token: str) -> bool:
    """Compared in a time that tells nothing of how much was right; headers may hold bytes that are no text."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())
