"""How likely labels are wrong, beside them: a table of its own, made anew whenever labels or features change.

An issue is about the labels as they were judged. Where one of them has changed since, or a person has verified the
sample, it is void at once; where that is undone, it stands again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from kelly_tui.model.issue import Issue

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

LIKELY = 0.5
"""From here on a label is more likely wrong than right."""

JUDGED = (
    "json_array(samples.emotion, samples.groove_type, samples.dynamic_range, samples.key, samples.mode,"
    " samples.provenance ->> '$.is_verified.at')"
)
"""The labels that may be judged, and when a person verified them, as an expression over `samples`."""

ISSUE = f"(SELECT issue FROM issues WHERE sample = samples.rowid AND judged = {JUDGED})"
"""The probability that a label is wrong, as an expression over `samples`; NULL where none was judged."""

_AT_ONCE = 1000
"""Rows in one transaction: some 10 ms."""


def having_issue(operator: str) -> str:
    """The condition over `samples` that there is an issue, compared so with a parameter."""
    return (
        f"samples.rowid IN (SELECT sample FROM issues JOIN samples ON samples.rowid = sample"
        f" WHERE issue {operator} ? AND judged = {JUDGED})"
    )


def issue(catalogue: Catalogue, sample_id: str) -> Issue | None:
    """The most doubtful label of a sample; None where none was judged, as it is now."""
    found = catalogue.db.execute(
        f"SELECT issue, field, why FROM issues JOIN samples ON samples.rowid = sample"
        f" WHERE sample_id = ? AND judged = {JUDGED}",
        (sample_id,),
    ).fetchone()
    return None if found is None else Issue(*found)


def replace_issues(catalogue: Catalogue, wanted: Mapping[int, tuple[Issue, str]]) -> int:
    """Have these issues, by rowid, each with its `JUDGED`, and no others; how many differ from before."""
    rows = {rowid: (one.issue, one.field, one.why, judged) for rowid, (one, judged) in wanted.items()}
    before = {row[0]: row[1:] for row in catalogue.db.execute("SELECT sample, issue, field, why, judged FROM issues")}
    gone = iter([rowid for rowid in before if rowid not in rows])
    news = iter([(rowid, *row) for rowid, row in rows.items() if before.get(rowid) != row])
    changed = 0
    while chunk := list(islice(gone, _AT_ONCE)):
        changed += len(chunk)
        with catalogue.writing() as db:
            db.executemany("DELETE FROM issues WHERE sample = ?", ((rowid,) for rowid in chunk))
    while put := list(islice(news, _AT_ONCE)):
        changed += len(put)
        with catalogue.writing() as db:  # nothing where the sample has gone since its labels were read
            db.executemany(
                "INSERT OR REPLACE INTO issues SELECT rowid, ?2, ?3, ?4, ?5 FROM samples WHERE rowid = ?1", put
            )
    return changed
