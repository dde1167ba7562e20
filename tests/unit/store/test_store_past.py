"""The dataset as of a moment is what was read at that moment."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.errors import DatasetError, KellyError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts
from kelly_tui.store.opinions import blind_opinions, give_opinion
from kelly_tui.store.past import Past, read_moment
from tests.unit.store.store_samples import id_of, new_catalogue, sample

SAID = st.one_of(
    st.tuples(st.just("emotion"), st.sampled_from([None, "happy", "sad"])),
    st.tuples(st.just("key"), st.sampled_from([None, "C", "A"])),
    st.tuples(st.just("tags"), st.sampled_from([None, ["a"], ["a", "b"]])),
    st.tuples(st.just("decision"), st.sampled_from(["skipped", "flagged", None])),
    st.tuples(st.just("rejected"), st.booleans()),
    st.tuples(st.just("refused"), st.sampled_from([None, ["emotion:sad"]])),
)
DOES = st.one_of(
    st.tuples(st.just("edit"), st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), SAID),
    st.tuples(st.sampled_from(["undo", "redo"])),
    st.tuples(st.just("stage"), st.integers(0, 4), st.sampled_from(["D", "E"])),
)


def state(catalogue: Catalogue) -> tuple[list[dict[str, Any]], dict[Any, int]]:
    """Everything that is said of the samples, and the counts."""
    names = ("sample_id", "labels", "decision", "rejected", "refused", "rev")
    told = [{name: getattr(one, name) for name in names} for one in catalogue.samples()]
    counted = catalogue.db.execute("SELECT facet, value, origin, n FROM counts WHERE n > 0").fetchall()
    return told, {row[:3]: row[3] for row in counted}


@settings(max_examples=12, deadline=None)
@given(st.lists(DOES, min_size=1, max_size=12), st.data())
def test_as_of_any_event_it_is_what_was_read_then(does: list[Any], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder, new_catalogue(Path(folder)) as catalogue:
        catalogue.add(sample(n, labels={"emotion": "tense"} if n == 2 else {}) for n in range(4))
        catalogue.add([sample(4, parent_id=id_of(0), root_id=id_of(0), augmentation={"transpose": 5})])
        read = {}
        for what, *how in does:
            if what == "edit":
                numbers, (field, value) = how
                label = None if value is None else Label(value)
                history.edit(catalogue, [Edit(id_of(n), field, label) for n in numbers], "ann")
            elif what == "stage":
                catalogue.put_labels({id_of(how[0]): {"key": Label(how[1], "detector", confidence=0.5)}})
            else:
                (history.undo if what == "undo" else history.redo)(catalogue, "ann")
            seq = catalogue.db.execute("SELECT max(seq) FROM events").fetchone()[0]
            if seq is not None:
                read[seq] = state(catalogue)
        if not read:
            return
        seq = data.draw(st.sampled_from(sorted(read)))
        with Past(catalogue.root, seq) as past, past.open() as then:
            assert state(then) == read[seq]
            assert [event.seq for event in history.history(then)][:1] == [seq]
        assert state(catalogue) == read[max(read)], "the dataset itself is as it was"


def test_samples_opinions_and_conflicts_are_those_of_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [datetime(2026, 11, 28, 14, 0, tzinfo=UTC)]

    def now() -> str:
        return clock[0].isoformat(timespec="milliseconds").replace("+00:00", "Z")

    for module in ("history", "opinions", "conflicts"):
        monkeypatch.setattr(f"kelly_tui.store.{module}.utc_now", now)
    with new_catalogue(tmp_path, created_at="2026-11-28T00:00:00Z") as catalogue:
        catalogue.add([sample(1, created_at=now())])
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        clock[0] += timedelta(hours=1)
        give_opinion(catalogue, id_of(1), {"emotion": "happy"}, "ben")
        clock[0] += timedelta(hours=1)
        catalogue.add([sample(2, created_at=now())])
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("tense"))], "ann")
        history.undo(catalogue, "ann")
        history.undo(catalogue, "ann")
    facts = {}
    for hour in (14, 15, 16):
        with Past(tmp_path / "songs", datetime(2026, 11, 28, hour, 30, tzinfo=UTC)) as past, past.open() as then:
            facts[hour] = (
                [one.value("emotion") for one in then.samples()],
                len(blind_opinions(then)),
                len(conflicts(then)),
                then.counts().quality()["agreed"],
            )
    assert facts == {14: (["sad"], 0, 0, 1), 15: (["sad"], 2, 1, 0), 16: ([None, None], 2, 1, 1)}


def test_it_can_not_be_changed_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        history.edit(catalogue, [Edit(id_of(1), "emotion", Label("sad"))], "ann")
        past = Past(catalogue.root, 1)
        with past.open() as then, pytest.raises(DatasetError, match="read-only"):
            history.edit(then, [Edit(id_of(1), "emotion", Label("happy"))], "ann")
        copy = past._folder
        assert copy.exists()
        past.close()
        assert not copy.exists()
        with pytest.raises(KellyError, match="no event 0"):
            Past(catalogue.root, 0)


def test_a_moment_as_a_person_writes_it() -> None:
    assert read_moment("2026-11-28T14:00+01:00") == datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
    assert read_moment("2026-11-28T14:00") == datetime(2026, 11, 28, 14, 0).astimezone(UTC)
    assert read_moment("2026-11-28") == datetime(2026, 11, 29, 0, 0).astimezone(UTC)
    for never in ("yesterday", "9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00", "2026-13-01"):
        with pytest.raises(KellyError, match="no moment"):
            read_moment(never)
