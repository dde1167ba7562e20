"""``kelly probe``: would a model learn from this dataset?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from kelly_tui.errors import DatasetError
from kelly_tui.text import count

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line
    from kelly_tui.model.probe import Probe


def probe(line: Line) -> int:
    """Say how well small models do that are taught some pieces and asked about others; the dataset keeps what."""
    import msgspec

    from kelly_tui.learn import probe as learn
    from kelly_tui.store.probed import keep

    with line.looking() as catalogue:
        found = learn.probe(catalogue)
        with suppress(DatasetError):  # of a dataset that can't be written, it is said all the same
            keep(catalogue, found)
    if not found:
        line.voice.say("no sample has features to learn from: kelly extract")
    for one in found:
        for words in in_words(one):
            line.voice.say(words)
    line.voice.give({"probes": msgspec.to_builtins(found)})
    refused = not found or all(score.accuracy is None for one in found for score in one.scores)
    return int(refused or any(one.alarms for one in found))


def in_words(one: Probe) -> Iterator[str]:
    """The report on one type of file, a line each."""
    yield f"{one.field} of {one.file_type}"
    for score in one.scores:
        yield f"  {score.words()}"
    if one.curve:
        points = ", ".join(f"{100 * reached:.0f} % of {count(labels, 'label')}" for labels, reached in one.curve)
        yield f"  macro F1 by what is learnt from: {points}"
    for label, gain in one.next_labels.items():
        points = f"{100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        yield f"  50 more labels {label}: {points}"
    for label in one.left_out:
        yield f"  {label} is left out: too few pieces"
    if one.broken:
        yield f"  {one.broken:,} with features that are no numbers are left out"
    for alarm in one.alarms:
        yield f"  ALARM: {alarm}"
