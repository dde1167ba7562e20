import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_files import tree
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError, LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import annotation_file, durable, history, manifest, readback, views, viewstate
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.earlier import Earlier, as_earlier
from kelly_tui.store.views import export_annotations, load_manifest, read_back, take_outside_edits, write_views
from kelly_tui.store.viewstate import changed_outside


@pytest.fixture
def catalogue(tmp_path):
    with new_catalogue(tmp_path) as opened:
        opened.add(sample(number) for number in range(1, 6))
        yield opened


def say(catalogue: Catalogue, number: int, **fields: object) -> None:
    for name, value in fields.items():
        label = None if value is None else Label(value)
        history.edit(catalogue, [Edit(id_of(number), name, label)], "ann")


def file_of(catalogue: Catalogue, number: int) -> Path:
    return catalogue.layout.annotation_path(id_of(number))


def edit_file(path: Path, change) -> None:
    """As an editor does it: whole, with another time."""
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def values(catalogue: Catalogue, number: int) -> dict:
    return catalogue.get(id_of(number)).annotations


# -- writing ----------------------------------------------------------------------------------------------------------


def test_annotation_files_follow_edits(catalogue):
    say(catalogue, 1, emotion="sad", tempo_bpm=90)
    say(catalogue, 2, tags=["ü", "[b]"])
    assert export_annotations(catalogue).annotations == 2
    path = file_of(catalogue, 1)
    assert path.parent.name == id_of(1)[:2]
    data = json.loads(path.read_text("utf-8"))
    assert list(data) == ["annotations", "provenance", "rev", "modified_at", "decision", "sample_id"]
    assert data["annotations"] == {"emotion": "sad", "tempo_bpm": 90.0}
    assert data["provenance"]["emotion"]["by"] == "ann"
    assert (data["rev"], data["sample_id"]) == (2, id_of(1))
    assert path.read_bytes().startswith(
        b'{\n  "annotations": {"emotion": "sad", "tempo_bpm": 90.0},\n  "provenance": {'
    )
    assert not file_of(catalogue, 3).exists(), "one for each annotated sample"
    assert export_annotations(catalogue).annotations == 0

    say(catalogue, 1, emotion=None, tempo_bpm=None)
    export_annotations(catalogue)
    assert json.loads(path.read_bytes())["annotations"] == {}


def test_the_outbox_can_be_emptied_a_little_at_a_time(catalogue):
    for number in range(1, 6):
        say(catalogue, number, emotion="sad")
    assert [export_annotations(catalogue, limit=2).annotations for _ in range(4)] == [2, 2, 1, 0]


def test_many_files_at_once_are_as_whole_as_few(catalogue, tmp_path):
    files = {tmp_path / f"{n % 7}/{n}.json": b"%d\n" % n for n in range(100)}
    durable.write_all(files)
    assert {path: path.read_bytes() for path in files} == files
    assert (
        len([path for path in tmp_path.rglob("*") if path.name.startswith(".") and path.is_file()]) == 1
    )  # .gitignore


def test_the_manifest_is_as_the_data_model_says(catalogue):
    say(catalogue, 1, emotion="sad", is_verified=True, chord_progression=["C", "Am"], tempo_bpm=90)
    write_views(catalogue)
    data = json.loads(catalogue.layout.manifest_path.read_text("utf-8"))
    assert list(data) == ["config", "created_at", "updated_at", "samples", "stats", "kelly"]
    assert data["config"]["dataset_id"] == "songs"
    assert list(data["kelly"]) == ["catalogue", "catalogue_rev", "changes", "mark", "complete"]
    assert [row["sample_id"] for row in data["samples"]] == [id_of(number) for number in range(1, 6)]
    first = data["samples"][0]
    assert first["annotations"] == {
        "emotion": "sad", "is_verified": True, "chord_progression": ["C", "Am"], "tempo_bpm": 90.0,
    }  # fmt: skip
    assert (first["is_synthetic"], first["rejected"], first["split"], first["augmentation"]) == (
        False,
        False,
        None,
        None,
    )
    assert data["samples"][1]["annotations"] == {}
    assert data["stats"]["total_samples"] == 5
    assert data["stats"]["by_emotion"] == {"sad": 1}


def test_the_manifest_gives_back_every_sample(catalogue):
    catalogue.add(
        [
            sample(10, source="ä/b.mid", other_sources=["c.mid"], extra={"mine": [1, {"x": None}]}, license="CC0",
                   duration_sec=1.5, file_size_bytes=7, created_at="2020", modified_at="2021"),
            sample(11, parent_id=id_of(10), root_id=id_of(10), augmentation_type="transpose", rejected=True,
                   augmentation={"transpose": 3, "seed": 1}, decision="skipped", skip_reason="noise", split="val"),
            sample(12, is_synthetic=True, labels={"emotion": "sad", "velocity_curve": list(range(32))}),
        ]
    )  # fmt: skip
    write_views(catalogue)
    read = load_manifest(catalogue.root)
    assert read["config"] == catalogue.config
    for got, kept in zip(read.samples, catalogue.samples(), strict=True):
        assert got.annotations == kept.annotations
        for one in (got, kept):
            one.labels, one.rev = {}, 0
        assert got == kept
    assert [one.sample_id for one in load_manifest(catalogue.layout.manifest_path).samples] == [
        one.sample_id for one in read.samples
    ]


def test_nothing_changed_nothing_is_written(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    before = tree(catalogue.root)
    changes = catalogue.db.total_changes
    written = write_views(catalogue)
    assert (written.annotations, written.held_back) == (0, [])
    assert tree(catalogue.root) == before
    assert catalogue.db.total_changes == changes


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_manifest_that_cannot_be_finished_leaves_the_old_one(catalogue, monkeypatch, after):
    """The fault: a kill or a full disk during a save left a 0-byte manifest."""
    write_views(catalogue)
    before = catalogue.layout.manifest_path.read_bytes()
    say(catalogue, 1, emotion="sad")
    real = manifest._lines

    def full(rows):
        for number, lines in enumerate(real(rows)):
            if number == after:
                break
            yield lines
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "_lines", full)
    with pytest.raises(DatasetError, match="disk is full"):
        views.write_manifest(catalogue)
    assert catalogue.layout.manifest_path.read_bytes() == before
    assert json.loads(before)["kelly"]["complete"]
    assert not [path for path in catalogue.root.iterdir() if path.name not in _USUAL]


