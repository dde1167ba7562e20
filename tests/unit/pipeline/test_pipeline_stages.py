"""The stages on real files: what becomes of each, twice, interrupted, killed, with other parameters."""

import dataclasses
import hashlib
import json
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

import kelly_tui
from kelly_tui.errors import StageError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.stage import Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import load_config, save_config
from kelly_tui.store.views import last_rebuild
from tests.strangers import BAD, COUNT, DUPLICATE, IGNORED, MULTIPLIER, SOURCES, create, files


def samples(root: Path, where: str = "") -> list:
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples(where))


@pytest.fixture
def made(run_once, tmp_path):
    """A copy of it to change."""
    return Path(shutil.copytree(run_once[0], tmp_path / "d"))


def test_every_good_file_is_there_once_with_its_folders_label(run_once):
    root, _ = run_once
    imported = {sample.source: sample for sample in samples(root, "is:imported is:ok")}
    assert imported.keys() == SOURCES.keys()
    assert {source: sample.value("emotion") for source, sample in imported.items()} == SOURCES
    assert DUPLICATE in imported["happy/song_1.mid"].other_sources
    assert all((root / sample.file_path).is_file() for sample in imported.values())


def test_every_bad_file_is_named_with_its_reason(run_once):
    _, outcome = run_once
    named = {name.removeprefix("raw/audio/"): reason for name, reason in outcome.failures.items()}
    assert named.keys() == BAD.keys()
    assert all(word in named[name] for name, word in BAD.items())
    assert all(named.values())


def test_import_speaks_of_every_file(run_once):
    details = run_once[1].stages[0].details
    assert [one["path"] for one in details["duplicates"]] == [DUPLICATE]
    assert [one["path"] for one in details["ignored"]] == [IGNORED]


def test_the_features_of_every_usable_sample_are_there(run_once):
    root, _ = run_once
    usable = samples(root, "is:ok")
    assert len(usable) == len(SOURCES) * (1 + MULTIPLIER) + COUNT
    for sample in usable:
        path = root / sample.features_path
        assert path.suffix == {"midi": ".json", "audio": ".npz"}[sample.file_type]
        if sample.file_type == "midi":
            assert np.isfinite(json.loads(path.read_bytes())["feature_vector"]).all()
        else:
            assert np.isfinite(np.load(path)["feature_vector"]).all()


def test_tempo_and_key_reach_the_manifest(run_once):
    rows = json.loads((run_once[0] / "manifest.json").read_bytes())["samples"]
    scores = [row for row in rows if row["source"] and row["file_type"] == "midi"]
    assert scores
    assert all(row["annotations"]["tempo_bpm"] > 0 and row["annotations"]["key"] for row in scores)


def test_variants_are_of_imported_samples_alone_and_say_what_was_done(run_once):
    root, _ = run_once
    roots = {sample.sample_id: sample for sample in samples(root, "is:imported is:ok")}
    variants = samples(root, "is:augmented")
    assert len(variants) == len(roots) * MULTIPLIER
    for variant in variants:
        parent = roots[variant.parent_id]
        assert variant.augmentation_type
        assert not variant.is_synthetic
        assert variant.split == parent.split
        assert variant.sha256 not in {parent.sha256, ""}


def test_a_transposed_variant_has_the_transposed_key(made):
    """Also after its own features were extracted: what is known of the root is surer than a detector."""
    root = next(one for one in samples(made, "is:imported is:midi is:ok") if one.source == "happy/song_1.mid")
    with Catalogue.open(made) as catalogue:
        edit(catalogue, [Edit(root.sample_id, "key", Label("C"))], "me")
    kelly_tui.augment_dataset(made, 5)
    kelly_tui.extract_features(made)
    keys = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    transposed = [one for one in samples(made, "is:augmented") if one.parent_id == root.sample_id]
    assert len(transposed) == 5
    assert {one.augmentation.get("transpose", 0) for one in transposed} != {0}
    for one in transposed:
        assert one.value("key") == keys[one.augmentation.get("transpose", 0) % 12]
        assert one.labels["key"].source == "inherited"


def test_a_label_given_later_is_handed_down_and_taken_back(made):
    root = samples(made, "is:imported is:ok emotion:?")[0]
    for label in (Label("tense"), None):
        with Catalogue.open(made) as catalogue:
            edit(catalogue, [Edit(root.sample_id, "emotion", label)], "me")
        kelly_tui.split_dataset(made)
        variants = [one for one in samples(made, "is:augmented") if one.parent_id == root.sample_id]
        assert [one.value("emotion") for one in variants] == [label and label.value] * MULTIPLIER


