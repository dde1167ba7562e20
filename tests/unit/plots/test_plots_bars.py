from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.plots.bars import bar


@given(st.floats(), st.integers(0, 80))
def test_a_bar_is_as_wide_as_asked(value, width):
    assert len(bar(value, width)) == width


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_is_never_shorter(a, b):
    def length(text):
        return sum(" ▏▎▍▌▋▊▉█".index(char) for char in text)

    low, high = sorted((a, b))
    assert length(bar(low, 12)) <= length(bar(high, 12))


def test_known_bars():
    assert bar(0.5, 4) == "██  "
    assert bar(1.0, 4) == bar(7.0, 4) == "████"
    assert bar(0.0, 4) == bar(-1.0, 4) == bar(float("nan"), 4) == "    "
    assert bar(0.0001, 4) == "▏   "
    assert bar(9 / 32, 4) == "█▏  "
