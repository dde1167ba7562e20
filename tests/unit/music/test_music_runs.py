"""Runs of one value, beside itertools'."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.music.runs import begins_of, lengths_of, longest_held, runs


@given(st.lists(st.integers(0, 2), max_size=40))
def test_runs_are_groupbys(values: list[int]) -> None:
    starts, lengths = runs(np.array(values, np.int64))
    groups = [(value, len(list(group))) for value, group in groupby(values)]
    assert [(values[start], length) for start, length in zip(starts.tolist(), lengths.tolist())] == groups
    assert lengths_of(starts, len(values)).tolist() == lengths.tolist() if values else len(starts) == 0


@given(st.lists(st.tuples(st.sampled_from([60.0, 90.5, 120.0]), st.integers(0, 4)), min_size=1, max_size=20))
def test_what_is_held_longest_in_all_is_told_the_least_of_equals(held: list[tuple[float, int]]) -> None:
    together = {value: sum(length for other, length in held if other == value) for value, _ in held}
    values, lengths = np.array(held, np.float64).T
    assert longest_held(values, lengths) == min(together, key=lambda value: (-together[value], value))


@given(st.lists(st.integers(0, 20), max_size=20).map(sorted))
def test_what_comes_well_after_the_one_before_begins(times: list[int]) -> None:
    begins = [at for at, time in enumerate(times) if at == 0 or time - times[at - 1] > 2]
    assert begins_of(np.array(times, np.float64), 2).tolist() == begins
