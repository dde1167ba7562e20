"""A damaged catalogue costs its history, never a label that its views have or that can still be read."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, migrations, rebuild, views, whole
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.rebuild import last_rebuild, untold
from kelly_tui.store.viewstate import changed_outside
from kelly_tui.text import safe_text

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


def test_what_another_program_saves_while_that_is_rescued_stays(small, tmp_path, monkeypatch) -> None:
    root = shutil.copytree(small, tmp_path / "songs")
    with Catalogue.open(root) as catalogue:
        label(catalogue, [1], "sad")  # not yet in annotations/
    with closing(sqlite3.connect(file_of(root))) as db:
        db.executescript(STRANGERS["no column"])
    file = root / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json"
    render = rebuild.annotation_file.render

    def rendered_late(*given):
        data = json.loads(file.read_bytes())
        data["annotations"]["notes"] = "typed just now"
        (beside := tmp_path / "beside").write_text(json.dumps(data))
        beside.replace(file)
        return render(*given)

    monkeypatch.setattr(rebuild.annotation_file, "render", rendered_late)
    assert read_all(root)[id_of(1)] in ("sad", "tense")
    with Catalogue.open(root) as catalogue:
        assert catalogue.get(id_of(1)).value("notes") == "typed just now"


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


LOOP = "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c)"

STRANGERS = {
    "no samples": "DROP TABLE samples",
    "no table of meta": "DROP TABLE meta",
    "no counts": "DROP TABLE counts",
    "no column": "ALTER TABLE steps DROP COLUMN words",
    "a view for samples": f"ALTER TABLE samples RENAME TO kept; CREATE VIEW samples AS SELECT * FROM kept WHERE {LOOP}",
    "a view besides": f"CREATE VIEW more AS SELECT {LOOP}",
    "a table that is a program": "DROP TABLE runs; CREATE VIRTUAL TABLE runs USING fts5(run)",
    "a trigger without end": f"CREATE TRIGGER zz AFTER UPDATE ON samples BEGIN SELECT {LOOP}; END",
    "a trigger as a table": f"CREATE TRIGGER samples AFTER UPDATE ON samples BEGIN SELECT {LOOP}; END",
    "a trigger that labels": "CREATE TRIGGER zz AFTER UPDATE OF emotion ON samples WHEN NEW.emotion = 'sad' BEGIN "
    "UPDATE samples SET emotion = 'happy' WHERE rowid = NEW.rowid; END",
    "our trigger, another's words": "DROP TRIGGER fingerprint_new; CREATE TRIGGER fingerprint_new AFTER INSERT ON "
    f"fingerprints BEGIN SELECT {LOOP}; END",
    "a count that labels": 'CREATE TRIGGER "count_\'; x" AFTER UPDATE OF emotion ON samples BEGIN '
    "UPDATE samples SET emotion = 'happy' WHERE rowid = NEW.rowid; END",
    "an index that computes": "CREATE INDEX zz ON events (instr(hex(zeroblob(9)), 'x'))",
    "an index that computes behind a remark": "CREATE INDEX zz ON events (step = -- ON\n abs(step))",
    "an index of some that computes": "CREATE INDEX zz ON steps (step) WHERE words LIKE '%a%a%a%'",
    "a column that computes": "ALTER TABLE meta ADD COLUMN more TEXT GENERATED ALWAYS AS (value || value) VIRTUAL",
    "a condition that computes": "CREATE TABLE more (x TEXT CHECK (length(x) > 3))",
    "a default that computes": "CREATE TABLE more (x TEXT DEFAULT (zeroblob(9)))",
    "no version": "PRAGMA user_version = 0",
    "an id of bytes": "UPDATE samples SET sample_id = x'ff00' WHERE rowid = 3",
    "a path of no text": "UPDATE samples SET file_path = CAST(x'ff1b' AS TEXT) WHERE rowid = 3",
    "a provenance of none": "UPDATE samples SET provenance = '[[[' WHERE rowid = 3",
    "a flag without value": "UPDATE samples SET provenance = '{\"is_verified\": 3}' WHERE rowid = 3",
    "a number of text": "UPDATE samples SET valence = 'x' WHERE rowid = 3",
    "a moment of none": "UPDATE steps SET at = 'zzz'",
    "views of no JSON": "UPDATE meta SET value = '{' WHERE value GLOB '{*'",
    "a size that no sum holds": "UPDATE samples SET file_size_bytes = 9223372036854775807",
    "history of no JSON": "UPDATE events SET new = '{' WHERE seq = 3",
}
"""What may have been done to a catalogue that SQLite takes for sound."""


def read_all(root: Path) -> dict[str, object]:
    """As a command does: what it can't read it says, and the next one finds it mended."""
    try:
        with Catalogue.open(root) as catalogue:
            catalogue.counts()
            history.history(catalogue)
            changed_outside(catalogue, catalogue.layout.manifest_path)
            catalogue.db.execute("SELECT words FROM steps").fetchall()
            [datetime.fromisoformat(at) for (at,) in catalogue.db.execute("SELECT at FROM steps")]
            [valence / 2 for (valence,) in catalogue.db.execute("SELECT valence FROM samples WHERE valence <> 0")]
            catalogue.db.execute("SELECT sum(file_size_bytes) FROM samples").fetchall()
            return {safe_text(name): said for name, said in emotions(catalogue).items()}
    except DatasetError as error:
        said = str(error)
    assert "the catalogue is damaged" in said
    with Catalogue.open(root) as catalogue:
        return emotions(catalogue)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    with new_catalogue(folder) as catalogue:
        catalogue.add(sample(number) for number in range(6))
        label(catalogue, range(6), "tense")
        views.write_views(catalogue)
    return folder / "songs"


