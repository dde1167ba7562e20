"""A and B are what a variant was made from and the variant, X is one of them: sixteen times one says which."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from kelly_tui.errors import SoundError
from kelly_tui.model.abx import TRIALS, Result, Trial, recipe_of
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import changes
from kelly_tui.store.trials import trials
from kelly_tui.ui.paint import Line, Span, clickable
from kelly_tui.ui.screens.keyed import KeyedScreen
from kelly_tui.ui.screens.listening import FRAME
from kelly_tui.ui.widgets.footer import Footer
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.widgets.prompt import Prompt
from kelly_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kelly_tui.ui.screens.listening import Listening
    from kelly_tui.ui.screens.workstation import Workstation

NAMES = ("A", "B", "X")
A, B, X = range(3)

SURE = 0.05
"""A result that chance reaches less often than this is a difference that was heard."""


class Curtain(Painted):
    """Three names, the one that is heard bright, and how far the piece is; what was answered, once all is."""

    def __init__(self, what: tuple[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.heard = A
        self.share = 0.0
        """Of the piece, 0..1: seconds would tell a stretched one."""
        self.playing = False
        self.answers: list[bool] = []
        self._what = (*what, "one of them")

    def paint(self, width: int, height: int) -> list[Line]:
        n = len(self.answers)
        lines: list[Line] = [[(self._question(n), "text")], ()]
        for number, name in enumerate(NAMES):
            heard = number == self.heard
            mark: Span = (("   ▶ " if self.playing else "   ‖ ") if heard else "     ", "accent")
            said: Line = [mark, (name, "strong" if heard else "dim"), (f"   {self._what[number]}", "dim")]
            lines.append([clickable(span, "answer", number + 1) for span in said] if number != X else said)
        cells = max(min(width - 10, 60), 1)
        done = round(self.share * cells)
        bar: Line = [("     ", "text"), ("━" * done, "accent"), ("─" * (cells - done), "faint")]
        if n < TRIALS:  # which answers were right is told at the end: to know it on the way would teach X
            marks: Line = [("     ", "text"), ("■" * n, "text"), ("·" * (TRIALS - n), "faint")]
        else:
            marks = [("     ", "text"), *(("✓" if one else "✕", "accent" if one else "dim") for one in self.answers)]
        blank: list[Line] = [()] * max((height - 10) // 3, 0)
        return [*blank, *lines, (), bar, (), marks]

    def _question(self, n: int) -> str:
        if n < TRIALS:
            return f"   Is X A or B?   {n + 1} of {TRIALS}"
        return f"   {verdict(sum(self.answers), n)}"


def verdict(correct: int, n: int) -> str:
    """What so many right answers say: ``13 of 16 right, p = .011: you hear the difference``."""
    result = Result("{}", n, correct)
    means = "you hear the difference" if result.p < SURE else "no difference that chance would not show"
    return f"{result.words()}: {means}"


class BlindScreen(KeyedScreen):
    """Nothing on it tells what X is before all are answered. Each answer is saved."""

    place = "blind"

    def __init__(self, workstation: Workstation, heard_in: Listening, variant: Sample, parent: Sample) -> None:
        super().__init__()
        self._heard_in = heard_in
        self._workstation = workstation
        self._two = (parent, variant)
        self._x = A
        self._heard = A
        self._known: set[int] = set()
        """Which of the three have been heard in this trial."""
        self._before: list[bool] = []
        """The answers about this recipe before these."""

    def compose(self) -> ComposeResult:
        made = changes(self._two[B].augmentation or {}) or self._two[B].augmentation_type or "a variant"
        yield Headline(id="headline")
        yield Curtain(("what it was made from", made), id="curtain")
        yield StatusLine(id="status")
        yield Prompt(id="prompt")
        yield Footer(self.app.keymap, self.place, 2, id="footer")

    @property
    def curtain(self) -> Curtain:
        return self.query_one(Curtain)

    def on_mount(self) -> None:
        session, engine = self._workstation.session, self.app.engine
        heard = self._heard_in.heard
        share = engine.state.goal / engine.state.duration if heard and engine.state.duration else 0.0
        self._bring_back = self._heard_in.what_brings_back()
        self.query_one(Headline).show(session.name, "blind", [])
        original = self._two[A]
        engine.load(session.file_of(original))
        engine.set_decks(session.files_of(self._two))
        if original.duration_sec:
            engine.set_loop((0.0, original.duration_sec))  # sixteen answers take longer than a sample
        engine.seek(share * (original.duration_sec or 0.0))
        engine.play()
        earlier = trials(session.catalogue, recipe_of(self._two[B].augmentation))
        self._before = [trial.correct for trial in earlier]
        self._begin()
        self.say("‹compare› goes from one to the next, at the same place", "dim")
        self.set_interval(FRAME, self._follow)

    def _begin(self) -> None:
        self._x = random.choice((A, B))
        self._known = {self._heard} - {X}

    def _sample(self, number: int) -> Sample:
        return self._two[self._x if number == X else number]

    def _hear(self, number: int) -> None:
        before, now = self._sample(self._heard), self._sample(number)
        self._heard = self.curtain.heard = number
        self._known.add(number)
        self.app.engine.switch(self._workstation.session.file_of(now), before.pace / now.pace)
        self.app.engine.play()
        self.curtain.repaint()

    def _follow(self) -> None:
        state, curtain = self.app.engine.state, self.curtain
        if state.duration:
            curtain.share, curtain.playing = state.position / state.duration, state.playing
            curtain.repaint()

    def say(self, words: str, style: str = "text") -> None:
        self.query_one(StatusLine).say(words, style)

    def page_height(self) -> int:
        return 1

    def move(self, steps: int) -> None:
        """There is nothing to move."""

    def action_play(self) -> None:
        self.app.engine.toggle()

    def action_compare(self) -> None:
        self._hear((self._heard + 1) % len(NAMES))

    def action_answer(self, digit: int) -> None:
        answers = self.curtain.answers
        if digit not in (1, 2):
            raise SoundError("X is A or B", hint="1 says A, 2 says B.")
        if len(answers) == TRIALS:
            raise SoundError(f"all {TRIALS} were answered", hint="‹blind› begins again.")
        if not self.app.engine.state.matched:
            raise SoundError("how loud they are is still being measured", hint="Try again in a moment.")
        if X not in self._known:
            raise SoundError("X has not been heard yet", hint="‹compare› lets you hear it.")
        right = digit - 1 == self._x
        answers.append(right)
        variant = self._two[B]
        self._workstation.keep_trial(Trial(recipe_of(variant.augmentation), variant.sample_id, right))
        if len(answers) < TRIALS:
            self._begin()
            self._hear(A)
            self.say(f"{len(answers)} of {TRIALS} answered; X may be another now", "dim")
        else:
            self.say(self._all_in_words(), "accent")
        self.curtain.repaint()

    def _all_in_words(self) -> str:
        """What this comparison says; all there have been of its recipe, where there were others."""
        now = self.curtain.answers
        n, correct = len(self._before) + len(now), sum(self._before) + sum(now)
        return f"of all with this recipe: {verdict(correct, n)}" if self._before else "‹blind› begins another sixteen"

    def action_blind(self) -> None:
        self._before += self.curtain.answers
        self.curtain.answers = []
        self._begin()
        self._hear(A)
        self.say("‹compare› goes from one to the next, at the same place", "dim")

    async def action_back(self) -> None:
        self._bring_back()
        await self.app.action_back()
