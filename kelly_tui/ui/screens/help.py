"""The keys, generated from the table of actions and the keymap in use."""

from __future__ import annotations

from kelly_tui.ui.actions import ACTIONS, SCOPES, Action
from kelly_tui.ui.keymap import Keymap
from kelly_tui.ui.paint import Line, fit, folded
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.theme import SOURCE_GLYPH
from kelly_tui.ui.widgets.columns import UNSURE
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry

KEY_WIDTH = 16
MARKS = (
    ("✓", "good", "verified"),
    ("○", "text", "labelled"),
    ("·", "dim", "open"),
    ("⚑", "accent", "flagged"),
    ("–", "dim", "skipped"),
    ("✕", "dim", "refused"),
    ("!", "broken", "can't be used"),
)


class HelpScreen(Page):
    """Every action that has a key, by where it works, and what the marks mean."""

    place = "help"

    def __init__(self, keymap: Keymap, place: str) -> None:
        """`place`: where the person is, whose keys come first."""
        super().__init__()
        self._keymap = keymap
        self._from = place

    def show(self) -> None:
        self.query_one(Headline).show("keys", "", [(f"{self._keymap.shown('back')} leaves", "dim")])
        self.lines.show([Entry(line) for line in help_lines(self._keymap, self._from, self.size.width)])

    def on_resize(self) -> None:
        self.show()


def help_lines(keymap: Keymap, first: str, width: int) -> list[Line]:
    """The page, top to bottom; the place `first` comes first."""
    lines: list[Line] = []
    told: set[str] = set()
    for scope in sorted(SCOPES, key=lambda scope: scope != first):
        rows = [action for action in ACTIONS if _belongs(action, scope, first) and keymap.keys[action.id]]
        rows = [action for action in rows if action.id not in told]
        told |= {action.id for action in rows}
        if not rows:
            continue
        lines += [[(f"  {SCOPES[scope]}", "strong")]]
        for action in rows:
            keys = "  ".join(keymap.shown_all(action.id))
            for number, words in enumerate(folded(keymap.in_words(action.words), width - KEY_WIDTH - 7)):
                shown = "" if number else keys
                lines.append([("  " + fit(shown, KEY_WIDTH, right=True), "accent"), ("   " + words, "text")])
        lines.append(())
    lines.append([("  Marks before a sample", "strong")])
    lines += [
        [("  " + fit(mark, KEY_WIDTH, right=True), style), ("   " + words, "text")] for mark, style, words in MARKS
    ]
    lines += [(), [("  Marks after a label", "strong")]]
    sources = [(mark, source, _SOURCE_WORDS[source]) for source, mark in SOURCE_GLYPH.items()]
    lines += [
        [("  " + fit(mark, KEY_WIDTH, right=True), style), ("   " + words, "text")]
        for mark, style, words in (*sources, (UNSURE, "text", "unsure, or in doubt"))
    ]
    return lines


def _belongs(action: Action, scope: str, first: str) -> bool:
    """An action is told where it works first; of the place that the page begins with, all are told there."""
    return scope in action.scopes if scope == first else action.scopes[0] == scope


_SOURCE_WORDS = {
    "human": "a person said so; in the list it has no mark",
    "folder": "the name of a folder",
    "detector": "heard by a detector, with how sure it is",
    "model": "guessed by a model, or from what the features are like",
    "generator": "asked of a generator",
    "inherited": "taken over from what it was made from",
}
