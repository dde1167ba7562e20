"""Whether samples are as long as the configuration wants."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.model.report import Finding, Severity
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.importer import misjudged
from kelly_tui.text import count


def check_durations(catalogue: Catalogue) -> Iterator[Finding]:
    """Imported samples that a changed ``min_duration_sec`` would set aside or take back."""
    shortest = f"min_duration_sec, {catalogue.config.min_duration_sec:g} s"
    short, long = misjudged(catalogue)
    if short:
        ids = [sample_id for sample_id, _ in short]
        yield _finding("error", "too-short", f"{count(len(ids), 'sample')} shorter than {shortest}", "set aside", ids)
    if long:
        words = f"{count(len(long), 'sample')} set aside as too short, though not under {shortest}"
        yield _finding("warning", "not-too-short", words, "taken back", long)


def _finding(severity: Severity, code: str, words: str, will_be: str, ids: list[str]) -> Finding:
    todo = f"Run kelly extract: they are {will_be}. Or change min_duration_sec in config.json."
    return Finding(severity, code, words, todo, len(ids), tuple(ids))
