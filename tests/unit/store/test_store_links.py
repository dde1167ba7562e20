"""A dataset of a stranger whose folders are links: nothing is written outside of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from store_files import midi, put
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import import_files
from kelly_tui.store.views import write_views


@pytest.fixture
def root(tmp_path) -> Path:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        write_views(catalogue)
    (tmp_path / "elsewhere").mkdir()
    return catalogue.root


def link(root: Path, name: str) -> None:
    path = root / name
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(root.parent / "elsewhere", path)


def label(root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        write_views(catalogue)


@pytest.mark.parametrize(
    "name", [".kelly", ".kelly/partial", ".kelly/set-aside", "annotations", "splits", f"annotations/{id_of(1)[:2]}"]
)
def test_views_and_catalogue_are_not_written_through_a_link(root, name):
    link(root, name)
    with pytest.raises(DatasetError, match="the path leads out of the dataset through a link"):
        label(root)
    assert not list((root.parent / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["raw", "raw/midi", "raw/midi/happy"])
def test_music_is_not_taken_in_through_a_link(root, tmp_path, name):
    link(root, name)
    put(tmp_path / "music/happy/song.mid", midi(3))
    with Catalogue.open(root) as catalogue:
        outcome = import_files(catalogue, [tmp_path / "music"])
        assert [why for _, why in outcome.refused] == ["the path leads out of the dataset through a link"]
        assert not list((root / ".kelly/partial").iterdir())
    assert not [path for path in (root.parent / "elsewhere").rglob("*") if path.is_file()]


def test_a_link_that_stays_is_followed(root):
    (root / "annotations").rename(root / "labels") if (root / "annotations").exists() else (root / "labels").mkdir()
    os.symlink("labels", root / "annotations")
    label(root)
    assert list((root / "labels").rglob("*.json"))
