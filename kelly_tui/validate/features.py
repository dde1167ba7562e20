"""Whether features are numbers, and whether they hold what they should not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kelly_tui.learn.cues import SIZES, are_numbers
from kelly_tui.model.report import Facts, Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import called
from kelly_tui.store.schema import HELD, ORIGIN
from kelly_tui.text import agree, count

_AT_ONCE = 5000


def check_features(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    """Broken vectors, and the alarms of the last probe."""
    name = called(catalogue.root)
    broken = _broken(catalogue)
    if broken:
        samples = count(len(broken), "sample")
        yield Finding(
            "error",
            "features-broken",
            f"the features of {samples} {agree(len(broken), 'are', 'are')} no numbers, or not as many as of the others",
            f"Remove their files in processed/features; kelly extract {name} makes them anew.",
            len(broken),
            tuple(broken),
        )
    probes = facts.probe.probes if facts.probe else ()
    for kind, alarm in ((one.file_type, alarm) for one in probes for alarm in one.alarms):
        since = f", {count(facts.edits_since_probe, 'edit')} ago" if facts.edits_since_probe else ""
        yield Finding(
            "warning",
            "probe-alarm",
            f"the last probe{since}: {alarm}",
            f"kelly probe {name} asks again.",
            _asked(catalogue, kind),
            filter=f"is:held is:imported type:{kind} has:features -{catalogue.config.model.main_label}:?",
        )


def _asked(catalogue: Catalogue, kind: str) -> int:
    """How many samples of a type of file a probe may ask about."""
    (number,) = catalogue.db.execute(
        f"SELECT count(*) FROM samples WHERE {HELD} AND {ORIGIN} = 'imported' AND file_type = ?"
        f" AND features_path IS NOT NULL AND {catalogue.config.model.main_label} IS NOT NULL",
        (kind,),
    ).fetchone()
    return int(number)


def _broken(catalogue: Catalogue) -> list[str]:
    """Samples whose vector has a number that is none, or another length than those of its type of file have."""
    rows = catalogue.db.execute("SELECT sample, vector FROM features ORDER BY sample")
    sizes = {4 * size for size in SIZES.values()}
    suspects: list[tuple[int, bytes]] = []
    while chunk := rows.fetchmany(_AT_ONCE):
        whole = [(number, vector) for number, vector in chunk if len(vector) in sizes]
        if len(whole) < len(chunk) or not np.isfinite(np.frombuffer(b"".join(one for _, one in whole), "<f4")).all():
            suspects += chunk
    found = []
    for number, vector in suspects:
        where = "SELECT sample_id, file_type FROM samples WHERE rowid = ? AND status = 'ok' AND NOT rejected"
        row = catalogue.db.execute(where, (number,)).fetchone()
        if row is not None and not are_numbers(row[1], vector):
            found.append(row[0])
    return found
