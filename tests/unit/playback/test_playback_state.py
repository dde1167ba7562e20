"""The clock of marks, and the commands that a busy process may skip."""

from __future__ import annotations

import pytest

from kelly_tui.playback.process import without_superseded
from kelly_tui.playback.state import Board


def test_place_between_marks_is_counted_from_the_one_that_is_heard():
    board = Board()
    for block in range(10):
        board.mark(100.0 + block, position=block, pace=1.0, length=1.0)
    assert board.position(104.25) == pytest.approx(4.25)
    assert board.position(109.5) == pytest.approx(9.5)


def test_place_does_not_run_on_when_blocks_stop_coming():
    board = Board()
    board.mark(100.0, position=3.0, pace=2.0, length=0.5)
    assert board.position(100.25) == pytest.approx(3.5)
    assert board.position(200.0) == pytest.approx(4.0)


def test_seek_shows_when_it_is_heard_and_not_before():
    board = Board()
    board.mark(100.0, position=1.0, pace=1.0, length=1.0)
    board.mark(100.5, position=60.0, pace=1.0, length=1.0)
    assert board.position(100.4) == pytest.approx(1.4)
    assert board.position(100.6) == pytest.approx(60.1)


def test_marks_of_the_file_before_are_forgotten():
    board = Board()
    board.mark(100.0, position=50.0, pace=1.0, length=9.0)
    board.begin(2, position=0.5, duration=30.0)
    assert board.position(101.0) == 0.5
    board.mark(102.0, position=0.5, pace=1.0, length=1.0)
    assert board.position(101.0) == 0.5
    assert board.position(102.5) == pytest.approx(1.0)


def test_until_another_version_is_heard_the_place_is_that_of_the_one_that_sounds():
    """Half as long: what was at 10 s of the first is at 5 s of it; the device hands it out 0.5 s before it is heard."""
    board = Board()
    board.mark(100.0, position=10.0, pace=1.0, length=1.0)
    board.begin(2, position=5.25, duration=30.0, ratio=0.5)
    board.mark(100.5, position=5.25, pace=1.0, length=1.0)
    assert board.position(100.4) == pytest.approx(5.2)
    assert board.position(100.6) == pytest.approx(5.35)
    board.begin(3, position=0.0, duration=10.0)
    assert board.position(100.7) == 0.0


def test_any_number_of_marks():
    board = Board()
    for block in range(1000):
        board.mark(block * 0.01, block * 0.01, 1.0, 0.01)
    assert board.position(9.995) == pytest.approx(9.995)
    assert board.position(9.9) == pytest.approx(9.9)


@pytest.mark.parametrize("text", ["", "no sound: no output device", "é" * 400, "\udcff"])
def test_message_comes_through_whole_or_cut_between_letters(text):
    board = Board()
    board.message = text
    assert text.encode("utf-8", "replace").decode().startswith(board.message)


def test_of_several_loads_the_last_counts():
    asked = [
        ("play",),
        ("load", 1, "a"),
        ("play",),
        ("set_volume", 0.5),
        ("load", 2, "b"),
        ("seek", 3.0),
        ("play",),
    ]
    assert without_superseded(asked) == [("set_volume", 0.5), ("load", 2, "b"), ("seek", 3.0), ("play",)]


def test_without_a_load_nothing_is_skipped():
    asked = [("play",), ("seek", 1.0), ("pause",)]
    assert without_superseded(asked) == asked
