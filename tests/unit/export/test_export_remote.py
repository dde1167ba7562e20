"""Exports onto an object store: the same files as in a folder, whole ones only, and on where it was stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from export_samples import dataset, export, sample, tree
from fsspec.implementations.memory import MemoryFileSystem

from kelly_tui.cli import main
from kelly_tui.errors import LibraryMissing, StageError, StoreError
from kelly_tui.export.jsonl import Jsonl
from kelly_tui.model.annotation import Label
from kelly_tui.pipeline.stage import Interrupted
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.remote import Remote
from tests.stores import tree as stored

KILLED = """
import os, signal, sys
from kelly_tui.cli import main
left = [int(sys.argv[1])]

def heard(event, arguments):
    if event in ("open", "os.remove", "os.rename", "shutil.rmtree") and "/exports/" in str(arguments[0]):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(heard)
sys.exit(main(sys.argv[2:]))
"""

BEGUN = """
import os, signal, sys
from kelly_tui.cli import main
from kelly_tui.export.jsonl import Jsonl

Jsonl.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(Jsonl, "part_samples", 5)
    return dataset(tmp_path, [sample(n, labels={"emotion": ("happy", "sad")[n % 2]}) for n in range(12)])


@pytest.fixture
def there(bucket) -> str:
    return f"{bucket.url}/out/songs"


def staged(root: Path) -> list[Path]:
    return list((root / ".kelly/exports").glob("*"))


@pytest.mark.parametrize("format", ["jsonl", "webdataset", "parquet", "jams"])
def test_a_store_gets_the_very_files_that_a_folder_gets(root, tmp_path, bucket, there, format):
    outcome = export(root, there, format)
    export(root, tmp_path / "out", format)
    assert stored(bucket, "out/songs") == tree(tmp_path / "out")
    assert there in outcome.line()
    assert staged(root) == []
    again = export(root, there, format)
    assert (again.done, again.skipped) == (0, 12), "it is there already"


def test_what_was_left_out_of_an_export_on_a_store_is_told_each_time(root, there, bucket):
    with Catalogue.open(root) as catalogue:
        (song,) = catalogue.db.execute("SELECT file_path FROM samples").fetchone()
    kept = (root / song).read_bytes()
    (root / song).unlink()
    first = export(root, there)
    assert [name for name, _ in first.failures] == [song]
    (root / song).write_bytes(kept)
    before = stored(bucket, "out/songs")
    again = export(root, there, anew=True)
    assert (again.failures, again.skipped) == (first.failures, 11)
    assert "but for 1 sample. Remove what was sent there, and the same begins again" in again.words
    assert stored(bucket, "out/songs") == before


class Shelf(MemoryFileSystem):
    """A store that fsspec has never heard of before."""

    protocol = "shelf"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]


def test_any_store_that_fsspec_reaches_will_do(root, tmp_path):
    fsspec.register_implementation("shelf", Shelf, clobber=True)
    export(root, "shelf://elsewhere/songs")
    export(root, f"file://{tmp_path}/out")
    files = fsspec.filesystem("shelf")
    found = {name.rpartition("elsewhere/songs/")[2]: files.cat_file(name) for name in Shelf.store}
    assert found == tree(tmp_path / "out")


@pytest.mark.parametrize(
    "address",
    [
        "memory://x/y",
        "data:,x",
        "data://x",
        "reference://x",
        "zip://x",
        "simplecache://x",
        "hdfs://x",
        "no_such_thing://x",
        "ftp://127.0.0.1:9/x",
    ],
)
def test_where_nothing_would_be_kept_is_refused_in_one_line(root, tmp_path, capsys, monkeypatch, address):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["export", str(root), "--format", "jsonl", "--out", address]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "fault of Kelly" not in told
    assert not list((tmp_path / "here").iterdir())


def test_an_export_json_there_is_not_fetched_whatever_its_size(root):
    fsspec.register_implementation("shelf", Shelf, clobber=True)
    fsspec.filesystem("shelf").pipe("shelf://larger/songs/export.json", bytes((16 << 20) + 1))
    with pytest.raises(StoreError, match="larger than 16 MB"):
        export(root, "shelf://larger/songs")


