"""A folder that goes away while a stage is at it: the stage stops and names it, and no file pays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import kelly_tui
from kelly_tui.errors import KellyError, StageError
from kelly_tui.pipeline import augment, extract, importing, rebuild, synthesize
from kelly_tui.pipeline.trouble import can_be_written
from kelly_tui.render import midi
from kelly_tui.store import durable
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.partial import partials
from tests.own_mounts import OWN_MOUNTS, needs_own_mounts
from tests.strangers import SOURCES, create


@pytest.fixture
def source(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's music, in the folder where we stand."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(music, tmp_path / "Music"))


def once_found(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], stage: Any = importing) -> None:
    """Have something happen after a stage has found what there is to do, before it does any."""
    really = stage.run_items
    monkeypatch.setattr(stage, "run_items", lambda *work: (happens(), really(*work))[1])


@pytest.mark.parametrize(("named", "away"), [
    (["Music"], "Music"),
    (["Music"], "Music/sad"),
    (["Music/sad/song_1.mid", "Music/sad/song_2.mid"], "Music/sad"),
])  # fmt: skip
def test_music_that_is_away_stops_an_import_and_is_named(
    named: list[str], away: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = create(tmp_path)
    once_found(monkeypatch, lambda: os.rename(away, "unmounted"))
    with pytest.raises(StageError, match=f"^import stopped: {tmp_path}/{away} is not there, or empty. When"):
        kelly_tui.import_files(root, named, workers=1)
    with Catalogue.open(root) as catalogue:
        assert not [one for one in catalogue.failures("import") if "can't be read" in one.reason]


def test_a_file_that_is_gone_from_its_folder_is_named_alone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once_found(monkeypatch, (source / "sad/song_1.mid").unlink)
    outcome = kelly_tui.import_files(create(tmp_path), ["Music/sad"], workers=1)
    assert ("sad/song_1.mid", "can't be read (No such file or directory)") in outcome.failures
    assert outcome.done


def test_without_libsndfile_the_stage_stops_and_blames_no_file(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, lacking = create(tmp_path), tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "soundfile.py").write_text("raise OSError('sndfile library not found')")
    sounds = [source / "happy/tone.wav", source / "sad/tone.flac"]
    for run in (lambda: kelly_tui.import_files(root, sounds), lambda: kelly_tui.extract_features(root)):
        with monkeypatch.context() as patch:
            patch.setenv("PYTHONPATH", str(lacking))
            with pytest.raises(StageError, match=r"stopped: libsndfile can't be loaded, .*\. Install libsndfile1"):
                run()
        run()
    with Catalogue.open(root) as catalogue:
        assert not catalogue.failures("import") + catalogue.failures(extract.STAGE)


STAGES: dict[str, tuple[Any, Callable[..., object]]] = {
    "processed/features": (extract, kelly_tui.extract_features),
    "processed/augmented": (augment, kelly_tui.augment_dataset),
    "raw/synthetic": (synthesize, partial(kelly_tui.synthesize_dataset, count=2)),
}


@pytest.fixture
def songs(source: Path, tmp_path: Path) -> Path:
    """A dataset of two."""
    root = create(tmp_path)
    kelly_tui.import_files(root, [source / "sad/song_1.mid", source / "sad/song_2.mid"], workers=1)
    return root


LOSES_A_MOUNT = """
import shutil, subprocess, sys
import kelly_tui
from kelly_tui.errors import KellyError
from kelly_tui.pipeline import export, runner

stage, root, place, music = sys.argv[1:]
shutil.move(place, "spare")
subprocess.check_call(["mkdir", place])
subprocess.check_call(["mount", "-t", "tmpfs", "none", place])
shutil.copytree("spare", place, dirs_exist_ok=True)


class Witness(runner.Witness):
    def __init__(self, work):
        super().__init__(work)
        subprocess.check_call(["umount", "-l", place])


def mounts(really=export.mounts):
    before = really()
    subprocess.check_call(["umount", "-l", place])
    return before


runner.Witness, export.mounts = Witness, mounts
try:
    if stage == "import":
        kelly_tui.import_files(root, [music], workers=1)
    elif stage == "extract":
        kelly_tui.extract_features(root, workers=1)
    else:
        kelly_tui.export_dataset(root, "jsonl", "out", force=True)
