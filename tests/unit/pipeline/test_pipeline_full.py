"""A full disk pauses a stage; it goes on when there is room, stops when told, and gives up after a stated time."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.errors import DiskFull, StageError
from kelly_tui.pipeline import runner
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Interrupted, Item, Progress, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.full_disk import not_on_full_disk
from kelly_tui.store.layout import write_atomic
from tests.strangers import create


class FullWhileThere:
    """A disk that is full as long as a file lies on it."""

    def __init__(self, ballast: Path) -> None:
        self.ballast = ballast
        self.folder = ballast.parent
        ballast.touch()

    def needed(self, items: int) -> int:
        return items * 1_000_000

    def is_free(self, _: int) -> bool:
        return not self.ballast.exists()

    def admits(self, _: Path) -> bool:
        return True

    def clear(self, path: Path, sample_id: str) -> None:
        """Nothing was written."""


@pytest.fixture
def disk(tmp_path, monkeypatch) -> FullWhileThere:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return FullWhileThere(tmp_path / "ballast")


def work(disk: FullWhileThere, count: int = 60) -> Work:
    data = {"temper": "full while there", "path": str(disk.ballast)}
    items = [Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, **data}) for n in range(count)]
    plan = Plan()
    for one in items:
        plan.add(one, "new")
    return Work("toy", items, plan, room=disk, written=lambda *_: None)


def test_it_says_what_it_waits_for_and_goes_on_by_itself(disk):
    rows, said, noticed = [], [], []

    def hear(progress: Progress) -> None:
        said.append(progress.message)
        if len([one for one in said if one]) == 2:
            disk.ballast.unlink(missing_ok=True)

    outcome = run_items(work(disk), rows.extend, Run(workers=2, progress=hear, notice=noticed.append))
    assert [row[1]["square"] for row in rows] == [n**2 for n in range(60)]
    assert outcome.done == 60
    assert outcome.failures == []
    assert "paused: the disk is full, needs about 60 MB" in said
    assert noticed == ["toy paused: the disk is full, needs about 60 MB; it goes on by itself when there is room"]
    assert said[-1] == ""


def test_cancelling_ends_the_wait(disk):
    cancel = threading.Event()

    def hear(progress: Progress) -> None:
        if progress.message:
            cancel.set()

    with pytest.raises(Interrupted, match="0 of 60"):
        run_items(work(disk), lambda _: None, Run(workers=2, progress=hear, cancel=cancel))


def test_it_gives_up_after_the_stated_time(disk, monkeypatch):
    monkeypatch.setattr(runner, "FULL_SECONDS", 0.0)
    with pytest.raises(StageError, match=r"disk has been full for 0 minutes.*run the same again"):
        run_items(work(disk), lambda _: None, Run(workers=2))


def test_a_commit_that_finds_the_disk_full_is_tried_again(disk):
    disk.ballast.unlink()
    rows, refusals = [], iter([True, True])

    def commit(results: list) -> None:
        if next(refusals, False):
            raise DiskFull("the disk is full")
        rows.extend(results)

    run_items(work(disk), commit, Run(workers=2))
    assert [row[1]["square"] for row in rows] == [n**2 for n in range(60)]


def test_a_commit_that_can_not_be_repeated_stops_the_stage(disk):
    disk.ballast.unlink()
    calls = []

    def commit(results: list) -> None:
        calls.append(results)
        raise DiskFull("the disk is full")

    with pytest.raises(DiskFull):
        run_items(work(disk)._replace(commits_again=False), commit, Run(workers=2))


@pytest.fixture
def small_disk(tmp_path, request) -> Iterator[Path]:
    """A file system of 24 MB, or of what is asked for."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", getattr(request, "param", "size=24m"), "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_stage_outlasts_a_disk_that_was_really_full(small_disk):
    root = create(small_disk)
    with Catalogue.open(root):
        pass
    free = shutil.disk_usage(small_disk).free
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free - 600_000))
    paused = []

    def hear(progress: Progress) -> None:
        if progress.message:
            paused.append(progress)
            ballast.unlink(missing_ok=True)

    outcome = kelly_tui.synthesize_dataset(root, 300, workers=2, progress=hear)
    assert paused
    assert paused[0].total - paused[0].done > 0
    assert (outcome.done, outcome.failures) == (300, [])
    with Catalogue.open(root) as catalogue:
        samples = list(catalogue.samples())
    assert len(samples) == 300
    assert all((root / one.file_path).stat().st_size == one.file_size_bytes for one in samples)
    assert list((root / ".kelly/partial").iterdir()) == []


def fill(folder: Path) -> Path:
    """The file that takes all the room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert not shutil.disk_usage(folder).free
    return ballast


def test_a_dataset_on_a_full_disk_is_read_as_it_lies_and_says_so(small_disk):
    root = create(small_disk)
    kelly_tui.synthesize_dataset(root, 3, workers=1)
    ballast = fill(small_disk)
    for command in ("list", "history", "validate"):
        program = [sys.executable, "-m", "kelly_tui", command, str(root)]
        told = subprocess.run(program, capture_output=True, text=True, check=False)
        assert "opened for reading only: the disk is full" in told.stderr
        assert told.stdout.strip()
    with Catalogue.open(root) as catalogue:
        assert len(list(catalogue.samples())) == 3
        with pytest.raises(DiskFull), catalogue.writing():
            pass
        with pytest.raises(DiskFull):  # the app, which would not see what is written once there is room
            not_on_full_disk(catalogue)
    ballast.unlink()
    Path(f"{root}/.kelly/catalogue.sqlite-wal").write_bytes(b"an edit, perhaps")  # without it, nobody should look
    fill(small_disk)
    with pytest.raises(DiskFull):
        Catalogue.open(root)


@pytest.mark.parametrize("small_disk", ["size=24m,nr_inodes=80"], indirect=True)
def test_a_disk_out_of_inodes_says_so_and_is_read(small_disk):
    """SQLite's log and its index need one each."""
    root = create(small_disk)
    kelly_tui.synthesize_dataset(root, 2)
    for number in itertools.count():
        try:
            (small_disk / f"small {number}").touch()
        except OSError:
            break
    assert shutil.disk_usage(small_disk).free > 10_000_000
    with Catalogue.open(root) as catalogue:
        assert len(list(catalogue.samples())) == 2
        with pytest.raises(DiskFull, match=r"it is out of inodes: .*Remove files"), catalogue.writing():
            pass
    with pytest.raises(DiskFull, match="out of inodes"):
        write_atomic(root / "new", b"1")
    for path in small_disk.glob("small *"):
        path.unlink()
    with Catalogue.open(root) as catalogue, catalogue.writing():
        pass
