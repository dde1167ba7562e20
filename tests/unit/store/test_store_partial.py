"""Files on their way: whole or not there, and what the dead left is removed while the living write."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kelly_tui.errors import DatasetError, DiskFull
from kelly_tui.store.durable import write_all, write_inside, write_whole
from kelly_tui.store.layout import Layout, write_atomic
from kelly_tui.store.manifest import replacing
from kelly_tui.store.partial import partials, put, sweep
from kelly_tui.store.probe import probe_item
from tests.strangers import create


@pytest.fixture
def layout(tmp_path):
    return Layout(create(tmp_path))


def under_way(layout: Layout) -> list[Path]:
    folder = layout.kelly_dir / "partial"
    return list(folder.iterdir()) if folder.exists() else []


def hidden(layout: Layout) -> list[Path]:
    return [path for path in layout.root.rglob(".*") if ".kelly" not in path.relative_to(layout.root).parts]


WRITES_ONE_THEN_WAITS = """
import sys
from pathlib import Path
from kelly_tui.store.partial import partials
with partials(Path(sys.argv[1])) as new:
    new().write_bytes(b"half")
    print(flush=True)
    sys.stdin.read()
"""


def writer(folder: Path) -> subprocess.Popen:
    """A process in the midst of writing a file for `folder`."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", WRITES_ONE_THEN_WAITS, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_what_a_killed_process_was_writing_is_removed_and_what_a_living_one_writes_is_not(layout):
    with writer(layout.features / "ab") as process:
        assert len(under_way(layout)) == 1
        assert sweep(layout.kelly_dir) == 0
        assert len(under_way(layout)) == 1
        process.kill()
    assert sweep(layout.kelly_dir) == 1
    assert under_way(layout) == hidden(layout) == []


def test_what_was_begun_in_a_folder_of_the_persons_is_removed_and_nothing_else(tmp_path):
    """Their own may be hidden too, be called nearly so, or be a link or a folder of that very name."""
    folder = tmp_path / "sound"
    with writer(folder) as process:
        (mine,) = folder.iterdir()
        theirs = [folder / name for name in (".62b308277fc7", ".kelly-notes", ".kelly-62b308277fc7.wav", "song.wav")]
        for path in theirs:
            path.write_bytes(b"theirs")
        (folder / ".kelly-0123456789ab").symlink_to("song.wav")
        (folder / ".kelly-ba9876543210").mkdir()
        assert sweep(folder) == 0, "it is being written"
        process.kill()
    there = {*folder.iterdir()}
    assert sweep(folder) == 1
    assert there - {*folder.iterdir()} == {mine}


def test_where_the_file_system_has_no_locks_nothing_is_taken_for_left(layout, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with partials(layout.features) as new:
        new().write_bytes(b"half")
        monkeypatch.setattr("fcntl.flock", no_locks)
        assert sweep(layout.kelly_dir) == 0
        assert len(under_way(layout)) == 1


def test_a_dataset_in_which_nothing_was_written_has_nothing_to_sweep(tmp_path):
    assert sweep(tmp_path / ".kelly") == 0


def write_manifest(root: Path) -> None:
    with replacing(root / "manifest.json"):
        pass


def look_at_music(root: Path) -> None:
    probe_item({"root": str(root), "path": __file__, "relative": "a.mid", "file_type": "midi"})


def write_features(root: Path) -> None:
    write_inside(root, "processed/features/ab/a.json", b"{}")


@pytest.mark.parametrize("write", [write_features, write_manifest, look_at_music])
def test_nothing_is_made_where_a_dataset_was_moved_away(tmp_path, write):
    """What would stand there is in the way of the dataset when it is put back."""
    with pytest.raises(DatasetError, match=r"the dataset's folder is gone|No such file"):
        write(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def half_write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(data)


@pytest.mark.parametrize(
    "write",
    [
        write_atomic,
        write_whole,
        half_write,
        lambda path, data: write_all({path.with_name(f"{number}"): data for number in range(100)} | {path: data}),
    ],
    ids=["one", "generated", "streamed", "many"],
)
def test_no_file_is_half_written_in_its_folder_and_none_is_left_where_the_disk_is_full(layout, write, monkeypatch):
    target = layout.features / "cd" / ("x" * 255)
    write(target, b"old")
    seen = []

    def full(source: Path, path: Path) -> None:
        seen.append((source.parent, source.read_bytes()))
        raise OSError(errno.ENOSPC, "No space left on device")

    for module in ("kelly_tui.store.layout", "kelly_tui.store.durable", "kelly_tui.store.manifest"):
        monkeypatch.setattr(f"{module}.put", full)
    with pytest.raises(DiskFull):
        write(target, b"new")
    assert seen[0] == (layout.kelly_dir / "partial", b"new")
    assert target.read_bytes() == b"old"
    assert under_way(layout) == hidden(layout) == []


def test_a_folder_of_the_dataset_on_another_disk_gets_its_files_whole(layout, monkeypatch):
    target = layout.raw_synthetic / "a.mid"
    rename = os.replace

    def across(source: Path, path: Path) -> None:
        if source.parent != path.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, path)

    monkeypatch.setattr(os, "replace", across)
    assert write_atomic(target, b"music")
    assert target.read_bytes() == b"music"
    assert under_way(layout) == hidden(layout) == []


def test_outside_of_a_dataset_a_file_is_written_beside_its_place(tmp_path):
    with partials(tmp_path) as new:
        one = new()
        one.write_bytes(b"picture")
        assert one.parent == tmp_path
        put(one, tmp_path / "picture.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.svg"]


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(FileNotFoundError), partials(tmp_path / "gone"):
        pass
    assert [*tmp_path.iterdir()] == []
