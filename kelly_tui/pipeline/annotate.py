"""The annotate stage: labels from the folders that a person sorted files into."""

from __future__ import annotations

import time

from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.stage import Outcome, Run
from kelly_tui.store import labelling
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.text import count

STAGE = "annotate"


@recorded(STAGE)
def annotate(catalogue: Catalogue, run: Run) -> Outcome:
    """Label imported samples by the innermost folder whose name is a label; what a person said stands."""
    began = time.monotonic()
    read = labelling.read_folders(catalogue) if run.dry_run else labelling.annotate(catalogue)
    said = read.samples - len(read.silent) - read.cleared - len({path for path, _, _ in read.conflicts})
    if run.dry_run:
        words = f"dry run: {said:,} of {count(read.samples, 'sample')} to label; {read.words()}"
        return Outcome(STAGE, words=words, details={"to_do": said, "labelled": dict(read.labelled)})
    return Outcome(
        STAGE,
        done=said,
        seconds=time.monotonic() - began,
        words=read.words(),
        details={
            "labelled": dict(read.labelled),
            "changed": read.changed,
            "unlabelled": read.silent,
            "conflicts": [
                {"file": path, "field": field, "labels": list(labels)} for path, field, labels in read.conflicts
            ],
        },
        kept={"samples": read.samples},
    )
