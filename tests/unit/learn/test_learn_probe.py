"""Would a model learn from it: figures where there can be some, reasons where not, alarms where something leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from kelly_tui.learn.committee import Known, held_out
from kelly_tui.learn.probe import Probe, probe, probed
from tests.unit.learn.test_learn_suggest import by_density, dataset, id_of, put_features, sample

CHOICES = ("a", "b", "c", "d")


def of(apart: float, pieces: int = 80, classes: int = 3, seed: int = 0, **changed: Any) -> Probe:
    """Two samples a piece, whose classes lie so far apart."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(pieces), 2)
    labels = groups % classes
    features = random.normal(size=(len(groups), 12))
    features[:, :classes] += apart * np.eye(classes)[labels]
    given = {"views": (features,), "groups": groups, "labels": labels, "origins": np.full(len(labels), "imported")}
    return probed("midi", "emotion", CHOICES, **{**given, **changed})


def test_figures_are_scikit_learns_of_the_same_forecasts_and_hold_the_interval() -> None:
    found = of(2.0)
    score = found.scores[0]
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), 2)
    features = random.normal(size=(160, 12))
    features[:, :3] += 2.0 * np.eye(3)[groups % 3]
    told = held_out(Known((features,), groups, groups % 3, 4)).argmax(axis=1)
    assert score.accuracy is not None
    assert score.macro_f1 is not None
    assert score.accuracy.value == pytest.approx(accuracy_score(groups % 3, told), abs=1e-4)
    assert score.macro_f1.value == pytest.approx(f1_score(groups % 3, told, average="macro"), abs=1e-4)
    assert score.accuracy.low < score.accuracy.value < score.accuracy.high
    assert score.majority == pytest.approx(54 / 160)
    assert found.confusion is not None
    assert found.confusion.labels == ("a", "b", "c")
    assert found.confusion.counts == tuple(map(tuple, confusion_matrix(groups % 3, told).tolist()))
    assert found.alarms == ()


def test_what_says_nothing_is_learnt_no_better_than_the_majority() -> None:
    score = of(0.0).scores[0]
    assert score.accuracy is not None
    assert score.accuracy.low <= score.majority + 0.1


def test_the_curve_rises_and_the_next_labels_of_a_rare_class_bring_most() -> None:
    labels = np.repeat(np.where(np.arange(80) < 7, 2, np.arange(80) % 2), 2)
    random = np.random.default_rng(1)
    features = random.normal(size=(160, 12))
    features[:, :3] += 1.8 * np.eye(3)[labels]
    found = of(0.0, views=(features,), labels=labels)
    assert [labels for labels, _ in found.curve] == sorted(labels for labels, _ in found.curve)
    assert found.curve[-1][1] > found.curve[0][1]
    assert max(found.next_labels, key=lambda one: found.next_labels[one].value) == "c"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"labels": np.zeros(160, np.int64)}, "all are a"),
        ({"groups": np.arange(160) % 4}, "all are of 4 pieces: 8 are needed"),
        ({"labels": np.array([1, 1, *[0] * 158])}, "no two of them are given to 3 pieces"),
        ({"labels": np.array([*[1] * 8, *[0] * 152])}, "fewer than two classes have 5 pieces"),
        ({"origins": np.full(160, "generated")}, "nobody has given any"),
    ],
)
def test_it_refuses_and_says_why(changed: dict[str, Any], why: str) -> None:
    score = of(2.0, **changed).scores[0]
    assert (score.name, score.accuracy) == ("real", None)
    assert why in score.words()


def test_generated_samples_are_told_apart_from_real_ones() -> None:
    origins = np.array(["imported"] * 100 + ["generated"] * 60)
    names = [score.name for score in of(2.0, origins=origins).scores]
    assert names == ["real", "real, taught by generated ones too", "all"]
    alone = of(2.0, origins=np.full(160, "generated")).scores
    assert [score.name for score in alone if score.accuracy] == ["all"]


def test_a_label_in_the_features_raises_the_alarm() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(160, 12))
    features[:, 7] = np.repeat(np.arange(80) % 3, 2) * 0.37 + random.normal(size=160) / 1e4
    found = of(0.0, views=(features,))
    assert ["column 7" in alarm for alarm in found.alarms] == [True]


def test_siblings_in_other_groups_raise_the_alarm() -> None:
    random = np.random.default_rng(0)
    features = np.repeat(random.normal(size=(80, 12)), 2, axis=0) + random.normal(size=(160, 12)) / 1000
    assert of(0.0, views=(features,)).alarms == ()  # of one piece
    split = of(0.0, views=(features,), groups=np.arange(160))
    assert any("their like in another group" in alarm for alarm in split.alarms)


def test_a_dataset_is_probed_and_what_has_no_label_says_so(tmp_path: Path) -> None:
    with dataset(tmp_path / "told", by_density(80), "folder") as catalogue:
        catalogue.add([sample(200, "angry", "detector")])
        put_features(catalogue, [200])
        (found,) = probe(catalogue)
        assert found.scores[0].samples == 80  # guesses teach nothing
        assert found.scores[0].accuracy is not None
        assert found.scores[0].accuracy.value > 0.8
        with catalogue.writing() as db:
            db.execute("UPDATE features SET vector = zeroblob(4) WHERE sample = 1")
        assert probe(catalogue)[0].broken == 1
    with dataset(tmp_path / "mute", [None] * 3) as catalogue:
        (found,) = probe(catalogue)
        assert found.scores[0].why_not == "no sample has the label emotion"
    assert id_of(0)
