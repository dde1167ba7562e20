"""Which samples an export holds, what stands in its way, and that it goes on where it was stopped."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import msgspec
import pytest
from export_samples import dataset, export, killed_at, put, sample, tree

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import DatasetError, DiskFull, FilterError, StageError
from kelly_tui.export import facts, target
from kelly_tui.export.jsonl import Jsonl
from kelly_tui.export.target import Target
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline import export as stage
from kelly_tui.pipeline.stage import PAUSED, Interrupted
from kelly_tui.pipeline.standing import stage_standings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import create_dataset_structure, load_config, save_config
from kelly_tui.store.splits import reshuffle

EMOTIONS = ("happy", "sad", "angry", "peaceful")


@pytest.fixture(autouse=True)
def _where_datasets_are(tmp_path, monkeypatch):
    """So that a dataset's name is enough for the commands that are recommended."""
    monkeypatch.setenv("KELLY_DATASETS", str(tmp_path))


@pytest.fixture
def root(tmp_path) -> Path:
    """Forty songs of four emotions; of the first a variant, and a generated sample."""
    songs = [sample(n, labels={"emotion": EMOTIONS[n % 4]}) for n in range(40)]
    variants = [
        sample(100 + n, parent_id=one.sample_id, root_id=one.sample_id, augmentation_type="transpose")
        for n, one in enumerate(songs)
    ]
    return dataset(tmp_path, [*songs, *variants, sample(200, is_synthetic=True, license="")])


def ids(out: Path, split: str = "train") -> list[str]:
    return [json.loads(line)["sample_id"] for line in (out / f"{split}.jsonl").read_text().splitlines()]


def in_catalogue(root: Path, condition: str) -> list[str]:
    with Catalogue.open(root) as catalogue:
        rows = catalogue.db.execute(f"SELECT sample_id FROM samples WHERE {condition} ORDER BY sample_id")
        return [one for (one,) in rows]


def update(root: Path, change: str) -> None:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(f"UPDATE samples SET {change}")


def test_it_holds_what_the_lists_hold_in_the_order_of_ids(root, tmp_path):
    gone, refused = in_catalogue(root, "split = 'train' AND parent_id IS NULL AND NOT is_synthetic")[:2]
    update(root, f"status = 'silent' WHERE sample_id = '{gone}'")
    update(root, f"rejected = 1 WHERE sample_id = '{refused}'")
    out = tmp_path / "out"
    outcome = export(root, out, force=True)
    assert ids(out) == in_catalogue(root, f"split = 'train' AND sample_id NOT IN ('{gone}', '{refused}')")
    for split in ("val", "test"):
        assert ids(out, split) == in_catalogue(root, f"split = '{split}' AND parent_id IS NULL")
    assert outcome.done == sum(len(ids(out, split)) for split in ("train", "val", "test"))
    assert not (out / ".export").exists()


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"filter": "emotion:sad"}, "emotion = 'sad'"),
        (
            {"filter": "is:root -emotion:happy|sad"},
            "parent_id IS NULL AND ifnull(emotion, 'angry') IN ('angry', 'peaceful')",
        ),
        ({"no_generated": True}, "NOT is_synthetic"),
        ({"filter": 'name:"song 100"'}, "file_path LIKE '%song 100.mid'"),
    ],
)
def test_filters_are_those_of_the_app(root, tmp_path, given, condition):
    export(root, tmp_path / "out", splits=("train",), **given)
    assert ids(tmp_path / "out") == in_catalogue(root, f"split = 'train' AND {condition}")
    assert not (tmp_path / "out/val.jsonl").exists()


def test_verified_only_keeps_the_variants_of_what_is_verified(root, tmp_path):
    one = in_catalogue(root, "split = 'train' AND parent_id IS NULL AND NOT is_synthetic")[0]
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({one: {"is_verified": Label(True)}})
    export(root, tmp_path / "out", verified_only=True)
    assert ids(tmp_path / "out") == in_catalogue(root, f"root_id = '{one}'")


