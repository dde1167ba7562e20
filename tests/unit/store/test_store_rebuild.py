import hashlib
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store_files import midi, put, tree
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, readback
from kelly_tui.store.annotation_file import read_versions
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.importer import import_files
from kelly_tui.store.labelling import annotate
from kelly_tui.store.rows import read_row
from kelly_tui.store.splits import split_samples, verify_splits
from kelly_tui.store.views import export_annotations, last_rebuild, read_back, write_views
from kelly_tui.validate.splits import check_lists


def lose_catalogue(root: Path) -> None:
    for path in (root / ".kelly").glob("catalogue.sqlite*"):
        path.unlink()


@pytest.fixture
def dataset(tmp_path) -> Path:
    """Imported files, labels of every source, variants, splits, all views written."""
    for number in range(6):
        put(tmp_path / "in" / ("happy", "sad")[number % 2] / f"{number}.mid", midi(number))
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        import_files(catalogue, [tmp_path / "in"])
        annotate(catalogue)
        first, second, third, *_ = list(catalogue.samples())
        history.edit(catalogue, [Edit(first.sample_id, "emotion", Label("tense", unsure=True))], "ann")
        history.edit(catalogue, [Edit(second.sample_id, "decision", Label("flagged"))], "ann")
        history.edit(catalogue, [Edit(third.sample_id, "refused", Label(["emotion:sad", "valence"]))], "ann")
        data = midi(77)
        put(catalogue.root / "processed/augmented/midi/v.mid", data)
        catalogue.add(
            [sample(1, file_path="processed/augmented/midi/v.mid", sha256=hashlib.sha256(data).hexdigest(),
                    file_size_bytes=len(data), parent_id=first.sample_id, root_id=first.sample_id,
                    augmentation={"transpose": 2}, augmentation_type="transpose", extra={"mine": 1})]
        )  # fmt: skip
        catalogue.put_labels({id_of(1): {"emotion": Label("tense", "inherited", "transpose", confidence=0.5)}})
        split_samples(catalogue)
        write_views(catalogue)
        return catalogue.root


def everything(root: Path) -> list:
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples())


def test_a_lost_catalogue_comes_back_whole_with_every_provenance(dataset):
    before = everything(dataset)
    files = tree(dataset)
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        assert list(catalogue.samples()) == before
        found = last_rebuild(catalogue)
        assert found.samples == len(before) == 7
        assert found.findings == []
        assert verify_splits(catalogue).crossings == []
        write_views(catalogue)
    after = tree(dataset)
    assert {path for path in files if files[path] != after[path]} == {"manifest.json"}, "its revision begins anew"


@pytest.mark.parametrize("where", ["rebuild._note_strays", "rebuild.Adoption.finish"])
def test_a_rebuild_that_was_killed_begins_again(dataset, monkeypatch, where):
    before, indexes = everything(dataset), indexes_of(dataset)
    lose_catalogue(dataset)
    with monkeypatch.context() as patched:
        patched.setattr(f"kelly_tui.store.{where}", _killed)
        with pytest.raises(KeyboardInterrupt):
            Catalogue.open(dataset)
    assert everything(dataset) == before
    assert indexes_of(dataset) == indexes
    assert "samples_short" in indexes


def indexes_of(root: Path) -> set[str]:
    with closing(sqlite3.connect(root / ".kelly/catalogue.sqlite")) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}


def _killed(*_):
    raise KeyboardInterrupt


def test_a_lost_manifest_too(dataset):
    before = everything(dataset)
    lose_catalogue(dataset)
    (dataset / "manifest.json").unlink()
    for path in (dataset / "splits").glob("*.txt"):  # as editors of Windows save
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = {one.sample_id: one for one in everything(dataset)}
    for old in before[:6]:
        new = after[old.sample_id]
        assert (new.labels, new.split, new.source, new.sha256) == (old.labels, old.split, old.source, old.sha256)
    with Catalogue.open(dataset) as catalogue:
        findings = " ".join(last_rebuild(catalogue).findings)
        assert "no manifest.json" in findings
        assert "processed/augmented" in findings
        assert f"{id_of(1)}.json: there is no such sample" in findings


@pytest.mark.parametrize("nonsense", [b"", b"{}", b'{"samples": [', b'{"samples": {}}'])
def test_a_broken_manifest_is_kept(dataset, nonsense):
    lose_catalogue(dataset)
    (dataset / "manifest.json").write_bytes(nonsense)
    assert len(everything(dataset)) == 6
    assert nonsense in [path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir()]
    with Catalogue.open(dataset) as catalogue:
        write_views(catalogue)
    assert len(json.loads((dataset / "manifest.json").read_bytes())["samples"]) == 6


HALF, DEEP = "caf\udce9", "@deep@"
"""As Python's json writes a name that is no UTF-8; and what stands for brackets within brackets."""


