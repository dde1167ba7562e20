"""The keys, generated from the table of actions and the keymap in use."""

from __future__ import annotations

from kelly_tui.ui.actions import ACTIONS, SCOPES, shown_key
from kelly_tui.ui.keymap import Keymap
from kelly_tui.ui.paint import Line, fit
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.theme import SOURCE_GLYPH
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

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def show(self) -> None:
        self.query_one(Headline).show("keys", "", [("esc leaves", "dim")])
        self.lines.show([Entry(line) for line in help_lines(self._keymap)])


def help_lines(keymap: Keymap) -> list[Line]:
    """The page, top to bottom."""
    lines: list[Line] = []
    for scope, title in SCOPES.items():
        rows = [action for action in ACTIONS if action.scopes[0] == scope and keymap.keys[action.id]]
        if not rows:
            continue
        lines += [[(f"  {title}", "strong")]]
        for action in rows:
            keys = "  ".join(shown_key(key) for key in keymap.keys[action.id])
            lines.append([("  " + fit(keys, KEY_WIDTH, right=True), "accent"), ("   " + action.words, "text")])
        lines.append(())
    lines.append([("  Marks before a sample", "strong")])
    lines += [
        [("  " + fit(mark, KEY_WIDTH, right=True), style), ("   " + words, "text")] for mark, style, words in MARKS
    ]
    lines += [(), [("  Where a label came from", "strong")]]
    for source, mark in SOURCE_GLYPH.items():
        lines.append([("  " + fit(mark, KEY_WIDTH, right=True), source), ("   " + _source_words(source), "text")])
    return lines


def _source_words(source: str) -> str:
    return {
        "human": "a person",
        "folder": "the name of a folder",
        "detector": "heard by a detector, with how sure it is",
        "model": "guessed by a model",
        "generator": "asked of a generator",
        "inherited": "taken over from what it was made from",
    }[source]