except KellyError as error:
    print(error)
with kelly_tui.store.catalogue.Catalogue.open(root) as catalogue:
    print([one.reason for stage in ("import", "extract") for one in catalogue.failures(stage) if "read" in one.reason])
"""


@needs_own_mounts
@pytest.mark.parametrize("stage", ["import", "extract", "export"])
def test_a_mount_that_is_lost_midway_is_named_though_it_leaves_an_empty_folder(
    stage: str, songs: Path, source: Path
) -> None:
    music = source.rename(source.with_name("my Music"))  # the system's list of mounts has a space as \040
    place = music / "sad" if stage == "import" else songs / "raw/midi"
    kelly_tui.split_dataset(songs)
    command = [*OWN_MOUNTS, sys.executable, "-c", LOSES_A_MOUNT, stage, songs, place, music]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [
        f"{stage} stopped: {place} is not there, or empty. When that is mended, run the same again to go on.",
        "[]",
    ]


ANOTHER_DISK = """
import subprocess, sys
from pathlib import Path
import kelly_tui
from kelly_tui.pipeline.room import LEAST, Room
from kelly_tui.store.catalogue import Catalogue
root, music = map(Path, sys.argv[1:])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", root / "raw"], check=True)
kelly_tui.import_files(root, [music], workers=1)
with Catalogue.open(root) as catalogue:
    samples = list(catalogue.samples())
    there = sorted(sample.file_path for sample in samples)
    print(there == sorted(path.relative_to(root).as_posix() for path in (root / "raw").rglob("*") if path.is_file()))
    print(len(samples), [Room(catalogue).is_free(size) for size in (LEAST // 4, LEAST)])
    print([path.name for path in (root / "raw").rglob(".kelly*")])
"""


@needs_own_mounts
def test_an_import_goes_onto_a_disk_that_is_mounted_as_raw_and_knows_its_room(tmp_path: Path, source: Path) -> None:
    root = create(tmp_path)
    command = [*OWN_MOUNTS, sys.executable, "-c", ANOTHER_DISK, root, source]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == ["True", f"{len(SOURCES) + 1} [True, False]", "[]"]  # what is silent is a sample, set aside


@pytest.mark.parametrize("away", STAGES)
def test_what_a_stage_writes_to_is_not_made_again(away: str, songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, run = STAGES[away]
    once_found(monkeypatch, lambda: (songs / away).rename(songs / "unmounted"), stage)
    with pytest.raises(KellyError, match=f"^{stage.STAGE} stopped: a folder of the dataset is gone: {songs / away}. "):
        run(songs, workers=1)
    assert not (songs / away).exists()


@pytest.mark.parametrize("place", STAGES)
def test_what_is_not_there_at_the_start_of_a_stage_is_made(place: str, songs: Path) -> None:
    top = songs / place.partition("/")[0]
    shutil.rmtree(songs / place if top.name == "raw" else top)
    STAGES[place][1](songs, workers=1)
    assert any(path.is_file() for path in (songs / place).rglob("*"))


@pytest.mark.parametrize("away", ["raw", "raw/midi"])
def test_raw_where_samples_lie_is_not_made_at_the_start_either(away: str, songs: Path, source: Path) -> None:
    (songs / away).rename(songs / "unmounted")
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs / away}. Put it back"):
        kelly_tui.import_files(songs, [source / "happy"], workers=1)
    assert not (songs / away).exists()


@pytest.mark.parametrize("is_mount", [False, True])
@pytest.mark.parametrize("stage", [partial(kelly_tui.synthesize_dataset, count=2), kelly_tui.rebuild_dataset])
def test_raw_is_not_made_for_what_else_lies_in_it(stage: Callable[..., object], is_mount: bool, songs: Path) -> None:
    (songs / "raw").rename(songs / "unmounted")
    if is_mount:
        (songs / "raw").mkdir()
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/raw.*. Put it back"):
        stage(songs, workers=1)
    assert not list((songs / "raw").glob("*"))


def test_what_goes_away_while_a_file_is_written_is_named(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(folder: Path) -> Any:
        (songs / "processed").rename(songs / "unmounted")
        return partials(folder)

    for module in (durable, midi):
        monkeypatch.setattr(module, "partials", away)
    with Catalogue.open(songs) as catalogue:
        one = next(catalogue.samples())
    rendered = {
        "root": str(songs),
        "parent_path": one.file_path,
        "parent_sha256": one.sha256,
        "target": "processed/augmented/audio/00/song.wav",
        "sample_rate": 8_000,
    }
    writes = [
        lambda: durable.write_inside(songs, "processed/features/00/song.json", b"{}"),
        lambda: midi.render_item(rendered),
    ]
    for write in writes:
        with pytest.raises(KellyError, match=f"^a folder of the dataset is gone: {songs}/processed. Put it back"):
            write()
        (songs / "unmounted").rename(songs / "processed")


def test_generated_music_that_is_away_is_not_begun_anew(songs: Path) -> None:
    kelly_tui.synthesize_dataset(songs, 2, workers=1)
    (songs / "raw/synthetic").rename(songs / "unmounted")
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/raw/synthetic. Put it back"):
        kelly_tui.synthesize_dataset(songs, 4, workers=1)
    assert not (songs / "raw/synthetic").exists()


def test_what_goes_away_before_it_is_committed_is_named(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = synthesize.make_durable

    def away(files: Any) -> None:
        (songs / "raw/synthetic").rename(songs / "unmounted")
        really(files)

    monkeypatch.setattr(synthesize, "make_durable", away)
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/raw/synthetic. Put it back"):
        kelly_tui.synthesize_dataset(songs, 2, workers=1)


def test_a_file_that_goes_before_it_is_committed_is_named(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = extract.make_durable

    def gone(files: Any) -> None:
        (songs / sorted(files)[0]).unlink()
        really(files)

    monkeypatch.setattr(extract, "make_durable", gone)
    with pytest.raises(KellyError, match=f"^what was just written is gone: {songs}/processed/features/.*json. Run the"):
        kelly_tui.extract_features(songs, workers=1)
    monkeypatch.undo()
    assert kelly_tui.extract_features(songs, workers=1).done == 2


def test_what_is_made_again_is_not_written_where_its_folder_went_away(
    songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kelly_tui.augment_dataset(songs, 2, workers=1)
    for path in (songs / "processed/augmented").rglob("*.mid"):
        path.unlink()
    once_found(monkeypatch, lambda: (songs / "processed").rename(songs / "unmounted"), rebuild)
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/processed. Put it back"):
        kelly_tui.rebuild_dataset(songs, workers=1)
    assert not (songs / "processed").exists()


def test_raw_that_is_gone_is_not_made_again_by_an_import(
    songs: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once_found(monkeypatch, lambda: (songs / "raw").rename(songs / "unmounted"))
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/raw. "):
        kelly_tui.import_files(songs, [source / "happy"], workers=1)
    assert not (songs / "raw").exists()


def test_what_was_set_aside_stays_so_where_it_can_not_be_tried_again(songs: Path) -> None:
    with Catalogue.open(songs) as catalogue:
        sample_id = next(catalogue.samples()).sample_id
        catalogue.quarantine(sample_id, "extract", "", "no music")
    (songs / "raw").rename(songs / "unmounted")
    with pytest.raises(KellyError, match=f"a folder of the dataset is gone: {songs}/raw. Put it back"):
        kelly_tui.retry_failures(songs, workers=1)
    with Catalogue.open(songs) as catalogue:
        assert [(one.sample_id, one.status) for one in catalogue.samples("is:quarantined")] == [(sample_id, "no music")]
    (songs / "unmounted").rename(songs / "raw")
    kelly_tui.retry_failures(songs, workers=1)
    with Catalogue.open(songs) as catalogue:
        assert not list(catalogue.samples("is:quarantined"))


def test_a_worker_is_to_blame_for_a_folder_that_is_there_for_us_alone(songs: Path) -> None:
    gone = f"{songs}/processed/features"
    assert can_be_written(songs, gone)
    shutil.rmtree(gone)
    assert not can_be_written(songs, gone)
