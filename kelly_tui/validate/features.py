"""Whether features are numbers, and whether they hold what they should not."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator

import numpy as np

from kelly_tui.model.report import Facts, Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.text import agree, count
from kelly_tui.validate.files import EXAMPLES

_AT_ONCE = 5000


def check_features(catalogue: Catalogue, facts: Facts) -> Iterator[Finding]:
    """Broken vectors, and the alarms of the last probe."""
    name = shlex.quote(catalogue.root.name)
    broken = _broken(catalogue)
    if broken:
        samples = count(len(broken), "sample")
        yield Finding(
            "error",
            "features-broken",
            f"the features of {samples} {agree(len(broken), 'are', 'are')} no numbers, or not as many as of the others",
            f"Remove their files in processed/features; kelly extract {name} makes them anew.",
            len(broken),
            tuple(broken[:EXAMPLES]),
        )
    alarms = [alarm for one in (facts.probe.probes if facts.probe else ()) for alarm in one.alarms]
    for alarm in alarms:
        since = f", {count(facts.edits_since_probe, 'edit')} ago" if facts.edits_since_probe else ""
        yield Finding("warning", "probe-alarm", f"the last probe{since}: {alarm}", f"kelly probe {name} asks again.")


def _broken(catalogue: Catalogue) -> list[str]:
    """Samples whose vector has a number that is none, or another length than most of its type of file."""
    sizes: dict[str, Counter[int]] = {}
    for kind, size, number in catalogue.db.execute(
        "SELECT file_type, length(vector), count(*) FROM features CROSS JOIN samples ON samples.rowid = features.sample"
        " WHERE status = 'ok' GROUP BY 1, 2"
    ):
        sizes.setdefault(kind, Counter())[size] += number
    usual = {kind: of_kind.most_common(1)[0][0] for kind, of_kind in sizes.items()}
    rows = catalogue.db.execute("SELECT sample, vector FROM features ORDER BY sample")
    suspects: list[int] = []
    while chunk := rows.fetchmany(_AT_ONCE):
        data = b"".join(vector for _, vector in chunk)
        odd = len(data) % 4 or any(len(vector) not in usual.values() for _, vector in chunk)
        if odd or not np.isfinite(np.frombuffer(data, "<f4")).all():
            suspects += [number for number, vector in chunk if not _is_sound(vector, set(usual.values()))]
    return [
        sample_id
        for number in suspects
        for (sample_id,) in catalogue.db.execute(
            "SELECT sample_id FROM samples WHERE rowid = ? AND status = 'ok' AND NOT rejected", (number,)
        )
    ]


def _is_sound(vector: bytes, sizes: set[int]) -> bool:
    return len(vector) in sizes and bool(np.isfinite(np.frombuffer(vector, "<f4")).all())
