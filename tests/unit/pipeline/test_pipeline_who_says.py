"""Who a label is from, through extracting again: a detector fills what is empty or was a detector's, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.pipeline import extract
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit, redo, undo
from tests.strangers import create


@pytest.fixture(scope="module")
def extracted(corpus_midi, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A jig in a folder whose name is an emotion, imported, annotated and extracted."""
    music = tmp_path_factory.mktemp("music") / "happy"
    music.mkdir()
    (music / "jig.mid").write_bytes(corpus_midi("ryansMammoth/DoubleHeadJig"))
    root = create(tmp_path_factory.mktemp("who"))
    kelly_tui.import_files(root, [music.parent], workers=1)
    kelly_tui.annotate_dataset(root)
    kelly_tui.extract_features(root, workers=1)
    return root


def only(root: Path) -> Sample:
    with Catalogue.open(root) as catalogue:
        (sample,) = catalogue.samples()
    return sample


def told(root: Path, **labels: Label) -> None:
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({only(root).sample_id: labels})


def again(root: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """The sample after a version of the stage that is newer than the one before."""
    monkeypatch.setattr(extract, "VERSIONS", {kind: number + 1 for kind, number in extract.VERSIONS.items()})
    outcome = kelly_tui.extract_features(root, workers=1)
    assert outcome.done == 1
    return only(root)


def test_extracting_again_touches_what_detectors_said_and_nothing_else(
    extracted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = only(extracted)
    assert {label.source for field, label in first.labels.items() if field != "emotion"} == {"detector"}
    assert (first.labels["emotion"].source, first.value("emotion")) == ("folder", "happy")
    assert kelly_tui.extract_features(extracted, workers=1).done == 0

    with Catalogue.open(extracted) as catalogue:
        edit(catalogue, [Edit(first.sample_id, "key", Label("D#"))], "me")
        empty = [Edit(first.sample_id, "time_signature", None), Edit(first.sample_id, "refused", None)]
        edit(catalogue, empty, "me")
        edit(catalogue, [Edit(first.sample_id, "tempo_bpm", None)], "me")
    absent = "swing_ratio"  # a jig has none
    assert absent not in first.labels, "the test wants a field that no detector fills here"
    told(
        extracted,
        melodic_contour=Label("wave", source="folder", by="folder"),
        articulation=Label("marcato", source="model", by="a model"),
        dynamic_range=Label("pp", source="detector", by="kelly dynamics 0", confidence=0.99),
        pitch_range=Label("narrow", source="detector", by="kelly contour 0", confidence=0.99),
        swing_ratio=Label(0.7, source="detector", by="kelly groove 0", confidence=0.99),
        rule_breaks=Label(["HARMONY_Parallel"], source="detector", by="another's detector"),
    )
    second = again(extracted, monkeypatch)
    kept = {"key": "D#", "melodic_contour": "wave", "articulation": "marcato", "emotion": "happy"}
    assert {field: second.value(field) for field in kept} == kept
    assert second.labels["key"].source == "human"
    assert "tempo_bpm" not in second.labels, "a person cleared it"
    for field in ("dynamic_range", "pitch_range", "time_signature"):  # an older detector's, and an empty one
        assert second.labels[field] == first.labels[field], field
    assert absent not in second.labels, "an older detector said it, the present one says that it can't be told"
    assert second.value("rule_breaks") == ["HARMONY_Parallel"]

    with Catalogue.open(extracted) as catalogue:
        for _ in range(3):  # of the cleared tempo: what was there is there again
            undo(catalogue, "me")
    undone = only(extracted)
    assert undone.labels["key"] == first.labels["key"]
    assert undone.labels["tempo_bpm"] == first.labels["tempo_bpm"]
    assert again(extracted, monkeypatch).labels["key"] == first.labels["key"]
    with Catalogue.open(extracted) as catalogue:
        redo(catalogue, "me")
    last = again(extracted, monkeypatch)
    assert (last.value("key"), last.value("mode")) == ("D#", None), "the mode is of the tonic that was heard"
