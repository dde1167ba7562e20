"""The labels that look wrong: listed worst first, with why, and settled by a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.model.issue import Issue
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.issues import JUDGED, put_issues
from tests.ui.conftest import NAMES, Open

WHY = "sounds happy .81, sad .06: major, 126 BPM, loud"


@pytest.fixture
def doubtful(root: Path) -> Path:
    """The dataset where birch (a folder says sad) and dune (a person says tense) look wrong, and cedar does not."""
    with Catalogue.open(root) as catalogue:
        judged = dict(catalogue.db.execute(f"SELECT rowid, {JUDGED} FROM samples"))
        said = {"birch": Issue(0.62, "emotion", WHY), "dune": Issue(0.83, "key", "the detector hears C major at .97"),
                "cedar": Issue(0.02, "emotion", "sounds sad .7")}  # fmt: skip
        put_issues(
            catalogue, {NAMES.index(name) + 1: (one, judged[NAMES.index(name) + 1]) for name, one in said.items()}
        )
    return root


@pytest.mark.exercises("suspects")
@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_gq_lists_the_worst_first_and_says_why(open_desk: Open, doubtful: Path, size: tuple[int, int]) -> None:
    async with open_desk(doubtful, size) as desk:
        await desk.press("g", "q")
        assert "2 labels may be wrong" in desk.said
        assert desk.here == "dune"
        assert "key wrong? .83: the detector hears" in desk.text()
        await desk.press("j")
        assert desk.here == "birch"
        assert f"emotion wrong? .62: {WHY}" in desk.text(), "whole, at 80 columns too"
        assert "1 happy" in desk.text()


async def test_enter_settles_it_at_once_and_undo_brings_it_back(open_desk: Open, doubtful: Path) -> None:
    async with open_desk(doubtful) as desk:
        await desk.press("g", "q", "enter")
        assert desk.here == "birch"  # the list stays as it is
        await desk.press("k")
        assert desk.here == "dune"
        assert "wrong?" not in desk.text()
        await desk.press("u")
        assert "key wrong? .83" in desk.text()


async def test_where_none_looks_wrong_it_says_so(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("g", "q")
        assert "no label looks wrong" in desk.said
