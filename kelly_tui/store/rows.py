"""A manifest's row as a sample, generously: what can't be understood is kept beside what can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import NoneType
from typing import Any

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, Label, Value, check_value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import DECISIONS, SHOWN, SPLITS
from kelly_tui.model.sample import MOST, Sample, file_type_of
from kelly_tui.model.tonality import apart, author_of, contradiction
from kelly_tui.model.variation import impossible, wanted
from kelly_tui.store.provenance import odd_parts, provenance_in
from kelly_tui.store.schema import SAID_BY, Provenance, label_of
from kelly_tui.text import as_written, json_of, no_number

BY = "manifest.json"
"""Who gave a label of which nothing tells that."""

NOT_TAKEN = "other_annotations"
"""Key of `Sample.extra`: fields and values of a manifest's annotations that no label can have."""

NOT_READ = "not_read"
"""Key of `Sample.extra`: keys of a manifest's row that we know, with values that can't be theirs."""

_KNOWN = frozenset(Sample.__struct_fields__)
_TEXTS = ("sha256", "created_at", "modified_at", "license", "status")
_OPTIONAL_TEXTS = ("split", "features_path", "source", "parent_id", "augmentation_type", "skip_reason")
_FLAGS = ("is_synthetic", "rejected")
_HOW_GENERATED = ("generator", "rendered_with")
"""Keys of `Sample.extra` that tell how to make a generated sample, and its sound, again."""


@dataclass
class ReadRow:
    """A sample, and what of its row could not be taken, in words."""

    sample: Sample
    findings: list[str] = field(default_factory=list)


def read_row(row: Mapping[str, Any], config: DatasetConfig) -> ReadRow:
    """The sample that a row of manifest.json describes, whoever wrote it.

    Nothing is dropped: unknown keys lie in `Sample.extra`; under ``not_read`` there known ones of the wrong type, and
    what has a number that is none; under ``other_annotations`` what can be no label.
    """
    rest = dict(row)
    said_id = rest.pop("sample_id", "") or ""
    sample_id = "" if no_number(said_id) else str(said_id)
    path = rest.pop("file_path") or "" if isinstance(rest.get("file_path", 0), (str, NoneType)) else ""
    sample = Sample(sample_id=sample_id, file_path=path, file_type=_file_type(rest.pop("file_type", None), path))
    read = ReadRow(sample)
    for name in _TEXTS:
        _take(rest, name, str, sample)
    for name in _OPTIONAL_TEXTS:
        _take(rest, name, str, sample)
        if getattr(sample, name) == "":
            setattr(sample, name, None)
    for name in _FLAGS:
        _take(rest, name, bool, sample)
    _take(rest, "file_size_bytes", int, sample)
    _take(rest, "duration_sec", (int, float), sample)
    _take(rest, "augmentation", dict, sample)
    _take(rest, "root_id", str, sample)
    _take(rest, "decision", str, sample)
    others = rest.get("other_sources")
    if isinstance(others, list) and all(isinstance(one, str) for one in others):
        sample.other_sources = rest.pop("other_sources")
    refused = rest.get("refused")
    if isinstance(refused, list) and all(isinstance(one, str) for one in refused):
        sample.refused = rest.pop("refused")
    check_made(sample, rest, read.findings)
    mend(sample, rest, read.findings)
    annotations = rest.pop("annotations", None)
    people = _said_by(rest, read.findings)
    if isinstance(annotations, dict) and not no_number(annotations):
        sample.labels, others = read_annotations(annotations, config, read.findings)
        if others:
            keep_beside(rest, NOT_TAKEN, others)
        if people:
            where = provenance_of_row(people, sample, annotations)
            sample.labels = {name: label_of(label.value, where(name)) for name, label in sample.labels.items()}
    elif annotations is not None:
        keep_beside(rest, NOT_READ, {"annotations": annotations})
        read.findings.append("its annotations are no object")
    if not_read := {name: rest.pop(name) for name in [*rest] if name in _KNOWN or _is_no_json(name, rest[name])}:
        read.findings.append(f"can't be read: {', '.join(not_read)}")
        keep_beside(rest, NOT_READ, not_read)
    sample.extra = as_written(rest)
    return read


def _is_no_json(name: str, value: object) -> bool:
    """Whether a stranger's value is, or has in it, a number that is none."""
    return name not in (NOT_READ, NOT_TAKEN) and bool(as_written(value) != value)


def check_made(sample: Sample, extra: dict[str, Any], findings: list[str]) -> None:
    """Keep beside what nothing can have written of how a sample was made: of that nobody can tell any more."""
    made = sample.augmentation or {}
    if said := no_number(made):
        findings.append(f"its augmentation can't be {said}. Wanted: an object")
        keep_beside(extra, NOT_READ, {"augmentation": said})
        sample.augmentation, made = None, {}
    for name, value in impossible(made).items():
        said = no_number(value) or json_of(as_written(value)).decode()
        findings.append(f"its {name} can't be {said[:SHOWN]}. Wanted: {wanted(name)}")
    if wrong := impossible(made):
        keep_beside(extra, NOT_READ, {"augmentation": as_written(wrong)})
    if made:
        sample.augmentation = as_written({**made, **dict.fromkeys(wrong)})
    for name in _HOW_GENERATED if sample.origin == "generated" else ():
        if not isinstance(extra.get(name), (dict, NoneType)):
            findings.append(f"its {name} is no object")
            keep_beside(extra, NOT_READ, as_written({name: extra.pop(name)}))


