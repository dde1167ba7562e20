"""A stage's run, noted in the catalogue from its first moment to its end; and the turn that it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Concatenate, ParamSpec, cast

import msgspec

from kelly_tui.errors import DatasetError, KellyError
from kelly_tui.pipeline.stage import Interrupted, Outcome, Run
from kelly_tui.store import runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.partial import sweep

P = ParamSpec("P")
StageFunction = Callable[Concatenate[Catalogue, Run, P], Outcome]


@contextmanager
def turn(catalogue: Catalogue, run: Run) -> Iterator[None]:
    """Have the dataset to oneself for a stage, or for several of one run; what dead ones left is cleared away first.

    Raises `DatasetError` when another stage is at work, or nothing can be written.
    """
    if run.turn is not None:
        yield
        return
    with catalogue.writing():  # says at once that a dataset is read-only
        pass
    run.turn = runs.Turn(catalogue.layout)
    try:
        sweep(catalogue.layout.kelly_dir)
        for dead in runs.bury(catalogue):
            run.notice(f"{dead.stage}, begun {dead.since}, died without a word; what it had done is kept")
        yield
    finally:
        with suppress(OSError):  # what ended the run is told, and the next run sweeps
            sweep(catalogue.layout.kelly_dir)  # of workers that were killed in this one
        run.turn.close()
        run.turn = None


def recorded(stage: str) -> Callable[[StageFunction[P]], StageFunction[P]]:
    """Makes a stage's function note when it runs, with what arguments and configuration, and how that ends."""

    def recording(function: StageFunction[P]) -> StageFunction[P]:
        signature = inspect.signature(function)

        @wraps(function)
        def run_stage(catalogue: Catalogue, run: Run, *args: P.args, **kwargs: P.kwargs) -> Outcome:
            if run.dry_run or catalogue.is_for_reading:  # a stage that writes into it has no turn there
                return function(catalogue, run, *args, **kwargs)
            bound = signature.bind(catalogue, run, *args, **kwargs)
            bound.apply_defaults()
            asked = dict(list(bound.arguments.items())[2:])
            details = {"asked": asked, "seed": run.seed, "config": catalogue.config.to_dict()}
            number = runs.begin(catalogue, stage, msgspec.to_builtins(details, enc_hook=str))
            if run.turn is not None:
                run.turn.tell(stage, {})
            try:
                outcome = function(catalogue, run, *args, **kwargs)
            except BaseException as error:
                with suppress(DatasetError):  # the disk may be full: then it will be taken for one that died
                    runs.end(catalogue, number, _ending(error))
                raise
            runs.end(catalogue, number, _ending_well(outcome))
            return outcome

        return cast("StageFunction[P]", run_stage)

    return recording


def _ending_well(outcome: Outcome) -> runs.Ending:
    failed = len(outcome.all_failures)
    return runs.Ending("done", outcome.done, outcome.skipped, failed, outcome.words, outcome.kept)


def _ending(error: BaseException) -> runs.Ending:
    if isinstance(error, Interrupted):
        outcome = error.outcome
        return runs.Ending("stopped", outcome.done, outcome.skipped, outcome.failed, str(error), {"total": error.total})
    if isinstance(error, KeyboardInterrupt):
        return runs.Ending("stopped", words="stopped; the same again goes on from there")
    return runs.Ending("could not", words=str(error) if isinstance(error, KellyError) else f"a fault: {error!r}")
