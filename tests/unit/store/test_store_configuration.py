"""What people edit in config.json while Kelly works stands; of the rest only what is Kelly's to say is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_files import midi, put
from store_samples import new_catalogue

from kelly_tui.errors import DatasetError
from kelly_tui.pipeline import importing
from kelly_tui.pipeline.stage import Run
from kelly_tui.store import swap
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.configuration import change_config


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with new_catalogue(tmp_path) as opened:
        yield opened


def edit(catalogue: Catalogue, **fields: object) -> None:
    """By hand, as most editors save."""
    path = catalogue.layout.config_path
    new = path.with_name("config.json~")
    new.write_text(json.dumps({**json.loads(path.read_bytes()), **fields}))
    new.replace(path)


def said(catalogue: Catalogue, *names: str) -> tuple[object, ...]:
    config = json.loads(catalogue.layout.config_path.read_bytes())
    return tuple(config[name] for name in names)


EDITED = {"license": "CC0-1.0", "max_total_size_gb": 7.0, "emotion_labels": ["happy", "mine"], "my own": [1]}


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Three takes of each of four songs, told apart by their names."""
    for number in range(12):
        put(tmp_path / f"music/song{number // 3}_{number % 3}.mid", midi(number))
    return tmp_path / "music"


@pytest.mark.parametrize(("theirs", "after"), [("none", "prefix"), ("folder", "folder")])
def test_an_edit_during_the_first_import_stands(catalogue, songs, monkeypatch, theirs, after):
    real = importing.proposed_grouping

    def while_it_looks(of: Catalogue) -> object:
        edit(of, **EDITED, group_by=theirs)
        return real(of)

    monkeypatch.setattr(importing, "proposed_grouping", while_it_looks)
    words = importing.import_music(catalogue, Run(), [songs]).words
    assert after in words.rpartition("songs are told apart by" if theirs == after else "group_by")[2]
    assert said(catalogue, *EDITED, "group_by") == (*EDITED.values(), after)
    assert catalogue.config.group_by == after


def test_an_edit_at_the_very_moment_of_writing_stands(catalogue, monkeypatch):
    real = swap.swap

    def late(new: Path, path: Path) -> bool:
        monkeypatch.setattr(swap, "swap", real)
        edit(catalogue, **EDITED)
        return real(new, path)

    monkeypatch.setattr(swap, "swap", late)
    change_config(catalogue, {"group_by": "prefix"})
    assert said(catalogue, *EDITED, "group_by") == (*EDITED.values(), "prefix")


def test_what_cannot_be_read_meanwhile_is_left_and_named(catalogue):
    catalogue.layout.config_path.write_text('{"license": "CC')
    with pytest.raises(DatasetError, match=r"config\.json"):
        change_config(catalogue, {"group_by": "prefix"})
    assert catalogue.layout.config_path.read_text() == '{"license": "CC'


def test_a_file_that_stays_open_for_writing_is_left_and_named(catalogue):
    before = catalogue.layout.config_path.read_bytes()
    with catalogue.layout.config_path.open("r+b"), pytest.raises(DatasetError, match="another program is writing it"):
        change_config(catalogue, {"group_by": "prefix"})
    assert catalogue.layout.config_path.read_bytes() == before
