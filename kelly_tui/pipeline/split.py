"""The split stage: every sample in train, val or test, no song in two."""

from __future__ import annotations

import time

from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.stage import Outcome, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.splits import reshuffle, split_samples

STAGE = "split"


@recorded(STAGE)
def split(catalogue: Catalogue, run: Run, *, anew: bool = False) -> Outcome:
    """Place the samples that are in no split; `anew` places all again. A run without a seed uses config.json's."""
    began = time.monotonic()
    if run.dry_run:
        where = "status = 'ok'" + ("" if anew else " AND split IS NULL")
        (waiting,) = catalogue.db.execute(f"SELECT count(*) FROM samples WHERE {where}").fetchone()
        return Outcome(STAGE, words=f"dry run: {waiting:,} to place", details={"to_do": waiting})
    result = (reshuffle if anew else split_samples)(catalogue, run.seed or None)
    return Outcome(
        STAGE,
        done=result.placed,
        seconds=time.monotonic() - began,
        words=result.words(),
        details={
            "splits": result.splits,
            "groups": result.groups,
            "bridges": result.bridges,
            "crossings": [list(samples) for samples in result.crossings],
        },
        kept={"bridges": len(result.bridges)},
    )
