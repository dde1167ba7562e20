"""Music that has been replaced by other music of the same name: nothing is made of it under the old id."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.pipeline.stage import Outcome
from kelly_tui.store import intact
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.intact import OTHER_BYTES
from tests.strangers import create


@pytest.fixture
def songs(tmp_path, music) -> Path:
    """A dataset of two songs of the same size."""
    (tmp_path / "in").mkdir()
    data = (music / "sad/song_1.mid").read_bytes()
    for number, program in enumerate((0, 1)):
        changed = bytearray(data)
        changed[changed.index(b"\xff\x03") + 4] = ord("a") + program  # a letter of a track's name
        (tmp_path / f"in/{number}.mid").write_bytes(changed)
    root = create(tmp_path)
    assert kelly_tui.import_files(root, [tmp_path / "in"]).done == 2
    return root


def replace_first(root: Path) -> tuple[str, bytes]:
    """Put the second song in the place of the first; the path of that, and what it was."""
    with Catalogue.open(root) as catalogue:
        first, second = (root / one.file_path for one in catalogue.samples())
    before = first.read_bytes()
    first.write_bytes(second.read_bytes())
    return first.relative_to(root).as_posix(), before


def made_of(root: Path, where: str) -> int:
    with Catalogue.open(root) as catalogue:
        return len(list(catalogue.samples(where)))


def test_it_has_no_features_until_it_is_put_back(songs):
    path, before = replace_first(songs)
    outcome = kelly_tui.extract_features(songs)
    assert (outcome.done, outcome.failures) == (1, [(path, OTHER_BYTES)])
    assert made_of(songs, "has:features") == 1
    (songs / path).write_bytes(before)
    assert kelly_tui.retry_failures(songs).done == 1
    assert made_of(songs, "has:features is:ok") == 2


def test_it_is_noticed_when_it_had_features(songs):
    kelly_tui.extract_features(songs)
    path, _ = replace_first(songs)
    outcome = kelly_tui.extract_features(songs)
    assert (outcome.done, outcome.skipped, outcome.failures) == (0, 1, [(path, OTHER_BYTES)])


def test_it_is_noticed_though_it_is_older(songs):
    kelly_tui.extract_features(songs)
    path, _ = replace_first(songs)
    os.utime(songs / path, (0, 0))
    assert kelly_tui.extract_features(songs).failures == [(path, OTHER_BYTES)]


def test_what_was_only_touched_is_read_once_and_nothing_is_made_again(songs, monkeypatch):
    kelly_tui.extract_features(songs)
    read = []
    hashed = intact.hash_inside
    monkeypatch.setattr(intact, "hash_inside", lambda root, path: read.append(path) or hashed(root, path))
    with Catalogue.open(songs) as catalogue:
        os.utime(songs / next(iter(catalogue.samples())).file_path)
    for _ in range(2):
        assert kelly_tui.extract_features(songs).skipped == 2
    assert len(read) == 1


@pytest.mark.parametrize("make", [lambda root: kelly_tui.augment_dataset(root, 1), kelly_tui.render_dataset])
def test_no_other_sample_is_made_of_it(songs, make: Callable[[Path], Outcome]):
    path, _ = replace_first(songs)
    outcome = make(songs)
    assert (outcome.done, outcome.failures) == (1, [(path, OTHER_BYTES)])
    assert made_of(songs, "is:augmented") == 1
