"""Answers of blind listening, kept for good: a table of the catalogue, and a part of the views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kelly_tui.model.abx import Trial
from kelly_tui.store.steps import changed_beside

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

_COLUMNS = "recipe, sample_id, correct, by, at"


def add_trials(catalogue: Catalogue, trials: Iterable[Trial]) -> None:
    """Keep answers, in this order. Raises `DatasetError`, `DiskFull`."""
    rows = [(one.recipe, one.sample_id, int(one.correct), one.by, one.at) for one in trials]
    with catalogue.writing() as db:
        changed_beside(db, (sample_id for _, sample_id, *_ in rows))
        db.executemany(f"INSERT INTO trials ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows)


def trials(catalogue: Catalogue, recipe: str | None = None) -> list[Trial]:
    """All answers, or those about one recipe, oldest first."""
    where, values = ("", ()) if recipe is None else (" WHERE recipe = ?", (recipe,))
    rows = catalogue.db.execute(f"SELECT {_COLUMNS} FROM trials{where} ORDER BY trial", values)
    return [Trial(recipe, sample_id, bool(correct), by, at) for recipe, sample_id, correct, by, at in rows]
