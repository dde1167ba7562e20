"""Whose music and whose labels these are: licences, and whether anybody has listened."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.model.report import Facts, Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.opinions import blind_opinions
from kelly_tui.store.schema import HELD
from kelly_tui.text import count

OF_OTHERS = "NOT is_synthetic AND root_id NOT IN (SELECT sample_id FROM samples WHERE is_synthetic)"
"""What is no work of ours, so that somebody's licence applies."""

_AGREED = 0.667
"""The lowest alpha on which tentative conclusions can rest: Krippendorff, "Content Analysis" (2004), p. 241."""
_JUDGED = 10
"""Samples that two have judged, without which an alpha says little."""


def check_provenance(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    """That a licence is unknown; that the main label is nobody's but the folders'."""
    yield from _licences(catalogue, facts)
    yield from _disagreement(catalogue, facts)
    main = facts.main_label
    sources = facts.label_sources.get(main, {})
    if sources.get("folder") and not sources.get("human") and not facts.verified:
        yield Finding(
            "note",
            "folders-only",
            f"no person has confirmed {main} of any of {count(facts.total, 'sample')}: it comes from folder names "
            f"({sources['folder']:,})",
            "Listen to some: enter confirms a label, and tells how far the folders can be trusted.",
            sources["folder"],
            _by_folder(catalogue, main),
        )


def _by_folder(catalogue: Catalogue, field: str) -> tuple[str, ...]:
    rows = catalogue.db.execute(
        f"SELECT sample_id FROM samples WHERE {HELD} AND {field} IS NOT NULL"
        f" AND provenance ->> '$.{field}.source' = 'folder' ORDER BY rowid"
    )
    return tuple(sample_id for (sample_id,) in rows)


def _judged_by_several(catalogue: Catalogue, field: str) -> tuple[str, ...]:
    people: dict[str, set[str]] = {}
    for one in blind_opinions(catalogue):
        if one.field == field:
            people.setdefault(one.sample_id, set()).add(one.annotator)
    return tuple(sample_id for sample_id, by in people.items() if len(by) > 1)


def _disagreement(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    for one in facts.agreement.fields if facts.agreement else ():
        if one.alpha is not None and one.alpha.samples >= _JUDGED and one.alpha.value < _AGREED:
            yield Finding(
                "warning",
                "low-agreement",
                f"annotators agree little: {one.words()}; under {_AGREED:g} no conclusion should rest on it",
                "Settle what the labels mean, and let them judge again; kelly agreement says where they differ.",
                one.alpha.samples,
                _judged_by_several(catalogue, one.field),
            )


def _licences(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    unknown = facts.licenses.get("", 0)
    if unknown:
        rows = catalogue.db.execute(
            f"SELECT sample_id FROM samples WHERE {HELD} AND license = '' AND {OF_OTHERS} ORDER BY rowid"
        )
        yield Finding(
            "warning",
            "licence-unknown",
            f"the licence of {unknown:,} of {count(facts.total, 'sample')} is unknown",
            "Say it in config.json, license, once you know: an export asks for it.",
            unknown,
            tuple(sample_id for (sample_id,) in rows),
            "is:held -is:generated license:?" if not facts.origins["generated"] else "",
        )