def write_as_python(path: Path, data: object) -> bytes:
    text = json.dumps(data, indent=1).replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000)
    path.write_text(text)
    return text.encode()


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("updated_at", 5, "updated_at is 5: left out"),
        ("created_at", float("nan"), "created_at is NaN: left out"),
        ("updated_at", HALF, '"caf\\udce9" has half of a letter, read as \ufffd'),
        ("created_at", DEEP, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ is nested too deep: left out"),
        ("config", "zz", 'config is "zz": left out'),
        ("config", float("inf"), "config is Infinity: left out"),
        ("stats", [HALF], '"caf\\udce9" has half of a letter, read as \ufffd'),
        ("conflicts", "zz", "its conflicts are no list: left out"),
        ("opinions", {}, "its opinions are no list: left out"),
        ("blind_listening", DEEP, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ is nested too deep: left out"),
        ("kelly", 5, "kelly is 5: left out"),
    ],
)
def test_one_bad_value_of_the_manifest_costs_that_value(dataset, name, said, words):
    before = everything(dataset)
    lose_catalogue(dataset)
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    written = write_as_python(dataset / "manifest.json", {**manifest, name: said})
    assert everything(dataset) == before, "parents, seeds, splits, sources, times too"
    with Catalogue.open(dataset) as catalogue:
        assert f"manifest.json: {words}; the file is kept in .kelly/set-aside" in last_rebuild(catalogue).findings
        write_views(catalogue)
    assert written in [path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir()]
    assert json.loads((dataset / "manifest.json").read_bytes())["samples"] == manifest["samples"]


@pytest.mark.parametrize("by_line", [True, False])
@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"source": HALF}, {"source": "caf\ufffd"}),
        ({"source": DEEP}, {"source": None}),
        ({"created_at": DEEP}, {"created_at": ""}),
        ({"split": HALF}, {"split": None}),
        ({"duration_sec": DEEP, "mine": HALF}, {}),
        ({"said_by": {"emotion": {"by": HALF, "at": "2026"}, "key": {"by": DEEP}}}, {}),
        ({"annotations": {"emotion": HALF, "key": DEEP}}, {}),
    ],
)
def test_one_bad_value_of_a_row_costs_that_value(dataset, change, lost, by_line):
    before = {one.sample_id: one for one in everything(dataset)}
    lose_catalogue(dataset)
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_bytes())
    row = next(row for row in manifest["samples"] if row["sample_id"] == id_of(1))
    if by_line:
        old, new = (json.dumps(one, separators=(",", ":")) for one in (row, row | change))
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new.replace(f'"{DEEP}"', "[" * 100_000 + "]" * 100_000)))
    else:
        row |= change
        write_as_python(path, manifest)
    after = {one.sample_id: one for one in everything(dataset)}
    found, was = after.pop(id_of(1)), before.pop(id_of(1))
    assert after == before
    for name in ("parent_id", "root_id", "sha256", "augmentation", "split", "labels", "created_at", "source"):
        assert getattr(found, name) == {name: getattr(was, name), **lost}[name], name
    with Catalogue.open(dataset) as catalogue:
        assert last_rebuild(catalogue).findings
        write_views(catalogue)
    path.read_bytes().decode("utf-8")


def test_a_row_that_may_name_another_file_is_kept_and_not_read(dataset):
    before = everything(dataset)
    lose_catalogue(dataset)
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_bytes())
    first, second = manifest["samples"][:2]
    put(dataset / "raw/midi/caf\ufffd.mid", midi(99))
    first["file_path"], second["sample_id"] = f"raw/midi/{HALF}.mid", HALF
    write_as_python(path, manifest)
    after = {one.file_path: one for one in everything(dataset)}
    assert len(after) == len(before) + 1
    for one in before[:2]:
        assert (after[one.file_path].sample_id, after[one.file_path].created_at) == (one.sample_id, ""), "of its file"
    assert after["raw/midi/caf\ufffd.mid"].sample_id == hashlib.sha256(midi(99)).hexdigest()[:16]
    with Catalogue.open(dataset) as catalogue:
        said = " ".join(last_rebuild(catalogue).findings)
    assert said.count("a row of the manifest can't be read") == 2
    assert r"raw/midi/caf\udce9.mid" in said


def test_a_broken_annotation_file(dataset):
    lose_catalogue(dataset)
    path = next((dataset / "annotations").rglob("*.json"))
    path.write_bytes(b"{")
    with Catalogue.open(dataset) as catalogue:
        rebuilt = catalogue.get(path.stem)
        assert rebuilt.value("emotion") in ("happy", "sad", "tense"), "the manifest has it too"
        rebuilding = last_rebuild(catalogue)
        assert any(path.name in finding for finding in rebuilding.findings)
        assert rebuilding.words().endswith(". 1 remark on the views: kelly validate.")
        write_views(catalogue)
    assert json.loads(path.read_bytes())["annotations"] == rebuilt.annotations


