"""The dataset as of a moment, and the books, on the command line."""

from __future__ import annotations

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import utc_now


def test_list_show_and_stats_as_of_a_moment(kelly, labelled):
    with Catalogue.open(labelled) as catalogue:
        sample_id = next(catalogue.samples()).sample_id
    kelly("label", "d", sample_id, "emotion=sad", "key=A")
    then = kelly("history", "d", sample_id, "--json").json["events"][0]["at"]
    while utc_now() <= then:  # the next edit is of a later moment
        pass
    kelly("label", "d", sample_id, "emotion=tense")
    assert sample_id in kelly("list", "d", "emotion:tense").out
    before = kelly("list", "d", "emotion:sad", f"--as-of={then}")
    assert sample_id in before.out
    assert "as of" in before.err
    assert sample_id not in kelly("list", "d", "emotion:tense", "--as-of", then).out
    shown = kelly("show", "d", sample_id, "--as-of", then, "--json").json
    assert shown["labels"]["emotion"]["value"] == "sad"
    assert kelly("stats", "d", "--as-of", then, "--json").json["progress"] is None
    assert "no moment" in kelly("list", "d", "--as-of", "soon").err
    assert "there was no dataset" in kelly("list", "d", "--as-of", "1999-01-01").err


def test_stats_balance_the_books_and_say_what_one_has_done(kelly, labelled):
    with Catalogue.open(labelled) as catalogue:
        first = next(catalogue.samples()).sample_id
    kelly("label", "d", first, "emotion=sad")
    kelly("label", "d", first, "emotion=happy", "--blind")
    told = kelly("stats", "d").out
    found = kelly("stats", "d", "--json").json
    assert sum(found["decisions"].values()) == found["held"]
    assert f"Held: {found['held']:,} = 1 labelled" in told
    assert "me: 1 labelled today, on 1 of the last 7 days" in told
    assert found["progress"] == {"today": 1, "per_hour": None, "days_of_week": 1}
    assert [one["field"] for one in found["own_agreement"]["me"]] == ["emotion"]
    assert "me, asked again:" in told
