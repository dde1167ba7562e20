"""Keys that come faster than the screen: each acts on the sample that is under the cursor when its turn comes."""

from __future__ import annotations

from pathlib import Path

from textual import events

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
