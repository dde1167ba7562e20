"""Another dataset, ours or of the earlier pipeline, comes in with its labels, and itself stays as it was."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from export_samples import dataset, export, put, sample, tree

import kelly_tui
from kelly_tui.errors import DatasetError, StageError
from kelly_tui.export.datasets import is_other_dataset, opened
from kelly_tui.export.said import all_said
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.store.opinions import give_opinion
from kelly_tui.store.views import conflicts, read_back, write_views


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """Ids of eight digits, flat annotations, no hashes, nothing measured; one file is gone."""
    folder = tmp_path / "earlier"
    rows: list[dict[str, Any]] = []
    for n in range(10):
        name = f"{n:08x}"
        rows.append({"sample_id": name, "file_path": f"raw/midi/song {n}.mid", "file_type": "midi",
                     "duration_sec": 0.0, "split": "test" if n == 3 else "train",
                     "annotations": {"emotion": "sad", "valence": None}})  # fmt: skip
        put(folder / f"raw/midi/song {n}.mid", b"music %d" % n)
    put(folder / "annotations/00000001.json", b'{"emotion": "tense"}')
    (folder / "raw/midi/song 9.mid").unlink()
    rows[8]["file_path"] = "elsewhere/song 8.mid"
    put(folder / "elsewhere/song 8.mid", (folder / "raw/midi/song 8.mid").read_bytes())
    config = {"dataset_id": "earlier", "target_model": "emotionrecognizer", "license": "CC0-1.0"}
    put(folder / "config.json", json.dumps(config).encode())
    put(folder / "manifest.json", json.dumps({"config": config, "samples": rows}).encode())
    return folder


def new(folder: Path, **config: Any) -> Path:
    create_dataset_structure(folder, DatasetConfig(dataset_id="songs", created_at="2026", **config))
    return folder / "songs"


def _special(folder: Path) -> list[Path]:
    """A pipe, which nobody writes to; a device, where these can be made; what says it is four terabytes."""
    made = [folder / "raw/pipe.mid", folder / "raw/hole.wav"]
    os.mkfifo(made[0])
    with made[1].open("wb") as file:
        file.truncate(1 << 42)
    with suppress(PermissionError):
        os.mknod(folder / "raw/device.wav", stat.S_IFCHR | 0o600, os.makedev(1, 3))  # /dev/null
        made.append(folder / "raw/device.wav")
    return made


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_pipes_devices_and_holes_in_it_are_passed_over(earlier, tmp_path, monkeypatch, is_elsewhere):
    def elsewhere(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    if is_elsewhere:
        monkeypatch.setattr(os, "link", elsewhere)
    special = {path.relative_to(earlier) for path in _special(earlier)}
    music = {path.relative_to(earlier) for path in earlier.rglob("*.mid")} - special
    with opened(earlier, tmp_path / "room") as other:
        there = {path.relative_to(other.root) for path in other.root.rglob("*")}
        assert not special & there
        assert music <= there
        assert len(other) == 10


def test_what_may_not_be_read_is_named_in_one_line(earlier, tmp_path, monkeypatch):
    def closed(source: str, target: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", source)

    monkeypatch.setattr("kelly_tui.export.datasets._link", closed)
    with pytest.raises(DatasetError, match=r"can't be read \(.*Permission denied.*: .*earlier/") as caught:
        kelly_tui.import_files(new(tmp_path / "again"), [earlier])
    assert "\n" not in str(caught.value)


def test_its_labels_splits_and_ids_come_with_its_files(earlier, tmp_path):
    before, root = tree(earlier), new(tmp_path / "again")
    for done, skipped in ((9, 0), (0, 9)):
        outcome = kelly_tui.import_files(root, [earlier])
        assert (outcome.done, outcome.skipped) == (done, skipped)
        assert [name for name, _ in outcome.failures] == ["raw/midi/song 9.mid"]
    with Catalogue.open(root) as catalogue:
        found = {one.sample_id: one for one in catalogue.samples()}
        assert catalogue.config.license == "CC0-1.0"
    assert found["00000001"].value("emotion") == "tense"
    assert {one.value("emotion") for name, one in found.items() if name != "00000001"} == {"sad"}
    assert [name for name, one in found.items() if one.split == "test"] == ["00000003"]
    assert {(one.duration_sec, one.status) for one in found.values()} == {(None, "ok")}
    assert all((root / one.file_path).read_bytes() == b"music %d" % int(name) for name, one in found.items())
    assert found["00000008"].file_path == "raw/midi/elsewhere/song 8.mid"
    assert tree(earlier) == before
    assert not (root / ".kelly/earlier").exists()


def test_what_came_from_it_goes_out_and_back_equal(earlier, tmp_path):
    root, again = new(tmp_path / "one"), new(tmp_path / "two")
    kelly_tui.import_files(root, [earlier])
    export(root, tmp_path / "out", force=True)
    kelly_tui.import_files(again, [tmp_path / "out"])
    both = []
    for folder in (root, again):
        with Catalogue.open(folder) as catalogue:
            both.append(sorted(catalogue.samples(), key=lambda one: one.sample_id))
    assert both[0] == both[1] != []


def test_a_label_that_the_dataset_does_not_know_is_refused_by_name(earlier, tmp_path):
    root = new(tmp_path / "again", emotion_labels=["happy", "sad"])
    with Catalogue.open(root) as catalogue:  # not empty: its own labels stand
        put(root / "raw/midi/x.mid", b"music 300")
        catalogue.add([sample(300, file_path="raw/midi/x.mid", features_path=None)])
    outcome = kelly_tui.import_files(root, [earlier])
    assert [name for name, why in outcome.failures if "tense" in why] == ["raw/midi/song 1.mid", "conflicts.jsonl:1"]
    assert outcome.done == 8


def test_a_folder_of_music_with_another_manifest_is_music(tmp_path):
    put(tmp_path / "web/manifest.json", b'{"name": "an app"}')
    put(tmp_path / "web/raw/song.mid", b"music 1")
    assert not is_other_dataset(tmp_path / "web")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Songs with features; one is refused, one is set aside, one is in no split; there is an opinion."""
    songs = [sample(n, labels={"emotion": "sad"}) for n in range(12)]
    variant = sample(100, parent_id=songs[0].sample_id, root_id=songs[0].sample_id, augmentation={"transpose": 3})
    root = dataset(tmp_path / "one", [*songs, variant], license="CC0-1.0")
    late = sample(12, labels={"emotion": Label("tense", "human", "ann", unsure=True)})
    put(root / late.file_path, b"music 12")
    put(root / str(late.features_path), b"{}")
    with Catalogue.open(root) as catalogue:
        catalogue.add([late])
        catalogue.put_features([FeatureRow(songs[1].sample_id, "key", songs[1].features_path, 3.0, [0.5] * 117, {})])
        with catalogue.writing() as db:
            db.execute("UPDATE samples SET rejected = 1 WHERE sample_id = ?", (variant.sample_id,))
            db.execute("UPDATE samples SET status = 'silent' WHERE sample_id = ?", (songs[2].sample_id,))
        give_opinion(catalogue, songs[3].sample_id, {"emotion": "happy"}, "Bo")
    return root


