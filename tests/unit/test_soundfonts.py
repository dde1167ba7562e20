"""Which SoundFont plays: the chosen one, by path or name, else the first that is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kelly_tui import paths
from kelly_tui.errors import SoundError
from kelly_tui.pipeline.synthesize import rendered_with

FONT = b"RIFF\0\0\0\0sfbk"
"""How one begins."""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with ``soundfonts`` and a system's folder."""
    for name in ("soundfonts", "system"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "elsewhere")
    monkeypatch.setattr(paths, "_SYSTEM_SOUNDFONTS", (str(tmp_path / "system"), str(tmp_path / "gone")))
    return tmp_path


def test_pretty_midis_own_is_the_default(places: Path) -> None:
    assert paths.soundfont().name == "TimGM6mb.sf2"
    assert paths.soundfonts() == [paths.soundfont()]


def test_ones_own_come_first_then_the_default_then_the_systems(places: Path) -> None:
    (places / "system/Choir.sf3").write_bytes(FONT)
    for name in ("b.sf2", "A.SF2", "notes.txt"):
        (places / "soundfonts" / name).write_bytes(FONT + name.encode())
    assert [path.name for path in paths.soundfonts()] == ["A.SF2", "b.sf2", "TimGM6mb.sf2", "Choir.sf3"]
    assert paths.soundfont().name == "A.SF2"


def test_what_only_has_the_name_of_one_is_no_default(places: Path) -> None:
    """A page of a failed download in soundfonts/ came first: all MIDI was silent."""
    (places / "soundfonts/a.sf2").write_bytes(b"<!DOCTYPE html>")
    (places / "soundfonts/b.sf2").mkdir()
    assert paths.soundfont().name == "TimGM6mb.sf2"


def test_the_same_file_under_two_names_is_found_once(places: Path) -> None:
    (places / "system/default.sf2").symlink_to(paths.soundfont())
    (places / "system/TimGM6mb.sf2").write_bytes(paths.soundfont().read_bytes())
    assert len(paths.soundfonts()) == 1


@pytest.mark.parametrize("chosen", ["Choir", "Choir.sf3", "system/Choir.sf3"])
def test_one_is_chosen_by_name_or_path(places: Path, chosen: str) -> None:
    (places / "system/Choir.sf3").write_bytes(FONT)
    assert paths.soundfont(chosen).samefile(places / "system/Choir.sf3")


def test_one_that_is_gone_is_said(places: Path) -> None:
    with pytest.raises(SoundError, match=r"the SoundFont is gone: Choir\.sf3"):
        paths.soundfont("Choir.sf3")


def test_what_is_no_file_is_not_said_to_be_gone(places: Path) -> None:
    os.mkfifo(places / "pipe.sf2")
    for name in ("pipe.sf2", "soundfonts"):
        with pytest.raises(SoundError, match=f"this is no SoundFont: .*{name}"):
            paths.soundfont(str(places / name))


def test_where_there_is_none_at_all_it_is_said(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "find_spec", lambda name: None)
    with pytest.raises(SoundError, match="there is no SoundFont"):
        paths.soundfont()


def test_what_no_soundfont_can_be_is_none_and_is_not_waited_for(places: Path) -> None:
    """A hole of four terabytes that began as one was hashed for hours; a pipe waits for ever."""
    with (places / "soundfonts/a.sf2").open("wb") as file:
        file.write(FONT)
        file.truncate(1 << 42)
    os.mkfifo(places / "soundfonts/b.sf2")
    assert not paths.is_soundfont(places / "soundfonts/a.sf2")
    assert not paths.is_soundfont(places / "soundfonts/b.sf2")
    assert not paths.is_soundfont(Path("a\0b"))
    assert paths.soundfont().name == "TimGM6mb.sf2"
    with pytest.raises(SoundError, match=r"the file is no SoundFont: .*a\.sf2\. Name another"):
        rendered_with("soundfonts/a.sf2", 44_100)