def test_an_unknown_field_names_the_nearest(root, tmp_path):
    with pytest.raises(FilterError, match="emotion"):
        export(root, tmp_path / "out", filter="emotoin:sad")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        ("license = ''", "the licence of {imported} samples is unknown", "config.json"),
        ("features_path = NULL", "{held} samples have no features", "kelly extract songs"),
        ("split = CASE split WHEN 'train' THEN 'val' ELSE 'train' END WHERE parent_id IS NOT NULL", "in several splits",
         "--reshuffle"),
        ("split = NULL WHERE rowid = 3", "proof of the splits is out of date", "kelly split songs"),
        ("emotion = 'tense' WHERE rowid = 3", "out of date: samples or labels have changed since", "kelly split songs"),
    ],
)  # fmt: skip
def test_what_would_mislead_stops_it_until_it_is_forced_and_then_it_says_so(root, tmp_path, change, said, hint):
    update(root, change)
    held = len(in_catalogue(root, "held AND split IS NOT NULL"))
    said = said.format(held=held, imported=held - 1)
    with pytest.raises(StageError) as refused:
        export(root, tmp_path / "out")
    assert said in str(refused.value)
    assert hint in str(refused.value)
    assert not (tmp_path / "out").exists()
    outcome = export(root, tmp_path / "out", force=True)
    forced = json.loads((tmp_path / "out/export.json").read_text())["forced"]
    assert any(said in one for one in forced)
    assert f"FORCED: {forced[0]}" in outcome.words
    assert f"Forced although {forced[0]}" in (tmp_path / "out/README.md").read_text()


def test_a_licence_for_all_in_the_configuration_is_a_licence(root, tmp_path):
    update(root, "license = ''")
    save_config(root, msgspec.structs.replace(load_config(root), license="CC-BY-4.0"))
    export(root, tmp_path / "out")


@pytest.mark.parametrize("force", [False, True])
def test_without_splits_there_is_nothing_to_train_on_even_by_force(root, tmp_path, force):
    update(root, "split = NULL")
    with pytest.raises(StageError, match=r"no sample is in train, val or test. Split first: kelly split songs"):
        export(root, tmp_path / "out", force=force)


def test_a_proof_that_is_gone_is_asked_for(root, tmp_path):
    (root / "splits/PROOF.json").unlink()
    with pytest.raises(StageError, match="no proof of the splits"):
        export(root, tmp_path / "out")


def test_what_lies_in_the_folder_is_never_touched(root, tmp_path):
    put(tmp_path / "out/thesis.txt", b"mine")
    with pytest.raises(StageError, match=r"not empty: thesis.txt is there"):
        export(root, tmp_path / "out")
    assert tree(tmp_path / "out") == {"thesis.txt": b"mine"}
    with pytest.raises(StageError, match="can't lie in its dataset"):
        export(root, root / "exports")


def test_another_export_is_not_mixed_with_what_is_there_and_the_same_is_done(root, tmp_path):
    out = tmp_path / "out"
    export(root, out)
    before = tree(out)
    assert export(root, out).done == 0
    with pytest.raises(StageError, match="holds another export"):
        export(root, out, arousal="0..1")
    with Catalogue.open(root) as catalogue:
        reshuffle(catalogue, 5)
    with pytest.raises(StageError, match="holds another export"):
        export(root, out)
    assert tree(out) == before


def test_killed_at_any_moment_and_run_again_it_ends_in_the_same_bytes(tmp_path, monkeypatch):
    """Every file that is opened, renamed or removed in the folder is such a moment: some of them, to the very last."""
    monkeypatch.setattr(Jsonl, "part_samples", 4)
    root = dataset(tmp_path, [sample(n, labels={"emotion": EMOTIONS[n % 4]}) for n in range(12)])
    export(root, tmp_path / "whole")
    expected, kills = tree(tmp_path / "whole"), 0
    for moment in (3, 11, 24, 37, 50, 56, 59, 62, 65, 68, 71, 74, 77):
        out = tmp_path / f"out{moment}"
        kills += killed_at(moment, out, lambda out=out: export(root, out))
        export(root, out)
        assert tree(out) == expected
    assert kills > 9


