"""What a person cleared stays so, whoever else would fill it, until that is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.extracted import Extracted, put_extracted
from kelly_tui.store.history import edit, redo, undo
from kelly_tui.store.labelling import annotate
from kelly_tui.store.views import export_annotations, read_back, write_views


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Two songs of a folder "sad", and a faster variant of the first."""
    with new_catalogue(tmp_path) as opened:
        opened.add([sample(0, source="sad/0.mid"), sample(1, source="sad/1.mid")])
        stretched = {"time_stretch": 1.05}
        opened.add([
            sample(2, parent_id=id_of(0), root_id=id_of(0), augmentation_type="stretch", augmentation=stretched)
        ])  # fmt: skip
        yield opened


def say(catalogue: Catalogue, field: str, value: object) -> None:
    edit(catalogue, [Edit(id_of(0), field, None if value is None else Label(value))], by="ann")  # type: ignore[arg-type]


def fill(catalogue: Catalogue, tempo: float = 90.0) -> None:
    """What the stages write that guess: the emotion by the folder, the tempo by a detector of this version."""
    annotate(catalogue)
    found = {"tempo_bpm": Label(tempo, "detector", f"kelly tempo {tempo}", confidence=0.9)}
    put_extracted(catalogue, [Extracted(id_of(0), "key", "there", 9.0, b"", "{}", b"", found)])


def said(catalogue: Catalogue, number: int = 0) -> dict[str, object]:
    found = catalogue.get(id_of(number))
    assert found is not None
    return found.annotations


def made_anew(catalogue: Catalogue) -> Catalogue:
    """The same dataset after its catalogue was lost."""
    catalogue.close()
    catalogue.layout.catalogue_path.unlink()
    return Catalogue.open(catalogue.root)


@pytest.mark.parametrize("field", ["emotion", "tempo_bpm"])
def test_no_stage_fills_what_a_person_cleared_and_newer_detectors_replace_older_ones(catalogue, field):
    fill(catalogue)
    assert said(catalogue) == {"emotion": "sad", "tempo_bpm": 90.0}
    say(catalogue, field, None)
    left = {"emotion": "sad", "tempo_bpm": 91.0}
    del left[field]
    fill(catalogue, 91.0)
    assert said(catalogue) == left
    assert said(catalogue, 1) == {"emotion": "sad"}, "of the other nothing was cleared"
    assert annotate(catalogue).cleared == (field == "emotion")


def test_what_a_person_set_and_cleared_stays_empty_too(catalogue):
    say(catalogue, "tempo_bpm", 60)
    say(catalogue, "tempo_bpm", None)
    fill(catalogue)
    assert "tempo_bpm" not in said(catalogue)
    say(catalogue, "tempo_bpm", 70)
    assert catalogue.get(id_of(0)).refused == []


@pytest.mark.parametrize("manifest", [True, False])
def test_it_is_in_the_views_and_outlives_the_catalogue(catalogue, manifest):
    write_views(catalogue)
    fill(catalogue)
    say(catalogue, "tempo_bpm", None)
    if manifest:
        write_views(catalogue)
        catalogue.layout.annotation_path(id_of(0)).unlink()
    else:
        export_annotations(catalogue)
        assert json.loads(catalogue.layout.annotation_path(id_of(0)).read_bytes())["refused"] == ["tempo_bpm"]
    with made_anew(catalogue) as again:
        fill(again)
        assert said(again) == {"emotion": "sad"}
        write_views(again)
        assert read_back(again).words() == ""


def test_undo_takes_it_back_and_redo_makes_it_again_also_after_others(catalogue):
    fill(catalogue)
    say(catalogue, "tempo_bpm", None)
    edit(catalogue, [Edit(id_of(0), "emotion", None)], by="bob")
    undo(catalogue, "ann")
    assert said(catalogue) == {"tempo_bpm": 90.0}
    fill(catalogue, 91.0)
    assert said(catalogue) == {"tempo_bpm": 91.0}
    undo(catalogue, "bob")
    assert said(catalogue) == {"emotion": "sad", "tempo_bpm": 91.0}
    redo(catalogue, "bob")
    annotate(catalogue)
    assert said(catalogue) == {"tempo_bpm": 91.0}