_USUAL = {"raw", "processed", "annotations", "splits", ".kelly", "manifest.json", "config.json"}


def test_kills_during_writing_leave_whole_views(tmp_path):
    """Killed at random moments while it edits and writes: every view parses, and the next start goes on."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number) for number in range(1, 6))
        write_views(catalogue)
        root = catalogue.root
    program = textwrap.dedent(
        """
        import sys
        from kelly_tui.model.annotation import Label
        from kelly_tui.model.edit import Edit
        from kelly_tui.store import history, views
        from kelly_tui.store.catalogue import Catalogue
        with Catalogue.open(sys.argv[1]) as catalogue:
            ids = [one.sample_id for one in catalogue.samples()]
            print("ready", flush=True)
            for turn in range(100000):
                history.edit(catalogue, [Edit(ids[turn % 5], "tempo_bpm", Label(60.0 + turn % 90))], "ann")
                views.write_views(catalogue)
        """
    )
    for turn in range(8):
        child = subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE)
        child.stdout.readline()
        try:
            child.wait(0.02 + 0.03 * turn)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        json.loads((root / "manifest.json").read_bytes())
        for path in (root / "annotations").rglob("*.json"):
            json.loads(path.read_bytes())
        with Catalogue.open(root) as opened:
            before = {one.sample_id: one.annotations for one in opened.samples()}
            merge = read_back(opened)
            assert (merge.taken, merge.conflicts, merge.refused) == ([], [], [])
            assert {one.sample_id: one.annotations for one in opened.samples()} == before
            assert write_views(opened).held_back == []


# -- reading back -----------------------------------------------------------------------------------------------------


def test_what_only_the_file_changed_is_taken_as_a_persons(catalogue):
    say(catalogue, 1, emotion="sad", key="C")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy", tempo_bpm=100, key=None))
    merge = read_back(catalogue)
    assert sorted(merge.taken) == [(id_of(1), "emotion"), (id_of(1), "key"), (id_of(1), "tempo_bpm")]
    assert values(catalogue, 1) == {"emotion": "happy", "tempo_bpm": 100.0}
    label = catalogue.get(id_of(1)).labels["emotion"]
    assert (label.source, label.by) == ("human", "outside")
    assert {event.kind for event in history.history(catalogue, limit=3)} == {"outside"}
    assert write_views(catalogue).annotations == 1
    assert json.loads(file_of(catalogue, 1).read_bytes())["annotations"] == values(catalogue, 1)
    assert read_back(catalogue).words() == ""


def test_different_fields_merge_and_the_same_field_is_a_conflict(catalogue):
    say(catalogue, 1, emotion="sad", key="C")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy", mode="minor"))
    say(catalogue, 1, emotion="angry", key="D")
    written = write_views(catalogue)
    assert written.held_back == []
    assert written.merge.conflicts == [(id_of(1), "emotion")]
    assert values(catalogue, 1) == {"emotion": "angry", "key": "D", "mode": "minor"}
    [conflict] = conflicts(catalogue)
    assert (conflict.base.value, conflict.ours.value, conflict.theirs.value) == ("sad", "angry", "happy")
    assert conflict.file_path == "raw/midi/song 1.mid"
    assert json.loads(file_of(catalogue, 1).read_bytes())["annotations"] == values(catalogue, 1)
    assert read_back(catalogue).conflicts == [], "the view was written anew: nothing is found twice"
    assert catalogue.counts().quality()["agreed"] == 4

    resolve(catalogue, "theirs", "me")
    assert values(catalogue, 1)["emotion"] == "happy"
    assert conflicts(catalogue) == []
    assert history.history(catalogue, limit=1)[0].actor == "me"
    history.undo(catalogue, "me")
    assert values(catalogue, 1)["emotion"] == "angry"
    assert conflicts(catalogue) == [conflict]
    history.redo(catalogue, "me")
    assert values(catalogue, 1)["emotion"] == "happy"
    assert conflicts(catalogue) == []
    assert catalogue.counts().quality()["agreed"] == 5


def test_taking_ours_changes_nothing(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy"))
    say(catalogue, 1, emotion="angry")
    read_back(catalogue)
    events = len(history.history(catalogue))
    assert resolve(catalogue, "ours", "me") == 1
    assert values(catalogue, 1) == {"emotion": "angry"}
    assert len(history.history(catalogue)) == events


def test_a_persons_edit_decides_a_conflict(catalogue):
    say(catalogue, 1, emotion="sad", key="C")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy"))
    say(catalogue, 1, emotion="angry")
    read_back(catalogue)
    say(catalogue, 1, key="D")
    assert len(conflicts(catalogue)) == 1, "one of another field does not"
    say(catalogue, 1, emotion="tense")
    assert conflicts(catalogue) == []
    assert catalogue.counts().quality()["agreed"] == 5


def test_undoing_what_decided_a_conflict_opens_it_again(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy"))
    say(catalogue, 1, emotion="angry")
    read_back(catalogue)
    asked = conflicts(catalogue)
    say(catalogue, 1, emotion="tense")
    for _ in range(2):
        history.undo(catalogue, "ann")
        assert conflicts(catalogue) == asked
        assert (values(catalogue, 1)["emotion"], catalogue.counts().quality()["agreed"]) == ("angry", 4)
        history.redo(catalogue, "ann")
        assert conflicts(catalogue) == []
        assert (values(catalogue, 1)["emotion"], catalogue.counts().quality()["agreed"]) == ("tense", 5)


def test_two_views_edited_differently(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="happy", key="C"))
    edit_file(
        catalogue.layout.manifest_path, lambda data: data["samples"][0]["annotations"].update(emotion="tense", key="C")
    )
    merge = read_back(catalogue)
    assert values(catalogue, 1) == {"emotion": "happy", "key": "C"}, "the nearer view is taken"
    assert merge.conflicts == [(id_of(1), "emotion")]
    [conflict] = conflicts(catalogue)
    assert (conflict.ours.value, conflict.theirs.value) == ("happy", "tense")


def test_what_is_nulled_in_the_manifest_is_cleared(catalogue):
    say(catalogue, 1, emotion="sad", notes="hello", key="C")
    say(catalogue, 1, decision="skipped", skip_reason="too short")
    write_views(catalogue)

    def change(data):
        data["samples"][0]["annotations"].update(emotion=None, notes=None, mode=None)
        data["samples"][0].update(decision=None, skip_reason=None)

    edit_file(catalogue.layout.manifest_path, change)
    taken = {field for _, field in read_back(catalogue).taken}
    assert taken == {"emotion", "notes", "decision", "skip_reason"}
    assert values(catalogue, 1) == {"key": "C"}
    assert (catalogue.get(id_of(1)).decision, catalogue.get(id_of(1)).skip_reason) == ("pending", None)


@pytest.mark.parametrize("what", ["a file", "its folder", "all folders", "annotations"])
def test_an_annotation_file_that_is_gone_says_nothing_and_is_written_again(catalogue, what):
    say(catalogue, 1, emotion="sad", tempo_bpm=90)
    say(catalogue, 2, emotion="happy")
    write_views(catalogue)
    folder = catalogue.layout.annotations
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    if what == "a file":
        file_of(catalogue, 1).unlink()
    for path in {"its folder": [file_of(catalogue, 1).parent], "all folders": folder.iterdir()}.get(what, ()):
        shutil.rmtree(path)
    if what == "annotations":
        shutil.rmtree(folder)
    is_gone = sum(not path.exists() for path in before)
    merge = read_back(catalogue)
    assert len(merge.gone) == is_gone >= 1
    assert ("was gone" if is_gone == 1 else f"{is_gone} annotation files were gone") in merge.words()
    assert (merge.taken, merge.conflicts) == ([], [])
    write_views(catalogue)
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
    assert read_back(catalogue).words() == ""


def test_an_old_copy_does_not_undo_what_was_said_since(catalogue):
    """Edited on another machine from the revision before: merged against that one, never by time."""
    say(catalogue, 1, emotion="sad", key="C")
    write_views(catalogue)
    old = file_of(catalogue, 1).read_text("utf-8")
    say(catalogue, 1, key="D")
    write_views(catalogue)
    file_of(catalogue, 1).write_text(old, "utf-8")
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(tempo_bpm=77))
    assert read_back(catalogue).taken == [(id_of(1), "tempo_bpm")]
    assert values(catalogue, 1) == {"emotion": "sad", "key": "D", "tempo_bpm": 77.0}


def test_a_missing_key_or_file_says_nothing(catalogue):
    say(catalogue, 1, emotion="sad", key="C")
    say(catalogue, 2, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].pop("emotion"))
    file_of(catalogue, 2).unlink()
    assert read_back(catalogue).taken == []
    assert values(catalogue, 1) == {"emotion": "sad", "key": "C"}
    assert values(catalogue, 2) == {"emotion": "sad"}


@pytest.mark.parametrize(
    "broken",
    [b"", b"{", b"[]", b"null", b'{"annotations": 5}', b'{"annotations": -1e999}', b"<<<<<<< HEAD\n{}", b"\xff\xfe",
     b'{"annotations": {"valence": NaN}}', b'{"annotations": {"tempo_bpm": 1e999}}',
     b'{"annotations": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
)  # fmt: skip
def test_a_broken_file_is_kept_and_written_anew(catalogue, broken):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    good = file_of(catalogue, 1).read_bytes()
    file_of(catalogue, 1).write_bytes(broken)
    merge = read_back(catalogue)
    assert len(merge.set_aside) + len(merge.refused) >= 1
    assert broken in [path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir()]
    assert values(catalogue, 1) == {"emotion": "sad"}
    write_views(catalogue)
    assert file_of(catalogue, 1).read_bytes() == good


def test_values_that_no_label_can_have_are_listed_and_kept(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(emotion="blue", mood=1, key="Bb minor"))
    merge = read_back(catalogue)
    assert sorted(name for _, name, _ in merge.refused) == ["emotion", "mood"]
    assert "blue" in next(why for _, name, why in merge.refused if name == "emotion")
    assert values(catalogue, 1) == {"emotion": "sad", "key": "A#", "mode": "minor"}
    [kept] = (catalogue.layout.kelly_dir / "set-aside").iterdir()
    assert json.loads(kept.read_bytes())["annotations"]["mood"] == 1


@pytest.mark.parametrize("decision", ["", [], "done", 5, False])
@pytest.mark.parametrize("in_manifest", [True, False])
def test_what_is_no_decision_is_refused_and_said(catalogue, decision, in_manifest):
    say(catalogue, 1, decision="skipped", skip_reason="too short")
    write_views(catalogue)
    if in_manifest:
        path = catalogue.layout.manifest_path
        edit_file(path, lambda data: next(one for one in data["samples"] if one["sample_id"] == id_of(1)).update(
            decision=decision, skip_reason=""))  # fmt: skip
    else:
        path = file_of(catalogue, 1)
        edit_file(path, lambda data: data.update(decision=decision, skip_reason=""))
    merge = read_back(catalogue)
    assert [(name, field) for name, field, _ in merge.refused] == [
        (path.relative_to(catalogue.root).as_posix(), "decision")
    ]
    assert "is no decision" in merge.words()
    assert (catalogue.get(id_of(1)).decision, catalogue.get(id_of(1)).skip_reason) == ("skipped", None)


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e999", "-1.5E+400"])
def test_beside_a_value_that_is_no_number_an_edit_is_taken(catalogue, written):
    say(catalogue, 1, emotion="sad", valence=0.4, arousal=-0.3, notes='He said "NaN" \\ Infinity')
    write_views(catalogue)
    path, before = file_of(catalogue, 1), values(catalogue, 1)
    text = (
        path.read_text().replace('"arousal": -0.3', '"arousal": 0.9').replace('"valence": 0.4', f'"valence": {written}')
    )
    path.write_text(text)
    merge = read_back(catalogue)
    assert [(file, name) for file, name, _ in merge.refused] == [
        (path.relative_to(catalogue.root).as_posix(), "valence")
    ]
    assert f"valence {written} is no valence. Wanted: a number -1..1" in merge.words()
    assert values(catalogue, 1) == before | {"arousal": 0.9}
    [kept] = (catalogue.layout.kelly_dir / "set-aside").iterdir()
    assert kept.read_text() == text
    write_views(catalogue)
    assert json.loads(path.read_bytes())["annotations"] == before | {"arousal": 0.9}


@pytest.mark.parametrize(
    ("written", "notes", "words"),
    [
        (r'"caf\udce9"', "caf\ufffd", '"caf\\udce9" has half of a letter, read as \ufffd'),
        ("[" * 25 + "]" * 25, "mine", "is no notes. Wanted: text"),
        ("[" * 100_000 + "]" * 100_000, "mine", "is no notes. Wanted: text"),
    ],
)
def test_beside_half_of_a_letter_or_what_is_nested_deep_an_edit_is_taken(catalogue, written, notes, words):
    say(catalogue, 1, emotion="sad", arousal=-0.3, notes="mine")
    write_views(catalogue)
    path = file_of(catalogue, 1)
    text = path.read_text().replace('"arousal": -0.3', '"arousal": 0.9').replace('"mine"', written)
    path.write_text(text)
    said = read_back(catalogue).words()
    assert f"annotations/{path.parent.name}/{path.name}: " in said
    assert words in said
    assert values(catalogue, 1) == {"emotion": "sad", "arousal": 0.9, "notes": notes}
    [kept] = (catalogue.layout.kelly_dir / "set-aside").iterdir()
    assert kept.read_text() == text
    write_views(catalogue)
    assert json.loads(path.read_bytes())["annotations"] == values(catalogue, 1)
    assert read_back(catalogue).words() == ""


def test_of_what_was_earlier_or_decided_one_that_is_none_costs_itself():
    said = {
        "annotations": {},
        "mine": 1,
        "decided": {"emotion": ["2026-01-01", 5], "key": 7, "mode": "2026-01-02"},
        "decisions": 5,
        "earlier": {"emotion": [{"value": "sad", "by": "ann"}, {"value": "happy", "by": 5}, {}], "key": None},
    }
    (read,) = annotation_file.read_versions(json.dumps(said).encode(), id_of(1))
    assert read.decided == {"emotion": ["2026-01-01"], "key": [], "mode": ["2026-01-02"]}
    assert (read.decisions, read.earlier) == ({}, {"emotion": [Earlier("sad", "ann")], "key": []})
    assert read.unknown == {
        "mine": 1,
        "decided": {"emotion": [5], "key": [7]},
        "decisions": 5,
        "earlier": {"emotion": [{"value": "happy", "by": 5}, {}], "key": [None]},
    }, "which has the file kept"


def test_a_bad_value_of_a_manifest_that_was_edited_is_named_and_edits_beside_it_are_taken(catalogue):
    say(catalogue, 1, emotion="sad", key="C")
    write_views(catalogue)
    path = catalogue.layout.manifest_path
    text = path.read_text().replace('"key":"C"', '"key":"D"').replace('"updated_at": "', '"updated_at": "\\udce9')
    path.write_text(text)
    merge = read_back(catalogue)
    assert (merge.taken, values(catalogue, 1)["key"]) == ([(id_of(1), "key")], "D")
    assert r'manifest.json: "\udce9' in merge.words()
    assert [kept.read_text() for kept in (catalogue.layout.kelly_dir / "set-aside").iterdir()] == [text]


def test_of_a_field_that_stands_twice_beside_no_number_both_are_heard(catalogue):
    say(catalogue, 1, emotion="sad", valence=0.4, arousal=-0.3)
    write_views(catalogue)
    path = file_of(catalogue, 1)
    path.write_text(
        path.read_text()
        .replace('"arousal": -0.3', '"arousal": 0.9, "arousal": -0.3')
        .replace('"valence": 0.4', '"valence": NaN')
    )
    merge = read_back(catalogue)
    assert {name for _, name, _ in merge.refused} == {"valence"}
    assert merge.conflicts == [(id_of(1), "arousal")]


def test_where_a_value_comes_from_is_not_taken_but_kept(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["provenance"]["emotion"].update(by="me"))
    assert len(read_back(catalogue).set_aside) == 1
    assert catalogue.get(id_of(1)).labels["emotion"].by == "ann"
    write_views(catalogue)
    assert json.loads(file_of(catalogue, 1).read_bytes())["provenance"]["emotion"]["by"] == "ann"


def test_a_label_that_is_given_while_its_file_is_looked_at_is_written_afterwards(catalogue, monkeypatch):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    path = catalogue.layout.annotation_path(id_of(1))
    os.utime(path)
    is_of = annotation_file.is_of

    def slowly(*asked) -> bool:
        monkeypatch.undo()
        with Catalogue.open(catalogue.root) as other:
            say(other, 1, emotion="angry")
        return is_of(*asked)

    monkeypatch.setattr(annotation_file, "is_of", slowly)
    assert read_back(catalogue).words() == ""
    assert export_annotations(catalogue).annotations == 1
    assert json.loads(path.read_bytes())["annotations"]["emotion"] == "angry"


def test_a_touched_or_copied_file_is_no_edit(catalogue):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    os.utime(file_of(catalogue, 1), (1, 1))
    os.utime(catalogue.layout.manifest_path, (1, 1))
    assert read_back(catalogue).words() == ""
    before = tree(catalogue.root)
    write_views(catalogue)
    assert tree(catalogue.root) == before


def test_an_annotation_file_from_another_program(catalogue):
    """Flat, without revision or provenance, in an editor's encoding."""
    say(catalogue, 2, emotion="sad")
    flat = catalogue.layout.annotations / f"{id_of(1)}.json"
    flat.write_bytes(b'\xef\xbb\xbf{"annotations": {"emotion": "happy"}}')
    file_of(catalogue, 2).parent.mkdir(exist_ok=True)
    file_of(catalogue, 2).write_text('{"emotion": "angry", "key": "C"}')
    stranger = catalogue.layout.annotations / "0123456789abcdef.json"
    stranger.write_text("{}")
    merge = read_back(catalogue)
    assert values(catalogue, 1) == {"emotion": "happy"}
    assert not flat.exists()
    assert values(catalogue, 2) == {"emotion": "sad", "key": "C"}
    assert merge.conflicts == [(id_of(2), "emotion")], "nobody knows what it began from"
    assert merge.unknown == ["annotations/0123456789abcdef.json"]
    assert stranger.exists()


