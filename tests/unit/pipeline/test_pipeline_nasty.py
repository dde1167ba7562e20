"""A hundred files made to hurt, through every stage: each is a sample or a named failure, and nothing else suffers."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import KellyError
from kelly_tui.settings import Settings
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import history
from tests.nasty import audio, midi, records, soundfonts
from tests.strangers import create

GOOD = 2
STRICT = Settings(item_seconds=30.0, item_memory_gb=1.5)


def write(folder: Path, corpus_midi) -> None:
    folder.mkdir()
    for name, data in midi.NASTY.items():
        (folder / f"{name.replace('/', ' ')}.mid").write_bytes(data)
    for name, data in audio.NASTY.items():
        (folder / name).write_bytes(data)
    for place, name in enumerate(("bwv66.6", "bwv57.8")):
        (folder / f"good {place}.mid").write_bytes(corpus_midi(name))
    os.mkfifo(folder / "pipe.mid")
    (folder / "zero.wav").symlink_to("/dev/zero")
    (folder / "loop.mid").symlink_to("loop.mid")
    (folder / "gone.flac").symlink_to("nowhere.flac")
    (folder / "folder.mid").mkdir()


@pytest.fixture(scope="module")
def survived(tmp_path_factory, corpus_midi):
    """The dataset after all stages, and what was said of them."""
    folder = tmp_path_factory.mktemp("nasty")
    write(folder / "music", corpus_midi)
    root = create(folder, min_duration_sec=0.01)
    outcome = kelly_tui.run_pipeline(root, folder / "music", 1, 2, workers=2, settings=STRICT)
    return root, outcome


def test_each_nasty_file_is_a_whole_sample_or_a_named_failure(survived):
    root, outcome = survived
    failures = {Path(name).name: reason for name, reason in outcome.failures.items()}
    with Catalogue.open(root) as catalogue:
        samples = {Path(one.source).name: one for one in catalogue.samples() if one.source}
        duplicates = {Path(one["path"]).name for one in outcome.stages[0].details["duplicates"]}
    written = [path for path in (root.parent / "music").iterdir() if not path.is_dir()]
    assert len(written) == len(midi.NASTY) + len(audio.NASTY) + GOOD + 4
    for path in written:
        if path.name in failures:
            reason = failures[path.name]
            assert len(reason) > 4, path.name
            assert not re.search(r"[a-z]Error|Exception|Traceback|object at|\x1b", reason), (path.name, reason)
        elif path.name not in duplicates:
            sample = samples[path.name]
            assert sample.status == "ok", (path.name, sample.status)
            assert (root / sample.features_path).is_file(), path.name
    assert {"good 0.mid", "good 1.mid"} <= samples.keys()
    assert not {"good 0.mid", "good 1.mid"} & failures.keys()


def test_none_of_them_is_tried_again_or_takes_the_rest_along(survived):
    root, _ = survived
    again = kelly_tui.run_pipeline(root, root.parent / "music", 1, 2, workers=2, settings=STRICT)
    assert [outcome.done for outcome in again.stages] == [0] * len(again.stages), again.stages
    report = again.report
    assert report is not None
    assert not [finding for finding in report.findings if "\x1b" in str(finding)]


@pytest.fixture(scope="module")
def chorale(tmp_path_factory, corpus_midi):
    folder = tmp_path_factory.mktemp("chorale")
    (folder / "good.mid").write_bytes(corpus_midi("bwv66.6"))
    root = create(folder)
    kelly_tui.import_files(root, [folder / "good.mid"], workers=1)
    return root


@pytest.mark.parametrize("name", soundfonts.NASTY)
def test_a_soundfont_that_lies_is_an_error_or_sounds_and_harms_none(name, tmp_path, chorale):
    bank = tmp_path / "nasty.sf2"
    bank.write_bytes(soundfonts.NASTY[name])
    said = ""
    try:
        outcome = kelly_tui.render_dataset(
            chorale, out=tmp_path / "out", soundfont=str(bank), workers=1, settings=STRICT
        )
    except KellyError as error:
        said = str(error)
    if said:
        assert re.fullmatch(r"[^\n]*(nasty\.sf2|SoundFont)[^\n]*", said)
    else:
        assert outcome.done + outcome.failed == 1


# -- views in place of ours


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, corpus_midi):
    folder = tmp_path_factory.mktemp("views")
    (folder / "music").mkdir()
    for place, name in enumerate(("bwv66.6", "bwv57.8")):
        (folder / f"music/good {place}.mid").write_bytes(corpus_midi(name))
    root = create(folder)
    kelly_tui.run_pipeline(root, folder / "music", 1, 0, workers=1)
    with Catalogue.open(root) as catalogue:
        sample = next(iter(catalogue.samples("is:root")))
    assert main(["label", str(root), sample.sample_id, "emotion=sad", "notes=mine"]) == 0
    assert main(["stats", str(root)]) == 0  # views are written
    return root, sample.sample_id


VIEWS = ("manifest.json", "config.json", "annotations/{id:.2}/{id}.json", "splits/PROOF.json", "splits/train.txt")


def survive(labelled, capsys, tmp_path, damage) -> None:
    """After `damage` to a copy no command fails in an ugly way, and the person's label is there or in a conflict."""
    root, sample_id = labelled
    copy = tmp_path / "d"
    shutil.copytree(root, copy)
    damage(copy)
    before = {path for path in tmp_path.rglob("*") if copy not in path.parents}
    for command in (["stats", str(copy)], ["validate", str(copy)], ["show", str(copy), sample_id]):
        code = main(command)
        said = capsys.readouterr()
        assert code in (0, 1, 2), command
        assert "Traceback" not in said.err, said.err
        assert "fault of Kelly" not in said.err, said.err
        assert not set(said.out + said.err) & set("\x1b\x07\x9b\x00"), command
    assert {path for path in tmp_path.rglob("*") if copy not in path.parents} == before
    if main(["list", str(copy)]) == 0:
        with Catalogue.open(copy) as catalogue:
            kept = catalogue.get(sample_id)
            assert kept is not None
            told = str(history(catalogue, sample_id))
        assert kept.labels["notes"].value == "mine" or "mine" in told


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", records.BODIES)
def test_no_view_that_is_no_view_costs_a_label(view, name, labelled, capsys, tmp_path):
    path = view.format(id=labelled[1])
    survive(labelled, capsys, tmp_path, lambda copy: (copy / path).write_bytes(records.BODIES[name]))


