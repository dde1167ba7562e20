"""Chromagrams: clips of one rendition are found at any key, about its tempo, from anywhere on, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from kelly_tui.store import chromagrams
from kelly_tui.store.chromagrams import alike, packed
from kelly_tui.store.pieces import same_pieces
from kelly_tui.store.sketches import Sketches, sketch_of

FRAMES = 43


def tune(seed: int, seconds: float = 30.0) -> np.ndarray:
    """(frames, 12): a random walk over the pitch classes, two to five notes a second, on a few that ring on."""
    random = np.random.default_rng(seed)
    lengths = random.choice([9, 12, 18], 200)
    notes = np.cumsum(random.choice([-5, -2, -1, 1, 2, 4, 7], 200)) % 12
    struck = np.repeat(np.eye(12, dtype=np.float32)[notes], lengths, axis=0)
    return played(struck, seed)[: round(seconds * FRAMES)]


def played(chroma: np.ndarray, seed: int) -> np.ndarray:
    """With noise of its own."""
    noise = np.random.default_rng(seed + 10_000).random(chroma.shape, np.float32)
    return np.clip(0.8 * chroma + 0.25 * noise, 0, 1)


def faster(chroma: np.ndarray, speed: float) -> np.ndarray:
    return chroma[(np.arange(int(len(chroma) / speed)) * speed).astype(int)]


def groups(clips: list[bytes]) -> list[int]:
    found = same_pieces((clip, b"") for clip in clips).tolist()
    return [place if same < 0 else same for place, same in enumerate(found)]


def test_renditions_are_found_among_others():
    clips, roots = [packed(tune(seed)) for seed in range(60)], list(range(60))
    for seed in range(0, 60, 5):
        for number, (up, speed, later) in enumerate([(2, 0.9, 0), (10, 1.1, 0), (5, 1.0, 200), (0, 1.03, 90)]):
            clips.append(packed(played(np.roll(faster(tune(seed, 40.0), speed), up, axis=1), number)[later:][:1290]))
            roots.append(seed)
    assert groups(clips) == roots


@pytest.mark.parametrize("count", [2, 17, 33, 700])
def test_the_nearest_are_those_of_a_sort_of_all(count):
    points = np.random.default_rng(count).normal(size=(count, 60)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    closeness = points @ points.T
    np.fill_diagonal(closeness, -np.inf)
    sought = np.argsort(-closeness, axis=1)[:, : min(chromagrams._NEAREST, count - 1)]
    assert [set(near) for near in sought.tolist()] == [set(near.tolist()) for near in chromagrams._nearest(points)]


def test_a_large_family_hangs_together():
    clips = [packed(played(np.roll(tune(1), number % 12, axis=1), number)) for number in range(80)]
    clips += [packed(tune(seed)) for seed in range(100, 140)]
    assert groups(clips) == [0] * 80 + list(range(80, 120))


@pytest.mark.parametrize("seconds", [5.0, 8.0])
def test_short_clips_are_known_and_not_taken_for_each_other(seconds):
    clips = [packed(tune(seed, seconds)) for seed in range(80)]
    again = [packed(np.roll(played(tune(seed, seconds), seed + 1), 3, axis=1)) for seed in range(80)]
    assert groups(clips + again) == [*range(80)] * 2


def test_what_is_too_short_or_does_not_move_says_nothing():
    assert packed(tune(0, 4.0)) == b""
    assert packed(np.full((2000, 12), 0.5, np.float32)) == b""
    assert alike([]).shape == alike([packed(tune(0))]).shape == (0, 2)


def test_copies_are_linked_and_broken_ones_are_like_none():
    one = packed(tune(0))
    broken = [one[:-1], b"\x02" + one[1:], b"", "text", None]
    assert alike([one, *broken, one]).tolist() == [[0, 6]]


def test_a_chromagram_is_no_sketch_whatever_it_holds():
    clips = [packed(tune(seed, seconds)) for seed in range(4) for seconds in (5.0, 9.0, 15.0)]
    with Sketches() as sketches:
        sketches.extend(clips * 2)
        assert len(sketches.resembling()) == 0
    assert len(alike([sketch_of(np.arange(number)) for number in (5, 50, 500)] * 2)) == 0


def test_a_minute_and_a_half_are_kept_in_three_kilobytes():
    assert len(packed(tune(0, 30.0))) < 1000
    assert len(packed(np.tile(tune(0), (20, 1)))) < 3100
