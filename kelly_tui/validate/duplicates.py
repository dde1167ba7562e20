"""Whether a piece is there more than once, in whatever edition, and whether its editions say the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.members import Pairs
from kelly_tui.store.pieces import not_compared
from kelly_tui.text import agree, count


def check_duplicates(catalogue: Catalogue, pairs: Pairs) -> Iterator[Finding]:
    """Of the imported samples; `pairs`: near-duplicates. That no piece lies in two splits is a matter of the splits."""
    yield from _same_content(catalogue)
    imported = catalogue.counts().origins["imported"]
    if len(pairs):
        samples = np.union1d(pairs.first, pairs.other)
        pieces = len(np.unique(pairs.first))
        yield Finding(
            "note",
            "near-duplicates",
            f"{len(samples):,} of {count(imported, 'imported sample')} are copies, editions or variants of each other: "
            f"{count(pieces, 'piece')}, so that there is less music than files",
            "Splits keep a piece together; is:duplicate lists them.",
            len(samples),
            tuple(sample_id.decode() for sample_id in samples.tolist()),
            "is:duplicate",
        )
        yield from _contradictions(catalogue)
    unknown = not_compared(catalogue)
    if unknown:
        yield Finding(
            "note",
            "not-compared",
            f"{len(unknown):,} of {count(imported, 'imported sample')} {agree(len(unknown), 'has', 'have')} no"
            " features: whether these are pieces that are there already is not known",
            "Extract, then split: in the pipeline panel, or kelly run.",
            len(unknown),
            tuple(unknown),
        )


def _same_content(catalogue: Catalogue) -> Iterator[Finding]:
    """The same bytes in several rows, as an import that ran twice once made them."""
    rows = catalogue.db.execute(
        "SELECT sample_id FROM samples WHERE origin = 'imported' AND sha256 <> '' AND status = 'ok' AND sha256 IN"
        " (SELECT sha256 FROM samples WHERE origin = 'imported' AND sha256 <> '' GROUP BY 1 HAVING count(*) > 1)"
        " ORDER BY sha256, sample_id"
    )
    same = [sample_id for (sample_id,) in rows]
    if same:
        yield Finding(
            "warning",
            "same-content",
            f"{count(len(same), 'sample has', 'samples have')} the very content of another",
            "Keep one of each, and remove the others.",
            len(same),
            tuple(same),
        )


def _contradictions(catalogue: Catalogue) -> Iterator[Finding]:
    """Editions of one piece that people, or folders, labelled differently."""
    main = catalogue.config.model.main_label
    given = (
        "FROM samples JOIN fingerprints ON sample = samples.rowid"
        f" WHERE piece IS NOT NULL AND {main} IS NOT NULL"
        f" AND ifnull(provenance ->> '$.{main}.source', 'human') IN ('human', 'folder')"
    )
    rows = catalogue.db.execute(
        f"SELECT piece, sample_id {given} AND piece IN"
        f" (SELECT piece {given} GROUP BY piece HAVING min({main}) <> max({main}))"
        " ORDER BY (SELECT sample_id FROM samples AS first WHERE first.rowid = piece), sample_id"
    ).fetchall()
    samples, pieces = [sample_id for _, sample_id in rows], len({piece for piece, _ in rows})
    if pieces:
        yield Finding(
            "warning",
            "editions-contradict",
            f"{count(pieces, 'piece')} {agree(pieces, 'has', 'have')} another {main} in one edition than in another",
            "Listen to them side by side, and label them alike, or flag one.",
            len(samples),
            tuple(samples),
        )
