"""Where the panels are: at any size of terminal all are inside it and none lies on another."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from kelly_tui.ui.panels import ROOMY, WIDE, Room, panels
from kelly_tui.ui.widgets.status_line import MOST

ROOMS = st.builds(Room, st.booleans(), st.booleans(), st.booleans(), st.integers(1, MOST), st.integers(1, 2))


@given(st.integers(60, 400), st.integers(16, 150), ROOMS)
def test_panels_fit_and_do_not_overlap(width: int, height: int, room: Room) -> None:
    placed = panels(width, height, room)
    screen = Region(0, 0, width, height)
    for name, region in placed.items():
        assert screen.contains_region(region), name
        assert region.width > 0, name
    for (one, first), (other, second) in combinations(placed.items(), 2):
        assert not first.overlaps(second), (one, other)
    assert {"headline", "transport", "music", "form"} <= set(placed)
    scored = room.scored if height >= ROOMY else 1
    no_room = room.asking or room.told > scored  # a hint or a message takes it
    assert ("scores" in placed) is not (no_room and width < WIDE)
    assert ("prompt" in placed) is room.asking
    assert ("footer" in placed) is not room.asking


@given(st.integers(1, 59), st.integers(1, 15))
def test_a_small_terminal_has_room_for_a_sentence(width: int, height: int) -> None:
    assert panels(width, height, Room()) == {"small": Region(0, 0, width, height)}


def test_at_80x24_the_list_has_eight_lines_and_the_music_six() -> None:
    placed = panels(80, 24, Room())
    assert placed["samples"].height == 8
    assert placed["transport"].height + placed["music"].height == 6
    assert placed["form"].height == 4
    assert placed["scores"].height == placed["status"].height == placed["footer"].height == 1


def test_at_80x24_scores_with_more_to_say_have_a_second_line_of_the_list_s() -> None:
    usual, placed = panels(80, 24, Room()), panels(80, 24, Room(scored=2))
    assert placed["scores"].height == 2
    assert placed["samples"].height == 7
    assert placed["music"].height == usual["music"].height
    assert placed["form"].height == usual["form"].height
    assert panels(80, 24, Room(scored=2, told=2))["scores"].height == 1
    assert panels(80, 20, Room(scored=2)) == panels(80, 20, Room())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_who_is_given_the_room_has_more_of_it(size: tuple[int, int]) -> None:
    usual = panels(*size, Room())
    assert panels(*size, Room(music_first=True))["music"].height > usual["music"].height
    assert panels(*size, Room(editing=True))["form"].height > usual["form"].height
