"""Labels that look wrong: found where they were planted, settled by a person, and refused where nothing can be said."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kelly_tui.learn import suspects
from kelly_tui.learn.committee import Known, held_out
from kelly_tui.learn.suggest import suggest_for
from kelly_tui.learn.suspects import suspect_for
from kelly_tui.learn.suspicion import WRONG, agreed, contradicted, judge, planted
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, query
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.issues import issue
from kelly_tui.validate.report import validate
from tests.unit.learn.test_learn_suggest import by_density, dataset, id_of, put_features

FLIPPED = (25, 44, 90, 111)


def flipped(source: str = "folder") -> list[str | None]:
    other = {"peaceful": "angry", "angry": "peaceful"}
    return [other[str(one)] if n in FLIPPED else one for n, one in enumerate(by_density(160))]


def worst(catalogue: Catalogue, filter: str = "issue>=0") -> list[str]:
    found = query.order(catalogue, query.parse(filter, catalogue.config), "-issue")
    return [row.sample_id for row in query.rows(catalogue, found)]


def test_planted_errors_are_the_worst_of_the_queue_and_say_why(tmp_path: Path) -> None:
    with dataset(tmp_path, flipped(), "folder") as catalogue:
        found = suspect_for(catalogue)
        assert (found.judged, found.why_not, found.broken) == (160, "", 0)
        assert set(worst(catalogue)[:8]) >= {id_of(n) for n in FLIPPED}
        assert found.likely >= 3
        told = issue(catalogue, id_of(25))
        assert told is not None
        assert told.issue > 0.5
        assert told.why.startswith("sounds peaceful .")
        assert "angry ." in told.why
        assert len(worst(catalogue, "issue>.5")) == found.likely
        assert suspect_for(catalogue) == found  # the same again
        (told_of,) = [one for one in validate(catalogue).findings if one.code == "looks-wrong"]
        assert (told_of.severity, told_of.count) == ("note", found.likely)
        assert len(worst(catalogue, told_of.filter)) == found.likely


@pytest.mark.slow
def test_what_a_person_confirms_is_settled_until_that_is_taken_back(tmp_path: Path) -> None:
    here = id_of(25)
    with dataset(tmp_path, flipped(), "folder") as catalogue:
        suspect_for(catalogue)
        before = issue(catalogue, here)
        history.edit(catalogue, [Edit(here, "is_verified", Label(True))], by="ann")
        assert issue(catalogue, here) is None  # at once
        assert here not in worst(catalogue)
        assert suspect_for(catalogue).settled == 1
        assert issue(catalogue, here) is None  # and still when all is judged anew
        history.edit(catalogue, [Edit(here, "emotion", Label("peaceful"))], by="ann")
        suspect_for(catalogue)
        assert issue(catalogue, here) is None  # a person has decided
        history.undo(catalogue, by="ann")
        history.undo(catalogue, by="ann")
        suspect_for(catalogue)
        assert issue(catalogue, here) == before


def test_a_corrected_label_leaves_the_queue_at_once_and_comes_back_with_the_error(tmp_path: Path) -> None:
    here = id_of(44)
    with dataset(tmp_path, flipped(), "folder") as catalogue:
        suspect_for(catalogue)
        history.edit(catalogue, [Edit(here, "emotion", Label("angry"))], by="ann")
        assert issue(catalogue, here) is None
        history.undo(catalogue, by="ann")
        assert here in worst(catalogue)[:8]


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ([], ""),
        ([None] * 40, ""),
        (["sad"] * 40, "emotion of midi is not judged: all are sad"),
        (["sad", "happy", "sad"], "emotion of midi is not judged: 3 are too few: 20 are needed"),
        (["sad"] * 30 + ["happy"] * 2, "no two of them are given to 3 pieces or more"),
    ],
)
def test_where_nothing_can_be_said_it_says_so(tmp_path: Path, labels: list[str | None], why: str) -> None:
    with dataset(tmp_path, labels, group_by="prefix") as catalogue:
        found = suspect_for(catalogue)
        assert why in found.why_not
        assert bool(why) == bool(found.why_not)
        assert worst(catalogue, "issue>=0") == []


def test_detectors_and_generators_are_neither_judged_nor_believed(tmp_path: Path) -> None:
    for source in ("detector", "model", "generator"):
        with dataset(tmp_path / source, flipped(), source) as catalogue:
            assert suspect_for(catalogue).judged == 0
            assert worst(catalogue) == []


def test_broken_features_are_said_and_judge_nothing(tmp_path: Path) -> None:
    with dataset(tmp_path, flipped(), "folder") as catalogue:
        with catalogue.writing() as db:
            bad = np.full(117, np.nan, np.float32).tobytes()
            db.execute("UPDATE features SET vector = ? WHERE sample = 1", (bad,))
            db.execute("UPDATE features SET vector = ? WHERE sample = 2", (b"",))
        found = suspect_for(catalogue)
        assert (found.judged, found.broken) == (158, 2)
        assert "the features of 2 samples are no numbers" in found.words()


def test_a_key_that_the_detector_hears_otherwise(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 4) as catalogue:
        put_features(catalogue, range(4), key_signature="C", mode="major", key_confidence=0.97)
        said = [("C", "major"), ("A", "minor"), ("C", "mixolydian"), ("C", "minor")]
        for n, (key, mode) in enumerate(said):
            history.edit(catalogue, [Edit(id_of(n), "key", Label(key)), Edit(id_of(n), "mode", Label(mode))], by="ann")
        found = suspect_for(catalogue)
        assert (found.judged, found.likely) == (4, 2)
        told = [issue(catalogue, id_of(n)) for n in range(4)]
        assert [one.field for one in told if one] == ["key", "key", "key", "mode"]
        assert told[1].why == "the detector hears C major at .97"
        assert told[1].issue == pytest.approx(0.637, abs=0.001)  # .05 / (.05 + .95 × .03)
        assert told[0].issue < 0.01
        assert told[2].issue < 0.01


def test_bayes_rule_of_contradictions() -> None:
    assert contradicted(0.0) == pytest.approx(WRONG)  # a detector that is never right says nothing
    assert contradicted(0.5) < contradicted(0.9) < contradicted(1.0) < 1
    assert 0 < agreed(0.99) < agreed(0.5) <= WRONG


def clouds(number: int, apart: float, seed: int = 0) -> Known:
    random = np.random.default_rng(seed)
    labels = np.arange(number) % 3
    features = random.normal(size=(number, 8))
    features[:, 0] += apart * labels
    return Known((features,), np.arange(number) // 2, labels.astype(np.int64), 3)


def said_and_true(share: float) -> tuple[np.ndarray, np.ndarray]:
    """Of new errors, planted in another draw than those that the probabilities were fitted to."""
    said, true = [], []
    for seed in range(12):
        known = clouds(200, 2.5, seed)
        labels, places = planted(known.labels, 3, np.random.default_rng(100 + seed), share)
        said.append(judge(known._replace(labels=labels)).wrong)
        true.append(np.isin(np.arange(200), places))
    return np.concatenate(said), np.concatenate(true)


@pytest.mark.slow
def test_what_is_said_to_be_wrong_is_wrong_so_often() -> None:
    """Within what one can know: how many labels are wrong is assumed, and the top is modest where all of them are."""
    sure, is_wrong = said_and_true(WRONG)
    assert sure.mean() == pytest.approx(is_wrong.mean(), abs=0.02)
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 1.0)):
        here = (sure >= low) & (sure < high)
        assert here.sum() > 20
        assert sure[here].mean() - 0.1 < is_wrong[here].mean() < sure[here].mean() + 0.25
    sure, is_wrong = said_and_true(WRONG / 2)
    assert is_wrong[sure > 0.3].mean() == pytest.approx(sure[sure > 0.3].mean(), abs=0.15)


def test_a_group_never_helps_itself() -> None:
    """Ten of a group are nearly the same, and what they are called was drawn."""
    random = np.random.default_rng(3)
    pieces = np.repeat(random.normal(size=(24, 8)), 10, axis=0) + random.normal(size=(240, 8)) / 1000
    labels = np.repeat(np.arange(24) % 3, 10)
    groups = np.repeat(np.arange(24), 10)
    by_group = (held_out(Known((pieces,), groups, labels, 3)).argmax(axis=1) == labels).mean()
    alone = (held_out(Known((pieces,), np.arange(240), labels, 3)).argmax(axis=1) == labels).mean()
    assert by_group < 0.6
    assert alone > 0.95


@pytest.mark.slow
def test_many_labels_are_judged_in_parts_that_each_know_every_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each label once, groups whole, and of a rare one as many as there are to compare with."""
    monkeypatch.setattr(suspects, "TOGETHER", 80)
    monkeypatch.setattr(suspects, "_KNOWN", 12)
    labels = np.array([2 if n % 17 == 0 else n % 2 for n in range(160)], np.int64)
    groups = np.arange(160) // 2
    parts = list(suspects.dealt(labels, groups))
    assert sorted(place for own, _ in parts for place in own.tolist()) == list(range(160))
    assert len(parts) == 2
    for own, beside in parts:
        assert len(own) == 80
        assert not set(groups[own]) & {group for other, _ in parts if other is not own for group in groups[other]}
        assert np.isin(labels, 2).sum() == (labels[np.concatenate([own, beside])] == 2).sum()
    with dataset(tmp_path, flipped(), "folder", group_by="prefix") as catalogue:
        found = suspect_for(catalogue)
        assert (found.judged, found.why_not) == (160, "")
        assert set(worst(catalogue)[:12]) >= {id_of(n) for n in FLIPPED}


@pytest.mark.slow
def test_the_vectors_of_many_samples_are_not_in_memory_together(tmp_path: Path) -> None:
    """A few hundred bytes a sample are: of 6,000 more samples less than a third of what their vectors take."""

    def highest(folder: Path, number: int) -> int:
        with dataset(folder, by_density(number, 40)) as catalogue:
            suggest_for(catalogue)
            suspect_for(catalogue)  # what is done but once is done
            tracemalloc.start()
            suggest_for(catalogue)
            suspect_for(catalogue)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return peak

    assert highest(tmp_path / "many", 8000) - highest(tmp_path / "few", 2000) < 6000 * 117 * 4
