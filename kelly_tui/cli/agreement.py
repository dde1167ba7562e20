"""``kelly agreement``: how far the people who judged a dataset agree, with each other and with themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelly_tui.text import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kelly_tui.cli.commands import Line
    from kelly_tui.model.agreement import FieldAgreement

NOTHING = (
    "nobody has said anything blind yet: go in the workstation asks about what others have labelled, and some of what"
    " one has labelled oneself comes back; kelly label --blind does it here"
)


def agreement(line: Line) -> int:
    """Figures by field, class and pair; with ``--majority`` what is open is decided before."""
    import msgspec

    from kelly_tui.store.opinions import decide_by_majority
    from kelly_tui.validate.agreement import agreement as agreed

    with line.looking() as catalogue:
        decided = 0
        if line.arguments.majority:
            step = decide_by_majority(catalogue, line.settings.annotator)
            decided = len({(event.sample_id, event.field) for event in step.events if event.field != "decision"})
        found = agreed(catalogue)
    line.voice.give({**msgspec.to_builtins(found), "decided": decided})
    if line.arguments.majority:
        line.voice.say(f"the majority decided {count(decided, 'label')}; kelly undo takes that back")
    if not found.fields and not found.own:
        line.voice.say(NOTHING)
    if found.fields:
        _table(line, "between people", found.fields)
    for who, fields in found.own.items():
        _table(line, f"{who}, asked again", fields)
    if found.to_decide:
        line.voice.say()
        line.voice.say(f"{count(found.to_decide, 'label')} to decide: gr in the workstation, or --majority")
    return 0


def _table(line: Line, title: str, fields: Iterable[FieldAgreement]) -> None:
    """A line a field, then its classes, then its pairs."""
    rows: list[list[str]] = []
    for one in fields:
        if one.alpha is None:
            rows.append([one.field, "·", "", "all say the same"])
        else:
            alpha = one.alpha
            rows.append([one.field, f"{alpha.value:.2f}", alpha.interval, count(alpha.samples, "sample")])
        rows += [[f"  {name}", _two(value), "", ""] for name, value in one.by_class.items()]
        rows += [
            [f"  {pair.first}, {pair.second}", _two(pair.kappa), "kappa" if pair.kappa is not None else "",
             f"{pair.equal:,} of {pair.samples:,} equal"]
            for pair in one.pairs
        ]  # fmt: skip
    line.voice.say()
    line.voice.table(rows, [title, "alpha", "95 %", "on"], right=frozenset({1}))


def _two(value: float | None) -> str:
    return "·" if value is None else f"{value:.2f}"
