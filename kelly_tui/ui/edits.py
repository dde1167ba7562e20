"""What a key does to a sample's labels: pure functions from a sample to the edits of one step.

Nothing here reads or writes; the saver makes the edits durable.
"""

from __future__ import annotations

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, Value, check_value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import parse_key
from kelly_tui.model.sample import Sample
from kelly_tui.ui.words import field_word, guessed

ACCEPTED_KINDS = ("choice", "key", "number", "meter", "chords")
"""Guesses that a person can have judged by ear. Curves and lists of offsets are measurements: the detector's."""


def label(sample: Sample, config: DatasetConfig, digit: int, *, unsure: bool = False) -> list[Edit]:
    """The main label that the digit stands for: 1 the first, 0 the tenth."""
    return [
        Edit(sample.sample_id, config.model.main_label, Label(choice_of(config.main_choices, digit), unsure=unsure))
    ]


def choice_of(choices: tuple[str, ...], digit: int) -> str:
    """The choice of that digit; a `LabelError` where there are fewer."""
    place = (digit - 1) % 10
    if place >= len(choices):
        raise LabelError(f"there is no label {digit}", hint=f"There are {len(choices)}: {' '.join(choices)}.")
    return choices[place]


def typed_value(sample: Sample, config: DatasetConfig, field: str, text: str) -> list[Edit]:
    """What a person typed for a field; nothing typed clears it. A key may bring its mode along."""
    if not text.strip():
        return [Edit(sample.sample_id, field, None)]
    if field == "key":
        key, mode = parse_key(text)
        edits = [Edit(sample.sample_id, "key", Label(key))]
        return edits if mode is None else [*edits, Edit(sample.sample_id, "mode", Label(mode))]
    return [Edit(sample.sample_id, field, Label(check_value(FIELDS[field], text, config.choices(field))))]


def affect(sample: Sample, valence: int, arousal: int) -> list[Edit]:
    """Valence and arousal from digits: 1 is -1, 5 is 0, 9 is 1."""
    if 0 in (valence, arousal):
        raise LabelError("0 is no valence or arousal", hint="1 is lowest, 5 neutral, 9 highest.")
    return [
        Edit(sample.sample_id, name, Label((digit - 5) / 4))
        for name, digit in (("valence", valence), ("arousal", arousal))
    ]


def accept(sample: Sample, config: DatasetConfig) -> list[Edit]:
    """Take over the guesses that can be heard, and verify. A `LabelError` while the main label is open."""
    main = config.model.main_label
    if main not in sample.labels:
        raise LabelError(f"{field_word(main)} is open, and nobody has a guess", hint="Choose it by its digit.")
    taken = [
        Edit(sample.sample_id, field, Label(one.value))
        for field, one in sample.labels.items()
        if guessed(one.source) and FIELDS[field].kind in ACCEPTED_KINDS
    ]
    return [*taken, Edit(sample.sample_id, "is_verified", Label(True))]


def skip(sample: Sample, reason: str = "") -> list[Edit]:
    """Decide not to label it."""
    decided = [Edit(sample.sample_id, "decision", Label("skipped"))]
    return [*decided, Edit(sample.sample_id, "skip_reason", Label(reason))] if reason else decided


def flag(sample: Sample, config: DatasetConfig) -> list[Edit]:
    """Flag it, or take the flag away."""
    if sample.decision != "flagged":
        return [Edit(sample.sample_id, "decision", Label("flagged"))]
    main = sample.labels.get(config.model.main_label)
    decided = main is not None and main.source == "human"
    return [Edit(sample.sample_id, "decision", Label("labelled" if decided else "pending"))]


def reject(sample: Sample, config: DatasetConfig) -> list[Edit]:
    """Refuse a variant or take that back; of any other sample, refuse the guess of its main label."""
    if sample.parent_id is not None:
        return [Edit(sample.sample_id, "rejected", Label(not sample.rejected))]
    main = config.model.main_label
    guess = sample.labels.get(main)
    if guess is None or not guessed(guess.source):
        raise LabelError("there is no guess to refuse", hint="x refuses variants and guesses; u undoes a label.")
    return [Edit(sample.sample_id, main, None)]


def repeated(sample: Sample, last: list[Edit]) -> list[Edit]:
    """The last edits, on this sample."""
    if not last:
        raise LabelError("there is nothing to repeat", hint="Label something first.")
    return [Edit(sample.sample_id, one.field, one.label) for one in last]


def in_words(edits: list[Edit]) -> str:
    """What a step of edits on one sample does: ``emotion sad``, ``valence 0.5, arousal -0.25``."""
    said = []
    for one in edits[:3]:
        value: Value | str = "cleared" if one.label is None else one.label.value
        shown = "unsure" if one.label is not None and one.label.unsure else ""
        said.append(f"{field_word(one.field)} {_short(value)} {shown}".strip())
    more = f" and {len(edits) - 3} more" if len(edits) > 3 else ""
    return ", ".join(said) + more


def _short(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(one) for one in value[:8])
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]
