"""``kelly export``: what its options ask of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line


def export(line: Line) -> int:
    """Write the export; the exit code, 1 where samples had to be left out."""
    from kelly_tui.export.choice import splits_named
    from kelly_tui.export.options import emotions_named
    from kelly_tui.pipeline.stages import export_dataset
    from kelly_tui.store.layout import load_config

    given, root = line.arguments, line.root
    outcome = export_dataset(
        root, given.format, given.out, given.filter, splits_named(given.splits), given.verified_only,
        given.no_generated, emotions_named(given.emotions, load_config(root)), given.arousal, given.shard_mb,
        given.paths, given.model, given.link, given.force, given.anew, **line.options,
    )  # fmt: skip
    line.voice.outcome(outcome)
    line.voice.give(outcome.to_dict())
    return int(bool(outcome.all_failures))
