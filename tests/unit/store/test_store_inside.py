"""What lies in a dataset in place of its own files: pipes, devices, links out, more bytes than are believed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.cli.card import _put
from kelly_tui.errors import DatasetError, FileRefused, KellyError
from kelly_tui.export.loader import load
from kelly_tui.features.npz import npz_bytes, read_npz
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.ride import Ride
from kelly_tui.pipeline.rebuild import _difference
from kelly_tui.store import history, rides, sessions
from kelly_tui.store.away import copy_of
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import connect_as_guest
from kelly_tui.store.feature_files import LARGEST, FeatureFiles
from kelly_tui.store.inside import hash_inside, is_hollow, open_inside, read_inside
from kelly_tui.store.layout import load_config
from kelly_tui.store.manifest import load_manifest, read_manifest_file
from kelly_tui.store.migrations import VERSION
from kelly_tui.store.partial import sweep
from kelly_tui.store.readback import read_back
from kelly_tui.store.saved_columns import saved_columns
from kelly_tui.store.saved_views import saved_views
from kelly_tui.store.views import write_views
from kelly_tui.validate.facts import folder_files
from kelly_tui.validate.report import validate

SECRET = b'{"annotations": {"emotion": "angry", "notes": "a secret"}}\n'


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_out(path: Path) -> None:
    path.symlink_to(os.environ["SECRET"])


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    path.mkdir()


def said_to_be_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)  # with no block of it on the disk


KINDS = [pipe, link_out, device, circle, folder, said_to_be_huge]


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    """Who opens a pipe waits for ever: then the test fails, and does not hang."""

    def wake(*_: object) -> None:
        raise TimeoutError("waits for what never comes")

    before = signal.signal(signal.SIGALRM, wake)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    secret = tmp_path / "secret.json"
    secret.write_bytes(SECRET)
    monkeypatch.setenv("SECRET", str(secret))
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(number, split="train") for number in range(4)])
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        write_views(catalogue)
    return catalogue.root


def in_place_of(path: Path, kind: Callable[[Path], None]) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind(path)


ANNOTATION = f"annotations/{id_of(1)[:2]}/{id_of(1)}.json"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["manifest.json", ANNOTATION, "splits/train.txt", "splits/PROOF.json"])
def test_a_view_that_is_none_is_moved_aside_and_written_anew(root, name, kind):
    in_place_of(root / name, kind)
    with Catalogue.open(root) as catalogue:
        validate(catalogue)
        read_back(catalogue)
        assert catalogue.get(id_of(1)).annotations == {"emotion": "sad"}
        write_views(catalogue)
        assert catalogue.get(id_of(1)).annotations == {"emotion": "sad"}
    if not name.endswith("PROOF.json"):  # that is written by a split alone
        assert (root / name).is_file()
        assert not (root / name).is_symlink()
        assert b"secret" not in (root / name).read_bytes()
    assert Path(os.environ["SECRET"]).read_bytes() == SECRET


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["manifest.json", ANNOTATION, "splits/train.txt"])
def test_a_lost_catalogue_is_made_of_the_views_that_are_any(root, name, kind):
    shutil.rmtree(root / ".kelly")
    in_place_of(root / name, kind)
    with Catalogue.open(root) as catalogue:
        read_back(catalogue)
        assert "angry" not in {one.annotations.get("emotion") for one in catalogue.samples()}
        write_views(catalogue)
    assert (root / "manifest.json").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_configuration_that_is_no_file_is_said(root, kind):
    in_place_of(root / "config.json", kind)
    with pytest.raises(DatasetError) as told:
        load_config(root)
    assert "config.json" in str(told.value)
    assert "fault" not in str(told.value)


@pytest.mark.parametrize("kind", [pipe, link_out, circle])
@pytest.mark.parametrize(
    "name", ["lock", "stage.lock", "saved_views.json", "catalogue.sqlite", f"backups/catalogue-v{VERSION}.sqlite"]
)
def test_what_kelly_keeps_is_no_link_out_and_no_pipe(root, name, kind):
    """SQLite would have waited at a pipe, or taken a backup to wherever the link led."""
    in_place_of(root / ".kelly" / name, kind)
    with pytest.raises(DatasetError, match=r"the path (leads|is a device or a pipe)"):
        Catalogue.open(root)


def naming(catalogue: Path, another: Path) -> Path:
    """A journal beside it as a crash may leave one, which names `another` as the journal of several databases."""
    with closing(sqlite3.connect(catalogue)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, pages = db.execute("SELECT page_size, page_count FROM pragma_page_size, pragma_page_count").fetchone()
    magic, name = bytes.fromhex("d9d505f920a163d7"), os.fsencode(another)
    head = (magic + struct.pack(">5I", 0, 1, pages, 512, size)).ljust(512, b"\0")
    above = struct.pack(">I", (1 << 30) // size + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic
    journal = catalogue.with_name(f"{catalogue.name}-journal")
    journal.write_bytes(head + above)
    return journal


def read_as_guest(root: Path) -> None:
    connect_as_guest(root / ".kelly/catalogue.sqlite").close()


def as_older(root: Path) -> Path:
    """Its catalogue is brought up to date when it is opened: the backup that it makes then."""
    with closing(sqlite3.connect(root / ".kelly/catalogue.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {VERSION - 1}")
    backup = root / f".kelly/backups/catalogue-v{VERSION - 1}.sqlite"
    backup.parent.mkdir()
    with closing(sqlite3.connect(backup)) as db:
        db.execute("CREATE TABLE x (y)")
    return backup


@pytest.mark.parametrize(
    ("opened", "place"), [(Catalogue.open, "catalogue"), (Catalogue.open, "backup"), (read_as_guest, "catalogue")]
)
def test_no_journal_of_a_strangers_deletes_what_it_names(root, tmp_path, opened, place):
    precious = tmp_path / "precious.txt"
    precious.write_bytes(SECRET)
    journal = naming(root / ".kelly/catalogue.sqlite" if place == "catalogue" else as_older(root), precious)
    with pytest.raises(DatasetError, match="SQLite would delete a file that it names") as refused:
        opened(root)
    assert str(journal) in str(refused.value)
    assert precious.read_bytes() == SECRET
    with closing(sqlite3.connect(str(journal).removesuffix("-journal"))) as db:  # as it would have been
        db.execute("SELECT * FROM sqlite_master").fetchall()
    assert not precious.exists()


def test_a_catalogue_of_a_folder_that_is_read_only_is_no_link_out(root, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere.sqlite"
    (root / ".kelly/catalogue.sqlite").rename(elsewhere)
    (root / ".kelly/catalogue.sqlite").symlink_to(elsewhere)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DatasetError, match="leads out of the dataset"):
        Catalogue.open(root)


@pytest.mark.parametrize("kind", [pipe, said_to_be_huge])
@pytest.mark.parametrize("read", [saved_views, saved_columns])
def test_what_is_kept_beside_the_catalogue_is_said_where_it_is_no_file(root, read, kind):
    with Catalogue.open(root) as catalogue:
        name = "columns.json" if read is saved_columns else "saved_views.json"
        in_place_of(root / ".kelly" / name, kind)
        with pytest.raises(KellyError, match=r"can't be read .*Mend or remove it\."):
            read(catalogue.layout)


def test_marks_of_terabytes_say_nothing(root):
    """Both are read whenever a dataset is opened, or its catalogue made anew: that was a fault of Kelly."""
    for name in ("copy-of", "damaged"):
        in_place_of(root / ".kelly" / name, said_to_be_huge)
    with Catalogue.open(root) as catalogue:
        assert len(catalogue) == 4
    assert copy_of(root / ".kelly") == ""
    assert not (root / ".kelly/damaged").exists(), "the catalogue was examined, and it was whole"


def test_no_music_that_is_but_a_hole_is_hashed(root):
    """A catalogue was made of the views by reading all of it: four terabytes of nothing are an hour."""
    data = json.loads((root / "manifest.json").read_bytes())
    for name in ("row.mid", "none.mid"):
        in_place_of(root / "raw/midi" / name, said_to_be_huge)
    del data["samples"][0]["sha256"]
    data["samples"][0]["file_path"] = "raw/midi/row.mid"
    (root / "manifest.json").write_text(json.dumps(data))
    (root / ".kelly/catalogue.sqlite").unlink()
    with Catalogue.open(root) as catalogue:
        assert len(catalogue) == 4
        assert catalogue.get(data["samples"][0]["sample_id"]).status == "the file is gone"
    with pytest.raises(FileRefused, match="nothing but a hole"):
        hash_inside(root, root / "raw/midi/none.mid")


def test_what_is_half_a_hole_is_hollow(tmp_path):
    def is_so(size: int, *, bytes_of_it: int) -> bool:
        (tmp_path / "x").write_bytes(b"x" * bytes_of_it)
        os.truncate(tmp_path / "x", size)
        with (tmp_path / "x").open("rb", buffering=0) as file:
            found = is_hollow(file.fileno())
            assert file.tell() == 0
        return found

    assert is_so(8 << 40, bytes_of_it=1 << 16)
    assert is_so(1 << 20, bytes_of_it=1 << 18)
    assert not is_so(1 << 20, bytes_of_it=3 << 18)
    assert not is_so(1 << 20, bytes_of_it=1 << 20)
    assert not is_so(1 << 16, bytes_of_it=0), "small files need no bytes"


@pytest.mark.parametrize("kind", KINDS)
def test_a_croissant_names_no_file_that_is_none(root, kind):
    in_place_of(root / "splits/val.txt", kind)
    with Catalogue.open(root) as catalogue:
        named = [one.path for one in folder_files(catalogue)]
    assert "splits/train.txt" in named
    assert "splits/val.txt" not in named


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_is_not_put_in_the_place_of_what_is_no_card(root, tmp_path, kind):
    in_place_of(tmp_path / "out/README.md", kind)
    with pytest.raises(DatasetError, match="was not written by Kelly"):
        _put(tmp_path / "out/README.md", b"new", dry_run=False)


@pytest.mark.parametrize("kind", [pipe, said_to_be_huge])
def test_nothing_waits_for_what_is_compared(root, kind):
    in_place_of(root / "raw/midi/made.mid", kind)
    try:
        assert _difference({"root": str(root)}, "raw/midi/made.mid", b"MThd") == "other bytes"
    except FileRefused:
        assert kind is pipe


def test_rides_are_not_written_through_a_link(root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Catalogue.open(root) as catalogue:
        (root / ".kelly/rides").mkdir()
        (root / ".kelly/rides" / id_of(1)[:2]).symlink_to(elsewhere)
        with pytest.raises(KellyError, match="leads out of the dataset"):
            rides.add_ride(catalogue.layout, id_of(1), Ride((0.0, 1.0), (0.5, 0.5), (0.5, 0.5)), "ann")
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_features_that_are_no_file_are_not_whole(root, suffix, kind):
    name = f"processed/features/00/x{suffix}"
    in_place_of(root / name, kind)
    with Catalogue.open(root) as catalogue:
        try:
            assert FeatureFiles(catalogue, deep=True).state(id_of(1), name, None) == "broken"
        except OSError:  # which the check of files tells as not to be read
            assert kind is circle


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000 + b"1" + b"}" * 200_000, b"{} {}", b""])
def test_features_that_are_no_json_are_not_whole(root, body):
    (root / "processed/features/x.json").write_bytes(body)
    with Catalogue.open(root) as catalogue:
        assert FeatureFiles(catalogue, deep=True).state(id_of(1), "processed/features/x.json", None) == "broken"


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_vector_that_is_longer_than_any_is_not_decoded(root, suffix):
    """A file of 127 MB of zeros was 2.9 GB of numbers."""
    name = f"processed/features/x{suffix}"
    if suffix == ".json":
        (root / name).write_bytes(b'{"feature_vector": [' + b"0," * 2_000_000 + b"0]}")
    else:
        (root / name).write_bytes(npz_bytes({"feature_vector": np.zeros(500_000)}))
    tracemalloc.start()
    try:
        with Catalogue.open(root) as catalogue:
            assert FeatureFiles(catalogue, deep=True).state(id_of(1), name, None) == "broken"
        assert tracemalloc.get_traced_memory()[1] < 2 * (root / name).stat().st_size
    finally:
        tracemalloc.stop()


def test_an_archive_that_expands_beyond_features_is_not_unpacked(root):
    with zipfile.ZipFile(root / "processed/features/x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(LARGEST + 1), compresslevel=1)
    with Catalogue.open(root) as catalogue:
        assert FeatureFiles(catalogue, deep=True).state(id_of(1), "processed/features/x.npz", None) == "broken"


def test_what_is_no_file_among_the_sessions_is_passed_over(root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    with Catalogue.open(root) as catalogue:
        there = catalogue.layout.sessions
        there.mkdir(exist_ok=True)
        pipe(there / "a")
        folder(there / "b")
        (there / "c").symlink_to(elsewhere)
        (there / "dead").touch()
        assert sessions.living(there) == []
        assert sorted(path.name for path in there.iterdir()) == ["a", "b", "c"]
    assert elsewhere.read_text() == "mine"


def test_a_folder_of_partial_files_that_is_a_link_is_not_swept(root):
    (root / "raw/midi/song.mid").write_bytes(b"music")
    shutil.rmtree(root / ".kelly/partial", ignore_errors=True)
    (root / ".kelly/partial").symlink_to("../raw/midi")
    assert sweep(root / ".kelly") == 0
    assert (root / "raw/midi/song.mid").read_bytes() == b"music"


def test_a_folder_that_becomes_a_link_after_it_was_looked_at_is_not_read_through(root, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.json").write_bytes(SECRET)
    inner = root / "processed/features/00"
    inner.mkdir()
    (inner / "x.json").write_bytes(b"{}")
    real = os.open

    def open_late(path, *args, **kwargs):
        if str(path).endswith("x.json") and not inner.is_symlink():
            shutil.rmtree(inner)
            inner.symlink_to(elsewhere)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", open_late)
    with pytest.raises(FileRefused, match="leads out of the dataset"):
        read_inside(root, inner / "x.json", 1000)


def test_a_file_that_grows_past_what_is_believed_is_refused(root):
    (root / "x").write_bytes(b"1234")
    assert read_inside(root, root / "x", 4) == b"1234"
    with pytest.raises(FileRefused, match="larger than 0 MB"):
        read_inside(root, root / "x", 3)
    with open_inside(root, root / "x") as file:
        assert file.read() == b"1234"


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_that_is_no_file_is_refused_by_name(root, kind):
    in_place_of(root / "manifest.json", kind)
    with pytest.raises(FileRefused):
        read_manifest_file(root / "manifest.json")
    with pytest.raises(DatasetError, match="manifest"):
        load_manifest(root)


def test_a_manifest_that_one_names_by_a_link_is_read(root, tmp_path):
    (tmp_path / "mine.json").symlink_to(root / "manifest.json")
    assert len(load_manifest(tmp_path / "mine.json")) == 4


def test_arrays_that_expand_are_refused_by_the_loader(root):
    name = "processed/features/x.npz"
    with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as archive:
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (17500000,), }".ljust(117) + b"\n"
        archive.writestr(
            "mel_spectrogram.npy", b"\x93NUMPY\x01\x00\x76\x00" + head + bytes(70_000_000), compresslevel=1
        )
    with sqlite3.connect(root / ".kelly/catalogue.sqlite") as db:
        db.execute("UPDATE samples SET features_path = ?", (name,))
    with pytest.raises(FileRefused, match="features can't be read"):
        load(root, fields=["arrays"])[0]


def test_arrays_that_are_many_are_refused_together(root):
    """None is too large, all are."""
    path = root / "processed/features/x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (50000000,), }".ljust(117) + b"\n"
            archive.writestr(f"{number}.npy", b"\x93NUMPY\x01\x00\x76\x00" + head + bytes(50_000_000), compresslevel=1)
    with pytest.raises(FileRefused, match="features can't be read"):
        read_npz(path)


def test_json_of_features_as_deep_as_the_sea_is_refused_by_the_loader(root):
    (root / "processed/features/x.json").write_text(json.dumps({"a": 1})[:-1] + ', "b": ' + "[" * 100_000)
    with sqlite3.connect(root / ".kelly/catalogue.sqlite") as db:
        db.execute("UPDATE samples SET features_path = 'processed/features/x.json'")
    with pytest.raises(FileRefused, match="features can't be read"):
        load(root, fields=["arrays"])[0]
