"""Keys over time: pieces joined of phrases in known keys, and music whose keys people heard; beside a peer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
from tests.modal_sections import MODAL, PLAIN, pieces

JOINED = {"songs": "key_midi", "folk songs": "key_essen"}
"""From whose phrases pieces that modulate are joined."""
HEARD = {"chorales": annotated_chorales, "madrigals": annotated_madrigals}
"""Whose keys people heard. What half a bar of a chorale says more is chosen on these; each half chooses the same."""
MADE = {"made, a part in another mode": MODAL, "made, major and minor": PLAIN}
SOURCES = (*JOINED, *HEARD, *MADE)


def over_time(source: str) -> list[tuple[str, float, float]]:
    """(figure, ours, Krumhansl's profiles in a window of 32 beats) of keys over time, in percent or seconds."""
    ends: list[Annotated] = []
    if source in MADE:
        return list(made_in_modes(source))
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


def made_in_modes(source: str) -> Iterator[tuple[str, float, float]]:
    """Of the time of pieces made by rule: how much is in the right tonic and mode, and how much is said to be modal."""
    right, modal = np.zeros((2, 2))
    made = list(pieces(range(1000, 1016), MADE[source]))
    for piece in made:
        times = np.arange(0.125, piece.score.duration, 0.25)
        wanted = names_at(piece.keys, times)
        for column, find in enumerate((keys_found, windowed_krumhansl)):
            found = names_at(find(piece.score), times)
            right[column] += np.mean([one == other for one, other in zip(wanted, found)])
            modal[column] += np.mean([mode in MODAL for _, mode in found])
    for name, shares in (("% of time in the key and mode", right), ("% of time said to be modal", modal)):
        ours, theirs = (100 * shares / len(made)).tolist()
        yield f"{source}: {name}", ours, theirs


def names_at(keys: list[Timed], times: NDArray[np.float64]) -> list[tuple[str, str]]:
    """Tonic and mode at each of the times; that of the first before it."""
    at = np.searchsorted([start for start, *_ in keys], times, "right") - 1
    return [keys[max(place, 0)][1:] for place in at.tolist()]


def keys_found(score: Score) -> list[Timed]:
    return [(one.start, one.tonic, one.mode) for one in detect_keys(score)[1]]
