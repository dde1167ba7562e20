"""A model of copies of a dataset, kept together as with git: nothing that any says or takes back gets lost.

And no label gives way to one whose sayer did not know it.
"""

from __future__ import annotations

import shutil
import tempfile
from itertools import combinations, count, permutations
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from store_machine import run
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.views import read_back, write_views

SAMPLES = (1, 2)
FIELDS = ("notes", "tags")
COPIES = (0, 1, 2)
COPY, NUMBER, FIELD = st.sampled_from(COPIES), st.sampled_from(SAMPLES), st.sampled_from(FIELDS)


class Copies(RuleBasedStateMachine):
    """Three copies, in each of which one person works; each takes in what another has committed."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        with new_catalogue(Path(self.folder.name)) as first:
            first.add([sample(number) for number in SAMPLES])
            history.edit(first, [Edit(id_of(number), "notes", Label(f"both{number}")) for number in SAMPLES], "ann")
            write_views(first)
            root = first.root
        others = [Path(self.folder.name) / f"other{copy}" for copy in COPIES[1:]]
        for other in others:
            shutil.copytree(root, other, ignore=shutil.ignore_patterns(".kelly"))
        self.copies = [Catalogue.open(one) for one in (root, *others)]
        both = {number: self._file(0, number).read_bytes() for number in SAMPLES}
        self.common = {frozenset(pair): dict(both) for pair in combinations(COPIES, 2)}
        """What two had of each file when one last took in the other's: the base of git's next merge."""
        self.numbers = count(1)
        self.given: set[str] = set()
        self.heard: list[set[str]] = [self._said(copy) for copy in COPIES]
        """By copy, what its person has read."""
        self.knew: dict[str, set[str]] = {}
        """By what somebody said, or said again, what that person had read."""
        self.gone: list[set[str]] = [set() for _ in COPIES]
        """By copy, what its person took back and has not said since."""
        self.heard_gone: list[set[str]] = [set() for _ in COPIES]
        """By copy, what it tells was taken back, there or where it was heard from."""

    def teardown(self) -> None:
        if hasattr(self, "copies"):
            for source, target in 4 * [*permutations(COPIES, 2)]:
                self.take_in(source, target)
                self.keep_ours(target)
            first, *others = ([one.annotations for one in copy.samples()] for copy in self.copies)
            assert others == [first] * len(others)
            kept = "".join(str(row) for copy in self.copies for row in copy.db.execute("SELECT old, new FROM events"))
            kept += "".join(str(row) for copy in self.copies for row in copy.db.execute("SELECT * FROM conflicts"))
            assert [one for one in self.given if one not in kept] == []
            for copy in self.copies:
                copy.close()
            self.folder.cleanup()

    def _file(self, copy: int, number: int) -> Path:
        return self.copies[copy].layout.annotation_path(id_of(number))

    def _said(self, copy: int) -> set[str]:
        return {str(one.value(field)) for one in self.copies[copy].samples() for field in FIELDS} - {"None"}

    def _values(self, copy: int) -> dict[tuple[str, str], str]:
        return {
            (one.sample_id, field): str(one.value(field)) for one in self.copies[copy].samples() for field in FIELDS
        }

    def _do(self, copy: int, *edits: Edit) -> None:
        before = self._said(copy)
        asked = {
            (one.sample_id, one.field): str(one.theirs and one.theirs.value) for one in conflicts(self.copies[copy])
        }
        if edits:  # which decides what was asked about these fields
            self.heard[copy] |= {asked.get((one.sample_id, one.field), "None") for one in edits}
            history.edit(self.copies[copy], edits, f"p{copy}")
        else:
            history.undo(self.copies[copy], f"p{copy}")
        write_views(self.copies[copy])
        self._has_said(copy, self._said(copy) - before)
        self.gone[copy] |= before - self._said(copy)
        self.heard_gone[copy] = (self.heard_gone[copy] | before) - self._said(copy)

    def _has_said(self, copy: int, words: set[str]) -> None:
        self.heard[copy] |= words
        for word in words:
            self.knew[word] = self.knew.get(word, set()) | self.heard[copy]
        self.gone = [gone - words for gone in self.gone]

    @rule(copy=COPY, number=NUMBER, field=FIELD)
    def say(self, copy: int, number: int, field: str) -> None:
        word = f"w{next(self.numbers):04}w"
        self._do(copy, Edit(id_of(number), field, Label([word] if field == "tags" else word)))
        self.given.add(word)

    @rule(copy=COPY, number=NUMBER, field=FIELD)
    def clear(self, copy: int, number: int, field: str) -> None:
        self._do(copy, Edit(id_of(number), field, None))

    @rule(copy=COPY)
    def undo(self, copy: int) -> None:
        self._do(copy)

    @rule(source=COPY, copy=COPY)
    def take_in(self, source: int, copy: int) -> None:
        """As git does: a file that only one has changed is that one's, one that both have is left with both in it."""
        if source == copy:
            return
        common, before = self.common[frozenset((source, copy))], self._values(copy)
        for number in SAMPLES:
            theirs, path = self._file(source, number).read_bytes(), self._file(copy, number)
            ours = path.read_bytes()
            if theirs not in (common[number], ours):
                both = b"<<<<<<< HEAD\n" + ours + b"=======\n" + theirs + b">>>>>>> theirs\n"
                path.write_bytes(theirs if ours == common[number] else both)
            common[number] = theirs
        asked = {(one.sample_id, one.field) for one in conflicts(self.copies[copy])}
        read_back(self.copies[copy])
        write_views(self.copies[copy])
        for where, now in self._values(copy).items():
            if now not in ("None", before[where]) and before[where] not in self.heard_gone[source] | {"None"}:
                assert before[where] in self.knew[now], "of what somebody did not know nothing was said"
        if not asked:
            assert not self._said(copy) & self.gone[copy], "what was taken back is back"
        self.heard[copy] |= self._said(copy)
        self.heard_gone[copy] |= self.heard_gone[source]

    @rule(copy=COPY)
    def keep_ours(self, copy: int) -> None:
        asked = conflicts(self.copies[copy])
        resolve(self.copies[copy], "ours", f"p{copy}")
        write_views(self.copies[copy])
        self.heard[copy] |= {str(one.theirs and one.theirs.value) for one in asked}
        values = self._values(copy)
        self._has_said(copy, {values[one.sample_id, one.field] for one in asked} - {"None"})


