"""``kelly export``: its options, and what it asks of the core."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line

WORDS = """\
Write a dataset as trainers read it, into DIR, which is made. Quarantined and
rejected samples are left out, and those in no split. Stopped at any moment, the
same command goes on where it was; made twice it gives the same bytes.

An unknown licence, missing features, a leak between splits or a stale proof of
them stops it; --force exports all the same, and the export says so for good.
"""


def add_options(export: argparse.ArgumentParser) -> None:
    export.add_argument("--format", required=True, metavar="F", help="jsonl parquet webdataset jams npz")
    export.add_argument("--out", required=True, metavar="DIR", help="an empty folder, or one not there yet")
    export.add_argument("--filter", default="", metavar="FILTER", help="which samples, as in kelly list")
    export.add_argument("--splits", default="", metavar="S,S", help="of train,val,test; all of them by default")
    export.add_argument("--verified-only", action="store_true", help="what a person confirmed, and its variants")
    export.add_argument("--no-generated", action="store_true", help="no generated samples, nor variants of them")
    export.add_argument(
        "--emotions", default="", metavar="TABLE", help="melancholic=sad,neutral= for trainers; 7: that"
    )
    export.add_argument("--arousal", choices=("-1..1", "0..1"), default="-1..1", help="its range for trainers")
    export.add_argument("--shard-mb", type=_megabytes, default=256, metavar="N", help="music in one shard; 256")
    export.add_argument("--paths", action="store_true", help="parquet names music files instead of holding them")
    export.add_argument("--model", default="", metavar="M", help="npz for another model than the dataset's own")
    export.add_argument("--force", action="store_true", help="although something stands in the way")
    export.add_argument("--link", action="store_true", help="share the music's bytes where the disk can, do not copy")


def _megabytes(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return int(text)


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
        given.paths, given.model, given.link, given.force, **line.options,
    )  # fmt: skip
    line.voice.outcome(outcome)
    line.voice.give(outcome.to_dict())
    return int(bool(outcome.all_failures))
