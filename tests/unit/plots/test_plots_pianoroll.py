"""The piano roll against what a person would draw by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.music.notes import NOTE
from kelly_tui.plots.cells import STYLES, Cells, braille, quadrants
from kelly_tui.plots.lines import Lines
from kelly_tui.plots.pianoroll import PianoRoll


def notes(*rows: tuple[float, float, int], velocity: int = 80, drum: bool = False) -> np.ndarray:
    return np.array([(t, d, 0, 0, p, velocity, 0, drum, 0) for t, d, p in rows], NOTE)


def styles(cells: Cells, row: int) -> list[str]:
    return [STYLES[code] for code in cells.style[row]]


def test_scale_rises_from_the_lowest_line_to_the_highest():
    scale = notes(*((i, 1.0, 60 + i) for i in range(16)))
    rows = PianoRoll(scale).cells(16, 8, 0, 16).text
    filled = [[i for i, char in enumerate(row) if char != " "] for row in rows]
    assert filled == [[14, 15], [12, 13], [10, 11], [8, 9], [6, 7], [4, 5], [2, 3], [0, 1]]


def test_length_on_screen_is_length_in_time():
    roll = PianoRoll(notes((2.0, 3.0, 60), (0.0, 0.5, 72))).cells(10, 8, 0, 10)
    lowest = next(row for row in reversed(roll.text) if row.strip())
    assert lowest.index(lowest.strip()[0]) == 2
    assert len(lowest.strip()) == 3


def test_repeated_notes_can_be_told_from_one_long_note():
    repeated = str(PianoRoll(notes((0, 1, 60), (1, 1, 60), (2, 1, 60))).cells(12, 4, 0, 3))
    held = str(PianoRoll(notes((0, 3, 60))).cells(12, 4, 0, 3))
    assert repeated != held


def test_note_shorter_than_a_dot_is_still_drawn():
    assert str(PianoRoll(notes((5.0, 0.001, 60))).cells(10, 4, 0, 10)).strip()


def test_note_that_began_before_the_window_reaches_in():
    row = next(row for row in PianoRoll(notes((0, 6, 60))).cells(10, 4, 5, 15).text if row.strip())
    assert len(row.rstrip()) == 1


@pytest.mark.parametrize(("velocity", "name"), [(20, "soft"), (80, "note"), (120, "loud")])
def test_loudness_is_a_style(velocity, name):
    roll = PianoRoll(notes((0, 10, 60), velocity=velocity)).cells(10, 4, 0, 10)
    assert {STYLES[code] for code in np.unique(roll.style)} == {"blank", name}


def test_loudest_note_of_a_cell_wins():
    both = np.concatenate([notes((0, 10, 60), velocity=20), notes((0, 10, 60), velocity=120)])
    assert STYLES[PianoRoll(both).cells(10, 4, 0, 10).style.max()] == "loud"


def test_drums_lie_apart_below_kick_lowest_and_hats_highest():
    kick, snare, hat = (notes((t, 0.1, p), drum=True) for t, p in ((1.0, 36), (3.0, 38), (5.0, 42)))
    roll = PianoRoll(np.concatenate([notes((0, 8, 60)), kick, snare, hat])).cells(8, 8, 0, 8)
    assert "drum" not in {name for row in range(6) for name in styles(roll, row)}
    assert (roll.text[7][1], roll.text[7][3], roll.text[6][5]) == ("▖", "▘", "▖")
    assert styles(roll, 7)[1] == "drum"


def test_every_lane_of_drums_survives_few_lines():
    hits = notes((0, 0.1, 36), (2, 0.1, 49), drum=True)
    roll = PianoRoll(np.concatenate([notes((0, 4, 60)), hits])).cells(4, 4, 0, 4)
    assert roll.text[3][0] == "▖"
    assert roll.text[3][2] == "▘"


def test_bars_and_beats_lie_behind_the_notes():
    roll = PianoRoll(notes((0, 4, 60))).cells(16, 4, 0, 8, lines=Lines(beats=range(8), bars=(0, 4)))
    assert [row[8] for row in roll.text] == ["│"] * 4
    assert styles(roll, 0)[8] == "bar"
    assert roll.text[3][12] == "·"
    assert "│" not in next(row for row in roll.text if "█" in row or "▀" in row or "▄" in row)[:8].strip("│")


def test_crowded_bars_are_thinned():
    assert PianoRoll(notes((0, 1, 60))).cells(20, 3, 0, 100, lines=Lines(bars=range(100))).text[0].count("│") <= 5


def test_playhead_is_where_the_time_is_and_nowhere_else():
    roll = PianoRoll(notes((0, 10, 60))).cells(20, 4, 0, 10, lines=Lines(playhead=5.0))
    assert [row.index("┃") for row in roll.text] == [10] * 4
    assert "┃" not in str(PianoRoll(notes((0, 10, 60))).cells(20, 4, 0, 10, lines=Lines(playhead=12.0)))


def test_one_repeated_pitch_does_not_fill_the_picture():
    roll = PianoRoll(notes((0, 10, 60))).cells(10, 12, 0, 10)
    assert sum(bool(row.strip()) for row in roll.text) == 1


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (1, 1), (1, 2), (300, 60)])
def test_any_size_has_the_shape_asked_for(width, height):
    mixed = np.concatenate([notes((0, 1, 60), (1, 1, 90)), notes((0, 0.1, 36), drum=True)])
    roll = PianoRoll(mixed).cells(width, height, 0, 2, lines=Lines(playhead=1))
    assert [len(row) for row in roll.text] == [width] * height
    assert roll.style.shape == (height, width)


def test_no_notes_is_an_empty_picture():
    assert not str(PianoRoll(np.zeros(0, NOTE)).cells(10, 4, 0, 10)).strip()


@given(
    st.lists(st.tuples(st.floats(0, 50), st.floats(0, 20), st.integers(0, 127), st.booleans()), max_size=40),
    st.integers(1, 40),
    st.integers(1, 12),
    st.floats(0, 60),
    st.floats(0.01, 60),
)
def test_no_notes_whatever_break_it(rows, width, height, start, length):
    table = np.array([(t, d, 0, 0, p, 64, 0, drum, 0) for t, d, p, drum in rows], NOTE)
    roll = PianoRoll(table).cells(width, height, start, start + length, lines=Lines(playhead=start))
    assert [len(row) for row in roll.text] == [width] * height
    assert roll.style.max() < len(STYLES)


@given(st.integers(0, 15))
def test_quadrant_glyphs_have_the_quarters_their_names_say(code):
    import unicodedata

    dots = np.array([[code & 1, code & 2], [code & 4, code & 8]], bool)
    name = unicodedata.name(quadrants(dots)[0, 0])
    ink = {0: 0, 15: 4}.get(code)
    if ink is None:
        quarters = sum(word in name for word in ("UPPER LEFT", "UPPER RIGHT", "LOWER LEFT", "LOWER RIGHT"))
        ink = 2 if "HALF" in name else quarters
    assert ink == dots.sum()


def test_braille_dots_are_numbered_as_in_unicode():
    """Dots 1-2-3-7 go down the left column, 4-5-6-8 down the right (Unicode, Braille Patterns)."""
    numbers = {(0, 0): 1, (1, 0): 2, (2, 0): 3, (3, 0): 7, (0, 1): 4, (1, 1): 5, (2, 1): 6, (3, 1): 8}
    import unicodedata

    for place, number in numbers.items():
        dots = np.zeros((4, 2), bool)
        dots[place] = True
        assert unicodedata.name(braille(dots)[0, 0]) == f"BRAILLE PATTERN DOTS-{number}"
