"""Taps beside the music are its tempo, whatever the speed at which it is heard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kelly_tui.store.catalogue import Catalogue
from tests.ui.conftest import Desk, Open


async def tap_at(desk: Desk, *positions: float) -> None:
    for position in positions:
        desk.sound.state.position = position
        await desk.press("y")


@pytest.mark.exercises("tap", "tap_save", "back", "play")
async def test_taps_beside_the_music_are_saved_as_its_tempo(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "j", "space", "y")
        await desk.press("enter")
        assert "4 taps tell a tempo" in desk.said
        await desk.press("escape")
        await tap_at(desk, 1.0, 1.6, 2.2, 2.8, 3.4)
        assert "tap 5: 100.0 BPM ± 0.0   labelled 120.0" in desk.said
        await desk.press("enter")
        assert desk.values("cedar")["tempo_bpm"] == 100.0
        assert desk.stored("cedar").labels["tempo_bpm"].source == "human"
        await tap_at(desk, 5.0, 5.5, 6.0, 1.0)  # back, as in a loop: they begin anew
        assert "tap 1: 4 tell a tempo" in desk.said
        await desk.press("escape", "j")
        assert desk.here == "dune"
        assert desk.values("cedar")["tempo_bpm"] == 100.0


async def test_taps_beside_what_a_variant_was_made_from_are_the_variants_tempo(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        made = json.dumps({"time_stretch": 1.25, "seed": 1})
        db.execute("UPDATE samples SET augmentation = ? WHERE file_path LIKE '%elm%'", (made,))
    async with open_desk(root) as desk:
        await desk.press("j", "j", "j", "j", "space", "tab")
        assert (desk.here, desk.sound.loaded) == ("elm", "dune")
        await tap_at(desk, 1.0, 1.5, 2.0, 2.5)
        assert "150.0 BPM" in desk.said
        await desk.press("enter")
        assert desk.values("elm")["tempo_bpm"] == 150.0


async def test_in_silence_the_clock_counts(open_desk: Open, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kelly_tui.ui.screens import tapping

    moments = iter([10.0, 10.4, 10.8, 11.2, 30.0])
    monkeypatch.setattr(tapping, "monotonic", lambda: next(moments))
    async with open_desk(root) as desk:
        await desk.press("y", "y", "y", "y")
        assert "tap 4: 150.0 BPM" in desk.said
        await desk.press("y")
        assert "tap 1" in desk.said


async def test_long_and_short_taps_are_saved_as_tempo_and_swing(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("space")
        await tap_at(desk, *(1.0 + 0.5 * beat + part for beat in range(4) for part in (0.0, 0.33)))
        assert "120.0 BPM ± 0.0   swing 0.66 ± 0.00" in desk.said
        await desk.press("enter")
        assert desk.values("amber")["tempo_bpm"] == 120.0
        assert desk.values("amber")["swing_ratio"] == pytest.approx(0.66)
        await desk.press("u")
        assert "swing_ratio" not in desk.values("amber")
        assert "tempo_bpm" not in desk.values("amber")
