"""A screen that is one page of lines: help, history, report, pipeline and datasets are such pages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import LineList
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.status_line import StatusLine


class Page(KeyedScreen):
    """Headline, lines, status and footer. Subclasses fill the lines in `show`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by the framework

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield LineList(id="lines")
        yield from self.below()
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, id="footer")

    def below(self) -> Iterable[Widget]:
        """What a page has under its lines."""
        return ()

    @property
    def lines(self) -> LineList:
        return self.query_one("#lines", LineList)

    def on_mount(self) -> None:
        self.show()

    @abstractmethod
    def show(self) -> None:
        """Fill the page."""

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def move(self, steps: int) -> None:
        self.lines.move(steps)

    def page_height(self) -> int:
        return self.lines.size.height

    @on(LineList.Opened)
    async def _opened(self) -> None:
        await self.perform("open" if hasattr(self, "action_open") else "start")