@pytest.mark.parametrize(("in_file", "taken"), [(True, 1.0), (1, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_what_the_annotation_file_says_counts_where_the_manifest_says_nearly_the_same(dataset, in_file, taken):
    lose_catalogue(dataset)
    path = next((dataset / "annotations").rglob("*.json"))
    file, manifest = json.loads(path.read_bytes()), json.loads((dataset / "manifest.json").read_bytes())
    file["annotations"]["quality_score"] = in_file
    path.write_text(json.dumps(file))
    for row in manifest["samples"]:
        if row["sample_id"] == path.stem:
            row["annotations"]["quality_score"] = 1
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with Catalogue.open(dataset) as catalogue:
        rebuilt = catalogue.get(path.stem)
        assert rebuilt.value("quality_score") == taken
        assert rebuilt.rev == file["rev"]
        assert len(rebuilt.labels) == len(file["annotations"])


def write_as_before(path: Path) -> None:
    """As versions wrote a manifest that did not say who gave a label."""
    data = re.sub(rb',"said_by":{"emotion":{[^}]*}}', b"", path.read_bytes())
    data = re.sub(rb'"mark":"[^"]*",', b"", data)
    assert b"said_by" not in data
    assert b'"mark"' not in data
    path.write_bytes(data)


@pytest.mark.parametrize("says_who", [True, False])
@pytest.mark.parametrize("spoilt", [None, b"", b"{", b"<<<<<<< ours\n{\n=======\n}\n>>>>>>> theirs\n"])
def test_where_one_annotation_file_is_lost_a_persons_label_stays_a_persons(dataset, spoilt, says_who):
    before = {one.sample_id: one for one in everything(dataset)}
    tense = next(one.sample_id for one in before.values() if one.labels["emotion"].by == "ann")
    for sample_id in before:
        path = dataset / "annotations" / sample_id[:2] / f"{sample_id}.json"
        path.unlink() if spoilt is None else path.write_bytes(spoilt)
    if not says_who:
        write_as_before(dataset / "manifest.json")
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        annotate(catalogue)
        after = {one.sample_id: one for one in catalogue.samples()}
        told = "2 samples: who labelled is told nowhere" in " ".join(last_rebuild(catalogue).findings)
    assert told is not says_who
    assert after[tense].labels["emotion"] == (
        before[tense].labels["emotion"] if says_who else Label("tense", by="manifest.json")
    )
    assert after[id_of(1)].labels["emotion"].source == "inherited", "its parent says the same"
    pending = [one for one in after.values() if one.decision == "pending" and one.origin == "imported"]
    assert [one.labels["emotion"].source for one in pending] == ["folder"] * 4, (
        "theirs say the same, and nobody decided"
    )


@pytest.mark.parametrize("says_who", [True, False])
def test_what_the_manifest_says_otherwise_than_the_folder_is_asked_about(dataset, says_who):
    if not says_who:
        write_as_before(dataset / "manifest.json")
    shutil.rmtree(dataset / "annotations")
    lose_catalogue(dataset)
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    rows = [row for row in manifest["samples"] if row["decision"] == "pending" and row["source"]]
    rows[0]["annotations"]["emotion"] = "peaceful"
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with Catalogue.open(dataset) as catalogue:
        annotate(catalogue)
        label = catalogue.get(rows[0]["sample_id"]).labels["emotion"]
        assert label == Label("peaceful", "folder" if says_who else "human", "manifest.json")
        asked = [(one.sample_id, one.ours.value, one.theirs.source) for one in conflicts(catalogue)]
        assert asked == [(rows[0]["sample_id"], "peaceful", "folder")]


def test_a_list_that_says_otherwise_than_the_manifest_is_an_error_until_it_is_mended(dataset):
    train, test = (dataset / f"splits/{split}.txt" for split in ("train", "test"))
    good, tested = train.read_text(), test.read_text().splitlines()[0]
    train.write_text(good + tested + "\n")  # as git's union merge would
    lose_catalogue(dataset)
    for _ in range(2):
        with Catalogue.open(dataset) as catalogue:
            assert [(one.severity, one.code) for one in check_lists(catalogue)] == [("error", "split-list")]
    with Catalogue.open(dataset) as catalogue:
        assert "splits/train.txt lists other samples" in " ".join(last_rebuild(catalogue).findings)
        assert catalogue.get(tested).split == "test"
        (said,) = split_samples(catalogue).lists_kept
        assert said.startswith("splits/train.txt was edited outside")
        assert (dataset / said.rpartition(" ")[2]).read_text() == good + tested + "\n"
        assert list(check_lists(catalogue)) == []
    assert train.read_text() == good


def test_a_list_that_was_mended_by_hand_is_in_order(dataset):
    test = dataset / "splits/test.txt"
    good = test.read_bytes()
    test.write_bytes(b"")
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        assert len(list(check_lists(catalogue))) == 1
        test.write_bytes(good)
        assert list(check_lists(catalogue)) == []


def typed_into_manifest(root: Path, sample_id: str, annotations: dict, **fields) -> None:
    manifest = json.loads((root / "manifest.json").read_bytes())
    for row in manifest["samples"]:
        if row["sample_id"] == sample_id:
            row["annotations"].update(annotations)
            row.update(fields)
    (root / "manifest.json").write_text(json.dumps(manifest))


def test_what_was_typed_into_the_manifest_is_taken_or_asked_about_without_a_catalogue_too(dataset):
    tense = next(one.sample_id for one in everything(dataset) if one.labels["emotion"].by == "ann")
    typed_into_manifest(
        dataset, tense, {"arousal": 0.9, "notes": "my ear says tense", "emotion": "sad"}, skip_reason="too short"
    )
    written = (dataset / "manifest.json").read_bytes()
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        sample = catalogue.get(tense)
        assert sample.labels["arousal"] == Label(0.9, by="outside", at=last_rebuild(catalogue).at)
        assert (sample.value("notes"), sample.value("emotion"), sample.skip_reason) == (
            "my ear says tense", "tense", None,
        ), "what was decided of a sample its own file tells"  # fmt: skip
        asked = [(one.field, one.ours.value, one.theirs.value, one.origin) for one in conflicts(catalogue)]
        assert asked == [("emotion", "tense", "sad", "manifest.json")]
        write_views(catalogue)
    assert written in [path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir()]
    file = json.loads((dataset / f"annotations/{tense[:2]}/{tense}.json").read_bytes())
    assert file["annotations"]["notes"] == "my ear says tense"


def test_what_is_typed_over_a_label_that_is_later_than_its_step_is_asked_about(dataset, monkeypatch):
    typed = everything(dataset)[3].sample_id
    path = dataset / f"annotations/{typed[:2]}/{typed}.json"
    said = json.loads(path.read_bytes())
    said["annotations"]["tempo_bpm"] = 101.0
    path.write_text(json.dumps(said))
    monkeypatch.setattr(readback, "utc_now", lambda: "2999-01-01T00:00:00.001Z")  # the file's step was a moment before
    with Catalogue.open(dataset) as catalogue:
        assert (typed, "tempo_bpm") in read_back(catalogue).taken
        write_views(catalogue)
    typed_into_manifest(dataset, typed, {"tempo_bpm": 102.0})
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        assert catalogue.get(typed).value("tempo_bpm") == 101.0
        assert [(one.field, one.theirs.value) for one in conflicts(catalogue)] == [("tempo_bpm", 102.0)]


def test_a_manifest_of_before_brings_back_nothing_that_was_cleared_or_changed_since(dataset):
    first, second, *_ = everything(dataset)
    with Catalogue.open(dataset) as catalogue:
        history.edit(catalogue, [Edit(first.sample_id, "notes", Label("before"))], "ann")
        write_views(catalogue)
        cleared = [Edit(first.sample_id, "notes", None), Edit(first.sample_id, "refused", Label(["notes"]))]
        history.edit(catalogue, cleared, "ann")
        history.edit(catalogue, [Edit(second.sample_id, "emotion", Label("angry"))], "ann")
        export_annotations(catalogue)
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        assert catalogue.get(first.sample_id).value("notes") is None
        assert catalogue.get(second.sample_id).labels["emotion"].by == "ann"
        assert conflicts(catalogue) == []
        assert "other in manifest.json than in annotations/" in " ".join(last_rebuild(catalogue).findings)
    assert any(b'"before"' in path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir())


@pytest.mark.parametrize("first_said", [None, "calm"])
def test_a_label_undone_after_the_manifest_does_not_come_back(dataset, monkeypatch, first_said):
    ids = [one.sample_id for one in everything(dataset)]
    monkeypatch.setattr(history, "utc_now", lambda: "2999-01-01T00:00:00.000Z")  # all in the same millisecond
    with Catalogue.open(dataset) as catalogue:
        if first_said:
            history.edit(catalogue, [Edit(ids[3], "notes", Label(first_said))], "ann")
        history.edit(catalogue, [Edit(ids[3], "notes", Label("a slip"))], "ann")
        write_views(catalogue)
        history.undo(catalogue, "ann")
        export_annotations(catalogue)
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        assert catalogue.get(ids[3]).value("notes") == first_said
        assert conflicts(catalogue) == []
    assert any(b'"a slip"' in path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir())


@pytest.mark.parametrize("lost", [True, False])
def test_an_annotation_file_that_was_copied_from_another_sample_is_set_aside_and_named(dataset, lost):
    first, second, *_ = everything(dataset)
    here, there = (dataset / f"annotations/{one.sample_id[:2]}/{one.sample_id}.json" for one in (first, second))
    shutil.copyfile(here, there)
    if lost:
        lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        said = [*last_rebuild(catalogue).findings] if lost else read_back(catalogue).lines
        assert any(f"{second.sample_id}.json: it says that it is of {first.sample_id}" in line for line in said)
        assert catalogue.get(second.sample_id).annotations == second.annotations
        write_views(catalogue)
    assert json.loads(there.read_bytes())["sample_id"] == second.sample_id
    assert here.read_bytes() in [path.read_bytes() for path in (dataset / ".kelly/set-aside").iterdir()]


@pytest.mark.parametrize("has_manifest", [True, False])
def test_one_value_that_is_no_number_costs_that_value_of_its_file(dataset, has_manifest):
    before = {one.sample_id: one for one in everything(dataset)}
    path = next(
        path for path in (dataset / "annotations").rglob("*.json") if before[path.stem].labels["emotion"].by == "ann"
    )
    file = json.loads(path.read_bytes())
    file["annotations"]["valence"] = float("nan")
    path.write_text(json.dumps(file))
    if not has_manifest:
        (dataset / "manifest.json").unlink()
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        found = catalogue.get(path.stem)
        assert (found.labels, found.decision) == (before[path.stem].labels, before[path.stem].decision)
        assert last_rebuild(catalogue).findings[-1 if has_manifest else 1] == (
            f"{path.name}: NaN is no valence. Wanted: a number -1..1; the file is kept in .kelly/set-aside"
        )
    assert path.read_bytes() in [kept.read_bytes() for kept in (dataset / ".kelly/set-aside").iterdir()]


def test_how_sure_a_stage_was_may_be_no_number(dataset):
    lose_catalogue(dataset)
    path = dataset / "annotations" / id_of(1)[:2] / f"{id_of(1)}.json"
    text = path.read_text()
    path.write_text(text.replace('"confidence": 0.5', '"confidence": NaN'))
    assert path.read_text() != text
    with Catalogue.open(dataset) as catalogue:
        label = catalogue.get(id_of(1)).labels["emotion"]
    assert (label.source, label.by, label.confidence) == ("inherited", "transpose", None), "it is no person's"


@pytest.mark.parametrize("source", ["NaN", "1e999", "5"])
def test_of_a_source_that_is_no_word_nothing_else_is_believed(source):
    said = f'{{"annotations": {{"mode": "minor"}}, "provenance": {{"mode": {{"by": "kelly 6", "source": {source}}}}}}}'
    (read,) = read_versions(said.encode(), id_of(1))
    assert (read.values, read.provenance) == ({"mode": "minor"}, {})


@pytest.mark.parametrize("said", ["NaN", "1e999"])
def test_a_setting_that_is_no_number_is_as_by_default_and_named(said, dataset):
    lose_catalogue(dataset)
    (dataset / "config.json").unlink()
    text = (dataset / "manifest.json").read_text()
    (dataset / "manifest.json").write_text(text.replace('"min_duration_sec":1.0', f'"min_duration_sec":{said}', 1))
    with Catalogue.open(dataset) as catalogue:
        assert (catalogue.config.min_duration_sec, catalogue.config.group_by) == (1.0, "prefix")
        assert last_rebuild(catalogue).findings == [
            f"manifest.json: min_duration_sec is {said}; in config.json it is as by default, 1.0"
        ]
    assert json.loads((dataset / "config.json").read_bytes())["min_duration_sec"] == 1.0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('"group_by":NaN,"dataset_id":NaN', "dataset_id is NaN; in config.json it is as by default, songs"),
        ('"group_by":NaN,"mine":NaN', "mine is NaN; left out of config.json"),
    ],
)
def test_a_name_or_a_strangers_setting_that_is_no_number_is_named(said, words, dataset):
    lose_catalogue(dataset)
    (dataset / "config.json").unlink()
    text = (dataset / "manifest.json").read_text()
    (dataset / "manifest.json").write_text(re.sub('"group_by":"[a-z]*"', said, text, count=1))
    with Catalogue.open(dataset) as catalogue:
        assert f"manifest.json: {words}" in last_rebuild(catalogue).findings
    assert "no number" not in (dataset / "config.json").read_text()


def test_labels_of_which_one_is_no_number_are_named_where_they_stand(dataset):
    lose_catalogue(dataset)
    (dataset / "config.json").unlink()
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    manifest["config"]["emotion_labels"] = [float("nan"), "happy"]
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"^the config in manifest\.json: .*emotion_labels"):
        Catalogue.open(dataset)


