"""The report on a dataset: its scores, and what is wrong with it, worst first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model.abx import results
from kelly_tui.model.report import Facts, Finding, Report
from kelly_tui.store import found, runs, unchanged
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.counters import states
from kelly_tui.store.found import code_of
from kelly_tui.store.layout import called, utc_now
from kelly_tui.store.pieces import near_duplicates
from kelly_tui.store.trials import trials
from kelly_tui.text import count, json_of
from kelly_tui.validate.adversarial import check_apart
from kelly_tui.validate.adversarial import findings as findings_apart
from kelly_tui.validate.contradictions import check_contradictions
from kelly_tui.validate.duplicates import check_duplicates
from kelly_tui.validate.durations import check_durations
from kelly_tui.validate.facts import facts_of
from kelly_tui.validate.features import check_features
from kelly_tui.validate.files import (
    EXAMPLES,
    NO_GOOD_FEATURES,
    NO_GOOD_FILE,
    check_files,
    check_structure,
    check_views,
)
from kelly_tui.validate.inputs import inputs_of
from kelly_tui.validate.labels import check_labelled, check_state, check_values
from kelly_tui.validate.provenance import check_provenance
from kelly_tui.validate.scores import share
from kelly_tui.validate.splits import check_lists, check_splits
from kelly_tui.validate.spread import check_spread
from kelly_tui.validate.unnamed import check_unnamed
from kelly_tui.validate.variants import check_variants
from kelly_tui.validate.vendi import effective_pieces


def validate_dataset(root: Path | str, deep: bool = False) -> Report:
    """Look at everything and change nothing; `deep` hashes every file again. Raises `DatasetError` if there is none.

    That it was done, and the verdict, goes on record where the dataset can be written.
    """
    with Catalogue.open(root) as catalogue:
        began, step = utc_now(), runs.last_step(catalogue)
        report = validate(catalogue, deep=deep)
        errors = sum(finding.severity == "error" for finding in report.findings)
        words = "valid" if report.valid else f"INVALID, {count(errors, 'error')}"
        with suppress(DatasetError):  # a dataset that is read-only, or a full disk, can be validated as well
            runs.note(catalogue, "validate", began, step, runs.Ending(done=report.total, failed=errors, words=words))
        return report


def validate(catalogue: Catalogue, *, deep: bool = False) -> Report:
    """`validate_dataset` of an open catalogue."""
    inputs = inputs_of(catalogue)
    known = None if deep else unchanged.kept(catalogue, inputs)
    of_tables = _of_tables(catalogue, inputs) if known is None else msgspec.json.decode(known, type=Report)
    findings: list[Finding] = [
        *check_structure(catalogue),
        *check_files(catalogue, deep=deep),
        *check_unnamed(catalogue),
        *check_views(catalogue),
        *check_lists(catalogue),
        *of_tables.findings,
    ]
    scored = _as_on_disk(catalogue, of_tables, findings)
    listed = tuple(_listed(catalogue, findings))
    return msgspec.structs.replace(scored, findings=listed, blind=tuple(results(trials(catalogue))))


def _as_on_disk(catalogue: Catalogue, report: Report, findings: list[Finding]) -> Report:
    """`report` with the quality of what was just looked at: the catalogue has a file as when it was read last."""
    fileless, featureless = (
        {sample_id for one in findings if one.code in codes for sample_id in one.samples}
        for codes in (NO_GOOD_FILE, NO_GOOD_FEATURES)
    )
    if not fileless and not featureless:
        return report
    kept = catalogue.counts()
    lost = [states(catalogue.db, catalogue.config, ids) for ids in (fileless, featureless, fileless | featureless)]

    def parts(origin: str | None) -> dict[str, int]:
        found = kept.quality(origin)
        gone = zip(("file", "features", "good"), lost, strict=True)
        return found | {part: found[part] - of.quality(origin)[part] for part, of in gone}

    everywhere = parts(None)
    return msgspec.structs.replace(
        report, quality_parts=everywhere, quality=share(everywhere), quality_imported=share(parts("imported"))
    )


def _of_tables(catalogue: Catalogue, inputs: str) -> Report:
    """All that the tables of the catalogue and `inputs` decide: kept, so that it is found once."""
    version = catalogue.data_version()
    facts, apart = facts_of(catalogue), check_apart(catalogue)
    findings = (
        *(_check_samples(catalogue, facts) if len(catalogue) else _empty(catalogue)),
        *findings_apart(catalogue, apart),
    )
    worth, of = effective_pieces(catalogue)
    report = Report(**msgspec.structs.asdict(facts), findings=findings, apart=apart, vendi=worth, vendi_of=of)
    unchanged.keep(catalogue, inputs, json_of(report), version)
    return report


def _listed(catalogue: Catalogue, findings: list[Finding]) -> Iterator[Finding]:
    """Those that name their samples one by one get a filter that finds all of them, and name the first."""
    names: dict[int, str] = {}
    for place, one in enumerate(findings):
        if one.samples and not one.filter:
            before = sum(code_of(name) == one.code for name in names.values())
            names[place] = f"{one.code}-{before + 1}" if before else one.code
    kept = found.keep(catalogue, {name: findings[place].samples for place, name in names.items()})
    for place, one in enumerate(findings):
        by = f"found:{names[place]}" if kept and place in names else one.filter
        yield msgspec.structs.replace(one, samples=one.samples[:EXAMPLES], filter=by)


def _empty(catalogue: Catalogue) -> Iterator[Finding]:
    todo = f"Import some: kelly import {called(catalogue.root)} FOLDER."
    yield Finding("error", "empty", "there is no sample yet", todo)


def _check_samples(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    pairs = near_duplicates(catalogue)
    yield from check_durations(catalogue)
    yield from check_values(catalogue)
    yield from check_splits(catalogue, pairs)
    yield from check_duplicates(catalogue, pairs)
    yield from check_labelled(catalogue, facts)
    yield from check_state(catalogue, facts)
    yield from check_contradictions(catalogue)
    yield from check_features(catalogue, facts)
    yield from check_variants(catalogue)
    yield from check_spread(catalogue, facts)
    yield from check_provenance(catalogue, facts)
