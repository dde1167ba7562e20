"""Rides along valence and arousal, a small file a sample beside the catalogue: a curve is no label, and may be long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.ride import Ride
from kelly_tui.store.inside import check_stays, read_inside
from kelly_tui.store.layout import utc_now, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from kelly_tui.store.layout import Layout

_LARGEST = 64 << 20
"""Bytes of a sample's rides."""


def rides(layout: Layout, sample_id: str) -> list[Ride]:
    """All rides of a sample, oldest first. Raises `DatasetError` for a file that can't be read."""
    path = _path(layout, sample_id)
    try:
        return msgspec.json.decode(read_inside(layout.root, path, _LARGEST), type=list[Ride])
    except FileNotFoundError:
        return []
    except (msgspec.MsgspecError, FileRefused, RecursionError) as error:
        raise DatasetError(f"rides can't be read ({error})", path=path, hint="Mend or remove it.") from None


def all_rides(layout: Layout) -> Iterator[tuple[str, Ride]]:
    """(sample_id, ride) of all, by id, the oldest of each first. Raises `DatasetError`."""
    for path in sorted((layout.kelly_dir / "rides").glob("*/*.json")):
        yield from ((path.stem, ride) for ride in rides(layout, path.stem))


def add_ride(layout: Layout, sample_id: str, ride: Ride, by: str) -> None:
    """Keep a ride, with who rode and when. Raises `DatasetError`, `OSError`."""
    keep_ride(layout, sample_id, msgspec.structs.replace(ride, by=by, at=utc_now()))


def keep_ride(layout: Layout, sample_id: str, ride: Ride) -> None:
    """Keep a ride as it is. Raises `DatasetError`, `OSError`."""
    kept = [*rides(layout, sample_id), ride]
    path = _path(layout, sample_id)
    check_stays(layout.root, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, msgspec.json.encode(kept))


def _path(layout: Layout, sample_id: str) -> Path:
    return layout.kelly_dir / "rides" / sample_id[:2] / f"{sample_id}.json"
