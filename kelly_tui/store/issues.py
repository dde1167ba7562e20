"""How likely labels are wrong, beside them: a table of its own, made anew whenever labels or features change.

An issue is about the labels as they were judged. Where one of them has changed since, or a person has verified the
sample, it is void at once; where that is undone, it stands again.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from kelly_tui.model.issue import Issue

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.members import Ints

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


def put_issues(catalogue: Catalogue, wanted: Mapping[int, tuple[Issue, str]]) -> None:
    """Have these issues, by rowid, each with its `JUDGED`; at most some thousands."""
    rows = {rowid: (one.issue, one.field, one.why, judged) for rowid, (one, judged) in wanted.items()}
    asked = "SELECT sample, issue, field, why, judged FROM issues WHERE sample IN (SELECT value FROM json_each(?))"
    before = {row[0]: row[1:] for row in catalogue.db.execute(asked, (json.dumps([*rows]),))}
    news = iter([(rowid, *row) for rowid, row in rows.items() if before.get(rowid) != row])
    while put := list(islice(news, _AT_ONCE)):
        with catalogue.writing() as db:  # nothing where the sample has gone since its labels were read
            db.executemany(
                "INSERT OR REPLACE INTO issues SELECT rowid, ?2, ?3, ?4, ?5 FROM samples WHERE rowid = ?1", put
            )


def drop_other_issues(catalogue: Catalogue, kept: Ints) -> None:
    """Have no issues but those of these rowids, (n,)."""
    import numpy as np  # late: a filter, and so the app's start, needs this module and no arrays

    there = np.array(array("q", (rowid for (rowid,) in catalogue.db.execute("SELECT sample FROM issues"))), np.int64)
    gone = np.setdiff1d(there, kept)
    for some in np.array_split(gone, len(gone) // _AT_ONCE + 1):
        with catalogue.writing() as db:
            db.executemany("DELETE FROM issues WHERE sample = ?", ((rowid,) for rowid in some.tolist()))
