"""What another program saves while Kelly writes: at whatever moment, it is taken in or lies in `.kelly/set-aside`."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, readback, swap, views, viewstate
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.swap import Seen, seen, take_place
from kelly_tui.store.views import export_annotations, read_back, write_views


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Five samples, all with annotation files, the manifest written."""
    with new_catalogue(tmp_path) as opened:
        opened.add(sample(number, labels={"tempo_bpm": 60.0 + number}) for number in range(1, 6))
        write_views(opened)
        yield opened


def say(catalogue: Catalogue, number: int, value: str) -> None:
    history.edit(catalogue, [Edit(id_of(number), "emotion", Label(value))], "ann")


def typed(path: Path, note: str) -> bytes:
    """The view at `path`, a note typed into its first sample."""
    data = json.loads(path.read_bytes())
    (data["samples"][0] if "samples" in data else data)["annotations"]["notes"] = note
    return json.dumps(data).encode()


def beside(path: Path, data: bytes) -> None:
    """As most editors save: a new file takes the old one's place."""
    new = path.with_name("mine~")
    new.write_bytes(data)
    new.replace(path)


def into(path: Path, data: bytes) -> None:
    """As the others do: into the file that is there."""
    path.write_bytes(data)


def once(monkeypatch: pytest.MonkeyPatch, module: object, name: str, do: Callable[..., None], after: bool) -> None:
    """Let `do` happen, told the arguments, right before or `after` the first call of a function."""
    real = getattr(module, name)

    def hooked(*given: object, **named: object) -> object:
        monkeypatch.setattr(module, name, real)
        if not after:
            do(*given)
        result = real(*given, **named)
        if after:
            do(*given)
        return result

    monkeypatch.setattr(module, name, hooked)


def kept(catalogue: Catalogue) -> str:
    return "".join(path.read_text() for path in (catalogue.layout.kelly_dir / "set-aside").glob("*"))


def note(catalogue: Catalogue, number: int = 1) -> object:
    sample = catalogue.get(id_of(number))
    assert sample is not None
    return sample.annotations.get("notes")


def is_sound(catalogue: Catalogue) -> None:
    """All is written, and nothing counts as an edit that is none."""
    written = write_views(catalogue)
    assert (written.merge, written.held_back) == (None, [])
    assert not [path for path in (catalogue.layout.kelly_dir / "partial").iterdir() if path.is_file()]


SAVES = pytest.mark.parametrize("save", [beside, into])
VIEWS = pytest.mark.parametrize("view", [f"annotations/{id_of(1)[:2]}/{id_of(1)}.json", "manifest.json"])


@VIEWS
@SAVES
def test_what_is_saved_right_before_a_view_is_replaced_is_taken_in(catalogue, monkeypatch, view, save):
    path = catalogue.root / view
    mine = typed(path, "by hand")
    say(catalogue, 1, "sad")
    if view == "manifest.json":
        export_annotations(catalogue)
    once(monkeypatch, swap, "swap", lambda *_: save(path, mine), after=False)
    assert write_views(catalogue).held_back == []
    assert note(catalogue) == "by hand"
    assert b"by hand" in path.read_bytes()
    assert b"sad" in path.read_bytes()
    is_sound(catalogue)


@VIEWS
def test_what_is_written_later_into_a_file_that_was_opened_before_is_taken_in(catalogue, monkeypatch, view):
    path = catalogue.root / view
    mine = typed(path, "by hand")
    say(catalogue, 1, "sad")
    if view == "manifest.json":
        export_annotations(catalogue)
    with ExitStack() as editor:
        file = editor.enter_context(path.open("r+b", buffering=0))
        write_views(catalogue)
        file.write(mine)
        file.truncate()
    write_views(catalogue)
    assert note(catalogue) == "by hand"
    is_sound(catalogue)


@SAVES
def test_what_is_saved_right_after_an_annotation_file_was_put_there_is_taken_in(catalogue, monkeypatch, save):
    def edit(_: object, __: object, path: Path, *___: object) -> None:
        save(path, typed(path, "by hand"))

    say(catalogue, 1, "sad")
    once(monkeypatch, views, "replace_if_same", edit, after=True)
    export_annotations(catalogue)
    say(catalogue, 1, "angry")
    write_views(catalogue)
    assert note(catalogue) == "by hand"
    is_sound(catalogue)


