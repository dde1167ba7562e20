"""How each stage stands is said truly: after it was done, killed, stopped, and when there is more to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

import kelly_tui
from kelly_tui.errors import StageError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.standing import STAGES, stage_standings
from kelly_tui.store import history, importer, runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from kelly_tui.store.layout import load_config, save_config
from tests.strangers import COUNT, MULTIPLIER, create


@pytest.fixture
def made(run_once, tmp_path) -> Path:
    return Path(shutil.copytree(run_once[0], tmp_path / "d"))


def states(root: Path) -> dict[str, str]:
    return {stage: standing.state for stage, standing in stage_standings(root).items()}


def words(root: Path, stage: str) -> str:
    return stage_standings(root)[stage].words


def one_more(folder: Path, music: Path, name: str = "late.mid") -> Path:
    """A file that is like none that is there: a chorale with another ending."""
    import mido

    song = mido.MidiFile(music / "sad/song_2.mid")
    song.tracks[0].insert(0, mido.MetaMessage("text", text=name))
    path = folder / "happy" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    song.save(path)
    return folder


def kill(root: Path, stage: str) -> None:
    """As a process leaves it that was killed in the midst of a stage."""
    with Catalogue.open(root) as catalogue:
        runs.begin(catalogue, stage, {"asked": {"multiplier": 50, "count": 4000}, "config": {}})


def test_of_a_new_dataset_nothing_was_ever_done(tmp_path):
    assert states(create(tmp_path)) == dict.fromkeys(STAGES, "never")


def test_after_the_whole_pipeline_all_is_done_in_spite_of_bad_files(made):
    found = states(made)
    assert found.pop("retry") == "stale"  # one is silent, one too short or without notes
    assert found.pop("validate") in ("done", "failed")
    assert (found.pop("render"), found.pop("export")) == ("never", "never")  # they are no part of the whole
    assert found == dict.fromkeys(found, "done")
    assert words(made, "import") == "8 imported, 4 refused"
    assert "lie in" not in words(made, "annotate")


def test_what_folders_can_not_label_is_no_work_left_to_do(made):
    standing = stage_standings(made)["annotate"]
    assert standing.state == "done"
    assert standing.words.startswith("6 of 8 labelled, 2 in folders that are no label")


@pytest.mark.parametrize("stage", ["import", "annotate", "extract", "split", "augment", "synthesize"])
def test_a_killed_stage_is_never_called_done(made, stage):
    kill(made, stage)
    standing = stage_standings(made)[stage]
    assert standing.state == "failed"
    assert "its process died" in standing.words
    assert "start it again" in standing.words


@pytest.mark.parametrize("stage", ["validate", "export"])
def test_of_a_killed_look_nothing_more_is_said_than_that(made, stage):
    kill(made, stage)
    assert words(made, stage).endswith("start it again to go on")


def test_a_killed_augment_says_what_is_lacking_and_is_done_after_it_ran_again(made):
    kill(made, "augment")
    assert "of 50 each; to do: " in words(made, "augment")
    kelly_tui.augment_dataset(made, MULTIPLIER)
    assert states(made)["augment"] == "done"


def test_new_samples_make_what_comes_after_stale_and_say_how_many(made, music, tmp_path):
    kelly_tui.import_files(made, [one_more(tmp_path / "more", music)])
    found = stage_standings(made)
    assert found["import"].state == "done"
    for stage in ("annotate", "extract", "split"):
        assert found[stage].state == "stale"
        assert "to do: 1 new" in found[stage].words, stage
    assert f"to do: {MULTIPLIER} lacking variants of 1 sample" in found["augment"].words
    assert found["synthesize"].state == "done"
    assert found["validate"].state == "stale"
    assert "changed since" in found["validate"].words


@pytest.mark.parametrize("module", [importer, runs])
def test_new_samples_are_counted_though_the_clock_was_set_back(made, music, tmp_path, monkeypatch, module):
    kelly_tui.validate_dataset(made)
    monkeypatch.setattr(module, "utc_now", lambda: "2001-01-01T00:00:00.000Z")
    kelly_tui.import_files(made, [one_more(tmp_path / "more", music)])
    assert words(made, "annotate").endswith("to do: 1 new")
    assert words(made, "validate").endswith("changed since")
    kelly_tui.annotate_dataset(made)
    assert states(made)["annotate"] == "done"


def test_changed_parameters_are_named_and_counted_as_a_dry_run_does(made):
    config = load_config(made)
    save_config(made, msgspec.structs.replace(config, n_mels=80, train_ratio=0.7, val_ratio=0.2))
    dry = kelly_tui.extract_features(made, dry_run=True).details["why"]
    assert list(dry) == ["n_mels 64 → 80"]
    assert f"to do: {dry['n_mels 64 → 80']} n_mels 64 → 80" in words(made, "extract")
    assert "train_ratio 0.8 → 0.7" in words(made, "split")
    assert "--reshuffle" in words(made, "split")


@pytest.fixture
def set_back(monkeypatch):
    """The clock, for all that is said from here on."""
    monkeypatch.setattr(history, "utc_now", lambda: "2001-01-01T00:00:00.000Z")


@pytest.mark.usefixtures("set_back")
def test_an_edit_makes_the_verdict_stale(made):
    kelly_tui.validate_dataset(made)
    before = stage_standings(made)["validate"]
    assert before.state in ("done", "failed")
    with Catalogue.open(made) as catalogue:
        root = next(catalogue.samples("is:imported is:ok"))
        edit(catalogue, [Edit(root.sample_id, "notes", Label("a good one"))], "me")
    assert states(made)["validate"] == "stale"
    kelly_tui.validate_dataset(made)
    assert states(made)["validate"] == before.state


@pytest.mark.usefixtures("set_back")
def test_a_label_that_changed_makes_the_proof_of_the_splits_stale(made):
    assert states(made)["split"] == "done"
    with Catalogue.open(made) as catalogue:
        root = next(catalogue.samples("is:imported is:ok -emotion:sad"))
        edit(catalogue, [Edit(root.sample_id, "notes", Label("a good one"))], "me")
    assert states(made)["split"] == "done", "notes decide nothing"
    with Catalogue.open(made) as catalogue:
        edit(catalogue, [Edit(root.sample_id, "emotion", Label("sad"))], "me")
    assert words(made, "split").endswith("to do: prove anew, labels have changed")
    kelly_tui.split_dataset(made)
    assert states(made)["split"] == "done"


def test_what_could_not_be_carried_out_says_why_until_it_is(music, tmp_path):
    root = create(tmp_path, max_total_size_gb=1e-6)
    with pytest.raises(StageError):
        kelly_tui.import_files(root, [music])
    assert states(root)["import"] == "failed"
    assert "max_total_size_gb" in words(root, "import")
    save_config(root, msgspec.structs.replace(load_config(root), max_total_size_gb=100.0))
    kelly_tui.import_files(root, [music])
    assert states(root)["import"] == "done"


def test_what_runs_says_how_far_it_is(made):
    with Catalogue.open(made) as catalogue:
        turn = runs.Turn(catalogue.layout)
        turn.tell("extract", {"done": 8, "failed": 1, "total": 40})
        try:
            assert stage_standings(made)["extract"].state == "running"
            assert words(made, "extract").startswith("9 of 40, process ")
        finally:
            turn.close()


def test_stats_say_how_the_stages_stand(made, capsys):
    import json

    from kelly_tui.cli import main

    assert main(["stats", str(made)]) == 0
    said = capsys.readouterr().out
    assert "import      done     8 imported, 4 refused" in said
    assert main(["stats", str(made), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["stages"]["synthesize"]
    assert (told["state"], told["words"], told["last"]["done"]) == ("done", f"{COUNT} generated", COUNT)
