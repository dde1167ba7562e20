"""The import stage: strangers' files looked at by the workers, and taken into the dataset here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import Intake, import_item, proposed_grouping
from kelly_tui.store.layout import save_config
from kelly_tui.store.scan import Found, find_music

STAGE = "import"
_FUNCTION = "kelly_tui.store.probe:probe_item"


def import_music(catalogue: Catalogue, run: Run, paths: Sequence[Path | str], *, link: bool = False) -> Outcome:
    """Take in every MIDI and audio file at and below `paths`; `link` shares their bytes instead of copying.

    Each file is looked for twice: once to know how many there are, once to read it.
    """
    found = _Search(catalogue, paths, link)
    plan = Plan()
    for item in found.items():
        plan.add(item, "to look at")
    if run.dry_run:
        return plan.outcome(STAGE)
    fresh = not catalogue.counts().in_catalogue
    intake = Intake(catalogue)
    for one in found.passed_over:
        intake.skip(one)

    def commit(results: list[tuple[Item, Result]]) -> None:
        intake.take([(item.data, result.reason if isinstance(result, Failed) else result) for item, result in results])

    def written(_: Item, probed: dict[str, Any]) -> Path | None:
        known = catalogue.db.execute("SELECT 1 FROM samples WHERE sha256 = ?", (probed["sha256"],)).fetchone()
        return (
            catalogue.layout.kelly_dir / "incoming" / probed["incoming"] if probed["incoming"] and not known else None
        )

    work = Work(
        STAGE,
        found.items(),
        plan,
        strangers=True,
        room=Room(catalogue),
        written=written,
    )
    outcome = run_items(work, commit, run)
    brought = intake.outcome
    outcome.done = len(brought.imported)
    outcome.skipped = len(brought.already)
    outcome.failures = brought.refused + brought.quarantined
    outcome.words = brought.words()
    outcome.details = {
        "imported": brought.imported,
        "already": len(brought.already),
        "duplicates": [{"path": path, "of": same} for path, same in brought.duplicates],
        "ignored": [{"path": path, "why": why} for path, why in brought.ignored],
    }
    if fresh and brought.imported:
        outcome.words += f"; {_settle_grouping(catalogue)}"
    return outcome


class _Search:
    """The files below some paths, as items; what is no item is kept apart."""

    def __init__(self, catalogue: Catalogue, paths: Sequence[Path | str], link: bool) -> None:
        self._catalogue, self._paths, self._link = catalogue, paths, link
        self.passed_over: list[Found] = []

    def items(self) -> Iterator[Item]:
        self.passed_over.clear()
        root = self._catalogue.root
        for found in find_music(self._paths, self._catalogue.config, leave_out=root):
            if found.file_type is None or found.unreadable:
                self.passed_over.append(found)
            else:
                data = import_item(root, found, self._link)
                yield Item(found.relative, found.relative, "", found.size, _FUNCTION, data)


def _settle_grouping(catalogue: Catalogue) -> str:
    """Choose what a song is in a dataset that had no samples yet, and say so; config.json may say otherwise."""
    if catalogue.config.group_by != "none":
        return f"songs are told apart by {catalogue.config.group_by}, as config.json says"
    group_by, why = proposed_grouping(catalogue)
    if group_by != "none":
        catalogue.config = msgspec.structs.replace(catalogue.config, group_by=group_by)
        save_config(catalogue.root, catalogue.config)
    return f"{why} (group_by {group_by} in config.json)"
