"""A dataset's folder that vanishes while it is open: every page says so or goes on, and nothing typed is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Open

PAGES = [
    "g p",
    "g v",
    "g h",
    "g u",
    "g d",
    "g q",
    "g a",
    "g r",
    "g o",
    "g c",
    "g n",
    "tab",
    "b",
    "m",
    "R",
    "V",
    "?",
    "n",
]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_on_every_page_the_app_lives_on_and_keeps_what_is_typed(
    open_desk: Open, root: Path, size: tuple[int, int]
) -> None:
    async with open_desk(root, size) as desk:
        assert desk.app.workstation is not None
        root.rename(root.with_name("elsewhere"))
        await desk.press("2")
        for page in PAGES:
            await desk.press(*page.split())
            await desk.press("escape", "escape", "escape")
        await desk.press("home", "s")
        assert desk.app.workstation.unsaved == 2
        root.with_name("elsewhere").rename(root)
        await desk.until(lambda: not desk.app.workstation.unsaved)
        assert desk.stored("amber").decision == "skipped"


async def test_the_pipeline_says_that_the_folder_is_gone_until_it_is_back(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "p")
        root.rename(root.with_name("elsewhere"))
        await desk.until(lambda: "the dataset's folder is gone" in desk.said)
        root.with_name("elsewhere").rename(root)
        await desk.until(lambda: desk.said == "")
