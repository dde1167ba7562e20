"""A command that fails as nobody foresaw: where its catalogue is no longer whole, that is why, and it can be mended."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from kelly_tui.cli import commands
from kelly_tui.errors import KellyError
from kelly_tui.settings import load_settings


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed."""
    try:
        return commands.run(arguments)
    except (KellyError, OSError):
        raise
    except Exception as error:
        if "dataset" in arguments:
            _tell_of_damage(arguments, error)
        raise


def _tell_of_damage(arguments: argparse.Namespace, error: Exception) -> None:
    """Raises `DatasetError` where the catalogue is damaged, and has it mended when it is opened next."""
    from kelly_tui.store.connection import explained
    from kelly_tui.store.layout import Layout, dataset_root
    from kelly_tui.store.whole import as_damage

    datasets = Path(getattr(arguments, "datasets", load_settings().datasets)).expanduser()
    with suppress(OSError, ValueError):
        path = Layout(dataset_root(datasets, arguments.dataset)).catalogue_path
        if (found := as_damage(error, path)) is not error:
            with explained(path):
                raise found
