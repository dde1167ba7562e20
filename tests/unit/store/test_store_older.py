"""Yesterday's catalogue beside today's views: what the views know is not lost, and no split is dealt anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.store import older
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.history import edit, history, undo
from kelly_tui.store.splits import reshuffle, split_samples
from kelly_tui.store.views import read_back, write_views

MANY = 70


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Samples of which some are labelled, all views written; two of them have a conflict."""
    with new_catalogue(tmp_path) as opened:
        opened.add([sample(number, source=f"in/{number}.mid") for number in range(MANY)])
        say(opened, "emotion", "sad", range(3))
        write_views(opened)
        say(opened, "emotion", "tense", (0, 1))
        for number in (0, 1):
            path = opened.layout.annotation_path(id_of(number))
            path.write_bytes(path.read_bytes().replace(b'"sad"', b'"happy"'))
        write_views(opened)
        assert len(conflicts(opened)) == 2
        yield opened


def say(catalogue: Catalogue, field: str, value: object, numbers: object, by: str = "ann") -> None:
    label = None if value is None else Label(value)  # type: ignore[arg-type]
    edit(catalogue, [Edit(id_of(number), field, label) for number in numbers], by)  # type: ignore[attr-defined]


def samples(catalogue: Catalogue) -> dict[str, Sample]:
    """All but what no view tells: a catalogue made of views has not found that no file is there."""
    return {one.sample_id: msgspec.structs.replace(one, status="ok") for one in catalogue.samples()}


def a_day_later(catalogue: Catalogue, day: Callable[[Catalogue], None]) -> tuple[Catalogue, dict[str, Sample]]:
    """The catalogue as it was before that day, opened beside the views as they are after; and what was in it then."""
    path, kept = catalogue.layout.catalogue_path, catalogue.root.parent / "backup"
    catalogue.close()
    shutil.copy(path, kept)
    with Catalogue.open(catalogue.root) as working:
        day(working)
        write_views(working)
        wanted = samples(working)
    shutil.copy(kept, path)
    return Catalogue.open(catalogue.root), wanted


def work(catalogue: Catalogue) -> None:
    split_samples(catalogue, seed=7)
    say(catalogue, "emotion", "angry", range(2, 60))
    say(catalogue, "emotion", None, (5,))
    say(catalogue, "decision", "flagged", range(60, 65))
    guess = Label("C", "detector", "kelly key 1", confidence=0.5)
    catalogue.put_labels({id_of(number): {"key": guess} for number in range(8)})
    resolve(catalogue, "ours", "ann", conflicts(catalogue)[:1])
    catalogue.add([sample(MANY, source="in/new.mid")])
    split_samples(catalogue)


def test_what_the_views_know_is_taken_from_them_and_said(catalogue: Catalogue) -> None:
    again, wanted = a_day_later(catalogue, work)
    with again:
        said = read_back(again).words()
        assert said == (
            "the catalogue was older than the views, as one from a backup is; what they know was taken from them:"
            f" labels and decisions of 65 samples, {MANY} splits, 1 sample that it lacked is back"
        )
        assert samples(again) == wanted
        assert [one.sample_id for one in conflicts(again)] == [id_of(1)]
        assert split_samples(again).placed == 0
        write_views(again)
        assert read_back(again).words() == ""
        assert samples(again) == wanted
        undo(again, "ann")
        assert again.get(id_of(0)).value("emotion") == "sad", "its own history is still there"
        assert {event.actor for event in history(again, limit=1000)} == {"ann", older.ACTOR}


def said(catalogue: Catalogue) -> str:
    told: list[str] = []
    older.tell_if_behind(catalogue, told.append)
    return " ".join(told)


def test_who_only_looks_is_told_by_the_manifests_last_line(catalogue: Catalogue) -> None:
    write_views(catalogue)
    assert said(catalogue) == ""
    again, _ = a_day_later(catalogue, work)
    with again:
        path = again.layout.manifest_path
        whole = path.read_bytes()
        path.write_bytes(b"\xff" * 10_000 + whole[whole.rindex(b'\n"kelly"') :])
        assert "the catalogue is older than the views" in said(again)
        for torn in (b"", whole[:-9], whole + b" " * 9999, b'{"samples": []}'):
            path.write_bytes(torn)
            assert said(again) == ""
        path.write_bytes(whole)
        read_back(again)
        assert said(again) == ""


@pytest.mark.parametrize("day", [split_samples, lambda catalogue: split_samples(catalogue, seed=7)])
def test_splits_alone_are_taken_too(catalogue: Catalogue, day: Callable[[Catalogue], None]) -> None:
    again, wanted = a_day_later(catalogue, day)
    with again:
        assert f"0 samples, {MANY} splits" in read_back(again).words()
        assert split_samples(again, seed=0).placed == 0
        assert samples(again) == wanted


def test_splits_that_were_dealt_anew_are_those_of_the_views(catalogue: Catalogue) -> None:
    split_samples(catalogue)
    write_views(catalogue)
    again, wanted = a_day_later(catalogue, lambda working: reshuffle(working, seed=9))  # type: ignore[arg-type,return-value]
    with again:
        write_views(again)  # which reads back what is in its way
        assert samples(again) == wanted


def test_killed_while_it_catches_up_it_goes_on(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    again, wanted = a_day_later(catalogue, work)
    monkeypatch.setattr(older, "_BATCH", 10)
    taken = older._CatchingUp._take_rows
    left = iter(range(3))

    def cut_short(self: older._CatchingUp, rows: list) -> None:  # type: ignore[type-arg]
        next(left)
        taken(self, rows)

    with again, monkeypatch.context() as patched:
        patched.setattr(older._CatchingUp, "_take_rows", cut_short)
        with pytest.raises(StopIteration):
            read_back(again)
    with Catalogue.open(catalogue.root) as once_more:
        read_back(once_more)
        assert samples(once_more) == wanted


def test_views_of_a_copy_do_not_make_a_catalogue_older(catalogue: Catalogue, tmp_path: Path) -> None:
    write_views(catalogue)
    other = tmp_path / "copy"
    catalogue.close()
    shutil.copytree(catalogue.root, other)
    with Catalogue.open(other) as copied:
        say(copied, "emotion", "happy", (2, 3, 4))
        say(copied, "emotion", "peaceful", (2,))
        write_views(copied)
    with Catalogue.open(catalogue.root) as ours:
        say(ours, "emotion", "angry", (2,))
        write_views(ours)
        for name in ("manifest.json", *(f"annotations/{id_of(n)[:2]}/{id_of(n)}.json" for n in (2, 3, 4))):
            (ours.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(other / name, ours.root / name)
        assert said(ours) == ""
        merge = read_back(ours)
        assert merge.caught_up == ""
        assert ours.get(id_of(2)).value("emotion") == "angry" or merge.taken
        assert {"angry"} <= {
            label.value for event in history(ours, id_of(2)) for label in [event.old, event.new] if label
        }


def test_a_catalogue_that_was_moved_with_its_dataset_is_still_the_same(catalogue: Catalogue, tmp_path: Path) -> None:
    name = older.lineage(catalogue.db).catalogue
    assert name
    catalogue.close()
    moved = tmp_path / "moved"
    shutil.move(catalogue.root, moved)
    with Catalogue.open(moved) as again:
        write_views(again)
        assert older.lineage(again.db).catalogue == name
