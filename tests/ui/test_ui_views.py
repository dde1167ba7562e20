"""Saved views: named, chosen, forgotten, and there again after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.ui.screens.views import ViewsScreen
from tests.ui.conftest import Open


@pytest.mark.exercises("views", "save_view", "open", "delete_view")
async def test_a_view_is_named_chosen_kept_and_forgotten(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("F")
        assert "No view is saved yet" in desk.text()
        await desk.press("enter")
        assert "n saves what is listed now" in desk.said
        await desk.press("escape", ":")
        await desk.type("sort -duration")
        await desk.press("/")
        await desk.type("emotion:tense")
        await desk.press("F", "n")
        await desk.type("   ")
        assert "wants a name" in desk.hint
        await desk.type("the  tense [ones]")
        assert "the tense [ones]" in desk.text()
        assert "2 samples" in desk.text()
        assert "emotion:tense  by -duration" in desk.text()
        await desk.press("escape", "/")
        await desk.type("")
    async with open_desk(root) as desk:
        assert len(desk.app.workstation.table.order) == 10
        await desk.press("F", "enter")
        assert not isinstance(desk.app.screen, ViewsScreen)
        assert (desk.app.workstation.filter, desk.app.workstation.sort) == ("emotion:tense", "-duration")
        assert len(desk.app.workstation.table.order) == 2
        await desk.press("F", "x")
        assert "forgotten the tense [ones]: emotion:tense by -duration" in desk.said
        assert "No view is saved yet" in desk.text()


async def test_a_broken_file_of_views_is_named_and_a_view_that_no_longer_fits_says_why(
    open_desk: Open, root: Path
) -> None:
    path = root / ".kelly" / "saved_views.json"
    path.write_text('{"old": {"filter": "emotion:bored", "sort": "song"}}')
    async with open_desk(root) as desk:
        await desk.press("F")
        assert "'bored'" in desk.text()
        path.write_text("{")
        await desk.press("escape", "F")
        assert "saved_views.json" in desk.said
        await desk.press("n")
        await desk.type("new")
        assert "Mend or remove it" in desk.hint  # nothing is overwritten
        assert path.read_text() == "{"
