"""The manifest of another copy of the dataset in the place of ours: what it says otherwise is no edit of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.history import edit
from kelly_tui.store.views import read_back, write_views


@pytest.fixture(params=["with its catalogue", "views only"])
def copies(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A dataset, and a copy of it that was made before either was worked on."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(number, labels={"emotion": "happy"}) for number in range(1, 5)])
        catalogue.add([sample(number) for number in range(5, 8)])
        for one in catalogue.samples():
            path = catalogue.root / one.file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.sample_id.encode())
        say(catalogue, 4, emotion="tense")
        write_views(catalogue)
        ours = catalogue.root
    theirs = tmp_path / "theirs"
    shutil.copytree(ours, theirs, ignore=shutil.ignore_patterns(".kelly" if request.param == "views only" else "-"))
    return ours, theirs


def say(catalogue: Catalogue, number: int, by: str = "ann", **labels: Any) -> None:
    edit(catalogue, [Edit(id_of(number), name, Label(value)) for name, value in labels.items()], by)


def label(catalogue: Catalogue, number: int, field: str = "emotion") -> Label:
    found = catalogue.get(id_of(number))
    assert found is not None
    return found.labels[field]


def change_row(root: Path, number: int, **annotations: object) -> None:
    path = root / "manifest.json"
    data = json.loads(path.read_bytes())
    next(row for row in data["samples"] if row["sample_id"] == id_of(number))["annotations"].update(annotations)
    path.write_text(json.dumps(data))


def brought(ours: Path, theirs: Path, work: Callable[[Catalogue], object]) -> None:
    """Work there, and put the manifest of it here."""
    with Catalogue.open(theirs) as catalogue:
        work(catalogue)
        write_views(catalogue)
    shutil.copy(theirs / "manifest.json", ours / "manifest.json")


def test_a_persons_label_stands_and_what_the_other_copy_says_is_listed(copies: tuple[Path, Path]) -> None:
    ours, theirs = copies

    def work(there: Catalogue) -> None:
        for tempo in (90, 91, 92):  # as many events as here, and more
            say(there, 6, "bob", tempo_bpm=tempo)
        say(there, 2, "bob", emotion="sad")
        say(there, 4, "bob", emotion="sad")

    with Catalogue.open(ours) as catalogue:
        for number in (1, 2, 4):
            say(catalogue, number, emotion="angry")
        write_views(catalogue)
        brought(ours, theirs, work)
        merge = read_back(catalogue)
        for number in (1, 2, 4):
            assert (label(catalogue, number).value, label(catalogue, number).by) == ("angry", "ann")
        theirs_said = {
            one.sample_id: one.theirs and (one.theirs.value, one.theirs.source) for one in conflicts(catalogue)
        }
        wanted = {1: ("happy", "folder"), 2: ("sad", "human"), 4: ("sad", "human")}
        assert theirs_said == {id_of(number): said for number, said in wanted.items()}
        assert len(merge.conflicts) == 3
        write_views(catalogue)
        assert read_back(catalogue).words() == ""


def test_what_nobody_said_here_is_taken_as_who_said_it_there(copies: tuple[Path, Path]) -> None:
    ours, theirs = copies

    def work(there: Catalogue) -> None:
        say(there, 5, "bob", emotion="sad")
        say(there, 1, "bob", emotion="sad")
        there.put_labels({id_of(6): {"tempo_bpm": Label(90.0, "detector", "tempo", confidence=0.5)}})

    brought(ours, theirs, work)
    with Catalogue.open(theirs) as there:
        bobs = label(there, 5)
    with Catalogue.open(ours) as catalogue:
        assert read_back(catalogue).conflicts == []
        assert label(catalogue, 5) == bobs
        assert (label(catalogue, 1).value, label(catalogue, 1).by) == ("sad", "bob"), "more than a folder's"
        assert label(catalogue, 6, "tempo_bpm").source == "folder", "no person's"
        assert label(catalogue, 2) == Label("happy", "folder", "folder")


def test_an_edit_by_hand_of_our_own_is_taken_before_and_after(copies: tuple[Path, Path]) -> None:
    ours, theirs = copies
    with Catalogue.open(ours) as catalogue:
        say(catalogue, 1, emotion="angry")
        write_views(catalogue)
        change_row(ours, 1, emotion="sad")
        assert read_back(catalogue).taken == [(id_of(1), "emotion")]
        assert label(catalogue, 1).by == "outside"
        brought(ours, theirs, lambda there: say(there, 5, "bob", emotion="sad"))
        read_back(catalogue)
        write_views(catalogue)
        change_row(ours, 1, emotion="tense")
        read_back(catalogue)
        assert label(catalogue, 1).value == "tense"


@pytest.mark.parametrize("by_bob", [True, False])
def test_a_row_of_the_other_copy_in_our_manifest_is_no_edit_by_hand(copies: tuple[Path, Path], by_bob: bool) -> None:
    """As whoever merges the two by hand leaves it."""
    ours, theirs = copies
    with Catalogue.open(theirs) as there:
        if by_bob:
            say(there, 1, "bob", emotion="sad")
        write_views(there)
    rows = {row["sample_id"]: row for row in json.loads((theirs / "manifest.json").read_bytes())["samples"]}
    with Catalogue.open(ours) as catalogue:
        say(catalogue, 1, emotion="angry")
        write_views(catalogue)
        data = json.loads((ours / "manifest.json").read_bytes())
        data["samples"] = [rows[id_of(1)] if row["sample_id"] == id_of(1) else row for row in data["samples"]]
        (ours / "manifest.json").write_text(json.dumps(data))
        assert (id_of(1), "emotion") in read_back(catalogue).conflicts
        assert label(catalogue, 1).value == "angry"


def test_an_edit_by_hand_of_what_the_catalogue_was_made_from_is_taken(copies: tuple[Path, Path]) -> None:
    """Its events are those of the lost one."""
    ours, _ = copies
    shutil.rmtree(ours / ".kelly")
    with Catalogue.open(ours) as catalogue:
        change_row(ours, 4, emotion="sad")
        assert read_back(catalogue).taken == [(id_of(4), "emotion")]
        assert conflicts(catalogue) == []


def test_an_older_one_of_our_own_says_only_what_was_edited_in_it(copies: tuple[Path, Path]) -> None:
    ours, _ = copies
    older = (ours / "manifest.json").read_bytes()
    with Catalogue.open(ours) as catalogue:
        say(catalogue, 1, emotion="angry")
        say(catalogue, 5, emotion="sad")
        write_views(catalogue)
        (ours / "manifest.json").write_bytes(older)
        change_row(ours, 2, emotion="sad")
        change_row(ours, 5, emotion="tense")
        merge = read_back(catalogue)
        assert (merge.taken, merge.conflicts) == ([(id_of(2), "emotion")], [(id_of(5), "emotion")])
        assert label(catalogue, 1).value == "angry"


def test_of_an_earlier_version_the_number_of_the_event_tells(copies: tuple[Path, Path]) -> None:
    ours, _ = copies

    def without_mark(seq: int) -> None:
        data = json.loads((ours / "manifest.json").read_bytes())
        del data["kelly"]["mark"]
        data["kelly"]["catalogue_rev"] += seq
        (ours / "manifest.json").write_text(json.dumps(data))

    with Catalogue.open(ours) as catalogue:
        say(catalogue, 1, emotion="angry")
        write_views(catalogue)
        change_row(ours, 1, emotion="sad")
        without_mark(0)
        assert read_back(catalogue).taken == [(id_of(1), "emotion")]
        write_views(catalogue)
        change_row(ours, 1, emotion="tense")
        without_mark(-1)
        assert read_back(catalogue).conflicts == [(id_of(1), "emotion")]
        assert label(catalogue, 1).value == "sad"


def test_who_said_what_comes_back_from_the_manifest_alone(copies: tuple[Path, Path]) -> None:
    ours, _ = copies
    with Catalogue.open(ours) as catalogue:
        say(catalogue, 5, "bob", emotion="sad", notes="mine")
        write_views(catalogue)
        before = [label(catalogue, 5), label(catalogue, 5, "notes"), label(catalogue, 4)]
    shutil.rmtree(ours / ".kelly")
    shutil.rmtree(ours / "annotations")
    with Catalogue.open(ours) as catalogue:
        assert [label(catalogue, 5), label(catalogue, 5, "notes"), label(catalogue, 4)] == before
        assert label(catalogue, 1).source == "folder"
        assert not any(one.extra for one in catalogue.samples())


@pytest.mark.parametrize(
    "said_by",
    [
        "ann",
        {"emotion": 3},
        {"no field": {}},
        {"emotion": {"source": "oracle"}},
        {"emotion": {"by": "x" * 1001}},
        [],
        {},
    ],
)
def test_a_key_of_that_name_that_says_something_else_is_kept(copies: tuple[Path, Path], said_by: Any) -> None:
    ours, _ = copies
    shutil.rmtree(ours / ".kelly")
    shutil.rmtree(ours / "annotations")
    data = json.loads((ours / "manifest.json").read_bytes())
    data["samples"][0]["said_by"] = said_by
    (ours / "manifest.json").write_text(json.dumps(data))
    with Catalogue.open(ours) as catalogue:
        assert label(catalogue, 1).source in ("folder", "human")
        write_views(catalogue)
    row = json.loads((ours / "manifest.json").read_bytes())["samples"][0]
    if isinstance(said_by, dict) and "emotion" in said_by:  # a person gave it, whoever that was
        assert row["said_by"] == {"emotion": {}}
        is_odd = said_by != {"emotion": {"source": "oracle"}}
        assert row.get("not_read") == ({"said_by": said_by} if is_odd else None)
    else:
        assert row["said_by"] == said_by
