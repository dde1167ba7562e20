"""Outside edits and conflicts: nothing is decided that was not shown."""

import json
import shutil
from pathlib import Path

import pytest

from kelly_tui.cli import samples
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, readback, views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout

KEYS = ("C", "D")


@pytest.fixture
def edited(labelled, monkeypatch):
    """A dataset of which all annotation files were edited outside, which is many, and that has an older conflict."""
    monkeypatch.setattr(readback, "MANY_FILES", 2)
    with Catalogue.open(labelled) as catalogue:
        ids = [one.sample_id for one in catalogue.samples()][:6]
        history.edit(catalogue, [Edit(one, "key", Label("C")) for one in ids], "me")
        views.write_views(catalogue)
        file_of = catalogue.layout.annotation_path
        views.resolve(catalogue, "ours", "me")
        readback.put_conflict(catalogue, ids[0], "mode", None, Label("major"), Label("minor"), "annotations")
    for one in ids:
        data = json.loads(file_of(one).read_bytes())
        data["annotations"]["key"] = "D"
        file_of(one).write_text(json.dumps(data))
    return labelled


def keys(root) -> list:
    with Catalogue.open(root) as catalogue:
        return [one.value("key") for one in catalogue.samples()][:6]


def test_many_outside_edits_are_shown_before_they_are_taken(kelly, edited):
    shown = kelly("conflicts", "d")
    assert "6 samples were edited outside Kelly, so many that nothing was taken in yet: key 6" in shown.out
    assert shown.out.count("  key    C     D") == 6
    assert "--take theirs takes these in, --take ours declines them" in shown.out
    outside = kelly("conflicts", "d", "--json").json["outside"]
    assert (outside["samples"], outside["fields"], outside["state"]) == (6, {"key": 6}, "waiting")
    assert {(one["field"], one["ours"], one["theirs"]) for one in outside["changes"]} == {("key", "C", "D")}
    assert keys(edited) == ["C"] * 6


@pytest.mark.parametrize(("side", "key", "said"), [("theirs", "D", "taken in"), ("ours", "C", "declined")])
def test_they_are_settled_alone_and_for_good(kelly, edited, side, key, said):
    settled = kelly("conflicts", "d", "--take", side)
    assert f"{said}: 6 outside edits of 6 samples: key 6" in settled.out
    assert "1 conflict left open" in settled.out, "it was not among what was shown as an outside edit"
    assert keys(edited) == [key] * 6
    again = kelly("conflicts", "d", "--json").json
    assert again["outside"]["samples"] == 0
    assert [one["field"] for one in again["open"]] == ["mode"]
    with Catalogue.open(edited) as catalogue:
        files = [json.loads(path.read_bytes()) for path in catalogue.layout.annotations.rglob("*.json")]
    assert "D" not in {one["annotations"].get("key") for one in files} or key == "D"
    assert "1 decided for ours: mode 1" in kelly("conflicts", "d", "--take", "ours").out


def test_what_was_declined_is_kept(kelly, edited):
    kelly("conflicts", "d", "--take", "ours")
    kept = [json.loads(path.read_bytes()) for path in (edited / ".kelly" / "set-aside").iterdir()]
    assert [one["annotations"]["key"] for one in kept] == ["D"] * 6


def test_where_both_changed_theirs_is_taken_too(kelly, edited):
    with Catalogue.open(edited) as catalogue:
        first = next(iter(catalogue.samples())).sample_id
        history.edit(catalogue, [Edit(first, "key", Label("E"))], "me")
    kelly("conflicts", "d", "--take", "theirs")
    assert keys(edited) == ["D"] * 6


def test_a_conflict_that_nobody_has_seen_is_not_decided(kelly, labelled):
    with Catalogue.open(labelled) as catalogue:
        views.resolve(catalogue, "ours", "me")
        one = next(iter(catalogue.samples())).sample_id
        path = catalogue.layout.annotation_path(one)
        history.edit(catalogue, [Edit(one, "key", Label("C"))], "me")
        views.write_views(catalogue)
        written = json.loads(path.read_bytes())
        history.edit(catalogue, [Edit(one, "key", Label("E"))], "me")
    written["annotations"]["key"] = "D"
    path.write_text(json.dumps(written))
    settled = kelly("conflicts", "d", "--take", "theirs")
    assert "0 decided for theirs" in settled.out
    assert "1 conflict left open" in settled.out
    assert "1 decided for theirs: key 1" in kelly("conflicts", "d", "--take", "theirs").out


