"""The saved views of a dataset: filters with a name, a key away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelly_tui.errors import FilterError, KellyError
from kelly_tui.store import query
from kelly_tui.store.saved_views import SavedView, delete_view, save_view, saved_views
from kelly_tui.text import count
from kelly_tui.ui.paint import fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.widgets.prompt import Question

if TYPE_CHECKING:
    from kelly_tui.ui.screens.workstation import Workstation

NO_VIEWS = (
    "No view is saved yet.",
    "",
    "A view is a filter with its order, under a name of yours.",
    "List what you want with ‹filter› first, then come here and press ‹save_view›.",
)


class ViewsScreen(Page):
    """One line each: its name, what it lists, how many that are now."""

    place = "views"

    def __init__(self, workstation: Workstation) -> None:
        super().__init__()
        self._workstation = workstation
        self._layout = workstation.session.catalogue.layout

    def show(self) -> None:
        session = self._workstation.session
        self.query_one(Headline).show(session.name, "saved views", [(f"listed now: {self._now()}", "dim")])
        entries = [
            Entry([("  " + self.app.keymap.in_words(line), "strong" if number == 0 else "dim")])
            for number, line in enumerate(NO_VIEWS)
        ]
        try:
            views = saved_views(self._layout)
        except KellyError as error:
            views = {}
            self.say_trouble(error)
        self.lines.show([self._entry(name, view) for name, view in views.items()] or entries)

    def _now(self) -> str:
        sort = self._workstation.sort
        return (self._workstation.filter or "all") + ("" if sort == self._workstation.usual_sort() else f" by {sort}")

    def _entry(self, name: str, view: SavedView) -> Entry:
        catalogue = self._workstation.session.catalogue
        try:
            listed = count(query.size(catalogue, query.parse(view.filter, catalogue.config)), "sample")
        except FilterError as error:  # a label that the dataset no longer has
            listed = error.what
        what = f"{view.filter or 'all'}  by {view.sort}"
        return Entry(
            [(" " + fit(name, 24) + " ", "strong"), (fit(listed, 16, right=True) + "   ", "dim"), (what, "text")], name
        )

    def action_open(self) -> None:
        view = saved_views(self._layout).get(str(self.lines.chosen))
        if view is None:
            raise FilterError("there is no view here", hint="n saves what is listed now.")
        self._workstation.sort = view.sort
        self._workstation.find(view.filter)
        self.app.pop_screen()

    def action_save_view(self) -> None:
        self.ask(Question("name", self._save, hint=f"keeps this under a name: {self._now()}   an old name is replaced"))

    def _save(self, text: str) -> None:
        name = " ".join(text.split())
        if not name:
            raise FilterError("a view wants a name", hint="Type one, or leave with esc.")
        save_view(self._layout, name, SavedView(self._workstation.filter, self._workstation.sort))
        self.show()
        self.say(f"saved {name}: {self._now()}", "accent")

    def action_delete_view(self) -> None:
        name = str(self.lines.chosen)
        view = saved_views(self._layout).get(name)
        if view is None:
            raise FilterError("there is no view here", hint="n saves what is listed now.")
        delete_view(self._layout, name)
        self.show()
        self.say(f"forgotten {name}: {view.filter or 'all'} by {view.sort}", "accent")
