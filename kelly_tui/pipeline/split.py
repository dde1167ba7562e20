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
        new, placed = catalogue.db.execute(
            "SELECT count(*) FILTER (WHERE split IS NULL), count(split) FROM samples WHERE status = 'ok'"
        ).fetchone()
        why = {reason: n for reason, n in (("new", new), ("anew", placed if anew else 0)) if n}
        reasons = f" ({', '.join(f'{n:,} {reason}' for reason, n in why.items())})" if why else ""
        to_do = sum(why.values())
        return Outcome(STAGE, words=f"dry run: {to_do:,} to place{reasons}", details={"to_do": to_do, "why": why})
    result = (reshuffle if anew else split_samples)(catalogue, run.seed or None)
    for line in result.lists_kept:
        run.notice(line)
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
