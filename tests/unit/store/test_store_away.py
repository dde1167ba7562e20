"""Datasets on a network folder: each has its own catalogue on this machine, wherever it is copied or moved to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, rebuild, views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout


@pytest.fixture
def songs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of two samples, the first of them sad, its views written; its folder counts as a network's."""
    monkeypatch.setattr("kelly_tui.store.layout.on_network", lambda path: True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(0), sample(1)])
        history.edit(catalogue, [Edit(id_of(0), "emotion", Label("sad"))], by="ann")
        views.write_views(catalogue)
    return tmp_path / "songs"


def say(root: Path, number: int, emotion: str) -> None:
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, [Edit(id_of(number), "emotion", Label(emotion))], by="ann")
        views.write_views(catalogue)


def said(root: Path) -> dict[str, object]:
    with Catalogue.open(root) as catalogue:
        return {one.sample_id: one.value("emotion") for one in catalogue.samples()}


def edits(root: Path) -> int:
    with Catalogue.open(root) as catalogue:
        return len(history.history(catalogue))


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2])
def test_a_copy_has_a_catalogue_of_its_own_and_neither_hears_of_the_other(songs: Path, copy) -> None:
    with Catalogue.open(songs) as catalogue:  # said, and in no view yet
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("tense"))], by="ann")
    other = Path(shutil.copytree(songs, songs.with_name("copy"), copy_function=copy))
    say(other, 0, "happy")
    say(songs, 0, "angry")
    assert said(other) == {id_of(0): "happy", id_of(1): None}
    assert said(songs) == {id_of(0): "angry", id_of(1): "tense"}
    assert edits(songs) > edits(other)
    with Catalogue.open(other) as catalogue:
        told = rebuild.untold(catalogue)
        assert told.startswith(
            f"this is a copy of {songs}, which keeps the catalogue; made anew from the views: 2 samp"
        )
    with Catalogue.open(songs) as catalogue:
        assert rebuild.untold(catalogue) == ""


def test_a_copy_that_is_open_while_the_original_is_gets_its_own(songs: Path) -> None:
    other = Path(shutil.copytree(songs, songs.with_name("copy")))
    with Catalogue.open(songs) as first, Catalogue.open(other) as second:
        assert first.layout.catalogue_path != second.layout.catalogue_path
        history.edit(first, [Edit(id_of(0), "notes", Label("mine"))], by="ann")
        assert second.get(id_of(0)).value("notes") is None
    copies = shutil.copytree(other, songs.with_name("copy of the copy"))
    assert len({Layout(root).catalogue_path for root in (songs, other, copies)}) == 3


def test_a_dataset_that_was_moved_keeps_its_catalogue(songs: Path) -> None:
    before = edits(songs)
    away = songs.with_name("mu\udcffsic")  # a name that is no UTF-8
    shutil.move(songs, away)
    say(away, 1, "happy")
    assert edits(away) > before
    shutil.copytree(away, songs)  # now the old place has the copy
    say(songs, 1, "angry")
    assert said(away) == {id_of(0): "sad", id_of(1): "happy"}
    assert edits(away) > edits(songs)


def test_one_folder_under_two_names_has_one_catalogue(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = songs.with_name("link")
    link.symlink_to(songs)
    # A second mount needs rights; to the program it is a folder of another name whose numbers say nothing.
    monkeypatch.setattr(os.path, "realpath", os.path.abspath)
    monkeypatch.setattr(os.path, "samefile", lambda one, other: False)
    before = edits(songs)
    assert edits(link) == edits(songs) == before
    assert not list((songs / ".kelly").glob("seen-*"))
