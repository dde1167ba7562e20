"""What becomes of a label when the music is changed: one table, by which variants inherit from what they were made of.

The code, the README and the tests read `LABEL_RULES`. It lies below the store, because an edit hands labels down in
the transaction that writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
import numpy as np

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, Value, check_value
from kelly_tui.model.variation import RENDER
from kelly_tui.music.dynamics import MARKS, mark_of_velocity
from kelly_tui.music.theory import transpose_chord, transpose_key

Rule = Literal["kept", "computed", "in doubt", "left out"]

NEUTRAL: dict[str, float] = {
    "transpose": 0,
    "pitch_shift": 0,
    "time_stretch": 1.0,
    "velocity_scale": 1.0,
    "jitter_ms": 0.0,
    "dropout": 0.0,
    "noise": 0.0,
    "gain": 1.0,
    RENDER: 0,
}
"""The amount of each transform that changes nothing."""

LARGE = {"transpose": 4, "pitch_shift": 4, "time_stretch": 0.1, "velocity_scale": 0.2}
"""How far from neutral a change is large: then it puts in doubt what `LABEL_RULES` says it may."""

_ALL_KEPT: dict[str, Rule] = dict.fromkeys(FIELDS, "kept")
# A judgement of one recording or file, and remarks about it, say nothing about another; nobody has verified a variant.
_ALL_KEPT |= {"quality_score": "left out", "is_verified": "left out", "notes": "left out"}
_ANOTHER_PITCH: dict[str, Rule] = {
    "emotion": "in doubt",
    "valence": "in doubt",
    "arousal": "in doubt",
    "dominance": "in doubt",
    "key": "computed",
    "chord_progression": "computed",
}
LABEL_RULES: dict[str, dict[str, Rule]] = {
    "transpose": _ALL_KEPT | _ANOTHER_PITCH,
    "pitch_shift": _ALL_KEPT | _ANOTHER_PITCH,
    "time_stretch": _ALL_KEPT
    | {"arousal": "in doubt", "tempo_bpm": "computed", "chord_times": "computed", "timing_offsets_ms": "computed"},
    "velocity_scale": _ALL_KEPT
    | {
        "arousal": "in doubt",
        "dominance": "in doubt",
        "articulation": "in doubt",
        "dynamic_range": "computed",
        "velocity_curve": "computed",
    },
    # One offset a note: after these the list is another one, which extract measures in the variant itself.
    "jitter_ms": _ALL_KEPT | {"timing_offsets_ms": "left out"},
    "dropout": _ALL_KEPT | {"timing_offsets_ms": "left out"},
    "noise": _ALL_KEPT,
    "gain": _ALL_KEPT,
    RENDER: _ALL_KEPT,
}
"""``LABEL_RULES[transform][field]``: *kept*; *computed* from the change; *in doubt* where the change is large, kept
and so marked; *left out*, so that nothing is said until the variant itself is judged or measured. Swing and groove
survive ±5 ms of jitter: it has no mean."""

_OF_UNKNOWN: dict[str, Rule] = {
    field: max((rules[field] for rules in LABEL_RULES.values()), key=("kept", "in doubt", "computed", "left out").index)
    for field in FIELDS
}
"""Of a change that a later version made: as of that which a field stands least."""

_TOGETHER = {"velocity_curve": "dynamic_range"}
"""A label on which what another inherits depends."""


def inherited_label(field: str, labels: Mapping[str, Label], changes: Mapping[str, float | None]) -> Label | None:
    """What a variant made by `changes` inherits of one field from a parent with `labels`; None for nothing.

    Nothing is computed from a change of which nobody can tell how large it is, None. Who labelled the parent, when, and
    how sure they were stays written on the label.
    """
    label = labels.get(field)
    if label is None:
        return None
    for name, amount in changes.items():
        match LABEL_RULES.get(name, _OF_UNKNOWN)[field]:
            case "left out":
                return None
            case "in doubt":
                if amount is None or round(abs(amount - NEUTRAL[name]), 9) >= LARGE[name]:
                    label = msgspec.structs.replace(label, in_doubt=True)
            case "computed":
                if amount is None:
                    return None
                try:
                    value = check_value(FIELDS[field], _COMPUTED[field](label.value, amount))
                except LabelError:  # a chord that can't be read, a tempo beyond what a tempo can be
                    return None
                guessed = field == "dynamic_range" and not _curve_agrees(label, labels)
                label = msgspec.structs.replace(label, value=value, in_doubt=label.in_doubt or guessed)
    return msgspec.structs.replace(label, source="inherited")


def fields_that_follow(changed: Iterable[str]) -> set[str]:
    """The fields of variants that depend on these of their parent."""
    changed = {field for field in changed if field in FIELDS}
    return changed | {_TOGETHER[field] for field in changed if field in _TOGETHER}


def fields_read_for(fields: Iterable[str]) -> set[str]:
    """The fields of a parent that must be known to tell what variants inherit of `fields`."""
    fields = set(fields)
    return fields | {field for field, other in _TOGETHER.items() if other in fields}


def rules_markdown() -> str:
    """The table for the README: fields that all transforms keep are in one line below it."""
    groups: list[tuple[list[str], dict[str, Rule]]] = []
    for name, rules in LABEL_RULES.items():
        same = next((names for names, known in groups if known == rules), None)
        word = name.removesuffix("_ms").replace("_", " ")
        if same is None:
            groups.append(([word], rules))
        else:
            same.append(word)
    rows = {field: [rules[field] for _, rules in groups] for field in FIELDS}
    lines = [
        "| label | " + " | ".join(", ".join(names) for names, _ in groups) + " |",
        "|---" * (len(groups) + 1) + "|",
    ]
    kept = [field for field, row in rows.items() if set(row) == {"kept"}]
    lines += [f"| {field} | " + " | ".join(row) + " |" for field, row in rows.items() if field not in kept]
    large = ", ".join(f"{name.replace('_', ' ')} by {amount:g} or more" for name, amount in LARGE.items())
    lines += [
        "",
        f"All keep {', '.join(kept)}.",
        f"*In doubt* only where the change is large ({large}): kept, and so marked.",
    ]
    return "\n".join(lines) + "\n"


def _curve_agrees(label: Label, labels: Mapping[str, Label]) -> bool:
    """Whether the parent's velocity curve says the same as its dynamic mark, so that the mark surely moves with it."""
    curve = labels.get("velocity_curve")
    return curve is not None and mark_of_velocity(float(np.mean(np.asarray(curve.value)))) == label.value


_moved = lru_cache(maxsize=4096)(transpose_chord)  # a song says the same few chords hundreds of times


def _stretched(offsets: Sequence[float], speed: float) -> list[float]:
    """Of thousands of notes a few hundred are off by different amounts: each is rounded once."""
    stretched = {offset: round(offset / speed, 4) for offset in set(offsets)}
    return [stretched[offset] for offset in offsets]


_COMPUTED: dict[str, Callable[[Any, float], Value]] = {
    "key": lambda key, semitones: transpose_key(key, round(semitones)),
    "chord_progression": lambda chords, semitones: [_moved(chord, round(semitones)) for chord in chords],
    "tempo_bpm": lambda bpm, speed: round(bpm * speed, 4),
    "chord_times": lambda times, speed: [round(time / speed, 6) for time in times],
    "timing_offsets_ms": _stretched,
    "dynamic_range": lambda mark, scale: mark_of_velocity(MARKS[mark] * scale),
    "velocity_curve": lambda curve, scale: [min(127, round(velocity * scale)) for velocity in curve],
}