@pytest.mark.parametrize("command", ["list", "stats"])
def test_what_waits_is_said(kelly, edited, command):
    assert "waiting for you: edits made outside Kelly and 1 conflict; kelly conflicts d" in kelly(command, "d").err
    kelly("conflicts", "d", "--take", "ours")
    kelly("conflicts", "d", "--take", "ours")
    assert "waiting" not in kelly(command, "d").err


def test_a_damaged_catalogue_is_said_once_on_stderr(kelly, labelled):
    (labelled / ".kelly" / "catalogue.sqlite").write_bytes(b"hello" * 999)
    first = kelly("list", "d", "--json")
    assert first.code == 0
    assert first.err.startswith("the catalogue was damaged; made anew from the views: ")
    assert first.out.count("\n") > 5
    assert "damaged" not in kelly("list", "d", "--json").err


@pytest.fixture
def large(labelled, monkeypatch) -> Path:
    """A dataset so large that a label leaves its manifest to the next stage."""
    monkeypatch.setattr(samples, "AT_ONCE", 0)
    return labelled


def in_manifest(root: Path, path: str) -> dict:
    rows = json.loads((root / "manifest.json").read_bytes())["samples"]
    return next(row["annotations"] for row in rows if row["file_path"] == path)


def one_of(kelly, root: Path) -> tuple[str, Path]:
    """The path of a sample, and its annotation file."""
    row = json.loads(kelly("list", "d", "emotion:happy", "--json").out.splitlines()[0])
    return row["file_path"], Layout(root).annotation_path(row["sample_id"])


def test_of_a_large_dataset_the_label_is_written_at_once_and_the_manifest_by_the_next_stage(kelly, large):
    path, file = one_of(kelly, large)
    assert kelly("label", "d", path, "emotion=tense").code == 0
    assert json.loads(file.read_bytes())["annotations"]["emotion"] == "tense"
    assert in_manifest(large, path)["emotion"] == "happy"
    assert kelly("undo", "d").code == 0
    assert json.loads(file.read_bytes())["annotations"]["emotion"] == "happy"
    assert kelly("redo", "d").code == 0
    assert kelly("split", "d").code == 0
    assert in_manifest(large, path)["emotion"] == "tense"


def test_of_a_large_dataset_a_label_waits_for_no_file_that_a_stage_left_due(kelly, large):
    path, file = one_of(kelly, large)
    with Catalogue.open(large) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET exported_rev = -1")
    for one in (large / "annotations").rglob("*.json"):
        one.unlink()
    assert kelly("label", "d", path, "emotion=tense").code == 0
    assert [*(large / "annotations").rglob("*.json")] == [file]
    assert kelly("split", "d").code == 0
    assert len([*(large / "annotations").rglob("*.json")]) > 1


def test_a_manifest_that_is_due_and_edited_outside_takes_no_label_back(kelly, large):
    path, _ = one_of(kelly, large)
    assert kelly("label", "d", path, "emotion=tense").code == 0
    manifest = large / "manifest.json"
    rows = json.loads(manifest.read_bytes())
    for row in rows["samples"]:
        row["annotations"]["tags"] = ["mine"]
    manifest.write_text(json.dumps(rows))
    assert kelly("split", "d").code == 0
    assert in_manifest(large, path) | {"emotion": "tense", "tags": ["mine"]} == in_manifest(large, path)
    assert kelly("conflicts", "d").out.startswith("no conflict")


def test_a_catalogue_lost_while_the_manifest_is_due_has_the_label_again(kelly, large):
    path, _ = one_of(kelly, large)
    assert kelly("label", "d", path, "emotion=tense").code == 0
    shutil.rmtree(large / ".kelly")
    assert json.loads(kelly("list", "d", "emotion:tense", "--json").out.splitlines()[0])["file_path"] == path


@pytest.mark.parametrize(("field", "value", "open"), [("tags", ["mine"], 0), ("emotion", "sad", 1)])
def test_an_annotation_file_that_was_edited_outside_is_taken_in_by_the_label(kelly, large, field, value, open):
    path, file = one_of(kelly, large)
    written = json.loads(file.read_bytes())
    written["annotations"][field] = value
    file.write_text(json.dumps(written))
    assert kelly("label", "d", path, "emotion=tense").code == 0
    said = json.loads(file.read_bytes())["annotations"]
    assert said["emotion"] == "tense"
    assert open or said["tags"] == ["mine"]
    assert len(kelly("conflicts", "d", "--json").json["open"]) == open
