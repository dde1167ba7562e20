"""Keys over time: pieces joined of phrases in known keys, and music whose keys people heard; beside a peer."""

from __future__ import annotations

from kelly_tui.model.labels import parse_key
from kelly_tui.music.modulation import detect_keys
from kelly_tui.music.notes import Score, read_midi
from tests.accuracy.judged import EVAL, annotated
from tests.keys_over_time import (
    Annotated,
    Timed,
    annotated_chorales,
    annotated_madrigals,
    figures,
    joined,
    phrase_figures,
    windowed_krumhansl,
)

JOINED = {"songs": "key_midi", "folk songs": "key_essen"}
"""From whose phrases pieces that modulate are joined."""
HEARD = {"chorales": annotated_chorales, "madrigals": annotated_madrigals}
"""Whose keys people heard. What half a bar of a chorale says more is chosen on these; each half chooses the same."""
SOURCES = (*JOINED, *HEARD)


def over_time(source: str) -> list[tuple[str, float, float]]:
    """(figure, ours, Krumhansl's profiles in a window of 32 beats) of keys over time, in percent or seconds."""
    ends: list[Annotated] = []
    if source in JOINED:
        task = JOINED[source]
        keys = {EVAL / "midi" / file: label for file, label in annotated(task).items()}
        scores = {path: read_midi(path) for path in keys}
        truth = {id(score): (parse_key(keys[path]["tonic"])[0], keys[path]["mode"]) for path, score in scores.items()}
        pieces = joined(list(scores.values()), 60, 11, lambda score: truth[id(score)])
    else:
        heard_by_people = list(HEARD[source]())
        pieces = [(score, keys) for score, keys, _ in heard_by_people]
        ends = [one for one in heard_by_people if len(one.phrase_ends) > 1]
    names = ["% of time in the key", "changes to a key, precision", "changes to a key, recall", "s off"]
    names += ["phrase ends in the key", "ends away from home, precision", "ends away from home, recall"] if ends else []
    columns = []
    for find in (keys_found, windowed_krumhansl):
        *shares, off = figures(pieces, find)
        columns.append([*(100 * share for share in shares), off])
        columns[-1] += [100 * share for share in phrase_figures(ends, find)] if ends else []
    return [(f"{source}: {name}", *values) for name, *values in zip(names, *columns)]


def keys_found(score: Score) -> list[Timed]:
    return [(one.start, one.tonic, one.mode) for one in detect_keys(score)[1]]
