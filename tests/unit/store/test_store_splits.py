import hashlib
import random
from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_files import tree
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.store import assign as assigning
from kelly_tui.store.assign import Assignment
from kelly_tui.store.groups import SongNames
from kelly_tui.store.members import Member, Members, Pairs
from kelly_tui.store.splits import reshuffle, split_samples, verify_proof, verify_splits
from kelly_tui.store.views import write_views

RATIOS = (0.8, 0.1, 0.1)
EMOTIONS = ("happy", "sad", "angry")


def member(number: int, **fields) -> Member:
    sample_id = hashlib.sha256(b"%d" % number).hexdigest()[:16]
    root = fields.pop("root", number)
    given = {
        "sample_id": sample_id,
        "root_id": hashlib.sha256(b"%d" % root).hexdigest()[:16],
        "sha256": f"content of {number}",
        "songs": (),
        "label": None,
        "imported": root == number,
        "split": None,
    }
    return Member(**{**given, **fields})


def assign(members: list[Member], ratios, seed: int = 0, near=()) -> Assignment:
    return assigning.assign(Members.of(members), ratios, seed, Pairs.of(near))


def crossings(members: list[Member], near=()) -> Assignment:
    return assigning.crossings(Members.of(members), Pairs.of(near))


def newcomers(members: list[Member], found: Assignment) -> dict[str, str]:
    """The splits of those that were placed, by id."""
    return {members[at].sample_id: SPLITS[found.split[at]] for at in found.placed.tolist()}


def placed(members: list[Member], found: Assignment) -> list[Member]:
    there = newcomers(members, found)
    return [one._replace(split=there.get(one.sample_id, one.split)) for one in members]


def shares(members: list[Member], label: str | None = None) -> list[float]:
    counted = Counter(one.split for one in members if one.imported and (label is None or one.label == label))
    return [100 * counted[split] / sum(counted.values()) for split in SPLITS]


@st.composite
def datasets(draw) -> list[Member]:
    """Songs, duplicates, variants of variants' roots, generated samples."""
    count = draw(st.integers(0, 24))
    members = []
    for number in range(count):
        kind = draw(st.sampled_from(["imported", "imported", "variant", "generated"]))
        song = draw(st.none() | st.integers(0, 7))
        roots = [one for one in members if one.root_id == one.sample_id]
        if kind == "variant" and roots:
            root = draw(st.sampled_from(roots))
            members.append(member(number, imported=False)._replace(root_id=root.root_id))
            continue
        members.append(
            member(
                number,
                sha256=f"content {draw(st.integers(0, 16))}",
                songs=() if song is None or kind == "generated" else (f"song {song}",),
                label=draw(st.sampled_from([None, *EMOTIONS])),
                imported=kind != "generated",
            )
        )
    return sorted(members)


PAIRS = st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=4)


@settings(max_examples=80)
@given(members=datasets(), pairs=PAIRS, seed=st.integers(0, 5))
def test_no_group_is_cut_and_everything_has_a_place(members, pairs, seed):
    near = [(member(a).sample_id, member(b).sample_id) for a, b in pairs]
    found = assign(members, RATIOS, seed, near)
    after = placed(members, found)
    assert found.bridges == []
    assert all(one.split in SPLITS for one in after)
    assert crossings(after, near).crossings == []
    by_id = {one.sample_id: one.split for one in after}
    for key in ("root_id", "sha256"):
        where: dict[str, set] = {}
        for one in after:
            where.setdefault(getattr(one, key), set()).add(one.split)
        assert all(len(splits) == 1 for splits in where.values())
    assert all(by_id[a] == by_id[b] for a, b in near if a in by_id and b in by_id)


