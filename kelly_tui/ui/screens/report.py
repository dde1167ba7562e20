"""The validation report: the verdict, then what was found, worst first; enter shows a finding's samples."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kelly_tui.errors import LabelError, StageError
from kelly_tui.model.report import Finding, Report, whole_percent
from kelly_tui.text import count, safe_text
from kelly_tui.ui.leads import lead
from kelly_tui.ui.paint import Line, fit, folded
from kelly_tui.ui.screens.page import Page
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.line_list import Entry
from kelly_tui.ui.widgets.scores import SHADES

if TYPE_CHECKING:
    from kelly_tui.ui.keymap import Keymap
    from kelly_tui.ui.session import Session

_MARK = {"error": ("✕", "broken"), "warning": ("!", "accent"), "note": ("·", "dim")}


class ReportScreen(Page):
    """Validates in a process of its own, then shows what it said."""

    place = "report"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._report: Report | None = None

    def show(self) -> None:
        self.query_one(Headline).show(self._session.name, "validation", [])
        if self._report is None:
            self.action_check()
        else:
            self.lines.show(report_entries(self._report, self.size.width, self.app.keymap))

    def on_resize(self) -> None:
        if self._report is not None:
            self.show()

    def action_check(self) -> None:
        self.say("validating…", "dim")
        self.start(self._check, "report")

    async def _check(self) -> None:
        try:
            self._report = await validate(self._session.root)
        except StageError as error:
            self.say_trouble(error)
            return
        self.say("")
        self.show()

    def action_write_page(self) -> None:
        if self._report is None:
            raise LabelError("there is no report yet", hint="Wait for it, or validate again.")
        self.start(self._write_page, "page")

    async def _write_page(self) -> None:
        from kelly_tui.validate.page import write_report

        assert self._report is not None
        target = self._session.root / "report.html"
        await asyncio.to_thread(write_report, self._report, target)
        self.say(f"wrote {safe_text(str(target))}")

    def action_open(self) -> None:
        finding, workstation = self.lines.chosen, self.app.workstation
        if not isinstance(finding, Finding) or workstation is None:
            return
        way = lead(finding)
        if not way.leads:
            raise LabelError("‹open› leads nowhere from here", hint=way.words)
        if way.stage:
            self.app.open_pipeline(way.stage)
            return
        workstation.find(way.filter)
        self.app.pop_screen()


async def validate(root: Path) -> Report:
    """The report of ``kelly validate --json``, where the folder's name is enough for a command.

    Raises `StageError` with what it said when it could not be made.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kelly_tui", "validate", str(root), "--json",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "KELLY_DATASETS": str(root.parent)},
    )  # fmt: skip
    out, err = await process.communicate()
    try:
        answer: dict[str, Any] = msgspec.json.decode(out)
        return msgspec.convert(answer.get("report", answer), Report)
    except (msgspec.DecodeError, msgspec.ValidationError):
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
        raise StageError(f"can't be validated: {last[0]}") from None


def report_entries(report: Report, width: int, keymap: Keymap) -> list[Entry]:
    """The page, top to bottom; findings can be chosen."""
    verdict = ("✓ VALID", "good") if report.valid else ("✕ INVALID", "broken")
    lines: list[Line] = [[("  ", "text"), verdict, (f"   {count(report.total, 'sample')}", "dim")]]
    if report.not_counted:
        lines += ([(f"  {line}", "dim")] for line in folded(f"Not counted: {report.not_counted}", width - 4))
    lines.append(())
    for name in ("balance", "diversity", "quality"):
        value, alone = getattr(report, name), getattr(report, f"{name}_imported")
        lines.append(
            [
                (f"  {name.capitalize():<10}", "dim"),
                (f"{whole_percent(value):>4}%", "strong"),
                (f"   imported alone {whole_percent(alone)}%", "dim"),
            ]
        )
    entries = [Entry(line) for line in (*lines, ())]
    findings = report.sorted_findings()
    for finding in findings:
        entries += _finding(finding, width, keymap)
    entries += [Entry(()), *(Entry(line) for line in _classes(report, width))]
    splits = " · ".join(f"{name} {n:,}" for name, n in report.splits.items())
    entries += [Entry(()), Entry([(f"  Splits    {splits}", "text")])]
    told = [*(f"Told apart  {one.words()}" for one in report.apart), *report.evidence()]
    return [*entries, *(Entry([(f"  {line}", "dim")]) for one in told for line in folded(one, width - 4))]


def _finding(finding: Finding, width: int, keymap: Keymap) -> list[Entry]:
    """What was found, and under it where it is mended; both in as many lines as they need."""
    mark, style = _MARK[finding.severity]
    way = lead(finding)
    first, *more = folded(finding.message, width - 9)
    return [
        Entry([(f" {mark}  ", style), (first, "text"), ("  ›" if way.leads else "", "accent")], finding),
        *(Entry([(f"    {line}", "text")]) for line in more),
        *(Entry([(f"    {line}", "dim")]) for line in folded(keymap.in_words(way.words), width - 7) if line),
    ]


def _classes(report: Report, width: int) -> list[Line]:
    """Each class as a bar in three shades on the scale of its target."""
    names = max((len(one.label) for one in report.classes), default=0) + 2
    room = max(width - names - 26, 10)
    lines: list[Line] = []
    for one in report.classes:
        whole = max(one.target, one.total, 1)
        bar = [(glyph * round(getattr(one, name) / whole * room), name) for name, glyph in SHADES]
        used = sum(len(text) for text, _ in bar)
        lines.append(
            [
                ("  " + fit(one.label, names), "text"),
                *bar,
                ("·" * (room - used), "faint"),
                (f" {one.total:>8,} of {one.target:,}", "text" if one.total >= one.target else "dim"),
            ]
        )
    return lines
