"""Where the items of a stage are run: on this machine, on a cluster, or by what was given."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from kelly_tui.pipeline.stage import Run
from kelly_tui.pipeline.worker import LocalExecutor


@contextmanager
def workers(run: Run) -> Iterator[Executor]:
    """Those that `run` names, for one stage; what was given to it stays as it is."""
    if run.executor is not None:
        yield run.executor
        return
    if address := run.cluster or run.settings.cluster:
        from kelly_tui.pipeline.cluster import cluster

        with cluster(address) as many:
            yield many
        return
    executor = LocalExecutor(run.worker_count())
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def shared_workers(run: Run) -> Iterator[Run]:
    """`run` with one set of workers for several stages, so that they start once."""
    with workers(run) as executor:
        before, run.executor = run.executor, executor
        try:
            yield run
        finally:
            run.executor = before