@pytest.mark.parametrize("moment", [3, 25, 50])
def test_killed_anywhere_it_goes_on_and_export_json_comes_last(root, tmp_path, bucket, there, moment):
    command = ["export", str(root), "--format", "jsonl", "--out", there]
    killed = [sys.executable, "-c", KILLED, str(moment), *command]
    done = subprocess.run(killed, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "out/songs/export.json" not in bucket.names()
    assert main(command) == 0
    export(root, tmp_path / "out")
    assert stored(bucket, "out/songs") == tree(tmp_path / "out")
    assert staged(root) == []


def test_stopped_between_parts_it_sends_only_those_that_lack(root, bucket, there, monkeypatch):
    sent: list[str] = []
    send = Remote.send

    def counted(self, folder, names, alive):
        sent.extend(names)
        if len(sent) > 15:
            raise StoreError("the network is gone")
        send(self, folder, names, alive)

    monkeypatch.setattr(Remote, "send", counted)
    with pytest.raises(StoreError):
        export(root, there)
    before = {name for name in bucket.names() if "/music/" in name}
    assert before
    sent.clear()
    monkeypatch.setattr(Remote, "send", lambda *given: (sent.extend(given[2]), send(*given))[1])
    export(root, there)
    assert not {f"out/songs/{name}" for name in sent} & before


def test_a_cancelled_one_stops_and_goes_on(root, tmp_path, bucket, there, monkeypatch):
    cancel, send = threading.Event(), Remote.send
    monkeypatch.setattr(Remote, "send", lambda *given: (cancel.set(), send(*given))[1])
    with pytest.raises(Interrupted):
        export(root, there, cancel=cancel)
    assert "out/songs/export.json" not in bucket.names()
    export(root, there)
    export(root, tmp_path / "out")
    assert stored(bucket, "out/songs") == tree(tmp_path / "out")


def test_what_is_there_is_never_written_over(root, bucket, there):
    bucket.put("out/songs/mine.txt", b"mine")
    with pytest.raises(StageError, match="not empty"):
        export(root, there)
    assert bucket.names() == ["out/songs/mine.txt"]
    bucket.clear()
    export(root, there)
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({next(catalogue.samples()).sample_id: {"notes": Label("another")}})
    with pytest.raises(StageError, match="not empty"):
        export(root, there)


@pytest.fixture
def other(tmp_path) -> Path:
    """Another dataset, whose files would lie under the same names."""
    (tmp_path / "another").mkdir()
    return dataset(tmp_path / "another", [sample(n, labels={"emotion": "calm"}) for n in range(20, 27)])


@pytest.fixture
def begun(root, there) -> Path:
    """The dataset, killed with its journal begun and nothing sent."""
    command = [sys.executable, "-c", BEGUN, "export", str(root), "--format", "jsonl", "--out", there]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.stat().st_size > 0 for path in root.glob(".kelly/exports/*/.export/journal.jsonl")] == [True]
    return root


def stopped_after_a_part(monkeypatch, root: Path, there: str) -> None:
    send = Remote.send
    with monkeypatch.context() as once:
        once.setattr(Remote, "send", lambda *given: (send(*given), once.setattr(Remote, "send", gone))[0])
        with pytest.raises(StoreError, match="the network is gone"):
            export(root, there)


def gone(*_: object) -> None:
    raise StoreError("the network is gone")


def test_a_finished_export_is_never_written_over_whatever_was_begun_before(begun, other, bucket, there):
    assert bucket.names() == []
    export(other, there)
    finished = stored(bucket, "out/songs")
    with pytest.raises(StageError, match="holds another export"):
        export(begun, there)
    assert stored(bucket, "out/songs") == finished
    bucket.clear()
    assert export(begun, there).done == 12, "and there is room for it again"


def test_one_that_was_finished_where_a_part_had_been_sent_is_not_written_over(root, other, bucket, there, monkeypatch):
    stopped_after_a_part(monkeypatch, root, there)
    bucket.clear()
    export(other, there)
    finished = stored(bucket, "out/songs")
    with pytest.raises(StageError, match="holds another export"):
        export(root, there)
    assert stored(bucket, "out/songs") == finished


