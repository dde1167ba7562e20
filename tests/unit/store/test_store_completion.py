"""What a filter may go on with."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kelly_tui.errors import FilterError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.completion import completed, conditions, mended
from kelly_tui.store.filters import parse

CONFIG = DatasetConfig(dataset_id="songs")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("emo", "emotion:"),
        ("bp", "bpm:"),
        ("is:ver", "is:verified"),
        ("key:Am -is:aug", "key:Am -is:augmented"),
        ("emotion:sad|te", "emotion:sad|tense"),
        ("articulation:st", "articulation:staccato"),
        ("has:chord_p", "has:chord_progression"),
        ("has:note_c", "has:note_count"),
        ("is:open split:t", "is:open split:train"),
    ],
)
def test_what_is_typed_goes_on(typed: str, first: str) -> None:
    assert completed(typed, CONFIG)[0] == first


def test_what_has_a_size_may_be_compared() -> None:
    assert {"bpm:", "bpm<", "bpm>"} <= set(conditions("bpm", CONFIG))
    assert conditions("emotion", CONFIG) == ["emotion:"]


@pytest.mark.parametrize("typed", ["", "is:open ", 'text:"rain is:', "emotion:sad", "emtion:sad"])
def test_there_is_nothing_to_offer(typed: str) -> None:
    assert completed(typed, CONFIG) == []


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("emtion:sad", "emotion:sad"),
        ("is:open -emtion:sad|tense", "is:open -emotion:sad|tense"),
        ("emotion:hapy", "emotion:happy"),
        ("emotion:sad|tens", "emotion:sad|tense"),
        ("-artculation", "-articulation:"),
        ("tempp<90", "tempo<90"),
    ],
)
def test_the_nearest_is_meant(wrong: str, meant: str) -> None:
    assert mended(wrong, CONFIG) == meant


def test_a_declared_label_is_offered() -> None:
    config = DatasetConfig(dataset_id="songs", emotion_labels=("wistful", "sad"))
    assert completed("emotion:w", config) == ["emotion:wistful"]


@example("is::|")
@given(st.text(alphabet='aeimnoprst:<>|-". ', max_size=24))
def test_whatever_is_typed_completes_to_what_can_be_read_or_goes_on(typed: str) -> None:
    for text in completed(typed, CONFIG):
        assert text.startswith(typed)
        if text[-1] in ":<>|":  # a name, still without a value
            continue
        try:
            parse(typed[: typed.rfind(" ") + 1], CONFIG)
        except FilterError:
            continue  # what stands before is wrong already
        parse(text, CONFIG)
    mended(typed, CONFIG)
