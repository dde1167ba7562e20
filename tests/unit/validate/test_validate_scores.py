"""The formulas, against what they must mean, and against other people's code for the same."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.counters import Counts
from kelly_tui.validate.scores import (
    balance,
    class_targets,
    effective_classes,
    evenness,
    imbalance_ratio,
    live_scores,
)

some = st.lists(st.integers(0, 10_000), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("counts", "percent"),
    [
        ([1000] * 8, 100),
        ([1000] * 7 + [0], 86),
        ([1000] * 7 + [100], 87),
        ([1000] * 4 + [500] * 4, 87),
        ([10_000] + [1000] * 7, 47),
        ([5, 0, 0, 0, 0, 0, 0, 0], 0),
        ([0] * 8, 0),
    ],
)
def test_balance_says_what_the_published_table_says(counts, percent):
    """research/storage.md, section 2, measured independently."""
    assert round(balance(counts) * 100) == percent


@given(some)
def test_balance_is_the_distance_from_evenness_over_the_largest_there_is(counts):
    total, classes = sum(counts), len(counts)
    if not total:
        assert balance(counts) == 0
        return
    even = [1 / classes] * classes
    corner = [1.0] + [0.0] * (classes - 1)
    expected = 1 - math.dist([count / total for count in counts], even) / math.dist(corner, even)
    assert balance(counts) == pytest.approx(expected, abs=1e-7)


@given(some, st.integers(2, 50))
def test_copying_every_file_raises_nothing(counts, copies):
    many = [count * copies for count in counts]
    assert balance(many) == pytest.approx(balance(counts))
    assert evenness(many, len(many)) == pytest.approx(evenness(counts, len(counts)))


@given(some)
def test_an_empty_class_never_helps(counts):
    if sum(counts):
        assert balance([*counts, 0]) <= balance(counts) + 1e-9
        assert evenness([*counts, 0], len(counts) + 1) <= evenness(counts, len(counts)) + 1e-9


@given(some)
def test_scores_stay_between_nought_and_one(counts):
    assert 0 <= balance(counts) <= 1
    assert 0 <= evenness(counts, len(counts)) <= 1
    assert 0 <= imbalance_ratio(counts) <= 1


@given(some)
def test_effective_classes_is_the_exponential_of_the_entropy(counts):
    if sum(counts):
        assert effective_classes(counts) == pytest.approx(math.exp(entropy(counts)))


def test_nothing_is_nothing():
    scores = live_scores(Counts(), DatasetConfig(dataset_id="d"))
    assert (scores.balance, scores.diversity, scores.quality, scores.total) == (0, 0, 0, 0)
    assert scores.neediest is not None


def counted(**facets) -> Counts:
    return Counts(facets)


def test_variants_raise_no_diversity():
    """One song in C, and nine variants of it in nine keys: by root, that is one song."""
    keys = {key: {"augmented": 1} for key in ("C#", "D", "D#", "E", "F", "F#", "G", "G#", "A")}
    alone = live_scores(counted(key={"C": {"imported": 1}}), DatasetConfig(dataset_id="d"))
    among = live_scores(counted(key={"C": {"imported": 1}, **keys}), DatasetConfig(dataset_id="d"))
    assert alone.diversity == among.diversity == 0


def test_a_groove_dataset_is_balanced_over_grooves():
    config = DatasetConfig(dataset_id="d", target_model="groove_predictor")
    grooves = {groove: {"imported": 10} for groove in config.groove_labels}
    scores = live_scores(counted(groove_type=grooves, emotion={"happy": {"imported": 50}}), config)
    assert scores.balance == pytest.approx(1)
    assert scores.main_label == "groove_type"


def test_a_label_that_is_not_declared_counts_in_no_class():
    config = DatasetConfig(dataset_id="d", emotion_labels=["happy", "sad"])
    scores = live_scores(counted(emotion={"happy": {"imported": 5}, "angry": {"imported": 5}}), config)
    assert scores.balance == 0
    assert [one.label for one in scores.classes] == ["happy", "sad"]


def test_origins_are_counted_apart():
    config = DatasetConfig(dataset_id="d", emotion_labels=["happy", "sad"])
    scores = live_scores(counted(emotion={"happy": {"imported": 4, "generated": 1}, "sad": {"generated": 5}}), config)
    assert scores.balance == pytest.approx(1)
    assert scores.balance_imported == 0
    assert [(one.imported, one.augmented, one.generated) for one in scores.classes] == [(4, 0, 1), (0, 0, 5)]


def test_quality_is_the_share_of_samples_that_pass_every_part():
    parts = {"of": 10, "file": 9, "features": 8, "labels": 5, "agreed": 10, "good": 4}
    scores = live_scores(
        counted(quality={part: {"imported": n} for part, n in parts.items()}), DatasetConfig(dataset_id="d")
    )
    assert scores.quality == scores.quality_imported == 0.4
    assert scores.quality_parts == parts


@pytest.mark.parametrize(
    ("model", "chosen", "wanted"),
    [("emotionrecognizer", 1000, 1000), ("melodytransformer", 1000, 625), ("melodytransformer", 20, 20),
     ("groovepredictor", 300, 300)],
)  # fmt: skip
def test_targets_are_the_dataset_s_or_else_the_model_s(model, chosen, wanted):
    config = DatasetConfig(dataset_id="d", target_model=model, target_samples_per_category=chosen)
    assert set(class_targets(config).values()) == {wanted}
