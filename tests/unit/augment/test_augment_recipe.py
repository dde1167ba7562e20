"""Which variants are chosen, and what becomes of their labels."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.augment.recipe import (
    TRANSFORMS,
    Limits,
    Recipe,
    choose_recipes,
    variant_id,
    variant_labels,
    variant_seed,
)
from kelly_tui.errors import KellyError
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.variation import LIMITS, RENDER
from kelly_tui.music.label_rules import LABEL_RULES, LARGE, NEUTRAL

EVERY = {"midi": 13 * 5 * 5 * 2 * 2 - 1, "audio": 5 * 5 * 4 * 5 - 1}


def test_every_transform_has_a_rule_for_every_field() -> None:
    transforms = {one.name for kind in TRANSFORMS.values() for one in kind}
    assert set(LABEL_RULES) == set(NEUTRAL) == set(LIMITS) == transforms | {RENDER}
    for name, rules in LABEL_RULES.items():
        assert set(rules) == set(FIELDS), name
        assert rules["is_verified"] == "left out"
        assert set(rules.values()) <= {"kept", "computed", "in doubt", "left out"}
        if "in doubt" in rules.values():
            assert name in LARGE


def test_values_are_those_of_the_data_model() -> None:
    midi = {one.name: one.values for one in TRANSFORMS["midi"]}
    assert sorted(midi["transpose"]) == [n for n in range(-6, 7) if n]
    assert midi["time_stretch"] == (0.9, 0.95, 1.05, 1.1)
    assert midi["velocity_scale"] == (0.8, 0.9, 1.1, 1.2)
    assert max(midi["jitter_ms"]) <= 5
    assert midi["dropout"] == (0.02,)
    audio = {one.name: one.values for one in TRANSFORMS["audio"]}
    assert sorted(audio["pitch_shift"]) == [-2, -1, 1, 2]
    assert audio["time_stretch"] == (0.9, 0.95, 1.05, 1.1)
    assert max(audio["noise"]) <= 0.005
    assert (min(audio["gain"]), max(audio["gain"])) == (0.8, 1.2)


@settings(max_examples=60)
@given(st.sampled_from(["midi", "audio"]), st.text(max_size=16), st.integers(0, 2**40), st.integers(0, 60))
def test_recipes_differ_and_never_do_nothing(file_type: str, root: str, seed: int, n: int) -> None:
    recipes = choose_recipes(file_type, n, root, seed)
    assert len(recipes) == n
    assert len({msgspec.json.encode(recipe) for recipe in recipes}) == n
    assert all(recipe.changes and recipe.name for recipe in recipes)
    assert choose_recipes(file_type, n // 2, root, seed) == recipes[: n // 2]


def test_roots_and_seeds_get_recipes_of_their_own() -> None:
    assert choose_recipes("midi", 5, "a", 0) != choose_recipes("midi", 5, "b", 0)
    assert choose_recipes("midi", 5, "a", 0) != choose_recipes("midi", 5, "a", 1)


@pytest.mark.parametrize("file_type", ["midi", "audio"])
def test_fewer_where_there_are_no_more(file_type: str) -> None:
    assert len(choose_recipes(file_type, 10_000, "a")) == EVERY[file_type]


def test_transforms_are_combined() -> None:
    recipes = [recipe for root in range(50) for recipe in choose_recipes("midi", 10, str(root))]
    counts = [len(recipe.changes) for recipe in recipes]
    assert 2 < sum(counts) / len(counts) < 4
    assert max(counts) == 5
    for transform in TRANSFORMS["midi"]:
        used = {recipe.changes.get(transform.name) for recipe in recipes}
        assert used == {None, *transform.values}


def test_limits_forbid_what_would_harm_or_do_nothing() -> None:
    def every(**limits: float | None) -> list[Recipe]:
        return choose_recipes("midi", 10_000, "a", 0, Limits(**limits))

    assert {one.transpose for one in every(down=0, up=0)} == {0}
    assert {one.transpose for one in every(down=2, up=3)} == set(range(-2, 4))
    assert {one.transpose for one in every(down=0, up=48)} == set(range(7))
    assert {one.dropout for one in every(notes=49)} == {0}
    assert {one.jitter_ms for one in every(notes=5)} == {0}
    assert {one.jitter_ms for one in every(tick_ms=20.0)} == {0}
    assert {one.velocity_scale for one in every(softest=0)} == {1}
    assert {one.velocity_scale for one in every(softest=127)} == {0.8, 0.9, 1}
    assert {one.time_stretch for one in every(slowest_bpm=5.2, fastest_bpm=980.0)} == {1}
    loud = choose_recipes("audio", 10_000, "a", 0, Limits(peak=0.95))
    assert {one.gain for one in loud} == {0.8, 0.9, 1}


def test_names_and_bounds() -> None:
    assert Recipe(transpose=3, velocity_scale=1.1).name == "transpose+velocity"
    assert Recipe(pitch_shift=-1, noise=0.001).name == "pitch+noise"
    assert Recipe(pitch_shift=2.0).changes == Recipe(pitch_shift=2).changes == {"pitch_shift": 2}
    assert Recipe(**Recipe(transpose=3, jitter_ms=5).changes) == Recipe(transpose=3, jitter_ms=5)
    for wrong in ({"jitter_ms": 6}, {"time_stretch": 0}, {"transpose": 200}, {"gain": float("nan")}, {"noise": -1}):
        with pytest.raises(KellyError, match=next(iter(wrong))):
            Recipe(**wrong)


def test_an_id_is_of_parent_parameters_and_seed() -> None:
    recipe = Recipe(transpose=3)
    ids = {
        variant_id("aa", recipe, 1),
        variant_id("ab", recipe, 1),
        variant_id("aa", Recipe(transpose=4), 1),
        variant_id("aa", recipe, 2),
    }
    assert len(ids) == 4
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in ids)
    assert variant_id("aa", recipe, 1) == "602ef74ae69c8167"  # fixed: ids of existing datasets depend on it
    assert 0 <= variant_seed(0, "root", recipe) < 2**53


def labels(**values: object) -> dict[str, Label]:
    return {name: Label(value, by="anna", at="2026-01-01T00:00:00Z") for name, value in values.items()}


def test_labels_move_with_the_music() -> None:
    """Key and tempo labels once stayed as they were."""
    root = labels(
        key="A",
        mode="minor",
        tempo_bpm=120.0,
        chord_progression=["Am", "F", "C/E", "N", "G7"],
        chord_times=[0.0, 2.0, 4.0, 6.0, 8.0],
        timing_offsets_ms=[-10.0, 5.0],
        time_signature="4/4",
    )
    moved = variant_labels(root, Recipe(transpose=3, time_stretch=1.25))
    assert {name: label.value for name, label in moved.items()} == {
        "key": "C",
        "mode": "minor",
        "tempo_bpm": 150.0,
        "chord_progression": ["Cm", "G#", "D#/G", "N", "A#7"],
        "chord_times": [0.0, 1.6, 3.2, 4.8, 6.4],
        "timing_offsets_ms": [-8.0, 4.0],
        "time_signature": "4/4",
    }
    assert all(label.source == "inherited" and label.by == "anna" for label in moved.values())
    assert variant_labels(root, Recipe(pitch_shift=-2))["key"].value == "G"
    assert variant_labels(root, Recipe(gain=0.8, noise=0.001))["key"].value == "A"


def test_loudness_follows_the_velocities() -> None:
    curve = [60, 127, 0, 80] * 8
    louder = variant_labels(labels(velocity_curve=curve, dynamic_range="mp"), Recipe(velocity_scale=1.2))
    assert louder["velocity_curve"].value == [72, 127, 0, 96] * 8
    assert louder["dynamic_range"].value == "mf"
    assert not louder["dynamic_range"].in_doubt
    assert variant_labels(labels(dynamic_range="mp"), Recipe(velocity_scale=1.2))["dynamic_range"].in_doubt


def test_a_large_change_puts_feeling_in_doubt() -> None:
    root = labels(emotion="sad", valence=-0.5, arousal=0.2, key="C")
    assert {name for name, one in variant_labels(root, Recipe(transpose=-4)).items() if one.in_doubt} == {
        "emotion",
        "valence",
        "arousal",
    }
    assert not any(one.in_doubt for one in variant_labels(root, Recipe(transpose=3, time_stretch=1.05)).values())
    assert variant_labels(root, Recipe(time_stretch=1.1))["arousal"].in_doubt
    assert variant_labels(root, Recipe(time_stretch=0.9))["arousal"].in_doubt
    doubted = {"emotion": Label("sad", in_doubt=True)}
    assert variant_labels(doubted, Recipe(gain=0.9))["emotion"].in_doubt


def test_what_is_said_of_one_file_is_not_inherited() -> None:
    root = labels(
        is_verified=True, quality_score=0.9, notes="wrong note in bar 3", tags=["piano"], timing_offsets_ms=[1.0]
    )
    assert set(variant_labels(root, Recipe(jitter_ms=5))) == {"tags"}
    assert variant_labels(labels(tempo_bpm=990.0), Recipe(time_stretch=1.1)) == {}


VALUES = {
    "key": "F#",
    "chord_progression": ["F#m7", "Bdim"],
    "chord_times": [0.5, 1.5],
    "tempo_bpm": 90.0,
    "timing_offsets_ms": [3.0],
    "velocity_curve": [100] * 32,
    "dynamic_range": "f",
    "emotion": "happy",
}


@settings(max_examples=80)
@given(st.sampled_from(["midi", "audio"]), st.integers(0, 400))
def test_inherited_values_are_values_that_a_label_may_have(file_type: str, which: int) -> None:
    recipe = choose_recipes(file_type, 401, "r")[which]
    for field, label in variant_labels(labels(**VALUES), recipe).items():
        assert check_value(FIELDS[field], label.value) == label.value
