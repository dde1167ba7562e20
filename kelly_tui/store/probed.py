"""The last probe of a dataset, kept beside it: it takes seconds, and report, card and panel show what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from kelly_tui.model.probe import Kept, Probe
from kelly_tui.store.layout import utc_now
from kelly_tui.store.manifest import catalogue_rev

if TYPE_CHECKING:
    from kelly_tui.store.catalogue import Catalogue

_NAME = "probe"


def keep(catalogue: Catalogue, probes: Sequence[Probe]) -> None:
    """Have this be the last probe. Raises `DatasetError` where nothing can be written."""
    kept = Kept(utc_now(), catalogue_rev(catalogue), tuple(probes))
    with catalogue.writing() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NAME, msgspec.json.encode(kept).decode()))


def kept(catalogue: Catalogue) -> Kept | None:
    """The last probe; None where there was none, or it was of another version."""
    row = catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    try:
        return None if row is None else msgspec.json.decode(row[0], type=Kept)
    except msgspec.DecodeError:
        return None
