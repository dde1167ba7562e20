"""Variants say at once what a person says of what they were made of, and take it back with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import counters
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit, redo, undo

ROOT, UP, FAST = 1, 2, 3


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add(
            [
                sample(ROOT),
                sample(UP, parent_id=id_of(ROOT), root_id=id_of(ROOT), augmentation={"transpose": 5, "seed": 1}),
                sample(FAST, parent_id=id_of(ROOT), root_id=id_of(ROOT), augmentation={"time_stretch": 1.1, "seed": 2}),
                sample(4),
            ]
        )
        yield opened


def say(catalogue: Catalogue, *said: tuple[int, str, object], by: str = "ann"):
    return edit(catalogue, [Edit(id_of(n), field, None if value is None else Label(value)) for n, field, value in said],
                by=by)  # fmt: skip


def values(catalogue: Catalogue, field: str) -> list[object]:
    return [catalogue.find(id_of(number)).value(field) for number in (ROOT, UP, FAST)]


def counted(catalogue: Catalogue) -> bool:
    """Whether the kept counts are those that counting gives."""
    rows = "SELECT * FROM counts WHERE n <> 0 ORDER BY 1, 2, 3"
    before = catalogue.db.execute(rows).fetchall()
    with catalogue.writing() as db:
        counters.install(db, catalogue.config)
    return before == catalogue.db.execute(rows).fetchall()


@pytest.mark.parametrize(
    "change", ['"time_stretch": 0', '"time_stretch": "1.1"', '"time_stretch": {}', '"reverb": 0.3']
)
def test_nothing_is_computed_from_a_change_that_nobody_can_tell(catalogue, change):
    say(catalogue, (ROOT, "tempo_bpm", 100.0))
    assert values(catalogue, "tempo_bpm") == [100.0, 100.0, 110.0]
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET augmentation = ? WHERE sample_id = ?", (f"{{{change}}}", id_of(FAST)))
    say(catalogue, (ROOT, "tempo_bpm", 90.0), (ROOT, "arousal", 0.5), (ROOT, "mode", "minor"))
    assert values(catalogue, "tempo_bpm") == [90.0, 90.0, None]
    assert values(catalogue, "mode") == ["minor"] * 3
    assert catalogue.find(id_of(FAST)).labels["arousal"].in_doubt, "the change may be large"
    assert catalogue.find(id_of(FAST)).pace == 1.0


def test_a_label_reaches_the_variants_by_the_rules(catalogue):
    say(catalogue, (ROOT, "key", "A"), (ROOT, "tempo_bpm", 100.0), (ROOT, "emotion", "sad"), (ROOT, "notes", "hm"))
    assert values(catalogue, "key") == ["A", "D", "A"]
    assert values(catalogue, "tempo_bpm") == [100.0, 100.0, 110.0]
    assert values(catalogue, "emotion") == ["sad"] * 3
    assert values(catalogue, "notes") == ["hm", None, None]
    up = catalogue.find(id_of(UP))
    assert (up.labels["key"].source, up.labels["key"].by) == ("inherited", "ann")
    assert up.labels["emotion"].in_doubt
    assert not catalogue.find(id_of(FAST)).labels["emotion"].in_doubt
    assert up.decision == "pending"  # nobody has heard it
    assert catalogue.find(id_of(4)).labels == {}
    assert counted(catalogue)


def test_undo_takes_it_back_from_them_and_redo_says_it_again(catalogue):
    say(catalogue, (ROOT, "key", "A"))
    say(catalogue, (ROOT, "key", "C"))
    for turn, expected in (
        (undo, ["A", "D", "A"]),
        (undo, [None] * 3),
        (redo, ["A", "D", "A"]),
        (redo, ["C", "F", "C"]),
    ):
        assert turn(catalogue, "ann").left_alone == ()
        assert values(catalogue, "key") == expected
        assert counted(catalogue)


def test_clearing_clears_what_was_inherited(catalogue):
    say(catalogue, (ROOT, "key", "A"))
    say(catalogue, (FAST, "key", "G"))
    say(catalogue, (ROOT, "key", None))
    assert values(catalogue, "key") == [None, None, "G"]
    undo(catalogue, "ann")
    assert values(catalogue, "key") == ["A", "D", "G"]


def test_what_a_person_says_of_a_variant_stands(catalogue):
    say(catalogue, (UP, "key", "E"))
    say(catalogue, (ROOT, "key", "A"))
    assert values(catalogue, "key") == ["A", "E", "A"]


@pytest.mark.parametrize("order", [1, -1])
def test_an_edit_of_both_is_taken_back_whole(catalogue, order):
    say(catalogue, *[(ROOT, "key", "A"), (UP, "key", "B")][::order])
    assert values(catalogue, "key") == ["A", "B", "A"]
    assert undo(catalogue, "ann").left_alone == ()
    assert values(catalogue, "key") == [None] * 3


def test_a_dynamic_mark_moves_with_its_curve(catalogue):
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET augmentation = '{\"velocity_scale\":1.2}' WHERE sample_id = ?", (id_of(UP),))
    say(catalogue, (ROOT, "dynamic_range", "mf"))
    assert catalogue.find(id_of(UP)).labels["dynamic_range"].in_doubt
    say(catalogue, (ROOT, "velocity_curve", [80] * 32))
    assert not catalogue.find(id_of(UP)).labels["dynamic_range"].in_doubt


def test_a_label_from_outside_reaches_them_too(catalogue):
    assert catalogue.put_labels({id_of(ROOT): {"key": Label("A")}}, kind="outside", actor="outside") == 1
    assert values(catalogue, "key") == ["A", "D", "A"]


def test_many_roots_at_once(catalogue):
    catalogue.add(sample(n) for n in range(10, 60))
    catalogue.add(
        sample(100 * n + k, parent_id=id_of(n), root_id=id_of(n), augmentation={"transpose": k})
        for n in range(10, 60)
        for k in (1, 2)
    )
    step = say(catalogue, *[(n, "key", "C") for n in range(10, 60)])
    assert len(step.events) == 150
    assert step.words == "key C on 50 samples"
    assert catalogue.find(id_of(1002)).value("key") == "D"
    undo(catalogue, "ann")
    assert catalogue.db.execute("SELECT count(*) FROM samples WHERE key IS NOT NULL").fetchone() == (0,)
