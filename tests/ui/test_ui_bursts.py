"""Keys that come faster than the screen: each acts on the sample that is under the cursor when its turn comes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual import events

from kelly_tui.store import history
from tests.ui.conftest import Desk, Open


def burst(desk: Desk, *keys: str) -> None:
    """Give the app keys as a terminal does when several are read at once: none waits for what the last one led to."""
    for key in keys:
        desk.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_a_label_goes_to_the_row_under_the_cursor_not_to_the_one_last_shown(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        burst(desk, "j", "j", "j", "j", "j", "2", "3", "1")
        await desk.pilot.pause()
        await desk.settle()
        assert desk.values("amber") == {}
        labelled = {name: desk.values(name).get("emotion") for name in ("fern", "grove", "heath")}
        assert labelled == {"fern": "sad", "grove": "angry", "heath": "happy"}
        assert desk.here == "iris"


async def test_what_is_typed_right_after_the_key_that_asks_is_part_of_the_answer(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        burst(desk, "/", "c", "d", "backspace", "e", "d", "x", "backspace", "enter")
        await desk.pilot.pause()
        await desk.settle()
        assert "ced" in desk.text().splitlines()[2]
        assert desk.here == "cedar"
        assert desk.stored("amber").decision == "pending"


async def test_what_is_typed_right_after_the_key_that_leaves_or_answers_is_not_lost(
    open_desk: Open, root: Path
) -> None:
    async with open_desk(root) as desk:
        burst(
            desk, "/", "x", "escape", "2", "g", "h", "escape", "3", "g", "p", "j", "escape", "/", "f", "e", "enter", "4"
        )
        await desk.pilot.pause()
        await desk.settle()
        assert desk.values("amber")["emotion"] == "sad"
        assert desk.values("birch")["emotion"] == "angry"
        assert "fern" in desk.text()
        assert "emotion" in desk.values("cedar") or "emotion" in desk.values("fern")


async def test_what_is_typed_right_after_an_undo_or_redo_is_of_the_sample_to_which_it_leads(
    open_desk: Open, root: Path
) -> None:
    async with open_desk(root) as desk:
        untouched = {name: desk.values(name) for name in ("cedar", "dune", "elm", "fern")}
        await desk.press("2", "3", "down", "down")
        assert desk.here == "elm"
        burst(desk, "u", "1", "j", "u", "4", "j", "j", "ctrl+r", "u", "u", "u", "5")
        await desk.pilot.pause()
        await desk.settle()
        # 3 of birch is undone, and it is 1; that is undone again, and it is 4; nothing is there to redo; then 4, 2 go
        assert desk.here == "birch"
        assert desk.values("amber")["emotion"] == "tense"
        assert {name: desk.values(name) for name in untouched} == untouched


async def test_what_is_typed_right_after_an_undo_of_what_is_not_listed_labels_nothing_else(
    open_desk: Open, root: Path
) -> None:
    async with open_desk(root) as desk:
        await desk.press("2", "slash")
        await desk.type("fern")
        assert desk.here == "fern"
        burst(desk, "u", "1")
        await desk.pilot.pause()
        await desk.settle()
        assert "emotion" not in desk.values("fern")
        assert desk.said.endswith("not in this list · typed since, not done: 1")
        await desk.press("3")
        assert desk.values("fern")["emotion"] == "angry"


async def test_keys_do_not_wait_for_an_undo_that_cannot_be_written(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("2")
        (root / "config.json").rename(root / "away")
        burst(desk, "u", "j", "j")
        await desk.until(lambda: desk.here == "dune")
        (root / "away").rename(root / "config.json")
        await desk.until(lambda: not desk.app.workstation.unsaved)
        await desk.settle()
        assert "emotion" not in desk.values("amber")
        assert desk.here == "dune", "an undo that comes so late takes nobody away from what he is at"
        assert desk.said == "undo emotion sad · amber · only now; the cursor stays"


async def test_what_is_clicked_right_after_an_undo_is_done_after_it(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("2", "3", "down", "down")
        lines = desk.text().splitlines()
        row, digit = (next(y for y, line in enumerate(lines) if words in line) for words in ("heath", "4 peaceful"))
        desk.app.post_message(events.Key("u", "u"))
        await desk.pilot.click(offset=(8, row))  # a row, then a class
        await desk.pilot.click(offset=(lines[digit].index("4 peaceful"), digit))
        await desk.settle()
        assert "emotion" not in desk.values("birch") or desk.stored("birch").labels["emotion"].source == "folder"
        assert desk.values("heath")["emotion"] == "peaceful"
        assert desk.here == "iris"


async def test_what_is_clicked_while_an_undo_waits_for_the_disk_is_not_lost(
    open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    undo = history.undo

    def slowly(*arguments: Any) -> Any:
        assert may_write.wait(30)
        return undo(*arguments)

    async with open_desk(root) as desk:
        await desk.press("2", "down", "down")
        monkeypatch.setattr(history, "undo", slowly)
        row = next(y for y, line in enumerate(desk.text().splitlines()) if "heath" in line)
        await desk.pilot.press("u")
        await desk.pilot.click(offset=(8, row))
        assert desk.here == "dune"
        may_write.set()
        await desk.settle()
        assert desk.here == "heath"
        assert "emotion" not in desk.values("amber")
