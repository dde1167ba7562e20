"""What the command line says: results on standard output, progress and notices on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Any

from kelly_tui.pipeline.stage import Outcome, Progress
from kelly_tui.text import safe_text

SELDOM = 10.0
"""Seconds between lines of progress where there is no terminal to overwrite one on."""


class Voice:
    """Speaks as the common options ask: for a person, for a program (``--json``), for the app, or hardly at all."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False, progress_json: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._progress_json = progress_json
        self._overwrites = sys.stderr.isatty()
        self._open_line = False
        self._last = time.monotonic()

    def say(self, line: str = "") -> None:
        """A result, for a person."""
        if not self.as_json:
            self._end_line()
            print(safe_text(line, limit=None))

    def give(self, result: object) -> None:
        """A result, for a program: one JSON object on a line."""
        if self.as_json:
            print(json.dumps(result, ensure_ascii=False, default=str))

    def notice(self, line: str) -> None:
        """Something besides the result that a person should know."""
        if not self.quiet:
            self._end_line()
            print(safe_text(line, limit=None), file=sys.stderr)

    def progress(self, progress: Progress) -> None:
        """How far a stage is: one line that overwrites itself, or one now and then."""
        if self._progress_json:
            print(json.dumps(progress._asdict()), file=sys.stderr, flush=True)
        elif self.quiet:
            return
        elif self._overwrites:
            line = safe_text(progress.line(), limit=max(20, shutil.get_terminal_size().columns - 1))
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            self._open_line = True
        elif time.monotonic() - self._last >= SELDOM:
            self._last = time.monotonic()
            print(progress.line(), file=sys.stderr, flush=True)

    def outcome(self, outcome: Outcome) -> None:
        """What a stage did, and every file that failed, with the reason."""
        if not self.quiet:
            self.say(outcome.line())
        for name, reason in outcome.all_failures:
            self.say(f"  {safe_text(name, limit=None)}: {reason}")

    def table(self, rows: list[list[str]], titles: list[str], right: frozenset[int] = frozenset()) -> None:
        """Columns as wide as they need; those in `right` are aligned there."""
        rows = [[safe_text(cell, limit=60) for cell in row] for row in [titles, *rows]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [
                cell.rjust(width) if at in right else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.say("  ".join(cells).rstrip())

    def _end_line(self) -> None:
        if self._open_line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._open_line = False


def names(items: dict[str, Any]) -> str:
    """``3 sad, 2 happy``."""
    return ", ".join(f"{count:,} {name}" for name, count in items.items())
