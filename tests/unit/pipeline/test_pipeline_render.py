"""The render stage: MIDI as sound, in the dataset and elsewhere, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import DatasetError, SoundError, StageError
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.paths import soundfont
from kelly_tui.pipeline import render
from kelly_tui.pipeline.synthesize import rendered_with
from kelly_tui.render.font import Font
from kelly_tui.settings import Settings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit, undo
from kelly_tui.store.layout import load_config, save_config
from tests.strangers import put_other_soundfont

A4 = 69


def write_song(path: Path, pitch: int) -> None:
    """Two seconds of one note on a recorder, and three soft ones."""
    on = mido.Message("note_on", note=pitch, velocity=100)
    track = mido.MidiTrack([mido.Message("program_change", program=74), on])
    track.append(mido.Message("note_off", note=pitch, time=1920))
    for velocity in (30, 40, 50):
        track.append(mido.Message("note_on", note=pitch, velocity=velocity))
        track.append(mido.Message("note_off", note=pitch, time=120))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


@pytest.fixture(scope="module")
def songs_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs, a sound, one variant of each."""
    folder = tmp_path_factory.mktemp("render")
    for number in range(3):
        write_song(folder / f"music/song{number}.mid", A4 + number)
    time = np.arange(2 * 22050) / 22050
    soundfile.write(folder / "music/sine.wav", 0.2 * np.sin(2 * np.pi * 440 * time), 22050)
    config = DatasetConfig(dataset_id="d", target_model="emotionrecognizer", sample_rate=22050)
    kelly_tui.create_dataset_structure(folder, config)
    kelly_tui.import_files(folder / "d", [folder / "music"], workers=1)
    kelly_tui.augment_dataset(folder / "d", 1, workers=1)
    return folder / "d"


@pytest.fixture
def songs(songs_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(songs_once, tmp_path / "d"))


def samples(root: Path, where: str = "") -> list[Sample]:
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples(where))


def renderings(root: Path) -> dict[str, Sample]:
    """By what they were made from."""
    return {one.parent_id or "": one for one in samples(root, "is:audio") if one.augmentation_type == "render"}


def label(root: Path, sample_id: str, **labels: object) -> None:
    with Catalogue.open(root) as catalogue:
        edit(catalogue, [Edit(sample_id, field, Label(value)) for field, value in labels.items()], "me")


def test_every_root_gets_its_sound_once_with_its_lineage_split_and_labels(songs: Path) -> None:
    roots = samples(songs, "is:midi is:root")
    label(songs, roots[0].sample_id, emotion="sad", key="A", is_verified=True)
    kelly_tui.split_dataset(songs)
    first = kelly_tui.render_dataset(songs, workers=1)
    assert (first.done, first.failures) == (3, [])
    made = renderings(songs)
    assert made.keys() == {root.sample_id for root in roots}
    for root in samples(songs, "is:midi is:root"):
        one = made[root.sample_id]
        assert (one.root_id, one.split, one.origin) == (root.sample_id, root.split, "augmented")
        file = songs / one.file_path
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (22050, 2, "PCM_16")
        assert one.duration_sec == pytest.approx(info.duration)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == one.sha256
    heard = made[roots[0].sample_id].labels
    assert (heard["emotion"].value, heard["key"].value, heard["emotion"].source) == ("sad", "A", "inherited")
    assert "is_verified" not in heard
    again = kelly_tui.render_dataset(songs, workers=1)
    assert (again.done, again.skipped) == (0, 3)