def test_many_edits_at_once_wait_to_be_looked_at(catalogue, monkeypatch):
    monkeypatch.setattr(readback, "MANY_FILES", 3)
    for number in range(1, 6):
        say(catalogue, number, emotion="sad")
    write_views(catalogue)
    for number in range(1, 6):
        edit_file(file_of(catalogue, number), lambda data: data["annotations"].update(emotion="happy"))
    merge = read_back(catalogue)
    assert (merge.pending_samples, merge.pending_fields["emotion"], merge.taken) == (5, 5, [])
    assert "5 samples were edited outside" in merge.words()
    assert values(catalogue, 1) == {"emotion": "sad"}
    say(catalogue, 1, key="C")
    assert len(write_views(catalogue).held_back) == 1, "and are not overwritten meanwhile"
    assert json.loads(file_of(catalogue, 1).read_bytes())["annotations"]["emotion"] == "happy"
    assert len(take_outside_edits(catalogue).taken) == 5
    assert values(catalogue, 1) == {"emotion": "happy", "key": "C"}
    assert write_views(catalogue).held_back == []


def test_an_edited_manifest_is_merged_the_same_way(catalogue):
    say(catalogue, 1, emotion="sad")
    say(catalogue, 2, emotion="sad")
    write_views(catalogue)
    data = json.loads(catalogue.layout.manifest_path.read_bytes())
    data["samples"][0]["annotations"]["emotion"] = "happy"
    data["samples"][1]["annotations"]["emotion"] = "tense"
    data["samples"][2]["annotations"] = {"emotion": "angry", "valence": 9}
    del data["samples"][4]
    edited = json.dumps(data, indent=4).encode()
    catalogue.layout.manifest_path.write_bytes(edited)
    say(catalogue, 2, emotion="neutral")
    merge = read_back(catalogue)
    assert [values(catalogue, number).get("emotion") for number in range(1, 6)] == [
        "happy", "neutral", "angry", None, None,
    ]  # fmt: skip
    assert merge.conflicts == [(id_of(2), "emotion")]
    assert [(path, name) for path, name, _ in merge.refused] == [("manifest.json", "valence")]
    assert edited in [path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir()]
    assert len(catalogue) == 5, "a row that is missing says nothing"
    write_views(catalogue)
    assert len(json.loads(catalogue.layout.manifest_path.read_bytes())["samples"]) == 5
    assert read_back(catalogue).words() == ""


