"""Copies of a dataset whose annotation files are carried from one to the other, as rsync does: who knew what counts,
and no clock.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, readback
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.views import read_back, write_views


@pytest.fixture
def copies(tmp_path: Path) -> list[Path]:
    """Three of a dataset in which `ann` labelled a sample."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        say(catalogue, "ann", "loud")
        write_views(catalogue)
        root = catalogue.root
    others = [tmp_path / "second", tmp_path / "third"]
    for other in others:
        shutil.copytree(root, other, ignore=shutil.ignore_patterns(".kelly"))
    for one in (root, *others):
        Catalogue.open(one).close()
    return [root, *others]


def say(catalogue: Catalogue, by: str, notes: Value | None) -> None:
    history.edit(catalogue, [Edit(id_of(1), "notes", None if notes is None else Label(notes))], by)


def work(root: Path, *notes: Value | None) -> None:
    """Say these, one after another; in the name of the folder."""
    with Catalogue.open(root) as catalogue:
        for one in notes:
            say(catalogue, root.name, one)
        write_views(catalogue)


def file_in(root: Path) -> Path:
    return root / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json"


def carry(source: Path, target: Path) -> tuple[object, list[tuple[object, object]]]:
    """Replace the target's file by the source's: what is said there then, and what its person is asked."""
    shutil.copy(file_in(source), file_in(target))
    with Catalogue.open(target) as catalogue:
        read_back(catalogue)
        write_views(catalogue)
        asked = [(one.ours and one.ours.value, one.theirs and one.theirs.value) for one in conflicts(catalogue)]
        return catalogue.find(id_of(1)).value("notes"), asked


def lose_the_catalogue(root: Path) -> None:
    shutil.rmtree(root / ".kelly")
    Catalogue.open(root).close()


@pytest.mark.parametrize("first", [0, 1], ids=["ours is earlier", "ours is later"])
def test_of_two_who_did_not_know_each_others_label_a_person_is_asked(copies, first):
    ours, theirs, _ = copies
    for root in (ours, theirs) if first == 0 else (theirs, ours):
        work(root, f"by {root.name}")
    assert carry(theirs, ours) == ("by songs", [("by songs", "by second")])


@pytest.mark.parametrize("take", ["ours", "theirs", "neither"])
def test_what_one_decided_the_other_hears_and_is_not_asked_any_more(copies, take):
    ours, theirs, _ = copies
    work(ours, "by ours")
    work(theirs, "by theirs")
    kept = file_in(ours).read_bytes()
    carry(theirs, ours)
    file_in(ours).write_bytes(kept)
    said = file_in(theirs).read_bytes()
    assert carry(ours, theirs)[1] == [("by theirs", "by ours")], "both are asked"
    file_in(theirs).write_bytes(said)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        if take == "neither":
            say(catalogue, "ann", None)
        else:
            resolve(catalogue, take, "ann")
        write_views(catalogue)
    decided = None if take == "neither" else f"by {take}"
    assert carry(ours, theirs) == (decided, [])
    assert carry(theirs, ours) == (decided, [])


@pytest.mark.parametrize("long", [1, 5000], ids=["short", "long"])
def test_who_knew_a_label_and_replaced_it_is_followed_with_a_clock_that_is_behind(copies, long, monkeypatch):
    ours, theirs, _ = copies
    work(ours, "x" * long)
    carry(ours, theirs)
    monkeypatch.setattr(history, "utc_now", lambda: "2001-01-01T00:00:00.000Z")
    work(theirs, "y" * long)
    monkeypatch.undo()
    assert carry(theirs, ours) == ("y" * long, [])
    assert len(file_in(ours).read_bytes()) < 3 * long + 1500, "what was there is told in short"


def test_what_stands_again_by_undo_and_what_replaced_it_are_asked_about(copies):
    ours, theirs, _ = copies
    work(ours, "two")
    carry(ours, theirs)
    said = file_in(ours).read_bytes()
    with Catalogue.open(theirs) as catalogue:
        say(catalogue, "second", "three")
        history.undo(catalogue, "second")
        write_views(catalogue)
    assert carry(theirs, ours) == ("two", [])
    work(ours, "four")
    assert carry(ours, theirs) == ("two", [("two", "four")])
    assert json.loads(said)["annotations"] == {"notes": "two"}


def test_a_label_that_was_taken_back_stays_away_after_the_catalogue_is_lost(copies):
    ours, theirs, _ = copies
    stale = file_in(theirs).read_bytes()
    work(ours, None)
    lose_the_catalogue(ours)
    file_in(theirs).write_bytes(stale)
    assert carry(theirs, ours) == (None, [])
    assert carry(ours, theirs) == (None, [])


