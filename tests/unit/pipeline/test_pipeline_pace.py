"""The time left, on a mix of scores and recordings."""

import pytest

from kelly_tui.pipeline.pace import Pace, patience
from kelly_tui.pipeline.stage import Item, Progress, clock


def item(name: str, size: int) -> Item:
    return Item(name, name, "", size, "", {})


SCORE, RECORDING = item("a.mid", 1_000), item("b.ogg", 1_000_000)


def test_each_kind_is_reckoned_for_itself():
    """Of ten scores of 10 ms and ten recordings of 5 s, nine and one are done: 45 s are left for one worker."""
    pace = Pace({"midi": 10_000, "audio": 10_000_000}, 20, workers=1)
    for _ in range(9):
        pace.note(SCORE, 0.01)
    assert pace.seconds_left is None  # no recording was met yet
    pace.note(RECORDING, 5.0)
    assert pace.seconds_left == pytest.approx(45.01)
    assert pace.guess(SCORE, 9.0) == pytest.approx(0.01)
    assert pace.guess(RECORDING, 9.0) == pytest.approx(5.0)
    assert pace.guess(item("emotion 7", 1), 9.0) == 9.0


def test_two_workers_take_half_as_long():
    pace = Pace({"midi": 4_000}, 4, workers=2)
    pace.note(SCORE, 1.0)
    assert pace.seconds_left == pytest.approx(1.5)


def test_a_few_small_files_tell_nothing_of_large_ones():
    """After 3 of 78 it said 17 hours; they took minutes."""
    pace = Pace({"midi": 3 * 1_000 + 75 * 8_000_000}, 78, workers=1)
    for _ in range(3):
        pace.note(SCORE, 0.1)
    assert pace.seconds_left is None
    for _ in range(4):
        pace.note(item("large.mid", 8_000_000), 2.0)
    assert pace.seconds_left == pytest.approx(71 * 2, rel=0.05)


def test_a_hole_of_terabytes_is_not_waited_for_and_tells_nothing_once_it_is_refused():
    """It said 32 years."""
    hole = item("hole.mid", 1 << 40)
    pace = Pace({"midi": 200 * 1_000 + hole.size}, 201, workers=1)
    for _ in range(100):
        pace.note(SCORE, 0.1)
        assert pace.seconds_left is None
    pace.note(hole, 0.0, failed=True)
    assert pace.seconds_left == pytest.approx(10)


def test_of_very_many_alike_it_is_told_soon():
    pace = Pace({"midi": 1_000_000 * 1_000}, 1_000_000, workers=1)
    for _ in range(49):
        pace.note(SCORE, 0.1)
    assert pace.seconds_left is None
    pace.note(SCORE, 0.1)
    assert pace.seconds_left == pytest.approx(100_000, rel=0.01)


def test_nothing_left_takes_no_time():
    pace = Pace({"midi": 1_000}, 1, workers=2)
    assert pace.seconds_left is None
    pace.note(SCORE, 1.0)
    assert pace.seconds_left == 0
    assert pace.rate > 0


@pytest.mark.parametrize(
    ("seconds", "rate", "times"),
    [(None, 44_100, 1), (600, 44_100, 1), (900, 44_100, 1.5), (900, 22_050, 1), (86_000, 44_100, 2), (9e9, 8_000, 2)],
)
def test_long_sound_gets_more_time_but_not_for_what_it_claims_beyond_what_is_decoded(seconds, rate, times):
    assert patience(seconds, 2 * 600 * 44_100 * 2, rate) == times


@pytest.mark.parametrize(("seconds", "said"), [(13, "0:13"), (59.6, "1:00"), (725, "12:05"), (10_800, "3:00:00")])
def test_clock(seconds, said):
    assert clock(seconds) == said


def test_progress_in_words():
    assert Progress("extract", 810, 1240, 2, 34.2, 13.0).line() == "extract 812/1,240  34/s  0:13 left  2 failed"
    assert Progress("extract", 0, 5, 0, 0.0, None).line() == "extract 0/5  0.0/s"
