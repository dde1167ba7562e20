"""How a person has arranged the list's columns: kept beside the catalogue, for this dataset."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import LARGEST_CONFIG, Layout, pretty_json, write_atomic


class Columns(msgspec.Struct, frozen=True):
    """Which columns follow the name of a sample, how wide they are, and what the list is sorted by."""

    names: tuple[str, ...] = ()
    """In their order; none means as many of the usual ones as there is room for."""
    widths: tuple[tuple[str, int], ...] = ()
    """Cells of those that are not as wide as usual."""
    sort: str = ""
    """As in ``kelly list --sort``; empty means the usual order."""

    def width_of(self, name: str, usual: int) -> int:
        return dict(self.widths).get(name, usual)

    def resized(self, name: str, width: int) -> Columns:
        """The same with a column of another width."""
        widths = {**dict(self.widths), name: width}
        return msgspec.structs.replace(self, widths=tuple(sorted(widths.items())))


USUAL = Columns()
"""Nobody has arranged anything."""


def saved_columns(layout: Layout) -> Columns:
    """As they were left. Raises `DatasetError` for a file that can't be read."""
    try:
        return msgspec.json.decode(read_inside(layout.root, _path(layout), LARGEST_CONFIG), type=Columns)
    except FileNotFoundError:
        return USUAL
    except (msgspec.MsgspecError, FileRefused, RecursionError) as error:
        hint = "Mend or remove it."
        raise DatasetError(f"the list's columns can't be read ({error})", path=_path(layout), hint=hint) from None


def save_columns(layout: Layout, columns: Columns) -> None:
    """Keep them for the next time."""
    write_atomic(_path(layout), pretty_json(msgspec.to_builtins(columns)))


def _path(layout: Layout) -> Path:
    return layout.kelly_dir / "columns.json"
