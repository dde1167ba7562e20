"""The report on a dataset: its scores, and what is wrong with it, worst first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model.abx import results
from kelly_tui.model.report import Facts, Finding, Report
from kelly_tui.store import runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import utc_now
from kelly_tui.store.trials import trials
from kelly_tui.text import count
from kelly_tui.validate.adversarial import check_apart
from kelly_tui.validate.adversarial import findings as findings_apart
from kelly_tui.validate.contradictions import check_contradictions
from kelly_tui.validate.duplicates import check_duplicates
from kelly_tui.validate.durations import check_durations
from kelly_tui.validate.facts import facts_of
from kelly_tui.validate.features import check_features
from kelly_tui.validate.files import check_files, check_structure, check_views
from kelly_tui.validate.labels import check_labelled, check_state, check_values
from kelly_tui.validate.provenance import check_provenance
from kelly_tui.validate.splits import check_splits
from kelly_tui.validate.spread import check_spread
from kelly_tui.validate.variants import check_variants
from kelly_tui.validate.vendi import effective_pieces

EMPTY = Finding("error", "empty", "there is no sample yet", "Import some: kelly import DATASET FOLDER.")


def validate_dataset(root: Path | str, deep: bool = False) -> Report:
    """Look at everything and change nothing; `deep` hashes every file again. Raises `DatasetError` if there is none.

    That it was done, and the verdict, goes on record where the dataset can be written.
    """
    with Catalogue.open(root) as catalogue:
        began = utc_now()
        report = validate(catalogue, deep=deep)
        errors = sum(finding.severity == "error" for finding in report.findings)
        words = "valid" if report.valid else f"INVALID, {count(errors, 'error')}"
        with suppress(DatasetError):  # a dataset that is read-only, or a full disk, can be validated as well
            runs.note(catalogue, "validate", began, runs.Ending(done=report.total, failed=errors, words=words))
        return report


def validate(catalogue: Catalogue, *, deep: bool = False) -> Report:
    """`validate_dataset` of an open catalogue."""
    facts = facts_of(catalogue)
    apart, blind = check_apart(catalogue), tuple(results(trials(catalogue)))
    findings: list[Finding] = [
        *check_structure(catalogue),
        *check_files(catalogue, deep=deep),
        *check_views(catalogue),
        *(_check_samples(catalogue, facts) if len(catalogue) else [EMPTY]),
        *findings_apart(apart),
    ]
    worth, of = effective_pieces(catalogue)
    return Report(
        **msgspec.structs.asdict(facts),
        findings=tuple(findings), apart=apart, blind=blind, vendi=worth, vendi_of=of,
    )  # fmt: skip


def _check_samples(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    yield from check_durations(catalogue)
    yield from check_values(catalogue)
    yield from check_splits(catalogue)
    yield from check_duplicates(catalogue)
    yield from check_labelled(catalogue, facts)
    yield from check_state(catalogue, facts)
    yield from check_contradictions(catalogue)
    yield from check_features(catalogue, facts)
    yield from check_variants(catalogue)
    yield from check_spread(catalogue, facts)
    yield from check_provenance(catalogue, facts)
