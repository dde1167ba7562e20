"""The import stage: strangers' files looked at by the workers, and taken into the dataset here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kelly_tui.errors import StoreError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.raw import IMPORTED, must_have_raw
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.configuration import change_config
from kelly_tui.store.folders import FolderWords, sources_say
from kelly_tui.store.groups import propose_grouping
from kelly_tui.store.importer import (
    Intake,
    has_content,
    import_item,
    imported_keys,
    imported_sources,
    proposed_grouping,
    taking_in,
)
from kelly_tui.store.layout import make_music_folders
from kelly_tui.store.partial import NAME
from kelly_tui.store.remote import Remote, place
from kelly_tui.store.scan import ELSEWHERE, Found, find_music, find_remote
from kelly_tui.text import safe_text

STAGE = "import"
_FUNCTION, _REMOTE_FUNCTION = "kelly_tui.store.probe:probe_item", "kelly_tui.store.probe:probe_remote_item"
_FETCHED_IN_TIME = 15_000_000
"""Bytes on a store for which an item gets the usual time once more: a quarter of a megabyte a second."""

_KEPT = 50_000
"""Files that are kept in memory between counting and reading them: some 50 MB."""

_TOLD = 3
"""Links that are named."""


@recorded(STAGE)
def import_music(catalogue: Catalogue, run: Run, paths: Sequence[Path | str], *, link: bool = False) -> Outcome:
    """Take in every MIDI and audio file at and below `paths`; `link` shares their bytes instead of copying.

    A path may be an address on a store, from which files are copied. Raises `StoreError`, `DatasetError`.
    """
    search = _Search(catalogue, paths, link)
    if run.dry_run:
        foreseen = _foreseen(catalogue, search)
        search.tell_of_links(run)
        return foreseen
    must_have_raw(catalogue, *IMPORTED)
    make_music_folders(catalogue.root, *IMPORTED)
    plan = Plan()
    for item in search.items():
        plan.add(item, "to look at")
    search.tell_of_links(run)
    fresh = not catalogue.counts().in_catalogue
    with taking_in(catalogue) as intake:
        for found in search.passed_over:
            intake.skip(found)
        for relative, sample_id in search.known:
            intake.pass_over(relative, sample_id)
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

    def written(_: Item, probed: dict[str, Any]) -> str | None:
        if probed["incoming"] is None or has_content(catalogue, probed["sha256"]):
            return None
        return f"{incoming}/{probed['incoming']}"

    work = Work(
        STAGE,
        search.items(),
        plan,
        room=Room(catalogue),
        written=written,
        reads=search.folders,
        strangers=True,
        commits_again=False,
    )
    return run_items(work, commit, run)


class _Search:
    """The files below some paths. A few are kept from one look to the next; many are looked for again."""

    def __init__(self, catalogue: Catalogue, paths: Sequence[Path | str], link: bool) -> None:
        self._catalogue, self._link = catalogue, link
        self.places = [place(path) for path in paths]
        is_far = any(isinstance(one, Remote) for one in self.places)
        if is_far and link:
            raise StoreError("what is on a store can't be shared", hint="Leave out --link: it is copied.")
        self._have = imported_keys(catalogue) if is_far else {}
        self.known: list[tuple[str, str]] = []
        """(path, sample) of what `items` has met on a store and is in the dataset, so that it is not fetched again."""
        self._kept: list[Item] | None = None
        self.passed_over: list[Found] = []
        """What `items` has met that is not music, or can't be read."""

    @property
    def folders(self) -> list[Path]:
        """Those of this machine that the files lie in, as the files are named: absolute."""
        here = [one.absolute() for one in self.places if isinstance(one, Path)]
        return [*dict.fromkeys(one if one.is_dir() else one.parent for one in here)]

    def items(self) -> Iterator[Item]:
        """Each file to be looked into."""
        if self._kept is not None:
            yield from self._kept
            return
        self.passed_over.clear()
        self.known.clear()
        kept: list[Item] = []
        for found, function in self._found():
            if found.file_type is None or found.unreadable:
                self.passed_over.append(found)
                continue
            data = import_item(self._catalogue.root, found, self._link)
            if data["key"] in self._have:
                self.known.append((found.relative, self._have[data["key"]]))
                continue
            patience = 1 + found.size / _FETCHED_IN_TIME if function == _REMOTE_FUNCTION else 1.0
            item = Item(found.relative, found.relative, "", found.size, function, data, patience)
            if len(kept) <= _KEPT:
                kept.append(item)
            yield item
        if len(kept) <= _KEPT:
            self._kept = kept

    def tell_of_links(self, run: Run) -> None:
        """Say which links `items` has met and not followed, and where they lead."""
        links = [one for one in self.passed_over if one.why_not == ELSEWHERE]
        if not links:
            return
        told = [f"{one.relative}, a link to {safe_text(os.path.realpath(one.path))}" for one in links[:_TOLD]]
        if len(links) > _TOLD:
            told.append(f"{len(links) - _TOLD:,} more")
        run.notice(f"not followed: {'; '.join(told)}. Name such a folder to import what is there")

    def _found(self) -> Iterator[tuple[Found, str]]:
        """Each file, and the function that looks into it."""
        here = [one for one in self.places if isinstance(one, Path)]
        for found in find_music(here, self._catalogue.config, leave_out=self._catalogue.root):
            yield found, _FUNCTION
        for there in self.places:
            if isinstance(there, Remote):
                for found in find_remote(there, self._catalogue.config):
                    yield found, _REMOTE_FUNCTION


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
    if search.known:
        parts.append(f"{len(search.known):,} there already")
    if ignored:
        parts.append(f"{len(ignored):,} ignored ({_counted(Counter(one.why_not for one in ignored))})")
    if unreadable:
        parts.append(f"{len(unreadable):,} that can't be read")
    said = f"dry run: {', '.join(parts)}"
    if names and not catalogue.counts().in_catalogue:
        said += f"; {propose_grouping(names, catalogue.config)[1]}"
    return Outcome(
        STAGE,
        skipped=already + len(search.known),
        failures=unreadable,
        words=said,
        details={
            "folders": _labels_of(folders, catalogue.config),
            "to_do": new.total(),
            "why": dict(new),
            "already": already + len(search.known),
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
        change_config(catalogue, {"group_by": group_by})
    if catalogue.config.group_by != group_by:  # said there while the files came in
        return f"songs are told apart by {catalogue.config.group_by}, as config.json says"
    return f"{why} (group_by {group_by} in config.json)"
