"""What is believed of a file is what the settings say, in every worker, here and on a cluster."""

from __future__ import annotations

import pytest

import kelly_tui
from kelly_tui import settings
from kelly_tui.cli import main
from kelly_tui.errors import FileRefused
from kelly_tui.music.notes import read_midi
from kelly_tui.pipeline.cluster import cluster
from kelly_tui.settings import Settings, obey
from tests.strangers import create


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(settings, "_limits", None)


@pytest.mark.parametrize(
    ("setting", "value", "name", "said"),
    [
        ("midi_bytes", 1024, "sad/song_1.mid", "larger than 0.000977 MB (midi_bytes)"),
        ("midi_notes", 9, "sad/song_1.mid", "more than 9 notes (midi_notes)"),
        ("music_seconds", 2.0, "sad/song_1.mid", "s long (music_seconds)"),
        ("music_seconds", 2.0, "sad/tone.flac", "3.0 s long (music_seconds)"),
    ],
)
def test_import_obeys_them(tmp_path, music, setting, value, name, said):
    root = create(tmp_path)
    given = kelly_tui.import_files(root, [music / name], settings=Settings(**{setting: value}))
    ((path, why),) = given.failures
    assert path == name.rpartition("/")[2]
    assert why.endswith(said)
    assert kelly_tui.import_files(root, [music / name]).done == 1, "raised again"


def test_decoding_obeys_them(tmp_path, music):
    root = create(tmp_path)
    kelly_tui.import_files(root, [music / "sad/tone.flac"])
    ((_, why),) = kelly_tui.extract_features(root, settings=Settings(sound_values=1000)).failures
    assert "too long to decode" in why
    assert "sound_values" in why
    assert kelly_tui.retry_failures(root).done == 1


def test_on_a_cluster_they_are_the_drivers(tmp_path, music):
    with cluster("local:1") as workers:
        given = kelly_tui.import_files(
            create(tmp_path), [music / "sad/song_1.mid"], settings=Settings(midi_notes=9), executor=workers
        )
    assert given.failures == [("song_1.mid", "more than 9 notes (midi_notes)")]


def test_the_command_reads_them_from_the_file_for_itself_and_its_workers(tmp_path, music, monkeypatch, capsys):
    (tmp_path / "settings.toml").write_text("midi_notes = 9\n")
    monkeypatch.setenv("KELLY_SETTINGS", str(tmp_path / "settings.toml"))
    root = create(tmp_path)
    assert main(["import", str(root), str(music / "sad/song_1.mid")]) == 1
    assert "more than 9 notes (midi_notes)" in capsys.readouterr().out
    with pytest.raises(FileRefused, match="more than 9 notes"):
        read_midi(music / "sad/song_1.mid")
    main(["doctor"])
    assert "9 notes of MIDI" in capsys.readouterr().out


def test_a_larger_one_lets_more_in(music):
    data = (music / "sad/song_1.mid").read_bytes()
    notes = len(read_midi(data).notes)
    obey(Settings(midi_notes=notes - 1).limits)
    with pytest.raises(FileRefused):
        read_midi(data)
    obey(Settings(midi_notes=notes).limits)
    assert len(read_midi(data).notes) == notes