def test_running_again_adds_nothing_and_changes_nothing(made, music):
    before = files(made)
    outcome = kelly_tui.run_pipeline(made, music, MULTIPLIER, COUNT, workers=2)
    assert files(made) == before
    assert [stage.done for stage in outcome.stages if stage.stage != "annotate"] == [0] * 7
    assert len(outcome.failures) == len(BAD)


def test_more_is_made_only_when_more_is_asked(made):
    assert kelly_tui.augment_dataset(made, 1).done == 0
    assert kelly_tui.augment_dataset(made, 3).done == len(SOURCES)
    assert kelly_tui.synthesize_dataset(made, COUNT - 1).done == 0
    assert kelly_tui.synthesize_dataset(made, COUNT + 3).done == 3
    assert kelly_tui.synthesize_dataset(made, COUNT + 3, seed=7).done == 0
    assert len(samples(made, "is:generated")) == COUNT + 3


def test_generated_samples_get_variants_only_when_asked(made):
    assert kelly_tui.augment_dataset(made, MULTIPLIER, generated=True).done == COUNT * MULTIPLIER


def test_one_worker_makes_the_same_as_three(run_once, music, tmp_path):
    root = create(tmp_path)
    kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, workers=3)
    assert files(root) == files(run_once[0])


def test_a_changed_parameter_redoes_what_it_touches(made):
    config = load_config(made)
    save_config(made, msgspec.structs.replace(config, n_mels=40))
    audio = samples(made, "is:audio is:ok")
    plan = kelly_tui.extract_features(made, dry_run=True)
    assert plan.details["why"] == {"n_mels 64 → 40": len(audio) + 1}  # and the silent one, which failed before
    assert kelly_tui.extract_features(made).done == len(audio)
    assert all(np.load(made / one.features_path)["mel_spectrogram"].shape[0] == 40 for one in audio)
    assert kelly_tui.extract_features(made).done == 0


def test_features_that_are_gone_are_made_again(made):
    sample = samples(made, "is:midi is:imported")[0]
    before = (made / sample.features_path).read_bytes()
    (made / sample.features_path).unlink()
    assert kelly_tui.extract_features(made, dry_run=True).details["why"] == {"features gone": 1}
    assert kelly_tui.extract_features(made).done == 1
    assert (made / sample.features_path).read_bytes() == before


