"""A damaged catalogue costs its history, never a label that its views have or that can still be read."""

import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, migrations, views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.rebuild import last_rebuild, untold

SAMPLES = 400
PAGE = 4096


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset of several hundred pages, its views written."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number, extra={"text": "x" * 2000}) for number in range(SAMPLES))
        label(catalogue, range(0, SAMPLES, 2), "happy")
        views.write_views(catalogue)
    return tmp_path / "songs"


def label(catalogue: Catalogue, numbers, emotion: str) -> None:
    history.edit(catalogue, [Edit(id_of(number), "emotion", Label(emotion)) for number in numbers], "ann")


def emotions(catalogue: Catalogue) -> dict[str, object]:
    return {one.sample_id: one.value("emotion") for one in catalogue.samples()}


def file_of(root: Path) -> Path:
    return root / ".kelly" / "catalogue.sqlite"


def overwrite(path: Path, place: int, data: bytes, size: int | None = None) -> None:
    """From another process: closing a file drops the locks that SQLite has on it in this one."""
    code = "import sys, os; f = open(sys.argv[1], 'r+b'); f.seek(int(sys.argv[2])); f.write(sys.stdin.buffer.read())"
    cut = f"; f.truncate({size})" if size is not None else ""
    subprocess.run([sys.executable, "-c", code + cut, path, str(place)], input=data, check=True)


