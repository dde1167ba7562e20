"""What export.json says of an export: all of it follows from the dataset and the options, so no times and no paths."""

from __future__ import annotations

from typing import Any

import msgspec

from kelly_tui.export.choice import Choice, Plan
from kelly_tui.export.options import Options
from kelly_tui.export.target import Target
from kelly_tui.model.dataset import DatasetConfig

KIND = "kelly export"
VERSION = 1
"""Of what lies in an export; counts up when a reader of the old one could not read it."""


def identity_of(format: str, choice: Choice, options: Options, digest: str) -> dict[str, Any]:
    """What makes two exports the same, so that one goes on where the other stopped."""
    return {
        "kind": KIND,
        "version": VERSION,
        "format": format,
        "choice": msgspec.to_builtins(choice),
        "options": msgspec.to_builtins(options),
        "digest": digest,
    }


def facts_of(config: DatasetConfig, plan: Plan, options: Options, target: Target, forced: list[str]) -> dict[str, Any]:
    """The facts but for the files, which `Target.finish` adds, and those that are the format's own."""
    left_out = {name: why for done in target.done.values() for name, why in done.left_out.items()}
    main = config.model.main_label
    return {
        "dataset": config.dataset_id,
        "config": config.to_dict(),
        "samples": plan.samples - len(left_out),
        "by_split": plan.by_split,
        "by_origin": dict(sorted(plan.by_origin.items())),
        f"by_{main}": dict(sorted(plan.by_label.items())),
        "classes": options.classes(config),
        "mappings": options.mappings(config),
        "forced": forced,
        "left_out": left_out,
    }