def test_what_was_done_before_the_kill_is_not_done_again(root, tmp_path, monkeypatch):
    monkeypatch.setattr(Jsonl, "part_samples", 10)
    out, seen = tmp_path / "out", []
    write = Jsonl.write

    def stopped(self, part, records, target):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(part.name)
        write(self, part, records, target)

    monkeypatch.setattr(Jsonl, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(root, out)
    monkeypatch.setattr(Jsonl, "write", write)
    outcome = export(root, out)
    assert outcome.skipped == 30
    assert outcome.done == len(ids(out)) + len(ids(out, "val")) + len(ids(out, "test")) - 30


def test_an_interrupted_export_of_a_dataset_that_has_changed_is_not_gone_on_with(root, tmp_path):
    out = tmp_path / "out"
    assert killed_at(40, out, lambda: export(root, out))
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({in_catalogue(root, "1")[0]: {"notes": Label("another")}})
    with pytest.raises(StageError, match="the dataset has changed since") as refused:
        export(root, out)
    assert "--anew" in str(refused.value.hint)
    export(root, out, anew=True)
    export(root, tmp_path / "other")
    assert tree(out) == tree(tmp_path / "other")


def test_anew_removes_nothing_that_no_export_wrote_and_no_export_that_is_done(root, tmp_path):
    out, done = tmp_path / "out", tmp_path / "done"
    assert killed_at(40, out, lambda: export(root, out))
    (out / "my notes.txt").write_text("mine")
    export(root, done)
    was, was_done = tree(out), tree(done)
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({in_catalogue(root, "1")[0]: {"notes": Label("another")}})
    with pytest.raises(StageError, match="no export wrote this") as refused:
        export(root, out, anew=True)
    assert str(refused.value.path).endswith("my notes.txt")
    with pytest.raises(StageError, match="holds another export"):
        export(root, done, anew=True)
    assert (tree(out), tree(done)) == (was, was_done)


def test_two_at_once_do_not_write_into_one_folder(root, tmp_path):
    out = tmp_path / "out"
    assert killed_at(40, out, lambda: export(root, out))
    identity = json.loads((out / ".export/journal.jsonl").read_text().splitlines()[0])
    with Target(out, identity), pytest.raises(StageError, match="another export is being written there"):
        Target(out, identity)


def test_a_cancelled_export_says_how_far_it_came_and_goes_on(root, tmp_path):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Interrupted, match="the same again goes on"):
        export(root, tmp_path / "out", cancel=cancel)
    export(root, tmp_path / "out")
    export(root, tmp_path / "other")
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_a_full_disk_pauses_it_says_so_and_it_goes_on(root, tmp_path, monkeypatch):
    put_file, refusals, heard = Target.put, iter([False] * 9 + [True]), []

    def full_once(self, relative, data):
        if next(refusals, False):
            raise OSError(28, "No space left on device")
        put_file(self, relative, data)

    monkeypatch.setattr(Target, "put", full_once)
    export(root, tmp_path / "out", notice=heard.append)
    assert heard == ["export paused: the disk is full, needs about 4 MB; it goes on by itself when there is room"]
    export(root, tmp_path / "other")
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_it_gives_up_waiting_for_room_after_the_stated_time(root, tmp_path, monkeypatch):
    def full(self, relative, data):
        raise DiskFull("the disk is full")

    monkeypatch.setattr(Target, "put", full)
    monkeypatch.setattr(stage.Room, "is_free", lambda self, size: False)
    monkeypatch.setattr(stage, "FULL_SECONDS", 0.0)
    with pytest.raises(StageError, match="run the same again"):
        export(root, tmp_path / "out")


def test_files_that_are_gone_or_others_than_they_were_are_left_out_and_named(root, tmp_path):
    first, second, third = in_catalogue(root, "split = 'train' AND parent_id IS NULL")[:3]
    with Catalogue.open(root) as catalogue:
        (root / catalogue.find(first).file_path).unlink()
        put(root / catalogue.find(second).file_path, b"something else")
        (root / catalogue.find(third).features_path).unlink()
    outcome = export(root, tmp_path / "out")
    reasons = " ".join(sorted(why for _, why in outcome.failures))
    assert len(outcome.failures) == 3
    for said in ("No such file", "not those that were imported", "kelly extract"):
        assert said in reasons
    assert not {first, second, third} & set(ids(tmp_path / "out"))
    facts = json.loads((tmp_path / "out/export.json").read_text())
    assert set(facts["left_out"]) == {name for name, _ in outcome.failures}
    assert facts["samples"] == outcome.done == sum(facts["by_origin"].values()) == sum(facts["by_emotion"].values())
    assert facts["by_split"] == {split: len(ids(tmp_path / "out", split)) for split in ("train", "val", "test")}
    assert f"train {facts['by_split']['train']}," in (tmp_path / "out/README.md").read_text()


