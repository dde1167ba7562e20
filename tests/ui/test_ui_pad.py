"""The pad of valence and arousal: what its keys save, where it is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.synth.affect import AFFECTS
from kelly_tui.ui.widgets.pad import EMOTION_PLACES, HEIGHT, WIDTH, Point, pad
from tests.ui.conftest import Open


@pytest.mark.exercises("pad", "valence_up", "valence_down", "arousal_up", "arousal_down", "pad_save", "pad_set", "back")
async def test_arrows_move_enter_saves_digits_set_escape_leaves(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(80, 24)) as desk:
        await desk.press("V", "right", "l", "left", "up", "k", "up", "down")
        assert "valence +0.25   arousal +0.50" in desk.said
        assert "melancholic" in desk.text()
        assert desk.values("amber") == {}
        await desk.press("enter")
        assert desk.values("amber") == {"valence": 0.25, "arousal": 0.5}
        await desk.press("V", "h", "j", "escape")
        assert desk.values("amber") == {"valence": 0.25, "arousal": 0.5}
        await desk.press("V", "1", "9")
        assert desk.values("amber") == {"valence": -1.0, "arousal": 1.0}
        await desk.press("u")
        assert desk.values("amber") == {"valence": 0.25, "arousal": 0.5}
        await desk.press("V", "0", "9")
        assert "0 is no valence" in desk.said


async def test_a_pad_is_about_the_sample_it_was_opened_on(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("V", "right", "up")
        y = next(y for y, line in enumerate(desk.text().splitlines()) if "dune" in line)
        await desk.pilot.click(offset=(6, y))
        await desk.settle()
        assert (desk.here, desk.place) == ("dune", "list")  # type: ignore[attr-defined]
        assert "valence +" not in desk.said
        await desk.press("home", "V", "right")
        workstation = desk.app.workstation
        assert workstation is not None
        workstation.table.move(3)  # and enter before the news of it
        await workstation.perform("pad_save")
        await desk.settle()
        assert desk.values("amber") == {"valence": 0.25, "arousal": 0.0}
        assert "valence" not in desk.values("dune")


async def test_the_pad_is_in_the_form_where_there_is_room(open_desk: Open, root: Path) -> None:
    async with open_desk(root, size=(200, 60)) as desk:
        assert "╋" not in desk.text()
        await desk.press("v", "2", "8")
        assert "╋" in next(line for line in desk.text().splitlines() if "energetic" in line and "happy" not in line)
    async with open_desk(root, size=(110, 40)) as desk:
        assert "╋" not in desk.text()


def test_emotions_lie_where_the_generator_has_them_and_none_is_cut() -> None:
    assert {name: (one.valence, one.arousal) for name, one in AFFECTS.items()} == EMOTION_PLACES
    lines = ["".join(text for text, _ in line) for line in pad(EMOTION_PLACES, None)]
    assert len(lines) == HEIGHT
    assert {len(line) for line in lines} == {WIDTH}
    for emotion in EMOTION_PLACES:
        assert emotion in "\n".join(lines)


def test_the_point_stays_on_the_pad() -> None:
    assert Point.of(-1, 1) == Point(1, 9)
    assert Point(9, 1).moved(1, -1) == Point(9, 1)
    assert Point(5, 5).moved(-1, 2) == Point(4, 7)