def test_a_setting_that_fits_no_other_by_default_is_named_as_it_was_written(dataset):
    lose_catalogue(dataset)
    (dataset / "config.json").unlink()
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    manifest["config"] |= {"train_ratio": float("nan"), "val_ratio": 0.3, "test_ratio": 0.2}
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"^train_ratio is NaN in manifest\.json, and by default the split ratios"):
        Catalogue.open(dataset)


@pytest.mark.parametrize("has_manifest", [True, False])
@pytest.mark.parametrize(
    ("written", "tags", "words"),
    [
        (r'["caf\udce9"]', ["caf\ufffd"], '"caf\\udce9" has half of a letter, read as \ufffd'),
        ("[" * 25 + "]" * 25, None, "is no tags. Wanted: text"),
        ("[" * 100_000 + "]" * 100_000, None, "[[[[[[[[ is nested too deep: left out"),
    ],
)
def test_one_bad_value_of_an_annotation_file_costs_that_value(dataset, has_manifest, written, tags, words):
    before = {one.sample_id: one for one in everything(dataset)}
    path = next(
        path for path in (dataset / "annotations").rglob("*.json") if before[path.stem].labels["emotion"].by == "ann"
    )
    path.write_text(path.read_text().replace('"annotations": {', f'"annotations": {{"tags": {written}, ', 1))
    kept = path.read_bytes()
    if not has_manifest:
        (dataset / "manifest.json").unlink()
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        found = catalogue.get(path.stem)
        assert found.value("tags") == tags
        found.labels.pop("tags", None)
        assert (found.labels, found.decision) == (before[path.stem].labels, before[path.stem].decision)
        said = " ".join(last_rebuild(catalogue).findings)
        assert f"{path.name}: " in said
        assert f"{words}; the file is kept in .kelly/set-aside" in said
        write_views(catalogue)
    assert json.loads(path.read_bytes())["annotations"].get("tags") == tags
    assert kept in [one.read_bytes() for one in (dataset / ".kelly/set-aside").iterdir()]