def test_a_person_lets_the_stages_fill_it_again(catalogue):
    fill(catalogue)
    say(catalogue, "tempo_bpm", None)
    say(catalogue, "emotion", None)
    say(catalogue, "refused", None)
    fill(catalogue)
    assert said(catalogue) == {"emotion": "sad", "tempo_bpm": 90.0}
    edit(catalogue, [Edit(id_of(0), "tempo_bpm", None), Edit(id_of(0), "refused", None)], by="ann")
    assert said(catalogue) == {"emotion": "sad"}
    fill(catalogue)
    assert said(catalogue) == {"emotion": "sad", "tempo_bpm": 90.0}, "cleared only for now"


def test_who_clears_a_field_in_a_view_is_a_person(catalogue):
    fill(catalogue)
    write_views(catalogue)
    path = catalogue.layout.annotation_path(id_of(0))
    path.write_bytes(path.read_bytes().replace(b"90.0", b"null"))
    assert read_back(catalogue).taken == [(id_of(0), "tempo_bpm")]
    fill(catalogue)
    assert said(catalogue) == {"emotion": "sad"}


def test_of_a_variant_only_what_a_person_cleared_there_is_not_inherited(catalogue):
    say(catalogue, "emotion", "sad")
    edit(catalogue, [Edit(id_of(2), "emotion", None)], by="ann")
    say(catalogue, "emotion", "tense")
    assert said(catalogue, 2) == {}
    say(catalogue, "key", "C")
    say(catalogue, "key", None)
    assert said(catalogue, 2) == {}
    say(catalogue, "key", "D")
    assert said(catalogue, 2) == {"key": "D"}


def detected(catalogue: Catalogue, number: int = 0) -> None:
    chords, times = ["C", "G", "Am", "F"], [0.0, 1.0, 2.0, 3.0]
    found = {"chord_progression": Label(chords, "detector", "k"), "chord_times": Label(times, "detector", "k")}
    catalogue.put_labels({id_of(number): found}, kind="stage", actor="extract")


def test_times_of_other_chords_go_with_them_and_come_back_with_them(catalogue: Catalogue) -> None:
    detected(catalogue)
    say(catalogue, "chord_progression", ["C", "G"])
    assert catalogue.find(id_of(0)).value("chord_times") is None
    detected(catalogue)  # the stage again: they are still of other chords
    assert catalogue.find(id_of(0)).value("chord_times") is None
    undo(catalogue, "ann")
    one = catalogue.find(id_of(0))
    assert (len(one.value("chord_progression")), one.value("chord_times")) == (4, [0.0, 1.0, 2.0, 3.0])
    assert one.refused == []
    redo(catalogue, "ann")
    assert catalogue.find(id_of(0)).value("chord_times") is None
    say(catalogue, "chord_times", [0.0, 2.0])
    say(catalogue, "chord_progression", ["C", "G", "C"])
    assert catalogue.find(id_of(0)).value("chord_times") == [0.0, 2.0], "a person's own stay"


def test_times_of_as_many_chords_stay_and_those_found_later_stay_away(catalogue: Catalogue) -> None:
    detected(catalogue)
    say(catalogue, "chord_progression", ["C", "G", "Am", "Dm"])
    assert catalogue.find(id_of(0)).value("chord_times") == [0.0, 1.0, 2.0, 3.0]
    edit(catalogue, [Edit(id_of(1), "chord_progression", Label(["C", "G"]))], by="ann")
    detected(catalogue, 1)
    assert catalogue.find(id_of(1)).value("chord_times") is None
    edit(catalogue, [Edit(id_of(1), "chord_times", Label([0.0, 2.0])),
                     Edit(id_of(1), "chord_progression", Label(["Am", "G"]))], by="ann")  # fmt: skip
    assert catalogue.find(id_of(1)).value("chord_times") == [0.0, 2.0]


def test_times_go_where_a_view_names_other_chords_and_from_variants(catalogue: Catalogue) -> None:
    detected(catalogue)
    catalogue.put_labels({id_of(0): {"chord_progression": Label(["C", "G"])}}, kind="outside", actor="outside")
    assert catalogue.find(id_of(0)).value("chord_times") is None
    detected(catalogue, 0)
    assert catalogue.find(id_of(2)).value("chord_times") is None
