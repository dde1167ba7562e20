"""A piece and its variants as lanes, and the blind comparison of two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui.screens.blind import BlindScreen, Curtain
from kelly_tui.ui.screens.variants import VariantsScreen
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.widgets.lanes import Lanes
from tests.ui.conftest import Desk, Open


def title(desk: Desk, name: str) -> str:
    return next(line for line in desk.text().splitlines()[3:] if name in line)


@pytest.mark.exercises("variants", "next_variant", "previous_variant", "compare", "play", "open", "down", "up", "back")
async def test_variants_are_lanes_and_walking_keeps_the_place(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "o")  # dune, from which elm was made
        assert isinstance(desk.app.screen, VariantsScreen)
        assert "▶ dune" in title(desk, "dune")
        assert "1 variant" in desk.text().splitlines()[0]
        assert len(desk.app.screen.query_one(Lanes).pictures) == 2
        await desk.press("space")
        desk.sound.state.position = 3.0
        await desk.press(">")
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("elm", 3.0, True)
        assert "▶" in title(desk, "transpose")
        assert "▶" not in title(desk, "dune ")
        await desk.press("tab")
        assert desk.sound.loaded == "dune"
        assert "▌" in title(desk, "transpose")  # the cursor stays
        await desk.press("tab", "k")
        assert desk.sound.loaded == "dune"
        await desk.press("<")  # round
        assert desk.sound.loaded == "elm"
        await desk.press("enter")
        assert isinstance(desk.app.screen, Workstation)
        assert (desk.here, desk.sound.loaded) == ("elm", "elm")
        await desk.press("o", "escape")
        assert desk.here == "elm"


async def test_versions_of_another_tempo_are_heard_at_the_same_beat_and_made_ready(open_desk: Open, root: Path) -> None:
    """Twice as fast, and its last notes dropped: what counts is the recipe, not how long the files are."""
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(
            "UPDATE samples SET augmentation = ?, duration_sec = 3.5 WHERE file_path LIKE '%elm%'",
            (json.dumps({"time_stretch": 2, "dropout": 0.02, "seed": 1}),),
        )
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "space")
        assert ("decks", "elm", "dune") in desk.sound.asked
        desk.sound.state.position = 1.5
        await desk.press("tab")
        assert (desk.sound.loaded, desk.sound.state.position) == ("dune", 3.0)
        await desk.press("tab")
        assert (desk.sound.loaded, desk.sound.state.position) == ("elm", 1.5)


@pytest.mark.exercises("reject", "undo")
async def test_x_refuses_a_variant_among_its_lanes(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24), filter="is:augmented") as desk:
        await desk.press("o", "x")
        assert desk.stored("elm").rejected
        assert "refused" in title(desk, "transpose")
        await desk.press("u")
        assert not desk.stored("elm").rejected
        assert "refused" not in title(desk, "transpose")


async def test_a_piece_without_variants_says_how_they_are_made(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("o")
        assert "augment, makes variants" in desk.said
        await desk.press(">", "x")
        assert "no guess to refuse" in desk.said


async def test_walking_the_list_keeps_the_place_too(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "space")
        desk.sound.state.position = 3.0
        await desk.press(">")
        assert desk.here == "elm"
        assert (desk.sound.loaded, desk.sound.state.position, desk.sound.state.playing) == ("elm", 3.0, True)


@pytest.mark.exercises("blind", "compare", "answer", "play")
async def test_blind_tells_nothing_before_an_answer(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("b")
        assert "no two to compare" in desk.said
        await desk.press("j", "j", "j", "j", "space")
        desk.sound.state.position = 2.0
        await desk.press("b")
        assert isinstance(desk.app.screen, BlindScreen)
        first = desk.sound.loaded
        assert (desk.sound.state.position, desk.sound.state.playing) == (2.0, True)
        assert not any(word in desk.text() for word in ("dune", "elm", "transpose"))
        await desk.press("1")
        assert "Y has not been heard yet" in desk.said
        await desk.press("tab")
        assert {first, desk.sound.loaded} == {"dune", "elm"}
        assert desk.sound.state.position == pytest.approx(2.0)
        assert not any(word in desk.text() for word in ("dune", "elm", "transpose"))
        await desk.press("3")
        assert "only two" in desk.said
        await desk.press("1")
        assert desk.said.startswith("right") is (first == "dune")
        assert desk.app.blind_answers == [first == "dune"]
        assert "dune, the original" in desk.text()
        await desk.press("2")
        assert "was answered" in desk.said
        await desk.press("b", "tab")
        assert desk.app.screen.query_one(Curtain).behind is None
        await desk.press("1" if desk.sound.loaded == "elm" else "2")  # Y is heard: the other is the original
        assert desk.app.blind_answers[-1]
        await desk.press("escape")
        assert desk.sound.loaded == "elm"


async def test_x_and_y_change_places(open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kelly_tui.ui.screens import blind

    chances = iter([0.1, 0.9])
    monkeypatch.setattr(blind.random, "random", lambda: next(chances))
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "b")
        assert desk.sound.loaded == "elm"
        await desk.press("b")
        assert desk.sound.loaded == "dune"
