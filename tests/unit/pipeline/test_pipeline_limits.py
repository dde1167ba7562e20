"""What is believed of a file is what the settings say, in every worker, here and on a cluster."""

from __future__ import annotations

import io
import time

import mido
import pytest

import kelly_tui
from kelly_tui import settings
from kelly_tui.cli import main
from kelly_tui.errors import FileRefused
from kelly_tui.music.notes import read_midi
from kelly_tui.pipeline import augment, render
from kelly_tui.pipeline.cluster import cluster
from kelly_tui.pipeline.stage import Outcome
from kelly_tui.settings import Settings, obey
from kelly_tui.store.catalogue import Catalogue
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


def two_notes(apart: float) -> bytes:
    """So many seconds apart, in fewer than 50 bytes."""
    track = mido.MidiTrack()
    for wait in (0, round(apart * 2)):  # a tick is half a second
        track += [mido.Message("note_on", note=60, time=wait), mido.Message("note_off", note=60, time=1)]
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=1, tracks=[track]).save(file=file)
    return file.getvalue()


@pytest.fixture
def far(tmp_path):
    """A dataset with two notes nearly a day apart."""
    root = create(tmp_path)
    (tmp_path / "far.mid").write_bytes(two_notes(86_000))
    assert kelly_tui.import_files(root, [tmp_path / "far.mid"]).done == 1
    return root


@pytest.mark.parametrize("elsewhere", [False, True])
def test_music_whose_sound_could_not_be_decoded_is_not_rendered_and_named_at_once(far, tmp_path, elsewhere):
    began = time.monotonic()
    out = tmp_path / "out"
    ((path, why),) = kelly_tui.render_dataset(far, out=out if elsewhere else None, workers=1).failures
    assert time.monotonic() - began < 30, "this much silence takes an hour"
    assert path.endswith("far.mid")
    assert why == "too long to render (1,433 minutes; sound_values)"
    assert not [*(far / "processed").rglob("*.wav")]
    assert not elsewhere or not [*out.iterdir()]


def test_what_may_be_decoded_may_be_rendered(tmp_path):
    root = create(tmp_path)
    (tmp_path / "near.mid").write_bytes(two_notes(9))
    kelly_tui.import_files(root, [tmp_path / "near.mid"])
    enough = 10 * 44_100 * 2
    assert kelly_tui.render_dataset(root, settings=Settings(sound_values=enough - 1), workers=1).failures
    kelly_tui.retry_failures(root)
    assert kelly_tui.render_dataset(root, settings=Settings(sound_values=enough), workers=1).done == 1


def test_what_a_row_claims_buys_it_no_time(far, music, monkeypatch):
    kelly_tui.import_files(far, [music / "sad/tone.flac"])
    with Catalogue.open(far) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET duration_sec = 9e8")
    handed_out = {}

    def watched(work, *_):
        handed_out.update({(work.stage, item.name): item.patience for item in work.items})
        return Outcome(work.stage)

    for stage in (augment, render):
        monkeypatch.setattr(stage, "run_items", watched)
    kelly_tui.augment_dataset(far, 1)
    kelly_tui.render_dataset(far)
    longest = pytest.approx(100e6 / (600 * 44_100 * 2))
    assert handed_out == {
        ("augment", "raw/midi/far.mid"): 1.0,
        ("augment", "raw/audio/tone.flac"): longest,
        ("render", "raw/midi/far.mid"): longest,
    }


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
