"""kelly probe: figures and their intervals where there can be some, and kept; reasons, and what it takes, where not."""

from __future__ import annotations

from pathlib import Path

from kelly_tui.model.edit import Edit
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.probed import kept
from tests.unit.learn.test_learn_suggest import by_density, dataset


def test_the_probe_is_said_given_and_kept(kelly, tmp_path: Path) -> None:
    dataset(tmp_path / "datasets", by_density(80), "folder").close()
    said = kelly("probe", "songs")
    assert (said.code, "ALARM: column" in said.out) == (1, True), "one feature alone tells these labels"
    assert ") right, macro F1 " in said.out
    assert "50 more labels" in said.out
    (found,) = kelly("probe", "songs", "--json").json["probes"]
    f1 = found["scores"][0]["macro_f1"]
    assert f1["low"] <= f1["value"] <= f1["high"]
    with Catalogue.open(tmp_path / "datasets/songs") as catalogue:
        last = kept(catalogue)
        assert last is not None
        assert last.probes[0].scores[0].macro_f1.value == f1["value"]
        first = next(iter(catalogue.samples()))
        edit(catalogue, [Edit(first.sample_id, "notes", None)], "me")
    shown = f"{f1['value']:.2f}".removeprefix("0")
    for words in (("validate", "songs"), ("card", "songs")):
        assert "macro F1" in kelly(*words).out
    assert f"Probe: emotion macro F1 {shown} [" in kelly("validate", "songs").out
    given = kelly("validate", "songs", "--json").json
    assert given["probe"]["probes"][0]["scores"][0]["macro_f1"] == f1


def test_a_refusal_says_what_it_would_take(kelly, tmp_path: Path) -> None:
    dataset(tmp_path / "datasets", ["happy", "sad", "happy"]).close()
    said = kelly("probe", "songs")
    assert said.code == 1
    assert "3 are too few: 20 are needed" in said.out
    assert "Probe: no figure for emotion: 3 are too few: 20 are needed" in kelly("validate", "songs").out
    assert "no figure" in kelly("card", "songs").out


def test_without_features_it_says_which_stage(kelly, labelled) -> None:
    said = kelly("probe", "d")
    assert said.code == 1
    assert "kelly extract" in said.out
