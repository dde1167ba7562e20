"""The dataset as of a moment, and the books, on the command line."""

from __future__ import annotations

import shutil

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


def test_who_looks_at_a_catalogue_of_before_is_told(kelly, labelled, tmp_path):
    path, sample_id = labelled / ".kelly/catalogue.sqlite", kelly("list", "d").out.splitlines()[1].split()[0]
    kelly("split", "d")  # a copy of a dataset has its own name from here on
    shutil.copy(path, tmp_path / "backup")
    kelly("label", "d", sample_id, "emotion=angry")
    kelly("split", "d")
    looks = [
        ("list", "d"),
        ("show", "d", sample_id),
        ("stats", "d"),
        ("history", "d"),
        ("agreement", "d"),
        ("card", "d"),
    ]
    assert not any("older than" in kelly(*look).err for look in looks)
    shutil.copy(tmp_path / "backup", path)
    for look in looks:
        said = kelly(*look)
        assert (said.code, said.err.count("the catalogue is older than the views")) == (0, 1)
        assert "kelly conflicts d takes what they know from them" in said.err
    assert "taken from them" in (told := kelly("conflicts", "d")).out + told.err
    assert not any("older than" in kelly(*look).err for look in looks)
