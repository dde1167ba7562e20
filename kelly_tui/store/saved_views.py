"""Filters that a person has given a name to, with the order they are listed in: kept beside the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import LARGEST_CONFIG, pretty_json, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from kelly_tui.store.layout import Layout


class SavedView(msgspec.Struct, frozen=True):
    """What is listed, and in which order."""

    filter: str
    sort: str


def saved_views(layout: Layout) -> dict[str, SavedView]:
    """All of them, by name. Raises `DatasetError` for a file that can't be read."""
    path = _path(layout)
    try:
        return msgspec.json.decode(read_inside(layout.root, path, LARGEST_CONFIG), type=dict[str, SavedView])
    except FileNotFoundError:
        return {}
    except (msgspec.MsgspecError, FileRefused, RecursionError) as error:
        raise DatasetError(f"the saved views can't be read ({error})", path=path, hint="Mend or remove it.") from None


def save_view(layout: Layout, name: str, view: SavedView) -> None:
    """Keep a view under that name, in the place of an older one."""
    _write(layout, {**saved_views(layout), name: view})


def delete_view(layout: Layout, name: str) -> None:
    """Forget the view of that name, if there is one."""
    _write(layout, {known: view for known, view in saved_views(layout).items() if known != name})


def _write(layout: Layout, views: dict[str, SavedView]) -> None:
    write_atomic(_path(layout), pretty_json(msgspec.to_builtins(dict(sorted(views.items())))))


def _path(layout: Layout) -> Path:
    return layout.kelly_dir / "saved_views.json"
