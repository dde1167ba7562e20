"""What waits for a person's word: edits made outside that are not taken in yet, and conflicts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from kelly_tui.model.edit import STATE_FIELDS
from kelly_tui.store import annotation_file
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import called
from kelly_tui.store.viewstate import changed_outside, stamp
from kelly_tui.text import count

LOOKED_AT = 50_000
"""Annotation files of which a mere hint looks at the times: a tenth of a second."""


def edited_annotations(catalogue: Catalogue, most: int = -1) -> Iterator[str]:
    """The ids of samples whose annotation file was changed outside; of the first `most` files, or of all."""
    rows = catalogue.db.execute(
        "SELECT sample_id, size, mtime_ns FROM samples JOIN exports ON sample = samples.rowid LIMIT ?", (most,)
    )
    for sample_id, *known in rows:
        with suppress(OSError):  # what is lost is written again
            path = catalogue.layout.annotation_path(sample_id)
            now = stamp(path)
            if now is None or list(now) == known:
                continue
            sample = catalogue.get(sample_id)
            if sample and not annotation_file.is_of(sample, catalogue.db, catalogue.root, path):
                yield sample_id  # not only copied


def waiting(catalogue: Catalogue, outside: int | None = None, decided_by: str = "") -> str:
    """One line on what waits for a person's word, if anything. `outside`: how many samples, if known; `decided_by`:
    what decides conflicts where it is said, if that is not the command."""
    edited = sum(1 for _ in edited_annotations(catalogue, LOOKED_AT)) if outside is None else outside
    disputed = [field for (field,) in catalogue.db.execute("SELECT field FROM conflicts WHERE resolved_at IS NULL")]
    with suppress(OSError):  # what can't be read, validate names
        if outside is None and changed_outside(catalogue, catalogue.layout.manifest_path):
            edited = max(edited, 1)
    things = []
    if edited:
        things.append("edits made outside Kelly" if outside is None else f"outside edits of {count(edited, 'sample')}")
    if disputed:
        things.append(count(len(disputed), "conflict"))
    is_said_there = decided_by and not edited and STATE_FIELDS.keys().isdisjoint(disputed)
    way = decided_by if is_said_there else f"kelly conflicts {called(catalogue.root)}"
    return f"waiting for you: {' and '.join(things)}; {way}" if things else ""
