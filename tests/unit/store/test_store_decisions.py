"""What a person decided of a sample (flags, skips, refusals) in the views: there at once, read back, never lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import Edit
from kelly_tui.store import annotation_file
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.history import edit, undo
from kelly_tui.store.views import export_annotations, read_back, write_views


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add([sample(number) for number in range(1, 5)])
        for one in opened.samples():
            path = opened.root / one.file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.sample_id.encode())
        write_views(opened)
        yield opened


def decide(catalogue: Catalogue, number: int, by: str = "ann", **state: Value | None) -> None:
    edit(
        catalogue,
        [Edit(id_of(number), name, None if value is None else Label(value)) for name, value in state.items()],
        by,
    )


def file_of(catalogue: Catalogue, number: int) -> dict[str, Any]:
    return dict(json.loads(catalogue.layout.annotation_path(id_of(number)).read_bytes()))


def edit_file(catalogue: Catalogue, number: int, **said: object) -> None:
    catalogue.layout.annotation_path(id_of(number)).write_text(json.dumps({**file_of(catalogue, number), **said}))


def edit_row(catalogue: Catalogue, number: int, **said: object) -> None:
    path = catalogue.layout.manifest_path
    data = json.loads(path.read_bytes())
    next(row for row in data["samples"] if row["sample_id"] == id_of(number)).update(said)
    path.write_text(json.dumps(data))


def state(catalogue: Catalogue, number: int) -> dict[str, Value | None]:
    found = catalogue.get(id_of(number))
    assert found is not None
    return {name: value for name, value in found.state.items() if value not in (None, False)}


def without_catalogue(catalogue: Catalogue) -> Catalogue:
    catalogue.close()
    for path in catalogue.layout.catalogue_path.parent.glob("catalogue.sqlite*"):
        path.unlink()
    return Catalogue.open(catalogue.root)


def test_what_was_decided_is_in_the_file_at_once_and_comes_back_from_it(catalogue: Catalogue) -> None:
    decide(catalogue, 1, decision="flagged")
    decide(catalogue, 2, decision="skipped", skip_reason="hiss")
    decide(catalogue, 3, refused=["emotion:sad"], rejected=True)
    export_annotations(catalogue)  # no more is written after an edit
    assert file_of(catalogue, 1)["decision"] == "flagged"
    before = list(catalogue.samples())
    with without_catalogue(catalogue) as again:
        assert [one.state for one in again.samples()] == [one.state for one in before]
        assert state(again, 2) == {"decision": "skipped", "skip_reason": "hiss"}
        assert export_annotations(again).annotations == 0, "each file says what it said"


def test_what_was_taken_back_stays_taken_back_whatever_the_manifest_says(catalogue: Catalogue) -> None:
    decide(catalogue, 1, decision="skipped", skip_reason="hiss")
    write_views(catalogue)
    undo(catalogue, "ann")
    export_annotations(catalogue)
    assert file_of(catalogue, 1)["decision"] == "pending"
    assert "skip_reason" not in file_of(catalogue, 1)
    with without_catalogue(catalogue) as again:
        assert state(again, 1) == {"decision": "pending"}


def test_a_file_of_an_earlier_version_says_nothing_of_decisions(catalogue: Catalogue) -> None:
    decide(catalogue, 1, decision="flagged")
    write_views(catalogue)
    data = file_of(catalogue, 1)
    del data["decision"], data["modified_at"]
    catalogue.layout.annotation_path(id_of(1)).write_text(json.dumps(data))
    read_back(catalogue)
    assert state(catalogue, 1) == {"decision": "flagged"}
    catalogue.layout.annotation_path(id_of(1)).write_text(json.dumps(data))
    with without_catalogue(catalogue) as again:
        assert state(again, 1) == {"decision": "flagged"}, "the manifest does"


@pytest.mark.parametrize("change", [edit_file, edit_row])
def test_what_is_decided_in_a_view_is_taken(catalogue: Catalogue, change: Any) -> None:
    decide(catalogue, 1, decision="skipped", skip_reason="hiss")
    decide(catalogue, 2, decision="flagged")
    decide(catalogue, 3, decision="flagged")
    write_views(catalogue)
    change(catalogue, 1, decision="labelled")
    read_back(catalogue)
    write_views(catalogue)
    change(catalogue, 2, decision="pending")
    read_back(catalogue)
    write_views(catalogue)
    change(catalogue, 3, decision="skipped", skip_reason="clips", rejected=True)
    assert len(read_back(catalogue).taken) == 3
    assert state(catalogue, 1) == {"decision": "labelled"}, "which needs no reason"
    assert state(catalogue, 2) == {"decision": "pending"}
    assert state(catalogue, 3) == {"decision": "skipped", "skip_reason": "clips", "rejected": True}
    write_views(catalogue)
    assert read_back(catalogue).words() == ""


@pytest.mark.parametrize("change", [edit_file, edit_row])
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_where_both_decided_somebody_decides_and_the_reason_goes_along(
    catalogue: Catalogue, change: Any, side: Any
) -> None:
    decide(catalogue, 1, refused=["valence"])
    write_views(catalogue)
    decide(catalogue, 1, decision="flagged")
    change(catalogue, 1, decision="skipped", skip_reason="hiss", refused=["valence", "emotion:sad"])
    merge = read_back(catalogue)
    assert merge.conflicts == [(id_of(1), "decision"), (id_of(1), "skip_reason")]
    assert state(catalogue, 1) == {"decision": "flagged", "refused": ["valence", "emotion:sad"]}
    with without_catalogue(catalogue) if not write_views(catalogue).held_back else catalogue as again:
        (one, _) = conflicts(again)
        assert (one.ours, one.theirs) == (Label("flagged"), Label("skipped"))
        resolve(again, side, "ann")
        wanted = {"decision": "flagged"} if side == "ours" else {"decision": "skipped", "skip_reason": "hiss"}
        assert state(again, 1) == {**wanted, "refused": ["valence", "emotion:sad"]}
        assert conflicts(again) == []


@pytest.mark.parametrize("way", ["ours", "theirs", "another", "ours is none"])
def test_what_was_decided_after_the_manifest_does_not_come_up_again_when_the_catalogue_is_lost(
    catalogue: Catalogue, way: str
) -> None:
    edit(catalogue, [Edit(id_of(1), "emotion", Label("happy")), Edit(id_of(1), "key", Label("C"))], "ann")
    write_views(catalogue)
    ours = None if way == "ours is none" else Label("sad")
    edit(catalogue, [Edit(id_of(1), "emotion", ours), Edit(id_of(1), "key", Label("D"))], "ann")
    edit_file(catalogue, 1, annotations={"emotion": "tense", "key": "E"})
    write_views(catalogue)
    both = conflicts(catalogue)
    assert [one.field for one in both] == ["emotion", "key"]
    emotion = [one for one in both if one.field == "emotion"]
    if way == "another":
        edit(catalogue, [Edit(id_of(1), "emotion", Label("angry"))], "ann")
    else:
        resolve(catalogue, "theirs" if way == "theirs" else "ours", "ann", emotion)
    labels = catalogue.get(id_of(1)).labels
    export_annotations(catalogue)  # the manifest is written when there is time
    again = without_catalogue(catalogue)
    assert [one.field for one in conflicts(again)] == ["key"]
    assert again.get(id_of(1)).labels == labels
    export_annotations(again)
    assert read_back(again).words() == ""
    with without_catalogue(again) as once_more:  # it is still in the same manifest
        assert [one.field for one in conflicts(once_more)] == ["key"]
        edit(once_more, [Edit(id_of(1), "key", Label("F"))], "ann")
        undo(once_more, "ann")
        export_annotations(once_more)
        with without_catalogue(once_more) as undone:
            assert [one.field for one in conflicts(undone)] == ["key"], "taken back, it is open again"


@pytest.mark.parametrize("change", [edit_file, edit_row])
def test_what_can_be_no_decision_is_refused_and_kept(catalogue: Catalogue, change: Any) -> None:
    decide(catalogue, 1, decision="flagged")
    write_views(catalogue)
    change(catalogue, 1, decision="perhaps", rejected=[1], refused="")
    merge = read_back(catalogue)
    assert sorted(name for _, name, _ in merge.refused) == ["decision", "rejected"]
    assert state(catalogue, 1) == {"decision": "flagged"}
    kept = [path.read_bytes() for path in (catalogue.layout.kelly_dir / "set-aside").iterdir()]
    assert any(b"perhaps" in data for data in kept)


@pytest.mark.parametrize(("theirs", "listed"), [("skipped", 1), ("pending", 0), ("flagged", 0)])
def test_what_another_copy_of_the_dataset_decided_does_not_pass_for_an_edit(
    catalogue: Catalogue, theirs: str, listed: int
) -> None:
    """Its revisions are counted as ours are, and mean something else."""
    decide(catalogue, 1, decision="flagged")
    write_views(catalogue)
    there = sample(1, decision=theirs, rev=1, modified_at="2020-01-01T00:00:00.000Z")
    catalogue.layout.annotation_path(id_of(1)).write_bytes(annotation_file.render(there, {}))
    assert len(read_back(catalogue).conflicts) == listed
    assert state(catalogue, 1) == {"decision": "flagged"}
    there = sample(2, decision=theirs, rev=1, modified_at="2020-01-01T00:00:00.000Z")
    path = catalogue.layout.annotation_path(id_of(2))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(annotation_file.render(there, {}))
    read_back(catalogue)
    assert state(catalogue, 2) == {"decision": theirs}, "nobody had decided that here"


def test_an_older_revision_of_our_own_is_the_base_of_what_was_edited_in_it(catalogue: Catalogue) -> None:
    decide(catalogue, 1, decision="flagged")
    write_views(catalogue)
    older = file_of(catalogue, 1)
    decide(catalogue, 1, decision="labelled")
    write_views(catalogue)
    catalogue.layout.annotation_path(id_of(1)).write_text(json.dumps({**older, "rejected": True}))
    assert read_back(catalogue).taken == [(id_of(1), "rejected")]
    assert state(catalogue, 1) == {"decision": "labelled", "rejected": True}


def test_both_sides_of_a_merge_that_git_left_to_people(catalogue: Catalogue) -> None:
    path = catalogue.layout.annotation_path(id_of(1))
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        '<<<<<<< HEAD\n{"annotations": {}, "decision": "flagged"}\n=======\n'
        '{"annotations": {}, "decision": "skipped", "skip_reason": "hiss"}\n>>>>>>> x\n'
    )
    with without_catalogue(catalogue) as again:
        assert state(again, 1) == {"decision": "flagged"}
        assert {one.field: one.theirs and one.theirs.value for one in conflicts(again)} == {
            "decision": "skipped",
            "skip_reason": "hiss",
        }
