"""A picture of the workstation on a dataset, made without a terminal."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from kelly_tui.settings import Settings
from kelly_tui.store.layout import write_atomic


def write_screenshot(dataset_root: Path, target_svg: Path, size: tuple[int, int] = (160, 48)) -> None:
    """Draw list, form and panel of the dataset as `size` (columns, rows) cells, into an SVG file.

    Raises `DatasetError` for a dataset that can't be opened.
    """
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    svg = asyncio.run(_draw(Path(dataset_root), size))
    write_atomic(Path(target_svg), svg.encode())


async def _draw(root: Path, size: tuple[int, int]) -> str:
    from kelly_tui.ui.app import KellyApp
    from kelly_tui.ui.screens.workstation import REST

    app = KellyApp(Settings(), root.parent, root)
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete()  # the list
        await pilot.pause(2 * REST)  # the cursor rests
        await app.workers.wait_for_complete()  # the music
        await pilot.pause()
        svg = app.export_screenshot(title=f"kelly {root.name}")
        await app.action_quit()
    return re.sub(r"terminal-\d+-", "terminal-", svg)  # the number differs from run to run
