"""The labels of one sample: the question being asked, then what is known, and by whom.

In edit mode every field of the annotation is a line with a cursor; otherwise the fields that its model needs come
first, and as many lines are shown as there is room for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from kelly_tui.model.annotation import FIELDS, Label, Value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.issue import Issue
from kelly_tui.model.sample import Sample
from kelly_tui.model.suggestion import Suggestion, offered
from kelly_tui.text import count, safe_text
from kelly_tui.ui.paint import Line, Span, clickable, fit, length, spread, wrapped
from kelly_tui.ui.widgets import pad
from kelly_tui.ui.widgets.painted import Painted
from kelly_tui.ui.words import clock, field_word, guessed, half_that_marks, key_name, number, numerals, provenance, said

NAME_WIDTH = 13
VALUE_WIDTH = 18
"""A value is so wide or wider, so that where the values came from stands in a column."""
WHENCE_WIDTH = 16
SURE_WIDTH = 7
"""Where a value came from is so wide or wider, so that what it rests on stands in a column."""
SHORTEST_REASON = 12
BESIDE_PAD = 72
"""What fields need beside the pad, so that what they rest on can be read; V opens it in less."""
_WORTH_SAYING = 0.15
"""The probability from which a second suggestion is shown."""
LIKELY_WRONG = 0.1
"""The probability from which it is said that a label may be wrong: twice what any label has."""
MOST_NUMERALS = 16
"""Chords whose numerals stand beside them."""
NARROW = 4
"""Lines under which the form is a question and one line of facts."""

FACT_GAP = 3
"""Cells between two facts of the one line."""

SUMMARY = ("valence", "arousal", "key", "tempo_bpm", "time_signature", "swing_ratio", "groove_type", "articulation",
           "dynamic_range", "chord_progression", "melodic_contour")  # fmt: skip
"""What the one line of a small form may say, in this order."""


class Form(Painted):
    """Shows a sample's annotation; the workstation decides what keys do to it."""

    def __init__(self, config: DatasetConfig, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.config = config
        self.sample: Sample | None = None
        self.suggestion: Suggestion | None = None
        self.issue: Issue | None = None
        self.reasons: Mapping[str, str] = {}
        """By field, what a detected label rests on or why there is none; empty until they are read."""
        self.cursor: int | None = None
        """The line that is edited, in edit mode."""
        self.point: pad.Point | None = None
        """The point that is moved, while the pad is open."""

    @property
    def fields(self) -> list[str]:
        """All fields, those that the target model needs first."""
        needs = self.config.model.needs
        return [*needs, *(name for name in FIELDS if name not in needs)]

    @property
    def field(self) -> str | None:
        """The field under the cursor."""
        return None if self.cursor is None else self.fields[self.cursor]

    def show(self, sample: Sample | None, suggestion: Suggestion | None = None, issue: Issue | None = None) -> None:
        if (sample, suggestion, issue) != (self.sample, self.suggestion, self.issue):
            if sample is None or self.sample is None or sample.sample_id != self.sample.sample_id:
                self.reasons = {}
            self.sample, self.suggestion, self.issue = sample, suggestion, issue
            self.repaint()

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Say beside the fields of the sample shown what they rest on."""
        if reasons != self.reasons:
            self.reasons = reasons
            self.repaint()

    def reason(self, name: str) -> str:
        """What the detected label of a field rests on, or why there is none."""
        label = None if self.sample is None else self.sample.labels.get(name)
        return self.reasons.get(name, "") if label is None or label.source == "detector" else ""

    @property
    def _heard(self) -> dict[str, Value]:
        """What is suggested for the sample, by the empty field that it would fill."""
        return {} if self.sample is None else offered(self.suggestion, self.sample, self.config)

    def move_to(self, line: int | None) -> None:
        """Put the cursor on that line; None leaves edit mode."""
        self.cursor = None if line is None else max(0, min(line, len(self.fields) - 1))
        self.repaint()

    def put(self, point: pad.Point | None) -> None:
        """Open the pad with the point there; None closes it."""
        self.point = point
        self.repaint()

    def paint(self, width: int, height: int) -> list[Line]:
        if self.sample is None:
            return []
        if self.cursor is not None:
            return self._all_fields(self.sample, width, height)
        question = self._question(self.sample, width, height)
        if self.point is not None:
            lines = pad.pad(self.config.emotion_labels, self.point, "accent")
            return [*(question[: height - pad.HEIGHT]), *([(" ", "text"), *line] for line in lines)]
        if height <= NARROW:
            asked = question[: height - 1]
            blank: list[Line] = [()] * (height - 1 - len(asked))
            return [*asked, *blank, [(" ", "text"), *summary(self.sample, self.config, width - 1, self._heard)]]
        room = height - len(_origin(self.sample)) - 1
        beside = self._pad(self.sample) if self._has_room_for_pad(width, room - len(question) - 1) else []
        left = width - pad.WIDTH - 2 if beside else width
        fields: list[Line] = [self._field_line(self.sample, name, left) for name in self.fields[1:]]
        if len(question) + 1 + len(fields) > room:  # what nobody has said anything about gives way first
            fields = self._chosen(self.sample, left, room - len(question) - 1)
        fields += [()] * (len(beside) - len(fields))
        fields[: len(beside)] = [spread(field, [*line, (" ", "text")], width) for field, line in zip(fields, beside)]
        return [*[*question, (), *fields][:room], (), *_origin(self.sample)]

    def _guess(self, name: str) -> Line:
        """What is suggested for an empty field: ``sad? .71   melancholic? .22``, ``-0.4? ± 0.6``."""
        heard, said = self._heard, self.suggestion
        if name not in heard or said is None:
            return []
        if name == "emotion":
            likely = [(one, share) for one, share in said.probabilities.items() if share >= _WORTH_SAYING]
            shown = likely[:2] or list(said.probabilities.items())[:1]
            return [("   ".join(f"{one}? {share:.2f}".replace("0.", ".") for one, share in shown) + "   ", "dim")]
        spread = said.valence_spread if name == "valence" else said.arousal_spread
        return [(f"{number(float(str(heard[name])))}? ± {number(spread or 0)}   ", "dim")]

    def _question(self, sample: Sample, width: int, height: int) -> list[Line]:
        """The main label, what is suggested for it and why, and the digits that set it."""
        main = self.config.model.main_label
        asked, *choices = _question(sample, self.config, width, self.app.keymap.digits)
        if (wrong := self._wrong) is not None:
            rest = width - length(asked) - 1
            small = height <= NARROW
            if length([wrong]) <= rest or (small and len(choices) > 1):
                return [[*asked, (" ", "text"), (fit(wrong[0], rest).rstrip(), wrong[1])], *choices]
            inward = 1 if small else NAME_WIDTH + 1
            below: Line = [(" " * inward, "text"), (fit(wrong[0], width - inward).rstrip(), wrong[1])]
            return [asked, *choices, below] if small else [asked, below, *choices]
        asked = [*asked, *self._reason(main, width - length(asked))] if main in sample.labels else asked
        if main != "emotion" or main in sample.labels or sample.status != "ok" or self.suggestion is None:
            return [asked, *choices]
        guess, why = self._guess(main), (safe_text(self.suggestion.why), "dim")
        before, after = asked[:2], asked[2:]  # the name and its dot; what was decided
        line: Line = [*before, ("    ", "text"), *guess, *after]
        gap: Line = [("   ", "text")] if after else []
        if length([*line, *gap, why]) < width:
            return [[*line, *gap, why], *choices]
        if height <= NARROW:
            return [line, *choices]
        return [line, [(" " * (NAME_WIDTH + 6), "text"), why], *choices]

    @property
    def _wrong(self) -> Span | None:
        """That one of the labels may be wrong, and why."""
        if self.issue is None or self.issue.issue < LIKELY_WRONG:
            return None
        return safe_text(self.issue.words(field_word(self.issue.field)), limit=None), "accent"

    def _has_room_for_pad(self, width: int, height: int) -> bool:
        """Beside the fields, their values and where these came from; where emotions are asked for."""
        return "emotion" in self.config.model.needs and width >= BESIDE_PAD + pad.WIDTH and height >= pad.HEIGHT

    def _pad(self, sample: Sample) -> list[Line]:
        valence, arousal = sample.labels.get("valence"), sample.labels.get("arousal")
        point = None
        if valence is not None and arousal is not None:
            point = pad.Point.of(float(str(valence.value)), float(str(arousal.value)))
        elif self._heard.keys() >= {"valence", "arousal"}:
            point = pad.Point.of(float(str(self._heard["valence"])), float(str(self._heard["arousal"])))
        return pad.pad(self.config.emotion_labels, point, "dim" if valence is None else valence.source)

    def _chosen(self, sample: Sample, width: int, room: int) -> list[Line]:
        needs = self.config.model.needs
        ranked = sorted(self.fields[1:], key=lambda name: (name not in needs, name not in sample.labels))
        kept = set(ranked[: max(room, 0)])
        return [self._field_line(sample, name, width) for name in self.fields[1:] if name in kept]

    def _all_fields(self, sample: Sample, width: int, height: int) -> list[Line]:
        assert self.cursor is not None
        first = max(0, min(self.cursor - height // 2, len(self.fields) - height))
        shown = self.fields[first : first + height]
        return [
            self._field_line(sample, name, width, chosen=first + number == self.cursor)
            for number, name in enumerate(shown)
        ]

    def _field_line(self, sample: Sample, name: str, width: int, *, chosen: bool = False) -> Line:
        label = sample.labels.get(name)
        start: list[Span] = [
            ("▌" if chosen else " ", "accent"),
            clickable((fit(field_word(name), NAME_WIDTH), "strong" if chosen else "dim"), "field", name),
        ]
        if label is None:
            meaning = FIELDS[name].meaning if chosen else ""
            said_so: Line = [*start, clickable(("·  ", "faint"), "field", name), *self._guess(name), (meaning, "faint")]
            return said_so if meaning else [*said_so, *self._reason(name, width - length(said_so), "faint")]
        room = width - NAME_WIDTH - WHENCE_WIDTH - 2
        value = said(name, label.value) + (_numerals(sample) if name == "chord_progression" else "")
        value = fit(value, max(min(room, VALUE_WIDTH), min(cell_len(value), room)))
        line: Line = [
            *start,
            clickable((value, label.source), "field", name),
            (f" {provenance(label):{SURE_WIDTH}}", label.source),
        ]
        return [*line, *self._reason(name, width - length(line))]

    def _reason(self, name: str, room: int, style: str = "dim") -> Line:
        """What a value rests on, or why there is none, where there is room to say it."""
        why = self.reason(name)
        return [(f" {fit(why, room - 2).rstrip()}", style)] if why and room - 2 >= SHORTEST_REASON else []


def _numerals(sample: Sample) -> str:
    """`` · i VI III VII`` behind chords, where the key is labelled."""
    chords, key, mode = map(sample.value, ("chord_progression", "key", "mode"))
    if not isinstance(chords, list) or key is None:
        return ""
    found = numerals([str(one) for one in chords[:MOST_NUMERALS]], str(key), str(mode or "major"))
    return f" · {found}{' …' if len(chords) > MOST_NUMERALS else ''}"


def _question(sample: Sample, config: DatasetConfig, width: int, digits: Sequence[str]) -> list[Line]:
    """The main label and the keys that set it."""
    main = config.model.main_label
    label = sample.labels.get(main)
    value = None if label is None or guessed(label.source) else str(label.value)
    answer: list[Span]
    if label is None:
        answer = [("·", "faint")]
    elif value is None:
        answer = [("·    ", "faint"), (f"{label.value}? ", label.source), (provenance(label)[1:].strip(), "dim")]
    else:
        answer = [(f"{value}  ", "strong"), (provenance(label), label.source)]
    if sample.status != "ok":
        answer = [(f"! {sample.status}", "broken")]
    elif sample.decision in ("skipped", "flagged"):
        reason = f": {sample.skip_reason}" if sample.skip_reason else ""
        answer.append((f"   {sample.decision}{reason}", "accent"))
    asked: Line = [(" " + fit(field_word(main), NAME_WIDTH), "text"), *answer]
    choices: list[Line] = [
        [
            clickable(span, "label", (number + 1) % 10)
            for span in ((key, "accent"), (f" {choice}", "strong" if choice == value else "dim"))
        ]
        for number, (key, choice) in enumerate(zip(digits, config.main_choices))
    ]
    lines = min((wrapped(choices, width - 2, gap) for gap in (2, 1)), key=len)
    return [asked, *([(" ", "text"), *line] for line in lines)]


def summary(sample: Sample, config: DatasetConfig, width: int, heard: Mapping[str, Value]) -> Line:
    """The most telling facts that fit one line: what a person said gives way last, before it what the model needs.

    Of what is only suggested (`heard`) there is valence and arousal: accepting takes them too. The main label is
    asked above.
    """
    main, *needs = config.model.needs
    facts = {
        name: _fact(sample, name, label)
        for name in SUMMARY
        if name != main and (label := sample.labels.get(name)) is not None
    }
    facts |= {name: _suggested(name, heard[name]) for name in ("valence", "arousal") if name in heard}
    kept: set[str] = set()
    room = width

    def gives_way(name: str) -> tuple[bool, bool, int]:
        label = sample.labels.get(name)
        return label is None or label.source != "human", name not in needs, SUMMARY.index(name)

    for name in sorted(facts, key=gives_way):
        if (needed := length(facts[name]) + (FACT_GAP if kept else 0)) > room:
            break
        kept.add(name)
        room -= needed
    shown = [facts[name] for name in SUMMARY if name in kept]
    return [span for n, fact in enumerate(shown) for span in ([(" " * FACT_GAP, "text")] if n else []) + [*fact]]


def _suggested(name: str, value: Value) -> Line:
    return [(f"{field_word(name)} {said(name, value)}?", "dim")]


def _fact(sample: Sample, name: str, label: Label) -> Line:
    text = said(name, label.value)
    if name == "key" and (mode := sample.labels.get("mode")) is not None:
        text = f"key {key_name(text, str(mode.value))}"
        label = {"key": label, "mode": mode}[half_that_marks(label.source, mode.source)]
    elif name == "key":
        text = f"key {text}"
    elif name in ("valence", "arousal", "swing_ratio", "melodic_contour"):
        text = f"{field_word(name)} {text}"
    elif name == "chord_progression":
        text = fit(text, 24).rstrip()
    mark = provenance(label).split(" ")[0]
    return [(text, label.source), (f" {mark}", label.source)]


def _origin(sample: Sample) -> list[Line]:
    """Where the file came from, in one line."""
    parts: Sequence[str] = (
        sample.origin,
        sample.augmentation_type or "",
        sample.split or "no split",
        clock(sample.duration_sec) if sample.duration_sec else "",
        sample.file_type,
        count(max(sample.file_size_bytes // 1024, 1), "kB", "kB"),
    )
    return [[(" " + " · ".join(part for part in parts if part), "faint")], [(f" {sample.file_path}", "faint")]]
