"""The audition queue: what a change has put in doubt is marked, and heard first, the worst first."""

from __future__ import annotations

from pathlib import Path

import pytest

from kelly_tui.augment.recipe import Recipe, variant_labels
from kelly_tui.model.annotation import Label
from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from tests.ui.conftest import Desk, Open, write_midi

CHANGES = {"slow": {"time_stretch": 0.9}, "near": {"transpose": 2}, "far": {"transpose": -6}, "high": {"transpose": 4},
           "both": {"transpose": 5, "velocity_scale": 1.2}}  # fmt: skip
WORST_FIRST = ["far", "both", "high", "elm", "slow"]
"""Four labels, the emotion among them, are in doubt by six semitones, by five, by four; an emotion alone, nobody knows
why; and by a stretch an arousal, which the dataset is not for."""


@pytest.fixture
def doubted(root: Path) -> Path:
    """The dataset with variants of dune, some of them far from it."""
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels(
            {f"{3:016x}": {name: Label(0.5, by="someone") for name in ("valence", "arousal", "dominance")}}
        )
        dune = catalogue.get(f"{3:016x}")
        assert dune is not None
        for number, (name, changes) in enumerate(CHANGES.items()):
            write_midi(root / f"processed/augmented/{name}.mid", 60)
            recipe = Recipe(**changes)
            catalogue.add([Sample(
                sample_id=f"{100 + number:016x}", file_path=f"processed/augmented/{name}.mid", file_type="midi",
                sha256=f"{100 + number:064x}", duration_sec=8.0, parent_id=dune.sample_id, root_id=dune.sample_id,
                augmentation_type=recipe.name, augmentation=recipe.changes, labels=variant_labels(dune.labels, recipe),
            )])  # fmt: skip
    return root


def variant(desk: Desk, name: str) -> Sample:
    with Catalogue.open(desk.app.session.root) as catalogue:
        found = catalogue.get(f"{100 + list(CHANGES).index(name):016x}")
    assert found is not None
    return found


def listed(desk: Desk) -> list[str]:
    rows = (desk.app.workstation.table.row_at(index) for index in range(len(desk.app.workstation.table.order)))
    return [Path(row.file_path).stem for row in rows]


@pytest.mark.exercises("audition", "accept", "label", "reject", "undo")
async def test_what_is_in_doubt_is_heard_worst_first_and_each_key_decides(open_desk: Open, doubted: Path) -> None:
    async with open_desk(doubted) as desk:
        await desk.press("G", "g", "a")
        assert listed(desk) == WORST_FIRST
        assert "5 samples in doubt" in desk.said
        assert (desk.here, desk.sound.loaded, desk.sound.state.playing) == ("far", "far", True)
        await desk.press("enter")  # it is still as it was inherited
        heard = variant(desk, "far")
        assert heard.value("emotion") == "tense"
        assert {heard.labels[name].source for name in ("emotion", "valence", "arousal")} == {"human"}
        assert heard.value("is_verified")
        assert not any(label.in_doubt for label in heard.labels.values())
        assert (desk.here, desk.sound.loaded) == ("both", "both")
        await desk.press("x")
        assert variant(desk, "both").rejected
        assert desk.here == "high"
        await desk.press("2")
        assert variant(desk, "high").value("emotion") == "sad"
        assert desk.here == "elm"
        assert listed(desk) == WORST_FIRST  # nothing moves under the hands
        await desk.press("g", "a")
        assert listed(desk) == ["elm", "slow"]
        await desk.press("u", "u", "u", "g", "a")
        assert listed(desk) == WORST_FIRST
        await desk.press("/")
        await desk.type("")
        assert desk.app.workstation.sort == "song"


async def test_where_nothing_is_in_doubt_the_list_stays(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        catalogue.put_labels({f"{4:016x}": {"emotion": Label("tense", by="someone")}})
    async with open_desk(root) as desk:
        before = listed(desk)
        await desk.press("g", "a")
        assert "no label is in doubt" in desk.said
        assert listed(desk) == before


async def test_doubt_is_marked_in_the_list_and_in_the_form(open_desk: Open, doubted: Path) -> None:
    async with open_desk(doubted, size=(120, 40)) as desk:
        await desk.press("g", "a")
        assert "tense ↳~" in desk.text()
        assert "in doubt" in desk.text()