def test_what_a_third_copy_says_is_known_where_the_first_was_heard(copies):
    ours, theirs, third = copies
    stale = file_in(third).read_bytes()
    work(ours, "two", "three")
    assert carry(ours, theirs) == ("three", [])
    assert carry(theirs, third) == ("three", []), "the first's label of which the second only heard"
    work(ours, None)
    assert carry(ours, theirs) == (None, [])
    file_in(third).write_bytes(stale)
    assert carry(third, theirs) == (None, []), "it was cleared in the first"


def test_of_both_sides_of_a_merge_the_one_that_knew_the_other_is_taken_when_the_catalogue_is_lost(copies):
    ours, theirs, _ = copies
    work(theirs, "two")
    for first, second in ((ours, theirs), (theirs, ours)):
        both = b"<<<<<<< HEAD\n%b=======\n%b>>>>>>> x\n" % (file_in(first).read_bytes(), file_in(second).read_bytes())
        shutil.copytree(first, copy := first.with_name(f"{first.name}-both"), ignore=shutil.ignore_patterns(".kelly"))
        file_in(copy).write_bytes(both)
        with Catalogue.open(copy) as catalogue:
            assert (catalogue.find(id_of(1)).value("notes"), conflicts(catalogue)) == ("two", [])


def test_what_a_stranger_says_was_there_is_kept_as_far_as_a_label_can_be_so(copies):
    ours, theirs, _ = copies
    work(theirs, "two")
    data = json.loads(file_in(theirs).read_bytes())
    data["earlier"]["notes"] += [{"value": "z" * 100_000, "by": "eve", "at": "x"}] + [
        {"value": f"v{n}", "by": "eve", "at": f"y{n:04}"} for n in range(3000)
    ]
    data["earlier"]["no field"] = [{"value": 1}]
    file_in(theirs).write_text(json.dumps(data))
    carry(theirs, ours)
    with Catalogue.open(ours) as catalogue:
        write_views(catalogue)
        assert catalogue.db.execute("SELECT count(*), max(length(said)) < 1000 FROM elsewhere").fetchone() == (49, 1)
    told = json.loads(file_in(ours).read_bytes())["earlier"]
    assert (told.keys(), len(told["notes"])) == ({"notes"}, 49), "fifty are read, and one is too long"


def test_a_question_that_was_decided_elsewhere_makes_room_for_a_new_one(copies):
    ours, theirs, _ = copies
    with Catalogue.open(ours) as catalogue:
        say(catalogue, "ann", "two")
        history.undo(catalogue, "ann")
        write_views(catalogue)
    work(theirs, "three")
    assert carry(theirs, ours) == ("loud", [("loud", "three")])
    work(theirs, "four")
    assert carry(theirs, ours) == ("loud", [("loud", "four")])


def decide(root: Path, **state: Value | None) -> None:
    with Catalogue.open(root) as catalogue:
        edits = [Edit(id_of(1), name, None if value is None else Label(value)) for name, value in state.items()]
        history.edit(catalogue, edits, root.name)
        write_views(catalogue)


def state_in(root: Path) -> dict[str, object]:
    with Catalogue.open(root) as catalogue:
        return dict(catalogue.find(id_of(1)).state)


DECIDED = [{"decision": "flagged"}, {"decision": "skipped", "skip_reason": "noise"}, {"rejected": True}]


@pytest.mark.parametrize("state", DECIDED, ids=["flagged", "skipped", "rejected"])
def test_a_decision_that_was_taken_back_is_heard_and_stays_away(copies, state):
    ours, theirs, third = copies
    before = state_in(ours)
    decide(ours, **state)
    for root in (theirs, third):
        assert carry(ours, root) == ("loud", [])
        assert state_in(root).items() >= state.items()
    with Catalogue.open(ours) as catalogue:
        history.undo(catalogue, ours.name)
        write_views(catalogue)
    work(third, "and a note")
    carry(third, ours)
    assert state_in(ours) == before, "the third had not heard of it"
    assert carry(ours, theirs) == ("and a note", [])
    assert carry(ours, third) == ("and a note", [])
    assert state_in(theirs) == state_in(third) == before


def test_of_two_decisions_the_one_that_knew_the_other_is_followed(copies):
    ours, theirs, third = copies
    decide(ours, decision="skipped", skip_reason="noise")
    carry(ours, theirs)
    decide(theirs, decision="flagged")
    decide(third, decision="flagged")
    carry(theirs, ours)
    assert (state_in(ours)["decision"], state_in(ours)["skip_reason"]) == ("flagged", None)
    decide(ours, decision="skipped")
    assert carry(third, ours)[1] == [("skipped", "flagged")], "that one knew nothing of it"


