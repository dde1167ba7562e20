"""A folder that goes away while a stage is at it: the stage stops and names it, and no file pays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.errors import StageError
from kelly_tui.pipeline import importing
from kelly_tui.store.catalogue import Catalogue
from tests.strangers import create


@pytest.fixture
def source(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's music, in the folder where we stand."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(music, tmp_path / "Music"))


def once_found(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen after an import has found its files, before it looks into any."""
    really = importing.run_items
    monkeypatch.setattr(importing, "run_items", lambda *stage: (happens(), really(*stage))[1])


@pytest.mark.parametrize(("named", "away"), [
    (["Music"], "Music"),
    (["Music"], "Music/sad"),
    (["Music/sad/song_1.mid", "Music/sad/song_2.mid"], "Music/sad"),
])  # fmt: skip
def test_music_that_is_away_stops_an_import_and_is_named(
    named: list[str], away: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = create(tmp_path)
    once_found(monkeypatch, lambda: os.rename(away, "unmounted"))
    with pytest.raises(StageError, match=f"^import stopped: {tmp_path}/{away} is not there, or empty. When"):
        kelly_tui.import_files(root, named, workers=1)
    with Catalogue.open(root) as catalogue:
        assert not [one for one in catalogue.failures("import") if "can't be read" in one.reason]


def test_a_file_that_is_gone_from_its_folder_is_named_alone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once_found(monkeypatch, (source / "sad/song_1.mid").unlink)
    outcome = kelly_tui.import_files(create(tmp_path), ["Music/sad"], workers=1)
    assert ("sad/song_1.mid", "can't be read (No such file or directory)") in outcome.failures
    assert outcome.done
