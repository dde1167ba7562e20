"""Trying again what stages set aside, once its cause is mended."""

from __future__ import annotations

import os

from kelly_tui.pipeline.extract import extract
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.stage import Outcome, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import STAGE as IMPORT
from kelly_tui.store.layout import must_be_there_for

STAGE = "retry"


@recorded(STAGE)
def retry(catalogue: Catalogue, run: Run) -> Outcome:
    """Forget the failures of all stages but import, and extract what had failed.

    Files that import refused lie elsewhere; those it set aside as too short are here, and `extract` judges them again.

    Variants and generated samples that had failed are made by the next `augment` and `synthesize`.
    """
    failures = [one for one in catalogue.failures() if one.stage != IMPORT]
    refused = sum(one.sample_id is None for one in catalogue.failures(IMPORT))
    words = f"{len(failures):,} to try again"
    if refused:
        words += f"; {refused:,} were refused by import: import them again"
    if run.dry_run:
        return Outcome(STAGE, words=f"dry run: {words}", details={"to_do": len(failures)})
    root = os.fspath(catalogue.root)
    for folder in {os.path.dirname(one.path) for one in failures}:  # what can't be tried is not forgotten
        must_be_there_for(os.path.join(root, folder), root)
    with catalogue.writing() as db:
        for one in failures:
            if one.sample_id is not None:
                catalogue.clear_failure(one.sample_id, one.stage)
            else:
                db.execute("DELETE FROM failures WHERE stage = ? AND path = ?", (one.stage, one.path))
    outcome = extract(catalogue, run)
    outcome.stage = STAGE
    outcome.words = words
    return outcome
