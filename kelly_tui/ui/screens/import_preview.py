"""What an import would take in, folder by folder, with the labels that each folder's name gives; then the import."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from kelly_tui.text import safe_text
from kelly_tui.ui.paint import Line, Span, fit, folded
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.stages import BY_NAME
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.words import field_word

if TYPE_CHECKING:
    from kelly_tui.pipeline.stage import Outcome
    from kelly_tui.ui.session import Session

WIDEST = 44
"""Cells of a folder's name."""


def foresee(root: Path, paths: list[str]) -> Outcome:
    """What an import of these would do, as far as names tell. Raises `KellyError`."""
    from kelly_tui.pipeline.stages import import_files

    return import_files(root, list(paths), dry_run=True)


class ImportPreview(Page):
    """One line a folder; enter imports."""

    place = "preview"

    def __init__(self, session: Session, text: str, paths: list[str]) -> None:
        """`text` is what was typed, `paths` what it names."""
        super().__init__()
        self._session, self._text, self._paths = session, text, paths
        self._foreseen: Outcome | None = None

    def show(self) -> None:
        shown = " ".join(self._paths)
        self.query_one(Headline).show(self._session.name, "import", [(safe_text(shown), "dim")])
        self.lines.show([Entry([("  looking …", "dim")])])
        self.start(self._look, "preview")

    async def _look(self) -> None:
        self._foreseen = await asyncio.to_thread(partial(foresee, self._session.root, self._paths))
        self._draw()

    def _draw(self) -> None:
        if self._foreseen is not None:
            self.lines.show(preview_entries(self._foreseen, self._session.config.model.main_label, self.size.width))

    def on_resize(self) -> None:
        self._draw()

    async def action_import_now(self) -> None:
        self.app.start_stage(BY_NAME["import"], self._text)
        await self.app.action_back()


def preview_entries(foreseen: Outcome, main_label: str, width: int) -> list[Entry]:
    """The page, top to bottom: all in a sentence or two, then the folders."""
    words = foreseen.words.removeprefix("dry run: ")
    lines: list[Line] = [[("  " + line, "text")] for line in folded(words, width - 4)]
    folders: list[dict[str, Any]] = foreseen.details.get("folders", [])  # none of an export or a dataset
    if not folders:
        return [Entry(line) for line in lines]
    longest = min(max(cell_len(safe_text(one["folder"])) for one in folders) + 3, WIDEST, width - 34)
    lines += [(), [("  " + fit("folder", longest) + fit("files", 8, right=True) + "   labels", "dim")]]
    lines += [_folder_line(one, main_label, longest) for one in folders]
    return [Entry(line) for line in lines]


def _folder_line(one: dict[str, Any], main_label: str, longest: int) -> Line:
    labels, disagree = one["labels"], one["disagree"]
    line: list[Span] = [
        ("  " + fit(safe_text(one["folder"]) or ".", longest), "text"),
        (f"{one['files']:>8,}   ", "dim"),
    ]
    said = [f"{field_word(field)} {value}" for field, value in labels.items() if field != main_label]
    if main_label in labels:
        line.append((f"{labels[main_label]}   ", "folder"))
    elif main_label not in disagree:
        line.append(("·   ", "faint"))
    line.append(("   ".join(said), "dim"))
    for field, values in disagree.items():
        line.append((f"{'   ' if said else ''}no {field_word(field)}: {' and '.join(values)}", "broken"))
    return line