def test_one_of_ours_comes_whole(ours: Path, tmp_path: Path) -> None:
    again = new(tmp_path / "again")
    outcome = kelly_tui.import_files(again, [ours])
    assert (outcome.done, outcome.failures) == (14, [])
    found = []
    for root in (ours, again):
        with Catalogue.open(root) as catalogue:
            features = catalogue.db.execute("SELECT key, vector, columns FROM features").fetchall()
            # what was said blind comes after the sample, as a revision of its own
            samples = [msgspec.structs.replace(one, rev=0) for one in catalogue.samples()]
            found.append((samples, features, all_said(catalogue), catalogue.config.license))
    assert found[0] == found[1]
    assert sum(map(len, found[0][2].values())) == 1
    anew = kelly_tui.import_files(again, [ours])
    assert (anew.skipped, anew.details) == (14, {})
    assert "not taken" not in anew.words


def _say(root: Path, number: int, **said: Any) -> None:
    """As a person does; a state is said as a value, a label with who gives it."""
    edits = [
        Edit(sample(number).sample_id, name, value if isinstance(value, Label) else Label(value))
        for name, value in said.items()
    ]
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, edits, "bo")


@pytest.mark.parametrize("is_exported", [False, True])
def test_what_people_said_there_of_samples_that_are_here_is_counted(
    ours: Path, tmp_path: Path, is_exported: bool
) -> None:
    again = new(tmp_path / "again")
    kelly_tui.import_files(again, [ours])
    _say(again, 4, emotion=Label("happy", "human", "ann"))
    for number, emotion in ((3, "tense"), (4, "tense"), (5, "sad")):  # of a folder here, a person's, the same
        _say(ours, number, emotion=Label(emotion, "human", "bo"))
    _say(ours, 5, notes=Label("lacking here", "human", "bo"))
    _say(ours, 6, decision="flagged")
    for root, number in ((again, 7), (ours, 8), (again, 8)):  # of here alone, the same in both
        _say(root, number, emotion=Label("angry", "human", "ann"), decision="labelled")
    with Catalogue.open(ours) as catalogue:
        write_views(catalogue)
    there = ours
    if is_exported:
        export(ours, there := tmp_path / "out", force=True)
    outcome = kelly_tui.import_files(again, [there])
    assert outcome.details == {"said_otherwise": 4}
    assert "4 samples that are here already have labels or decisions of people there, which are not" in outcome.words

    shutil.copytree(ours / "annotations", again / "annotations", dirs_exist_ok=True)
    with Catalogue.open(again) as catalogue:
        read_back(catalogue)
        assert [one.field for one in conflicts(catalogue)] == ["emotion"]  # what was said
    assert kelly_tui.import_files(again, [there]).details == {"said_otherwise": 1}


def test_a_dataset_is_not_imported_into_itself(ours: Path) -> None:
    with pytest.raises(StageError, match="the dataset itself"):
        kelly_tui.import_files(ours, [ours])