def test_a_row_that_was_added_to_the_manifest_is_taken(catalogue):
    write_views(catalogue)
    (catalogue.root / "raw/midi/new.mid").write_bytes(b"MThd")
    data = json.loads(catalogue.layout.manifest_path.read_bytes())
    data["samples"].append({"sample_id": "ab12cd34", "file_path": "raw/midi/new.mid", "annotations": {"key": "C"}})
    catalogue.layout.manifest_path.write_text(json.dumps(data))
    assert read_back(catalogue).added == ["ab12cd34"]
    assert catalogue.get("ab12cd34").value("key") == "C"


DEEP = b"[" * 10_000_000


@pytest.mark.parametrize(
    "nonsense",
    [b"", b"hello", b"[]", b"null", b'{"samples": 5}', b'{"samples": null}', b'{"samples": [1, {"a": ', b"\x00" * 4096,
     DEEP, b'{"samples": ' + DEEP, b'{"samples": [{"sample_id": nan}]}',
     '{"samples": []}'.encode("utf-16")],
    ids=lambda nonsense: f"{len(nonsense)} {nonsense[:24]!r}",
)  # fmt: skip
def test_nonsense_in_the_manifest_loses_nothing(catalogue, nonsense):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    before = catalogue.layout.manifest_path.read_bytes()
    catalogue.layout.manifest_path.write_bytes(nonsense)
    with pytest.raises(DatasetError, match=r"manifest"):
        load_manifest(catalogue.root)
    written = write_views(catalogue)
    [(name, why, kept)] = written.merge.set_aside
    assert name == "manifest.json"
    assert why
    assert (catalogue.root / kept).read_bytes() == nonsense
    assert catalogue.layout.manifest_path.read_bytes() == before