def test_where_files_of_another_come_the_rows_of_its_manifest_say_nothing_more(copies):
    ours, theirs, third = copies
    work(third, "from the third")
    for root in (ours, theirs):
        assert carry(third, root) == ("from the third", [])
    work(third, None)
    decide(theirs, decision="flagged")
    assert carry(third, ours) == (None, [])
    shutil.copy(theirs / "manifest.json", ours / "manifest.json")
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        assert (catalogue.find(id_of(1)).value("notes"), conflicts(catalogue)) == (None, [])
        assert catalogue.find(id_of(1)).decision == "pending"


def test_a_look_that_is_killed_in_the_midst_has_taken_nothing(copies, monkeypatch):
    ours, theirs, _ = copies
    with Catalogue.open(theirs) as catalogue:
        edits = [Edit(id_of(1), "notes", None), Edit(id_of(1), "tempo_bpm", Label(90.0))]
        history.edit(catalogue, edits, "second")
        write_views(catalogue)
    work(ours, "loud", "louder", "loud")
    both = b"<<<<<<< HEAD\n%b=======\n%b>>>>>>> x\n" % (file_in(ours).read_bytes(), file_in(theirs).read_bytes())
    file_in(ours).write_bytes(both)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with Catalogue.open(ours) as catalogue:
        monkeypatch.setattr(readback, "file_is_read", killed)
        with pytest.raises(KeyboardInterrupt):
            read_back(catalogue)
        monkeypatch.undo()
    with Catalogue.open(ours) as catalogue:
        assert catalogue.find(id_of(1)).value("tempo_bpm") is None
        read_back(catalogue)
        assert (catalogue.find(id_of(1)).value("notes"), catalogue.find(id_of(1)).value("tempo_bpm")) == ("loud", 90.0)


def test_copies_that_only_hear_of_each_other_write_nothing_anew(copies):
    ours, theirs, _ = copies
    work(ours, "by ours")
    work(theirs, "by theirs")
    carry(theirs, ours)
    with Catalogue.open(ours) as catalogue:
        resolve(catalogue, "ours", "ann")
        write_views(catalogue)
    carry(ours, theirs)
    carry(theirs, ours)
    written = file_in(ours).read_bytes()
    for source, target in ((ours, theirs), (theirs, ours)):
        carry(source, target)
        assert file_in(target).read_bytes() == written


def test_a_file_of_the_version_before_tells_what_was_taken_back(copies):
    ours, theirs, _ = copies
    work(theirs, None)
    file_in(theirs).write_bytes(file_in(theirs).read_bytes().replace(b'"earlier"', b'"taken_back"'))
    shutil.copy(file_in(theirs), file_in(ours))
    with Catalogue.open(ours) as catalogue:
        assert "set aside" not in read_back(catalogue).words()
        assert catalogue.find(id_of(1)).value("notes") is None


def test_who_is_asked_does_not_know_yet_what_the_other_knew(copies):
    ours, theirs, third = copies
    for root in copies:
        work(root, f"by {root.name}")
    assert carry(third, theirs)[1] == [("by second", "by third")]
    with Catalogue.open(theirs) as catalogue:
        resolve(catalogue, "ours", "bob")
        write_views(catalogue)
    assert carry(theirs, ours) == ("by songs", [("by songs", "by second")])
    work(ours, "by songs")  # no news: what stands was said without knowing the third's
    assert carry(ours, third) == ("by third", [("by third", "by songs")])


def test_a_question_that_undo_opened_again_is_not_told_to_be_decided(copies):
    ours, theirs, _ = copies
    work(ours, "by ours")
    work(theirs, "by theirs")
    carry(theirs, ours)
    with Catalogue.open(ours) as catalogue:
        resolve(catalogue, "theirs", "ann")
        write_views(catalogue)
        assert carry(ours, theirs)[1] == []
        history.undo(catalogue, "ann")
        write_views(catalogue)
        assert len(conflicts(catalogue)) == 1
    assert "decided" in json.loads(file_in(theirs).read_bytes()), "of which the other was told"
    assert carry(theirs, ours) == ("by ours", [("by ours", "by theirs")]), "it is asked about still"
    lose_the_catalogue(ours)
    with Catalogue.open(ours) as catalogue:
        assert len(conflicts(catalogue)) == 1


@pytest.mark.parametrize("typed", [{"decision": "skipped", "skip_reason": "typed"}, {"skip_reason": "typed"}])
def test_what_is_typed_into_a_file_of_before_is_no_decision_of_before(copies, typed):
    ours, _, _ = copies
    decide(ours, decision="skipped", skip_reason="noise")
    data = json.loads(file_in(ours).read_bytes())
    decide(ours, decision="flagged")
    file_in(ours).write_text(json.dumps(data | typed | {"modified_at": "2020-01-01T00:00:00.000Z"}))
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        said = [
            catalogue.find(id_of(1)).skip_reason,
            *(one.theirs and one.theirs.value for one in conflicts(catalogue)),
        ]
        assert "typed" in said
