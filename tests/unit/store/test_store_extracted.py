"""What extraction found travels as it is stored, and is in history what a label that came otherwise would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.extracted import Extracted, carried_labels, columns_to_carry, labels_to_carry, put_extracted
from kelly_tui.store.history import edit, history, undo

FOUND = {
    "key": Label("C", "detector", "kelly key 3", confidence=0.7),
    "chord_progression": Label(["C", "Am"], "detector", "kelly chords 4", confidence=0.5),
    "timing_offsets_ms": Label([1.5, -20.0, 0.1], "detector", "kelly groove 3", confidence=0.9),
}


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add([sample(1)])
        yield opened


def put(catalogue: Catalogue, labels: dict[str, Label], *absent: str) -> None:
    carried = carried_labels(labels_to_carry(labels))
    put_extracted(catalogue, [Extracted(id_of(1), "k", "x.json", 2.0, b"", "{}", b"", carried, absent)])


def test_what_was_found_is_stored_as_labels_that_come_otherwise_are(catalogue: Catalogue, tmp_path: Path) -> None:
    put(catalogue, FOUND)
    with new_catalogue(tmp_path / "other") as other:
        other.add([sample(1)])
        other.put_labels({id_of(1): FOUND}, actor="extract")
        columns = "rev, provenance, confidence, key, chord_progression, timing_offsets_ms FROM samples"
        for asked in (columns, "kind, actor, words FROM steps", "rev, field, old, new FROM events ORDER BY seq"):
            assert [*catalogue.db.execute(f"SELECT {asked}")] == [*other.db.execute(f"SELECT {asked}")]
    one = catalogue.find(id_of(1))
    assert (one.labels, one.features_path, one.duration_sec) == (FOUND, "x.json", 2.0)


def test_found_again_it_is_no_news_and_what_has_changed_is(catalogue: Catalogue) -> None:
    put(catalogue, FOUND)
    put(catalogue, FOUND)
    assert len(history(catalogue)) == len(FOUND)
    other = Label([1.5, -20.0, 0.2], "detector", "kelly groove 3", confidence=0.9)
    put(catalogue, {**FOUND, "timing_offsets_ms": other})
    changed = history(catalogue)[0]
    assert (changed.old, changed.new, len(history(catalogue))) == (FOUND["timing_offsets_ms"], other, len(FOUND) + 1)


def test_what_is_heard_no_more_is_cleared_but_what_a_person_said_stands(catalogue: Catalogue) -> None:
    put(catalogue, FOUND)
    edit(catalogue, [Edit(id_of(1), "key", Label("D"))], by="ann")
    put(catalogue, {}, "key", "chord_progression", "mode")
    assert catalogue.find(id_of(1)).annotations == {"key": "D", "timing_offsets_ms": [1.5, -20.0, 0.1]}


HEARD = {"key": Label("A", "detector", "kelly key 9"), "mode": Label("minor", "detector", "kelly key 9")}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"key": "C"}, {"key": "C"}),
        ({"mode": "dorian"}, {"mode": "dorian"}),
        ({"key": "A"}, {"key": "A", "mode": "minor"}),
        ({"mode": "minor"}, {"key": "A", "mode": "minor"}),
        ({"mode": "aeolian"}, {"key": "A", "mode": "aeolian"}),  # as detectors write minor
        ({"key": "C", "mode": "dorian"}, {"key": "C", "mode": "dorian"}),
    ],
)
@pytest.mark.parametrize("first", ["said", "heard"])
@pytest.mark.parametrize("source", ["human", "folder"])
def test_a_detectors_mode_is_of_its_own_tonic_whoever_comes_first(
    catalogue: Catalogue, said: dict[str, str], left: dict[str, str], first: str, source: str
) -> None:
    def say() -> None:
        if source == "human":
            edit(catalogue, [Edit(id_of(1), field, Label(value)) for field, value in said.items()], by="ann")
        else:
            catalogue.put_labels({id_of(1): {field: Label(value, "folder") for field, value in said.items()}})

    if first == "heard":
        put(catalogue, HEARD)
    say()
    put(catalogue, HEARD)
    one = catalogue.find(id_of(1))
    assert one.annotations == left
    assert {field for field in left if one.labels[field].source != "detector"} == {*said}
    assert one.refused == []


def test_a_mode_that_stands_beside_another_tonic_already_goes_when_it_is_heard_again(catalogue: Catalogue) -> None:
    put(catalogue, HEARD)
    with catalogue.writing() as db:  # as it was left before
        said = b'{"key":{},"mode":{"source":"detector","by":"kelly key 8"}}'
        db.execute("UPDATE samples SET key = 'C', provenance = ?", (said.decode(),))
    assert catalogue.find(id_of(1)).annotations == {"key": "C", "mode": "minor"}
    put(catalogue, HEARD)
    assert catalogue.find(id_of(1)).annotations == {"key": "C"}


def test_undo_of_another_tonic_brings_the_mode_back_with_the_tonic_it_was_heard_of(catalogue: Catalogue) -> None:
    put(catalogue, HEARD)
    edit(catalogue, [Edit(id_of(1), "key", Label("C"))], by="ann")
    assert catalogue.find(id_of(1)).annotations == {"key": "C"}
    undo(catalogue, "ann")
    assert catalogue.find(id_of(1)).labels == HEARD


def test_a_variant_that_was_heard_has_no_mode_beside_its_parents_tonic_that_is_another(catalogue: Catalogue) -> None:
    up = {"augmentation_type": "transpose", "augmentation": {"transpose": 2}}
    catalogue.add([sample(2, parent_id=id_of(1), root_id=id_of(1), **up)])
    catalogue.put_labels({id_of(2): {"key": Label("B", "detector", "k"), "mode": Label("minor", "detector", "k")}})
    edit(catalogue, [Edit(id_of(1), "key", Label("C"))], by="ann")
    assert catalogue.find(id_of(2)).annotations == {"key": "D"}
    undo(catalogue, "ann")
    assert catalogue.find(id_of(2)).annotations == {"key": "B", "mode": "minor"}
    edit(catalogue, [Edit(id_of(1), "key", Label("A"))], by="ann")
    assert catalogue.find(id_of(2)).annotations == {"key": "B", "mode": "minor"}, "it was heard of that"


def test_a_label_that_can_not_be_leaves_no_worker() -> None:
    with pytest.raises(LabelError):
        labels_to_carry({"timing_offsets_ms": Label([float("nan")], "detector")})


def test_how_sure_the_detectors_are_goes_with_the_columns() -> None:
    carried = columns_to_carry({"note_count": 7}, FOUND)
    assert carried == '{"note_count":7,"key_confidence":0.7,"chord_confidence":0.5}'
    assert columns_to_carry({"note_count": 7}, {}) == '{"note_count":7}'
