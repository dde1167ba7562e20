"""Resemblance of sketches against that of the sets themselves, and that pairs are found however many there are."""

import os
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.store.pieces import same_pieces
from kelly_tui.store.sketches import SIZE, Sketches, sketch_of


def pairs_of(sets: list[np.ndarray]) -> set[tuple[int, int]]:
    return resembling(map(sketch_of, sets))


def resembling(data: Iterable[bytes]) -> set[tuple[int, int]]:
    with Sketches() as sketches:
        sketches.extend(data)
        return set(map(tuple, sketches.resembling().tolist()))


def with_in_common(share: float, size: int, seed: int) -> list[np.ndarray]:
    """Two sets of `size` numbers whose intersection is `share` of their union."""
    numbers = np.random.default_rng(seed).integers(0, 1 << 42, 2 * size)
    common = round(2 * size * share / (1 + share))
    return [numbers[:size], np.concatenate((numbers[:common], numbers[size : 2 * size - common]))]


@pytest.mark.parametrize(("share", "least"), [(0.2, 0.99), (0.5, 1.0), (1.0, 1.0)])
def test_what_resembles_is_found(share, least):
    assert np.mean([bool(pairs_of(with_in_common(share, 1000, seed))) for seed in range(200)]) >= least


def test_what_hardly_resembles_is_not():
    assert not any(pairs_of(with_in_common(0.03, 1000, seed)) for seed in range(200))


def test_few_numbers_need_half_in_common():
    assert pairs_of([np.arange(4), np.arange(1, 5)]) == {(0, 1)}, "three of five"
    assert pairs_of([np.arange(6), np.arange(4, 10)]) == set(), "two of ten"
    assert pairs_of([np.arange(1), np.arange(1)]) == set(), "one is no evidence"


def test_a_sketch_is_sorted_has_each_hash_once_and_does_not_depend_on_order():
    numbers = np.random.default_rng(0).integers(0, 1 << 42, 1000)
    found = np.frombuffer(sketch_of(numbers), "<u4")
    assert len(found) == SIZE
    assert (np.diff(found.astype(np.int64)) > 0).all()
    assert sketch_of(np.concatenate((numbers[::-1], numbers))) == sketch_of(numbers)
    assert sketch_of(np.empty(0, np.int64)) == b""


@given(st.lists(st.binary(max_size=9) | st.integers(0, 600).map(os.urandom), max_size=8))
def test_what_is_no_sketch_resembles_nothing(data):
    """A catalogue may be damaged: no crash, and a good sketch is still found beside it."""
    good = sketch_of(np.arange(50))
    found = resembling([good, *data, good])
    assert (0, len(data) + 1) in found


@pytest.mark.parametrize("copies", [2, 3, 40])
def test_clusters_of_any_size_hang_together_among_many_others(copies):
    rng = np.random.default_rng(copies)
    everywhere = np.arange(12)  # what half of all music has
    sets = []
    for _ in range(60):
        own = rng.integers(100, 1 << 40, 300)
        for _ in range(copies):
            sets.append(np.concatenate((own[rng.random(300) < 0.6], everywhere)))
    order = rng.permutation(len(sets))
    found = same_pieces((sketch_of(sets[at]), b"") for at in order)
    for piece in range(60):
        assert len(set(found[(order // copies) == piece])) == 1
    assert len(set(found.tolist())) == 60


def test_equal_features_are_the_same_piece_and_none_are_not():
    one, two, cut = b"one.", b"two.", b"cut"  # float32 takes four bytes
    assert same_pieces((b"", vector) for vector in (one, two, one, b"", b"", cut, cut)).tolist() == [
        0,
        -1,
        0,
        -1,
        -1,
        -1,
        -1,
    ]
    assert same_pieces([]).tolist() == []


def test_every_pair_of_a_small_set_is_found_as_if_each_was_compared():
    rng = np.random.default_rng(3)
    base = [rng.integers(0, 1 << 40, 200) for _ in range(12)]
    sets = [np.concatenate((base[n % 12], rng.integers(0, 1 << 40, 150))) for n in range(24)]
    alike = {
        (a, b) for a, b in combinations(range(24), 2)
        if len(np.intersect1d(sets[a], sets[b])) / len(np.union1d(sets[a], sets[b])) > 0.1
    }  # fmt: skip
    assert pairs_of(sets) == alike == {(n, n + 12) for n in range(12)}
