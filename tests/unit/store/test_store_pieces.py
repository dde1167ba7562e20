"""Pieces in the catalogue: found once, again when fingerprints come or go, and in what may only be read."""

import os

import numpy as np
from store_samples import id_of, new_catalogue, sample

from kelly_tui.store import pieces
from kelly_tui.store.catalogue import Catalogue, FeatureRow
from kelly_tui.store.pieces import near_duplicates
from kelly_tui.store.sketches import sketch_of
from kelly_tui.store.splits import reshuffle, split_samples, verify_splits


def put(catalogue: Catalogue, number: int, piece: int, **fields) -> None:
    """A sample whose fingerprint is that of `piece`, all but a third."""
    rng = np.random.default_rng(number)
    members = np.random.default_rng(1000 + piece).integers(0, 1 << 40, 200)[rng.random(200) < 0.67]
    catalogue.add([sample(number, file_path=f"raw/midi/{number}.mid", **fields)])
    features = FeatureRow(id_of(number), "k", f"{number}.json", 9.0, [float(number), 0.5], {}, sketch_of(members))
    catalogue.put_features([features])


def ids(*numbers: int) -> list[str]:
    return sorted(id_of(number) for number in numbers)


def listed(catalogue: Catalogue) -> list[str]:
    return sorted(one.sample_id for one in catalogue.samples("is:duplicate"))


def test_pieces_are_found_listed_and_kept(tmp_path, monkeypatch):
    with new_catalogue(tmp_path) as catalogue:
        for number in range(12):
            put(catalogue, number, piece=number if number < 10 else number - 10)
        assert list(near_duplicates(catalogue)) == sorted(tuple(ids(n, n + 10)) for n in range(2))
        assert listed(catalogue) == ids(0, 1, 10, 11)
        monkeypatch.setattr(pieces, "same_pieces", None)  # nothing is compared again
        assert len(near_duplicates(catalogue)) == 2
        assert verify_splits(catalogue).crossings == []


def test_what_comes_or_goes_is_taken_into_account(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        for number in range(3):
            put(catalogue, number, piece=number)
        assert list(near_duplicates(catalogue)) == []
        put(catalogue, 3, piece=0)
        assert list(near_duplicates(catalogue)) == [tuple(ids(0, 3))]
        put(catalogue, 4, piece=0)
        with catalogue.writing() as db:
            db.execute("DELETE FROM samples WHERE sample_id = ?", (id_of(0),))
        assert list(near_duplicates(catalogue)) == [tuple(ids(3, 4))]
        with catalogue.writing() as db:
            db.execute("DELETE FROM samples WHERE sample_id = ?", (id_of(3),))
        assert list(near_duplicates(catalogue)) == []
        assert listed(catalogue) == []


def test_the_order_of_arrival_does_not_matter(tmp_path):
    found = []
    for folder, order in (("a", range(30)), ("b", reversed(range(30)))):
        (tmp_path / folder).mkdir()
        with new_catalogue(tmp_path / folder) as catalogue:
            for number in order:
                put(catalogue, number, piece=number % 7)
            found.append(list(near_duplicates(catalogue)))
    assert found[0] == found[1]
    assert len(found[0]) == 23


def test_variants_and_generated_music_are_not_asked(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        put(catalogue, 1, piece=1)
        put(catalogue, 2, piece=1, parent_id=id_of(1), root_id=id_of(1), augmentation_type="transpose")
        put(catalogue, 3, piece=1, is_synthetic=True)
        assert list(near_duplicates(catalogue)) == []


def test_another_who_writes_meanwhile_leaves_them_to_be_found_again(tmp_path, monkeypatch):
    with new_catalogue(tmp_path) as catalogue:
        put(catalogue, 1, piece=1)
        put(catalogue, 2, piece=1)
        compare = pieces.same_pieces

        def slowly(*arguments):
            with Catalogue.open(catalogue.root) as other:
                put(other, 3, piece=1)
            return compare(*arguments)

        monkeypatch.setattr(pieces, "same_pieces", slowly)
        assert list(near_duplicates(catalogue)) == [tuple(ids(1, 2))]
        monkeypatch.undo()
        assert len(near_duplicates(catalogue)) == 2


def test_broken_fingerprints_are_like_none(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        for number in range(4):
            put(catalogue, number, piece=number // 2)
        with catalogue.writing() as db:
            db.execute("UPDATE fingerprints SET sketch = ? WHERE sample = 1", (b"\xff\x00\x01",))
            db.execute("UPDATE fingerprints SET sketch = 'text' WHERE sample = 2")
        assert list(near_duplicates(catalogue)) == [tuple(ids(2, 3))]


def test_versions_are_never_cut_and_a_version_that_links_two_splits_enters_none(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        for number in range(60):
            put(catalogue, number, piece=number // 3)
        split_samples(catalogue)
        where = {one.sample_id: one.split for one in catalogue.samples()}
        assert all(len({where[id_of(3 * song + n)] for n in range(3)}) == 1 for song in range(20))
        train = next(n for n in range(60) if where[id_of(n)] == "train")
        test = next(n for n in range(60) if where[id_of(n)] == "test")
        for number, piece in ((100, train // 3), (101, test // 3)):
            put(catalogue, number, piece, sha256="the same file")
        assert sorted(split_samples(catalogue).bridges) == ids(100, 101)
        assert {one.sample_id: one.split for one in catalogue.samples() if one.sample_id in where} == where
        reshuffle(catalogue)
        after = {one.sample_id: one.split for one in catalogue.samples()}
        assert len({after[id_of(n)] for n in (train, test, 100, 101)}) == 1


def test_of_a_dataset_that_may_only_be_read_they_are_found_each_time(tmp_path, monkeypatch):
    with new_catalogue(tmp_path) as catalogue:
        put(catalogue, 1, piece=1)
        put(catalogue, 2, piece=1)
        root = catalogue.root
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who runs some tests, may write anything
    for _ in range(2):
        with Catalogue.open(root) as catalogue:
            assert list(near_duplicates(catalogue)) == [tuple(ids(1, 2))]
            assert listed(catalogue) == []