@settings(max_examples=80)
@given(members=datasets(), pairs=PAIRS, data=st.data())
def test_newcomers_move_nothing_and_cut_nothing(members, pairs, data):
    first = sorted(one for one in members if data.draw(st.booleans()))
    near = [(member(a).sample_id, member(b).sample_id) for a, b in pairs]
    early = assign(first, RATIOS, 0)
    there = newcomers(first, early)
    second = [one._replace(split=there.get(one.sample_id)) for one in members]
    late = assign(second, RATIOS, 0, near)
    assert not newcomers(second, late).keys() & there.keys()
    after = placed(second, late)
    assert {one.sample_id for one in after if one.split is None} == set(late.bridges)
    if not crossings(second, near).crossings:
        assert crossings(after, near).crossings == []


@settings(max_examples=30)
@given(members=datasets(), seed=st.integers(0, 3))
def test_the_order_in_which_samples_came_does_not_matter(members, seed):
    shuffled = members[:]
    random.Random(seed).shuffle(shuffled)
    members.sort()
    again = newcomers(sorted(shuffled), assign(sorted(shuffled), RATIOS, seed))
    assert again == newcomers(members, assign(members, RATIOS, seed))


def test_shares_within_half_a_point_of_each_label():
    rng = random.Random(5)
    members = []
    for song in range(3000):
        label = EMOTIONS[int(rng.random() ** 2 * 3)]
        for _ in range(rng.choice([1, 1, 2, 3, 8])):
            members.append(member(len(members), songs=(f"song {song}",), label=label))
    after = placed(sorted(members), assign(sorted(members), RATIOS))
    for label in (None, *EMOTIONS):
        assert shares(after, label) == pytest.approx([80, 10, 10], abs=0.5)


def test_as_fair_as_scikit_learn():
    """Ten folds of StratifiedGroupKFold as a judge: one is test, one val, eight train."""
    from sklearn.model_selection import StratifiedGroupKFold

    rng = random.Random(1)
    members = []
    for song in range(300):
        for _ in range(rng.randrange(1, 6)):
            members.append(member(len(members), songs=(f"song {song}",), label=EMOTIONS[song % 3]))
    members.sort()
    after = placed(members, assign(members, RATIOS))
    ours = max(abs(share - want) for label in EMOTIONS for share, want in zip(shares(after, label), (80, 10, 10)))
    labels = np.array([one.label for one in members])
    folds = StratifiedGroupKFold(10).split(labels, labels, [one.songs[0] for one in members])
    theirs = 0.0
    for _, test in folds:
        for label in EMOTIONS:
            share = 100 * (labels[test] == label).sum() / (labels == label).sum()
            theirs = max(theirs, abs(share - 10))
    assert ours <= max(theirs, 0.5)


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_small_sets_have_something_in_every_split(count):
    members = sorted(member(number, label=EMOTIONS[number % 3]) for number in range(count))
    after = placed(members, assign(members, RATIOS))
    assert Counter(one.split for one in after).keys() == set(SPLITS)
    assert Counter(one.split for one in after)["train"] >= count - 2 if count < 9 else True


def test_two_groups_are_not_torn_and_a_ratio_of_zero_gets_nothing():
    members = sorted(member(number) for number in range(2))
    assert set(newcomers(members, assign(members, RATIOS)).values()) <= set(SPLITS)
    many = sorted(member(number) for number in range(50))
    assert Counter(newcomers(many, assign(many, (0.9, 0.1, 0.0))).values()) == {"train": 45, "val": 5}


def test_generated_alone_is_train_and_weighs_nothing():
    members = sorted([*(member(n) for n in range(10)), *(member(n, imported=False) for n in range(100, 400))])
    after = placed(members, assign(members, RATIOS))
    assert {one.split for one in after if not one.imported} == {"train"}
    assert shares(after) == [80, 10, 10]