def test_of_many_samples_that_are_left_out_the_first_are_named_in_export_json_and_all_are_counted(
    root, tmp_path, monkeypatch
):
    """One of 150,000 was larger than what is read of it, and the export could be neither repeated nor imported."""
    monkeypatch.setattr(facts, "MOST_NAMED", 2)
    monkeypatch.setattr(target, "LARGEST", 8000)
    folder = root / "raw/midi" / ("n" * 200)
    folder.mkdir()
    with Catalogue.open(root) as catalogue:
        for number, id_ in enumerate(in_catalogue(root, "parent_id IS NULL")):
            path = f"raw/midi/{folder.name}/{number}.mid"
            with catalogue.writing() as db:
                db.execute("UPDATE samples SET file_path = ? WHERE sample_id = ?", (path, id_))
    out = tmp_path / "out"
    first = export(root, out)
    number = len(first.failures)
    assert number > 2
    said = json.loads((out / "export.json").read_text())
    assert list(said["left_out"].items()) == sorted(first.failures)[:2]
    assert said["left_out_unnamed"] == number - 2
    assert f"gone or changed: {number} samples." in (out / "README.md").read_text()
    again = export(root, out)
    assert (again.done, again.skipped) == (0, first.done)
    assert again.failures == [*sorted(first.failures)[:2], ("and", f"{number - 2} more")]
    assert f"but for {number} samples" in again.words
    kelly_tui.create_dataset_structure(tmp_path / "sets", DatasetConfig(dataset_id="new"))
    assert kelly_tui.import_files(tmp_path / "sets/new", [out]).done == first.done
    del said["left_out_unnamed"]  # as an older Kelly wrote it
    (out / "export.json").write_text(json.dumps(said))
    assert export(root, out).failures == sorted(first.failures)[:2]
    anew = export(root, out, anew=True)
    assert (anew.done, sorted(anew.failures)) == (first.done, sorted(first.failures))


@pytest.mark.parametrize("format", ["jsonl", "webdataset"])
def test_an_export_that_left_samples_out_is_not_done_until_it_is_made_again(root, tmp_path, format, capsys):
    out = tmp_path / "out"
    command = ["export", str(root), "--format", format, "--out", str(out)]
    with Catalogue.open(root) as catalogue:
        song = root / catalogue.find(in_catalogue(root, "split = 'train' AND parent_id IS NULL")[0]).file_path
    kept = song.read_bytes()
    song.unlink()
    assert main(command) == 1
    song.write_bytes(kept)
    before = tree(out)
    for _ in range(2):
        capsys.readouterr()
        assert main(command) == 1
        assert song.name in (said := "".join(capsys.readouterr()))
        assert "already" in said
        assert "but for 1 sample. --anew" in " ".join(said.split())
    assert tree(out) == before
    assert stage_standings(root)["export"].state == "failed"
    (out / "mine.txt").write_text("mine")
    with pytest.raises(StageError, match="no export wrote this"):
        export(root, out, format, anew=True)
    assert tree(out) == {**before, "mine.txt": b"mine"}
    (out / "mine.txt").unlink()
    assert main([*command, "--anew"]) == 0
    export(root, tmp_path / "whole", format)
    assert tree(out) == tree(tmp_path / "whole")
    assert main([*command, "--anew"]) == 0
    assert tree(out) == tree(tmp_path / "whole")


def test_making_it_again_may_be_killed_too(tmp_path):
    """What the first had, and the second has not, is gone in the end, wherever the kill came."""
    root = dataset(tmp_path, [sample(n, labels={"emotion": EMOTIONS[n % 4]}) for n in range(12)])
    with Catalogue.open(root) as catalogue:
        first, second = (root / one.file_path for one in list(catalogue.samples())[:2])
    kept = first.read_bytes()
    first.unlink()
    export(root, tmp_path / "before")
    first.write_bytes(kept)
    second.unlink()
    export(root, tmp_path / "whole")
    expected, kills = tree(tmp_path / "whole"), 0
    for moment in range(1, 40, 2):
        out = Path(shutil.copytree(tmp_path / "before", tmp_path / f"out{moment}"))
        if killed_at(moment, out, lambda out=out: export(root, out, anew=True)):
            kills += 1
            export(root, out, anew=not (out / ".export").exists())
        assert tree(out) == expected
    assert kills > 12


@pytest.mark.parametrize(
    ("format", "folder"),
    [("jsonl", "raw"), ("webdataset", "raw/midi"), ("parquet", "processed"), ("jams", "processed/features")],
)
def test_a_folder_that_is_away_stops_it_and_blames_no_file(root, tmp_path, format, folder):
    (root / folder).rename(tmp_path / "away")
    with pytest.raises(DatasetError, match=f"a folder of the dataset is gone: .*/{folder}"):
        export(root, tmp_path / "out", format)
    (tmp_path / "away").rename(root / folder)
    assert not export(root, tmp_path / "out", format).failures
    export(root, tmp_path / "whole", format)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("format", ["jsonl", "webdataset", "parquet", "jams"])
