"""Answers of blind listening: counted as scipy counts, kept over a migration, a manifest and a rebuild."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kelly_tui.model.abx import Result, Trial, p_of_chance, recipe_of, results
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.manifest import read_manifest_file
from kelly_tui.store.trials import add_trials, trials
from kelly_tui.store.views import write_views
from tests.unit.store.store_samples import new_catalogue, sample

HEARD = [
    Trial('{"time_stretch":1.1}', "a", True, "ann", "2026-01-01T00:00:00.000Z"),
    Trial('{"transpose":2}', "b", False, "ann", "2026-01-01T00:01:00.000Z"),
    Trial('{"time_stretch":1.1}', "c", False, "bob", "2026-01-01T00:02:00.000Z"),
]


@pytest.mark.parametrize("n", [1, 5, 16])
def test_p_is_that_of_the_binomial_test(n):
    from scipy.stats import binomtest

    for correct in range(n + 1):
        assert p_of_chance(correct, n) == pytest.approx(binomtest(correct, n, 0.5, alternative="greater").pvalue)


def test_a_recipe_is_what_was_changed_whatever_the_seed():
    one = recipe_of({"transpose": 2, "time_stretch": 1.1, "seed": 5})
    assert one == recipe_of({"time_stretch": 1.1, "seed": 6, "transpose": 2})
    assert one != recipe_of({"time_stretch": 1.05, "transpose": 2})
    assert recipe_of(None) == "{}"


def test_results_are_by_recipe():
    assert results(HEARD) == [Result('{"time_stretch":1.1}', 2, 1), Result('{"transpose":2}', 1, 0)]
    assert results(HEARD)[0].p == 0.75


def test_a_result_is_one_line():
    heard = Trial(recipe_of({"transpose": 3, "seed": 5, "time_stretch": 0.95}), "a", True)
    (result,) = results([heard] * 13 + [Trial(heard.recipe, "a", False)] * 3)
    assert result.line() == "×0.95 +3 st: 13 of 16 right, p = .011"


def test_a_result_of_a_catalogue_that_holds_a_wrong_recipe_can_be_said() -> None:
    (result,) = results([Trial('{"transpose":"x"}', "a", True)])
    assert result.line() == "transpose ?: 1 of 1 right, p = .500"


def test_they_are_kept_written_to_the_manifest_and_read_back(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        write_views(catalogue)
        before = catalogue.layout.manifest_path.read_bytes()
        assert b"blind_listening" not in before
        add_trials(catalogue, HEARD)
        assert trials(catalogue) == HEARD
        assert trials(catalogue, HEARD[1].recipe) == HEARD[1:2]
        write_views(catalogue)
        layout = catalogue.layout
    assert len(json.loads(layout.manifest_path.read_bytes())["blind_listening"]) == 3
    assert read_manifest_file(layout.manifest_path).heard == HEARD
    for file in layout.catalogue_path.parent.glob("catalogue.sqlite*"):
        file.unlink()
    with Catalogue.open(layout.root) as catalogue:  # made anew
        assert trials(catalogue) == HEARD
        assert len(catalogue) == 1


def test_what_is_no_trial_in_a_manifest_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    lines = [{"recipe": 3}, "x", {"recipe": "r", "sample_id": "s", "correct": True}]
    path.write_text(json.dumps({"samples": [], "blind_listening": lines}))
    assert read_manifest_file(path).heard == [Trial("r", "s", True)]


def test_an_older_catalogue_gets_the_table(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue, catalogue.writing() as db:
        db.execute("DROP TABLE trials")
        db.execute("PRAGMA user_version = 4")
    with Catalogue.open(tmp_path / "songs") as catalogue:
        add_trials(catalogue, HEARD)
        assert trials(catalogue) == HEARD
