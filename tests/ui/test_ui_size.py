"""How large a screen is drawn, whoever says how large it is; and the end of an app that hangs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui.size import drawable, forget_sizes
from tests.pty_program import PtyProgram

HANGING = """
import time
from kelly_tui.ui import app, terminal
from kelly_tui.cli import main

async def hang(self):
    time.sleep(600)

terminal.HANGS = 0.5
app.KellyApp.on_gone = hang
main()
"""


def environment(folder: Path) -> dict[str, str]:
    return {"KELLY_AUTOPLAY": "no", "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder)}


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [((120, 40), (120, 40)), (("120", "40"), (120, 40)), ((99_999_999, 10**400), (1000, 500)), ((0, -3), (1, 1)),
     ((None, "wide"), (80, 24)), ((float("inf"), float("nan")), (80, 24)), (("9" * 5000, [{}]), (80, 24))],
)  # fmt: skip
def test_a_size_is_held_within_what_can_be_drawn(asked: tuple[Any, Any], drawn: tuple[int, int]) -> None:
    assert drawable(*asked) == drawn


def test_an_environment_that_says_too_much_is_not_believed() -> None:
    surroundings = {"COLUMNS": "99999999", "ROWS": "x", "LINES": "40", "HOME": "/"}
    forget_sizes(surroundings)
    assert surroundings == {"LINES": "40", "HOME": "/"}


@pytest.mark.parametrize(
    ("size", "said"), [((100, 30), {"COLUMNS": "99999999", "LINES": "99999999"}), ((65535, 65535), {})]
)
def test_no_terminal_makes_the_app_grow(
    tmp_path: Path, root: Path, size: tuple[int, int], said: dict[str, str]
) -> None:
    words = [sys.executable, "-m", "kelly_tui", "open", str(root)]
    with PtyProgram(words, size, {**environment(tmp_path), **said}) as app:
        app.wait_for(b"amber.mid")
        app.send(b"2")
        app.wait_for(b"saved")
        assert app.megabytes() < 500


def test_an_app_that_hangs_ends_after_its_terminal_with_its_edits_saved(tmp_path: Path, root: Path) -> None:
    with PtyProgram([sys.executable, "-c", HANGING, "open", str(root)], (100, 30), environment(tmp_path)) as app:
        app.wait_for(b"amber.mid")
        app.send(b"2")
        app.wait_for(b"emotion sad")
        assert app.hang_up() == 1
    with Catalogue.open(root) as catalogue:
        sample = catalogue.get(f"{0:016x}")
    assert sample is not None
    assert sample.value("emotion") == "sad"