def test_where_its_own_folder_goes_midway_nothing_is_written_in_its_place_and_it_goes_on(
    root, tmp_path, monkeypatch, format
):
    out, moved = tmp_path / "out", tmp_path / "moved"
    found = stage.records

    def interrupted(*given):
        for number, record in enumerate(found(*given)):
            if number == 5:
                out.rename(moved)
                out.mkdir()  # as a mount leaves its place
            yield record

    with monkeypatch.context() as patched:
        patched.setattr(stage, "records", interrupted)
        with pytest.raises(
            StageError, match=f"^the folder that is exported into was moved, or its disk is gone: {out}"
        ):
            export(root, out, format)
    out.rmdir()  # which it can't be where anything was written
    moved.rename(out)
    assert not export(root, out, format).failures
    export(root, tmp_path / "whole", format)
    assert tree(out) == tree(tmp_path / "whole")


def test_linked_music_is_the_datasets_own_file_and_the_bytes_are_the_same(root, tmp_path):
    export(root, tmp_path / "linked", link=True)
    export(root, tmp_path / "copied")
    assert tree(tmp_path / "linked") == tree(tmp_path / "copied")
    one = json.loads((tmp_path / "linked/train.jsonl").read_text().splitlines()[0])
    assert os.path.samefile(tmp_path / "linked" / one["midi"], root / one["file_path"])
    assert not os.path.samefile(tmp_path / "copied" / one["midi"], root / one["file_path"])


def test_the_command_says_what_it_did_and_a_dry_run_writes_nothing(root, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["export", str(root), "--format", "jsonl", "--out", str(out)]
    assert main([*command, "--dry-run"]) == 0
    assert "to export as jsonl (train" in capsys.readouterr().out
    assert not out.exists()
    assert main([*command, "--json", "--emotions", "7", "--arousal", "0..1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["done"] == sum(told["by_split"].values())
    assert json.loads((out / "export.json").read_text())["mappings"]["arousal"]["to"] == [0, 1]
    assert stage_standings(root)["export"].state == "done"
    assert main(["export", str(root), "--format", "jsnl", "--out", str(out)]) == 2
    assert "Did you mean jsonl?" in capsys.readouterr().err
    assert main([*command, "--splits", "train,tset"]) == 2
    assert "'tset' is no split" in capsys.readouterr().err


def test_where_no_folder_can_be_another_place_is_asked_for(root):
    with pytest.raises(DatasetError, match=r"nothing can be written there .*Name another place"):
        export(root, Path("/proc/kelly/out"))


def test_a_file_where_the_folder_should_be_is_named(root, tmp_path):
    put(tmp_path / "out", b"mine")
    with pytest.raises(StageError, match="this is a file"):
        export(root, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"mine"


def test_export_and_import_back_wait_while_they_are_paused(root, tmp_path):
    create_dataset_structure(tmp_path / "again", DatasetConfig(dataset_id="songs"))
    for work in (
        lambda **run: export(root, tmp_path / "out", **run),
        lambda **run: kelly_tui.import_files(tmp_path / "again/songs", [tmp_path / "out"], **run),
    ):
        pause, done_while_paused = threading.Event(), []

        def hear(progress, pause=pause, heard=done_while_paused):
            if progress.message == PAUSED:
                heard.append(progress.done)
                pause.clear()

        pause.set()
        outcome = work(pause=pause, progress=hear)
        assert done_while_paused[0] == 0
        assert outcome.done > 0


def test_one_labels_while_it_is_exported_and_the_export_is_of_before(root, tmp_path):
    (first, *_) = in_catalogue(root, "split = 'train'")
    labelled = []

    def label(_):
        if not labelled:
            with Catalogue.open(root) as catalogue:
                labelled.append(edit(catalogue, [Edit(first, "notes", Label("heard meanwhile"))], "me"))

    export(root, tmp_path / "out", progress=label)
    with Catalogue.open(root) as catalogue:
        assert catalogue.get(first).value("notes") == "heard meanwhile"
    assert first in ids(tmp_path / "out")
    assert "meanwhile" not in (tmp_path / "out/train.jsonl").read_text()
