"""Each finding, brought about; and that no flattering verdict is possible."""

import errno
import json
import os
import shlex
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

import kelly_tui
from kelly_tui.errors import FilterError
from kelly_tui.features.npz import npz_bytes
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.report import Finding, Report, whole_percent
from kelly_tui.store import intact, query, viewstate
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.feature_files import FeatureFiles
from kelly_tui.store.history import edit
from kelly_tui.store.layout import dataset_root, load_config, save_config
from kelly_tui.store.opinions import add_opinions
from kelly_tui.validate import provenance
from kelly_tui.validate import report as report_module
from kelly_tui.validate.stats import dataset_stats
from tests.strangers import create


def codes(report: Report, severity: str) -> list[str]:
    return sorted(finding.code for finding in report.findings if finding.severity == severity)


def write(root: Path, statement: str, *parameters: object) -> None:
    """Change the catalogue behind everyone's back."""
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        assert db.execute(statement, parameters).rowcount > 0


def first(root: Path, where: str = ""):
    with Catalogue.open(root) as catalogue:
        return next(iter(catalogue.samples(where)))


def test_a_dataset_in_order_is_valid(sound):
    report = kelly_tui.validate_dataset(sound)
    assert codes(report, "error") == []
    assert report.valid
    assert report.lines()[0] == "✅ VALID"


def test_validating_changes_nothing(sound):
    def tree() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sound.rglob("*") if path.is_file()}

    kelly_tui.validate_dataset(sound)
    before = tree()
    kelly_tui.validate_dataset(sound, deep=True)
    after = tree()
    assert {path: data for path, data in after.items() if "sqlite" not in path} == {
        path: data for path, data in before.items() if "sqlite" not in path
    }


def remove_folder(root):
    shutil.rmtree(root / "splits")


def remove_manifest(root):
    (root / "manifest.json").unlink()


def remove_file(root):
    (root / first(root).file_path).unlink()


def grow_file(root):
    with (root / first(root).file_path).open("ab") as file:
        file.write(b"more")


def flip_byte(root):
    path = root / first(root).file_path
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def lead_out(root):
    path = root / first(root).file_path
    path.rename(root.parent / "elsewhere.mid")
    path.symlink_to(root.parent / "elsewhere.mid")


def become_a_pipe(root):
    path = root / first(root).file_path
    path.unlink()
    os.mkfifo(path)


def remove_features(root):
    (root / first(root).features_path).unlink()


def strange_emotion(root):
    write(root, "UPDATE samples SET emotion = 'nostalgic' WHERE rowid = 1")


def undeclare_emotion(root):
    write(root, "UPDATE samples SET emotion = 'sad' WHERE rowid > 1")
    save_config(root, msgspec.structs.replace(load_config(root), emotion_labels=["sad", "tense"]))


def wild_tempo(root):
    write(root, "UPDATE samples SET tempo_bpm = -3 WHERE rowid = 1")


def bad_meter(root):
    write(root, "UPDATE samples SET time_signature = '4/5' WHERE rowid = 1")


def forget_splits(root):
    write(root, "UPDATE samples SET split = NULL")


def leak_into_the_test_list(root):
    train = (root / "splits" / "train.txt").read_text().split()
    (root / "splits" / "test.txt").write_text(f"{train[0]}\n")


def remove_list(root):
    (root / "splits" / "val.txt").unlink()


def forget_emotions(root):
    write(root, "UPDATE samples SET emotion = NULL, provenance = '{}'")


def cut_a_song(root):
    """A variant in another split than its root."""
    kelly_tui.augment_dataset(root, 1)
    write(root, "UPDATE samples SET split = 'train'")
    write(root, "UPDATE samples SET split = 'test' WHERE parent_id IS NULL AND rowid = 1")


def break_manifest(root):
    (root / "manifest.json").write_text('{"samples": [nan]}')


def all_generated(root):
    write(root, "UPDATE samples SET is_synthetic = 1, split = 'train'")


def one_class(root):
    for_audio(root)
    write(root, "UPDATE samples SET emotion = 'happy'")


def three_labelled(root):
    write(root, "UPDATE samples SET emotion = NULL WHERE rowid > 3")


