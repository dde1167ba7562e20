"""What a key does to a sample's labels: pure functions from a sample to the edits of one step.

Nothing here reads or writes; the saver makes the edits durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, Value, check_value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.model.suggestion import Suggestion, offered
from kelly_tui.model.tonality import said_at_once
from kelly_tui.text import count
from kelly_tui.ui.words import field_word, guessed

Make = Callable[[Sequence[Sample]], list[Edit]]
"""What a key does to one sample or to several that are marked, as the edits of one step. Raises `LabelError`."""

NOTHING_SAID: Mapping[str, Value] = MappingProxyType({})

SCALE = ("lowest", "neutral", "highest")
TENTHS = ("0.1", "0.5", "0.9")
"""What the digits 1, 5 and 9 say."""

ACCEPTED_KINDS = ("choice", "key", "number", "meter", "chords")
"""Guesses that a person can have judged by ear. Curves and lists of offsets are measurements: the detector's."""


def each(make: Callable[[Sample], list[Edit]]) -> Make:
    """The same to each of several samples. Those to which it can't be done are left out, unless it is all of them."""

    def made(samples: Sequence[Sample]) -> list[Edit]:
        found: list[Edit] = []
        refused: LabelError | None = None
        for sample in samples:
            try:
                found += make(sample)
            except LabelError as error:
                refused = error
        if refused is not None and not found:
            raise refused
        return found

    return made


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


def typed(config: DatasetConfig, field: str, text: str, beside: Mapping[str, Value] = NOTHING_SAID) -> dict[str, Value]:
    """What is typed for a field, by fields: a key may bring its mode along, which is no other than one `beside` it.

    Raises `LabelError`.
    """
    said = said_at_once({**beside, field: text})
    return {
        name: check_value(FIELDS[name], value, config.choices(name))
        for name, value in said.items()
        if name == field or name not in beside
    }


def typed_value(sample: Sample, config: DatasetConfig, field: str, text: str) -> list[Edit]:
    """What a person typed for a field; nothing typed clears it. A key may bring its mode along."""
    if not text.strip():
        return [Edit(sample.sample_id, field, None)]
    said = typed(config, field, text)
    return [Edit(sample.sample_id, name, Label(value)) for name, value in said.items()]


def typed_values(sample: Sample, config: DatasetConfig, texts: Mapping[str, str]) -> list[Edit]:
    """`typed_value` of several fields."""
    return [edit for field, text in texts.items() for edit in typed_value(sample, config, field, text)]


def affect(sample: Sample, valence: int, arousal: int) -> list[Edit]:
    """Valence and arousal from digits."""
    return [
        Edit(sample.sample_id, name, Label(rated(name, digit)))
        for name, digit in (("valence", valence), ("arousal", arousal))
    ]


def rated(field: str, digit: int) -> float:
    """A place on a scale from -1 to 1: 1 is -1, 5 is 0, 9 is 1. Raises `LabelError` for 0."""
    if not digit:
        raise LabelError(f"0 is no {field_word(field)}", hint="1 is lowest, 5 neutral, 9 highest.")
    return (digit - 5) / 4


def tenths(digit: int) -> float:
    """Quality: 0 is 1.0."""
    return (digit or 10) / 10


def digits_for(field: str, config: DatasetConfig) -> int:
    """How many digits say something of a field, from 1 on."""
    if choices := config.choices(field):
        return len(choices) if len(choices) <= 10 else 0
    return 10 if field == "quality_score" else 9 if FIELDS[field].low == -1 else 0


def digit_words(field: str, config: DatasetConfig, keys: Sequence[str]) -> list[tuple[str, str]]:
    """What digits say of a field, by their keys: its choices; of a scale its ends and its middle; else nothing."""
    if not digits_for(field, config):
        return []
    if FIELDS[field].kind == "number":
        return list(zip((keys[0], keys[4], keys[8]), SCALE if FIELDS[field].low < 0 else TENTHS))
    return list(zip(keys, config.choices(field)))


def by_digit(field: str, config: DatasetConfig, digit: int) -> Value:
    """What a digit says of a field. Raises `LabelError` where it says nothing."""
    if not digits_for(field, config):
        raise LabelError(f"no digit says a {field_word(field)}", hint="‹say_value› types it.")
    if choices := config.choices(field):
        return choice_of(choices, digit)
    return tenths(digit) if field == "quality_score" else rated(field, digit)


