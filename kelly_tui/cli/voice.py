"""What the command line says: results on standard output, progress and notices on standard error."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable
from itertools import chain, islice

from kelly_tui.pipeline.stage import Outcome, Progress
from kelly_tui.text import safe_text

SELDOM = 10.0
"""Seconds between lines of progress where there is no terminal to overwrite one on."""

LONGEST_CELL = 100
"""Characters of a table's cell; a longer one is cut, and whole in ``--json``."""

NAMED = 20
"""Duplicates, and ignored files, that are named; ``--json`` has all."""

MEASURED = 500
"""Rows that decide how wide a table's columns are: the rest need not wait for the last."""


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
            print(json.dumps(result, default=str))  # ASCII: also safe on a terminal

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
            self._passed_over(
                [(one["path"], f"duplicate of {one['of']}") for one in outcome.details.get("duplicates", ())]
            )
            self._passed_over([(one["path"], f"ignored, {one['why']}") for one in outcome.details.get("ignored", ())])
        for name, reason in outcome.all_failures:
            self.say(f"  {safe_text(name, limit=None)}: {reason}")

    def _passed_over(self, files: list[tuple[str, str]]) -> None:
        """The first files that import did not take in though nothing is wrong with them, and how many more."""
        for name, why in files[:NAMED]:
            self.say(f"  {safe_text(name, limit=None)}: {why}")
        if len(files) > NAMED:
            self.say(f"  … and {len(files) - NAMED:,} more; --json names all")

    def table(self, rows: Iterable[list[str]], titles: list[str], right: frozenset[int] = frozenset()) -> int:
        """Columns as wide as the first rows need; those in `right` are aligned there. Returns how many rows."""
        rest = ([safe_text(cell, limit=LONGEST_CELL) for cell in row] for row in rows)
        first = [titles, *islice(rest, MEASURED)]
        widths = [max(map(len, column)) for column in zip(*first, strict=True)]
        count = -1  # the titles
        for row in chain(first, rest):
            count += 1
            cells = [
                cell.rjust(width) if at in right else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.say("  ".join(cells).rstrip())
        return count

    def _end_line(self) -> None:
        if self._open_line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._open_line = False