def for_audio(root):
    save_config(root, msgspec.structs.replace(load_config(root), target_model="emotionrecognizer"))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (remove_folder, "folder-missing"),
        (remove_manifest, "file-missing"),
        (remove_file, "file-missing"),
        (grow_file, "file-changed"),
        (flip_byte, "file-changed"),
        (lead_out, "path-refused"),
        (become_a_pipe, "path-refused"),
        (remove_features, "features-missing"),
        (strange_emotion, "value-outside-set"),
        (undeclare_emotion, "value-outside-set"),
        (wild_tempo, "value-outside-set"),
        (bad_meter, "value-outside-set"),
        (forget_splits, "no-splits"),
        (leak_into_the_test_list, "split-list"),
        (remove_list, "split-list"),
        (forget_emotions, "no-main-label"),
        (cut_a_song, "group-across-splits"),
        (break_manifest, "manifest-broken"),
        (all_generated, "nothing-imported"),
        (one_class, "one-class"),
        (three_labelled, "too-few"),
    ],
)
def test_an_error_makes_it_invalid(sound, spoil, code):
    spoil(sound)
    report = kelly_tui.validate_dataset(sound)
    assert codes(report, "error") == [code]
    assert not report.valid
    [finding] = [one for one in report.findings if one.severity == "error"]
    assert finding.todo
    assert report.lines()[0] == "❌ INVALID"
    assert_listed(sound, report)


def assert_listed(root: Path, report: Report) -> None:
    """The filter of each finding lists as many samples as it is about."""
    with Catalogue.open(root) as catalogue:
        for one in report.findings:
            if one.found_by:
                found = query.size(catalogue, query.parse(one.found_by, catalogue.config))
                assert found == one.count, f"{one.code}: {one.found_by}"


def test_a_folder_that_holds_nothing_need_not_be_there(sound):
    (sound / "raw" / "synthetic").rmdir()
    assert kelly_tui.validate_dataset(sound).valid


def test_a_closed_folder_is_a_finding_and_the_rest_is_looked_at(sound, monkeypatch):
    closed, look = str(sound / "raw" / "midi" / "sad"), os.lstat

    def lstat(path, **how):
        if str(path).startswith(closed + "/"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **how)

    grow_file(sound)
    monkeypatch.setattr(os, "lstat", lstat)
    report = kelly_tui.validate_dataset(sound)
    assert codes(report, "error") == ["file-changed", "file-unreadable"]
    [finding] = [one for one in report.findings if one.code == "file-unreadable"]
    assert finding.count == 2


def test_what_rotted_on_the_disk_is_found_by_a_deep_look(sound):
    flip_byte(sound)
    now = (sound / first(sound).file_path).stat()  # as if this was how it looked before
    write(sound, "UPDATE intact SET mtime_ns = ?, ctime_ns = ? WHERE sample = 1", now.st_mtime_ns, now.st_ctime_ns)
    assert kelly_tui.validate_dataset(sound).valid
    assert codes(kelly_tui.validate_dataset(sound, deep=True), "error") == ["file-changed"]


def undecided(root):
    write(root, "UPDATE samples SET emotion = NULL, provenance = '{}' WHERE rowid = 1")


def another_class(root):
    save_config(root, msgspec.structs.replace(load_config(root), emotion_labels=["happy", "sad", "tense"]))


def higher_target(root):
    save_config(root, msgspec.structs.replace(load_config(root), target_samples_per_category=9))


def almost_all_generated(root):
    kelly_tui.synthesize_dataset(root, 100)


def set_aside(root):
    with Catalogue.open(root) as catalogue:
        catalogue.quarantine(first(root).sample_id, "extract", "key", "no notes")


def disagree(root):
    from kelly_tui.store.conflicts import put_conflict

    with Catalogue.open(root) as catalogue:
        put_conflict(catalogue, first(root).sample_id, "key", None, Label("C"), Label("D"), "test")


def without_features(root):
    write(root, "UPDATE samples SET features_path = NULL WHERE rowid = 1")


def not_split_yet(root):
    write(root, "UPDATE samples SET split = NULL WHERE rowid = 1")


def a_bridge(root):
    not_split_yet(root)
    proof = root / "splits" / "PROOF.json"
    proof.write_text(json.dumps({**json.loads(proof.read_text()), "bridge_samples": [first(root).sample_id]}))


def edit_manifest(root):
    path = root / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"happy"', b'"tense"'))


def guessed_only(root):
    """What a person said of the emotion is there no more; what the program made has one."""
    kelly_tui.synthesize_dataset(root, 2)
    write(root, "UPDATE samples SET emotion = NULL WHERE NOT is_synthetic")


