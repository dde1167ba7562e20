"""A dataset in git: cloned, labelled by two, merged with and without conflict. No label of either is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import annotation_file, history
from kelly_tui.store.annotation_file import read_versions
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.markers import versions
from kelly_tui.store.opinions import blind_opinions, give_opinion
from kelly_tui.store.views import read_back, write_views

OURS, THEIRS = b'{"annotations": {"emotion": "sad"}}\n', b'{"annotations": {"emotion": "happy"}}\n'


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=ann", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def clones(tmp_path) -> tuple[Path, Path]:
    """Two clones of a dataset of six samples, of which one is labelled."""
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number) for number in range(1, 7))
        for number in range(1, 7):
            path = catalogue.root / catalogue.get(id_of(number)).file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        origin = catalogue.root
    say(origin, 1, emotion="neutral")
    git(origin, "init", "-q")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "all")
    for name in ("ours", "theirs"):
        git(tmp_path, "clone", "-q", str(origin), name)
    return tmp_path / "ours", tmp_path / "theirs"


def say(root: Path, number: int, **fields: object) -> None:
    with Catalogue.open(root) as catalogue:
        edits = [Edit(id_of(number), name, Label(value) if value else None) for name, value in fields.items()]
        history.edit(catalogue, edits, root.name)
        write_views(catalogue)


def merge(ours: Path, theirs: Path, *how: str) -> None:
    for root in (ours, theirs):
        git(root, "add", "-A")
        git(root, "commit", "-qm", root.name)
    git(ours, "pull", "-q", *(how or ("--no-rebase",)), str(theirs), "HEAD")


def values(catalogue: Catalogue, number: int) -> dict[str, object]:
    return dict(catalogue.get(id_of(number)).annotations)


def test_git_never_sees_what_is_of_one_machine_in_a_clone_neither(clones):
    ours, _ = clones
    with Catalogue.open(ours):
        assert git(ours, "status", "--porcelain") == ""


def test_files_of_before_that_git_puts_back_are_counted(clones):
    ours, _ = clones
    say(ours, 1, emotion="sad")
    say(ours, 2, emotion="sad")
    say(ours, 3, emotion="sad", notes="typed over below")
    git(ours, "add", "-A")
    git(ours, "commit", "-qm", "a batch")
    say(ours, 1, emotion="happy")
    say(ours, 2, emotion="happy")
    say(ours, 2, emotion="sad")  # again what it was: nothing is lost by the file of before
    say(ours, 3, emotion="happy")
    say(ours, 4, tempo_bpm=90.0, notes="a key that a hand takes out says nothing")
    git(ours, "checkout", "-q", "--", "annotations")
    for number, old, new in ((3, "typed over below", "typed"), (4, ', "tempo_bpm": 90.0', "")):
        edited = ours / f"annotations/{id_of(number)[:2]}/{id_of(number)}.json"
        text = edited.read_text()
        assert old in text
        edited.write_text(text.replace(old, new, 1))
    with Catalogue.open(ours) as catalogue:
        merged = read_back(catalogue)
        assert [values(catalogue, number)["emotion"] for number in (1, 2, 3)] == ["happy", "sad", "happy"]
    assert (merged.taken, merged.outdated) == ([(id_of(3), "notes")], 1)
    assert merged.words().startswith(
        "1 outside edit taken; 1 annotation file is of before later changes, which stand: it is written anew, undo "
    )


def test_what_another_clone_has_not_heard_of_yet_is_no_file_put_back(clones):
    ours, theirs = clones
    say(ours, 1, emotion="sad")
    say(theirs, 4, emotion="happy")
    shutil.copytree(theirs / "annotations", ours / "annotations", dirs_exist_ok=True)
    with Catalogue.open(ours) as catalogue:
        assert read_back(catalogue).outdated == 0


def test_work_on_different_samples_merges_by_itself(clones):
    ours, theirs = clones
    say(ours, 1, emotion="sad")
    say(theirs, 4, emotion="happy")
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        assert values(catalogue, 1) == {"emotion": "sad"}
        assert values(catalogue, 4) == {"emotion": "happy"}
        assert conflicts(catalogue) == []


@pytest.mark.parametrize("how", ["--no-rebase", "--rebase"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["open", "catalogue lost"])
def test_what_git_leaves_to_people_is_a_conflict_and_the_rest_is_taken(clones, how, is_lost):
    ours, theirs = clones
    say(ours, 1, emotion="sad", tempo_bpm=90.0)
    say(theirs, 1, emotion="happy", valence=0.5)
    say(theirs, 4, emotion="angry")
    merge(ours, theirs, how)
    assert b"<<<<<<<" in (ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json").read_bytes()
    if is_lost:
        shutil.rmtree(ours / ".kelly")
    with Catalogue.open(ours) as catalogue:
        words = read_back(catalogue).words()
        assert is_lost or "git left its merge to you" in words
        (conflict,) = [one for one in conflicts(catalogue) if one.sample_id == id_of(1)]
        assert (conflict.field, {conflict.ours.value, conflict.theirs.value}) == ("emotion", {"sad", "happy"})
        assert values(catalogue, 1) == {"emotion": conflict.ours.value, "tempo_bpm": 90.0, "valence": 0.5}
        assert values(catalogue, 4) == {"emotion": "angry"}
        kept = [path for path in (ours / ".kelly/set-aside").iterdir() if b"<<<<<<<" in path.read_bytes()]
        assert {path.name.partition("-")[2] and path.suffix for path in kept} == {".json"}
        resolve(catalogue, "theirs", "ann")
        write_views(catalogue)
        assert b"<<<<<<<" not in (ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json").read_bytes()
        assert b"<<<<<<<" not in (ours / "manifest.json").read_bytes()
        assert read_back(catalogue).words() == ""


def pull(ours: Path, theirs: Path) -> str:
    """What comes of taking in all that the other clone has; nothing of ours is in its way."""
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        words = read_back(catalogue).words()
        write_views(catalogue)
        assert conflicts(catalogue) == []
    return words


def test_who_said_it_stays_and_what_is_taken_in_is_not_written_again(clones):
    ours, theirs = clones
    say(theirs, 1, emotion="happy", decision="flagged")
    say(theirs, 4, emotion="sad", tempo_bpm=90.0)
    assert "set aside" not in pull(ours, theirs)
    with Catalogue.open(theirs) as there, Catalogue.open(ours) as here:
        assert [one.labels for one in here.samples()] == [one.labels for one in there.samples()]
        assert [one.state for one in here.samples()] == [one.state for one in there.samples()]
        assert {one.labels["emotion"].by for one in here.samples() if one.labels} == {"theirs"}
    assert git(ours, "status", "--porcelain", "annotations") == ""


@pytest.mark.parametrize("relabelled", [False, True])
@pytest.mark.parametrize("how", ["undo", "clear"])
def test_what_one_took_back_does_not_come_back_from_the_other(clones, how, relabelled):
    ours, theirs = clones
    if relabelled:
        say(theirs, 4, emotion="peaceful")
    say(theirs, 4, emotion="happy")
    before = "peaceful" if relabelled and how == "undo" else None
    pull(ours, theirs)
    with Catalogue.open(theirs) as catalogue:
        if how == "undo":
            history.undo(catalogue, "theirs")
        else:
            history.edit(catalogue, [Edit(id_of(4), "emotion", None)], "theirs")
        write_views(catalogue)
        said = catalogue.get(id_of(4))
    for one, other in ((ours, theirs), (theirs, ours), (ours, theirs)):
        pull(one, other)
        with Catalogue.open(one) as catalogue:
            now = catalogue.get(id_of(4))
            assert now.value("emotion") == before
            assert (now.labels, now.state) == (said.labels, said.state)


@pytest.mark.parametrize("is_lost", [False, True], ids=["open", "catalogue lost"])
def test_what_one_took_back_does_not_come_back_with_lines_that_git_put_together(clones, is_lost):
    ours, theirs = clones
    say(ours, 1, notes="o")
    pull(theirs, ours)
    with Catalogue.open(ours) as catalogue:
        history.edit(catalogue, [Edit(id_of(1), "emotion", None)], "ours")
        write_views(catalogue)
    say(theirs, 1, notes="c")
    merge(ours, theirs)
    merged = (ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json").read_bytes()
    assert merged.count(b'"neutral"') > merged.count(b'"emotion": {'), "the value is there without who said it"
    if is_lost:
        shutil.rmtree(ours / ".kelly")
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        assert catalogue.get(id_of(1)).value("emotion") is None
        assert catalogue.get(id_of(1)).decision == "pending"
        said = {values(catalogue, 1).get("notes")} | {one.theirs.value for one in conflicts(catalogue)}
        assert "c" in said


def test_what_one_says_once_more_after_it_was_decided_is_asked_about_again(clones):
    ours, theirs = clones
    for word in ("o", "o2"):
        say(ours, 1, emotion="sad", notes=word)
        say(ours, 1, emotion="happy")
        say(theirs, 1, emotion="angry")
        merge(ours, theirs)
        with Catalogue.open(ours) as catalogue:
            read_back(catalogue)
            asked = [(one.ours.value, one.theirs.value) for one in conflicts(catalogue) if one.field == "emotion"]
            assert asked == [("happy", "angry")]
            resolve(catalogue, "ours", "ours")
            write_views(catalogue)
        pull(theirs, ours)
        with Catalogue.open(theirs) as catalogue:
            assert values(catalogue, 1)["emotion"] == "happy", "what was decided is heard"


def test_what_a_manifest_alone_says_was_cleared_is_asked_about(clones):
    ours, theirs = clones
    say(ours, 1, emotion="neutral", notes="loud")
    say(theirs, 4, notes="soft")
    with Catalogue.open(theirs) as catalogue:
        history.edit(catalogue, [Edit(id_of(1), "emotion", None)], "theirs")
        write_views(catalogue)
    shutil.copy(theirs / "manifest.json", ours / "manifest.json")
    with Catalogue.open(ours) as catalogue:
        words = read_back(catalogue).words()
        asked = [(one.sample_id, one.field, one.ours.value, one.theirs) for one in conflicts(catalogue)]
        assert (asked, "set aside" in words) == ([(id_of(1), "emotion", "neutral", None)], False)
        assert catalogue.get(id_of(1)).refused == []
        assert values(catalogue, 4) == {"notes": "soft"}
        resolve(catalogue, "theirs", "ann")
        assert (values(catalogue, 1), catalogue.get(id_of(1)).refused) == ({"notes": "loud"}, ["emotion"])


def test_what_one_took_back_does_not_come_back_with_what_the_other_says_besides(clones):
    ours, theirs = clones
    say(theirs, 4, emotion="happy")
    pull(ours, theirs)
    with Catalogue.open(theirs) as catalogue:
        history.undo(catalogue, "theirs")
        write_views(catalogue)
    say(ours, 4, notes="loud")
    pull(theirs, ours)
    pull(ours, theirs)
    for root in clones:
        with Catalogue.open(root) as catalogue:
            read_back(catalogue)
            assert (values(catalogue, 4), conflicts(catalogue)) == ({"notes": "loud"}, [])


def test_where_only_manifests_are_shared_each_label_of_either_is_taken_or_asked_about(clones):
    ours, theirs = clones
    for root in clones:
        (root / ".git/info/exclude").write_text("annotations\n")
        git(root, "rm", "-rq", "--cached", "annotations")
        say(root, 2, notes="both have it")
    say(theirs, 1, emotion="happy", valence=0.5)
    say(theirs, 4, emotion="sad")
    say(ours, 1, emotion="tense", tempo_bpm=90.0)
    say(ours, 4, decision="skipped")
    merge(ours, theirs)
    assert b"<<<<<<<" in (ours / "manifest.json").read_bytes()
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        asked = {(one.sample_id, one.field, one.ours.value, one.theirs.value) for one in conflicts(catalogue)}
        assert (id_of(1), "emotion", "tense", "happy") in asked
        assert {field for sample_id, field, *_ in asked if sample_id == id_of(1)} == {"emotion"}
        assert values(catalogue, 1) == {"emotion": "tense", "tempo_bpm": 90.0, "valence": 0.5}
        assert values(catalogue, 4)["emotion"] == "sad"
        assert catalogue.get(id_of(4)).labels["emotion"].by == "theirs"


@pytest.mark.parametrize("is_lost", [False, True], ids=["open", "catalogue lost"])
def test_a_field_that_a_merge_by_hand_left_twice_is_a_conflict(clones, is_lost):
    ours, _ = clones
    say(ours, 1, emotion="sad", valence=0.5)
    path = ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json"
    merged = path.read_bytes().replace(b'"emotion": "sad",', b'"emotion": "sad",\n    "emotion": "happy",')
    path.write_bytes(merged)
    if is_lost:
        shutil.rmtree(ours / ".kelly")
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        (conflict,) = conflicts(catalogue)
        assert (conflict.field, conflict.ours.value, conflict.theirs.value) == ("emotion", "sad", "happy")
        assert values(catalogue, 1) == {"emotion": "sad", "valence": 0.5}
        assert merged in [kept.read_bytes() for kept in (ours / ".kelly/set-aside").iterdir()]


@pytest.mark.parametrize(
    "twice",
    [
        '{"annotations": {"emotion": "sad", "emotion": "happy"}}',
        '{"annotations": {"emotion": "sad"}, "annotations": {"emotion": "happy"}}',
        '\ufeff{"emotion": "sad", "key": "C", "emotion" : "happy"}',
        '{"annotations": {"emotion": "happy"}, "decision": "skipped", "decision": "labelled"}',
    ],
)
def test_what_another_program_says_twice_is_of_two(twice):
    first, last = read_versions(twice.encode(), id_of(1))
    assert (first.values, first.state) != (last.values, last.state)
    assert last.values["emotion"] == "happy"
    assert {**first.values, **first.state}.get("decision", first.values["emotion"]) in ("sad", "skipped")


@pytest.mark.parametrize("number", [1, 2])
def test_what_kelly_writes_is_of_one(clones, number):
    ours, _ = clones
    say(ours, number, emotion="sad", chord_progression=["C"], notes='"emotion": "sad", "emotion": ', decision="flagged")
    path = ours / f"annotations/{id_of(number)[:2]}/{id_of(number)}.json"
    assert len(read_versions(path.read_bytes(), id_of(number))) == 1


def test_a_correction_that_is_pulled_is_taken_by_the_samples_file_and_asked_of_nobody(clones):
    ours, theirs = clones
    with Catalogue.open(ours) as catalogue:
        write_views(catalogue)
    say(theirs, 1, emotion="happy")
    git(theirs, "commit", "-qam", "theirs")
    git(ours, "checkout", "-q", "--", ".")
    git(ours, "pull", "-q", str(theirs), "HEAD")
    with Catalogue.open(ours) as catalogue:
        assert (id_of(1), "emotion") in read_back(catalogue).taken
        assert conflicts(catalogue) == []
        assert values(catalogue, 1) == {"emotion": "happy"}


@pytest.mark.parametrize("how", [("--no-rebase",), ("--no-rebase", "-X", "theirs")], ids=["marked", "-X theirs"])
def test_a_correction_stands_where_the_other_says_something_else_of_the_sample(clones, how):
    ours, theirs = clones
    say(theirs, 1, tempo_bpm=41.0)
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
    say(ours, 1, tempo_bpm=43.0)
    say(theirs, 1, notes="of theirs")
    merge(ours, theirs, *how)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        assert values(catalogue, 1) == {"emotion": "neutral", "tempo_bpm": 43.0, "notes": "of theirs"}
        assert conflicts(catalogue) == []


def test_what_a_person_said_comes_before_a_guess_where_git_left_both(clones):
    ours, theirs = clones
    with Catalogue.open(ours) as catalogue:
        catalogue.put_labels({id_of(1): {"tempo_bpm": Label(140.2, "detector", "kelly")}})
        write_views(catalogue)
    say(theirs, 1, tempo_bpm=101.0)
    merge(ours, theirs)
    assert b"<<<<<<<" in (ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json").read_bytes()
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        label = catalogue.get(id_of(1)).labels["tempo_bpm"]
        assert (label.value, label.source, label.by) == (101.0, "human", "theirs")
        assert conflicts(catalogue) == []


@pytest.mark.parametrize("how", ["--no-rebase", "--rebase"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["open", "catalogue lost"])
def test_what_both_said_blind_is_all_there(clones, how, is_lost):
    for root, others in zip(clones, (2, 3), strict=True):
        with Catalogue.open(root) as catalogue:
            give_opinion(catalogue, id_of(1), {"valence": 0.5}, root.name)
            give_opinion(catalogue, id_of(others), {"valence": 0.5}, root.name)
            history.edit(catalogue, [Edit(id_of(others + 2), "decision", Label("flagged"))], root.name)
            write_views(catalogue)
    ours, theirs = clones
    merge(ours, theirs, how)
    if is_lost:
        shutil.rmtree(ours / ".kelly")
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        said = sorted((one.sample_id, one.annotator) for one in blind_opinions(catalogue))
        wanted = [(1, "ours"), (1, "theirs"), (2, "ours"), (3, "theirs")]
        assert said == sorted((id_of(number), who) for number, who in wanted)
        assert [catalogue.get(id_of(number)).decision for number in (4, 5)] == ["flagged"] * 2


def test_samples_that_both_have_brought_are_all_there(clones):
    for number, root in enumerate(clones, 7):
        with Catalogue.open(root) as catalogue:
            catalogue.add([sample(number)])
            path = root / catalogue.get(id_of(number)).file_path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        say(root, number, emotion="sad" if number == 7 else "happy")
    ours, theirs = clones
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        assert [values(catalogue, number) for number in (7, 8)] == [{"emotion": "sad"}, {"emotion": "happy"}]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"<<<<<<< HEAD\n" + OURS + b"=======\n" + THEIRS + b">>>>>>> x\n", [OURS, THEIRS]),
        (b"a\n<<<<<<< HEAD\nb\n||||||| base\nc\n=======\nd\n>>>>>>> x\ne\n", [b"a\nb\ne\n", b"a\nd\ne\n"]),
        (b"<<<<<<< HEAD\n" + OURS, None),
        (OURS + b"=======\n", None),
        (OURS, None),
        (b"", None),
    ],
    ids=["two", "with a base", "cut", "only one mark", "none", "empty"],
)
def test_the_versions_of_a_file(raw, found):
    assert versions(raw) == (found or [raw])


def test_no_label_is_put_together_by_git_of_two(clones):
    """Of two rows of chords that differ in one each it made a third, by elements, that nobody had said."""
    ours, theirs = clones
    say(theirs, 1, chord_progression=["C", "G", "Am", "F", "Dm", "Em"])
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
    say(ours, 1, chord_progression=["C", "E", "Am", "F", "Dm", "Em"])
    say(theirs, 1, chord_progression=["C", "G", "Am", "F", "Dm", "Bb"])
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        [conflict] = conflicts(catalogue)
        assert [values(catalogue, 1)["chord_progression"], conflict.theirs.value] == [
            ["C", "E", "Am", "F", "Dm", "Em"],
            ["C", "G", "Am", "F", "Dm", "Bb"],
        ]


def test_a_label_that_was_given_again_is_not_taken_for_the_one_that_was_replaced(clones):
    """Its line was as before, so that git put the other's there, as if it were by whom had given this one again."""
    ours, theirs = clones
    say(theirs, 1, tags=["q"])
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
    say(ours, 1, tags=["p"])
    for again in (None, ["q"]):
        say(theirs, 1, tags=again)
    say(theirs, 1, notes="z")
    merge(ours, theirs)
    with Catalogue.open(ours) as catalogue:
        read_back(catalogue)
        [conflict] = conflicts(catalogue)
        assert (values(catalogue, 1)["tags"], conflict.theirs.value) == (["p"], ["q"])


def test_files_as_an_earlier_version_laid_them_out_are_no_edit(clones):
    """It gave each element of a list a line, and all names in their order."""
    ours, _ = clones
    say(ours, 1, chord_progression=["C", "G"])
    path = ours / f"annotations/{id_of(1)[:2]}/{id_of(1)}.json"
    before = json.dumps(json.loads(path.read_text()), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert path.read_text() != before
    path.write_text(before)
    with Catalogue.open(ours) as catalogue:
        assert read_back(catalogue).words() == ""
        sample = catalogue.get(id_of(1))
        assert sample is not None
        assert annotation_file.is_of(sample, catalogue.db, ours, path)