# -- the earlier pipeline's -------------------------------------------------------------------------------------------


@pytest.fixture
def earlier(tmp_path) -> Path:
    """A dataset as the earlier pipeline wrote it: eight-digit ids, flat files, doubled rows, no .kelly."""
    root = tmp_path / "old"
    for number in range(4):
        put(root / f"raw/midi/{number}.mid", midi(number))
    put(root / "processed/augmented/0_aug.mid", midi(90))
    put(root / "processed/augmented/0_aug_aug.mid", midi(91))
    put(root / "annotations/aaaaaaa1.json", json.dumps({"annotations": {"key": "Eb minor", "tempo_bpm": 99}}).encode())

    def row(sample_id: str, path: str, **fields) -> dict:
        base = {"sample_id": sample_id, "file_path": path, "file_type": "midi", "annotations": {}, "split": None,
                "is_synthetic": False, "features_path": "", "parent_id": None, "augmentation_type": ""}  # fmt: skip
        return {**base, **fields}

    samples = [
        row("aaaaaaa0", "raw/midi/0.mid", split="train", annotations={
            "emotion": "happy", "arousal": 0.8, "key": "Db", "mode": "major", "tempo_bpm": 0, "chord_progression": [],
            "groove_type": "", "notes": "mine", "energy": 0.5, "valence": 3, "is_verified": False,
            "dominance": float("nan"), "tags": float("nan"),
        }),
        row("aaaaaaa1", str(root / "raw/midi/1.mid"), annotations={"emotion": "blue"}),
        row("aaaaaaa2", "datasets/old/raw/midi/2.mid", weird={"a": [1]}, duration_sec="long"),
        row("aaaaaaa3", "raw/midi/2.mid", annotations={"emotion": "sad"}),
        row("aaaaaaa4", "../../etc/passwd"),
        row("aaaaaaa5", ""),
        row("aaaaaaa6", "raw/synthetic/none.mid", is_synthetic=True, annotations={"emotion": "sad"}),
        row("aaaaaaa8", "processed/augmented/0_aug_aug.mid", is_synthetic=True, parent_id="aaaaaaa7"),
        row("aaaaaaa7", "processed/augmented/0_aug.mid", is_synthetic=True, parent_id="aaaaaaa0",
            annotations={"emotion": "happy"}),
        row("../../../x", "raw/midi/3.mid"),
        row("aaaaaaa0", "raw/midi/3.mid"),
        "no object",
    ]  # fmt: skip
    manifest = {
        "config": {"dataset_id": "old", "target_model": "MelodyTransformer", "mystery": 7},
        "created_at": "2024-01-01T00:00:00",
        "updated_at": "2024-01-02T00:00:00",
        "samples": samples,
        "stats": {"total": 12},
    }
    put(root / "manifest.json", json.dumps(manifest).encode())
    return root


