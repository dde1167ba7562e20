"""A model of two copies of a dataset, kept together as with git: nothing that either says or takes back gets lost."""

from __future__ import annotations

import shutil
import tempfile
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.views import read_back, write_views

SAMPLES = (1, 2)
FIELDS = ("notes", "tags")
COPY, NUMBER, FIELD = st.integers(0, 1), st.sampled_from(SAMPLES), st.sampled_from(FIELDS)


class Copies(RuleBasedStateMachine):
    """Two copies, in each of which one person works; each takes in what the other has committed."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        with new_catalogue(Path(self.folder.name)) as first:
            first.add([sample(number) for number in SAMPLES])
            history.edit(first, [Edit(id_of(number), "notes", Label(f"both{number}")) for number in SAMPLES], "ann")
            write_views(first)
            root = first.root
        other = Path(self.folder.name) / "other"
        shutil.copytree(root, other, ignore=shutil.ignore_patterns(".kelly"))
        self.copies = [Catalogue.open(root), Catalogue.open(other)]
        self.common = {number: self._file(0, number).read_bytes() for number in SAMPLES}
        """What both had of each file when one last took in the other's: the base of git's next merge."""
        self.numbers = count(1)
        self.given: set[str] = set()
        self.gone: list[set[str]] = [set(), set()]
        """By copy, what its person took back and has not said since."""

    def teardown(self) -> None:
        if hasattr(self, "copies"):
            for source in (0, 1, 0, 1):
                self.take_in(source)
                self.keep_ours(1 - source)
            first, second = ([one.annotations for one in copy.samples()] for copy in self.copies)
            assert first == second
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

    def _do(self, copy: int, *edits: Edit) -> None:
        before = self._said(copy)
        if edits:
            history.edit(self.copies[copy], edits, f"p{copy}")
        else:
            history.undo(self.copies[copy], f"p{copy}")
        write_views(self.copies[copy])
        now = self._said(copy)
        self.gone[copy] |= before - now
        self.gone[0] -= now
        self.gone[1] -= now

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

    @rule(source=COPY)
    def take_in(self, source: int) -> None:
        """As git does: a file that only one has changed is that one's, one that both have is left with both in it."""
        target = 1 - source
        for number in SAMPLES:
            theirs, path = self._file(source, number).read_bytes(), self._file(target, number)
            ours = path.read_bytes()
            if theirs not in (self.common[number], ours):
                both = b"<<<<<<< HEAD\n" + ours + b"=======\n" + theirs + b">>>>>>> theirs\n"
                path.write_bytes(theirs if ours == self.common[number] else both)
            self.common[number] = theirs
        asked = {(one.sample_id, one.field) for one in conflicts(self.copies[target])}
        read_back(self.copies[target])
        write_views(self.copies[target])
        if not asked:
            assert not self._said(target) & self.gone[target], "what was taken back is back"

    @rule(copy=COPY)
    def keep_ours(self, copy: int) -> None:
        resolve(self.copies[copy], "ours", f"p{copy}")
        write_views(self.copies[copy])
        self.gone[1 - copy] -= self._said(copy)  # which is said anew


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Copies,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_two_copies_come_to_say_the_same_and_nothing_comes_back() -> None:
    run(10, 12)
