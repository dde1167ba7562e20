"""What people said besides labels, opinions, answers, conflicts, rides: beside every export, and back with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from export_samples import dataset, export, put, sample, tree

import kelly_tui
from kelly_tui.errors import StageError
from kelly_tui.export.said import all_said
from kelly_tui.model.abx import Trial
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.ride import Ride
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, put_conflict, resolve
from kelly_tui.store.layout import create_dataset_structure
from kelly_tui.store.opinions import add_opinions, blind_opinions, give_opinion
from kelly_tui.store.rides import add_ride
from kelly_tui.store.trials import add_trials

ALL = ("jsonl", "parquet", "webdataset", "jams")
RECIPE = '{"transpose":3}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty samples; one person judged a word, a number and a list, another heard a variant twice in one moment."""
    songs = [sample(n, labels={"emotion": "sad"}) for n in range(20)]
    root = dataset(tmp_path, songs)
    by = {"annotator": "Zoë", "at": "2026-08-02T12:00:00.000Z"}
    with Catalogue.open(root) as catalogue:
        add_opinions(
            catalogue,
            [
                Opinion(songs[3].sample_id, "valence", round=2, value=-0.25, **by),
                Opinion(songs[1].sample_id, "emotion", round=1, value="happy", **by),
                Opinion(songs[1].sample_id, "tags", round=1, value=["a b", "ß"], **by),
            ],
        )
        add_trials(catalogue, [Trial(RECIPE, songs[2].sample_id, True, "Zoë", "2026"), *2 * [
            Trial(RECIPE, songs[2].sample_id, False, "Bo", "2027")]])  # fmt: skip
        for song, ours in ((songs[4], Label("sad", "folder", "folder")), (songs[6], None)):
            theirs = Label("tense", "human", "Zoë", unsure=True)
            put_conflict(catalogue, song.sample_id, "emotion" if ours else "groove_type", None, ours,
                         theirs if ours else Label("swing"), "manifest.json", "2026-08-03T12:00:00.000Z")  # fmt: skip
        for number in (7, 5, 5):
            add_ride(catalogue.layout, songs[number].sample_id, Ride(1.5, [0.1, -0.2], [0.3, 1.0]), "Zoë")
    return root


def said(root: Path) -> dict[str, Any]:
    with Catalogue.open(root) as catalogue:
        return all_said(catalogue)


def new(folder: Path) -> Path:
    create_dataset_structure(folder, DatasetConfig(dataset_id="songs", created_at="2026"))
    return folder / "songs"


@pytest.mark.parametrize("format", ALL)
def test_what_was_said_blind_comes_back_in_its_order_and_only_once(format, root, tmp_path):
    out, again = tmp_path / "out", new(tmp_path / "again")
    export(root, out, format)
    for _ in range(2):
        assert kelly_tui.import_files(again, [out]).failures == []
        assert said(again) == said(root)
    assert [len(every) for every in said(root).values()] == [3, 3, 2, 3]
    listed = {file["path"] for file in json.loads((out / "export.json").read_text())["files"]}
    assert {"opinions.jsonl", "blind_listening.jsonl", "conflicts.jsonl", "rides.jsonl"} <= listed


def test_a_conflict_that_was_decided_since_stays_decided(root, tmp_path):
    export(root, tmp_path / "out")
    with Catalogue.open(root) as catalogue:
        resolve(catalogue, "theirs", "Bo")
        decided = list(catalogue.samples())
    kelly_tui.import_files(root, [tmp_path / "out"])
    with Catalogue.open(root) as catalogue:
        assert conflicts(catalogue) == []
        assert list(catalogue.samples()) == decided


def test_only_samples_of_the_export_are_spoken_of(root, tmp_path):
    one = sample(1).sample_id
    with Catalogue.open(root) as catalogue:
        (split,) = catalogue.db.execute("SELECT split FROM samples WHERE sample_id = ?", (one,)).fetchone()
    others = tuple(name for name in ("train", "val", "test") if name != split)
    export(root, tmp_path / "without", splits=others)
    export(root, tmp_path / "with", splits=(split,))
    lines = (tmp_path / "with/opinions.jsonl").read_text().splitlines()
    assert [json.loads(line)["field"] for line in lines if one in line] == ["emotion", "tags"]
    assert not any(one in data.decode() for name, data in tree(tmp_path / "without").items() if "opinions" in name)


def test_an_opinion_given_since_is_another_export(root, tmp_path):
    out = tmp_path / "out"
    export(root, out)
    with Catalogue.open(root) as catalogue:
        give_opinion(catalogue, sample(5).sample_id, {"emotion": "sad"}, "Bo")
    with pytest.raises(StageError, match="another export"):
        export(root, out)


@pytest.mark.parametrize(
    "line",
    ["no json", "[1]", '{"sample_id": 7}', '{"field":"emotion","value":"grumpy"}', '{"field":"mood"}', '{"round":0}'],
)
def test_a_spoilt_line_is_named_and_the_others_are_taken(line, root, tmp_path):
    out, again = tmp_path / "out", new(tmp_path / "again")
    export(root, out)
    lines = (out / "opinions.jsonl").read_text().splitlines()
    if line.startswith("{"):
        line = json.dumps({**json.loads(lines[1]), **json.loads(line)})
    put(out / "opinions.jsonl", "\n".join([line, *lines]).encode())
    outcome = kelly_tui.import_files(again, [out])
    assert [name for name, _ in outcome.failures] == ["opinions.jsonl:1"]
    assert said(again) == said(root)


def test_an_answer_about_a_change_that_no_variant_has_is_named(root, tmp_path):
    out, again = tmp_path / "out", new(tmp_path / "again")
    export(root, out)
    lines = (out / "blind_listening.jsonl").read_text().splitlines()
    wrong = json.dumps({**json.loads(lines[0]), "recipe": '{"transpose":"x"}'})
    put(out / "blind_listening.jsonl", "\n".join([wrong, *lines]).encode())
    outcome = kelly_tui.import_files(again, [out])
    assert outcome.failures == [("blind_listening.jsonl:1", "nobody can have said so")]
    assert said(again) == said(root)
    assert "3 answers of blind listening" in outcome.words


def test_an_opinion_is_kept_as_a_label_of_its_value_would_be(root, tmp_path):
    """Or two who say the same would count as of two minds."""
    out, again = tmp_path / "out", new(tmp_path / "again")
    export(root, out)
    one = json.loads((out / "opinions.jsonl").read_text().splitlines()[0])
    values = {"emotion": "SAD", "key": "Db", "is_verified": "yes", "time_signature": " 04/4", "valence": "0.5"}
    lines = [json.dumps({**one, "field": field, "value": value}) for field, value in values.items()]
    put(out / "opinions.jsonl", "\n".join(lines).encode())
    assert not kelly_tui.import_files(again, [out]).failures
    with Catalogue.open(again) as catalogue:
        kept = {said.field: said.value for said in blind_opinions(catalogue)}
    assert kept == {"emotion": "sad", "key": "C#", "is_verified": True, "time_signature": "4/4", "valence": 0.5}


def test_croissant_does_not_take_them_for_samples(root, tmp_path):
    import mlcroissant

    export(root, tmp_path / "out")
    read = mlcroissant.Dataset(jsonld=tmp_path / "out/croissant.json")
    ids = [row["samples-jsonl/sample_id"].decode() for row in read.records("samples-jsonl")]
    assert sorted(ids) == sorted(sample(n).sample_id for n in range(20))
