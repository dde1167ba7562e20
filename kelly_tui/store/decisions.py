"""When what stands of a sample was decided, and what before: by that another copy of the dataset tells what was known.

Of labelled and pending alone nothing is told: that follows from labels, which tell more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from kelly_tui.store.connection import AMONG, among

TIMED = ("decision", "rejected")
_AT_MOST = 50


def decision_times(db: sqlite3.Connection, sample_ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """By sample and field of `TIMED`, when each was decided, what stands at the end. Heard of, it is of when it was
    decided there.
    """
    told = [sample_id for (sample_id,) in db.execute(_TIMED, (among(sample_ids),))]
    found: dict[str, dict[str, list[str]]] = {}
    for sql in (_KEPT, _MADE):
        for sample_id, field, at in db.execute(sql, (among(told),)):
            times = found.setdefault(sample_id, {}).setdefault(field, [])
            if at in times:  # what was undone and done again
                times.remove(at)
            times.append(at)
    return {id_: {field: times[-_AT_MOST:] for field, times in fields.items()} for id_, fields in found.items()}


def outdated(theirs: Mapping[str, Sequence[str]], ours: Mapping[str, Sequence[str]]) -> set[str]:
    """Of `TIMED`, those in which something else was decided by `ours` since what stands by `theirs`."""
    return {name for name in TIMED if (there := theirs.get(name)) and there[-1] in ours.get(name, ())[:-1]}


def is_as_decided(db: sqlite3.Connection, sample_id: str, state: Mapping[str, object], at: str) -> bool:
    """Whether a file says what was decided `at` that time, as this history has it; else it may be edited by hand."""
    return all(
        said in [value for (value,) in db.execute(_AS_DECIDED, (sample_id, name, at))] for name, said in state.items()
    )


_AS_DECIDED = (
    "SELECT json_extract(new, '$.value') FROM events JOIN steps USING (step) WHERE sample_id = ?1 AND field = ?2"
    " AND (?2 = 'skip_reason' OR ifnull(json_extract(new, '$.at'), steps.at) = ?3)"
)
_TIMED = (
    f"SELECT sample_id FROM samples WHERE sample_id IN {AMONG} AND (EXISTS"
    " (SELECT 1 FROM events WHERE events.sample_id = samples.sample_id AND (field = 'rejected' OR"
    " (field = 'decision' AND json_extract(new, '$.value') IN ('flagged', 'skipped'))))"
    " OR EXISTS (SELECT 1 FROM elsewhere WHERE sample = samples.rowid AND what = 'decisions'))"
)
_KEPT = (
    "SELECT sample_id, field, json_extract(said, '$') FROM elsewhere JOIN samples ON samples.rowid = sample"
    f" WHERE what = 'decisions' AND sample_id IN {AMONG} ORDER BY said"
)
_MADE = (
    "SELECT sample_id, field, ifnull(json_extract(new, '$.at'), steps.at) FROM events JOIN steps USING (step)"
    f" WHERE sample_id IN {AMONG} AND field IN ('decision', 'rejected') ORDER BY seq"
)