@SAVES
def test_what_is_saved_right_after_the_manifest_was_put_there_is_taken_in(catalogue, monkeypatch, save):
    path = catalogue.layout.manifest_path
    say(catalogue, 1, "sad")
    once(monkeypatch, views, "replace_view", lambda *_: save(path, typed(path, "by hand")), after=True)
    write_views(catalogue)
    say(catalogue, 2, "angry")
    write_views(catalogue)
    assert note(catalogue) == "by hand"
    is_sound(catalogue)


def test_what_is_saved_while_an_edited_manifest_is_read_is_read_too(catalogue, monkeypatch):
    path = catalogue.layout.manifest_path
    path.write_bytes(typed(path, "first"))
    later = typed(path, "second")
    once(monkeypatch, readback, "read_manifest_file", lambda *_: beside(path, later), after=True)
    read_back(catalogue)
    assert note(catalogue) == "first"
    write_views(catalogue)  # of the two, which were typed into one version, people decide
    assert [one.theirs and one.theirs.value for one in conflicts(catalogue)] == ["second"]
    is_sound(catalogue)


def test_a_list_of_a_split_that_is_edited_while_it_is_written_is_kept(catalogue, monkeypatch):
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET split = 'train'")
    write_views(catalogue)
    path = catalogue.layout.splits / "train.txt"
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET split = 'val' WHERE sample_id = ?", (id_of(1),))
    once(monkeypatch, viewstate, "swap", lambda *_: into(path, b"mine\n"), after=False)
    [said] = write_views(catalogue).lists_kept
    assert said.startswith("splits/train.txt was edited outside")
    assert "mine\n" in kept(catalogue)
    assert path.read_text().split() == sorted(id_of(number) for number in range(2, 6))
    is_sound(catalogue)


def test_what_is_saved_even_while_an_edit_is_put_back_is_kept(catalogue, monkeypatch):
    path = catalogue.layout.annotation_path(id_of(1))
    first, second = typed(path, "first"), typed(path, "second")
    say(catalogue, 1, "sad")

    def save_twice(*_: object) -> None:
        beside(path, first)
        once(monkeypatch, swap, "_is_being_written", lambda *_: beside(path, second), after=True)

    once(monkeypatch, swap, "_exchanged", save_twice, after=False)
    write_views(catalogue)
    assert note(catalogue) == "first"
    assert "second" in kept(catalogue)
    is_sound(catalogue)


def test_where_a_file_is_new_nothing_that_appears_meanwhile_is_replaced(catalogue, monkeypatch):
    say(catalogue, 1, "sad")
    path = catalogue.layout.annotation_path(id_of(1))
    mine = typed(path, "by hand")
    path.unlink()
    once(monkeypatch, swap, "move", lambda *_: beside(path, mine), after=False)
    write_views(catalogue)
    assert note(catalogue) == "by hand"
    is_sound(catalogue)


# -- other file systems -----------------------------------------------------------------------------------------------


def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "_system_call", lambda: None)


def no_links_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    no_exchange(monkeypatch)
    monkeypatch.setattr(os, "link", refused)


def on_another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real = swap._renameat2

    def across(one: Path, other: Path, flag: int) -> None:
        if one.parent != other.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(one, other, flag)

    monkeypatch.setattr(swap, "_renameat2", across)


@pytest.mark.parametrize("system", [lambda _: None, no_exchange, no_links_either, on_another_disk])
def test_a_file_takes_the_place_of_the_one_that_is_expected_there_and_of_no_other(tmp_path, monkeypatch, system):
    system(monkeypatch)
    folder, parts = tmp_path / "there", tmp_path / "partial"
    folder.mkdir(), parts.mkdir()
    path, new = folder / "view", parts / "new"

    def put(data: bytes, there: Seen | None) -> bool:
        new.write_bytes(data)
        now = take_place(new, path, lambda old: (seen(old) or (0,))[1:] == (there or (0,))[1:], tmp_path.joinpath)
        assert now is None or (now.size, now.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
        new.unlink(missing_ok=True)
        return now is not None

    assert put(b"first", None)
    before = seen(path)
    assert put(b"second one", before)
    assert not put(b"third", before)
    assert path.read_bytes() == b"second one"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]
