"""``kelly serve``: what it takes, and what it says before it serves."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from kelly_tui.errors import KellyError

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line

SERVE = """\
The workstation in a browser on this machine: http://127.0.0.1:8000, until ctrl+c.
Each page is an app of its own on the same dataset. Sound plays on the machine
that serves. Another --host lets other machines in, over plain HTTP; then a
--token is needed, and the address that is printed has it.
Needs textual-serve: pip install "kelly-tui[serve]".
"""


def add_serve(parser: ArgumentParser) -> None:
    """The command's words and options, after the dataset."""
    parser.add_argument("filter", nargs="*", default=[], metavar="FILTER", help="samples to show, as in kelly list")
    parser.add_argument("--host", default="127.0.0.1", metavar="HOST", help="127.0.0.1, which no other machine reaches")
    parser.add_argument("--port", type=int, default=8000, metavar="PORT", help="8000")
    parser.add_argument("--token", default="", metavar="SECRET", help="what a browser must know; needed off 127.0.0.1")


def serve_workstation(line: Line) -> int:
    from kelly_tui.ui import serve

    wanted = line.arguments
    if not 0 < wanted.port < 1 << 16:
        raise KellyError(f"--port can't be {str(wanted.port)[:20]}", hint="A port is 1 to 65535.")
    serve.check_door(wanted.host, wanted.token)
    root = line.root
    line.voice.say(f"Kelly is at {serve.address(wanted.host, wanted.port, wanted.token)}   ctrl+c ends it")
    line.voice.say(serve.SOUND_STAYS)
    if not serve.is_loopback(wanted.host):
        line.voice.notice(serve.IN_THE_CLEAR.format(host=wanted.host, port=wanted.port))
    serve.serve(root, wanted.host, wanted.port, wanted.token, wanted.filter, line.settings.annotator)
    return 0
