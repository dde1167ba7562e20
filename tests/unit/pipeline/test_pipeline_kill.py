"""A stage that is killed or stopped goes on where it was, and ends as if it never had been."""

import hashlib
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import kelly_tui
from kelly_tui.errors import KellyError
from kelly_tui.store.catalogue import Catalogue
from tests.null_sink import until
from tests.strangers import COUNT, MULTIPLIER, create, files


def kelly(*command: object) -> subprocess.Popen:
    """Started as the leader of a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "kelly_tui", *map(str, command), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(root, music) -> subprocess.Popen:
    return kelly("run", root, "--import-dir", music, "--multiplier", MULTIPLIER, "--count", COUNT, "--progress", "json")


def wait_for(process: subprocess.Popen, stage: str) -> None:
    """Until it speaks of this stage."""
    for line in process.stderr:
        if f'"{stage}"' in line:
            return
    pytest.fail(f"{stage} never began")


def children_of(process: subprocess.Popen) -> list[int]:
    with suppress(FileNotFoundError):  # it has ended
        threads = Path(f"/proc/{process.pid}/task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return []


def wait_for_end(process: int) -> None:
    """A child that finds its asker gone leaves; were it not to, this would wait for ever."""
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(process)], [], [])


def kill(process: subprocess.Popen, group: bool = False) -> None:
    """``kill -9``, alone or with its workers; back when all of them are gone."""
    children = children_of(process)
    with suppress(ProcessLookupError):
        os.kill(-process.pid if group else process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    for child in children:
        wait_for_end(child)


def test_kill_9_in_each_stage_and_then_again_ends_in_the_same_bytes(run_once, music, tmp_path):
    root = create(tmp_path)
    for stage in ("import", "extract", "augment", "synthesize"):
        process = start(root, music)
        wait_for(process, stage)
        kill(process)
    kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, workers=2)
    assert files(root) == files(run_once[0])
    assert list((root / ".kelly/partial").iterdir()) == []


def test_ctrl_c_says_how_far_it_came_and_what_is_done_is_kept(music, tmp_path):
    root = create(tmp_path)
    process = start(root, music)
    wait_for(process, "extract")
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130
    assert "the same again goes on" in said.splitlines()[-1]
    assert "Traceback" not in said
    with Catalogue.open(root) as catalogue:
        assert len(catalogue)


def dataset_of(folder: Path, songs: Iterable[bytes], **config: Any) -> Path:
    """A dataset of these songs."""
    (folder / "music").mkdir(parents=True)
    for number, data in enumerate(songs):
        (folder / "music" / f"{number}.mid").write_bytes(data)
    root = create(folder, **config)
    kelly_tui.import_files(root, [folder / "music"])
    return root


def kill_when(midway: Callable[[], object], process: subprocess.Popen, group: bool) -> None:
    """Once it is there; or it has ended."""
    until(lambda: midway() or process.poll() is not None)
    kill(process, group)


def kill_often(root: Path, kills: int, most: int, chance: random.Random) -> list[int]:
    """Kill ``augment`` when it has written up to `most` files more, and again; how many samples there are each time."""
    there = []
    for number in range(kills):
        before = written(root)
        process = kelly("augment", root, "--multiplier", 10, "--quiet")
        wanted = chance.randrange(most)
        kill_when(lambda most=before + wanted: written(root) > most, process, group=number % 2 == 1)
        with Catalogue.open(root) as catalogue:
            there.append(catalogue.counts().in_catalogue)
    return there


def written(root: Path) -> int:
    return sum(1 for _ in root.glob("processed/augmented/*/*/*"))


def prove(folder: Path, songs: list[bytes], kills: int, seed: int) -> None:
    """Ten variants of each, all different; again nothing new; and killed so many times the same bytes."""
    once = dataset_of(folder / "once", songs)
    kelly_tui.augment_dataset(once, 10, workers=2)
    with Catalogue.open(once) as catalogue:
        made = list(catalogue.samples("is:augmented"))
    assert len(made) == 10 * len(songs)
    assert len({one.sha256 for one in made}) == len(made)
    assert len({(one.root_id, repr(sorted(one.augmentation.items()))) for one in made}) == len(made)
    finished = files(once)
    assert kelly_tui.augment_dataset(once, 10, workers=2).done == 0
    assert files(once) == finished

    killed = dataset_of(folder / "killed", songs)
    there = [n - len(songs) for n in kill_often(killed, kills, len(made) // 8, random.Random(seed))]
    kelly_tui.augment_dataset(killed, 10, workers=2)
    print(
        f"in the catalogue after each of {kills} kills: {there} of {len(made)}; in the end {len(finished)} files alike"
    )
    assert there[0] < len(made)
    assert files(killed) == finished
    assert list((killed / ".kelly/partial").iterdir()) == []


def test_augment_killed_anywhere_and_run_again_ends_in_the_same_bytes(
    tmp_path: Path, corpus_midi: Callable[[str], bytes]
) -> None:
    prove(tmp_path, [corpus_midi(one) for one in ("bwv66.6", "bwv57.8", "bwv65.2", "bwv269")], kills=3, seed=1)


def test_render_killed_anywhere_and_run_again_ends_in_the_same_bytes(
    tmp_path: Path, corpus_midi: Callable[[str], bytes]
) -> None:
    """Killed with its workers, or alone: what is in the catalogue is whole each time, and nothing lies half-written."""
    songs = [corpus_midi(one) for one in ("bwv66.6", "bwv57.8", "bwv65.2", "bwv269")]
    once, killed = (dataset_of(tmp_path / name, songs, sample_rate=8000) for name in ("once", "killed"))
    for root in (once, killed):
        kelly_tui.split_dataset(root)
    kelly_tui.render_dataset(once, workers=2)
    there = []
    for group, midway in ((True, lambda: any((killed / ".kelly/partial").glob("*"))), (False, lambda: written(killed))):
        process = kelly("render", killed, "--quiet")
        kill_when(midway, process, group)
        with Catalogue.open(killed) as catalogue:
            made = list(catalogue.samples("is:augmented"))
        assert all(hashlib.sha256((killed / one.file_path).read_bytes()).hexdigest() == one.sha256 for one in made)
        there.append(len(made))
    assert there[0] < len(songs)
    kelly_tui.render_dataset(killed, workers=2)
    assert files(killed) == files(once)
    assert list((killed / ".kelly/partial").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_variants_of_a_hundred_real_files_killed_again_and_again(
    tmp_path: Path, corpus_midi: Callable[[str], bytes], seed: int
) -> None:
    from music21 import corpus

    chorales = sorted({path.stem for path in corpus.getComposer("bach") if path.stem.startswith("bwv")})[:110]
    songs = list(dict.fromkeys(map(corpus_midi, chorales)))[:100]  # some are there twice
    assert len(songs) == 100
    prove(tmp_path, songs, kills=8, seed=seed)


@pytest.mark.parametrize("stage", [kelly_tui.extract_features, kelly_tui.augment_dataset, kelly_tui.synthesize_dataset])
def test_a_stage_whose_dataset_is_moved_away_says_so_and_makes_nothing_in_its_place(stage, tmp_path, music):
    root = create(tmp_path)
    kelly_tui.import_files(root, [music])
    (tmp_path / "home").mkdir()

    def move_away(progress) -> None:
        if progress.stage != "import" and root.exists():
            root.rename(tmp_path / "home" / root.name)

    with pytest.raises(KellyError, match="the dataset's folder is gone"):
        stage(root, progress=move_away, workers=2)
    assert not root.exists()
