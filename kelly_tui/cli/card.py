"""``kelly card``: what a hub wants to know of a dataset, as README.md and croissant.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kelly_tui.errors import DatasetError, FileRefused

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line

_LARGEST = 1 << 20
"""Bytes of a card: Kelly writes some kilobytes."""


def card(line: Line) -> int:
    """Print the card, or write it beside its Croissant."""
    from kelly_tui.store.layout import pretty_json
    from kelly_tui.validate.card import card as readme
    from kelly_tui.validate.croissant import croissant
    from kelly_tui.validate.facts import facts_of, folder_files

    with line.looking() as catalogue:
        facts, files = facts_of(catalogue), list(folder_files(catalogue))
    told, linked = readme(facts, files), croissant(facts, files)
    if line.arguments.out:
        folder = Path(line.arguments.out).expanduser()
        for name, text in (("README.md", told.encode()), ("croissant.json", pretty_json(linked))):
            _put(folder / name, text, dry_run=line.dry_run)
            line.voice.say(f"{'would write' if line.dry_run else 'wrote'} {folder / name}")
    else:
        for said in told.splitlines():
            line.voice.say(said)
    line.voice.give({"card": told, "croissant": linked})
    return 0


def _is_ours(path: Path) -> bool:
    """Whether there is no file, or a card that Kelly wrote."""
    from kelly_tui.store.inside import read_inside
    from kelly_tui.validate.card import MARK

    try:
        return MARK.encode() in read_inside(path.parent, path, _LARGEST)
    except FileNotFoundError:
        return True
    except FileRefused:
        return False


def _put(path: Path, text: bytes, *, dry_run: bool) -> None:
    """Raises `DatasetError` where a file is in the way that a person wrote."""
    from kelly_tui.store.layout import disk_errors, write_atomic

    with disk_errors(path):
        if path.suffix == ".md" and not _is_ours(path):
            raise DatasetError("this was not written by Kelly and is kept", path=path, hint="Name another folder.")
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, text)
