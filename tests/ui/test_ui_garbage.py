"""The collector of garbage rests while the app starts, and works again after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from kelly_tui.settings import Settings
from kelly_tui.ui import garbage, launch
from tests.ui.conftest import Open


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


async def test_it_works_again_soon_after_the_start_and_leaves_aside_what_was_made(open_desk: Open, root: Path) -> None:
    garbage.rest()
    async with open_desk(root) as desk:
        await desk.until(gc.isenabled)
        assert gc.get_freeze_count() > 10_000


def test_a_program_that_uses_the_app_itself_keeps_its_collector_as_it_is() -> None:
    garbage.resume()
    assert gc.get_freeze_count() == 0


def test_it_rests_when_the_app_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Seen(Exception):
        pass

    def keymap(path: Path, profile: str) -> None:
        raise Seen(gc.isenabled())

    monkeypatch.setattr(launch, "check_terminal", lambda: None)
    monkeypatch.setattr("kelly_tui.ui.keymap.load_keymap", keymap)
    with pytest.raises(Seen, match="False"):
        launch.run_app(None, tmp_path, Settings())