def edit_annotation(root):
    with Catalogue.open(root) as catalogue:
        path = catalogue.layout.annotation_path(first(root).sample_id)
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (edit_manifest, "outside-edit"),
        (edit_annotation, "outside-edit"),
        (undecided, "unlabelled"),
        (another_class, "empty-class"),
        (higher_target, "target-unmet"),
        (almost_all_generated, "mostly-generated"),
        (for_audio, "midi-for-audio-model"),
        (set_aside, "quarantined"),
        (disagree, "open-conflicts"),
        (without_features, "no-features"),
        (not_split_yet, "unsplit"),
        (a_bridge, "bridge"),
        (guessed_only, "imported-unlabelled"),
    ],
)
def test_a_warning_is_never_hidden(sound, spoil, code):
    assert code not in codes(kelly_tui.validate_dataset(sound), "warning")
    spoil(sound)
    report = kelly_tui.validate_dataset(sound)
    assert code in codes(report, "warning")
    assert_listed(sound, report)
    assert any(line.startswith("WARNING: ") for line in report.lines())


def test_what_is_on_no_list_is_told_so_that_totals_add_up(sound):
    there = kelly_tui.validate_dataset(sound).total
    write(sound, "UPDATE samples SET rejected = 1 WHERE rowid = 1")
    write(
        sound,
        "UPDATE samples SET split = 'test', parent_id = root_id, root_id ="
        " (SELECT sample_id FROM samples WHERE rowid = 1) WHERE rowid = 2",
    )
    report = kelly_tui.validate_dataset(sound)
    words = "Not counted: 2 on no list (made from what is in val or test, or refused)"
    assert report.total == there - 2
    assert words in report.lines()
    set_aside(sound)
    words = "Not counted: 1 on no list (made from what is in val or test, or refused), 1 set aside"
    assert words in kelly_tui.validate_dataset(sound).lines()


def test_what_is_gone_is_of_no_quality(sound):
    """It was counted as the catalogue knew it: with every file gone quality was as before."""
    before = kelly_tui.validate_dataset(sound)
    assert before.quality_parts["good"] > 0
    with Catalogue.open(sound) as catalogue:
        needs = " ".join(f"has:{name}" for name in catalogue.config.model.needs)
        good = list(catalogue.samples(f"is:held has:features {needs}"))
    (sound / good[0].file_path).unlink()
    (sound / good[1].features_path).unlink()
    parts = kelly_tui.validate_dataset(sound).quality_parts
    assert {name: before.quality_parts[name] - n for name, n in parts.items() if n < before.quality_parts[name]} == {
        "file": 1,
        "features": 1,
        "good": 2,
    }
    for folder in ("raw", "processed"):
        for path in (sound / folder).rglob("*.*"):
            path.unlink(missing_ok=True)
    report = kelly_tui.validate_dataset(sound)
    assert (report.quality, report.quality_imported, report.quality_parts["of"]) == (0.0, 0.0, parts["of"])
    assert (report.quality_parts["file"], report.quality_parts["features"]) == (0, 0)


