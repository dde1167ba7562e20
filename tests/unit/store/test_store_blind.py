"""What people said blind, in the views: there at once, merged from another copy, and back after a loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.opinion import Opinion
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.history import edit, redo, undo
from kelly_tui.store.opinions import blind_opinions, give_opinion
from kelly_tui.store.trials import add_trials, trials
from kelly_tui.store.views import export_annotations, read_back, write_views

LATER = "2999-01-01T00:00:00.000Z"
BOBS = Opinion("", "emotion", "bob", 1, "happy", LATER)


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add([sample(number) for number in range(1, 4)])
        for one in opened.samples():
            path = opened.root / one.file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.sample_id.encode())
        edit(opened, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        write_views(opened)
        yield opened


def said(catalogue: Catalogue) -> list[tuple[str, int, object]]:
    return [(one.annotator, one.round, one.value) for one in blind_opinions(catalogue)]


def trial(at: str = "2026-01-01") -> Trial:
    return Trial('{"transpose":2}', id_of(2), True, "ann", at)


def without_catalogue(catalogue: Catalogue) -> Catalogue:
    catalogue.close()
    for path in catalogue.layout.catalogue_path.parent.glob("catalogue.sqlite*"):
        path.unlink()
    return Catalogue.open(catalogue.root)


def in_file(catalogue: Catalogue, number: int, name: str, more: list[dict[str, Any]]) -> None:
    """Another copy's lines in a sample's own file."""
    path = catalogue.layout.annotation_path(id_of(number))
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, name: data.get(name, []) + more}))


def in_manifest(catalogue: Catalogue, number: int, name: str, more: list[dict[str, Any]]) -> None:
    path = catalogue.layout.manifest_path
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, name: data.get(name, []) + more}))


def line(number: int, **fields: object) -> dict[str, Any]:
    return {**{name: getattr(BOBS, name) for name in BOBS.__struct_fields__}, "sample_id": id_of(number), **fields}


def test_what_was_said_blind_is_in_the_file_at_once_and_comes_back_from_it(catalogue: Catalogue) -> None:
    give_opinion(catalogue, id_of(1), {"emotion": "happy", "tags": ["x", "y"]}, "bob")
    give_opinion(catalogue, id_of(2), {"valence": 0.5}, "bob")
    add_trials(catalogue, [trial(), trial()])
    export_annotations(catalogue)  # no more is written after an opinion
    before = blind_opinions(catalogue)
    with without_catalogue(catalogue) as again:
        assert blind_opinions(again) == before
        assert len(before) == 4
        assert trials(again) == [trial(), trial()]
        assert [one.field for one in conflicts(again)] == ["emotion"], "which the manifest did not know yet"


def test_an_opinion_that_was_taken_back_stays_so_whatever_the_views_say(catalogue: Catalogue) -> None:
    give_opinion(catalogue, id_of(2), {"emotion": "happy"}, "bob")
    write_views(catalogue)
    manifest = catalogue.layout.manifest_path.read_bytes()
    undo(catalogue, "bob")
    write_views(catalogue)
    catalogue.layout.manifest_path.write_bytes(manifest.replace(b'"complete"', b'"else": 1, "complete"'))
    read_back(catalogue)
    assert said(catalogue) == []
    redo(catalogue, "bob")
    assert said(catalogue) == [("bob", 1, "happy")]
    undo(catalogue, "bob")
    export_annotations(catalogue)
    catalogue.layout.manifest_path.write_bytes(manifest)
    with without_catalogue(catalogue) as again:
        assert said(again) == []


@pytest.mark.parametrize("view", [in_file, in_manifest])
def test_opinions_of_another_copy_are_added_once_and_what_differs_is_asked(catalogue: Catalogue, view: Any) -> None:
    give_opinion(catalogue, id_of(2), {"emotion": "angry"}, "bob")
    write_views(catalogue)
    view(catalogue, 1, "opinions", [line(1)])
    merge = read_back(catalogue)
    assert (merge.said, merge.conflicts) == (1, [(id_of(1), "emotion")])
    assert "1 opinion added" in merge.words()
    write_views(catalogue)
    view(catalogue, 2, "opinions", [line(2)])
    read_back(catalogue)
    assert said(catalogue) == [("bob", 1, "angry"), ("bob", 1, "happy"), ("bob", 2, "happy")], "in a round of its own"
    write_views(catalogue)
    view(catalogue, 2, "opinions", [line(2)])
    assert read_back(catalogue).said == 0
    write_views(catalogue)
    assert read_back(catalogue).words() == ""
    with without_catalogue(catalogue) as again:
        assert len(said(again)) == 3
        assert [(one.sample_id, one.field) for one in conflicts(again)] == [(id_of(1), "emotion")]


@pytest.mark.parametrize("view", [in_file, in_manifest])
def test_answers_of_blind_listening_are_added_once(catalogue: Catalogue, view: Any) -> None:
    add_trials(catalogue, [trial("1"), trial("1")])
    write_views(catalogue)
    new = {"recipe": trial().recipe, "sample_id": id_of(2), "correct": True, "by": "ann", "at": "2"}
    view(catalogue, 2, "blind_listening", [new])
    assert read_back(catalogue).said == 1
    assert trials(catalogue) == [trial("1"), trial("1"), trial("2")]


@pytest.mark.parametrize("view", [in_file, in_manifest])
@pytest.mark.parametrize(
    "wrong",
    [{"value": "sadd-ish"}, {"round": 0}, {"field": "no"}, {"value": [[[]]]}, {"at": 3}, {"annotator": "x" * 1001}],
)
def test_what_can_be_no_opinion_is_kept_and_listed(catalogue: Catalogue, view: Any, wrong: dict[str, Any]) -> None:
    view(catalogue, 1, "opinions", [line(1, **wrong)])
    words = read_back(catalogue).words()
    assert said(catalogue) == []
    assert "set aside" in words
    kept = b"".join(path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir())
    assert json.dumps(wrong)[1:-1].encode() in kept


@pytest.mark.parametrize("view", [in_file, in_manifest])
@pytest.mark.parametrize("made", [{"transpose": "x"}, {"dropout": [1]}, {"gain": 1e308}, {"seed": {}}])
def test_an_answer_about_a_change_that_no_variant_has_is_kept_and_listed(
    catalogue: Catalogue, view: Any, made: dict[str, Any]
) -> None:
    wrong, unknown = json.dumps(made), '{"reverb":"x","transpose":null}'
    answer = {**msgspec.to_builtins(trial()), "sample_id": id_of(1)}
    view(catalogue, 1, "blind_listening", [{**answer, "recipe": recipe} for recipe in (wrong, unknown)])
    words = read_back(catalogue).words()
    assert [one.recipe for one in trials(catalogue)] == [unknown]
    assert "nobody can have said so" in words
    kept = b"".join(path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir())
    assert json.dumps(wrong).encode() in kept
    write_views(catalogue)
    with without_catalogue(catalogue) as again:
        assert [one.recipe for one in trials(again)] == [unknown]


def test_an_open_conflict_of_another_copy_is_listed(catalogue: Catalogue) -> None:
    """Both had it before; what is decided here, or stands otherwise, is not asked again."""
    sides = {"base": None, "ours": {"value": "sad"}, "theirs": {"value": "tense"}}
    asked = {"sample_id": id_of(1), "field": "emotion", **sides, "origin": "annotations", "at": LATER}
    other = {**asked, "sample_id": id_of(2)}
    in_manifest(catalogue, 1, "conflicts", [asked, other])
    assert read_back(catalogue).conflicts == [(id_of(1), "emotion")]
    edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
    write_views(catalogue)
    in_manifest(catalogue, 1, "conflicts", [asked])
    assert read_back(catalogue).conflicts == []


def test_the_sides_of_a_conflict_are_as_labels_of_the_dataset(tmp_path: Path) -> None:
    with new_catalogue(tmp_path, emotion_labels=["dreamy", "sad"]) as catalogue:
        catalogue.add([sample(1, labels={"emotion": "sad"}), sample(2)])
        for one in catalogue.samples():
            path = catalogue.root / one.file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.sample_id.encode())
        sides = {"base": None, "ours": {"value": "SAD"}, "theirs": {"value": "Dreamy", "by": "bob"}}
        asked = {"sample_id": id_of(1), "field": "emotion", **sides, "origin": "annotations", "at": LATER}
        verified = {**asked, "field": "is_verified", "ours": None, "theirs": {"value": "yes"}}
        write_views(catalogue)
        in_manifest(
            catalogue, 1, "conflicts", [asked, {**verified, "sample_id": id_of(2)}, {**verified, "field": "bpm"}]
        )
        read_back(catalogue)
        write_views(catalogue)
        expected = [(Label("sad"), Label("dreamy", by="bob")), (None, Label(True))]
        assert [(one.ours, one.theirs) for one in conflicts(catalogue)] == expected
        with without_catalogue(catalogue) as again:
            assert [(one.ours, one.theirs) for one in conflicts(again)] == expected
