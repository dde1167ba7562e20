"""The dataset as it was, to be looked at; and what has been done today."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import history
from tests.ui.conftest import Open


@pytest.mark.exercises("history", "sample_history", "as_of", "label", "undo")
@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_from_the_history_to_the_dataset_as_it_was_and_back(
    open_desk: Open, root: Path, size: tuple[int, int]
) -> None:
    async with open_desk(root, size=size) as desk:
        await desk.press("2", "k", "5")
        assert desk.values("amber")["emotion"] == "tense"
        await desk.press("k", "g", "u")
        assert "history of amber, newest first" in desk.text()
        assert "birch" not in desk.text()
        await desk.press("escape", "g", "h", "j", "j", "t")
        await desk.settle()
        headline = desk.text().splitlines()[0]
        assert "read only" in headline
        assert "as of" in headline
        assert any("○ amber  " in line and " sad " in line for line in desk.text().splitlines())
        await desk.press("3")
        assert "nothing is changed" in desk.said
        await desk.press("u")
        assert "nothing is changed" in desk.said
        assert desk.values("amber")["emotion"] == "tense", "the dataset itself is as it was"
        await desk.press(":")
        await desk.type("extract")
        assert "nothing is changed" in desk.hint
        await desk.press("escape")
        await desk.press(":")
        await desk.type("now")
        await desk.settle()
        assert "read only" not in desk.text()
        assert any("○ amber  " in line and " tense " in line for line in desk.text().splitlines())
        await desk.press("3")
        assert desk.values("amber")["emotion"] == "angry"


async def test_as_of_a_moment_by_command(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("2")
        with Catalogue.open(root) as catalogue:
            at = history(catalogue)[0].at
        await desk.press(":")
        await desk.type("as-of soon")
        assert "no moment" in desk.hint
        await desk.press("escape")
        await desk.press(":")
        await desk.type(f"as-of {at}")
        await desk.settle()
        assert "read only" in desk.text().splitlines()[0]
        await desk.press(":")
        await desk.type("as-of 1999-01-01")
        await desk.settle()
        assert "there was no dataset" in desk.said


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_the_headline_says_what_was_labelled_today(open_desk: Open, root: Path, size: tuple[int, int]) -> None:
    async with open_desk(root, size=size) as desk:
        assert "today" not in desk.text()
        await desk.press("2", "1", "s")
        assert "2 today" in desk.text().splitlines()[0]
        await desk.press("u", "u")
        assert "1 today" in desk.text().splitlines()[0]