def test_a_manifest_that_is_closed_is_a_finding(sound, monkeypatch):
    edit_manifest(sound)

    def closed(root, path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(viewstate, "hash_inside", closed)
    assert "manifest-unreadable" in codes(kelly_tui.validate_dataset(sound), "warning")


def test_what_a_rebuild_could_not_take_is_a_note(sound):
    path = sound / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"annotations":{', b'"annotations":{"mood":"low",'))
    shutil.rmtree(sound / "annotations")
    for file in (sound / ".kelly").glob("catalogue.sqlite*"):
        file.unlink()
    report = kelly_tui.validate_dataset(sound)
    [note] = [one for one in report.findings if one.code == "views-not-taken"]
    assert "there is no field 'mood'" in note.message


def test_what_is_only_generated_is_never_balance_of_what_is_real(sound):
    guessed_only(sound)
    report = kelly_tui.validate_dataset(sound)
    assert (report.balance, report.balance_imported) == (1, 0)
    assert report.lines()[2] == "Balance Score: 100%"
    assert any(line.startswith("Imported alone: balance 0%") for line in report.lines()[5:8])
    shown = dataset_stats(sound).lines()
    assert "Balance 100% (imported alone 0%)" in "\n".join(shown)


def test_findings_come_worst_first(sound):
    remove_file(sound)
    higher_target(sound)
    lines = [line.partition(":")[0] for line in kelly_tui.validate_dataset(sound).lines()]
    findings = [line for line in lines if line in ("ERROR", "WARNING")]
    assert findings == sorted(findings)
    assert findings[0] == "ERROR"


@pytest.mark.parametrize("cut", [0, 40])
def test_broken_files_of_features_are_found_and_made_again(sound, cut):
    assert kelly_tui.validate_dataset(sound).valid
    spoilt = first(sound, "has:features")
    path = sound / spoilt.features_path
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    report = kelly_tui.validate_dataset(sound)
    [finding] = [one for one in report.findings if one.severity == "error"]
    assert (finding.code, finding.samples) == ("features-unreadable", (spoilt.sample_id,))
    assert kelly_tui.extract_features(sound, dry_run=True).to_dict()["why"] == {"features broken": 1}
    kelly_tui.extract_features(sound)
    assert path.read_bytes() == whole
    assert kelly_tui.validate_dataset(sound, deep=True).valid


def test_features_of_another_sample_are_found_and_made_again(sound):
    """Two files of features that had changed places were valid, and exported."""
    paths = [sound / sample.features_path for sample in _samples(sound)[:2]]
    before = [path.read_bytes() for path in paths]
    paths[0].rename(sound / "between")
    paths[1].rename(paths[0])
    (sound / "between").rename(paths[1])
    report = kelly_tui.validate_dataset(sound)
    [finding] = [one for one in report.findings if one.severity == "error"]
    assert (finding.code, finding.count) == ("features-of-another", 2)
    assert kelly_tui.extract_features(sound, dry_run=True).to_dict()["why"] == {"features of another": 2}
    kelly_tui.extract_features(sound)
    assert [path.read_bytes() for path in paths] == before
    assert kelly_tui.validate_dataset(sound, deep=True).valid


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_arrays_of_another_sample_are_found(sound, kind):
    vector = np.linspace(-1, 1, 128).astype(kind)
    sample = _samples(sound)[0]
    with Catalogue.open(sound) as catalogue:
        with catalogue.writing() as db:
            db.execute("UPDATE features SET vector = ? WHERE sample = 1", (vector.astype("f4").tobytes(),))
        for found, state in ((vector, "whole"), (-vector, "of another"), (vector[:3], "of another")):
            (sound / "processed/features/x.npz").write_bytes(npz_bytes({"feature_vector": found, "mel": [1.0]}))
            assert FeatureFiles(catalogue).state(sample.sample_id, "processed/features/x.npz", None) == state
        (sound / "processed/features/x.npz").write_bytes(npz_bytes({"mel": [1.0]}))
        assert FeatureFiles(catalogue).state(sample.sample_id, "processed/features/x.npz", None) == "broken"


def test_files_of_features_are_read_once_and_by_a_deep_look(sound, monkeypatch):
    read, vector = [], FeatureFiles._vector
    monkeypatch.setattr(FeatureFiles, "_vector", lambda files, path: read.append(path) or vector(files, path))
    assert kelly_tui.validate_dataset(sound).valid
    assert read == [], "right after they were written they are whole"
    relative = first(sound, "has:features").features_path
    path = sound / relative
    status = path.stat()
    path.touch()
    for _ in range(2):
        assert kelly_tui.validate_dataset(sound).valid
        assert read == [relative]
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, path.stat().st_mtime_ns))
    read.clear()
    assert "features-unreadable" in codes(kelly_tui.validate_dataset(sound, deep=True), "error")
    assert len(read) == len(_samples(sound))


def test_a_filter_lists_all_that_a_finding_is_about_however_few_it_names(sound, monkeypatch):
    monkeypatch.setattr(report_module, "EXAMPLES", 2)
    gone = _samples(sound)[:4]
    for sample in gone:
        (sound / sample.file_path).unlink()
    report = kelly_tui.validate_dataset(sound)
    [finding] = [one for one in report.findings if one.code == "file-missing"]
    assert (len(finding.samples), finding.filter) == (2, "found:file-missing")
    with Catalogue.open(sound) as catalogue:
        assert {one.sample_id for one in catalogue.samples(finding.filter)} == {one.sample_id for one in gone}
        with pytest.raises(FilterError, match="file-missing"):
            query.parse("found:file-mising", catalogue.config)


def test_what_a_finding_says_to_do_works_from_where_the_person_stands(sound, tmp_path, monkeypatch):
    """The dataset's name is enough where datasets are; elsewhere the path is said, as it was given, for a shell."""
    elsewhere = tmp_path / "it is here"
    elsewhere.mkdir()
    dataset = sound.rename(elsewhere / "d")
    (dataset / first(dataset).file_path).unlink()

    def said():
        [line] = [line for line in kelly_tui.validate_dataset(root).lines() if "found:file-missing" in line]
        return shlex.split(line)

    for where, datasets, given, name in (
        (tmp_path, elsewhere, dataset, "d"),
        (tmp_path, tmp_path, dataset, str(dataset)),
        (tmp_path, tmp_path, Path("it is here/d"), "it is here/d"),
        (elsewhere, tmp_path, Path("d"), "./d"),
    ):
        monkeypatch.chdir(where)
        monkeypatch.setenv("KELLY_DATASETS", str(datasets))
        root = given
        assert said()[:3] == ["kelly", "list", name]
        assert dataset_root(datasets, name).samefile(dataset)


@pytest.mark.parametrize(("second", "is_said"), [("other", True), ("same", False)])
def test_annotators_who_agree_little_are_a_finding_that_lists_what_they_judged(sound, monkeypatch, second, is_said):
    with Catalogue.open(sound) as catalogue:
        judged = [sample.sample_id for sample in catalogue.samples()]
        monkeypatch.setattr(provenance, "_JUDGED", len(judged))
        for place, sample_id in enumerate(judged):
            first, other = ("happy", "sad") if place % 2 else ("sad", "happy")
            for who, value in (("ann", first), ("bea", other if second == "other" else first)):
                add_opinions(catalogue, [Opinion(sample_id, "emotion", who, 1, value, "2026-01-01")])
    found = [one for one in kelly_tui.validate_dataset(sound).findings if one.code == "low-agreement"]
    assert bool(found) == is_said
    with Catalogue.open(sound) as catalogue:
        listed = {sample.sample_id for sample in catalogue.samples("found:low-agreement")}
    assert listed == (set(judged) if is_said else set())


def test_what_was_found_before_is_found_no_more(sound):
    path = sound / first(sound).file_path
    data = path.read_bytes()
    path.unlink()
    kelly_tui.validate_dataset(sound)
    path.write_bytes(data)
    kelly_tui.validate_dataset(sound)
    with Catalogue.open(sound) as catalogue:
        assert list(catalogue.samples("found:file-missing")) == []


def test_the_text_says_which_samples_a_finding_is_about(sound):
    gone = first(sound)
    (sound / gone.file_path).unlink()
    lines = kelly_tui.validate_dataset(sound).lines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("ERROR: ")]
    kelly, command, _, found_by = shlex.split(lines[at + 1])
    assert (kelly, command) == ("kelly", "list")
    with Catalogue.open(sound) as catalogue:
        listed = query.rows(catalogue, query.order(catalogue, query.parse(found_by, catalogue.config)))
    assert [row.sample_id for row in listed] == [gone.sample_id]


