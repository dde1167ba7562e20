"""What a dataset needs next, in one sentence, and where a key leads to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.text import count
from kelly_tui.ui.words import field_word

if TYPE_CHECKING:
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.report import Scores
    from kelly_tui.store.counters import Counts


class Advice(NamedTuple):
    """The next best action: words, and a filter whose samples it is about or a stage that does it."""

    words: str
    filter: str = ""
    stage: str = ""


def next_best(counts: Counts, scores: Scores, config: DatasetConfig) -> Advice:
    """What helps most now. The order is that of the work: music, labels, features, splits, numbers."""
    if not counts.in_catalogue:
        return Advice("import some music", stage="import")
    label = field_word(config.model.main_label)
    labelled = sum(one.total for one in scores.classes)
    unlabelled = scores.total - labelled
    neediest = scores.neediest
    if unlabelled:
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
