import errno
import fcntl
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError, DiskFull, LabelError
from kelly_tui.model.annotation import FIELDS, Label, check_value
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.store import connection, counters, history, migrations, schema
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import AS_IT_LIES, connect_for_reading, meaning
from kelly_tui.store.split_lists import split_lists
from kelly_tui.store.views import write_views

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    "number": NUMBER,
    "flag": st.booleans(),
    "words": st.lists(TEXT, min_size=1, max_size=3),
    "chords": st.lists(TEXT, min_size=1, max_size=3),
    "numbers": st.lists(NUMBER, min_size=1, max_size=3),
    "velocities": st.lists(st.integers(0, 127), min_size=32, max_size=32),
}
SAMPLES = st.builds(
    sample,
    st.integers(0, 10**9),
    file_path=TEXT,
    duration_sec=st.none() | st.floats(0, 1e5),
    split=st.sampled_from([None, "train", "val"]),
    other_sources=st.lists(TEXT, max_size=2),
    parent_id=st.none() | TEXT,
    augmentation=st.none() | st.dictionaries(TEXT, st.integers(-5, 5), max_size=2),
    extra=st.dictionaries(TEXT, TEXT, max_size=2),
    is_synthetic=st.booleans(),
    rejected=st.booleans(),
    skip_reason=st.none() | TEXT,
    rev=st.integers(1, 9),
)
LABELS = {
    name: st.builds(
        Label,
        VALUES.get(field.kind, TEXT),
        st.sampled_from(["human", "detector", "inherited"]),
        st.none() | TEXT,
        st.none() | TEXT,
        st.none() | st.floats(0, 1),
        st.booleans(),
        st.booleans(),
    )
    for name, field in FIELDS.items()
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_sample=SAMPLES, labels=st.fixed_dictionaries({}, optional=LABELS))
def test_a_sample_comes_back_as_it_went_in(given_sample: Sample, labels: dict[str, Label]) -> None:
    given_sample.labels = labels
    with sqlite3.connect(":memory:") as db:
        migrations.run_script(db, schema.TABLES)
        db.execute(schema.INSERT, schema.to_row(given_sample))
        assert schema.from_row(db.execute(f"SELECT {schema.COLUMNS} FROM samples").fetchone()) == given_sample


def test_adding_again_adds_nothing_and_two_samples_have_no_one_file(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        assert catalogue.add(sample(number) for number in range(1500)) == 1500
        assert catalogue.add([sample(3), sample(2000)]) == 1
        assert len(catalogue) == 1501
        with pytest.raises(DatasetError, match=r"song 3\.mid"):
            catalogue.add([sample(3000), sample(3001, file_path="raw/midi/song 3.mid")])
        assert catalogue.get(id_of(3000)) is None
        assert len(catalogue) == 1501


def test_labelled_samples_wait_to_be_exported(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1), sample(2, labels={"emotion": "sad"})])
        assert catalogue.db.execute("SELECT sample_id FROM samples WHERE rev <> exported_rev").fetchall() == [
            (id_of(2),)
        ]


def test_samples_stream_in_batches_while_they_are_changed(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number) for number in range(25))
        seen = []
        for one in catalogue.samples(batch=4):
            seen.append(one.sample_id)
            catalogue.put_labels({one.sample_id: {"key": Label("C", "detector")}})
        assert seen == [id_of(number) for number in range(25)]
        assert all(one.value("key") == "C" for one in catalogue.samples("key:C"))