@pytest.mark.parametrize("what", STRANGERS)
def test_a_catalogue_that_a_stranger_changed_is_made_anew_and_none_of_it_runs(small, tmp_path, what) -> None:
    root = shutil.copytree(small, tmp_path / "songs")
    with closing(sqlite3.connect(file_of(root), isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.executescript(STRANGERS[what])
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("runs what a stranger wrote"))
    signal.alarm(60)
    try:
        assert read_all(root) == {id_of(number): "tense" for number in range(6)}
        with Catalogue.open(root) as catalogue:
            label(catalogue, [2], "sad")
            assert emotions(catalogue)[id_of(2)] == "sad"
            strange = "SELECT name FROM sqlite_master WHERE name IN ('zz', 'more', 'kept') OR name LIKE '%; x'"
            assert catalogue.db.execute(strange).fetchall() == []
    finally:
        signal.alarm(0)
    assert len(set_aside(root)) == (what != "a count that labels"), "counting triggers are made anew where they lie"


def test_a_view_of_a_strangers_is_not_read_in_a_folder_that_can_not_be_written(small, tmp_path, monkeypatch) -> None:
    root = shutil.copytree(small, tmp_path / "songs")
    with closing(sqlite3.connect(file_of(root), isolation_level=None)) as db:
        db.executescript(STRANGERS["a view for samples"])
    monkeypatch.setattr("kelly_tui.store.catalogue.is_writable", lambda *_: False)
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("runs what a stranger wrote"))
    signal.alarm(60)
    try:
        with pytest.raises(DatasetError, match="the catalogue is damaged"):
            Catalogue.open(root)
    finally:
        signal.alarm(0)


def test_an_error_over_a_sound_catalogue_is_the_same_error_and_no_damage(small, tmp_path) -> None:
    root = shutil.copytree(small, tmp_path / "songs")
    with pytest.raises(ZeroDivisionError), Catalogue.open(root):
        raise ZeroDivisionError
    with Catalogue.open(root):
        assert set_aside(root) == []


def test_the_triggers_that_are_taken_for_ours_are_those_of_a_new_catalogue(small) -> None:
    with Catalogue.open(small) as catalogue:
        there = catalogue.db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        tables = {name for (name,) in catalogue.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert whole._triggers() == {name: sql for name, sql in there if not name.startswith("count_")}
    assert whole._tables() == tables