@pytest.mark.parametrize("stage", [
    kelly_tui.extract_features,
    pytest.param(partial(kelly_tui.augment_dataset, multiplier=1), marks=pytest.mark.slow),
    kelly_tui.render_dataset,
    partial(kelly_tui.synthesize_dataset, count=3),
    pytest.param(partial(kelly_tui.synthesize_dataset, count=3, audio=True), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_folder_in_the_place_of_one_file_costs_that_file_alone(stage, music, tmp_path):
    there, here = (create(tmp_path / name) for name in ("there", "here"))
    for root in (there, here):
        kelly_tui.import_files(root, [music / "sad"])
    before = {*there.rglob("*")}
    made = stage(there)
    written = sorted(path for path in {*there.rglob("*")} - before if path.suffix in (".json", ".npz", ".mid", ".wav"))
    place = here / next(path for path in written if "annotations" not in path.parts).relative_to(there)
    (place / "mine").mkdir(parents=True)
    outcome = stage(here)
    ((_, reason),) = {*outcome.failures} - {*made.failures}
    assert reason == f"a folder lies in its place: {place}"
    assert (outcome.done, outcome.failed) == (made.done - 1, made.failed + 1)
    assert (place / "mine").is_dir()


def test_a_dry_run_changes_nothing(made, music, tmp_path):
    before = files(made)
    outcome = kelly_tui.run_pipeline(made, music, 5, 20, dry_run=True)
    assert files(made) == before
    assert outcome.report is None
    assert outcome.stages[4].details["to_do"] == 3 * len(SOURCES)


def test_a_file_that_broke_is_set_aside_and_comes_back(made):
    sample = samples(made, "is:midi is:imported")[0]
    path = made / sample.file_path
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    (made / sample.features_path).unlink()
    outcome = kelly_tui.extract_features(made)
    assert [name for name, _ in outcome.failures] == [sample.file_path]
    assert samples(made, "is:quarantined text:song")
    again = kelly_tui.extract_features(made)
    assert again.failed == 0
    assert sample.file_path in dict(again.failed_before)
    path.write_bytes(whole)
    retried = kelly_tui.retry_failures(made)
    assert retried.done == 1
    assert sample.file_path not in dict(retried.all_failures)


@pytest.mark.parametrize("stage", ["import", "extract", "retry"])
def test_too_short_is_set_aside_and_comes_back_when_the_limit_falls(made, music, stage):
    run_stage = {
        "import": lambda: kelly_tui.import_files(made, [music]),
        "extract": lambda: kelly_tui.extract_features(made),
        "retry": lambda: kelly_tui.retry_failures(made),
    }[stage]
    config = load_config(made)
    save_config(made, msgspec.structs.replace(config, min_duration_sec=5.0))
    run_stage()
    short = samples(made, "is:quarantined is:imported is:audio")
    assert {sample.source for sample in short} >= {"happy/tone.wav", "sad/tone.flac", "other/tone.ogg"}
    assert "shorter than 5 s" in next(one.status for one in short if one.source == "happy/tone.wav")
    save_config(made, config)
    run_stage()
    assert {sample.source for sample in samples(made, "is:imported is:ok")} == SOURCES.keys()


def test_a_dry_import_says_what_there_is_to_look_at_and_what_came_before(music, tmp_path):
    root = create(tmp_path)
    folder = shutil.copytree(music, tmp_path / "Music")
    (folder / "sad" / ".hidden.mid").write_bytes(b"")
    suffixes = Counter(path.suffix.casefold() for path in folder.rglob("*") if not path.name.startswith("."))
    found = {"midi": suffixes[".mid"], "audio": suffixes[".wav"] + suffixes[".flac"] + suffixes[".ogg"]}
    ignored = [{"path": IGNORED, "why": "not music"}, {"path": "sad/.hidden.mid", "why": "hidden file"}]
    planned = kelly_tui.import_files(root, [folder], dry_run=True)
    assert (planned.details["why"], planned.details["already"]) == (found, 0)
    assert planned.details["ignored"] == ignored
    assert planned.details["to_do"] == sum(found.values())
    assert "1 not music, 1 hidden file" in planned.words
    assert samples(root) == []
    first = kelly_tui.import_files(root, [folder])
    again = kelly_tui.import_files(root, [folder], dry_run=True)
    assert again.details["already"] == len(SOURCES) + 2  # the duplicate and the silent one came in too
    assert again.details["to_do"] == sum(found.values()) - again.details["already"]
    assert kelly_tui.import_files(root, [folder]).details["duplicates"] == first.details["duplicates"] != []


@pytest.mark.parametrize("dry_run", [False, True])
def test_links_to_folders_elsewhere_are_named_with_where_they_lead(dry_run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abcde":
        (tmp_path / "in" / name).symlink_to("/")
    notices = []
    outcome = kelly_tui.import_files(create(tmp_path), [tmp_path / "in"], dry_run=dry_run, notice=notices.append)
    assert [one["path"] for one in outcome.details["ignored"]] == [*"abcde"]
    told = "a, a link to /; b, a link to /; c, a link to /; 2 more"
    assert notices == [f"not followed: {told}. Name such a folder to import what is there"]


def test_no_stage_passes_the_size_limit(music, tmp_path):
    root = create(tmp_path, max_total_size_gb=2e-4)
    with pytest.raises(StageError, match="max_total_size_gb"):
        kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, workers=2)
    taken = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and ".kelly" not in path.parts)
    raw = sum(path.stat().st_size for path in (root / "raw").rglob("*") if path.is_file())
    assert 0 < raw <= 200_000
    assert taken < 400_000
    assert {sample.source for sample in samples(root)} < SOURCES.keys() | BAD.keys()


def test_what_a_song_is_is_proposed_once(run_once, music, tmp_path):
    assert "group_by" in run_once[1].stages[0].words
    root = create(tmp_path, group_by="folder")
    assert "as config.json says" in kelly_tui.import_files(root, [music / "sad"]).words
    assert load_config(root).group_by == "folder"


def test_generated_sound_takes_the_place_of_generated_midi(tmp_path):
    import soundfile

    root = create(tmp_path)
    kelly_tui.synthesize_dataset(root, 1)
    assert kelly_tui.synthesize_dataset(root, 2, audio=True).done == 2
    generated = samples(root, "is:generated")
    assert len(generated) == 2
    for sample in generated:
        assert sample.file_type == "audio"
        sound, rate = soundfile.read(root / sample.file_path)
        assert rate == 44_100
        assert np.abs(sound).max() > 0.01
        assert hashlib.sha256((root / sample.file_path).read_bytes()).hexdigest() == sample.sha256
        assert (root / sample.extra["rendered_from"]).suffix == ".mid"
    assert kelly_tui.synthesize_dataset(root, 2, audio=True).done == 0
    assert kelly_tui.extract_features(root).done == 2
    for manifest in ("there", "lost too"):  # what it was made of is no sample besides
        shutil.rmtree(root / ".kelly")
        if manifest != "there":
            (root / "manifest.json").unlink()
        again = samples(root, "is:generated")
        assert {(one.sample_id, one.file_path, one.file_type) for one in again} == {
            (one.sample_id, one.file_path, "audio") for one in generated
        }
        assert len(again) == 2
        with Catalogue.open(root) as catalogue:
            assert [one for one in last_rebuild(catalogue).findings if "two rows" in one] == []


def test_nothing_is_left_lying_about(run_once):
    root, _ = run_once
    assert not list((root / ".kelly" / "partial").glob("*"))
    assert not [path for path in root.rglob(".*") if path.name not in (".kelly", ".gitignore")]


def test_import_never_counts_all_rows(music, tmp_path, monkeypatch):
    """Adding a row compared all rows once: 30 minutes at 100,000."""
    from kelly_tui.store import counters

    root = create(tmp_path)
    with Catalogue.open(root):
        pass
    monkeypatch.setattr(counters, "count", lambda *_: pytest.fail("all rows were counted"))
    assert kelly_tui.import_files(root, [music]).done


def test_options_are_those_of_a_run():
    from kelly_tui.pipeline.dataset import Options

    assert set(Options.__annotations__) == {field.name for field in dataclasses.fields(Run) if field.init}


def swung_scale(folder: Path) -> Path:
    """Eighths swung by two to one at 120 BPM, then at 90, on one channel, and drums on another."""
    import mido

    beat, late = 480, 320
    file = mido.MidiFile(ticks_per_beat=beat)
    melody, drums = file.add_track(), file.add_track()
    melody.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
    for number in range(64):
        if number == 32:
            melody.append(mido.MetaMessage("set_tempo", tempo=666_667, time=0))
        pitch = 60 + (0, 2, 4, 5, 7, 9, 11, 12)[number % 8]
        for length in (late, beat - late):
            melody.append(mido.Message("note_on", note=pitch, velocity=80, time=0))
            melody.append(mido.Message("note_off", note=pitch, time=length))
        drums.append(mido.Message("note_on", channel=9, note=42, velocity=90, time=0))
        drums.append(mido.Message("note_off", channel=9, note=42, time=beat))
    file.save(folder / "swung.mid")
    return folder / "swung.mid"


def test_what_was_constructed_is_what_is_found(tmp_path):
    """Ticks were once taken for seconds (0.667 read as 0.5), drums for pitches, the first tempo for all, NaN stored."""
    root = create(tmp_path, target_model="groovepredictor", max_duration_sec=60.0)
    kelly_tui.import_files(root, [swung_scale(tmp_path)])
    kelly_tui.extract_features(root)
    [sample] = samples(root)
    assert sample.value("swing_ratio") == pytest.approx(2 / 3, abs=0.01)
    assert sample.value("key") == "C"
    assert sample.duration_sec == pytest.approx(32 * 0.5 + 32 * 2 / 3, abs=1e-3)
    features = json.loads((root / sample.features_path).read_bytes())
    assert min(features["pitch_sequence"]) == 60
    assert features["onset_times"][-1] == pytest.approx(16 + 32 * 2 / 3 - 2 / 9, abs=1e-3)
    assert "NaN" not in (root / sample.features_path).read_text()
    [row] = json.loads((root / "manifest.json").read_bytes())["samples"]
    assert row["annotations"]["swing_ratio"] == sample.value("swing_ratio")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (partial(kelly_tui.augment_dataset, multiplier=10**30), "multiplier can't be more than 100,000"),
        (partial(kelly_tui.augment_dataset, multiplier=-3), "multiplier can't be less than 0"),
        (partial(kelly_tui.synthesize_dataset, count=10**5000), "count can't be more than 100,000,000"),
        (partial(kelly_tui.synthesize_dataset, count=-1), "count can't be less than 0"),
        (partial(kelly_tui.run_pipeline, multiplier=-1), "multiplier can't be less than 0"),
        (partial(kelly_tui.run_pipeline, count=-1), "count can't be less than 0"),
        (partial(kelly_tui.extract_features, workers=-1), "workers can't be less than 0"),
        (partial(kelly_tui.split_dataset, seed=-1), "seed can't be less than 0"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_done(ask, said, tmp_path):
    root = create(tmp_path)
    with pytest.raises(StageError) as refused:
        ask(root)
    assert str(refused.value).startswith(said)
    with Catalogue.open(root) as catalogue:
        assert catalogue.db.execute("SELECT count(*) FROM runs").fetchone() == (0,)