def test_a_newcomer_that_links_two_splits_enters_none():
    old = [member(0, songs=("a",), split="train"), member(1, songs=("b",), split="test")]
    bridge = member(2, songs=("a", "b"))
    variant = member(3, root=0)
    members = sorted([*old, bridge, variant])
    found = assign(members, RATIOS)
    assert found.bridges == [bridge.sample_id]
    assert newcomers(members, found) == {variant.sample_id: "train"}, (
        "a variant has its root's split whatever else is linked"
    )
    assert found.crossings == []
    after = placed(members, found)
    assert crossings(after).crossings == []


def test_a_crossing_found_later_is_an_error_that_reshuffling_cures():
    old = [member(0, split="train"), member(1, split="test"), *(member(n, split="train") for n in range(2, 12))]
    near = [(old[0].sample_id, old[1].sample_id)]
    found = assign(sorted(old), RATIOS, 0, near)
    assert found.crossings == [(old[0].sample_id, old[1].sample_id)]
    assert not len(found.placed)
    again = sorted(one._replace(split=None) for one in old)
    assert crossings(placed(again, assign(again, RATIOS, 0, near)), near).crossings == []


@pytest.mark.parametrize(
    ("group_by", "source", "song"),
    [
        ("folder", "008/008.mid", "008"),
        ("folder", "008/versions/008-v1.mid", "008"),
        ("folder", "artist/album/happy/x.mid", "artist/album"),
        ("folder", "happy/x.mid", None),
        ("folder", "x.mid", None),
        ("prefix", "happy/0J7lX-Tcx-w_0.mid", "0J7lX-Tcx-w"),
        ("prefix", "Q1_abc_def_12.mid", "Q1_abc_def"),
        ("prefix", "plain.mid", "plain"),
        ("none", "a/b_1.mid", None),
    ],
)
def test_songs(group_by, source, song):
    assert SongNames(DatasetConfig(dataset_id="d", group_by=group_by)).song(source) == song


# -- on the catalogue -------------------------------------------------------------------------------------------------