def test_find_by_id_beginning_path_and_name(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(
            [sample(1, file_path="raw/midi/100%_rain.mid"), sample(2, file_path="raw/midi/a/same.mid"),
             sample(3, file_path="raw/midi/b/same.mid")]
        )  # fmt: skip
        for text in (id_of(1), id_of(1)[:6].upper(), "raw/midi/100%_rain.mid", "100%_rain.mid", "100%_rain"):
            assert catalogue.find(text).sample_id == id_of(1)
        with pytest.raises(DatasetError, match="several samples"):
            catalogue.find("same.mid")
        with pytest.raises(DatasetError, match=r"Did you mean same\.mid"):
            catalogue.find("sane.mid")
        with pytest.raises(DatasetError, match="no sample"):
            catalogue.find("%")


# -- stages ------------------------------------------------------------------------------------------------------------


def test_a_detector_never_replaces_a_person_but_its_own_older_word(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1, labels={"emotion": "sad"})])
        history.edit(catalogue, [Edit(id_of(1), "key", Label("D"))], by="ann")
        detected = {"key": Label("A", "detector", confidence=0.9), "mode": Label("minor", "detector", confidence=0.5),
                    "emotion": Label("happy", "detector", confidence=1.0)}  # fmt: skip
        assert catalogue.put_labels({id_of(1): detected}) == 1
        assert catalogue.put_labels({id_of(1): detected}) == 0
        assert catalogue.put_labels({id_of(1): {"mode": Label("major", "detector", confidence=0.7)}}) == 1
        one = catalogue.get(id_of(1))
        assert one is not None
        assert one.annotations == {"emotion": "sad", "key": "D", "mode": "major"}
        assert one.labels["mode"].confidence == 0.7
        assert one.decision == "pending"


def test_no_stage_can_write_what_is_no_label(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        for field, value in (("emotion", "hapy"), ("tempo_bpm", float("nan")), ("velocity_curve", [1, 2])):
            with pytest.raises(LabelError):
                catalogue.put_labels({id_of(1): {field: Label(value, "detector")}})
        with pytest.raises(DatasetError, match="no sample"):
            catalogue.put_labels({"beef": {"key": Label("C", "detector")}})
        assert catalogue.get(id_of(1)) == sample(1)


def test_a_failure_is_kept_until_the_stage_succeeds(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1), sample(2)])
        catalogue.quarantine(id_of(1), "extract", "k1", "no notes")
        catalogue.quarantine(id_of(1), "render", "k1", "too long")
        catalogue.refuse("~/music/bad.mid", "import", "k0", "no MIDI file")
        assert [(f.path, f.reason) for f in catalogue.failures("extract")] == [("raw/midi/song 1.mid", "no notes")]
        assert len(catalogue.failures()) == 3
        assert catalogue.counts().status == {"ok": 1, "quarantined": 1}
        catalogue.put_features([(id_of(1), "k2", "processed/features/x.json", 2.5, [0.0, 1.0], {"note_count": 7})])
        one = catalogue.get(id_of(1))
        assert one is not None
        assert (one.status, one.duration_sec) == ("too long", 2.5)
        assert dict(catalogue.stage_keys("extract")) == {id_of(1): "k2"}
        catalogue.clear_failure(id_of(1), "render")
        assert catalogue.counts().status == {"ok": 2, "quarantined": 0}
        catalogue.forget_refused("~/music/bad.mid", "import")
        assert catalogue.failures() == []
        (vector,) = catalogue.db.execute("SELECT vector FROM features").fetchone()
        assert memoryview(vector).cast("f").tolist() == [0.0, 1.0]


# -- transactions and troubles -----------------------------------------------------------------------------------------


