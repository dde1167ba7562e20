"""Two writers, a stage and an exporter at once, all of them killed at any moment: nothing acknowledged is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.paths import PROJECT
from kelly_tui.store import views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.whole import is_whole
from tests.null_sink import until
from tests.strangers import create, files

SONGS = ("bwv66.6", "bwv57.8", "bwv65.2", "bwv269")
VARIANTS = 6


def start(*command: object) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    words = [sys.executable, "-m", *map(str, command)]
    return subprocess.Popen(words, stdout=nowhere, stderr=nowhere, start_new_session=True, cwd=PROJECT)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def prove(folder: Path, songs: list[bytes], kills: int, seed: int) -> int:
    """Kill until so many have died; the number of edits that were acknowledged by then."""
    chance = random.Random(seed)
    music = folder / "music"
    music.mkdir()
    for place, song in enumerate(songs):
        (music / f"{place}.mid").write_bytes(song)
    killed, once = create(folder / "killed"), create(folder / "once")
    for root in (killed, once):
        kelly_tui.run_pipeline(root, music, 0, 0, workers=1)
    died = 0
    while died < kills:
        notes = folder / f"acknowledged{died}"
        stage = ["kelly_tui", "augment", killed, "--multiplier", VARIANTS, "--workers", 1]
        exporter = ["kelly_tui", "export", killed, "--format", "jsonl", "--out", folder / "out", "--force"]
        processes = [start("tests.writer", killed, who, died, notes) for who in ("ann", "bob")]
        processes += [start(*stage), start(*exporter)]
        enough = chance.randrange(1, 120)
        until(lambda: len(lines_of(notes)) >= enough, patience=120)  # noqa: B023
        for one in chance.sample(processes, len(processes)):
            died += one.poll() is None
            one.send_signal(signal.SIGKILL)
            one.wait()
        check(killed, notes)
    kelly_tui.augment_dataset(killed, VARIANTS, workers=2)
    kelly_tui.augment_dataset(once, VARIANTS, workers=2)
    made, wanted = ({name: value for name, value in files(root).items() if name.startswith(("raw", "processed"))}
                    for root in (killed, once))  # fmt: skip
    assert made == wanted
    command = [sys.executable, "-m", "kelly_tui", "export", killed, "--format", "jsonl", "--force", "--out"]
    for out in (folder / "out", folder / "fresh"):
        subprocess.run([*command, str(out)], check=False, capture_output=True)
    assert (folder / "fresh/train.jsonl").is_file()
    return sum(len(lines_of(path)) for path in folder.glob("acknowledged*"))


def check(root: Path, notes: Path) -> None:
    with Catalogue.open(root) as catalogue:
        assert is_whole(catalogue.layout.catalogue_path)
        assert not catalogue.layout.kelly_dir.joinpath("set-aside").exists()
        views.write_views(catalogue)
        said = {value for row in catalogue.db.execute("SELECT old, new FROM events") for value in map(str, row)}
        everything = "\n".join(said)
        assert [value for value in lines_of(notes) if value not in everything] == []
        for sample in catalogue.samples():
            path = catalogue.layout.annotation_path(sample.sample_id)
            if sample.labels:
                assert sample.labels.get("notes") is None or str(sample.labels["notes"].value) in path.read_text()


def test_nothing_acknowledged_is_lost(tmp_path: Path, corpus_midi: Callable[[str], bytes]) -> None:
    assert prove(tmp_path, [corpus_midi(one) for one in SONGS], kills=8, seed=1) > 20


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_a_thousand_kills(tmp_path: Path, corpus_midi: Callable[[str], bytes]) -> None:
    count = prove(tmp_path, [corpus_midi(one) for one in SONGS], kills=1000, seed=2)
    print(f"{count:,} edits were acknowledged in 1,000 kills")