def songs(catalogue, count: int) -> None:
    catalogue.add(
        sample(number, source=f"{number // 3}_{number % 3}.mid", labels={"emotion": EMOTIONS[number // 3 % 3]})
        for number in range(count)
    )


def test_splits_are_made_listed_and_proved(tmp_path):
    """The faults: never made; a random split put a sibling of 143 of 144 test items into train."""
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        songs(catalogue, 90)
        catalogue.add(
            sample(1000 + n, parent_id=id_of(n), root_id=id_of(n), augmentation_type="transpose",
                   file_path=f"processed/augmented/midi/{n}.mid") for n in range(90)
        )  # fmt: skip
        catalogue.add(sample(2000 + n, is_synthetic=True, file_path=f"raw/synthetic/{n}.mid") for n in range(40))
        catalogue.add([sample(3000, status="silent", file_path="raw/midi/silent.mid")])
        outcome = split_samples(catalogue, seed=3)
        rows = {one.sample_id: one for one in catalogue.samples()}
        lists = {split: (catalogue.layout.splits / f"{split}.txt").read_text().splitlines() for split in SPLITS}
        assert all(listed == sorted(set(listed)) for listed in lists.values())
        assert {split: len(listed) for split, listed in lists.items()} == outcome.splits
        assert {rows[one].origin for one in lists["train"]} == {"imported", "augmented", "generated"}
        assert {rows[one].origin for one in lists["val"] + lists["test"]} == {"imported"}
        where = {one: split for split, listed in lists.items() for one in listed}
        for song in range(30):
            assert len({where[id_of(3 * song + clip)] for clip in range(3)}) == 1
        for variant in (one for one in rows.values() if one.parent_id):
            assert variant.split == rows[variant.root_id].split, "a variant has its root's split, listed or not"
        assert rows[id_of(3000)].split is None

        proof = msgspec.json.decode((catalogue.layout.splits / "PROOF.json").read_bytes())
        assert (proof["crossings"], proof["bridges"], proof["seed"]) == (0, 0, 3)
        assert proof["groups"] == 30 + 40
        assert proof["edges_checked"] == {"root": 90, "content": 0, "song": 60, "near_duplicate": 0}
        assert proof["imported"]["train"]["share"] == pytest.approx(0.8, abs=0.04)
        assert set(proof["imported_by_emotion"]) == set(EMOTIONS)


def test_a_second_split_changes_no_byte_and_newcomers_move_nobody(tmp_path):
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        songs(catalogue, 60)
        split_samples(catalogue)
        write_views(catalogue)
        before = tree(catalogue.root)
        assert split_samples(catalogue).placed == 0
        write_views(catalogue)
        assert tree(catalogue.root) == before
        old = {one.sample_id: one.split for one in catalogue.samples()}
        catalogue.add(
            sample(5000 + n, source=f"{n}_9.mid", labels={"emotion": "sad"}) for n in range(40)
        )  # the first twenty are clips of songs that are there
        assert split_samples(catalogue).placed == 40
        new = {one.sample_id: one.split for one in catalogue.samples()}
        assert old.items() <= new.items()
        assert [new[id_of(5000 + n)] for n in range(20)] == [old[id_of(3 * n)] for n in range(20)]
        assert verify_splits(catalogue).crossings == []


def test_a_crossing_is_seen_in_the_catalogue_and_cured(tmp_path):
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        songs(catalogue, 60)
        split_samples(catalogue)
        with catalogue.writing() as db:
            db.execute("UPDATE samples SET split = 'train'")
            db.execute("UPDATE samples SET split = 'test' WHERE sample_id = ?", (id_of(0),))
        [crossing] = verify_splits(catalogue).crossings
        assert id_of(0) in crossing
        outcome = split_samples(catalogue)
        assert len(outcome.crossings) == 1
        assert "reshuffle" in outcome.words()
        assert msgspec.json.decode((catalogue.layout.splits / "PROOF.json").read_bytes())["crossings"] == 1
        assert reshuffle(catalogue).crossings == []
        assert verify_splits(catalogue).crossings == []


def test_a_duplicate_joins_the_songs_of_all_its_sources(tmp_path):
    with new_catalogue(tmp_path, group_by="folder") as catalogue:
        catalogue.add([sample(1, source="a/x.mid", other_sources=["b/x.mid"]), sample(2, source="a/y.mid"),
                       sample(3, source="b/z.mid")])  # fmt: skip
        assert split_samples(catalogue).groups == 1


def test_the_same_music_in_files_that_differ_is_never_cut(tmp_path):
    """Twenty pieces twice, with one byte more: what extraction finds is equal, and tells that they belong together."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(n, file_path=f"raw/midi/{n}.mid") for n in range(40))
        not_known = "40 imported samples have no features: near-duplicates of them were not looked for"
        assert not_known in split_samples(catalogue).words()
        assert verify_splits(catalogue).crossings == []
        assert msgspec.json.decode((catalogue.layout.splits / "PROOF.json").read_bytes())["not_compared"] == 40
        assert f"NOT KNOWN: {not_known}" in verify_proof(catalogue).lines()
        assert verify_proof(catalogue).holds
        catalogue.put_features(
            [(id_of(n), "k", f"processed/features/{n}.json", 9.0, [float(n % 20), 0.5], {}) for n in range(40)]
        )
        assert any(one.startswith("crossings was 0, is ") for one in verify_proof(catalogue).differences)
        assert verify_splits(catalogue).crossings, "split before anything had listened: it is found, not hidden"
        reshuffle(catalogue)
        assert verify_splits(catalogue).crossings == []
        where = {one.sample_id: one.split for one in catalogue.samples()}
        assert all(where[id_of(n)] == where[id_of(n + 20)] for n in range(20))
        proof = msgspec.json.decode((catalogue.layout.splits / "PROOF.json").read_bytes())
        assert proof["edges_checked"]["near_duplicate"] == 20
        assert "not_compared" not in proof


# -- the proof, derived again ------------------------------------------------------------------------------------------


def test_the_proof_of_nothing_holds(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        split_samples(catalogue, seed=7)
        assert verify_proof(catalogue).holds


def test_where_all_are_set_aside_there_is_nothing_to_place(tmp_path):
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1, status="quarantined")])
        for split in (split_samples, reshuffle):
            outcome = split(catalogue)
            assert (outcome.placed, outcome.groups) == (0, 0)
            assert "no sample is in order" in outcome.words()
        assert verify_proof(catalogue).holds


def test_the_proof_is_derived_again_and_equal(tmp_path):
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        songs(catalogue, 60)
        split_samples(catalogue, seed=7)
        found = verify_proof(catalogue)
        assert found.differences == []
        assert found.holds
        assert found.lines()[-1] == "equal to PROOF.json"
        assert found.proof["edges_crossing"] == dict.fromkeys(("root", "content", "song", "near_duplicate"), 0)


def edit_list(catalogue):
    path = catalogue.layout.splits / "test.txt"
    path.write_text(path.read_text() + id_of(3) + "\n")


def lose_list(catalogue):
    (catalogue.layout.splits / "val.txt").unlink()


def move(catalogue):
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET split = 'val' WHERE sample_id = ?", (id_of(0),))


def arrive(catalogue):
    catalogue.add([sample(777, source="0_9.mid")])


def relabel(catalogue):
    with catalogue.writing() as db:
        db.execute("UPDATE samples SET emotion = 'tense' WHERE sample_id = ?", (id_of(0),))


def forge(catalogue):
    path = catalogue.layout.splits / "PROOF.json"
    path.write_text(path.read_text().replace('"crossings": 0', '"crossings": 0, "checked_by": "nobody"'))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_list, "splits/test.txt lists other samples"),
        (lose_list, "splits/val.txt is gone"),
        (move, "edges_crossing.song was 0, is 2"),
        (arrive, "samples was 60, is 61"),
        (arrive, "1 sample is in no split yet"),
        (relabel, "imported_by_emotion.tense was not there"),
        (forge, "checked_by was nobody, is not there"),
    ],
)
def test_what_is_other_than_the_proof_says_is_said(tmp_path, change, said):
    with new_catalogue(tmp_path, group_by="prefix") as catalogue:
        songs(catalogue, 60)
        split_samples(catalogue)
        assert next(one.split for one in catalogue.samples()) != "val"
        change(catalogue)
        before = tree(catalogue.root)
        found = verify_proof(catalogue)
        assert tree(catalogue.root) == before, "it moves nothing"
        assert not found.holds
        assert any(line.startswith(f"DIFFERS: {said}") for line in found.lines())


def test_bridges_are_listed_with_the_way_out_open(tmp_path):
    with new_catalogue(tmp_path, group_by="folder") as catalogue:
        catalogue.add(sample(n, source=f"{n // 3}/{n}.mid") for n in range(60))
        split_samples(catalogue)
        where = {one.source.split("/")[0]: one.split for one in catalogue.samples()}
        train, test = (next(song for song, split in where.items() if split == want) for want in ("train", "test"))
        catalogue.add([sample(900, source=f"{train}/x.mid", other_sources=[f"{test}/x.mid"])])
        split_samples(catalogue)
        found = verify_proof(catalogue)
        assert found.holds, "a bridge is in no list: nothing crosses"
        assert found.bridges == [(id_of(900), catalogue.get(id_of(900)).file_path)]
        assert any("900.mid" in line for line in found.lines())
        reshuffle(catalogue)
        assert verify_proof(catalogue).bridges == []


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff"])
def test_without_a_proof_it_is_said(tmp_path, content):
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        if content is not None:
            catalogue.layout.splits.mkdir(exist_ok=True)
            (catalogue.layout.splits / "PROOF.json").write_bytes(content)
        with pytest.raises(DatasetError, match=r"no proof"):
            verify_proof(catalogue)
