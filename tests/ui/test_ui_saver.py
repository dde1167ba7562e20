"""The saver: orders become durable one after another; what can't be written is kept, said and tried again."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.message import Message

from kelly_tui.errors import DiskFull
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui import saver as saver_module
from kelly_tui.ui.saver import NotSaved, Order, Saved, Saver


class Told(queue.Queue[Message]):
    """What the saver had to say, in order."""

    def next(self) -> Message:
        return self.get(timeout=30)


def order(number: int, emotion: str) -> Order:
    return Order("edit", (Edit(f"{number:016x}", "emotion", Label(emotion)),), f"emotion {emotion}")


def stored(root: Path, number: int) -> object:
    with Catalogue.open(root) as catalogue:
        sample = catalogue.get(f"{number:016x}")
    assert sample is not None
    return sample.value("emotion")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def saver(root: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[Saver]:
    monkeypatch.setattr(saver_module, "RETRY_SECONDS", 0.01)
    opened = Saver(root, "tester", told.put)
    yield opened
    opened.close()


class FullDisk:
    """A disk that is full for some writes."""

    def __init__(self, times: int) -> None:
        self.times = times
        self._edit = history.edit

    def __call__(self, *arguments: object) -> object:
        if self.times:
            self.times -= 1
            raise DiskFull("the disk is full", hint="Make room.")
        return self._edit(*arguments)  # type: ignore[arg-type]


def test_orders_are_carried_out_in_order_and_told_when_they_are_durable(saver: Saver, told: Told, root: Path) -> None:
    for emotion in ("happy", "sad", "angry"):
        saver.order(order(0, emotion))
    saver.order(Order("undo"))
    for wanted in ("emotion happy", "emotion sad", "emotion angry", "undo emotion angry"):
        message = told.next()
        assert isinstance(message, Saved)
        assert message.step is not None
        assert message.step.words == wanted
    assert stored(root, 0) == "sad"


def test_what_a_full_disk_refuses_is_kept_and_written_once_there_is_room(
    saver: Saver, told: Told, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "edit", FullDisk(times=3))
    saver.order(order(0, "happy"))
    saver.order(order(7, "sad"))
    refused = told.next()
    assert isinstance(refused, NotSaved)
    assert refused.kept
    assert "the disk is full" in refused.reason
    assert isinstance(told.next(), Saved)  # told once, not at every try
    assert isinstance(told.next(), Saved)
    assert (stored(root, 0), stored(root, 7)) == ("happy", "sad")


@pytest.mark.parametrize(
    "wrong",
    [order(0, "blue"), Order("edit", (Edit("ffffffffffffffff", "emotion", Label("sad")),))],
    ids=["no such label", "no such sample"],
)
def test_what_can_never_be_is_said_and_does_not_hold_up_the_next(
    saver: Saver, told: Told, root: Path, wrong: Order
) -> None:
    saver.order(wrong)
    saver.order(order(7, "sad"))
    refused = told.next()
    assert isinstance(refused, NotSaved)
    assert not refused.kept
    assert isinstance(told.next(), Saved)
    assert stored(root, 7) == "sad"


def test_what_could_not_be_written_by_the_end_is_known(
    saver: Saver, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "edit", FullDisk(times=1 << 30))
    wanted = [order(0, "happy"), order(7, "sad")]
    for one in wanted:
        saver.order(one)
    told.next()
    saver.close()
    assert saver.unsaved == wanted


def view_of(root: Path, number: int) -> Path:
    with Catalogue.open(root) as catalogue:
        return catalogue.layout.annotation_path(f"{number:016x}")


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Wait for a view to be there; what it holds. It is looked for after each writing of views."""
    written: queue.Queue[None] = queue.Queue()
    write = Saver._write_views

    def noted(saver: Saver, catalogue: Catalogue) -> bool:
        more = write(saver, catalogue)
        written.put(None)
        return more

    def wait(path: Path) -> str:
        while not path.exists():
            written.get(timeout=30)
        return path.read_text()

    monkeypatch.setattr(Saver, "_write_views", noted)
    return wait


def test_after_an_edit_its_view_follows(saver: Saver, root: Path, look: Callable[[Path], str]) -> None:
    saver.order(order(0, "happy"))
    assert '"happy"' in look(view_of(root, 0))


def test_what_an_app_that_was_killed_left_is_in_the_views_before_a_key(
    root: Path, told: Told, look: Callable[[Path], str]
) -> None:
    with Catalogue.open(root) as catalogue:
        history.edit(catalogue, order(7, "sad").edits, "tester")
    view = view_of(root, 7)
    assert not view.exists()
    saver = Saver(root, "tester", told.put)
    assert '"sad"' in look(view)
    saver.close()


def test_views_that_wait_for_an_outside_edit_hold_up_no_others(
    saver: Saver, root: Path, look: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver_module, "VIEWS_AT_ONCE", 2)
    edited = view_of(root, 0)
    edited.parent.mkdir(parents=True, exist_ok=True)
    edited.write_text('{"annotations": {"emotion": "calm"}}')
    saver.order(Order("edit", tuple(Edit(f"{number:016x}", "emotion", Label("sad")) for number in (0, 7, 8))))
    assert '"sad"' in look(view_of(root, 8))
    assert "calm" in edited.read_text()
