"""The export stage: a dataset as trainers read it, written part by part, so that it goes on where it was stopped.

All of it is made from one state of the catalogue; what is edited meanwhile is in the next export.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from kelly_tui.errors import DiskFull, StageError
from kelly_tui.export import gates
from kelly_tui.export.away import target_at
from kelly_tui.export.choice import Choice, Part, Plan, Record, plan_of, records, unchanging, written
from kelly_tui.export.facts import card_files, facts_of, identity_of
from kelly_tui.export.formats import Gathers, Writes, open_format
from kelly_tui.export.options import Options
from kelly_tui.export.said import said_of, write_said
from kelly_tui.export.target import Target
from kelly_tui.pipeline.gather import gather
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import FULL_SECONDS
from kelly_tui.pipeline.stage import PAUSED, Interrupted, Outcome, Progress, Run
from kelly_tui.pipeline.trouble import lacking, mount_lost, mounts
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import keep_little
from kelly_tui.store.remote import Remote
from kelly_tui.text import count

STAGE = "export"

_WORD_SECONDS = 0.25
"""Between two words about how far it is."""


@recorded(STAGE)
def export(
    catalogue: Catalogue,
    run: Run,
    format: str,
    out: Path | Remote,
    choice: Choice,
    options: Options,
    *,
    link: bool = False,
    anew: bool = False,
    force: bool = False,
) -> Outcome:
    """Write the chosen samples into `out`, an empty or a new folder, or one where this same export was interrupted.

    `link` shares the music's bytes with the dataset where the disk can; `anew` clears away another export that was
    interrupted there; `force` exports what should not be, and says so in it. Raises `StageError`, `StoreError`,
    `FilterError`, `LibraryMissing`, `Interrupted`.
    """
    if isinstance(out, Path) and out.resolve().is_relative_to(catalogue.root.resolve()):
        raise StageError("an export can't lie in its dataset", path=out, hint="Name a folder elsewhere.")
    keep_little(catalogue.db)
    with unchanging(catalogue.root) as still:
        writer = open_format(format, still.config, options)
        plan = plan_of(still, choice, writer.part_samples, writer.part_bytes)
        in_the_way = gates.check(still, choice, plan, wants_features=writer.wants_features, force=force or run.dry_run)
        if run.dry_run:
            return _foreseen(plan, format, in_the_way)
        said = said_of(still, choice)
        identity = identity_of(format, choice, options, plan.digest, said)
        with target_at(out, catalogue.layout, identity, link=link, anew=anew) as target:
            return _Export(still, run, plan, writer, target, choice, options, in_the_way, said).go()


def _foreseen(plan: Plan, format: str, in_the_way: list[str]) -> Outcome:
    splits = ", ".join(f"{split} {number:,}" for split, number in plan.by_split.items())
    words = f"dry run: {plan.samples:,} to export as {format} ({splits}), {plan.size / 1e6:,.1f} MB of music"
    words += "".join(f"; in the way, but for --force: {what}" for what in in_the_way)
    return Outcome(
        STAGE,
        words=words,
        details={
            "to_do": plan.samples,
            "by_split": plan.by_split,
            "by_origin": plan.by_origin,
            "bytes": plan.size,
            "in_the_way": in_the_way,
        },
    )


class _Export:
    """One run: the parts that are not done yet, then what goes over all of them."""

    def __init__(
        self,
        catalogue: Catalogue,
        run: Run,
        plan: Plan,
        writer: Writes | Gathers,
        target: Target,
        choice: Choice,
        options: Options,
        forced: list[str],
        said: dict[str, list[bytes]],
    ) -> None:
        self.catalogue, self.run, self.plan = catalogue, run, plan
        self.writer, self.target, self.choice = writer, target, choice
        self.options, self.forced, self.said = options, forced, said
        self.outcome = Outcome(STAGE)
        self.written = plan
        """With the numbers of what came to be in it."""
        self.more: dict[str, Any] = {}
        """What the format says of the whole."""
        self.mounts = mounts()
        self.began = self.last_word = time.monotonic()
        self.taken = 0
        """Samples of the part at hand."""
        target.alive = self._breathe

    def go(self) -> Outcome:
        outcome, target = self.outcome, self.target
        if target.is_finished:
            lacking = len(target.left_out) + target.unnamed
            lacks = f", but for {count(lacking, 'sample')}. {target.way_on}" if lacking else ""
            outcome.skipped = self.plan.samples - lacking
            outcome.failures = list(target.left_out.items())
            if target.unnamed:
                outcome.fail("and", f"{target.unnamed:,} more")
            outcome.words = f"it is there already: {target.place}{lacks}"
            return outcome
        outcome.skipped = sum(done.samples for done in target.done.values())
        if isinstance(self.writer, Gathers):
            self._until_there_is_room(
                partial(self._gather, self.writer), max((part.size for part in self._left), default=0)
            )
        else:
            for part in self._left:
                self._until_there_is_room(partial(self._write, self.writer, part), part.size)
        self._until_there_is_room(self._finish, 0)
        outcome.failures = list(target.left_out.items())
        outcome.seconds = time.monotonic() - self.began
        outcome.words = f"in {target.place}" + "".join(f"; FORCED: {what}" for what in self.forced)
        for why, number in self.more.get("without_example", {}).items():
            outcome.words += f"; {count(number, 'sample')} without an example ({why})"
        outcome.details = {"out": target.place, "by_split": self.written.by_split, "forced": self.forced, **self.more}
        outcome.kept = {"out": target.place, "forced": self.forced}
        self._tell(last=True)
        return outcome

    @property
    def _left(self) -> list[Part]:
        return [part for part in self.plan.parts if part.name not in self.target.done]

    def _gather(self, writer: Gathers) -> None:
        try:
            with self.target.errors():
                gather(self.catalogue, self.run, STAGE, self.choice, self._left, writer, self.target)
        except Interrupted:  # what is done are whole parts
            raise Interrupted(self.outcome, self.plan.samples) from None
        finally:
            self.outcome.done = sum(done.samples for done in self.target.done.values()) - self.outcome.skipped

    def _write(self, writer: Writes, part: Part) -> None:
        left_out: dict[str, str] = {}
        self.taken = 0

        def leave_out(path: str, why: str) -> None:
            for one in (path, "processed/features/-"):
                if (lost := mount_lost(f"{self.catalogue.root}/{one}", self.mounts)) is not None:
                    what = f"{STAGE} stopped: {lacking(lost)}"
                    raise StageError(what, hint="When that is mended, run the same again to go on.")
            left_out[path] = why

        with self.target.errors(), self.target.writing(part, left_out):
            found = records(self.catalogue, self.choice, part, leave_out)
            writer.write(part, self._watched(found), self.target)
        self.outcome.done += part.samples - len(left_out)
        self.taken = 0

    def _finish(self) -> None:
        target = self.target
        target.files = []
        with target.errors():
            try:
                self.more = self.writer.finish(self.plan.parts, target)
            except StageError:
                target.abandon()
                raise
            write_said(self.said, target)
            self.written = written(self.catalogue, self.plan, target.left_out)
            facts = facts_of(self.catalogue.config, self.written, self.options, target.left_out, self.forced)
            for name, data in card_files(self.catalogue, self.choice, facts, target.all_files(self.plan.parts)).items():
                target.put(name, data)
            target.finish(self.plan.parts, {**facts, **self.more})

    def _watched(self, found: Iterable[Record]) -> Iterator[Record]:
        """The records, with a word now and then; a pause and a cancellation are heard between two of them."""
        for record in found:
            self._breathe()
            yield record
            self.taken += 1

    def _breathe(self) -> None:
        """Say how far it is. Raises `Interrupted` where it is to stop."""
        self._wait_for_a_person()
        if self.run.cancel.is_set():
            raise Interrupted(self.outcome, self.plan.samples)
        self._tell()

    def _wait_for_a_person(self) -> None:
        """Return when the export may go on, or is cancelled."""
        while self.run.pause.is_set() and not self.run.cancel.is_set():
            self._tell(message=PAUSED)
            self.run.cancel.wait(0.2)

    def _until_there_is_room(self, work: Callable[[], None], size: int) -> None:
        """Do `work`; where the disk is full, wait until it is not, and do it again."""
        since: float | None = None
        while True:
            try:
                work()
            except DiskFull:
                since = since or time.monotonic()
                self._wait_for_room(size, since)
            else:
                return

    def _wait_for_room(self, size: int, since: float) -> None:
        room = Room(self.catalogue, self.target.root)
        needed = room.needed(0) + size
        words = f"paused: the disk is full, needs about {max(1, needed // 1_000_000):,} MB"
        self.run.notice(f"{STAGE} {words}; it goes on by itself when there is room")
        while not room.is_free(needed):
            if self.run.cancel.is_set():
                raise Interrupted(self.outcome, self.plan.samples)
            if time.monotonic() - since >= FULL_SECONDS:
                raise StageError(
                    f"{STAGE} stopped: the disk has been full for {FULL_SECONDS / 60:.0f} minutes",
                    hint="Make room, then run the same again to go on.",
                )
            self._tell(message=words)
            self.run.cancel.wait(0.5)

    def _tell(self, message: str = "", last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self.last_word < _WORD_SECONDS:
            return
        self.last_word = now
        new = self.outcome.done + self.taken
        rate = new / max(now - self.began, 1e-3)
        done = self.outcome.skipped + new
        left = (self.plan.samples - done) / rate if new and rate else None
        failed = len(self.outcome.failures)
        self.run.tell(Progress(STAGE, done, self.plan.samples, failed, rate, 0.0 if last else left, message))
