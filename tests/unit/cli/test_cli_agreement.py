"""``kelly agreement``: what people said blind, in figures that scikit-learn finds as well."""

from __future__ import annotations

import pytest

from kelly_tui.store.catalogue import Catalogue

ANNA = ["sad", "sad", "happy", "tense", "happy", "angry"]
BEN = ["sad", "happy", "happy", "tense", "happy", "sad"]


@pytest.fixture
def judged(kelly, labelled):
    with Catalogue.open(labelled) as catalogue:
        ids = [one.sample_id for one in catalogue.samples()][:6]
    for sample_id, anna, ben in zip(ids, ANNA, BEN, strict=True):
        kelly("--as", "anna", "label", "d", sample_id, f"emotion={anna}")
        kelly("label", "d", sample_id, f"emotion={ben}", "--blind", "--as", "ben")
    return ids


def test_it_says_by_field_class_and_pair_how_far_people_agree(kelly, judged):
    from sklearn.metrics import cohen_kappa_score

    found = kelly("agreement", "d", "--json").json
    (field,) = found["fields"]
    (pair,) = field["pairs"]
    assert (field["field"], pair["first"], pair["second"], pair["equal"]) == ("emotion", "anna", "ben", 4)
    assert pair["kappa"] == pytest.approx(cohen_kappa_score(ANNA, BEN))
    assert field["by_class"]["tense"] == 1
    assert found["to_decide"] == 2
    told = kelly("agreement", "d").out
    assert "between people" in told
    assert "4 of 6 equal" in told
    assert "2 labels to decide: gr" in told


def test_the_majority_decides_and_undo_takes_it_back(kelly, judged):
    for number, word in ((1, "happy"), (5, "tense")):
        kelly("label", "d", judged[number], f"emotion={word}", "--blind", "--as", "cleo")
    assert kelly("agreement", "d", "--majority", "--as", "dora", "--json").json["decided"] == 1
    shown = kelly("show", "d", judged[1], "--json").json
    assert shown["labels"]["emotion"]["value"] == "happy"
    assert shown["labels"]["emotion"]["by"] == "majority"
    kelly("undo", "d", "--as", "dora")
    assert kelly("show", "d", judged[1], "--json").json["labels"]["emotion"]["value"] == "sad"


def test_without_opinions_it_says_how_one_comes_by_them(kelly, labelled):
    assert "nobody has said anything blind yet" in kelly("agreement", "d").out


def test_a_name_must_be_one(kelly, labelled):
    assert "is no name" in kelly("agreement", "d", "--as", "\x1b[31m").err