def test_val_and_test_lists_have_the_sound_of_their_midi_and_of_no_variant(songs: Path) -> None:
    """An audio model is validated on songs that it never heard: without this it had none of MIDI to be validated on."""
    kelly_tui.synthesize_dataset(songs, 2, workers=1)
    kelly_tui.render_dataset(songs, workers=1)
    kelly_tui.split_dataset(songs)
    assert main(["split", str(songs), "--verify", "--quiet"]) == 0
    kelly_tui.render_dataset(songs, variants=True, workers=2)
    for split in ("train", "val", "test"):
        there = samples(songs, f"split:{split}")
        roots = {one.sample_id for one in there if one.origin == "imported"}
        sound = {one.sample_id for one in there if one.augmentation_type == "render" and one.parent_id in roots}
        listed = set((songs / "splits" / f"{split}.txt").read_text().split())
        assert len(sound) == len(roots & {one.sample_id for one in there if one.file_type == "midi"})
        assert listed == ({one.sample_id for one in there} if split == "train" else roots | sound), split
        with Catalogue.open(songs) as catalogue:
            assert catalogue.counts().splits[split] == len(listed)
    report = kelly_tui.validate_dataset(songs)
    assert "midi-for-audio-model" not in {finding.code for finding in report.findings}


def test_sound_that_comes_after_the_proof_leaves_it_standing(songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has the split of its root; where it has not, or a root has another than the proof says, that is said."""

    def verified() -> tuple[int, str]:
        code = main(["split", str(songs), "--verify"])
        return code, capsys.readouterr().out

    kelly_tui.split_dataset(songs)
    proof = (songs / "splits" / "PROOF.json").read_bytes()
    kelly_tui.render_dataset(songs, workers=1)
    assert (songs / "splits" / "PROOF.json").read_bytes() == proof
    code, said = verified()
    assert code == 0
    assert "3 samples came after PROOF.json, which holds for the others" in said
    assert "DIFFERS" not in said
    root = samples(songs, "is:midi is:root")[0]
    rendered = renderings(songs)[root.sample_id]
    elsewhere = "val" if root.split != "val" else "test"
    for moved, sign in (([rendered.sample_id], "CROSSING"), ([root.sample_id, rendered.sample_id], "DIFFERS")):
        with Catalogue.open(songs) as catalogue, catalogue.writing() as db:
            db.executemany("UPDATE samples SET split = ? WHERE sample_id = ?", [(elsewhere, one) for one in moved])
        code, said = verified()
        assert (code, sign in said) == (1, True)
    kelly_tui.split_dataset(songs, reshuffle=True)
    code, said = verified()
    assert (code, said.splitlines()[-1]) == (0, "equal to PROOF.json")


def test_the_pitch_of_the_sound_is_the_notes(songs: Path) -> None:
    kelly_tui.render_dataset(songs, ["song1"], workers=1)
    (one,) = renderings(songs).values()
    sound, rate = soundfile.read(songs / one.file_path)
    mono = sound[rate // 2 : rate * 3 // 2].mean(axis=1)
    hertz = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 19)).argmax() * rate / (1 << 19)
    assert abs(1200 * np.log2(hertz / (440 * 2 ** (1 / 12)))) < 10


def test_the_bytes_are_the_same_on_any_number_of_workers(songs: Path, songs_once: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(songs_once, tmp_path / "other"))
    kelly_tui.render_dataset(songs, workers=1)
    kelly_tui.render_dataset(other, workers=2)
    assert {key: one.sha256 for key, one in renderings(songs).items()} == {
        key: one.sha256 for key, one in renderings(other).items()
    }


def test_a_label_reaches_the_sound_of_a_variant_at_once_and_undo_takes_it_back(songs: Path) -> None:
    kelly_tui.render_dataset(songs, variants=True, workers=2)
    variant = samples(songs, "is:midi is:augmented")[0]
    rendered = renderings(songs)[variant.sample_id]
    assert rendered.root_id == variant.root_id
    label(songs, variant.root_id, emotion="angry")
    with Catalogue.open(songs) as catalogue:
        assert catalogue.get(rendered.sample_id).value("emotion") == "angry"
        undo(catalogue, "me")
        assert catalogue.get(rendered.sample_id).value("emotion") is None


def test_a_rendering_is_no_augmentation_to_augment_and_rebuild_makes_it_again(songs: Path) -> None:
    kelly_tui.render_dataset(songs, workers=1)
    assert kelly_tui.augment_dataset(songs, 1, workers=1).done == 0
    assert "4 variants of 1 each" in kelly_tui.stage_standings(songs)["augment"].words
    assert kelly_tui.stage_standings(songs)["render"][:2] == ("done", "3 rendered")
    assert kelly_tui.rebuild_dataset(songs, check=True, workers=2).failures == []
    one = next(iter(renderings(songs).values()))
    (songs / one.file_path).unlink()
    kelly_tui.rebuild_dataset(songs, workers=1)
    assert hashlib.sha256((songs / one.file_path).read_bytes()).hexdigest() == one.sha256


def test_another_soundfont_gives_another_sound(songs: Path, tmp_path: Path) -> None:
    put_other_soundfont(tmp_path / "other.sf2")
    settings = Settings(soundfont=str(soundfont()))
    kelly_tui.render_dataset(songs, ["song0"], settings=settings, workers=1)
    config = load_config(songs)
    config.soundfont = str(tmp_path / "other.sf2")
    save_config(songs, config)
    assert kelly_tui.render_dataset(songs, ["song0"], settings=settings, workers=1).done == 1  # the dataset's own
    again = kelly_tui.render_dataset(songs, ["song0"], soundfont=str(soundfont()), workers=1)  # what is asked for
    assert (again.done, again.skipped) == (0, 1)
    assert kelly_tui.rebuild_dataset(songs, check=True, settings=settings, workers=1).failures == []
    made = [one for one in samples(songs, "is:audio is:augmented") if one.augmentation_type == "render"]
    assert {one.augmentation["soundfont"] for one in made} == {soundfont().name, "other.sf2"}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_soundfont_that_is_replaced_after_it_was_recorded_stops_the_stage(
    elsewhere: bool, songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded_and_replaced(font: str, sample_rate: int) -> dict[str, object]:
        recorded = rendered_with(font, sample_rate)
        put_other_soundfont(tmp_path / "new.sf2").replace(font)
        return recorded

    mine, sound = tmp_path / "mine.sf2", [*songs.rglob("*.wav")]
    shutil.copy(soundfont(), mine)
    out = tmp_path / "out" if elsewhere else None
    with monkeypatch.context() as patch:
        patch.setattr(render, "rendered_with", recorded_and_replaced)
        with pytest.raises(StageError, match=rf"^render stopped: this SoundFont is not the one .*: {mine}\. When"):
            kelly_tui.render_dataset(songs, soundfont=str(mine), out=out, workers=1)
    assert (renderings(songs), [*songs.rglob("*.wav"), *tmp_path.glob("out/*")]) == ({}, sound)
    assert kelly_tui.render_dataset(songs, soundfont=str(mine), workers=1).done == 3
    made = {one.augmentation["soundfont_sha256"] for one in renderings(songs).values() if one.augmentation}
    assert made == {hashlib.sha256(mine.read_bytes()).hexdigest()}


@pytest.mark.parametrize("change", [put_other_soundfont, Path.unlink])
def test_what_is_played_while_the_soundfont_changes_is_not_kept(
    change: Callable[[Path], object], tmp_path: Path
) -> None:
    mine = tmp_path / "mine.sf2"
    shutil.copy(soundfont(), mine)
    font = Font(str(mine), hashlib.sha256(mine.read_bytes()).hexdigest())
    with font.held():
        pass
    with pytest.raises(SoundError, match=r"^the SoundFont was changed while it was played: "), font.held():
        change(mine)


def test_files_elsewhere_leave_the_dataset_as_it_is(songs: Path, tmp_path: Path) -> None:
    before = (songs / "manifest.json").read_bytes()
    outcome = kelly_tui.render_dataset(songs, out=tmp_path / "deep/out", format="flac", workers=1)
    assert sorted(path.name for path in (tmp_path / "deep/out").iterdir()) == [f"song{n}.flac" for n in range(3)]
    assert len(outcome.details["written"]) == 3
    assert renderings(songs) == {}
    assert (songs / "manifest.json").read_bytes() == before
    kelly_tui.render_dataset(songs, ["song0"], workers=1)
    (one,) = renderings(songs).values()
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "deep/out/song0.flac", dtype="int16")[0],
        soundfile.read(songs / one.file_path, dtype="int16")[0],
    )


@pytest.fixture
def endless(songs: Path, tmp_path: Path) -> Path:
    """A dataset with music that takes longer to render than the limits of these tests."""
    rest = mido.MidiTrack()
    for beat in range(1000):
        rest += [mido.Message("note_on", note=beat % 40 + 40, time=0), mido.Message("note_off", note=60, time=480)]
    for pitch in range(128):
        rest.append(mido.Message("note_off", note=pitch))
    mido.MidiFile(ticks_per_beat=480, tracks=[rest]).save(tmp_path / "endless.mid")
    kelly_tui.import_files(songs, [tmp_path / "endless.mid"], workers=1)
    return songs


@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_is_cut_off_leaves_nothing_half_written(endless: Path, tmp_path: Path, elsewhere: bool) -> None:
    """Its process is killed by the system, which tidies nothing up."""
    out = tmp_path / "out"
    hasty = Settings(item_seconds=2)  # enough to begin with
    outcome = kelly_tui.render_dataset(endless, ["endless"], out=out if elsewhere else None, settings=hasty, workers=1)
    ((_, why),) = outcome.failures
    assert why.startswith("took longer than")
    assert not elsewhere or [*out.iterdir()] == []
    assert [*(endless / ".kelly/partial").glob("*")] == []


def test_what_a_killed_run_left_in_a_folder_goes_with_the_next(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.kelly-62b308277fc7").write_bytes(b"half")
    (tmp_path / "out/.mine").write_bytes(b"whole")
    kelly_tui.render_dataset(songs, ["song0"], out=tmp_path / "out", workers=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".mine", "song0.wav"]


def test_a_file_that_can_not_be_read_fails_alone_and_is_named(songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = samples(songs, "is:midi is:root")[0]
    (songs / bad.file_path).write_bytes(b"MThd nonsense")
    assert main(["render", str(songs), "--workers", "1", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said["failures"]] == [bad.file_path]
    assert said["done"] == 2
    assert main(["render", str(songs), "--workers", "1", "--quiet"]) == 1  # failed before
    assert "1 sample can't be" in kelly_tui.stage_standings(songs)["render"].words


def test_what_can_not_be_asked_is_said(songs: Path, tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="sound already"):
        kelly_tui.render_dataset(songs, ["sine"])
    with pytest.raises(DatasetError, match="there is no sample"):
        kelly_tui.render_dataset(songs, ["nosuch"])
    with pytest.raises(SoundError, match="wav or flac, not mp3"):
        kelly_tui.render_dataset(songs, format="mp3")
    (tmp_path / "broken.sf2").write_bytes(b"RIFF\xff\xff\xff\x7fsfbk" + b"LIST" * 100)
    with pytest.raises(StageError, match=r"SoundFont can't be read: .*broken\.sf2"):
        kelly_tui.render_dataset(songs, settings=Settings(soundfont=str(tmp_path / "broken.sf2")), workers=1)
    (tmp_path / "page.sf2").write_text("<!DOCTYPE html>")
    with pytest.raises(SoundError, match=r"the file is no SoundFont: .*page\.sf2\. Name another"):
        kelly_tui.render_dataset(songs, settings=Settings(soundfont=str(tmp_path / "page.sf2")), workers=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="file"):
        kelly_tui.render_dataset(songs, out=tmp_path / "file")