def test_a_dataset_of_the_earlier_pipeline_opens(earlier):
    written = (earlier / "manifest.json").read_bytes()
    with Catalogue.open(earlier) as catalogue:
        rows = {one.sample_id: one for one in catalogue.samples()}
        findings = " ".join(last_rebuild(catalogue).findings)

        first = rows["aaaaaaa0"]
        assert first.annotations == {
            "emotion": "happy", "arousal": 0.8, "key": "C#", "mode": "major", "notes": "mine", "is_verified": False,
        }  # fmt: skip
        assert first.labels["emotion"].source == "human", "so that no stage overwrites it"
        assert first.extra["other_annotations"] == {
            "tempo_bpm": 0, "energy": 0.5, "valence": 3,
            "dominance": "NaN", "tags": "NaN",
        }, "one value that JSON has not costs no other"  # fmt: skip
        assert first.split == "train"
        assert first.sha256 == hashlib.sha256(midi(0)).hexdigest()
        assert (first.augmentation_type, first.features_path) == (None, None)

        assert rows["aaaaaaa1"].file_path == "raw/midi/1.mid", "absolute paths are made relative"
        assert rows["aaaaaaa1"].annotations == {
            "key": "D#", "mode": "minor", "tempo_bpm": 99.0,
        }, "flat annotation files are read"  # fmt: skip
        assert rows["aaaaaaa1"].extra["other_annotations"] == {"emotion": "blue"}
        assert rows["aaaaaaa2"].file_path == "raw/midi/2.mid", "and so are those from where it ran"
        assert rows["aaaaaaa2"].extra == {"weird": {"a": [1]}, "not_read": {"duration_sec": "long"}}
        assert rows["aaaaaaa4"].extra["not_read"] == {"file_path": "../../etc/passwd"}
        assert rows["aaaaaaa4"].file_path == "raw/midi/aaaaaaa4"
        for gone in ("aaaaaaa4", "aaaaaaa5", "aaaaaaa6"):
            assert rows[gone].status == "the file is gone"
        assert rows["aaaaaaa6"].origin == "generated"
        assert (rows["aaaaaaa7"].origin, rows["aaaaaaa7"].root_id) == ("augmented", "aaaaaaa0")
        assert rows["aaaaaaa7"].labels["emotion"].source == "inherited"
        assert rows["aaaaaaa8"].root_id == "aaaaaaa0", "a variant of a variant has the first one's root"
        assert rows[hashlib.sha256(midi(3)).hexdigest()[:16]].file_path == "raw/midi/3.mid"
        assert "aaaaaaa3" not in rows
        assert "two rows have the file_path raw/midi/2.mid" in findings
        assert "two rows have the sample_id aaaaaaa0" in findings
        assert catalogue.config.target_model == "melodytransformer"
        assert (catalogue.root / "config.json").exists()

        kept = [path.read_bytes() for path in (earlier / ".kelly/set-aside").iterdir()]
        assert written in kept, "the manifest as it was"
        assert any(b'"aaaaaaa3"' in data and b'"no object"' in data for data in kept)

        write_views(catalogue)
        manifest = json.loads((earlier / "manifest.json").read_bytes())
        assert manifest["created_at"] == "2024-01-01T00:00:00"
        assert manifest["config"]["mystery"] == 7
        again = {row["sample_id"]: row for row in manifest["samples"]}
        assert again["aaaaaaa2"]["weird"] == {"a": [1]}
        assert again["aaaaaaa0"]["other_annotations"]["energy"] == 0.5
        before = list(catalogue.samples())
    lose_catalogue(earlier)
    assert everything(earlier) == before, "and opens again the same"