def test_a_filter_of_many_ids_is_printed_short():
    many = Finding("error", "file-missing", "files are gone", count=50, samples=tuple(f"{n:016x}" for n in range(50)))
    assert len(many.shown_by) < 80 < len(many.found_by)
    assert many.found_by.startswith(many.shown_by)


def test_what_once_passed_as_valid_does_not(tmp_path, music):
    """98 % generated, unsplit, its labels lost, with silent and empty files: that was "VALID", "Quality 99.95 %"."""
    root = create(tmp_path)
    kelly_tui.import_files(root, [music / "other"])
    kelly_tui.synthesize_dataset(root, 60)
    kelly_tui.extract_features(root)
    report = kelly_tui.validate_dataset(root)
    assert not report.valid
    assert "no-splits" in codes(report, "error")
    assert {"mostly-generated", "quarantined", "unlabelled"} <= set(codes(report, "warning"))
    assert report.quality_imported == 0
    assert report.balance_imported == 0
    assert report.origins["imported"] == 2  # the duplicate counts once, the silent file and the one without notes not


def test_a_percent_is_never_rounded_up():
    assert [whole_percent(score) for score in (0.99999, 0.29, 1.0, 0.0)] == [99, 29, 100, 0]


def test_the_report_counts_what_an_export_would_hold(sound):
    kelly_tui.augment_dataset(sound, 2)
    report = kelly_tui.validate_dataset(sound)
    lists = sum(len((sound / "splits" / f"{split}.txt").read_text().split()) for split in ("train", "val", "test"))
    assert report.total == sum(report.splits.values()) == lists


