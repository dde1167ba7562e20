"""A sample as one object, whole, and back: what every format that can be imported again holds.

The names are those of manifest.json: ``annotations`` has the labels' values, ``provenance`` where each came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.choice import Extracted, Record
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.sample import MOST, Sample
from kelly_tui.store.rows import checked
from kelly_tui.store.schema import Provenance, label_of, provenance_of

_FIELDS = tuple(name for name in Sample.__struct_fields__ if name != "labels")


def line_of(record: Record) -> dict[str, Any]:
    """All of a sample but the bytes of its files, to be encoded as JSON; null is nobody's word yet."""
    sample = record.sample
    line = msgspec.structs.asdict(sample)
    del line["labels"]
    line["annotations"] = sample.annotations
    line["provenance"] = {name: provenance_of(label) for name, label in sample.labels.items()}
    line["extracted"] = record.extracted
    return line


def sample_of(line: Mapping[str, Any], config: DatasetConfig) -> Sample:
    """The sample of which `line_of` made this. Raises `FileRefused` with the reason for anything else.

    Values are what a label may be in this dataset; keys that are no part of a sample are passed over.
    """
    try:
        provenance = msgspec.convert(line.get("provenance", {}), dict[str, Provenance])
        annotations = msgspec.convert(line.get("annotations", {}), dict[str, Any])
        sample = msgspec.convert({name: line[name] for name in _FIELDS if name in line}, Sample)
        if wrong := [name for name, most in MOST.items() if not 0 <= (getattr(sample, name) or 0) <= most]:
            raise FileRefused(f"no sample (its {wrong[0]} can't be)")
        sample.labels = {
            name: label_of(checked(name, value, config), provenance.get(name, Provenance()))
            for name, value in annotations.items()
        }
    except msgspec.ValidationError as error:
        raise FileRefused(f"no sample ({error})") from None
    except LabelError as error:
        raise FileRefused(str(error)) from None
    return sample


def extracted_of(line: Mapping[str, Any]) -> Extracted | None:
    """What the catalogue kept of the sample's features; None where that was nothing, or can't be read."""
    try:
        return msgspec.convert(line.get("extracted"), Extracted | None)
    except msgspec.ValidationError:
        return None
