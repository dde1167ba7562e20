"""Whether variants are what they say: changed, of a root that is there, with labels that follow the change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import called
from kelly_tui.text import agree, count

_VARIANTS = "FROM samples AS v LEFT JOIN samples AS p ON p.sample_id = v.parent_id WHERE v.parent_id IS NOT NULL"
_MOVED = "CAST(round(ifnull(v.augmentation ->> '$.transpose', v.augmentation ->> '$.pitch_shift')) AS INTEGER)"
_PACE = "ifnull(v.augmentation ->> '$.time_stretch', 1.0)"


class _Fault(NamedTuple):
    code: str
    when: str
    words: str
    """After ``3 of 20 variants``; ``{is}`` and ``{has}`` agree with the number."""
    todo: str


_FAULTS = (
    _Fault("variant-without-parent", "p.sample_id IS NULL", "{has} no sample that {is} their origin",
           "Import what they were made from, or remove them."),
    _Fault("variant-unchanged", "v.sha256 = p.sha256 AND v.sha256 <> ''",
           "{is} a plain copy of what they are made from", "Remove them: they teach nothing, and count."),
    _Fault("variant-marked-generated", "v.is_synthetic", "{is} marked as generated",
           "Mend is_synthetic in manifest.json: only what a generator wrote is."),
    _Fault("variant-of-variant", "v.parent_id <> v.root_id AND v.augmentation_type IS NOT 'render'",
           "{is} made from variants: the changes add up", "Remove them; kelly augment {name} makes others from roots."),
    _Fault("labels-not-followed",
           f"v.key = p.key AND {_MOVED} % 12 <> 0 OR abs({_PACE} - 1) > 0.02"
           " AND abs(v.tempo_bpm - p.tempo_bpm) < 0.005 * p.tempo_bpm",
           "{has} the key or tempo of what they are made from, though it was changed",
           "Remove them; kelly augment {name} makes them anew, with labels that follow."),
)  # fmt: skip


def check_variants(catalogue: Catalogue) -> Iterator[Finding]:
    """Of those that nobody refused."""
    variants = catalogue.counts().origins["augmented"]
    if not variants:
        return
    name = called(catalogue.root)
    for fault in _FAULTS:
        rows = catalogue.db.execute(
            f"SELECT v.sample_id {_VARIANTS} AND NOT v.rejected AND v.status = 'ok' AND ({fault.when}) ORDER BY v.rowid"
        ).fetchall()
        if rows:
            n = len(rows)
            words = fault.words.format(**{"is": agree(n, "is", "are"), "has": agree(n, "has", "have")})
            yield Finding(
                "warning",
                fault.code,
                f"{count(n, 'variant')} {words}",
                fault.todo.format(name=name),
                n,
                tuple(sample_id for (sample_id,) in rows),
            )
