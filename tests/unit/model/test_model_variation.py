"""What a row keeps of how a variant was made, whoever wrote it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.augment.recipe import Recipe, choose_recipes
from kelly_tui.model.annotation import FIELDS, Label
from kelly_tui.model.variation import LIMITS, RENDER, changes, changes_of, impossible, told, untold
from kelly_tui.music.label_rules import inherited_label

WRONG = [None, math.nan, math.inf, -1e9, 10**400, "0.9", "", [], [1], {}, {"a": 1}, True]
ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists)


@pytest.mark.parametrize("file_type", ["midi", "audio"])
def test_all_that_the_augmenter_writes_is_told(file_type):
    for recipe in choose_recipes(file_type, 200, "a"):
        made = {**recipe.changes, "seed": (1 << 53) - 1, "version": 4}
        assert changes_of(made) == recipe.changes
        assert untold(made) == []
        assert "?" not in changes(made)
        assert Recipe(**changes_of(made)) == recipe


def test_a_rendering_is_told():
    made = {RENDER: 1, "sample_rate": 44100.0, "soundfont": "a.sf2", "soundfont_sha256": "0" * 64}
    assert (untold(made), changes_of(made), told("sample_rate", 44100.0)) == ([], {RENDER: 1}, 44100)
    assert impossible({**made, "soundfont": 5, "sample_rate": 0}) == {"soundfont": 5, "sample_rate": 0}


@pytest.mark.parametrize("name", [*LIMITS, "seed", "version", "sample_rate"])
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_cannot_be_is_not_told(name, wrong):
    assert told(name, wrong) is None
    assert untold({name: wrong}) == [name]
    assert impossible({name: wrong}) == ({} if wrong is None else {name: wrong})


@given(st.dictionaries(st.sampled_from([*LIMITS, "seed", "reverb"]), ANY))
def test_whatever_a_row_says_it_can_be_shown_and_handed_down(made):
    labels = {"tempo_bpm": Label(100.0), "key": Label("A"), "emotion": Label("sad")}
    changes(made)
    for field in FIELDS:
        inherited_label(field, labels, changes_of(made))
