"""The validation panel: how balanced, diverse and sound the dataset is after the last key, and what it needs next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelly_tui.model.report import ClassCount, whole_percent
from kelly_tui.ui.advice import Advice
from kelly_tui.ui.paint import Line, Span, clickable, length, spread, wrapped
from kelly_tui.ui.widgets.painted import Painted

if TYPE_CHECKING:
    from kelly_tui.model.probe import Probe
    from kelly_tui.model.report import Scores

SHADES = (("imported", "━"), ("augmented", "╍"), ("generated", "┈"))
"""Each origin has a shade of its own, in colour and in glyph."""


SHORTEST_BAR = 8

_AROUND = (("next: ", "  press "), ("next: ", "  "), ("", "  "))
"""What stands before and after an advice, which it gives up before a word of its own."""


class ScoresPanel(Painted):
    """A line or two where there is room for no more; else bars of the classes above it."""

    def __init__(self, key: str, *, id: str | None = None) -> None:
        """`key`: what is pressed to do what is advised."""
        super().__init__(id=id)
        self.key = key
        self.scores: Scores | None = None
        self.advice = Advice("")
        self.probe: Probe | None = None
        self.agreed = ""

    def show(self, scores: Scores, advice: Advice, probe: Probe | None = None, agreed: str = "") -> None:
        """`probe`: what the last one found. `agreed`: how far people agree."""
        if (scores, advice, probe, agreed) != (self.scores, self.advice, self.probe, self.agreed):
            before = self.wanted()
            self.scores, self.advice, self.probe, self.agreed = scores, advice, probe, agreed
            if self.wanted() != before:
                self.refresh(layout=True)
            self.repaint()

    def wanted(self) -> int:
        """Lines that it needs in a narrow terminal: two where there is more to say than the three scores."""
        made = self.scores is not None and any(one.augmented or one.generated for one in self.scores.classes)
        return 2 if made or self.agreed else 1

    def paint(self, width: int, height: int) -> list[Line]:
        if self.scores is None:
            return []
        if height == 1:
            return [self._one_line(self.scores, width)]
        if height == 2:
            return self._two_lines(self.scores, width)
        bars = self._class_lines(self.scores, width, height - 1)
        return [*bars, self._last_line(self.scores, width)]

    def _one_line(self, scores: Scores, width: int) -> Line:
        balance = _score("Balance", scores.balance)
        others = [*_score("Diversity", scores.diversity), *_score("Quality", scores.quality)]
        numbers = [*balance, *_imported(scores), *others]
        if length(numbers) + length(self._next(0)) + 2 > width:
            numbers = [*balance, *others]
        return spread([(" ", "text"), *numbers], self._next(width - length(numbers) - 2), width)

    def _two_lines(self, scores: Scores, width: int) -> list[Line]:
        numbers: Line = [(" ", "text"), *_score("Balance", scores.balance), *_imported(scores)]
        numbers = [*numbers, *_score("Diversity", scores.diversity), *_score("Quality", scores.quality)]
        room = width - length(numbers) - 1
        ways = (self.agreed, self.agreed.partition(",")[0], _splits(scores))
        beside = next((words for words in ways if words and len(words) <= room), "")
        return [spread(numbers, [(f"{beside} ", "text")], width), [(" ", "text"), *self._next(width - 1)]]

    def _next(self, room: int) -> Line:
        if not self.advice.words:
            return []
        advice = self.advice
        said = dict.fromkeys((advice.words, advice.brief or advice.words, advice.words.partition(":")[0]))
        ways = [(start, words, press) for words in said for start, press in _AROUND]
        for start, words, press in (*ways, ("next: ", "", "")):
            line = [(start, "dim"), (words, "text"), (press, "dim"), clickable((f"{self.key} ", "accent"), "next_best")]
            if length(line) <= room:
                break
        return line

    def _class_lines(self, scores: Scores, width: int, room: int) -> list[Line]:
        title = [(" ", "text"), *_score("Balance", scores.balance)]
        beside: Line = [(" ", "text"), *_imported(scores)] if room > 1 else []
        indent = max(length(title), length(beside)) + 1
        most = max((one.total for one in scores.classes), default=0)
        names = max((len(one.label) for one in scores.classes), default=0)
        digits = max((len(f"{one.total:,}") for one in scores.classes), default=1)
        fixed = names + digits + 2
        bar_width = 4
        for lines_used in range(1, room + 1):  # as few lines as leave the bars long enough to compare
            columns = -(-len(scores.classes) // lines_used)
            bar_width = max(4, min(24, (width - indent - 1) // max(columns, 1) - fixed - 3))
            if bar_width >= SHORTEST_BAR:
                break
        items = [_class(one, most, names, digits, bar_width) for one in scores.classes]
        lines = wrapped(items, width - indent - 1, gap=3)[:room]
        lines += [()] * (room - len(lines))
        heads: list[Line] = [title, beside, *([()] * room)]
        return [
            [*head, (" " * (indent - length(head)), "text"), *line] if line or head else ()
            for head, line in zip(heads, lines)
        ]

    def _last_line(self, scores: Scores, width: int) -> Line:
        left: list[Span] = [
            (" ", "text"),
            *_score("Diversity", scores.diversity),
            *_score("Quality", scores.quality),
            (_splits(scores), "dim"),
        ]
        for ways in ((self.agreed, self.agreed.partition(",")[0]), _probed(self.probe) if self.probe else ()):
            room = width - length(left) - length(self._next(width)) - 3
            words = next((one for one in ways if len(one) <= room), "")
            left += [("  " + words, "text")] if words else []
        return spread(left, self._next(width - length(left) - 1), width)


def _probed(probe: Probe) -> tuple[str, ...]:
    """What it found, in all words and in fewer; nothing but the whole reason where it refused."""
    words = probe.headline
    short = words.partition(" on ")[0]
    return (words,) if "no figure" in words else (words, short, short.replace(f"{probe.field} macro ", ""))


def _score(name: str, value: float) -> list[Span]:
    return [(f"{name} ", "dim"), (f"{whole_percent(value):>2}%", "strong"), ("  ", "text")]


def _imported(scores: Scores) -> list[Span]:
    """The balance of the imported samples alone, where the others make it look better or worse."""
    alone = whole_percent(scores.balance_imported)
    return [] if alone == whole_percent(scores.balance) else [(f"imported {alone}%  ", "dim")]


def _splits(scores: Scores) -> str:
    if not sum(scores.splits.values()):
        return "no splits yet"
    return " · ".join(f"{name} {n:,}" for name, n in scores.splits.items())


def _class(one: ClassCount, most: int, names: int, digits: int, width: int) -> Line:
    """A class: its name, a bar in three shades, its count."""
    bar: list[Span] = []
    left = width
    for name, glyph in SHADES:
        n = getattr(one, name)
        cells = min(left, max(round(n / most * width), 1)) if n and most else 0
        if cells:
            bar.append((glyph * cells, name))
            left -= cells
    empty = one.total == 0
    return [
        (one.label.ljust(names) + " ", "dim" if empty else "text"),
        *bar,
        (" " * left, "text"),
        (f" {one.total:>{digits},}", "accent" if empty else "text"),
    ]
