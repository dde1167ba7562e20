"""A sample as one object, whole, and back: what every format that can be imported again holds.

The names are those of manifest.json: ``annotations`` has the labels' values, ``provenance`` where each came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.choice import Extracted, Record
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import DECISIONS, SHOWN
from kelly_tui.model.sample import MOST, Sample
from kelly_tui.store.provenance import odd_parts, provenance_in
from kelly_tui.store.rows import check_made, checked, mend, nobodys
from kelly_tui.store.schema import Provenance, label_of, provenance_of
from kelly_tui.text import as_written, no_number

_KINDS = {field.name: field.type for field in msgspec.structs.fields(Sample) if field.name != "labels"}
_WHICH = ("sample_id", "file_path", "file_type", "is_synthetic", "parent_id", "root_id", "augmentation")
"""What tells which sample it is, and of which it was made: another one could lie in another split."""


def line_of(record: Record) -> dict[str, Any]:
    """All of a sample but the bytes of its files, to be encoded as JSON; null is nobody's word yet."""
    sample = record.sample
    line = msgspec.structs.asdict(sample)
    del line["labels"]
    line["annotations"] = sample.annotations
    line["provenance"] = {name: provenance_of(label) for name, label in sample.labels.items()}
    line["extracted"] = record.extracted
    return line


def sample_of(line: Mapping[str, Any], config: DatasetConfig, findings: list[str]) -> Sample:
    """The sample of which `line_of` made this. Raises `FileRefused` where it does not tell which sample that is.

    Labels are those that may be in this dataset; any other value is left out that can't be, of which `findings` hears.
    Keys that are no part of a sample are passed over.
    """
    try:
        known = {name: msgspec.convert(line[name], _KINDS[name]) for name in _WHICH if name in line}
        sample = msgspec.convert(known, Sample)
    except msgspec.ValidationError as error:
        raise FileRefused(f"no sample ({error})") from None
    for name in (name for name in _KINDS if name in line and name not in _WHICH):
        try:
            value = msgspec.convert(line[name], _KINDS[name])
        except msgspec.ValidationError:
            findings.append(f"its {name} can't be {_shown(line[name])}")
            continue
        if no_number(value) or (name in MOST and not 0 <= (value or 0) <= MOST[name]):
            findings.append(f"its {name} can't be {_shown(value)}")
            continue
        setattr(sample, name, as_written(value))
        if getattr(sample, name) != value:
            findings.append(f"a number in its {name} is none: kept as text")
    check_made(sample, sample.extra, findings)
    if sample.decision not in DECISIONS:
        findings.append(f"{sample.decision[:SHOWN]!r} is no decision")
    mend(sample, sample.extra, findings)
    sample.labels = _labels_in(line, sample, config, findings)
    main = config.model.main_label
    if sample.decision == "labelled" and main not in sample.labels and findings:
        sample.decision = "pending"
    return sample


def _labels_in(line: Mapping[str, Any], sample: Sample, config: DatasetConfig, findings: list[str]) -> dict[str, Label]:
    annotations, told = line.get("annotations", {}), line.get("provenance", {})
    if not isinstance(annotations, dict) or not isinstance(told, dict):
        findings.append("its annotations, or their provenance, are no object")
        return {}
    where, found = provenance_in(told), {}
    other = nobodys(sample)
    findings += [f"the {part} of its {name} can't be {_shown(told[name][part])}" for name, part in odd_parts(told)]
    for name, value in annotations.items():
        try:
            label = checked(name, value, config)
        except LabelError as error:
            findings.append(str(error).removesuffix("."))
            continue
        if name in told and name not in where:
            findings.append(f"who gave its {name} can't be read")
        found[name] = label_of(label, where.get(name, other if name in told else Provenance()))
    return found


def _shown(value: object) -> str:
    return no_number(value) or repr(value)[:SHOWN]


def extracted_of(line: Mapping[str, Any]) -> Extracted | None:
    """What the catalogue kept of the sample's features; None where that was nothing, or can't be read."""
    try:
        found = msgspec.convert(line.get("extracted"), Extracted | None)
        msgspec.convert(found.columns if found else {}, dict[str, float | str | None])
    except msgspec.ValidationError:
        return None
    return found
