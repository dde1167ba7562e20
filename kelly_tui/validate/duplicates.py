"""Whether a piece is there more than once, in whatever edition, and whether its editions say the same."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.pieces import near_duplicates
from kelly_tui.store.schema import HELD, ORIGIN
from kelly_tui.text import agree, count
from kelly_tui.validate.files import EXAMPLES


def check_duplicates(catalogue: Catalogue) -> Iterator[Finding]:
    """Of the imported samples. That no piece lies in two splits is a matter of the splits."""
    yield from _same_content(catalogue)
    pairs = near_duplicates(catalogue)
    imported = catalogue.counts().origins["imported"]
    if pairs:
        samples = sorted({sample_id for pair in pairs for sample_id in pair})
        pieces = len({first for first, _ in pairs})
        yield Finding(
            "note",
            "near-duplicates",
            f"{len(samples):,} of {count(imported, 'imported sample')} are copies, editions or variants of each other: "
            f"{count(pieces, 'piece')}, so that there is less music than files",
            "Splits keep a piece together; is:duplicate lists them.",
            len(samples),
            tuple(samples[:EXAMPLES]),
            "is:duplicate",
        )
        yield from _contradictions(catalogue, pairs)
    rows = catalogue.db.execute(
        "SELECT sample_id FROM samples WHERE rowid IN"
        f" (SELECT rowid FROM samples WHERE {HELD} AND {ORIGIN} = 'imported' EXCEPT SELECT sample FROM fingerprints)"
    )
    unknown = [sample_id for (sample_id,) in rows]
    if unknown:
        yield Finding(
            "note",
            "not-compared",
            f"{len(unknown):,} of {count(imported, 'imported sample')} {agree(len(unknown), 'has', 'have')} no"
            " features: whether these are pieces that are there already is not known",
            "Extract, then split: in the pipeline panel, or kelly run.",
            len(unknown),
            tuple(unknown[:EXAMPLES]),
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
            tuple(same[:EXAMPLES]),
        )


def _contradictions(catalogue: Catalogue, pairs: list[tuple[str, str]]) -> Iterator[Finding]:
    """Editions of one piece that people, or folders, labelled differently."""
    main = catalogue.config.model.main_label
    rows = catalogue.db.execute(
        f"SELECT sample_id, {main} FROM samples JOIN fingerprints ON sample = samples.rowid"
        f" WHERE piece IS NOT NULL AND {main} IS NOT NULL"
        f" AND ifnull(json_extract(provenance, '$.{main}.source'), 'human') IN ('human', 'folder')"
    )
    said = dict(rows.fetchall())
    by_piece: dict[str, set[str]] = {}
    for first, other in pairs:
        by_piece.setdefault(first, {first}).add(other)
    samples: list[str] = []
    pieces = 0
    for editions in by_piece.values():
        labelled = sorted(editions & said.keys())
        if len({said[sample_id] for sample_id in labelled}) > 1:
            pieces += 1
            samples += labelled
    if pieces:
        yield Finding(
            "warning",
            "editions-contradict",
            f"{count(pieces, 'piece')} {agree(pieces, 'has', 'have')} another {main} in one edition than in another",
            "Listen to them side by side, and label them alike, or flag one.",
            len(samples),
            tuple(samples[:EXAMPLES]),
        )
