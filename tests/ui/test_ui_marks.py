"""Marks: what is marked, what an edit does to all of it in one step, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import NAMES, Desk, Open


def emotions(desk: Desk, *names: str) -> list[object]:
    return [desk.values(name).get("emotion") for name in names]


@pytest.mark.exercises("mark", "mark_range", "unmark")
async def test_a_digit_labels_all_that_is_marked_as_one_step(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        before = emotions(desk, *NAMES)
        await desk.press("*")
        assert (desk.here, "1 marked" in desk.text()) == ("birch", True)
        await desk.press("j", "j", "_")  # amber to dune
        assert "4 samples marked" in desk.said
        assert sum(line[1:2] == "*" for line in desk.text().splitlines()) == 4
        await desk.press("5")
        assert emotions(desk, *NAMES) == ["tense"] * 4 + before[4:]
        assert "emotion tense on 4 samples" in desk.said
        assert desk.here == "dune"
        await desk.press("u")
        assert emotions(desk, *NAMES) == before
        assert "undo emotion tense on 4 samples" in desk.said
        assert desk.here == "dune", "what is undone is here too: the cursor need not leave"
        await desk.press("g", "g", "j", "j", "j", "j", "ctrl+r")
        assert desk.here == "amber", "there it is"
        await desk.press("escape")
        assert emotions(desk, *NAMES) == ["tense"] * 4 + before[4:]
        assert "marked" not in desk.text().splitlines()[0]
        await desk.press("1")
        assert emotions(desk, "amber", "birch") == ["happy", "tense"]


async def test_a_mark_is_taken_away_and_a_range_may_go_upwards(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("_")
        assert "* marks a sample" in desk.said
        await desk.press("G", "k", "*", "k", "k", "k", "_")  # iris, heath, then grove: the cursor went on by one
        assert "3 samples marked" in desk.said
        await desk.press("*")
        assert "2 samples marked" in desk.said
        await desk.press("s")
        decisions = [desk.stored(name).decision for name in ("fern", "grove", "heath", "iris")]
        assert decisions == ["pending", "pending", "skipped", "skipped"]


async def test_typed_fields_skip_flag_and_repeat_go_to_the_marked(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("*", "*", "K")
        assert "of 2 samples" in desk.text()
        await desk.type("Bb minor")
        assert [desk.values(name)["key"] for name in ("amber", "birch")] == ["A#", "A#"]
        assert "key" not in desk.values("elm")
        await desk.press("S")
        await desk.type("licence")
        assert {desk.stored(name).skip_reason for name in ("amber", "birch")} == {"licence"}
        await desk.press("v", "9", "1")
        assert {desk.values(name)["arousal"] for name in ("amber", "birch")} == {-1.0}
        await desk.press("escape", "*", "*", ".")
        assert desk.values("dune")["arousal"] == -1.0
        await desk.press("e", "3")
        assert emotions(desk, "cedar", "dune") == ["angry", "angry"]
        await desk.press("backspace", "escape")
        assert emotions(desk, "cedar", "dune") == [None, None]


async def test_flags_and_refusals_of_several_all_go_one_way(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("f", "*", "*", "f")
        assert {desk.stored(name).decision for name in ("amber", "birch")} == {"flagged"}
        await desk.press("f")
        assert {desk.stored(name).decision for name in ("amber", "birch")} == {"pending"}
        await desk.press("escape", "*", "*", "*", "x")  # cedar has a guess, elm is a variant, dune has neither
        assert "emotion" not in desk.values("cedar")
        assert desk.stored("elm").rejected
        assert emotions(desk, "dune") == ["tense"]
        assert "on 2 samples (of 3 marked)" in desk.said


async def test_accept_leaves_out_what_is_open_and_says_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("*", "*", "*", "enter")
        assert [desk.values(name).get("is_verified") for name in ("amber", "birch", "cedar")] == [None, True, True]
        assert "(of 3 marked)" in desk.said


async def test_what_is_no_longer_listed_is_no_longer_marked(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("*", "*", "/")
        await desk.type("birch")
        await desk.press("/")
        await desk.type("")
        assert "1 marked" in desk.text()
        await desk.press("7")
        assert emotions(desk, "amber", "birch") == [None, "energetic"]