def undecided(sample: Sample, config: DatasetConfig) -> bool:
    """Whether nobody has said anything of the sample's main label, nor skipped or flagged it."""
    return sample.decision == "pending" and not sample.value("is_verified") and not _is_labelled(sample, config)


def unguessed(sample: Sample) -> Sample:
    """The sample without what is only guessed."""
    known = {field: one for field, one in sample.labels.items() if not guessed(one.source)}
    return msgspec.structs.replace(sample, labels=known)


def dominance(sample: Sample, digit: int) -> list[Edit]:
    """Dominance from a digit."""
    return [Edit(sample.sample_id, "dominance", Label(rated("dominance", digit)))]


def scaled_tempo(sample: Sample, ratio: float) -> list[Edit]:
    """The tempo times `ratio`. Raises `LabelError` where there is none."""
    tempo = sample.labels.get("tempo_bpm")
    if tempo is None:
        raise LabelError("it has no tempo yet", hint="‹tap› taps one, ‹set_tempo› types one.")
    bpm = check_value(FIELDS["tempo_bpm"], float(str(tempo.value)) * ratio)
    return [Edit(sample.sample_id, "tempo_bpm", Label(bpm))]


def accept_one(sample: Sample, config: DatasetConfig, field: str, suggestion: Suggestion | None) -> list[Edit]:
    """Take over what is guessed, in doubt or suggested of one field."""
    label = sample.labels.get(field)
    if label is not None and (guessed(label.source) or label.in_doubt):
        return [Edit(sample.sample_id, field, Label(label.value))]
    suggested = offered(suggestion, sample, config)
    if field not in suggested:
        raise LabelError(f"there is no guess of {field_word(field)}", hint="‹edit_field› types a value.")
    return [Edit(sample.sample_id, field, Label(suggested[field]))]


def refuse(sample: Sample, config: DatasetConfig, fields: Iterable[str], suggestion: Suggestion | None) -> list[Edit]:
    """Refuse what is guessed of these fields, for good: no detector or model says the same of it again."""
    suggested = offered(suggestion, sample, config)
    marks: list[str] = []
    cleared: list[Edit] = []
    for field in fields:
        label = sample.labels.get(field)
        if label is not None and guessed(label.source):
            marks.append(f"{field}:{label.value}")
            cleared.append(Edit(sample.sample_id, field, None))
        elif field in suggested:
            marks.append(f"{field}:{suggested[field]}" if field == "emotion" else field)
    if not marks:
        raise LabelError("there is no guess to refuse", hint="‹undo› undoes a label.")
    return [_refused(sample, marks), *cleared]


def accept(sample: Sample, config: DatasetConfig, suggestion: Suggestion | None = None) -> list[Edit]:
    """Take over the guesses and what is in doubt, as far as it can be heard, and what is suggested, and verify.

    A `LabelError` where the main label is open, and nothing is suggested for it.
    """
    main = config.model.main_label
    suggested = offered(suggestion, sample, config)
    if main not in sample.labels and main not in suggested:
        raise LabelError(f"{field_word(main)} is open, and nobody has a guess", hint="Choose it by its digit.")
    taken = [
        Edit(sample.sample_id, field, Label(one.value))
        for field, one in sample.labels.items()
        if (guessed(one.source) or one.in_doubt) and FIELDS[field].kind in ACCEPTED_KINDS
    ]
    taken += [Edit(sample.sample_id, field, Label(value)) for field, value in suggested.items()]
    return [*taken, Edit(sample.sample_id, "is_verified", Label(True))]


def skip(sample: Sample, reason: str = "") -> list[Edit]:
    """Decide not to label it."""
    decided = [Edit(sample.sample_id, "decision", Label("skipped"))]
    return [*decided, Edit(sample.sample_id, "skip_reason", Label(reason))] if reason else decided


def flag(samples: Sequence[Sample], config: DatasetConfig) -> list[Edit]:
    """Flag them; take the flag away where all have it."""
    to_flag = [Edit(one.sample_id, "decision", Label("flagged")) for one in samples if one.decision != "flagged"]
    return to_flag or [
        Edit(one.sample_id, "decision", Label("labelled" if _is_labelled(one, config) else "pending"))
        for one in samples
    ]


def _is_labelled(sample: Sample, config: DatasetConfig) -> bool:
    main = sample.labels.get(config.model.main_label)
    return main is not None and main.source == "human"


