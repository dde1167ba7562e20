"""How far people agree in what they said blind, and each with himself: by field, by class and by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelly_tui.text import count, safe_text
from kelly_tui.ui.paint import Line, fit, folded, wrapped
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.words import field_word
from kelly_tui.validate.agreement import agreement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelly_tui.model.agreement import Agreement, FieldAgreement
    from kelly_tui.ui.keymap import Keymap
    from kelly_tui.ui.session import Session

NAMES = 15
"""Cells of a field's name."""

NOTHING = "Nobody has said anything blind yet."
HOW = (
    "‹hear_others› in the list asks about what others have labelled. Some of what you have labelled yourself comes back"
    " later (second_look in settings.toml). Both ask without names, labels and guesses."
)
MEANS = (
    "alpha (Krippendorff) and kappa (Cohen): 1 is agreement throughout, 0 what chance would give. Labels are firm from"
    " 0.8 on, tentative from 0.67. In brackets: where alpha would lie 19 times of 20, were other samples judged."
)


class AgreementScreen(Page):
    """Measures it off the app's thread, then shows it."""

    place = "agreement"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._found: Agreement | None = None

    def on_mount(self) -> None:
        self.query_one(Headline).show(self._session.name, "agreement", [])
        self.start(self._measure, "agreement")

    async def _measure(self) -> None:
        self._found = await self._session.ask(agreement)
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        if self._found is not None:
            self.lines.show(list(map(Entry, agreement_lines(self._found, self.size.width, self.app.keymap))))


def agreement_lines(found: Agreement, width: int, keymap: Keymap) -> list[Line]:
    """The page, top to bottom."""
    if not found.fields and not found.own:
        return [[(f"  {NOTHING}", "strong")], (), *_told(keymap.in_words(HOW), width)]
    lines: list[Line] = []
    own = [(f"{safe_text(who)}, asked again", fields) for who, fields in found.own.items()]
    for title, fields in [("Between people", found.fields), *own]:
        if fields:
            lines += [[(f"  {title}", "strong")], *(line for one in fields for line in _field(one, width)), ()]
    if found.to_decide:
        verb = "waits" if found.to_decide == 1 else "wait"
        words = f"{count(found.to_decide, 'label')} {verb} to be decided: ‹review› in the list"
        lines += [[(f"  {keymap.in_words(words)}", "accent")], ()]
    return [*lines, *_told(MEANS, width)]


def _told(words: str, width: int) -> list[Line]:
    return [[(f"  {line}", "dim")] for line in folded(words, width - 4)]


def _field(one: FieldAgreement, width: int) -> Iterator[Line]:
    """The field, its classes side by side, its pairs."""
    name = f"    {fit(field_word(one.field), NAMES)}"
    if one.alpha is None:
        yield [(name, "text"), ("all say the same, which tells nothing", "dim")]
    else:
        yield [
            (name, "text"),
            (f"alpha {one.alpha.value:.2f}", "strong"),
            (f"  ({one.alpha.interval})   on {count(one.alpha.samples, 'sample')}", "dim"),
        ]
    indent = " " * (4 + NAMES)
    classes: list[Line] = [[(f"{label} ", "dim"), (_two(value), "text")] for label, value in one.by_class.items()]
    yield from ([(indent, "text"), *line] for line in wrapped(classes, width - len(indent) - 1, gap=3))
    for pair in one.pairs if one.scale != "interval" else ():  # on a scale hardly anything is the very same
        kappa = "" if pair.kappa is None else f"kappa {pair.kappa:.2f}, "
        equal = f"{pair.equal:,} of {pair.samples:,} the same"
        yield [(f"{indent}{safe_text(pair.first)}, {safe_text(pair.second)}: {kappa}{equal}", "dim")]


def _two(value: float | None) -> str:
    return "·" if value is None else f"{value:.2f}"
