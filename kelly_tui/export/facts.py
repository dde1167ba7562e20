"""What export.json says of an export: all of it follows from the dataset and the options, so no times and no paths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kelly_tui.export.choice import Choice, Plan
from kelly_tui.export.options import Options
from kelly_tui.export.target import LEFT_OUT, UNNAMED
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.report import ExportedFile
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import pretty_json
from kelly_tui.text import count
from kelly_tui.validate import card, croissant
from kelly_tui.validate import facts as dataset_facts

KIND = "kelly export"
MOST_NAMED = 1000
"""So many of the samples that are left out are named in export.json, which is read whole; the others are counted."""

VERSION = 1
"""Of what lies in an export; counts up when a reader of the old one could not read it."""


def identity_of(
    format: str, choice: Choice, options: Options, digest: str, said: dict[str, list[bytes]]
) -> dict[str, Any]:
    """What makes two exports the same, so that one goes on where the other stopped."""
    return {
        "kind": KIND,
        "version": VERSION,
        "format": format,
        "choice": msgspec.to_builtins(choice),
        "options": msgspec.to_builtins(options),
        "digest": digest,
        "said": {name: hashlib.sha256(b"".join(lines)).hexdigest() for name, lines in said.items() if lines},
    }


def facts_of(
    config: DatasetConfig, plan: Plan, options: Options, left_out: dict[str, str], forced: list[str]
) -> dict[str, Any]:
    """The facts but for the files, which `Target.finish` adds, and those that are the format's own.

    `plan` has the numbers of what is written; `left_out` are files of the dataset that could not be, and why.
    """
    main = config.model.main_label
    return {
        "dataset": config.dataset_id,
        "config": config.to_dict(),
        "samples": sum(plan.by_split.values()),
        "by_split": plan.by_split,
        "by_origin": dict(sorted(plan.by_origin.items())),
        f"by_{main}": dict(sorted(plan.by_label.items())),
        "classes": options.classes(config),
        "mappings": options.mappings(config),
        "forced": forced,
        LEFT_OUT: dict(sorted(left_out.items())[:MOST_NAMED]),
        UNNAMED: max(0, len(left_out) - MOST_NAMED),
    }


def card_files(
    catalogue: Catalogue, choice: Choice, facts: dict[str, Any], files: Sequence[ExportedFile]
) -> dict[str, bytes]:
    """README.md and croissant.json of an export, by name: what is so of the dataset, first what is of the export."""
    found, notes = dataset_facts.facts_of(catalogue), list(_notes(choice, facts))
    return {
        "README.md": card.card(found, files, notes).encode(),
        "croissant.json": pretty_json(croissant.croissant(found, files, notes)),
    }


def _notes(choice: Choice, facts: dict[str, Any]) -> Iterator[str]:
    splits = ", ".join(f"{split} {number:,}" for split, number in facts["by_split"].items())
    origins = ", ".join(f"{origin} {number:,}" for origin, number in facts["by_origin"].items())
    yield f"This export holds {count(facts['samples'], 'sample')} ({splits}; {origins}). Figures below: the dataset."
    chosen = [
        f"filter {choice.filter}" if choice.filter else "",
        "verified samples and their variants only" if choice.verified_only else "",
        "without generated samples" if choice.no_generated else "",
    ]
    if any(chosen):
        yield f"Chosen: {'; '.join(filter(None, chosen))}."
    for what in facts["forced"]:
        yield f"Forced although {what}."
    mappings = facts["mappings"]
    if "emotion" in mappings:
        changed = ", ".join(f"{one} is {to or 'left out'}" for one, to in mappings["emotion"].items() if one != to)
        yield f"Emotions were mapped for trainers: {changed}."
    if "arousal" in mappings:
        yield "Arousal is 0..1 for trainers: (arousal + 1) / 2."
    if number := len(facts[LEFT_OUT]) + facts[UNNAMED]:
        yield f"Left out, since their files are gone or changed: {count(number, 'sample')}."
