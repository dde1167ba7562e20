"""Values written as a person would type them, and read again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.ui.words import typed


@given(st.lists(st.text(st.sampled_from('ab" ,|\n\x1c\x85\u00a0é')), max_size=4, unique=True))
@example(['"', ","])
@example(["film score", 'the "best"', ""])
def test_tags_typed_again_are_the_same(tags: list[str]) -> None:
    assert check_value(FIELDS["tags"], typed("tags", tags)) == tags


@given(st.lists(st.floats(min_value=0, max_value=1e9)))
@example([1234.5678, 1e-7, 120.0])
def test_numbers_typed_again_are_the_same(numbers: list[float]) -> None:
    assert check_value(FIELDS["chord_times"], typed("chord_times", numbers)) == numbers


def test_words_without_quotes_are_apart_as_ever() -> None:
    assert check_value(FIELDS["tags"], 'rain,snow | 7"single "sun') == ["rain", "snow", '7"single', '"sun']


@pytest.mark.parametrize("again", ["7", "sus2", "#", "b", "m", "(9)", "/C"])
def test_a_long_name_of_no_chord_is_refused_at_once(again: str) -> None:
    """Where a name may be read in two ways, forty such parts take longer than a test may."""
    with pytest.raises(LabelError, match="is no chords"):
        check_value(FIELDS["chord_progression"], [f"A{again * 2_000}-"])


@pytest.mark.parametrize(
    "name", ["N", "A7", "F#m7b5/C#", "Bb13(#11)", "Csus2", "Gsus4add9", "EbM7/9", "C°", "Amaj7/b3"]
)
def test_names_of_chords_are_taken(name: str) -> None:
    assert check_value(FIELDS["chord_progression"], name) == [name]
