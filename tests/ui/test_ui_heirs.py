"""One edit that reaches many samples, and an undo of what is not listed: both say what they did, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from tests.ui.conftest import Open, write_midi

AMBER = f"{0:016x}"


@pytest.fixture
def with_variants(root: Path) -> Path:
    """amber has nine variants, one of which a person has labelled as it is."""
    variants = []
    for number in range(9):
        path = f"processed/augmented/amber_{number}.mid"
        write_midi(root / path, 60)
        variants.append(
            Sample(
                sample_id=f"{100 + number:016x}", file_path=path, file_type="midi", sha256=f"{100 + number:064x}",
                file_size_bytes=300, duration_sec=8.0, parent_id=AMBER, root_id=AMBER, augmentation_type="velocity",
                augmentation={"velocity_scale": 0.8, "seed": number}, created_at="2026-01-01T00:00:00Z",
            )
        )  # fmt: skip
    with Catalogue.open(root) as catalogue:
        catalogue.add(variants)
    return root


def emotions(root: Path) -> list[object]:
    with Catalogue.open(root) as catalogue:
        return [one.value("emotion") for one in catalogue.samples() if one.root_id == AMBER]


async def test_a_parents_label_says_how_many_samples_it_reached_and_is_one_step(
    open_desk: Open, with_variants: Path
) -> None:
    async with open_desk(with_variants) as desk:
        await desk.press("2")
        assert desk.said == "amber: emotion sad · 1 edit, 10 samples"
        assert emotions(with_variants) == ["sad"] * 10
        listed = desk.text().splitlines()[:20]
        assert sum("sad" in line and "vel ×0.8" in line for line in listed) == 9
        await desk.press("u")
        assert emotions(with_variants) == [None] * 10
        assert desk.here == "amber"
        await desk.press("j", "3")
        assert "1 edit" not in desk.said  # of a variant nothing is made: one sample is no news
        await desk.press("g", "g", "2")
        assert "amber: emotion sad · 1 edit, 9 samples" in desk.said
        assert sorted(map(str, emotions(with_variants))) == ["angry"] + ["sad"] * 9


@pytest.mark.exercises("undo", "redo", "filter")
async def test_an_undo_goes_to_its_sample_or_says_that_it_is_not_listed(open_desk: Open, root: Path) -> None:
    async with open_desk(root) as desk:
        await desk.press("j", "2", "/")  # birch
        await desk.type("juniper|iris")
        await desk.press("u")
        assert desk.said == "undo emotion sad · birch · not in this list"
        assert desk.here in ("iris", "juniper")
        assert "birch" not in "".join(desk.text().splitlines()[:20])
        await desk.press("/")
        await desk.type("")
        await desk.press("G", "ctrl+r")
        assert desk.said == "redo emotion sad · birch"
        assert desk.here == "birch"
        line = next(line for line in desk.text().splitlines()[3:] if "birch" in line)
        assert line.startswith("▌")
        await desk.press("/")
        await desk.type("-emotion:sad")
        assert "birch" not in "".join(desk.text().splitlines()[:20])
        await desk.press("u")
        assert "birch · not in this list" in desk.said
