"""The columns of the list: which are shown, in which order, how wide, and what is sorted by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from kelly_tui.errors import LabelError
from kelly_tui.store.saved_columns import USUAL, Columns
from kelly_tui.ui.paint import fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.columns import NARROWEST, WIDEST, Column, all_columns, columns
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry

if TYPE_CHECKING:
    from kelly_tui.ui.screens.workstation import Workstation


class ColumnsScreen(Page):
    """One line each: those that are shown first, in their order, then the others."""

    place = "columns"

    def __init__(self, workstation: Workstation) -> None:
        super().__init__()
        self._workstation = workstation
        self._known = all_columns(workstation.session.main_label)

    @property
    def _names(self) -> tuple[str, ...]:
        """The columns that are shown, where there is room."""
        chosen = self._workstation.columns
        if chosen.names:
            return tuple(name for name in chosen.names if name in self._known)
        shown = columns(self._workstation.table.size.width - 1, self._workstation.session.main_label, chosen)
        return tuple(column.name for column in shown)

    def show(self) -> None:
        session, names = self._workstation.session, self._names
        self.query_one(Headline).show(session.name, "columns of the list", [])
        others = [name for name in self._known if name not in names]
        head = Entry([("    " + fit("column", 18) + fit("cells", 7, right=True) + "   order", "dim")])
        self.lines.show([head, *(self._entry(self._known[name], name in names) for name in (*names, *others))])

    def _entry(self, column: Column, is_shown: bool) -> Entry:
        width = self._workstation.columns.width_of(column.name, column.width)
        sort = self._workstation.sort
        by_it = sort.removeprefix("-") == column.sort
        falls = "falling" if sort.startswith("-") else "rising"
        return Entry(
            [
                (" ✓ " if is_shown else "   ", "good"),
                (fit(column.title, 18), "strong" if is_shown else "dim"),
                (f"{width:>7}", "text" if is_shown else "dim"),
                (f"   {falls}" if by_it else "", "accent"),
            ],
            column.name,
        )

    @property
    def _chosen(self) -> str:
        name = self.lines.chosen
        assert isinstance(name, str)
        return name

    def _arrange(self, columns: Columns) -> None:
        self._workstation.arrange_columns(columns)
        self.show()

    def action_column_show(self) -> None:
        name, names = self._chosen, self._names
        if names == (name,):
            raise LabelError("it is the last column", hint="Show another first.")
        shown = tuple(one for one in names if one != name) if name in names else (*names, name)
        self._arrange(replace(self._workstation.columns, names=shown))

    def action_column_earlier(self) -> None:
        self._shift(-1)

    def action_column_later(self) -> None:
        self._shift(1)

    def _shift(self, by: int) -> None:
        name, names = self._chosen, list(self._names)
        if name not in names:
            raise LabelError("it is not shown", hint="‹column_show› shows it.")
        place = names.index(name)
        names.insert(min(max(place + by, 0), len(names) - 1), names.pop(place))
        self._arrange(replace(self._workstation.columns, names=tuple(names)))

    def action_column_narrower(self) -> None:
        self._widen(-1)

    def action_column_wider(self) -> None:
        self._widen(1)

    def _widen(self, by: int) -> None:
        columns, name = self._workstation.columns, self._chosen
        width = columns.width_of(name, self._known[name].width) + by
        self._arrange(columns.resized(name, min(max(width, NARROWEST), WIDEST)))

    def action_column_sort(self) -> None:
        self._workstation.sort_on(self._known[self._chosen].sort)
        self.show()

    def action_column_usual(self) -> None:
        self._workstation.sort_by("")
        self._arrange(USUAL)
