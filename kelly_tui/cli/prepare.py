"""``kelly prepare``: the flags of the first dataset script, alone or together, in the order of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelly_tui.cli import commands
from kelly_tui.errors import KellyError

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line
    from kelly_tui.pipeline.stages import Step

ACTIONS = ("all", "create", "import_dir", "annotate", "annotate_interactive", "extract_features", "augment",
           "synthesize", "validate", "stats")  # fmt: skip


def prepare(line: Line) -> int:
    """Do what the flags say. ``--all`` makes the dataset if there is none, and is every other but the interactive."""
    from kelly_tui.store.layout import is_dataset

    given = line.arguments
    if not any(getattr(given, name) for name in ACTIONS):
        raise KellyError("prepare wants something to do", hint="See kelly prepare --help.")
    if given.annotate_interactive:
        from kelly_tui.ui import launch

        launch.check_terminal()
    commands.check_sources([given.import_dir] if given.import_dir else [])
    if given.create or given.all:
        folder, name = commands.place(line, given.dataset)
        if is_dataset(folder / name) and given.create:
            line.voice.notice(f"{folder / name} exists already and is kept as it is")
        root = commands.made(line, given.dataset, given.target_model)
        if line.dry_run and not root.exists():
            return 0
    elif given.target_model:
        commands.check_model(line.root, given.target_model)
    return _carry_out(line)


def _carry_out(line: Line) -> int:
    from kelly_tui.pipeline.stages import run_steps
    from kelly_tui.validate.report import validate_dataset
    from kelly_tui.validate.stats import dataset_stats

    given, root = line.arguments, line.root
    result = run_steps(root, _steps(line), line.voice.outcome, **line.options)
    if given.annotate_interactive:
        from kelly_tui.store.layout import load_config
        from kelly_tui.ui.launch import run_app

        run_app(root, line.datasets, line.settings, f"{load_config(root).model.main_label}:?")
    if (given.validate or given.all) and not line.dry_run:
        result.report = validate_dataset(root)
    figures = dataset_stats(root) if given.stats or given.all else None
    return commands.tell_whole(line, root, result, figures)


def _steps(line: Line) -> list[Step]:
    from kelly_tui.pipeline.annotate import annotate
    from kelly_tui.pipeline.augment import augment
    from kelly_tui.pipeline.extract import extract
    from kelly_tui.pipeline.importing import import_music
    from kelly_tui.pipeline.split import split
    from kelly_tui.pipeline.synthesize import synthesize

    given = line.arguments
    everything = given.all
    steps: list[tuple[bool, Step]] = [
        (bool(given.import_dir), lambda catalogue, run: import_music(catalogue, run, [given.import_dir])),
        (given.annotate or everything, annotate),
        (given.extract_features or everything, extract),
        (everything, split),
        (given.augment or everything, lambda catalogue, run: augment(catalogue, run, given.multiplier)),
        (given.synthesize or everything, lambda catalogue, run: synthesize(catalogue, run, given.count)),
        (everything, extract),
        (everything, split),
    ]
    return [step for wanted, step in steps if wanted]
