"""A variant and what it was made from, as X and Y: which is which is not said before one has answered."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from kelly_tui.errors import SoundError
from kelly_tui.ui.paint import Line, Span
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.screens.listening import FRAME
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.ui.screens.workstation import Workstation

NAMES = ("X", "Y")


class Curtain(Painted):
    """Two names, the one that is heard bright, and how far the piece is; once it is lifted, what they are."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.heard = 0
        self.share = 0.0
        """Of the piece, 0..1: seconds would tell a stretched one."""
        self.playing = False
        self.behind: tuple[str, str] | None = None
        """What X and Y are; None while the curtain is down."""

    def paint(self, width: int, height: int) -> list[Line]:
        lines: list[Line] = [[("   Which of them is the original?", "text")], ()]
        for number, name in enumerate(NAMES):
            heard = number == self.heard
            mark: Span = (("   ▶ " if self.playing else "   ‖ ") if heard else "     ", "accent")
            what = f"   {self.behind[number]}" if self.behind else ""
            lines.append([mark, (name, "strong" if heard else "dim"), (what, "text" if heard else "dim")])
        cells = max(min(width - 10, 60), 1)
        done = round(self.share * cells)
        bar: Line = [("     ", "text"), ("━" * done, "accent"), ("─" * (cells - done), "faint")]
        blank: list[Line] = [()] * max((height - 8) // 3, 0)
        return [*blank, *lines, (), bar]


class BlindScreen(KeyedScreen):
    """Nothing on it tells X from Y, and what was made of it is only told."""

    place = "blind"

    def __init__(self, workstation: Workstation, variant: Sample, parent: Sample) -> None:
        super().__init__()
        self._workstation = workstation
        self._two = (variant, parent)
        self._order = self._two
        self._heard = 0
        self._both = {0}
        """Which of the two have been heard."""

    def compose(self) -> ComposeResult:
        yield Headline(id="headline")
        yield Curtain(id="curtain")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, len(NAMES), id="footer")

    @property
    def curtain(self) -> Curtain:
        return self.query_one(Curtain)

    def on_mount(self) -> None:
        state, heard = self.app.engine.state, self._workstation.heard
        length = state.duration or (heard.duration_sec if heard else None) or 0.0
        self.query_one(Headline).show(self._workstation.session.name, "blind", [])
        self._begin(state.position / length if length else 0.0)
        self.set_interval(FRAME, self._follow)

    def _begin(self, share: float) -> None:
        self._order = self._two if random.random() < 0.5 else self._two[::-1]
        self._both, self.curtain.behind = set(), None
        self.say("tab changes between them, at the same place", "dim")
        self._hear(0, share)

    def _hear(self, number: int, share: float) -> None:
        self._heard = number
        self._both.add(number)
        sample, engine = self._order[number], self.app.engine
        engine.load(self._workstation.session.root / sample.file_path)
        engine.seek(share * (sample.duration_sec or 0.0))
        engine.play()
        self.curtain.heard, self.curtain.share = number, share
        self.curtain.repaint()

    def _follow(self) -> None:
        state, curtain = self.app.engine.state, self.curtain
        if state.duration:
            curtain.share, curtain.playing = state.position / state.duration, state.playing
            curtain.repaint()

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def move(self, steps: int) -> None:
        """There is nothing to move."""

    def action_play(self) -> None:
        self.app.engine.toggle()

    def action_compare(self) -> None:
        self._follow()
        self._hear(1 - self._heard, self.curtain.share)

    def action_answer(self, digit: int) -> None:
        if digit not in (1, 2):
            raise SoundError("there are only two", hint="1 says X, 2 says Y.")
        if self.curtain.behind is not None:
            raise SoundError("that was answered", hint="b asks again.")
        if len(self._both) < len(NAMES):
            raise SoundError(f"{NAMES[1 - self._heard]} has not been heard yet", hint="tab lets you hear it.")
        session = self._workstation.session
        parent = self._two[1]
        right = self._order[digit - 1] is parent
        answers = self.app.blind_answers
        answers.append(right)
        said = [f"{session.name_of(one)}{', the original' if one is parent else ''}" for one in self._order]
        self.curtain.behind = (said[0], said[1])
        self.curtain.repaint()
        verdict = "right" if right else "no, it is the other"
        self.say(f"{verdict}   {sum(answers)} of {len(answers)} right since kelly was opened; chance is half", "accent")

    def action_blind(self) -> None:
        self._follow()
        self._begin(self.curtain.share)

    async def action_back(self) -> None:
        self._workstation.load(self._workstation.sample)
        await self.app.action_back()