def test_importing_the_same_files_into_an_old_dataset_finds_them(earlier, tmp_path):
    with Catalogue.open(earlier) as catalogue:
        count = len(catalogue)
        outcome = import_files(catalogue, [put(tmp_path / "in/again.mid", midi(0))])
        assert outcome.duplicates == [("again.mid", "raw/midi/0.mid")]
        assert len(catalogue) == count


def test_variants_in_a_circle_are_none(earlier):
    data = json.loads((earlier / "manifest.json").read_bytes())
    for number, child in enumerate("abc"):
        put(earlier / f"raw/midi/{child}.mid", midi(60 + number))
        parent = "abc"[number - 1]
        data["samples"].append(
            {"sample_id": f"circle_{child}", "file_path": f"raw/midi/{child}.mid", "parent_id": f"circle_{parent}"}
        )
    (earlier / "manifest.json").write_text(json.dumps(data))
    with Catalogue.open(earlier) as catalogue:
        assert catalogue.get("circle_a").parent_id is None
        assert catalogue.get("aaaaaaa8").root_id == "aaaaaaa0"


def test_a_file_that_was_gone_is_in_order_when_it_is_back(earlier):
    with Catalogue.open(earlier) as catalogue:
        assert catalogue.get("aaaaaaa6").status == "the file is gone"
        write_views(catalogue)
    lose_catalogue(earlier)
    put(earlier / "raw/synthetic/none.mid", midi(70))
    with Catalogue.open(earlier) as catalogue:
        assert catalogue.get("aaaaaaa6").status == "ok"
        import_files(catalogue, [])
        assert catalogue.get("aaaaaaa4").status == "the file is gone", "import lets go of what was too short only"


def test_a_link_out_of_the_dataset_is_no_file(earlier, tmp_path):
    shutil.copy(earlier / "raw/midi/0.mid", tmp_path / "outside.mid")
    (earlier / "raw/midi/0.mid").unlink()
    (earlier / "raw/midi/0.mid").symlink_to(tmp_path / "outside.mid")
    with Catalogue.open(earlier) as catalogue:
        assert catalogue.get("aaaaaaa0").status == "the file is gone"


def test_a_flat_annotation_file_does_not_follow_its_shards_link_out(earlier, tmp_path):
    shard, outside = earlier / "annotations/aa", tmp_path / "outside"
    outside.mkdir()
    shard.symlink_to(outside)
    with pytest.raises(DatasetError, match="leads out"):
        Catalogue.open(earlier)
    assert not any(outside.iterdir())
    shard.unlink()
    with Catalogue.open(earlier) as catalogue:
        assert catalogue.get("aaaaaaa1").value("tempo_bpm") == 99
        flat = earlier / "annotations/aaaaaaa2.json"
        flat.write_text('{"annotations": {"tempo_bpm": 98}}')
        shard.rename(tmp_path / "kept")
        shard.symlink_to(outside)
        with pytest.raises(DatasetError, match="leads out"):
            read_back(catalogue)
    assert not any(outside.iterdir())
    assert flat.exists()