def reject(
    samples: Sequence[Sample], config: DatasetConfig, suggestion: Callable[[Sample], Suggestion | None]
) -> list[Edit]:
    """Refuse variants, or take that back where all are refused; of others, refuse the guess, for good."""
    variants = [one for one in samples if one.parent_id is not None]
    refused = not all(one.rejected for one in variants)
    made = [Edit(one.sample_id, "rejected", Label(refused)) for one in variants if one.rejected != refused]
    for one in samples:
        if one.parent_id is None:
            made += _refusal(one, config, suggestion(one))
    if not made:
        raise LabelError(
            "there is no guess to refuse", hint="‹reject› refuses variants and guesses; ‹undo› undoes a label."
        )
    return made


def reject_all(variants: Mapping[str, bool]) -> list[Edit]:
    """Refuse those of these variants that are not, by id; take that back where all are refused."""
    refused = not all(variants.values())
    return [Edit(one, "rejected", Label(refused)) for one, before in variants.items() if before is not refused]


def _refusal(sample: Sample, config: DatasetConfig, suggestion: Suggestion | None) -> list[Edit]:
    """Refuse what is guessed of the main label; where that is given, the numbers that are suggested beside it."""
    main = config.model.main_label
    label = sample.labels.get(main)
    suggested = offered(suggestion, sample, config)
    if label is not None and guessed(label.source):
        return [_refused(sample, [f"{main}:{label.value}"]), Edit(sample.sample_id, main, None)]
    if main in suggested:
        return [_refused(sample, [f"{main}:{suggested[main]}"])]
    return [_refused(sample, list(suggested))] if suggested else []


def _refused(sample: Sample, more: Sequence[str]) -> Edit:
    return Edit(sample.sample_id, "refused", Label(list(dict.fromkeys([*sample.refused, *more]))))


def repeated(sample: Sample, last: list[Edit]) -> list[Edit]:
    """The last edits, on this sample."""
    if not last:
        raise LabelError("there is nothing to repeat", hint="Label something first.")
    return [
        _refused(sample, _items(one)) if one.field == "refused" else Edit(sample.sample_id, one.field, one.label)
        for one in last
    ]


def _items(edit: Edit) -> list[str]:
    return [str(one) for one in edit.label.value] if edit.label and isinstance(edit.label.value, list) else []


def in_words(edits: Sequence[Edit]) -> str:
    """What a step does: ``emotion sad``, ``valence 0.5, arousal -0.25``, ``emotion sad on 12 samples``."""
    said: dict[str, str] = {}
    for one in edits:
        if one.field == "refused":
            said["refused"] = _refused_in_words(one, said.get("refused"))
            continue
        if "refused" in said and one.label is None:  # what was refused is taken away
            continue
        words = _decided_in_words(one) or _labelled_in_words(one)
        said[one.field] = words if said.get(one.field, words) == words else field_word(one.field)  # not the same on all
    more = f" and {len(said) - 3} more" if len(said) > 3 else ""
    samples = len({one.sample_id for one in edits})
    return ", ".join(list(said.values())[:3]) + more + (f" on {count(samples, 'sample')}" if samples > 1 else "")


def _labelled_in_words(edit: Edit) -> str:
    value: Value | str = "cleared" if edit.label is None else edit.label.value
    unsure = "unsure" if edit.label is not None and edit.label.unsure else ""
    return f"{field_word(edit.field)} {_short(value)} {unsure}".strip()


_DECIDED: Mapping[tuple[str, Value], str] = {
    ("decision", "pending"): "no longer flagged",
    ("decision", "labelled"): "no longer flagged",
    ("decision", "flagged"): "flagged",
    ("decision", "skipped"): "skipped",
    ("rejected", True): "refused",
    ("rejected", False): "no longer refused",
    ("is_verified", True): "verified",
    ("is_verified", False): "not verified",
}


def _decided_in_words(edit: Edit) -> str:
    """What was decided about a sample, where a field and its value are no words for it; else nothing."""
    if edit.label is None or isinstance(edit.label.value, list):
        return ""
    if edit.field == "skip_reason":
        return f"because {_short(edit.label.value)}"
    return _DECIDED.get((edit.field, edit.label.value), "")


def _refused_in_words(edit: Edit, before: str | None) -> str:
    """``sad refused``; ``guesses refused`` where they are not the same."""
    last = _items(edit)[-1:]
    said = f"{field_word(last[0]) if ':' not in last[0] else last[0].partition(':')[2]} refused" if last else "refused"
    return said if before in (None, said) else "guesses refused"


def _short(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(one) for one in value[:8])
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]