def spoil_labels(root: Path) -> None:
    """Pages of the table of samples become noise: what opening reads is whole."""
    with sqlite3.connect(file_of(root)) as db:
        leaves = "SELECT pageno FROM dbstat WHERE name = 'samples' AND pagetype = 'leaf'"
        pages = [page for (page,) in db.execute(leaves)]
    db.close()
    for page in pages[len(pages) // 2 :][:3]:
        overwrite(file_of(root), (page - 1) * PAGE, random.Random(page).randbytes(PAGE))


def set_aside(root: Path) -> list[Path]:
    return sorted((root / ".kelly" / "set-aside").glob("*/catalogue.sqlite"))


@pytest.mark.parametrize("how", ["no catalogue", "random", "header", "half"])
def test_a_damaged_catalogue_is_set_aside_and_made_of_the_views(root: Path, how: str) -> None:
    with Catalogue.open(root) as catalogue:
        before = emotions(catalogue)
    whole = file_of(root).read_bytes()
    spoilt = {
        "no catalogue": b"hello" * 300,
        "random": random.Random(1).randbytes(len(whole)),
        "header": b"\x00" * 100 + whole[100:],
        "half": whole[: len(whole) // 2],
    }[how]
    file_of(root).write_bytes(spoilt)
    with Catalogue.open(root) as catalogue:
        assert emotions(catalogue) == before
        [kept] = set_aside(root)
        assert kept.read_bytes() == spoilt
        said = untold(catalogue)
        assert f"{SAMPLES} samples and {SAMPLES // 2} labels are back" in said
        assert f"The damaged one: {kept.parent.relative_to(root)}." in said
        assert "\n" not in said
        assert untold(catalogue) == "", "it is said once"
        assert history.undo(catalogue, "ann") is None, "history begins anew"
    with Catalogue.open(root):
        assert len(set_aside(root)) == 1


def test_a_lost_catalogue_is_said_too(root: Path) -> None:
    for path in file_of(root).parent.glob("catalogue.sqlite*"):
        path.unlink()
    with Catalogue.open(root) as catalogue:
        assert untold(catalogue).startswith(f"the catalogue was gone; made anew from the views: {SAMPLES} samples and")


def test_damage_in_the_middle_is_one_clear_line_and_mended_at_the_next_opening(root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        before = emotions(catalogue)
    spoil_labels(root)
    said = r"the catalogue is damaged: .*catalogue.sqlite. Leave all kelly"
    with pytest.raises(DatasetError, match=said), Catalogue.open(root) as catalogue:
        emotions(catalogue)
    assert set_aside(root) == [], "not under the feet of who has it open"
    with Catalogue.open(root) as catalogue:
        assert emotions(catalogue) == before
    assert len(set_aside(root)) == 1


def test_what_the_views_lack_is_read_from_the_damaged_one(root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        label(catalogue, [1, 3], "sad")  # not yet in annotations/
        label(catalogue, [SAMPLES - 1], "tense")
        before = emotions(catalogue)
    spoil_labels(root)
    with pytest.raises(DatasetError), Catalogue.open(root) as catalogue:
        emotions(catalogue)
    with Catalogue.open(root) as catalogue:
        assert emotions(catalogue) == before


def test_files_taken_in_after_the_manifest_was_written_come_back(root: Path) -> None:
    late = root / "raw" / "midi" / "sad" / "late.mid"
    late.parent.mkdir(parents=True)
    late.write_bytes(b"MThd")
    file_of(root).write_bytes(b"hello" * 300)
    with Catalogue.open(root) as catalogue:
        assert catalogue.find("raw/midi/sad/late.mid").source == "sad/late.mid"
        assert len(catalogue) == SAMPLES + 1


def test_damaged_again_after_a_kill_at_the_very_end(root: Path) -> None:
    mark = root / ".kelly" / "damaged"
    mark.write_text(".kelly/set-aside/earlier\n")  # of one that is made anew already
    file_of(root).write_bytes(b"hello" * 300)
    with Catalogue.open(root) as catalogue:
        assert len(catalogue) == SAMPLES
        assert "earlier" not in untold(catalogue)
    mark.write_text(".kelly/set-aside/earlier\n")
    with Catalogue.open(root):
        assert not mark.exists()


def test_false_alarm_leaves_the_catalogue(root: Path) -> None:
    (root / ".kelly" / "damaged").touch()
    with Catalogue.open(root) as catalogue:
        assert last_rebuild(catalogue) is None
    assert set_aside(root) == []
    assert not (root / ".kelly" / "damaged").exists()


def test_only_damage_is_set_aside(root: Path) -> None:
    viewer = sqlite3.connect(file_of(root), isolation_level=None)
    viewer.execute("PRAGMA locking_mode = EXCLUSIVE")
    viewer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatasetError, match="another program holds"):
        Catalogue.open(root)
    viewer.close()
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute(f"PRAGMA user_version = {migrations.VERSION + 1}")
    with pytest.raises(DatasetError, match="newer Kelly"):
        Catalogue.open(root)
    assert set_aside(root) == []
    assert not (root / ".kelly" / "damaged").exists()


OPENER = """
import sys
from kelly_tui.store.catalogue import Catalogue
sys.stdin.readline()
with Catalogue.open(sys.argv[1]) as catalogue:
    print(len(catalogue))
"""


def test_many_at_once_set_it_aside_once(root: Path) -> None:
    file_of(root).write_bytes(b"hello" * 300)
    openers = [
        subprocess.Popen([sys.executable, "-c", OPENER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [opener.communicate()[0].strip() for opener in openers] == [str(SAMPLES)] * 4
    assert len(set_aside(root)) == 1
    with Catalogue.open(root) as catalogue:
        assert catalogue.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_who_has_the_damaged_one_open_goes_on_in_the_new_one(root: Path) -> None:
    with Catalogue.open(root) as app, Catalogue.open(root) as saver:
        version = app.data_version()
        overwrite(file_of(root), 0, b"\x00" * 100)
        with Catalogue.open(root) as other:
            assert len(other) == SAMPLES
            label(saver, [1], "sad")
            assert other.get(id_of(1)).value("emotion") == "sad", "not written into the file that is set aside"
            assert app.data_version() != version
            assert app.get(id_of(1)).value("emotion") == "sad"
    with Catalogue.open(root) as catalogue:
        assert catalogue.get(id_of(1)).value("emotion") == "sad"


def test_a_kill_while_it_is_made_anew_forgets_nothing_of_what_happened(root: Path, monkeypatch) -> None:
    file_of(root).write_bytes(b"hello" * 300)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(views, "rebuild", lambda catalogue: os._exit(9))
        Catalogue.open(root)
    assert os.waitpid(child, 0)[1] != 0
    with Catalogue.open(root) as catalogue:
        assert len(catalogue) == SAMPLES
        assert "was damaged" in untold(catalogue)
    assert len(set_aside(root)) == 1
