"""Imports from an object store: the same dataset as from a folder, and nothing fetched twice."""

from __future__ import annotations

from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.cli import main
from kelly_tui.errors import StageError, StoreError
from kelly_tui.pipeline import importing
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.remote import is_address, place
from tests.stores import Bucket
from tests.strangers import create


@pytest.fixture
def there(bucket: Bucket, music: Path) -> str:
    """The strangers' music on the store."""
    for path in sorted(music.rglob("*")):
        if path.is_file():
            bucket.put(f"all/{path.relative_to(music).as_posix()}", path.read_bytes())
    if bucket.url.startswith("s3:"):
        bucket.put("all/", b"")  # what some tools leave where a folder is
        bucket.put("all/../../../etc/evil.mid", b"MThd")
        bucket.put("all//nameless.mid", b"MThd")
    return f"{bucket.url}/all"


def rows(root: Path) -> list[tuple[object, ...]]:
    with Catalogue.open(root) as catalogue:
        return catalogue.db.execute(
            "SELECT sample_id, file_path, sha256, source, duration_sec, status FROM samples ORDER BY sample_id"
        ).fetchall()


def test_a_store_gives_the_dataset_that_a_folder_gives(tmp_path, music, there, bucket):
    near, far = create(tmp_path / "near"), create(tmp_path / "far")
    here, away = kelly_tui.import_files(near, [music]), kelly_tui.import_files(far, [there], workers=2)
    assert rows(far) == rows(near)
    is_s3 = bucket.url.startswith("s3:")
    nameless = [("/", "can't be read (a folder without a name)")] if is_s3 else []
    assert sorted(away.failures) == sorted(here.failures + nameless)
    evil = {".."} if is_s3 else set()
    ignored = [{one["path"] for one in outcome.details["ignored"]} for outcome in (here, away)]
    assert ignored[1] == ignored[0] | evil
    assert sorted(path.relative_to(far) for path in (far / "raw").rglob("*")) == sorted(
        path.relative_to(near) for path in (near / "raw").rglob("*")
    )
    assert not list((far / ".kelly/partial").iterdir())


def test_what_is_in_the_dataset_is_not_fetched_again_unless_it_was_changed(tmp_path, music, there, bucket, monkeypatch):
    root = create(tmp_path)
    first = kelly_tui.import_files(root, [there])
    dry = kelly_tui.import_files(root, [there], dry_run=True)
    fetched: list[int] = []
    run_items = importing.run_items
    monkeypatch.setattr(
        importing, "run_items", lambda work, *rest: (fetched.append(work.plan.total), run_items(work, *rest))[1]
    )
    again = kelly_tui.import_files(root, [there])
    looked_into = [path for path, _ in first.failures if path != "/"]
    assert fetched == [len(looked_into) + 1], "those that are no samples, and the duplicate"
    assert (again.done, again.skipped) == (0, first.done)
    assert dry.details["already"] == first.done + 1
    bucket.put("all/sad/song_1.mid", (music / "sad/song_2.mid").read_bytes() + b"\0")
    assert kelly_tui.import_files(root, [there]).done == 1
    (root / "raw/midi/happy/song_1.mid").unlink()
    kelly_tui.import_files(root, [there])
    assert (root / "raw/midi/happy/song_1.mid").read_bytes() == (music / "happy/song_1.mid").read_bytes()


def test_one_file_and_a_folder_whose_name_is_a_label(tmp_path, there):
    root = create(tmp_path)
    assert kelly_tui.import_files(root, [f"{there}/sad/song_1.mid"]).done == 1
    kelly_tui.import_files(root, [f"{there}/happy/"])
    assert "happy/song_1.mid" in {source for _, _, _, source, *_ in rows(root)}


@pytest.mark.parametrize(
    ("address", "said"),
    [("local:///nowhere/x", "no such file or folder"), ("gs://x/y", "gs://"), ("memory://nowhere", "keeps no files")],
)
def test_what_is_not_there_is_said_in_one_line(tmp_path, capsys, address, said):
    root = create(tmp_path)
    assert main(["import", str(root), address]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_store_that_goes_away_midway_stops_it_and_the_same_again_goes_on(tmp_path, music, there, bucket, monkeypatch):
    if bucket.url.startswith("local:"):
        pytest.skip("a folder does not go away by halves")
    near, far = create(tmp_path / "near"), create(tmp_path / "far")
    run_items = importing.run_items
    with monkeypatch.context() as gone:
        gone.setenv("AWS_MAX_ATTEMPTS", "1")
        gone.setattr(
            importing,
            "run_items",
            lambda *work: (gone.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), run_items(*work))[1],
        )
        with pytest.raises(StageError, match="run the same again"):
            kelly_tui.import_files(far, [there])
    kelly_tui.import_files(near, [music])
    kelly_tui.import_files(far, [there])
    assert rows(far) == rows(near)


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_a_store_has_under_names_that_can_not_be_asked_for_is_named(tmp_path, music, bucket, dry_run):
    if not bucket.url.startswith("s3:"):
        pytest.skip("of S3 alone")
    song = (music / "sad/song_1.mid").read_bytes()
    bucket.put("set/song.mid", song)
    odd = ["/a.mid", "sad//b.mid", "sad///c.mid", "d?versionId=1.mid", "e?versionId=1/f.mid", "g", "g?versionId=1.mid"]
    for number, name in enumerate(odd):
        bucket.put(f"set/{name}", song + bytes([number]))
    bucket.put("set/", b"")
    bucket.put("set/sad/", b"")
    outcome = kelly_tui.import_files(create(tmp_path), [f"{bucket.url}/set"], dry_run=dry_run)
    assert (outcome.details["to_do"] if dry_run else outcome.done) == 1
    nameless, version = "a folder without a name", "s3:// takes ?versionId= for a version of another"
    assert sorted(outcome.failures) == [
        ("/", f"can't be read ({nameless})"),
        ("d?versionId=1.mid", f"can't be read ({version})"),
        ("e?versionId=1/", f"can't be read ({version})"),
        ("g?versionId=1.mid", f"can't be read ({version})"),
        ("sad//", f"can't be read ({nameless})"),
    ]
    assert outcome.details["ignored"] == [{"path": "g", "why": "not music"}]


def test_an_export_there_is_not_taken_for_music(tmp_path, bucket):
    bucket.put("set/export.json", b"{}")
    with pytest.raises(StageError, match="Copy it here"):
        kelly_tui.import_files(create(tmp_path), [f"{bucket.url}/set"])


def test_it_can_not_be_linked(tmp_path, there):
    with pytest.raises(StoreError, match="Leave out --link"):
        kelly_tui.import_files(create(tmp_path), [there], link=True)


def test_what_is_an_address() -> None:
    assert is_address("s3://bucket/x")
    assert not any(map(is_address, ("file:///music", "/music", "C:/music", "./a:b", "music")))
    assert place("file:///music/a b") == Path("/music/a b")