def test_a_word_that_was_taken_back_gives_way_to_one_whose_sayer_never_heard_it() -> None:
    copies = Copies()
    copies.create()
    copies.say(0, 1, "tags")
    copies.take_in(0, 1)
    copies.undo(0)
    copies.say(2, 1, "tags")
    copies.take_in(2, 0)
    copies.take_in(0, 1)
    assert copies._values(1)[id_of(1), "tags"] == "['w0002w']"
    assert not conflicts(copies.copies[1])
    copies.teardown()


def test_what_was_decided_of_a_question_that_took_anothers_place_is_heard() -> None:
    copies = Copies()
    copies.create()
    copies.clear(1, 1, "notes")
    copies.say(0, 1, "notes")
    copies.undo(1)
    copies.take_in(0, 1)
    copies.undo(0)
    copies.clear(0, 1, "notes")
    copies.take_in(0, 1)
    ((ours, theirs),) = [(one.ours.value, one.theirs) for one in conflicts(copies.copies[1])]
    assert (ours, theirs) == ("both1", None)
    copies.keep_ours(1)
    copies.take_in(1, 0)
    assert copies._values(0)[id_of(1), "notes"] == "both1"
    copies.teardown()


def test_copies_come_to_say_the_same_and_nothing_comes_back() -> None:
    run(Copies, 6, 10)


@pytest.mark.slow
def test_copies_come_to_say_the_same_in_thousands_of_steps() -> None:
    run(Copies, 150, 30)
