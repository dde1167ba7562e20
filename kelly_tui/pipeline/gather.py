"""The parts of an export whose samples are worked on: by workers, in order, each part ended with its last sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType

from kelly_tui.errors import KellyError
from kelly_tui.export.choice import Choice, Part, samples, sizes
from kelly_tui.export.formats import Gathered, Gathers
from kelly_tui.export.target import Target
from kelly_tui.model.sample import Sample
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue

AHEAD = 400
"""Results that wait for an earlier one: half a megabyte each, of half a minute of sound."""


def gather(
    catalogue: Catalogue, run: Run, stage: str, choice: Choice, parts: Sequence[Part], writer: Gathers, target: Target
) -> Outcome:
    """Write `parts`. Raises `DiskFull`, after which those that are not done yet can be written again; `Interrupted`."""
    plan = Plan(total=sum(part.samples for part in parts))
    for part in parts:
        plan.bytes_by_kind += sizes(catalogue, choice, part)
    with _Parts(catalogue, choice, parts, writer, target) as gathering:
        work = Work(
            stage, gathering.items(), plan, Room(catalogue), written=lambda *_: None, strangers=True,
            commits_again=False, ahead=AHEAD,
        )  # fmt: skip
        return run_items(work, gathering.take, run)


class _Parts:
    """Gives the samples of some parts to workers, and takes what they made; use it in a ``with`` block."""

    def __init__(
        self, catalogue: Catalogue, choice: Choice, parts: Sequence[Part], writer: Gathers, target: Target
    ) -> None:
        self._catalogue, self._choice, self._parts = catalogue, choice, parts
        self._writer, self._target = writer, target
        self._asked: dict[str, Sample] = {}
        """Samples that are with workers, by id."""
        self._to_come = iter(parts)
        self._open = ExitStack()
        """The part at hand."""
        self._gathered: Gathered | None = None
        self._left_out: dict[str, str] = {}
        self._missing = 0
        """Samples of the part at hand that have not come back."""
        self._broken: KellyError | None = None

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.__exit__(kind or KeyboardInterrupt, error, at)  # a part that is not whole is not done

    def items(self) -> Iterator[Item]:
        writer, root = self._writer, os.fspath(self._catalogue.root)
        for part in self._parts:
            for sample in samples(self._catalogue, self._choice, part):
                self._asked[sample.sample_id] = sample
                data = {"root": root, **writer.ask(sample)}
                yield Item(sample.sample_id, sample.file_path, "", sample.file_size_bytes, writer.function, data)

    def take(self, results: list[tuple[Item, Result]]) -> None:
        if self._broken is not None:  # part of what came with the last results is lost: the part begins anew
            raise self._broken
        try:
            with self._target.errors():
                for item, result in results:
                    self._add(item, result)
        except KellyError as error:
            self._broken = error
            raise

    def _add(self, item: Item, result: Result) -> None:
        if self._gathered is None:
            part = next(self._to_come)
            self._left_out, self._missing = {}, part.samples
            self._open.enter_context(self._target.writing(part, self._left_out))
            self._gathered = self._open.enter_context(self._writer.gathering(part, self._target))
        sample = self._asked.pop(item.item_id)
        if isinstance(result, Failed):
            self._left_out[sample.file_path] = result.reason
        else:
            self._gathered.add(sample, result)
        self._missing -= 1
        if not self._missing:
            self._gathered = None
            self._open.close()
