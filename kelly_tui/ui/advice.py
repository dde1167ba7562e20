"""What a dataset needs next, in one sentence, and where a key leads to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.text import count
from kelly_tui.ui.words import field_word

if TYPE_CHECKING:
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.report import ClassCount, Scores
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.counters import Counts

MANY = 1000
"""So many that look like a class are not counted further."""


class Advice(NamedTuple):
    """The next best action: words, and a filter whose samples it is about or a stage that does it."""

    words: str
    filter: str = ""
    stage: str = ""
    brief: str = ""
    """The words in fewer, where they can be."""


class Alike(NamedTuple):
    """What a class lacks may lie among samples whose features suggest it."""

    one: ClassCount
    samples: int
    """At most `MANY`."""

    @property
    def filter(self) -> str:
        return _alike_filter(self.one.label)

    @property
    def words(self) -> str:
        """``tense lacks 212: 40 unlabelled look like it``."""
        return self._words("unlabelled ")

    @property
    def brief(self) -> str:
        """``tense lacks 212: 40 look like it``."""
        return self._words("")

    def _words(self, what: str) -> str:
        number = f"{self.samples:,}" if self.samples < MANY else f"{MANY:,} and more"
        look = "looks" if self.samples == 1 else "look"
        return f"{self.one.label} lacks {self.one.target - self.one.total:,}: {number} {what}{look} like it"


def _alike_filter(label: str) -> str:
    return f'is:open is:root suggested:"{label}"' if " " in label else f"is:open is:root suggested:{label}"


def look_alike(catalogue: Catalogue, scores: Scores) -> Alike | None:
    """The class that lacks most of those which open samples look like; None where none does, or nobody suggests it.

    A tenth of a second at a million samples, where few look like any: not for the app's thread.
    """
    from kelly_tui.store.query import parse, size

    if scores.main_label != "emotion":
        return None
    for one in scores.lacking:
        if found := size(catalogue, parse(_alike_filter(one.label), catalogue.config), MANY):
            return Alike(one, found)
    return None


def next_best(counts: Counts, scores: Scores, config: DatasetConfig, alike: Alike | None = None) -> Advice:
    """What helps most now. The order is that of the work: music, labels, features, splits, numbers."""
    if not counts.in_catalogue:
        return Advice("import some music", stage="import")
    label = field_word(config.model.main_label)
    labelled = sum(one.total for one in scores.classes)
    unlabelled = scores.total - labelled
    neediest = scores.neediest
    if unlabelled:
        if alike is not None:
            return Advice(alike.words, filter=alike.filter, brief=alike.brief)
        if neediest is not None and labelled:
            lacks = neediest.target - neediest.total
            return Advice(f"{neediest.label} lacks {lacks:,}: {unlabelled:,} unlabelled", filter=f"{label}:?")
        return Advice(f"{count(unlabelled, 'sample')} to label", filter=f"{label}:?")
    parts = scores.quality_parts
    missing = parts["file"] - parts["features"]
    if missing > 0:
        return Advice(f"extract features of {count(missing, 'sample')}", stage="extract")
    if scores.total and not any(scores.splits.values()):
        return Advice("make the splits", stage="split")
    if parts["labels"] < parts["of"]:
        needed = " ".join(field_word(need) for need in config.model.needs[1:])
        n = parts["of"] - parts["labels"]
        verb = "lacks" if n == 1 else "lack"
        return Advice(f"{n:,} {verb} {needed}", filter=f"{config.model.needs[1]}:?")
    if neediest is not None:
        return Advice(f"{neediest.label} lacks {neediest.target - neediest.total:,}", stage="augment")
    return Advice("validate", stage="validate")
