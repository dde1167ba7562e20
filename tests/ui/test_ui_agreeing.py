"""A model of the workstation: whatever keys are pressed, in any order, catalogue, views and screen say the same.

The model knows what the last edit was asked to do, and every state that an undo must come back to. What is on the
screen is read from its cells, by the marks that the README explains, and not from what the widgets hold.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kelly_tui.model.sample import Sample
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.ui import session
from kelly_tui.ui.launch import write_views
from kelly_tui.ui.screens.workstation import Workstation
from kelly_tui.ui.widgets.headline import Headline
from kelly_tui.ui.widgets.scores import ScoresPanel
from tests.ui.conftest import NAMES, Desk, Open

EMOTIONS = ("happy", "sad", "angry", "peaceful", "tense", "melancholic", "energetic", "neutral")
PARENT, VARIANT = "dune", "elm"
GUESSES = ("detector", "model")

State = dict[str, tuple[Any, ...]]
"""By name, all that a person can change of a sample."""


class Press(NamedTuple):
    """Keys, and what they are to set on the samples that they are meant for; None clears, nothing leaves all open."""

    keys: tuple[str, ...]
    sets: tuple[tuple[str, Any], ...] = ()


class Typed(NamedTuple):
    """Keys that ask, and what is answered."""

    keys: tuple[str, ...]
    text: str
    sets: tuple[tuple[str, Any], ...] = ()


class Turn(NamedTuple):
    """An undo or a redo."""

    key: str


class Burst(NamedTuple):
    """Keys that come faster than the screen."""

    keys: tuple[str, ...]


class Restart(NamedTuple):
    """The app is left and opened again; by a person who leaves it views are written, after a fault they are not."""

    writes: bool


Move = Press | Typed | Turn | Burst | Restart

digits = st.integers(1, 8)
LABELS = digits.map(lambda d: Press((str(d),), (("emotion", EMOTIONS[d - 1]),)))
EDITS = st.one_of(
    LABELS,
    st.tuples(digits, digits).map(
        lambda two: Press(("v", *map(str, two)), (("valence", (two[0] - 5) / 4), ("arousal", (two[1] - 5) / 4)))
    ),
    digits.map(lambda d: Press(("a", "q", str(d)), (("quality_score", d / 10),))),
    st.sampled_from([
        Press(("s",), (("decision", "skipped"),)), Press(("f",)), Press(("enter",)), Press(("x",)), Press((".",)),
        Press(("a", "X")), Press(("}",)),
        Press(("e", "backspace", "escape"), (("emotion", None),)),
    ]),
    st.sampled_from([
        Typed(("a", "n"), "rain [on] tin", (("notes", "rain [on] tin"),)), Typed(("a", "n"), "", (("notes", None),)),
        Typed(("a", "b"), "96", (("tempo_bpm", 96.0),)), Typed(("K",), "Bb minor", (("key", "A#"), ("mode", "minor"))),
        Typed(("a", "t"), "slow blue", (("tags", ["slow", "blue"]),)),
    ]),
)  # fmt: skip
TURNS = st.sampled_from([Turn("u"), Turn("u"), Turn("ctrl+r")])
MOVES = st.sampled_from([Press(keys) for keys in (("j",), ("j", "j", "j"), ("k",), ("G",), ("g", "g"), ("n",))])
MARKS = st.sampled_from([Press(("*",)), Press(("*", "j", "j", "_")), Press(("_",)), Press(("escape",))])
LISTS = st.sampled_from(
    [Typed(("/",), text) for text in ("", "is:open", "emotion:tense|sad", "-is:skipped", "is:augmented")]
    + [Typed((":",), f"sort {by}") for by in ("", "-emotion", "bpm")]
)
BURSTS = st.lists(st.sampled_from("12345jks*f"), min_size=2, max_size=6).map(lambda keys: Burst(tuple(keys)))
RESTARTS = st.booleans().map(Restart)
ANY = st.one_of(EDITS, EDITS, EDITS, TURNS, TURNS, MOVES, MARKS, LISTS, BURSTS, RESTARTS)


def stored(root: Path) -> dict[str, Sample]:
    """What the catalogue says, read by nobody that the app knows."""
    with Catalogue.open(root) as catalogue:
        return {sample.name: sample for sample in catalogue.samples()}


def state_of(samples: dict[str, Sample]) -> State:
    return {
        name: (one.labels, one.decision, one.skip_reason, one.rejected, one.refused) for name, one in samples.items()
    }


class Person:
    """Presses keys at a desk, and knows what must come of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.states: list[State | None] = [state_of(stored(root))]
        """All that undo and redo lead to; None where it went by too fast to be seen."""
        self.at = 0

    async def does(self, desk: Desk, move: Move) -> None:
        before = state_of(stored(self.root))
        targets = aimed_at(desk)
        if isinstance(move, Turn):
            await desk.press(move.key)
            self._turned(move.key, before, desk.said)
        elif isinstance(move, Burst):
            steps = self._steps()
            desk_keys(desk, move.keys)
            await desk.pilot.pause()
            await desk.settle()
            self._done(state_of(stored(self.root)), self._steps() - steps)
        elif isinstance(move, Typed) and move.sets and not targets:
            return  # there is no sample that could be asked about
        elif isinstance(move, (Press, Typed)):
            steps = self._steps()
            await desk.press(*move.keys)
            if isinstance(move, Typed):
                await desk.type(move.text)
            after = state_of(stored(self.root))
            assert_changed(before, after, targets, dict(move.sets))
            assert (after != before) is (self._steps() > steps), "a step was kept of nothing, or none of something"
            self._done(after, self._steps() - steps)

    def _steps(self) -> int:
        with Catalogue.open(self.root) as catalogue:
            return int(catalogue.db.execute("SELECT count(*) FROM steps WHERE kind = 'edit'").fetchone()[0])

    def _done(self, after: State, steps: int) -> None:
        if steps:
            self.states[self.at + 1 :] = [None] * (steps - 1) + [after]
            self.at += steps

    def _turned(self, key: str, before: State, said: str) -> None:
        there = self.at + (-1 if key == "u" else 1)
        after = state_of(stored(self.root))
        if not 0 <= there < len(self.states):
            assert after == before
            assert said.startswith("nothing to")
            return
        self.at = there
        expected = self.states[there]
        if expected is not None:
            assert after == expected
        self.states[there] = after