@pytest.mark.parametrize("written", ["NaN", '"2"', "0.5", "[2]", "1e300", "1e999", "-25", "true", '["NaN"]'])
def test_a_change_that_cannot_be_is_named_and_all_else_of_its_row_stays(dataset, written):
    before = {one.sample_id: one for one in everything(dataset)}
    lose_catalogue(dataset)
    text = (dataset / "manifest.json").read_text()
    (dataset / "manifest.json").write_text(text.replace('{"transpose":2}', f'{{"transpose":{written},"seed":3}}'))
    with Catalogue.open(dataset) as catalogue:
        found, was = catalogue.get(id_of(1)), before[id_of(1)]
        assert found.augmentation == {"transpose": None, "seed": 3}
        assert (found.labels, found.parent_id, found.extra["mine"]) == (was.labels, was.parent_id, 1)
        (finding,) = last_rebuild(catalogue).findings
        assert finding.startswith(f"{was.file_path}: its transpose can't be {written}. Wanted: whole, -24..24; kept in")
        history.edit(catalogue, [Edit(was.parent_id, "key", Label("D")), Edit(was.parent_id, "mode", Label("minor"))],
                     "ann")  # fmt: skip
        assert catalogue.get(was.parent_id).value("key") == "D"
        assert catalogue.get(id_of(1)).annotations == {"emotion": "tense", "mode": "minor"}, "no key is computed"
        write_views(catalogue)
    assert "no number" not in (dataset / "manifest.json").read_text()
    lose_catalogue(dataset)
    with Catalogue.open(dataset) as catalogue:
        again = catalogue.get(id_of(1))
        assert (again.augmentation, again.extra) == (found.augmentation, found.extra)
        assert last_rebuild(catalogue).findings == []


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "1e999", "5", '"x"', "[]"])
def test_a_change_that_is_no_object_is_left_out_and_the_dataset_stays_whole(dataset, written):
    lose_catalogue(dataset)
    text = (dataset / "manifest.json").read_text()
    (dataset / "manifest.json").write_text(text.replace('{"transpose":2}', written))
    with Catalogue.open(dataset) as catalogue:
        found = catalogue.get(id_of(1))
        assert found.augmentation is None
        assert found.extra["not_read"]["augmentation"] == (written if written[0] in "N-1" else json.loads(written))
        assert any("augmentation" in finding for finding in last_rebuild(catalogue).findings)
        history.edit(catalogue, [Edit(id_of(1), "valence", Label(0.5))], "ann")
        assert catalogue.get(found.parent_id).labels
    assert {one.sample_id: one for one in everything(dataset)}[id_of(1)].value("valence") == 0.5


@pytest.mark.parametrize("part", ['"at":5', '"by":5', '"by":"' + "b" * 2000 + '"', '"unsure":1', '"at":{"a":[NaN]}'])
@pytest.mark.parametrize("alone", [True, False])
def test_whom_a_row_names_stays_a_person_by_whatever_part(dataset, part, alone):
    first = everything(dataset)[0]
    assert first.labels["emotion"].source == "human"
    lose_catalogue(dataset)
    shutil.rmtree(dataset / "annotations")
    path = dataset / "manifest.json"
    lines = path.read_text().splitlines()
    (number,) = [place for place, line in enumerate(lines) if f'{{"sample_id":"{first.sample_id}"' in line]
    row = json.loads(lines[number].rstrip(","))
    row["said_by"] = "<said>"
    others = "" if alone else ',"notes":{"by":"ann"}'
    written = json.dumps(row).replace('"<said>"', f'{{"emotion":{{{part}}}{others}}}')
    path.write_text("\n".join([*lines[:number], written + ",", *lines[number + 1 :]]))
    with Catalogue.open(dataset) as catalogue:
        assert any("who gave it can't be read: emotion" in one for one in last_rebuild(catalogue).findings)
        annotate(catalogue)
        label = catalogue.get(first.sample_id).labels["emotion"]
    assert (label.value, label.source) == ("tense", "human")


@pytest.mark.parametrize("name", ["generator", "rendered_with"])
@pytest.mark.parametrize("wrong", [[1], "x", 0, [{"kind": None}]], ids=str)
def test_how_a_sample_was_generated_is_believed_of_an_object_alone(name, wrong):
    row = {"sample_id": id_of(1), "file_path": "raw/synthetic/a.mid", "is_synthetic": True, name: wrong, "mine": 1}
    read = read_row(row, DatasetConfig(dataset_id="songs"))
    assert read.findings == [f"its {name} is no object"]
    assert read.sample.extra == {"mine": 1, "not_read": {name: wrong}}
    again = read_row({**row, **read.sample.extra, name: None}, DatasetConfig(dataset_id="songs"))
    assert (again.findings, again.sample.extra["not_read"]) == ([], {name: wrong})
    imported = read_row({**row, "is_synthetic": False}, DatasetConfig(dataset_id="songs"))
    assert (imported.findings, imported.sample.extra[name]) == ([], wrong), "a stranger's key"


def test_of_what_is_no_number_no_trace_is_kept(dataset):
    lose_catalogue(dataset)
    text = (dataset / "manifest.json").read_text()
    text = text.replace('"mine":1', '"mine":[1,NaN],"mood":1e999').replace('"split":"', '"split":NaN,"was":"', 1)
    text = re.sub('"file_path":"raw/[^"]*"', '"file_path":-Infinity', text, count=1)
    (dataset / "manifest.json").write_text(text)
    path = dataset / "annotations" / id_of(1)[:2] / f"{id_of(1)}.json"
    earlier = '"earlier": {"valence": [{"value": NaN, "by": "ann"}, {"value": 0.5, "by": "ann"}]}'
    path.write_text(path.read_text().replace('"modified_at"', f'{earlier}, "modified_at"', 1))
    with Catalogue.open(dataset) as catalogue:
        assert catalogue.get(id_of(1)).extra["not_read"] == {"mine": [1, "NaN"], "mood": "1e999"}
        findings = " ".join(last_rebuild(catalogue).findings)
        assert all(f"can't be read: {names}" in findings for names in ("mine, mood", "file_path, split"))
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        write_views(catalogue)
    assert json.loads(path.read_bytes())["earlier"] == {"valence": [{"value": 0.5, "by": "ann", "at": None}]}
    assert not [path for path, data in tree(dataset).items() if b"no number" in data]