def row_of(number: int, **changes: object) -> dict:
    one = sample(number)
    return {"sample_id": one.sample_id, "file_path": one.file_path, "file_type": "midi", **changes}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"5", "can't be read: '5'"),
        (b"null", "can't be read: 'null'"),
        (b'{"sample_id": "ab12ab12", "source": "s\xe4ng"}', "can't be read: "),
        (b'{"sample_id": "ab12ab12", "file_size_bytes": 1' + b"0" * 30 + b"}", "can't be read: file_size_bytes"),
        (b'{"sample_id": "ab12ab12", "duration_sec": 1e400}', "can't be read: duration_sec"),
        (row_of(1, annotations={"emotion": "angry"}), f"two rows have the sample_id {id_of(1)}"),
        (row_of(1, sample_id="ab12ab12"), "two rows have the file_path raw/midi/song 1.mid"),
        ({"sample_id": None, "file_path": None, "annotations": None}, "'' is no id"),
        ({"sample_id": "../../x"}, "'../../x' is no id"),
        ({"sample_id": "ab12ab12", "file_path": "/etc/passwd"}, "its path '/etc/passwd' is none in the dataset"),
        ({"sample_id": "ab12ab12", "file_path": "../../x.mid"}, "its path '../../x.mid' is none in the dataset"),
    ],
)
def test_a_row_that_is_nonsense_is_named_and_kept(catalogue, row, said):
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    path = catalogue.layout.manifest_path
    strange = row if isinstance(row, bytes) else json.dumps(row).encode()
    whole = path.read_bytes()
    edited = whole.replace(b'"samples":[', b'"samples":[', 1)
    last = edited.rindex(b"\n]") if b"\n]" in edited else edited.rindex(b"]")
    edited = edited[:last] + b"," + strange + edited[last:]
    path.write_bytes(edited)
    merge = read_back(catalogue)
    assert any(said in line for line in merge.words().splitlines()[1:]), merge.words()
    assert any(edited == (catalogue.root / kept).read_bytes() for _, _, kept in merge.set_aside)
    assert {number: values(catalogue, number).get("emotion") for number in range(1, 6)} == {
        1: "sad", 2: None, 3: None, 4: None, 5: None
    }  # fmt: skip
    write_views(catalogue)
    json.loads(path.read_bytes())
    assert read_back(catalogue).words() == ""


