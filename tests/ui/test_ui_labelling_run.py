"""A hundred real tunes are labelled by a recorded run of keys: few keys, and every label is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labelling_run import decisions, make_dataset, play, stored

MOST_KEYS = 1.2
"""Keys a decision."""


@pytest.mark.parametrize("model", ["emotionrecognizer", pytest.param("groovepredictor", marks=pytest.mark.slow)])
def test_a_hundred_decisions_take_few_keys_and_are_all_stored(tmp_path: Path, model: str) -> None:
    root = make_dataset(tmp_path, model)
    took = play(root, model, {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)})
    wanted = {one.tune: one.said for one in decisions(model)}
    assert len(wanted) == 100
    assert stored(root, model) == wanted
    assert took.keys <= MOST_KEYS
