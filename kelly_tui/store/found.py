"""The samples that the last validation found something about, where no other filter can tell them: ``found:CODE``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from kelly_tui.errors import DatasetError

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

CODES = (
    "bridge", "contradicts-music", "editions-contradict", "features-broken", "features-missing",
    "features-of-another", "features-unreadable", "file-changed", "file-missing", "file-unreadable", "folders-only",
    "group-across-splits", "labels-contradict", "labels-not-followed", "licence-unknown", "low-agreement",
    "not-compared", "not-too-short", "outside-edit", "path-refused", "same-content", "too-short", "unsplit",
    "value-outside-set", "variant-marked-generated", "variant-of-variant", "variant-unchanged",
    "variant-without-parent",
)  # fmt: skip
"""Of findings that name their samples one by one; a second of the same code has ``-2`` behind it."""

_AT_ONCE = 1000


def code_of(name: str) -> str:
    """``labels-contradict`` of ``labels-contradict-2``."""
    return re.sub(r"-\d+$", "", name)


def keep(catalogue: Catalogue, found: Mapping[str, Sequence[str]]) -> bool:
    """Have these be what was found, ids by name, and nothing else; False where nothing can be written."""
    before: dict[str, set[str]] = {}
    for name, sample_id in catalogue.db.execute(
        "SELECT name, sample_id FROM found JOIN samples ON samples.rowid = sample"
    ):
        before.setdefault(name, set()).add(sample_id)
    with suppress(DatasetError):
        for name in before.keys() | found.keys():
            if before.get(name, set()) != set(found.get(name, ())):
                _put(catalogue, name, found.get(name, ()))
        return True
    return False


def _put(catalogue: Catalogue, name: str, samples: Sequence[str]) -> None:
    """Some at a time, so that nobody waits long."""
    with catalogue.writing() as db:
        db.execute("DELETE FROM found WHERE name = ?", (name,))
    rest = iter(samples)
    while some := list(islice(rest, _AT_ONCE)):
        with catalogue.writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO found SELECT ?1, rowid FROM samples WHERE sample_id = ?2",
                ((name, sample_id) for sample_id in some),
            )