def test_no_view_is_written_where_the_dataset_was_moved_away(catalogue, tmp_path):
    say(catalogue, 1, emotion="sad")
    root = catalogue.root.rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="the dataset's folder is gone"):
        write_views(catalogue)
    assert not catalogue.root.exists()
    root.rename(catalogue.root)
    assert write_views(catalogue).annotations == 1


def test_an_edited_list_is_kept_and_written_anew(catalogue):
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET split = 'train'")
    write_views(catalogue)
    train = catalogue.layout.splits / "train.txt"
    good = train.read_bytes()
    train.write_text("everything\n")
    (said,) = write_views(catalogue).lists_kept
    assert said.startswith("splits/train.txt was edited outside and is now as the catalogue has it; kept in .kelly/")
    assert write_views(catalogue).lists_kept == []
    assert train.read_bytes() == good
    assert [path.read_text() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir()] == ["everything\n"]


def put_in(catalogue: Catalogue, splits: dict[int, str]) -> None:
    with catalogue.writing() as db:
        for number, split in splits.items():
            db.execute("UPDATE samples SET split = ? WHERE sample_id = ?", (split, id_of(number)))


@pytest.mark.parametrize("dies", ["manifest.json", "train.txt", "test.txt"])
def test_a_view_that_a_killed_process_had_just_put_there_is_no_edit(catalogue, monkeypatch, dies):
    def killed(catalogue, path, *written):
        if path.name == dies:
            raise KeyboardInterrupt
        remember(catalogue, path, *written)

    put_in(catalogue, {1: "train", 2: "test"})
    write_views(catalogue)
    remember = views.remember
    monkeypatch.setattr(views, "remember", killed)
    put_in(catalogue, {3: "train", 4: "test"})
    say(catalogue, 1, emotion="sad")
    with pytest.raises(KeyboardInterrupt):
        write_views(catalogue)
    monkeypatch.undo()
    say(catalogue, 1, emotion="angry")
    put_in(catalogue, {5: "train"})
    assert write_views(catalogue).merge is None
    assert not catalogue.layout.kelly_dir.joinpath("set-aside").exists()
    assert (catalogue.layout.splits / "train.txt").read_text().split() == sorted(map(id_of, (1, 3, 5)))
    edit_file(catalogue.layout.manifest_path, lambda data: data["samples"][0]["annotations"].update(emotion="happy"))
    assert write_views(catalogue).merge.taken == [(id_of(1), "emotion")]


def test_a_view_that_another_process_puts_there_at_once_is_no_edit(catalogue, monkeypatch):
    """Between what the one puts there and what it remembers."""

    def late(mine, path, *written):
        monkeypatch.undo()
        say(catalogue, 1, emotion="sad")
        with Catalogue.open(catalogue.root) as other:
            assert write_views(other).merge is None
        views.remember(mine, path, *written)

    write_views(catalogue)
    say(catalogue, 1, emotion="angry")
    monkeypatch.setattr(views, "remember", late)
    write_views(catalogue)
    assert write_views(catalogue).merge is None
    assert not catalogue.layout.kelly_dir.joinpath("set-aside").exists()
    assert json.loads(catalogue.layout.manifest_path.read_bytes())["samples"][0]["annotations"]["emotion"] == "sad"


@pytest.mark.parametrize("is_first", [True, False])
def test_a_manifest_that_is_about_to_be_written_is_no_edit(catalogue, monkeypatch, is_first):
    """As another process sees it, and as it stays where this one is killed."""

    def watched(*there):
        with Catalogue.open(catalogue.root) as other:
            seen.append(changed_outside(other, catalogue.layout.manifest_path))
        return take_place(*there)

    if not is_first:
        write_views(catalogue)
    seen, take_place = [], viewstate.take_place
    monkeypatch.setattr(viewstate, "take_place", watched)
    say(catalogue, 1, emotion="sad")
    write_views(catalogue)
    assert set(seen) == {False}


