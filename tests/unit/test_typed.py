"""Values written as a person would type them, and read again."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

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
