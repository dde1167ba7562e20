"""Opinions: said blind, they change no label; where they differ from one, somebody is asked to decide."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import opinions as store
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.history import edit, redo, undo
from kelly_tui.store.opinions import (
    blind_opinions,
    decide_by_majority,
    give_opinion,
    opinions,
    second_look,
    to_hear,
    to_review,
)
from kelly_tui.store.views import write_views
from tests.unit.store.store_samples import id_of, new_catalogue, sample


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add(sample(n) for n in range(6))
        yield opened


def label(catalogue: Catalogue, number: int, by: str, emotion: str) -> None:
    edit(catalogue, [Edit(id_of(number), "emotion", Label(emotion))], by)


def said(catalogue: Catalogue) -> list[tuple[str, int, object]]:
    return [(one.annotator, one.round, one.value) for one in blind_opinions(catalogue)]


def emotion(catalogue: Catalogue, number: int) -> object:
    return catalogue.find(id_of(number)).value("emotion")


def test_an_opinion_leaves_the_label_and_brings_its_authors_along(catalogue: Catalogue) -> None:
    label(catalogue, 1, "anna", "sad")
    before = catalogue.find(id_of(1))
    step = give_opinion(catalogue, id_of(1), {"emotion": "sad"}, "ben")
    assert step.words == "opinion emotion sad"
    now = catalogue.find(id_of(1))
    assert (now.labels, now.state) == (before.labels, before.state)
    assert said(catalogue) == [("anna", 1, "sad"), ("ben", 1, "sad")]
    assert conflicts(catalogue) == []


def test_who_corrected_a_label_has_seen_it_and_gave_no_opinion(catalogue: Catalogue) -> None:
    label(catalogue, 1, "anna", "sad")
    label(catalogue, 1, "ben", "tense")
    give_opinion(catalogue, id_of(1), {"emotion": "tense"}, "cleo")
    assert said(catalogue) == [("cleo", 1, "tense")]


def test_a_folders_label_is_nobodys_opinion(catalogue: Catalogue) -> None:
    catalogue.put_labels({id_of(1): {"emotion": Label("sad", "folder", "folders")}})
    give_opinion(catalogue, id_of(1), {"emotion": "happy"}, "ben")
    assert said(catalogue) == [("ben", 1, "happy")]
    assert conflicts(catalogue) == []


def test_where_it_differs_somebody_decides_and_that_can_be_undone(catalogue: Catalogue) -> None:
    label(catalogue, 1, "anna", "sad")
    give_opinion(catalogue, id_of(1), {"emotion": "happy"}, "ben")
    (asked,) = conflicts(catalogue)
    assert (asked.ours and asked.ours.value, asked.theirs and asked.theirs.value) == ("sad", "happy")
    for who in ("anna", "ben", "cleo"):
        assert to_review(catalogue, "emotion", who) == [id_of(1)]
    assert [(one.by, one.value) for one in opinions(catalogue, id_of(1), "emotion")] == [
        ("anna", "sad"),
        ("ben", "happy"),
    ]
    label(catalogue, 1, "anna", "sad")  # her own word again: it stands, and that decides it
    assert conflicts(catalogue) == []
    assert undo(catalogue, "anna") is not None
    assert len(conflicts(catalogue)) == 1
    assert redo(catalogue, "anna") is not None
    assert conflicts(catalogue) == []
    assert catalogue.find(id_of(1)).value("emotion") == "sad"


def test_undo_takes_an_opinion_back_with_its_conflict_and_then_what_was_before(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1), sample(2)])
        label(catalogue, 1, "anna", "sad")
        label(catalogue, 2, "ben", "angry")
        give_opinion(catalogue, id_of(1), {"emotion": "happy"}, "ben")
    with Catalogue.open(tmp_path / "songs") as catalogue:  # across a restart
        step = undo(catalogue, "ben")
        assert step is not None
        assert step.words == "undo opinion emotion happy"
        assert [(one.sample_id, one.old and one.old.value) for one in step.events] == [(id_of(1), "happy")]
        assert said(catalogue) == []
        assert conflicts(catalogue) == []
        assert catalogue.counts().quality()["agreed"] == 2
        assert redo(catalogue, "ben") is not None
        assert said(catalogue) == [("anna", 1, "sad"), ("ben", 1, "happy")]
        assert len(conflicts(catalogue)) == 1
        assert catalogue.counts().quality()["agreed"] == 1
        undo(catalogue, "ben")
        undo(catalogue, "ben")
        assert emotion(catalogue, 2) is None
        assert undo(catalogue, "ben") is None


def test_numbers_are_to_be_decided_when_they_are_far_apart(catalogue: Catalogue) -> None:
    for number, arousal in ((1, 0.25), (2, 1.0)):
        edit(catalogue, [Edit(id_of(number), "arousal", Label(-0.25))], "anna")
        give_opinion(catalogue, id_of(number), {"arousal": arousal}, "ben")
    assert [one.sample_id for one in conflicts(catalogue)] == [id_of(2)]


def test_what_can_be_no_opinion(catalogue: Catalogue) -> None:
    with pytest.raises(LabelError, match="no emotion"):
        give_opinion(catalogue, id_of(1), {"emotion": "sadd-ish"}, "ben")
    with pytest.raises(LabelError, match="no opinion was given"):
        give_opinion(catalogue, id_of(1), {}, "ben")
    assert said(catalogue) == []


def test_most_of_three_decide_and_the_label_says_so(catalogue: Catalogue) -> None:
    for number, words in ((1, "sad happy sad"), (2, "sad happy tense"), (3, "sad happy")):
        first, *rest = words.split()
        label(catalogue, number, "anna", first)
        for who, word in zip(("ben", "cleo"), rest, strict=False):
            give_opinion(catalogue, id_of(number), {"emotion": word}, who)
    label(catalogue, 4, "anna", "sad")
    for who in ("ben", "cleo"):
        give_opinion(catalogue, id_of(4), {"emotion": "angry"}, who)
    step = decide_by_majority(catalogue, "dora")
    assert {event.sample_id for event in step.events} == {id_of(1), id_of(4)}
    assert (emotion(catalogue, 1), emotion(catalogue, 4)) == ("sad", "angry")
    assert catalogue.find(id_of(4)).labels["emotion"].by == "majority"
    assert {one.sample_id for one in conflicts(catalogue)} == {id_of(2), id_of(3)}
    undo(catalogue, "dora")
    assert len(conflicts(catalogue)) == 4
    assert emotion(catalogue, 4) == "sad"


def test_a_second_look_is_at_what_one_labelled_long_enough_ago(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "APART", 3)
    catalogue.add([sample(9, parent_id=id_of(0), root_id=id_of(0))])
    for number in (0, 1, 2, 3, 4):
        label(catalogue, number, "anna", "sad")
    label(catalogue, 5, "ben", "sad")
    label(catalogue, 1, "ben", "tense")  # what she said of it does not stand

    def asked() -> set[str | None]:
        return {second_look(catalogue, "anna", ["emotion"], Random(seed)) for seed in range(30)}

    assert asked() == {id_of(0), id_of(2)}, "3 and 4 are too fresh, 1 is ben's"
    give_opinion(catalogue, id_of(0), {"emotion": "angry"}, "anna")
    assert said(catalogue) == [("anna", 1, "sad"), ("anna", 2, "angry")]
    assert to_review(catalogue, "emotion", "anna") == [id_of(0)]
    assert id_of(0) not in asked()
    assert second_look(catalogue, "ben", ["emotion"], Random(0)) is None


def test_what_others_labelled_is_heard_once(catalogue: Catalogue) -> None:
    label(catalogue, 1, "anna", "sad")
    label(catalogue, 2, "ben", "sad")
    label(catalogue, 3, "anna", "sad")
    catalogue.put_labels({id_of(4): {"emotion": Label("sad", "folder", "folders")}})
    assert to_hear(catalogue, "emotion", "ben") == [id_of(1), id_of(3)]
    give_opinion(catalogue, id_of(1), {"emotion": "sad"}, "ben")
    assert to_hear(catalogue, "emotion", "ben") == [id_of(3)]
    undo(catalogue, "ben")
    assert to_hear(catalogue, "emotion", "ben") == [id_of(1), id_of(3)]


def test_a_lost_catalogue_brings_opinions_back_from_the_manifest(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        path = catalogue.root / sample(1).file_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"MThd")
        catalogue.add([sample(1)])
        label(catalogue, 1, "anna", "sad")
        give_opinion(catalogue, id_of(1), {"emotion": "happy", "valence": 0.5}, "ben")
        before = blind_opinions(catalogue)
        write_views(catalogue)
        catalogue_path = catalogue.layout.catalogue_path
    for left in catalogue_path.parent.glob("catalogue.sqlite*"):
        left.unlink()
    with Catalogue.open(tmp_path / "songs") as again:
        assert blind_opinions(again) == before
        assert len(before) == 3