def test_a_changed_shortest_duration_is_judged_again(sound):
    config = load_config(sound)
    shortest = min(sample.duration_sec for sample in _samples(sound))
    save_config(sound, msgspec.structs.replace(config, min_duration_sec=shortest + 0.01))
    before = _samples(sound)
    report = kelly_tui.validate_dataset(sound)
    found = next(one for one in report.findings if one.code == "too-short")
    assert (found.severity, found.count) == ("error", len(found.samples))
    assert {sample.sample_id for sample in before if sample.duration_sec == shortest} <= set(found.samples)
    assert _samples(sound) == before, "validate changes nothing"
    kelly_tui.extract_features(sound)
    assert "too-short" not in codes(kelly_tui.validate_dataset(sound), "error")
    save_config(sound, config)
    assert "not-too-short" in codes(kelly_tui.validate_dataset(sound), "warning")


def _samples(root: Path):
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples())


def test_of_an_empty_dataset_only_that_is_said(tmp_path):
    report = kelly_tui.validate_dataset(create(tmp_path))
    assert not report.valid
    assert [finding.code for finding in report.findings] == ["empty"]


# -- pieces that are there more than once ------------------------------------------------------------------------------


def another_edition(root: Path, tmp_path: Path, **recipe) -> None:
    """A variant of the first sample comes as if it was an original, and is split."""
    sample = first(root)
    variant = kelly_tui.augment_midi(root / sample.file_path, **recipe)
    variant.save(tmp_path / "elsewhere" / "edition.mid")
    kelly_tui.import_files(root, [tmp_path / "elsewhere"])
    kelly_tui.extract_features(root)
    kelly_tui.split_dataset(root)


def test_another_edition_is_named_and_shares_the_split_of_the_first(sound, tmp_path):
    another_edition(sound, tmp_path, transpose=3, time_stretch=1.1, jitter_ms=5.0, seed=1)
    report = kelly_tui.validate_dataset(sound)
    (found,) = [one for one in report.findings if one.code == "near-duplicates"]
    assert (found.count, found.filter) == (2, "is:duplicate")
    with Catalogue.open(sound) as catalogue:
        listed = {one.sample_id: one for one in catalogue.samples("is:duplicate")}
        assert set(found.samples) == listed.keys()
        assert len({one.split for one in listed.values()}) == 1
    assert codes(report, "error") == []
    write(sound, "UPDATE samples SET split = CASE sample_id WHEN ? THEN 'test' ELSE 'train' END", found.samples[0])
    assert "group-across-splits" in codes(kelly_tui.validate_dataset(sound), "error")


def test_editions_that_people_labelled_differently_are_named(sound, tmp_path):
    another_edition(sound, tmp_path, transpose=2)
    with Catalogue.open(sound) as catalogue:
        one, other = (sample.sample_id for sample in catalogue.samples("is:duplicate"))
        main = catalogue.config.model.main_label
        edit(catalogue, [Edit(one, main, Label("happy")), Edit(other, main, Label("happy"))], "me")
    assert "editions-contradict" not in codes(kelly_tui.validate_dataset(sound), "warning")
    with Catalogue.open(sound) as catalogue:
        edit(catalogue, [Edit(other, main, Label("sad"))], "me")
    report = kelly_tui.validate_dataset(sound)
    (found,) = [finding for finding in report.findings if finding.code == "editions-contradict"]
    assert set(found.samples) == {one, other}


def test_what_has_no_features_is_said_to_be_not_compared(sound):
    write(sound, "DELETE FROM fingerprints WHERE sample = 1")
    report = kelly_tui.validate_dataset(sound)
    (found,) = [finding for finding in report.findings if finding.code == "not-compared"]
    assert found.samples == (first(sound).sample_id,)


def test_a_dataset_in_order_has_no_finding_about_pieces(sound):
    found = {finding.code for finding in kelly_tui.validate_dataset(sound).findings}
    assert not found & {"near-duplicates", "editions-contradict", "not-compared", "bridge", "group-across-splits"}