def test_a_list_that_another_saves_before_there_is_a_manifest_is_an_edit(catalogue, tmp_path):
    train, new = catalogue.layout.splits / "train.txt", tmp_path / "new"
    new.write_text("ours\n")
    viewstate.announce(catalogue, train, new)
    train.write_text("theirs\n")
    assert changed_outside(catalogue, train)


def test_a_manifest_that_is_written_while_it_is_looked_at_is_no_edit(catalogue, monkeypatch):
    """By another process, between the look at the file and that at what is known of it."""

    def late(file):
        now = stamp(file)
        monkeypatch.undo()
        say(catalogue, 1, emotion="angry")
        write_views(catalogue)
        return now

    write_views(catalogue)
    stamp = viewstate.stamp
    monkeypatch.setattr(viewstate, "stamp", late)
    with Catalogue.open(catalogue.root) as other:
        assert not changed_outside(other, other.layout.manifest_path)
    assert viewstate.stamp is stamp


def test_an_annotation_file_is_never_taken_for_newer_than_it_is(catalogue, monkeypatch):
    """Another process exports a later edit after one has read the earlier, which is killed as it puts that there."""

    @contextmanager
    def late(files):
        with prepared(files) as ready:
            with Catalogue.open(catalogue.root) as other:
                say(other, 1, emotion="angry")
                monkeypatch.undo()
                assert export_annotations(other).annotations == 1
            monkeypatch.setattr(views, "replace_if_same", killed)
            yield ready

    def killed(_, new, path, *__):
        new.replace(path)
        raise KeyboardInterrupt

    say(catalogue, 1, emotion="sad")
    prepared = views.prepared
    monkeypatch.setattr(views, "prepared", late)
    with suppress(KeyboardInterrupt):
        export_annotations(catalogue)
    monkeypatch.undo()
    export_annotations(catalogue)
    assert json.loads(file_of(catalogue, 1).read_bytes())["annotations"]["emotion"] == "angry"
    assert read_back(catalogue).words() == ""