def keep_beside(extra: dict[str, Any], name: str, values: Mapping[str, Any]) -> None:
    """Add to what is kept under `name`; what another program has there, and is no object, is kept in it."""
    before = extra.get(name) or {}
    extra[name] = {**(before if isinstance(before, dict) else {name: before}), **values}


def annotations_in(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says of labels; nothing where that is no object."""
    said = row.get("annotations")
    return said if isinstance(said, dict) and not no_number(said) else {}


def read_annotations(
    annotations: Mapping[str, Any], config: DatasetConfig, findings: list[str]
) -> tuple[dict[str, Label], dict[str, Any]]:
    """(labels, what can be none). Who gave them is not written there: see `kelly_tui.store.unsourced`."""
    labels: dict[str, Label] = {}
    others: dict[str, Any] = {}
    if why := contradiction(annotations):
        others["key"] = annotations["key"]
        findings.append(why)
    for name, raw in apart(annotations).items():
        if raw in (None, "", []) or raw == {}:
            continue
        try:
            labels[name] = Label(checked(name, raw, config), by=BY)
        except LabelError as error:
            others[name] = raw
            findings.append(str(error))
    return labels, others


def provenance_of_row(
    people: Mapping[str, Provenance], sample: Sample, said: Mapping[str, object]
) -> Callable[[str], Provenance]:
    """Where each label comes from that is `said` by a row; it tells which a person gave, the sample's origin others."""
    other = nobodys(sample)
    return lambda name: people.get(author_of(name, said), other)


def nobodys(sample: Sample) -> Provenance:
    """Where a label comes from of which nothing tells that: of the sample's origin, and no person's."""
    return Provenance({"imported": "folder", "augmented": "inherited"}.get(sample.origin, "generator"), BY)


def people_of(row: Mapping[str, Any]) -> dict[str, Provenance]:
    """By field, who gave the labels that people gave, whatever source it names; empty where a row does not say so.

    Where no name or time can be read it was a person still: a label that nobody gave any stage may write over.
    """
    said = row.get(SAID_BY)
    if not isinstance(said, dict):
        return {}
    told = provenance_in({
        name: {part: value for part, value in one.items() if part != "source"} if isinstance(one, dict) else one
        for name, one in said.items()
    })  # fmt: skip
    return {
        name: msgspec.structs.replace(told.get(name, Provenance()), source="human", confidence=None)
        for name in said
        if name in FIELDS
    }


def _said_by(rest: dict[str, Any], findings: list[str]) -> dict[str, Provenance]:
    """The same, taken out of a row."""
    people = people_of(rest)
    if people:
        said = rest.pop(SAID_BY)
        odd = {name for name, _ in odd_parts(said)}
        wrong = {
            name: one
            for name, one in said.items()
            if name in odd or name not in people or not isinstance(one, dict) or no_number(one)
        }
        if wrong:
            keep_beside(rest, NOT_READ, {SAID_BY: wrong})
            findings.append(f"who gave it can't be read: {', '.join(wrong)}")
    return people


def checked(name: str, value: object, config: DatasetConfig) -> Value:
    """`value` as a label of the field called exactly `name`, or a `LabelError`."""
    field_ = FIELDS.get(name)
    if field_ is None:
        raise LabelError(f"there is no field {name!r}")
    return check_value(field_, value, config.choices(name))


def _take(rest: dict[str, Any], name: str, kind: type | tuple[type, ...], sample: Sample) -> None:
    """Move a value of the right type to the sample; None says nothing; what is of another type stays in `rest`."""
    value = rest.get(name)
    if value is None:
        rest.pop(name, None)
    elif isinstance(value, (int, float)) and not 0 <= value <= MOST.get(name, 1):
        return  # no file has such a size or length
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        setattr(sample, name, rest.pop(name))


def mend(sample: Sample, rest: dict[str, Any], findings: list[str]) -> None:
    """What older rows say otherwise, in today's words."""
    if sample.split not in (None, *SPLITS):
        findings.append(f"{sample.split[:SHOWN]!r} is no split")
        rest["split"], sample.split = sample.split, None
    if "\0" in (sample.features_path or ""):
        findings.append("its features_path can be that of no file")
        rest["features_path"], sample.features_path = sample.features_path, None
    if sample.decision not in DECISIONS:
        rest["decision"], sample.decision = sample.decision, "pending"
    if sample.parent_id is not None:
        sample.is_synthetic = False  # it once meant "not imported"
        if sample.root_id == sample.sample_id or not sample.root_id:
            sample.root_id = sample.parent_id
    sample.root_id = sample.root_id or sample.sample_id
    sample.status = sample.status or "ok"
    if sample.duration_sec == 0 and not sample.sha256:
        sample.duration_sec = None  # it was not measured


def _file_type(said: object, path: str) -> str:
    if said in ("midi", "audio"):
        return str(said)
    guess = file_type_of(PurePosixPath(path).name)
    if guess is not None:
        return guess
    return "midi" if said in ("mid", ".mid", ".midi") else "audio"
