"""Progress: labels of today, by the hour of work; and books that balance whatever is done."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.progress import Progress, days_worked, progress
from kelly_tui.store.query import parse, size
from tests.unit.store.store_samples import id_of, new_catalogue, sample

NOON = datetime.combine(datetime(2026, 11, 28).date(), datetime.min.time()).astimezone(UTC) + timedelta(hours=12)
"""Of this machine's clock."""


def test_a_day_with_a_break_a_bulk_edit_and_an_undo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [NOON]
    monkeypatch.setattr(history, "utc_now", lambda: clock[0].isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(n) for n in range(40))
        catalogue.add([sample(99, parent_id=id_of(0), root_id=id_of(0), augmentation={"transpose": 1})])

        def label(*numbers: int, by: str = "ann", field: str = "emotion", value: str = "sad") -> None:
            history.edit(catalogue, [Edit(id_of(n), field, Label(value)) for n in numbers], by)

        clock[0] = NOON - timedelta(days=1)
        label(39)
        clock[0] = NOON - timedelta(days=9)
        for number in range(13):  # ten, one each quarter of a minute; a break; three more
            clock[0] = NOON + timedelta(seconds=15 * number) + timedelta(hours=number >= 10)
            label(number)
        assert progress(catalogue, "ann", clock[0]) == Progress(13, pytest.approx(240))
        label(20, 21, 22, 23)
        label(24, by="ben")
        label(24, field="key", value="C")
        assert progress(catalogue, "ann", clock[0]).today == 17
        history.undo(catalogue, "ann")
        history.undo(catalogue, "ann")
        assert progress(catalogue, "ann", clock[0]).today == 13, "no variant counts, nor what was taken back"
        assert days_worked(catalogue, "ann", clock[0]) == 2
        assert days_worked(catalogue, "ben", clock[0]) == 1
        assert progress(catalogue, "ben", clock[0]) == Progress(1, None)
        assert Progress(1, None).hours_left(500) is None
        assert Progress(13, 240.0).hours_left(480) == 2


DOES = st.tuples(
    st.sampled_from(["sad", "happy", None, "skipped", "flagged", "pending", "rejected", "undo", "redo", "broken"]),
    st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(DOES, max_size=14), st.sampled_from(["", "is:root", "emotion:sad", "-emotion:?", "is:held"]))
def test_shown_is_labelled_skipped_flagged_and_pending(does: list[tuple[Any, list[int]]], wanted: str) -> None:
    with tempfile.TemporaryDirectory() as folder, new_catalogue(Path(folder)) as catalogue:
        catalogue.add(sample(n, labels={"emotion": "tense"} if n == 2 else {}) for n in range(5))
        catalogue.add([sample(5, parent_id=id_of(0), root_id=id_of(0), augmentation={"transpose": 5})])
        for what, numbers in does:
            if what in ("undo", "redo"):
                getattr(history, what)(catalogue, "ann")
            elif what == "broken":
                catalogue.quarantine(id_of(numbers[0]), "extract", "k", "no notes")
            else:
                field = {"sad": "emotion", "happy": "emotion", None: "emotion", "rejected": "rejected"}.get(
                    what, "decision"
                )
                label = None if what is None else Label(True if what == "rejected" else what)
                history.edit(catalogue, [Edit(id_of(n), field, label) for n in numbers], "ann")
            counts = catalogue.counts()
            assert sum(counts.decisions.values()) == counts.total
            shown = size(catalogue, parse(wanted, catalogue.config), 100)
            parts = [
                size(catalogue, parse(f"{wanted} is:{name}".strip(), catalogue.config), 100)
                for name in ("labelled", "skipped", "flagged", "pending")
            ]
            assert sum(parts) == shown