def aimed_at(desk: Desk) -> set[str]:
    """The names of the samples that the next edit is meant for: those with a mark, else the one under the cursor."""
    assert desk.app.workstation is not None
    table = desk.app.workstation.table
    rows = map(table.row_at, range(len(table.order)))
    marked = {Path(row.file_path).stem for row in rows if row is not None and row.rowid in table.marked}
    return marked or ({desk.here} if desk.here else set())


def desk_keys(desk: Desk, keys: tuple[str, ...]) -> None:
    from textual import events

    for key in keys:
        desk.app.post_message(events.Key(key, key if len(key) == 1 else None))


def assert_changed(before: State, after: State, targets: set[str], sets: dict[str, Any]) -> None:
    """What was asked for is so, of all that it was meant for; nothing else is new, but what a variant takes over."""
    for name in NAMES:
        if name in targets:
            labels = {field: label.value for field, label in after[name][0].items()}
            values = {**labels, "decision": after[name][1]}
            assert {field: values.get(field) for field in sets} == sets, name
            others = {field for field, label in after[name][0].items() if before[name][0].get(field) != label}
            assert not sets or others <= sets.keys(), name
        elif name == VARIANT and PARENT in targets:
            assert after[name][1:] == before[name][1:]
            for field in before[name][0].keys() | after[name][0].keys():
                old, new = before[name][0].get(field), after[name][0].get(field)
                assert old == new or "human" not in {one.source for one in (old, new) if one is not None}
        else:
            assert after[name] == before[name], name


# -- what the screen says ---------------------------------------------------------------------------------------------


def assert_screen(desk: Desk, root: Path) -> None:
    """Each line of the list, the question, the headline and the classes say what the catalogue does."""
    screen, samples = desk.app.screen, stored(root)
    assert isinstance(screen, Workstation)
    lines = desk.text().splitlines()
    lines += [""] * (desk.app.size.height - len(lines))
    with Catalogue.open(root) as catalogue:
        names = dict(catalogue.db.execute("SELECT rowid, sample_id FROM samples"))
    by_id = {sample.sample_id: sample for sample in samples.values()}
    listed = [by_id[names[rowid]] for rowid in screen.table.order]
    region = screen.table.region
    for index, sample in enumerate(listed):
        y = region.y + index - round(screen.table.scroll_y)
        if region.y <= y < region.bottom:
            line = lines[y][region.x : region.right].ljust(region.width)
            assert line[0] == ("▌" if index == screen.table.cursor else " "), line
            assert (line[1] == "*") is (screen.table.order[index] in screen.table.marked), line
            assert line[2] == mark_of(sample), line
            assert sample.name in line or sample.name == VARIANT, line
            if sample.status == "ok":
                assert emotion_in(line) == emotion_of(sample), line
    here = listed[screen.table.cursor] if listed else None
    assert screen.sample == here == screen.form.sample
    if here is not None:
        asked = lines[screen.form.region.y][screen.form.region.x :]
        assert asked.split()[:1] == ["emotion"], asked
        if here.status == "ok":
            assert emotion_in(asked) == emotion_of(here), asked
            for decision in ("skipped", "flagged"):
                assert (decision in asked) is (here.decision == decision), asked
    held = [one for one in samples.values() if one.status == "ok" and not one.rejected]
    facts = lines[screen.query_one(Headline).region.y]
    verified = sum(bool(one.value("is_verified")) for one in held)
    assert f"{verified:,} verified" in facts or "verified" not in facts, facts
    assert (f"{len(screen.table.marked)} marked" in facts) is bool(screen.table.marked), facts
    assert "NOT SAVED" not in facts
    scores = screen.query_one(ScoresPanel).scores
    assert scores is not None
    classes = Counter(str(one.value("emotion")) for one in held if one.value("emotion") is not None)
    assert {one.label: one.total for one in scores.classes if one.total} == classes