EMOTIONS = st.sampled_from(["happy", "sad", "angry", None])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), EMOTIONS),
        st.tuples(st.just("file"), EMOTIONS),
        st.tuples(st.just("manifest"), EMOTIONS),
        st.tuples(st.sampled_from(["write", "read", "break", "forget"]), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_happens_no_value_is_lost(tmp_path_factory, actions):
    """After any order of edits here, edits there, writes and looks, each value is somewhere, and the views agree."""
    with new_catalogue(tmp_path_factory.mktemp("any")) as catalogue:
        catalogue.add([sample(1)])
        said = set()
        for action, value in [*actions, ("read", None), ("write", None)]:
            path = file_of(catalogue, 1)
            if action == "say":
                say(catalogue, 1, emotion=value)
                said.add(value)
            elif action == "file" and path.exists():
                read_back(catalogue)  # one edit at a time: what a person overwrites in the file is theirs to lose
                export_annotations(catalogue)
                edit_file(path, lambda data, value=value: data["annotations"].update(emotion=value))
                said.add(value)
            elif action == "manifest" and catalogue.layout.manifest_path.stat().st_size > 300:
                read_back(catalogue)
                data = json.loads(catalogue.layout.manifest_path.read_bytes())
                if data["samples"]:
                    data["samples"][0]["annotations"]["emotion"] = value
                    catalogue.layout.manifest_path.write_text(json.dumps(data))
                    said.add(value)
            elif action == "break" and path.exists():
                read_back(catalogue)
                path.write_bytes(path.read_bytes()[:-9])
            elif action == "forget":
                read_back(catalogue)
                path.unlink(missing_ok=True)
            elif action == "write":
                write_views(catalogue)
            elif action == "read":
                read_back(catalogue)
        known = set()
        for event in history.history(catalogue, limit=1000):
            if event.field == "refused":  # what was cleared
                continue
            known |= {label.value for label in (event.old, event.new) if label is not None}
        for row in catalogue.db.execute("SELECT base, ours, theirs FROM conflicts"):
            known |= {json.loads(label)["value"] for label in row if label is not None}
        assert said - {None} <= known
        write_views(catalogue)
        now = values(catalogue, 1)
        if file_of(catalogue, 1).exists():
            assert json.loads(file_of(catalogue, 1).read_bytes())["annotations"] == now
        assert json.loads(catalogue.layout.manifest_path.read_bytes())["samples"][0]["annotations"] == now
        assert read_back(catalogue).words() == ""


@pytest.mark.parametrize("theirs", [Label("sad", "folder"), Label("sad", "human", "ann", "2020-01-01T00:00:00.000Z")])
def test_what_another_copy_of_the_dataset_said_all_along_is_no_edit(catalogue, theirs):
    """Its revisions are not ours: the same number may stand for what we had before a person labelled."""
    say(catalogue, 1, emotion="angry")
    write_views(catalogue)
    there = sample(1, rev=catalogue.get(id_of(1)).rev)
    there.labels = {"emotion": theirs, "notes": Label("hers")}
    file_of(catalogue, 1).write_bytes(annotation_file.render(there, {}))
    merge = read_back(catalogue)
    assert merge.conflicts == [(id_of(1), "emotion")]
    assert values(catalogue, 1) == {"emotion": "angry", "notes": "hers"}
    newer, ours = Label("tense", "human", "bea", "2999-01-01T00:00:00.000Z"), catalogue.find(id_of(1)).labels["emotion"]
    for known, taken in (({}, []), ({"earlier": {"emotion": [as_earlier(ours)]}}, [(id_of(1), "emotion")])):
        write_views(catalogue)
        there.labels, there.rev = {"emotion": newer}, there.rev + 1
        file_of(catalogue, 1).write_bytes(annotation_file.render(there, known))
        assert read_back(catalogue).taken == taken, "what was said later is not said of ours, unless ours was known"


def test_the_longest_labels_can_be_read_again(catalogue):
    """Of a MIDI file of 450,000 notes the offsets were written, 5 MB, to a file that was then too large to be read."""
    numbers = [0.1 + 1 / 3 + at for at in range(100_000)]
    texts = [f"\x01{at:05}\x01\x01\x01\x01" for at in range(100_000)]
    longest = {
        "timing_offsets_ms": numbers, "chord_times": numbers, "notes": "\x01" * 100_000, "tags": texts,
        "chord_progression": ["Fmaj7/b13"] * 100_000, "rule_breaks": [f"HARMONY_{at:02}" for at in range(70_000)],
    }  # fmt: skip
    say(catalogue, 1, **longest)
    write_views(catalogue)
    assert read_back(catalogue).set_aside == []
    read = annotation_file.read(annotation_file.raw(catalogue.root, file_of(catalogue, 1)))
    assert read.values == longest
    for field in ("timing_offsets_ms", "chord_times", "tags", "chord_progression"):
        with pytest.raises(LabelError, match="a list of 100,001"):
            say(catalogue, 1, **{field: [*longest[field], longest[field][0]]})
    with pytest.raises(LabelError, match="1,000,000 characters in all"):
        say(catalogue, 1, tags=[f"{at}{'x' * 95_000}" for at in range(11)])


def test_a_text_too_long_for_an_annotation_file_is_refused_and_kept(catalogue):
    """It was taken from the manifest, and the file that it was written to was larger than Kelly reads."""
    longest = "\x01" * 100_000  # six characters each in JSON
    say(catalogue, 1, notes=longest)
    write_views(catalogue)
    assert read_back(catalogue).set_aside == []
    assert annotation_file.read(annotation_file.raw(catalogue.root, file_of(catalogue, 1))).values["notes"] == longest
    manifest_path = catalogue.layout.manifest_path
    manifest_path.write_text(manifest_path.read_text().replace('"notes":"', '"notes":"x', 1))
    merge = read_back(catalogue)
    assert [(name, field) for name, field, _ in merge.refused] == [("manifest.json", "notes")]
    assert values(catalogue, 1) == {"notes": longest}


# -- more than is held in memory --------------------------------------------------------------------------------------


@pytest.fixture
def a_few_at_once(monkeypatch):
    """So few changes are held that what is taken in is looked for a second time."""
    monkeypatch.setattr(readback, "_AT_ONCE", 1)


@pytest.mark.usefixtures("a_few_at_once")
def test_many_edits_of_both_views_are_taken_in_as_few_are(catalogue):
    test_two_views_edited_differently(catalogue)
    write_views(catalogue)
    edit_file(file_of(catalogue, 1), lambda data: data["annotations"].update(tags=["near"]))

    def all_rows(data: dict) -> None:
        for number, row in enumerate(data["samples"]):
            row["annotations"]["tags"] = [f"far {number}"]

    edit_file(catalogue.layout.manifest_path, all_rows)
    steps = "SELECT count(*) FROM steps WHERE kind = 'outside'"
    before = catalogue.db.execute(steps).fetchone()[0]
    merge = read_back(catalogue)
    assert values(catalogue, 1)["tags"] == ["near"]
    assert [values(catalogue, number)["tags"] for number in range(2, 6)] == [[f"far {n}"] for n in range(1, 5)]
    assert (merge.taken_in_all, merge.conflicts) == (5, [(id_of(1), "tags")])
    assert catalogue.db.execute(steps).fetchone()[0] == before + 1, "all of it is one step"
    assert write_views(catalogue).merge is None


@pytest.mark.usefixtures("a_few_at_once")
def test_of_many_edits_what_was_typed_for_a_variant_stands_against_its_parents(catalogue):
    variant = sample(9, parent_id=id_of(1), root_id=id_of(1), augmentation={"transpose": 2})
    catalogue.add([variant])
    write_views(catalogue)

    def both(data: dict) -> None:
        for row in data["samples"]:
            if row["sample_id"] in (id_of(1), id_of(9)):
                row["annotations"]["emotion"] = "sad" if row["sample_id"] == id_of(1) else "angry"

    edit_file(catalogue.layout.manifest_path, both)
    merge = read_back(catalogue)
    assert merge.conflicts == []
    assert (values(catalogue, 1)["emotion"], values(catalogue, 9)["emotion"]) == ("sad", "angry")


@pytest.mark.usefixtures("a_few_at_once")
def test_both_versions_of_a_merge_that_git_left_to_people_are_heard_where_edits_are_many(catalogue):
    say(catalogue, 1, key="C")
    write_views(catalogue)
    path = file_of(catalogue, 1)
    line = next(line for line in path.read_text().splitlines(keepends=True) if '"key": "C"' in line)
    ours, theirs = (line.replace('"key": "C"', f'"key": "C", "emotion": "{value}"') for value in ("happy", "tense"))
    marked = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n"
    path.write_text(path.read_text().replace(line, marked))
    read_back(catalogue)
    [conflict] = conflicts(catalogue)
    assert (values(catalogue, 1)["emotion"], conflict.theirs.value) == ("happy", "tense")


def test_of_many_edits_the_first_are_listed_and_all_are_counted(catalogue, monkeypatch):
    monkeypatch.setattr(readback, "_AT_ONCE", 1)
    monkeypatch.setattr(readback, "MANY_FILES", 2)
    write_views(catalogue)

    def all_rows(data: dict) -> None:
        for row in data["samples"]:
            row["annotations"] |= {"tags": ["mine"], "notes": "x"}

    edit_file(catalogue.layout.manifest_path, all_rows)
    merge = read_back(catalogue, 3)
    assert [len(merge.pending), merge.pending_samples, dict(merge.pending_fields)] == [3, 5, {"tags": 5, "notes": 5}]
    assert len(read_back(catalogue, None).pending) == 10
    assert values(catalogue, 1) == {}
    assert take_outside_edits(catalogue).taken_in_all == 10
    assert write_views(catalogue).merge is None