def test_where_nothing_was_sent_what_lies_there_is_anothers(begun, other, bucket, there, monkeypatch):
    stopped_after_a_part(monkeypatch, other, there)
    before = stored(bucket, "out/songs")
    with pytest.raises(StageError, match="not empty"):
        export(begun, there)
    assert stored(bucket, "out/songs") == before
    export(other, there)
    assert "out/songs/export.json" in bucket.names()


def test_two_that_begin_at_the_same_moment_do_not_both_end_well(root, other, bucket, there, monkeypatch):
    write = Jsonl.write

    def late(*given):
        monkeypatch.setattr(Jsonl, "write", write)
        export(other, there)
        write(*given)

    monkeypatch.setattr(Jsonl, "write", late)
    with pytest.raises(StageError, match="not empty"):
        export(root, there)
    export(other, there, "jsonl")
    assert len([name for name in bucket.names() if "/music/" in name]) == 7


@pytest.mark.parametrize("sends", [1, 3])
def test_one_that_another_overtook_sends_nothing_more(root, bucket, there, monkeypatch, sends):
    send = Remote.send
    left = [sends]

    def overtaken(*given):
        send(*given)
        left[0] -= 1
        if left[0] == 0:
            bucket.put("out/songs/export.json", b'{"identity": "of another"}')

    monkeypatch.setattr(Remote, "send", overtaken)
    with pytest.raises(StageError, match="holds another export"):
        export(root, there)
    assert left == [0]
    assert bucket.get("out/songs/export.json") == b'{"identity": "of another"}'


def test_what_was_sent_and_removed_is_sent_anew(root, tmp_path, bucket, there, monkeypatch):
    send = Remote.send
    calls: list[int] = []

    def broken(self, folder, names, alive):
        calls.append(1)
        if len(calls) == 2:
            raise StoreError("the network is gone")
        send(self, folder, names, alive)

    monkeypatch.setattr(Remote, "send", broken)
    with pytest.raises(StoreError):
        export(root, there)
    bucket.clear()
    export(root, there)
    export(root, tmp_path / "out")
    assert stored(bucket, "out/songs") == tree(tmp_path / "out")


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("sftp://me:secret@host/x", "a password in it"),
        ("nonsense://x/y", "nonsense"),
        ("s3://[x", "no address of a store"),
        ("simplecache::s3://music/x", "no address"),
    ],
)
def test_what_can_not_be_is_one_line_that_says_what_to_do(root, capsys, out, said):
    assert main(["export", str(root), "--format", "jsonl", "--out", out]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "secret" not in told


def test_a_folder_that_was_made_beforehand_is_empty(root, bucket):
    if not bucket.url.startswith("s3:"):
        pytest.skip("of S3 alone")
    bucket.put("made/", b"")
    assert main(["export", str(root), "--format", "jsonl", "--out", "s3://music/made"]) == 0
    assert "made/export.json" in bucket.names("made/")


def test_a_bucket_that_is_not_there_and_a_server_that_does_not_answer(root, bucket, monkeypatch, capsys):
    if not bucket.url.startswith("s3:"):
        pytest.skip("of S3 alone")
    assert main(["export", str(root), "--format", "jsonl", "--out", "s3://no-such-bucket/x"]) == 2
    assert "no such bucket" in capsys.readouterr().err
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["export", str(root), "--format", "jsonl", "--out", "s3://music/nobody"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "run the same again" in told
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_credentials_are_written_nowhere(root, bucket, there):
    export(root, there)
    for path in root.rglob("*"):
        assert not path.is_file() or b"not-to-be-seen" not in path.read_bytes()
    assert not any(b"not-to-be-seen" in data for data in stored(bucket, "out/songs").values())


def test_without_fsspec_the_extra_is_named(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(LibraryMissing, match=r"pip install 'kelly-tui\[remote\]'"):
        export(root, "s3://music/out")