def mark_of(sample: Sample) -> str:
    """The mark before a sample, as the README lists them."""
    label = sample.labels.get("emotion")
    known = label is not None and label.source not in GUESSES
    ranked = {
        "!": sample.status != "ok", "✕": sample.rejected, "⚑": sample.decision == "flagged",
        "✓": bool(sample.value("is_verified")), "–": sample.decision == "skipped",
        "○": sample.decision == "labelled" or known,
    }  # fmt: skip
    return next((mark for mark, holds in ranked.items() if holds), "·")


def emotion_in(line: str) -> str:
    """``sad``, or ``sad?`` where it is a guess; empty where there is none."""
    found = re.search(rf"\b({'|'.join(EMOTIONS)})\b(\??)", line)
    return found[0] if found else ""


def emotion_of(sample: Sample) -> str:
    label = sample.labels.get("emotion")
    return "" if label is None else f"{label.value}{'?' if label.source in GUESSES else ''}"


# -- what the files say -----------------------------------------------------------------------------------------------


def assert_files(root: Path) -> None:
    """annotations/ and manifest.json, as any JSON reader sees them."""
    written = {one["sample_id"]: one for one in json.loads((root / "manifest.json").read_text())["samples"]}
    for sample in stored(root).values():
        line = written.pop(sample.sample_id)
        assert line["annotations"] == sample.annotations
        told = (line["decision"], line["skip_reason"], line["rejected"], line.get("refused", []))
        assert told == (sample.decision, sample.skip_reason, sample.rejected, sample.refused)
        path = root / "annotations" / sample.sample_id[:2] / f"{sample.sample_id}.json"
        data = json.loads(path.read_text()) if path.exists() else {"annotations": {}, "provenance": {}}
        assert data["annotations"] == sample.annotations
        assert {field: one.get("source", "human") for field, one in data["provenance"].items()} == {
            field: label.source for field, label in sample.labels.items()
        }
    assert written == {}


async def live(open_desk: Open, root: Path, size: tuple[int, int], moves: list[Move]) -> None:
    """Do all that is to be done, and look at everything after each of it."""
    person = Person(root)
    rest = [*moves, Restart(writes=True)]
    while rest:
        async with open_desk(root, size=size, autoplay=False, second_look=0.0) as desk:
            assert_screen(desk, root)
            while not isinstance(move := rest.pop(0), Restart):
                await person.does(desk, move)
                assert_screen(desk, root)
        if move.writes:
            write_views(root)
            assert_files(root)


@pytest.fixture
def check(open_desk: Open, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Look for moves after which something disagrees: so many examples, of so many moves at most."""
    monkeypatch.setattr(session, "LESSONS", 10**9)  # what is learnt comes when it comes, from another process
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:  # else nothing is handed down to it
        db.execute("UPDATE samples SET augmentation = ? WHERE file_path LIKE '%elm%'", ('{"transpose": 3}',))
    folder = tmp_path / "tried"

    def checked(examples: int, steps: int) -> None:
        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(ANY, min_size=steps // 2, max_size=steps), st.sampled_from([(120, 40), (80, 24)]))
        @example(HARD, (120, 40))
        def agree(moves: list[Move], size: tuple[int, int]) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(root, folder / root.name)
            asyncio.run(live(open_desk, folder / root.name, size, moves))

        agree()

    return checked


HARD: list[Move] = [
    Press(("j", "j", "j")), Press(("6",), (("emotion", "melancholic"),)), Turn("u"),  # of dune, which elm follows
    *(Press(keys) for keys in (("g", "g"), ("j", "j"), ("*",), ("j", "_"))),  # cedar to dune
    Press(("2",), (("emotion", "sad"),)), Press((".",)), Restart(writes=False), Turn("u"), Turn("u"), Turn("ctrl+r"),
    Typed(("/",), "is:open"), Press(("3",), (("emotion", "angry"),)), Restart(writes=True), Turn("u"), Turn("u"),
    Turn("u"), Press(("j", "j", "j")), Press(("1",), (("emotion", "happy"),)), Turn("ctrl+r"), Turn("u"),
    Turn("ctrl+r"),
]  # fmt: skip
"""A range edited at once, a parent's label that its variant follows, undone after a crash and under a filter."""


def test_catalogue_views_and_screen_agree_whatever_is_done(check: Callable[[int, int], None]) -> None:
    check(3, 10)


@pytest.mark.slow
def test_catalogue_views_and_screen_agree_in_thousands_of_keys(check: Callable[[int, int], None]) -> None:
    check(150, 60)