@pytest.mark.parametrize("name", records.CHANGES)
def test_no_manifest_that_lies_leads_out_or_costs_a_label(name, labelled, capsys, tmp_path):
    def damage(copy: Path) -> None:
        path = copy / "manifest.json"
        manifest = json.loads(path.read_bytes())
        records.CHANGES[name](manifest)
        path.write_text(json.dumps(manifest))

    survive(labelled, capsys, tmp_path, damage)


@pytest.mark.parametrize("name", [name for name in records.CHANGES if name.startswith("sizes")])
def test_numbers_that_can_not_be_are_kept_beside_the_sample_where_its_catalogue_is_made(name, labelled, tmp_path):
    root = shutil.copytree(labelled[0], tmp_path / "d", ignore=shutil.ignore_patterns(".kelly"))
    manifest = json.loads((root / "manifest.json").read_bytes())
    records.CHANGES[name](manifest)
    (root / "manifest.json").write_text(json.dumps(manifest))
    said = {one["sample_id"]: one for one in manifest["samples"]}
    with Catalogue.open(root) as catalogue:
        samples = list(catalogue.samples())
        assert {one.sample_id for one in samples} == set(said)
        for one in samples:
            assert one.file_size_bytes == (root / one.file_path).stat().st_size, "the file itself tells it"
            assert one.duration_sec is None
            assert one.extra["not_read"]["duration_sec"] == said[one.sample_id]["duration_sec"]
