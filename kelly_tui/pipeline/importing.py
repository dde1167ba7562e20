"""The import stage: strangers' files looked at by the workers, and taken into the dataset here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.folders import FolderWords, sources_say
from kelly_tui.store.groups import propose_grouping
from kelly_tui.store.importer import Intake, has_content, import_item, imported_sources, proposed_grouping, taking_in
from kelly_tui.store.layout import save_config
from kelly_tui.store.partial import NAME
from kelly_tui.store.scan import Found, find_music

STAGE = "import"
_FUNCTION = "kelly_tui.store.probe:probe_item"
_KEPT = 50_000
"""Files that are kept in memory between counting and reading them: some 50 MB."""


@recorded(STAGE)
def import_music(catalogue: Catalogue, run: Run, paths: Sequence[Path | str], *, link: bool = False) -> Outcome:
    """Take in every MIDI and audio file at and below `paths`; `link` shares their bytes instead of copying."""
    search = _Search(catalogue, paths, link)
    if run.dry_run:
        return _foreseen(catalogue, search)
    plan = Plan()
    for item in search.items():
        plan.add(item, "to look at")
    fresh = not catalogue.counts().in_catalogue
    with taking_in(catalogue) as intake:
        for found in search.passed_over:
            intake.skip(found)
        outcome = _work_off(catalogue, run, plan, search, intake)
    brought = intake.outcome
    outcome.done = len(brought.imported)
    outcome.skipped = len(brought.already) - len(brought.set_aside_before)
    outcome.failures = brought.refused + brought.quarantined
    outcome.failed_before = brought.set_aside_before
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


def _work_off(catalogue: Catalogue, run: Run, plan: Plan, search: _Search, intake: Intake) -> Outcome:
    def commit(results: list[tuple[Item, Result]]) -> None:
        intake.take([(item.data, result.reason if isinstance(result, Failed) else result) for item, result in results])

    incoming = f"{catalogue.layout.kelly_dir}/{NAME}"

    def written(_: Item, probed: dict[str, Any]) -> Path | None:
        if probed["incoming"] is None or has_content(catalogue, probed["sha256"]):
            return None
        return Path(f"{incoming}/{probed['incoming']}")

    work = Work(
        STAGE,
        search.items(),
        plan,
        room=Room(catalogue),
        written=written,
        reads=search.paths,
        strangers=True,
        commits_again=False,
    )
    return run_items(work, commit, run)


class _Search:
    """The files below some paths. A few are kept from one look to the next; many are looked for again."""

    def __init__(self, catalogue: Catalogue, paths: Sequence[Path | str], link: bool) -> None:
        self._catalogue, self._link = catalogue, link
        self.paths = [Path(path).expanduser() for path in paths]
        self._kept: list[Item] | None = None
        self.passed_over: list[Found] = []
        """What `items` has met that is not music, or can't be read."""

    def items(self) -> Iterator[Item]:
        """Each file to be looked into."""
        if self._kept is not None:
            yield from self._kept
            return
        self.passed_over.clear()
        kept: list[Item] = []
        root = self._catalogue.root
        for found in find_music(self.paths, self._catalogue.config, leave_out=root):
            if found.file_type is None or found.unreadable:
                self.passed_over.append(found)
                continue
            data = import_item(root, found, self._link)
            item = Item(found.relative, found.relative, "", found.size, _FUNCTION, data)
            if len(kept) <= _KEPT:
                kept.append(item)
            yield item
        if len(kept) <= _KEPT:
            self._kept = kept


def _foreseen(catalogue: Catalogue, search: _Search) -> Outcome:
    """What an import would do, as far as names tell: what is in the files is not looked at."""
    sources = imported_sources(catalogue)
    new: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    names: list[str] = []
    already = 0
    for item in search.items():
        if item.item_id in sources:
            already += 1
        else:
            new[item.data["file_type"]] += 1
            folders[item.item_id.rpartition("/")[0]] += 1
            names += [item.item_id] if len(names) <= _KEPT else []
    ignored = [one for one in search.passed_over if not one.unreadable]
    unreadable = [(one.relative, one.why_not) for one in search.passed_over if one.unreadable]
    parts = [f"{new.total():,} to look at" + (f" ({_counted(new)})" if new else "")]
    if already:
        parts.append(f"{already:,} that came from here before, to compare")
    if ignored:
        parts.append(f"{len(ignored):,} ignored ({_counted(Counter(one.why_not for one in ignored))})")
    if unreadable:
        parts.append(f"{len(unreadable):,} that can't be read")
    said = f"dry run: {', '.join(parts)}"
    if names and not catalogue.counts().in_catalogue:
        said += f"; {propose_grouping(names, catalogue.config)[1]}"
    return Outcome(
        STAGE,
        skipped=already,
        failures=unreadable,
        words=said,
        details={
            "folders": _labels_of(folders, catalogue.config),
            "to_do": new.total(),
            "why": dict(new),
            "already": already,
            "ignored": [{"path": one.relative, "why": one.why_not} for one in ignored],
        },
    )


def _labels_of(folders: Counter[str], config: DatasetConfig) -> list[dict[str, Any]]:
    """Of each folder, in the order of their names: how many new files, and the labels that its name gives them."""
    vocabulary = FolderWords(config)
    found = []
    for folder, files in sorted(folders.items()):
        said = sources_say([f"{folder}/"], vocabulary)
        found.append({"folder": folder, "files": files, "labels": said.labels, "disagree": said.disagree})
    return found


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())


def _settle_grouping(catalogue: Catalogue) -> str:
    """Choose what a song is in a dataset that had no samples yet, and say so; config.json may say otherwise."""
    if catalogue.config.group_by != "none":
        return f"songs are told apart by {catalogue.config.group_by}, as config.json says"
    group_by, why = proposed_grouping(catalogue)
    if group_by != "none":
        catalogue.config = msgspec.structs.replace(catalogue.config, group_by=group_by)
        save_config(catalogue.root, catalogue.config)
    return f"{why} (group_by {group_by} in config.json)"