def test_what_raises_leaves_nothing(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:

        def add_and_fail() -> None:
            with catalogue.writing():
                catalogue.add([sample(1)])  # becomes a part of the transaction around it
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            add_and_fail()
        assert len(catalogue) == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_for_sqlites_own_files_is_full_not_broken(tmp_path: Path, monkeypatch, number: int) -> None:
    def write(file: int, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    assert "the disk failed" in str(meaning(failed, tmp_path / "catalogue.sqlite"))
    monkeypatch.setattr(os, "write", write)
    assert isinstance(meaning(failed, tmp_path / "catalogue.sqlite"), DiskFull)
    assert not list(tmp_path.iterdir())


def test_an_older_catalogue_on_a_full_disk_wants_room(tmp_path: Path, monkeypatch) -> None:
    def write(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with new_catalogue(tmp_path) as catalogue:
        catalogue.db.execute(f"PRAGMA user_version = {migrations.VERSION - 1}")
        path = catalogue.layout.catalogue_path
    with pytest.raises(DatasetError, match="read-only"):
        connect_for_reading(path, (AS_IT_LIES,))
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(DiskFull, match="an older Kelly made this catalogue, and the disk is full"):
        connect_for_reading(path, (AS_IT_LIES,))


def test_a_full_disk_says_so_and_keeps_what_was_saved(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        pages = catalogue.db.execute("PRAGMA page_count").fetchone()[0]
        catalogue.db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(DiskFull, match="Make room"):
            catalogue.add(sample(number) for number in range(2, 1000))
        assert [one.sample_id for one in catalogue.samples()] == [id_of(1)]
        catalogue.db.execute("PRAGMA max_page_count = 100000")
        assert catalogue.add(sample(number) for number in range(2, 1000)) == 998
        assert kept(catalogue) == counters.count(catalogue.db, catalogue.config)


def test_a_held_lock_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_catalogue(tmp_path) as catalogue, catalogue.layout.lock_path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        threading.Timer(0.05, fcntl.flock, (other, fcntl.LOCK_UN)).start()
        assert catalogue.add([sample(1)]) == 1
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(connection, "LOCK_SECONDS", 0.01)
        with pytest.raises(DatasetError, match="another program has held"):
            catalogue.add([sample(2)])
        fcntl.flock(other, fcntl.LOCK_UN)
        monkeypatch.setattr(connection, "LOCK_SECONDS", 30.0)
        assert catalogue.add([sample(2)]) == 1
        assert catalogue.add([sample(3)]) == 1


def test_a_program_that_ignores_the_lock_is_named(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.db.execute("PRAGMA busy_timeout = 0")
        viewer = sqlite3.connect(catalogue.layout.catalogue_path, isolation_level=None)
        viewer.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatasetError, match="another program holds the catalogue"):
            catalogue.add([sample(1)])
        viewer.close()
        assert catalogue.add([sample(1)]) == 1


def test_a_newer_catalogue_is_left_alone(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue, catalogue.writing() as db:
        db.execute(f"PRAGMA user_version = {migrations.VERSION + 1}")
    with pytest.raises(DatasetError, match="newer Kelly"):
        Catalogue.open(tmp_path / "songs")


def test_a_migration_keeps_a_backup_and_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1, labels={"key": "C"})])
    there = migrations.VERSION
    monkeypatch.setattr(migrations, "VERSION", there + 1)
    monkeypatch.setattr(migrations, "MIGRATIONS", {there + 1: "ALTER TABLE samples ADD COLUMN colour TEXT;\nSELECT 1;"})
    with Catalogue.open(tmp_path / "songs") as catalogue:
        assert catalogue.db.execute("SELECT colour FROM samples").fetchall() == [(None,)]
        assert catalogue.get(id_of(1)) is not None
    backup = sqlite3.connect(tmp_path / "songs" / ".kelly" / "backups" / f"catalogue-v{there}.sqlite")
    assert backup.execute("PRAGMA user_version").fetchone() == (there,)
    assert backup.execute("SELECT sample_id FROM samples").fetchall() == [(id_of(1),)]
    backup.close()


def test_a_catalogue_of_the_first_version_opens_with_all_its_history(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        history.edit(catalogue, [Edit(id_of(1), "key", Label("C"))], by="ann")
        with catalogue.writing() as db:  # as version 1 had it
            for statement in ("DROP INDEX steps_session", "DROP INDEX steps_target",
                              "ALTER TABLE steps DROP COLUMN session", "PRAGMA user_version = 1"):  # fmt: skip
                db.execute(statement)
    with Catalogue.open(tmp_path / "songs") as catalogue:
        catalogue.begin_session()
        assert history.undo(catalogue, "ann") is not None
        assert catalogue.find(id_of(1)).annotations == {}
        assert history.redo(catalogue, "ann") is not None


def test_a_catalogue_that_lists_no_sound_of_held_out_songs_lists_it_once_opened(tmp_path: Path) -> None:
    """Version 8 had the sound of val and test MIDI on no list, as all variants; indexes and counts go by that."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([
            sample(1, split="val"),
            sample(2, split="val", parent_id=id_of(1), root_id=id_of(1), augmentation_type="render"),
            sample(3, split="val", parent_id=id_of(1), root_id=id_of(1), augmentation_type="transpose"),
            sample(4, split="val", parent_id=id_of(3), root_id=id_of(1), augmentation_type="render"),
        ])  # fmt: skip
        with catalogue.writing() as db:
            counters.uninstall(db)
            db.execute("DROP INDEX samples_short")
            for column, holds in (("held", "parent_id IS NULL"), ("listed", "parent_id IS NULL")):
                db.execute(f"ALTER TABLE samples DROP COLUMN {column}")
                db.execute(f"ALTER TABLE samples ADD COLUMN {column} INTEGER GENERATED ALWAYS AS ({holds}) VIRTUAL")
            db.execute("CREATE INDEX samples_short ON samples (rowid, file_type)")
            counters.install(db, catalogue.config)
            db.execute("PRAGMA user_version = 8")
        assert catalogue.counts().splits["val"] == 1
    with Catalogue.open(tmp_path / "songs") as catalogue:
        assert {one for split, one in split_lists(catalogue) if split == "val"} == {id_of(1), id_of(2)}
        assert {one.sample_id for one in catalogue.samples("is:held")} == {id_of(1), id_of(2)}
        assert catalogue.counts().splits["val"] == 2
        wanted = {(name, sql) for name, sql in catalogue.db.execute("SELECT name, sql FROM sqlite_master")}
    with new_catalogue(tmp_path / "new") as fresh:
        there = {(name, sql) for name, sql in fresh.db.execute("SELECT name, sql FROM sqlite_master")}
    assert {one for one in wanted if one[0] != "samples"} == {one for one in there if one[0] != "samples"}
    assert (tmp_path / "songs/.kelly/backups/catalogue-v8.sqlite").is_file()


def test_a_new_field_of_the_program_becomes_a_column(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue, catalogue.writing() as db:
        db.execute("ALTER TABLE samples DROP COLUMN tags")
    with Catalogue.open(tmp_path / "songs") as catalogue:
        catalogue.add([sample(1, labels={"tags": ["slow"]})])
        assert catalogue.find(id_of(1)).value("tags") == ["slow"]


def test_another_target_model_is_counted_anew(tmp_path: Path) -> None:
    from kelly_tui.store.layout import load_config, save_config

    with new_catalogue(tmp_path, target_model="groovepredictor") as catalogue:
        catalogue.add([sample(1, labels={"emotion": "sad", "valence": 0.0, "arousal": 0.0})])
        assert catalogue.counts().quality()["labels"] == 0
    config = load_config(tmp_path / "songs")
    config.target_model = "emotionrecognizer"
    save_config(tmp_path / "songs", config)
    with Catalogue.open(tmp_path / "songs") as catalogue:
        assert catalogue.counts().quality()["labels"] == 1


def test_no_dataset_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset"):
        Catalogue.open(tmp_path / "nowhere")


def test_data_version_tells_of_others(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as ours, Catalogue.open(tmp_path / "songs") as theirs:
        before = ours.data_version()
        ours.add([sample(1)])
        assert ours.data_version() == before
        theirs.add([sample(2)])
        assert ours.data_version() != before


def read_and_try_to_write(root: Path) -> str:
    """What someone without any rights sees of a dataset, and is told when they write."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with Catalogue.open(root) as catalogue:
                os.write(sender, f"{len(catalogue)} {catalogue.counts().total}\n".encode())
                catalogue.quarantine("x", "extract", "k", "why")
        except BaseException as error:
            os.write(sender, str(error).encode())
        finally:
            os._exit(0)
    os.close(sender)
    os.waitpid(child, 0)
    with os.fdopen(receiver) as answer:
        return answer.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_read_only_folder_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with new_catalogue(Path(folder)) as catalogue:
            catalogue.add([sample(1)])
            while_open = read_and_try_to_write(Path(folder) / "songs")
        when_closed = read_and_try_to_write(Path(folder) / "songs")
    for said in (while_open, when_closed):
        assert said.startswith("1 1\nthe dataset is read-only")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_anothers_catalogue_in_a_folder_of_all_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with new_catalogue(Path(folder)) as catalogue:
            catalogue.add([sample(1)])
            hidden = catalogue.layout.kelly_dir
            catalogue.root.chmod(0o777)
            hidden.chmod(0o777)
            while_open = read_and_try_to_write(Path(folder) / "songs")
        when_closed = read_and_try_to_write(Path(folder) / "songs")
        assert {path.stat().st_uid for path in hidden.iterdir()} == {os.geteuid()}  # its owner can write all of it
    for said in (while_open, when_closed):
        assert said.startswith("1 1\nthe dataset is read-only")


def test_a_group_that_may_write_the_folder_may_write_the_catalogue(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with new_catalogue(tmp_path) as catalogue:
            catalogue.begin_session()
            files = [path for path in catalogue.layout.kelly_dir.rglob("*") if path.is_file()]
            assert {"lock", "catalogue.sqlite", "catalogue.sqlite-wal"} <= {path.name for path in files}
            assert [path.name for path in files if not path.stat().st_mode & 0o020] == []
    finally:
        os.umask(before)


# -- kill -9 -----------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.migrations import run_script

catalogue = Catalogue.open(sys.argv[1])
ids = [one.sample_id for one in catalogue.samples()]
emotions = ["happy", "sad", "angry", "peaceful"]
for number in range(10**9):
    sample_id = ids[number % len(ids)]
    value = f"{sys.argv[2]} {number}"
    step = history.edit(catalogue, [Edit(sample_id, "notes", Label(value)),
                                    Edit(sample_id, "emotion", Label(emotions[number % 4]))], by=sys.argv[2])
    print(step.events[0].seq, sample_id, value, sep="\\t", flush=True)
"""


def kept(catalogue: Catalogue) -> dict[tuple[str, str, str], int]:
    """The counts as the triggers kept them."""
    rows = catalogue.db.execute("SELECT facet, value, origin, n FROM counts WHERE n <> 0")
    return {(facet, value, origin): n for facet, value, origin, n in rows}


def test_kill_at_any_moment_loses_no_acknowledged_edit(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number) for number in range(20))
    root = str(tmp_path / "songs")
    chance = random.Random(7)
    acknowledged: dict[int, tuple[str, str]] = {}
    for round_ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, root, f"w{round_}"], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        wanted = chance.randrange(1, 60)
        lines = [writer.stdout.readline() for _ in range(wanted)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.wait()
        for line in lines:
            if line.endswith("\n"):
                seq, sample_id, value = line.rstrip("\n").split("\t")
                acknowledged[int(seq)] = (sample_id, value)
    assert len(acknowledged) >= 20
    with Catalogue.open(root) as catalogue:
        assert catalogue.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert kept(catalogue) == counters.count(catalogue.db, catalogue.config)
        written = {event.seq: event for event in history.history(catalogue, limit=10**9)}
        for seq, (sample_id, value) in acknowledged.items():
            event = written[seq]
            assert event.new is not None
            assert (event.sample_id, event.new.value) == (sample_id, value)
        last = {
            event.sample_id: event for event in sorted(written.values(), key=lambda e: e.seq) if event.field == "notes"
        }
        for sample_id, event in last.items():
            assert catalogue.find(sample_id).labels["notes"] == event.new


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_beyond_all_numbers_is_refused_in_a_line_or_is_text(field: str) -> None:
    """As JSON, YAML and people write them: integers that no float holds, and such that Python would not print."""
    for value in (10**400, -(10**400), 10**5000, "9" * 5000, "1e400", "nan", math.inf, [10**400], [[10**5000]]):
        try:
            kept = check_value(FIELDS[field], value)
        except LabelError as error:
            said = str(error)
        else:
            said = kept if isinstance(kept, str) else " ".join(kept)  # text, as it was given
            assert said == value
            continue
        assert "\n" not in said
        assert len(said) < 400


def test_who_writes_makes_no_catalogue_in_the_place_of_one_that_is_gone(tmp_path):
    """A dataset that is being removed would stay, as a folder of nothing."""
    catalogue = new_catalogue(tmp_path)
    path = catalogue.layout.catalogue_path
    path.unlink()
    for write in (catalogue.writing().__enter__, catalogue.data_version, lambda: write_views(catalogue)):
        with pytest.raises(DatasetError, match="the catalogue is gone"):
            write()
    assert not path.exists()
    catalogue.begin_session()
    with catalogue.writing():
        assert path.exists(), "an app has labels to save"
