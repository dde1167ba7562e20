"""Files opened ahead: in order, once, given back, forgotten, and never where somebody waits."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from select import select

import pytest

from kelly_tui.errors import FileRefused, KellyError
from kelly_tui.playback.shelf import Shelf
from tests.null_sink import until


class Opened:
    def __init__(self, path: Path) -> None:
        self.path, self.closed = path, False

    def close(self) -> None:
        self.closed = True


class Desk:
    """A shelf, and what was opened for it."""

    def __init__(self) -> None:
        self.made: list[Opened] = []
        self.gate = threading.Event()
        self.gate.set()
        self.shelf = Shelf(self.open)

    def open(self, path: Path) -> Opened:
        self.gate.wait(20)
        if not path.exists():
            raise FileNotFoundError(2, "No such file", str(path))
        if path.suffix == ".bad":
            raise FileRefused("is bad", path=path)
        self.made.append(Opened(path))
        return self.made[-1]

    def taken(self, path: Path) -> Opened | KellyError:
        found = []
        until(lambda: (one := self.shelf.take(path)) is not None and (found.append(one) or True))
        return found[0]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths:
        path.write_text(path.name)
    return paths


def test_what_is_wanted_is_opened_in_that_order_and_told(desk, files):
    desk.shelf.want(files)
    until(lambda: len(desk.made) == 3)
    assert [one.path for one in desk.made] == files
    assert select([desk.shelf], [], [], 20)[0]
    desk.shelf.heed()
    assert desk.taken(files[1]) is desk.made[1]


def test_what_was_taken_is_not_opened_again_until_it_is_wanted_again(desk, files):
    desk.shelf.want(files)
    first = desk.taken(files[0])
    until(lambda: len(desk.made) == 3)
    assert desk.shelf.take(files[0]) is None
    desk.shelf.want(files)
    second = desk.taken(files[0])
    assert second is not first


def test_given_back_it_is_kept_where_it_is_wanted_and_closed_elsewhere(desk, files):
    desk.shelf.want(files[:1])
    one = desk.taken(files[0])
    desk.shelf.put(files[0], one)
    assert one.closed
    desk.gate.clear()
    desk.shelf.want(files[1:2])
    other = Opened(files[1])
    desk.shelf.put(files[1], other)
    assert not other.closed
    assert desk.shelf.take(files[1]) is other
    desk.gate.set()


def test_what_is_no_longer_wanted_is_closed(desk, files):
    desk.shelf.want(files)
    until(lambda: len(desk.made) == 3)
    assert desk.taken(files[2]) is desk.made[2]  # the last one: all are on the shelf
    desk.shelf.want(files[1:2])
    assert [one.closed for one in desk.made] == [True, False, False]
    desk.shelf.clear()
    assert desk.made[1].closed


def test_a_file_written_again_is_opened_again(desk, files):
    desk.shelf.want(files[:1])
    until(lambda: len(desk.made) == 1)
    files[0].write_text("longer than it was")
    again = desk.taken(files[0])
    assert again is desk.made[-1]
    assert len(desk.made) == 2
    assert desk.made[0].closed


def test_what_was_being_opened_when_all_was_forgotten_is_opened_anew(desk, files):
    desk.gate.clear()
    desk.shelf.want(files[:1])
    desk.shelf.clear()
    desk.gate.set()
    found = desk.taken(files[0])
    assert not found.closed
    assert found is desk.made[-1]


def test_refusals_are_handed_out_by_name(desk, tmp_path):
    (tmp_path / "x.bad").write_text("")
    desk.shelf.want([tmp_path / "x.bad", tmp_path / "none"])
    assert "x.bad" in str(desk.taken(tmp_path / "x.bad"))
    assert "No such file" in str(desk.taken(tmp_path / "none"))


def test_a_hundred_bells_do_not_block(desk, files):
    for _ in range(100):
        desk.shelf.want(files)
        desk.shelf.want([])
    desk.shelf.want(files)
    assert desk.taken(files[2]) is desk.made[-1]
    assert os.get_blocking(desk.shelf.fileno()) is False
