"""Manifests whose parents can't be, and catalogues that hold such links already: all that follows them ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from store_files import midi, put
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.pipeline.inherit import hand_down
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.descent import GENERATIONS, is_far
from kelly_tui.store.history import edit, undo
from kelly_tui.store.rebuild import last_rebuild
from kelly_tui.store.views import read_back, write_views


def rows_of(root: Path, parents: dict[int, int | None], **more: object) -> list[dict[str, object]]:
    rows = []
    for child, parent in parents.items():
        put(root / f"raw/midi/{child}.mid", midi(child))
        row = {"sample_id": id_of(child), "file_path": f"raw/midi/{child}.mid", "file_type": "midi", **more}
        rows.append(row if parent is None else {**row, "parent_id": id_of(parent), "augmentation": {"transpose": 1}})
    return rows


def strangers(root: Path, parents: dict[int, int | None], **more: object) -> Path:
    put(root / "config.json", json.dumps({"dataset_id": "theirs", "target_model": "melodytransformer"}).encode())
    put(root / "manifest.json", json.dumps({"samples": rows_of(root, parents, **more)}).encode())
    return root


def links(catalogue: Catalogue) -> dict[str, tuple[str | None, str]]:
    return {one.sample_id: (one.parent_id, one.root_id) for one in catalogue.samples()}


def expected(*links: tuple[int, int | None, int]) -> dict[str, tuple[str | None, str]]:
    return {id_of(one): (parent and id_of(parent), id_of(root)) for one, parent, root in links}


@pytest.mark.parametrize(  # the first by name is the root: of 1, 2 and 3 that is 3
    ("parents", "those"),
    [
        ({1: 1, 2: None}, [(1, None, 1), (2, None, 2)]),
        ({2: 1, 1: 2, 3: None}, [(2, None, 1), (1, None, 1), (3, None, 3)]),
        ({3: 1, 1: 2, 2: 3, 4: 3, 5: 4}, [(3, None, 3), (1, None, 3), (2, None, 3), (4, 3, 3), (5, 4, 3)]),
    ],
)
def test_parents_in_a_circle_are_none(tmp_path, parents, those):
    root = strangers(tmp_path / "theirs", parents)
    with Catalogue.open(root) as catalogue:
        assert links(catalogue) == expected(*those)
        cut = [child for child, parent, _ in those if parent is None and parents[child] is not None]
        for child in cut:
            assert catalogue.get(id_of(child)).extra["not_read"] == {"parent_id": id_of(parents[child])}
        said = [one for one in last_rebuild(catalogue).findings if "descends from it" in one]
        assert len(said) == len(cut)
        write_views(catalogue)
    for path in (root / ".kelly").glob("catalogue.sqlite*"):
        path.unlink()
    with Catalogue.open(root) as catalogue:
        assert links(catalogue) == expected(*those), "Kelly's own manifest says it so"
        assert catalogue.get(id_of(cut[0])).extra["not_read"] == {"parent_id": id_of(parents[cut[0]])}


def test_a_chain_is_cut_where_music_has_no_more_generations_and_keeps_its_root(tmp_path):
    last = 2 * GENERATIONS + 3
    root = strangers(tmp_path / "theirs", {1: None, **{one: one - 1 for one in range(2, last + 1)}})
    with Catalogue.open(root) as catalogue:
        found = links(catalogue)
        cut = {1, GENERATIONS + 2, 2 * GENERATIONS + 3}  # each that begins has so many generations below it
        assert {one for one, (parent, _) in found.items() if parent is None} == {id_of(one) for one in cut}
        assert {root_id for _, root_id in found.values()} == {id_of(1)}, "or a split would part them"
        assert len([one for one in last_rebuild(catalogue).findings if "20 generations" in one]) == 2


def test_a_circle_that_is_closed_by_a_new_row_is_cut(tmp_path):
    root = strangers(tmp_path / "theirs", {1: 2})
    with Catalogue.open(root) as catalogue:
        write_views(catalogue)
    manifest = json.loads((root / "manifest.json").read_bytes())
    manifest["samples"] += rows_of(root, {2: 1})
    put(root / "manifest.json", json.dumps(manifest).encode())
    with Catalogue.open(root) as catalogue:
        merge = read_back(catalogue)
        assert links(catalogue) == expected((1, None, 1), (2, None, 1))
        assert sum("descends from it" in line for line in merge.lines) == 2


def test_what_another_program_keeps_under_our_names_is_no_fault(tmp_path):
    root = strangers(tmp_path / "theirs", {1: 1}, not_read=[7], other_annotations="x", annotations={"hue": 3}, split=9)
    with Catalogue.open(root) as catalogue:
        said = catalogue.get(id_of(1)).extra
        assert said["not_read"] == {"not_read": [7], "split": 9, "parent_id": id_of(1)}
        assert said["other_annotations"] == {"other_annotations": "x", "hue": 3}


@pytest.fixture
def with_a_circle(tmp_path):
    """A catalogue that holds one already, with a sample that hangs from it, and a variant that is none of them."""
    with new_catalogue(tmp_path) as catalogue:
        up = {"augmentation": {"transpose": 1}, "root_id": id_of(1)}
        catalogue.add(
            [
                sample(1, parent_id=id_of(2), **up),
                sample(2, parent_id=id_of(1), **up),
                sample(3, parent_id=id_of(2), **up),
                sample(4),
                sample(5, parent_id=id_of(4), augmentation={"transpose": 1}, root_id=id_of(4)),
            ]
        )
        yield catalogue


def keys(catalogue: Catalogue) -> list[object]:
    return [one.value("key") for one in catalogue.samples()]


def test_a_label_in_a_circle_that_is_there_ends(with_a_circle):
    edit(with_a_circle, [Edit(id_of(1), "key", Label("C")), Edit(id_of(4), "key", Label("C"))], "ann")
    assert keys(with_a_circle) == ["C", "C#", "D", "C", "C#"]
    undo(with_a_circle, "ann")
    assert keys(with_a_circle) == [None] * 5


def test_what_is_handed_down_in_a_circle_that_is_there_ends(with_a_circle):
    with_a_circle.put_labels({id_of(1): {"key": Label("C")}, id_of(4): {"key": Label("C")}})
    assert hand_down(with_a_circle) == 1
    assert keys(with_a_circle) == ["C", None, None, "C", "C#"]
    assert hand_down(with_a_circle) == 0
    assert [is_far(with_a_circle.db, id_of(one)) for one in range(1, 6)] == [True, True, True, False, False]


def test_a_label_goes_down_a_chain_of_any_length_that_is_there(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        chain = range(2, 1100)  # more than Python calls within calls
        same = {"augmentation": {"noise": 0.1}, "root_id": id_of(1)}
        catalogue.add([sample(1), *(sample(one, parent_id=id_of(one - 1), **same) for one in chain)])
        edit(catalogue, [Edit(id_of(1), "key", Label("C"))], "ann")
        assert set(keys(catalogue)) == {"C"}