# -- what need not be read again ---------------------------------------------------------------------------------------


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The files whose content validation reads."""
    paths: list[str] = []
    hashed = intact.hash_inside
    monkeypatch.setattr(intact, "hash_inside", lambda root, path: paths.append(path) or hashed(root, path))
    return paths


def touch(root: Path) -> list[Path]:
    with Catalogue.open(root) as catalogue:
        paths = [catalogue.root / one.file_path for one in catalogue.samples()]
    for path in paths:
        os.utime(path)
    return paths


def test_what_was_imported_is_not_read_again(tmp_path, music, read):
    root = create(tmp_path)
    for link in (False, True):
        kelly_tui.import_files(root, [music / ("happy" if link else "sad")], link=link)
    assert len(_samples(root)) > 2
    kelly_tui.validate_dataset(root)
    assert read == []


def test_a_change_after_the_import_is_found_though_its_time_was_put_back(sound):
    path = sound / first(sound).file_path
    before = path.stat()
    flip_byte(sound)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "file-changed" in codes(kelly_tui.validate_dataset(sound), "error")


def test_a_copy_is_read_once_and_its_other_bytes_are_found(sound, read, tmp_path):
    flip_byte(sound)
    path = sound / first(sound).file_path
    os.utime(path, (0, 0))
    shutil.copytree(sound, tmp_path / "copy")
    for count in (len(_samples(sound)), 1):  # the changed one each time
        assert "file-changed" in codes(kelly_tui.validate_dataset(tmp_path / "copy"), "error")
        assert len(read) == count
        read.clear()


def test_a_validation_that_is_killed_has_not_read_in_vain(sound, read, monkeypatch):
    paths = touch(sound)
    hashed, reading = intact.hash_inside, []

    def killed(root, path):
        reading.append(path)
        if len(reading) == len(paths):
            raise KeyboardInterrupt
        return hashed(root, path)

    monkeypatch.setattr(intact, "_AT_ONCE", 1)
    with monkeypatch.context() as until_then:
        until_then.setattr(intact, "hash_inside", killed)
        with pytest.raises(KeyboardInterrupt):
            kelly_tui.validate_dataset(sound)
    read.clear()
    assert kelly_tui.validate_dataset(sound).valid
    assert len(read) == 1


def test_what_did_not_change_is_not_read_again(sound, read):
    paths = touch(sound)  # as a copy of the whole dataset is: newer than the samples
    assert kelly_tui.validate_dataset(sound).valid
    assert len(read) == len(paths)
    read.clear()
    assert kelly_tui.validate_dataset(sound).valid
    assert read == []
    paths[0].touch()
    assert kelly_tui.validate_dataset(sound).valid
    assert [Path(path).name for path in read] == [paths[0].name]
    assert kelly_tui.validate_dataset(sound, deep=True).valid
    assert len(read) == 1 + len(paths)


def test_other_content_of_the_same_size_and_time_is_found(sound, read):
    path = touch(sound)[0]
    kelly_tui.validate_dataset(sound)
    before = path.stat()
    flip_byte(sound)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        assert "file-changed" in codes(kelly_tui.validate_dataset(sound), "error")


def test_no_score_rises_when_every_file_comes_again_a_little_softer(sound, tmp_path):
    before = kelly_tui.validate_dataset(sound)
    labels = {}
    for sample in _samples(sound):
        path = sound / sample.file_path
        copy = tmp_path / "again" / f"{path.parent.name} {path.stem} again{path.suffix}"
        if sample.file_type == "midi":
            kelly_tui.augment_midi(path, velocity_scale=0.9).save(copy)
        else:
            kelly_tui.augment_audio(path, gain=0.9).save(copy)
        labels[copy.name] = sample.labels
    kelly_tui.import_files(sound, [tmp_path / "again"])
    kelly_tui.extract_features(sound)
    kelly_tui.split_dataset(sound)
    with Catalogue.open(sound) as catalogue:
        copies = [sample for sample in catalogue.samples() if Path(sample.source or "").name in labels]
        edit(
            catalogue,
            [
                Edit(sample.sample_id, name, Label(labels[Path(sample.source).name][name].value))
                for sample in copies
                for name in ("emotion", "key", "chord_progression")
            ],
            "me",
        )
    after = kelly_tui.validate_dataset(sound)
    assert after.total == 2 * before.total == 2 * len(copies)
    for name, (score, alone) in after.beside.items():
        assert score <= before.beside[name][0] + 1e-9
        assert alone <= before.beside[name][1] + 1e-9
    (found,) = [one for one in after.findings if one.code == "near-duplicates"]
    assert found.count == after.total - 2, "a tone alone says nothing that it could be known by"
    assert after.valid
