"""``kelly show``: what is known of one sample, by whom, how surely, why, and what was changed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kelly_tui.cli.commands import Line
    from kelly_tui.model.annotation import Label
    from kelly_tui.model.edit import Event
    from kelly_tui.model.issue import Issue
    from kelly_tui.model.sample import Sample
    from kelly_tui.model.suggestion import Suggestion

ITEMS = 8
"""So many of a list are shown."""
FIELDS_OF_A_STEP = 3
"""So many of what one key press or stage changed are told."""


class _Known(NamedTuple):
    """What is known of one sample."""

    sample: Sample
    suggestion: Suggestion | None
    issue: Issue | None
    reasons: dict[str, str]
    """By field, what a detected label rests on, or why there is none."""
    steps: list[list[Event]]
    """What each key press or stage changed, newest first."""

    def why(self, field: str) -> str:
        """What the label rests on, or why there is none; nothing of what no detector said."""
        label = self.sample.labels.get(field)
        return self.reasons.get(field, "") if label is None or label.source == "detector" else ""


def show(line: Line) -> int:
    """The labels of a sample, why they are there or not, what is suggested, and its history in words."""
    from kelly_tui.features.reasons import read_reasons
    from kelly_tui.model.annotation import FIELDS
    from kelly_tui.store import history
    from kelly_tui.store.issues import issue
    from kelly_tui.store.suggestions import suggestion

    with line.looking() as catalogue:
        sample = catalogue.find(line.arguments.sample)
        features, most = sample.features_path, line.arguments.limit
        events = history.history(catalogue, sample.sample_id, most * len(FIELDS))
        known = _Known(
            sample,
            suggestion(catalogue, sample.sample_id),
            issue(catalogue, sample.sample_id),
            read_reasons(catalogue.root, features) if features else {},
            [list(step) for _, step in groupby(events, lambda event: event.step)][:most],
        )
        needs = catalogue.config.model.needs
    line.voice.give(_as_json(known))
    for words in _facts(known):
        line.voice.say(words)
    line.voice.table(list(_rows(known, needs)), ["field", "value", "from", "sure", "why"], right=frozenset({3}))
    if not known.reasons and sample.status == "ok":
        line.voice.notice("no features yet, or older ones that do not say why: kelly extract")
    if known.steps:
        line.voice.say()
    for step in known.steps:
        line.voice.say(_step_in_words(step))
    return 0


def _facts(known: _Known) -> Iterable[str]:
    sample = known.sample
    parts = [
        sample.origin,
        sample.augmentation_type or "",
        "rejected" if sample.rejected else sample.decision,
        sample.skip_reason or "",
        sample.split or "no split",
        f"{sample.duration_sec:.1f} s" if sample.duration_sec is not None else "",
        sample.file_type,
        sample.sample_id,
    ]
    yield sample.file_path
    yield " · ".join(part for part in parts if part)
    if sample.status != "ok":
        yield f"set aside: {sample.status}"
    if sample.refused:
        yield f"refused: {', '.join(sample.refused)}"
    if known.suggestion is not None:
        yield f"suggested: {_suggested(known.suggestion)}"
    if known.issue is not None:
        yield known.issue.words(known.issue.field)
    yield ""


def _suggested(one: Suggestion) -> str:
    """``sad 0.71, melancholic 0.22; valence -0.4 ± 0.6, arousal -0.3 ± 0.42: minor, 68 BPM``."""
    likely = ", ".join(f"{name} {share:.2f}" for name, share in list(one.probabilities.items())[:3])
    plane = ", ".join(
        f"{name} {value:g} ± {spread or 0:g}"
        for name, value, spread in (
            ("valence", one.valence, one.valence_spread),
            ("arousal", one.arousal, one.arousal_spread),
        )
        if value is not None
    )
    said = "; ".join(part for part in (likely, plane) if part)
    return f"{said}: {one.why}" if said else one.why


def _rows(known: _Known, needs: tuple[str, ...]) -> Iterable[list[str]]:
    """The labels and those that are absent for a reason; what the dataset's model needs comes first."""
    from kelly_tui.model.annotation import FIELDS

    for field in dict.fromkeys((*needs, *FIELDS)):
        label = known.sample.labels.get(field)
        if label is not None:
            sure = "" if label.confidence is None else f"{label.confidence:.2f}"
            yield [field, _in_short(label.value), _whence(label), sure, known.why(field)]
        elif field in needs or known.why(field):
            yield [field, "·", "", "", known.why(field)]


def _whence(label: Label) -> str:
    by = f" {label.by}" if label.by and label.source in ("human", "generator", "model") else ""
    return label.source + by + ", unsure" * label.unsure + ", in doubt" * label.in_doubt


def _in_short(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:g}" if isinstance(value, float) else str(value)
    more = f" … {len(value):,} in all" if len(value) > ITEMS else ""
    return " ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value[:ITEMS]) + more


def _step_in_words(step: list[Event]) -> str:
    """``2026-11-29 11:20:01  ann  emotion happy (was sad), decision labelled (was pending)``."""
    first = step[0]
    changed = [_event_in_words(event) for event in reversed(step)]
    more = f" and {len(changed) - FIELDS_OF_A_STEP} more" if len(changed) > FIELDS_OF_A_STEP else ""
    how = "" if first.kind in ("edit", "stage") else f" ({first.kind})"
    when = first.at[:19].replace("T", " ")
    return f"{when}  {first.actor}{how}  {', '.join(changed[:FIELDS_OF_A_STEP])}{more}"


def _event_in_words(event: Event) -> str:
    new = "cleared" if event.new is None else _in_short(event.new.value)
    return f"{event.field} {new}" + (f" (was {_in_short(event.old.value)})" if event.old is not None else "")


def _as_json(known: _Known) -> dict[str, Any]:
    from msgspec import to_builtins

    from kelly_tui.cli.samples import sample_object

    labels = {
        field: {**to_builtins(label), "source": label.source, **({"why": why} if (why := known.why(field)) else {})}
        for field, label in known.sample.labels.items()
    }
    absent = {field: why for field, why in known.reasons.items() if field not in labels}
    return {
        **sample_object(known.sample),
        "labels": labels,
        "absent": absent,
        "refused": known.sample.refused,
        "suggestion": known.suggestion and to_builtins(known.suggestion),
        "issue": known.issue and to_builtins(known.issue),
        "history": [to_builtins(event) for step in known.steps for event in step],
    }
