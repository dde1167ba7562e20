"""Runs of one value, beside itertools'."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.music.runs import lengths_of, runs


@given(st.lists(st.integers(0, 2), max_size=40))
def test_runs_are_groupbys(values: list[int]) -> None:
    starts, lengths = runs(np.array(values, np.int64))
    groups = [(value, len(list(group))) for value, group in groupby(values)]
    assert [(values[start], length) for start, length in zip(starts.tolist(), lengths.tolist())] == groups
    assert lengths_of(starts, len(values)).tolist() == lengths.tolist() if values else len(starts) == 0
