"""``kelly import``: what came in; beforehand, with --dry-run, what each folder's label will be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line


def import_music(line: Line) -> int:
    """Take in what was named; the exit code, 1 where files were refused."""
    from kelly_tui.pipeline import stages

    outcome = stages.import_files(line.root, line.arguments.paths, line.arguments.link, **line.options)
    line.voice.outcome(outcome)
    line.voice.give(outcome.to_dict())
    if folders := outcome.details.get("folders"):
        rows = [[one["folder"] or ".", f"{one['files']:,}", _labels_in_words(one)] for one in folders]
        line.voice.table(rows, ["folder", "files", "labels that kelly annotate gives"], right=frozenset({1}))
    return int(bool(outcome.all_failures))


def _labels_in_words(folder: dict[str, Any]) -> str:
    said = [f"{field} {value}" for field, value in folder["labels"].items()]
    said += [f"no {field}: {' and '.join(values)}" for field, values in folder["disagree"].items()]
    return ", ".join(said) or "·"
