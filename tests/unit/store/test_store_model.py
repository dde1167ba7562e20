"""A model of the store: whatever people, other programs and crashes do, in any order, no value that was given is lost.

A value is kept if it is the label, or in the history, in a conflict, or in a file set aside. The one that another
program overwrote in a file before Kelly had seen it is nobody's to keep.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from store_machine import run
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label, Value
from kelly_tui.model.edit import Edit
from kelly_tui.model.opinion import Opinion
from kelly_tui.store import history, swap, views
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import conflicts, resolve
from kelly_tui.store.opinions import blind_opinions, give_opinion

SAMPLES = st.integers(0, 5)
LOST_WITH = ("notes", "tags", "tempo_bpm", "skip_reason")
FIELDS = st.sampled_from(["notes", "tags", "tempo_bpm"])


def wanted(field: str, number: int) -> Value:
    """A value that is given once in a run, and a token by which it is found."""
    return {"notes": f"w{number:06}w", "tags": [f"w{number:06}w"], "tempo_bpm": 40 + number / 10_000}[field]


def token(value: object) -> str:
    return json.dumps(value).strip("[]").strip('"')


class Store(RuleBasedStateMachine):
    """A dataset of six samples, two of them with variants, to which anything may happen."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.catalogue = new_catalogue(Path(self.folder.name))
        self.catalogue.add([sample(number) for number in range(4)])
        self.catalogue.add([
            sample(number, parent_id=id_of(0), root_id=id_of(0), augmentation_type="velocity") for number in (4, 5)
        ])  # fmt: skip
        self.numbers = count(1)
        self.given: set[str] = set()
        self.backup = b""
        self.unseen: dict[Path, dict[str, str]] = {}
        """By file and field, the token of what another program wrote there."""
        views.write_views(self.catalogue)

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.read()
            self.check()
            self.catalogue.close()
            self.folder.cleanup()

    # -- what people do

    @rule(number=SAMPLES, field=FIELDS, by=st.sampled_from(["ann", "bob"]))
    def edit(self, number: int, field: str, by: str) -> None:
        value = wanted(field, next(self.numbers))
        history.edit(self.catalogue, [Edit(id_of(number), field, Label(value))], by=by)
        self.given.add(token(value))

    @rule(number=SAMPLES, field=FIELDS)
    def clear(self, number: int, field: str) -> None:
        history.edit(self.catalogue, [Edit(id_of(number), field, None)], by="ann")

    @rule(number=SAMPLES, by=st.sampled_from(["ann", "bob"]))
    def skip(self, number: int, by: str) -> None:
        reason = wanted("notes", next(self.numbers))
        decided = [Edit(id_of(number), "decision", Label("skipped")), Edit(id_of(number), "skip_reason", Label(reason))]
        history.edit(self.catalogue, decided, by=by)
        self.given.add(token(reason))

    @rule(number=SAMPLES, by=st.sampled_from(["ann", "bob"]))
    def opine(self, number: int, by: str) -> None:
        value = wanted("notes", next(self.numbers))
        give_opinion(self.catalogue, id_of(number), {"notes": value}, by)
        self.given.add(token(value))

    @rule(number=SAMPLES, decision=st.sampled_from(["pending", "flagged", "labelled"]))
    def decide_otherwise(self, number: int, decision: str) -> None:
        history.edit(self.catalogue, [Edit(id_of(number), "decision", Label(decision))], by="ann")

    @rule(field=FIELDS)
    def detect(self, field: str) -> None:
        """A stage guesses a field of all samples; what a person cleared stays so."""
        cleared = {sample_id for sample_id in map(id_of, range(4)) if self._is_cleared(sample_id, field)}
        label = Label(wanted(field, next(self.numbers)), "detector", "kelly")
        self.catalogue.put_labels({id_of(number): {field: label} for number in range(6)})
        assert not {one.sample_id for one in self.catalogue.samples() if field in one.labels} & cleared

    def _is_cleared(self, sample_id: str, field: str) -> bool:
        last = self.catalogue.db.execute(
            "SELECT new IS NULL AND kind IN ('edit', 'outside') FROM events JOIN steps USING (step)"
            " WHERE sample_id = ? AND field = ? ORDER BY seq DESC LIMIT 1",
            (sample_id, field),
        ).fetchone()
        return last is not None and bool(last[0])

    @rule(field=FIELDS)
    def edit_all(self, field: str) -> None:
        value = wanted(field, next(self.numbers))
        history.edit(self.catalogue, [Edit(id_of(number), field, Label(value)) for number in range(6)], by="ann")
        self.given.add(token(value))

    @rule(turn=st.sampled_from([history.undo, history.redo]), by=st.sampled_from(["ann", "bob"]))
    def turn(self, turn: Callable[[Catalogue, str], object], by: str) -> None:
        turn(self.catalogue, by)

    @rule(side=st.sampled_from(["ours", "theirs"]))
    def decide(self, side: Literal["ours", "theirs"]) -> None:
        resolve(self.catalogue, side, "ann", conflicts(self.catalogue)[:1])

    # -- what other programs do

    def _outside(self, number: int, change: Callable[[dict[str, object]], None]) -> None:
        path = self.catalogue.layout.annotation_path(id_of(number))
        try:
            before, data = path.stat().st_mtime_ns, json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return
        if not isinstance(data, dict):
            return
        change(data)
        path.write_text(json.dumps(data))
        os.utime(path, ns=(before + 10**9, before + 10**9))  # a hand is slower than a clock's grain

    @rule(number=SAMPLES, field=FIELDS)
    def both_edit(self, number: int, field: str) -> None:
        """What comes of it is a conflict, unless the file is lost first."""
        self.edit(number, field, "ann")
        self.write()
        self.edit(number, field, "ann")
        self.outside_edit(number, field, foreign=False)

    def _in_manifest(self, number: int, field: str, **kelly: object) -> Value:
        """Another value in a manifest that is up to date otherwise; `kelly`: what it says of itself."""
        self.read()
        self.write()
        value, path = wanted(field, next(self.numbers)), self.catalogue.layout.manifest_path
        data = json.loads(path.read_bytes())
        next(row for row in data["samples"] if row["sample_id"] == id_of(number))["annotations"][field] = value
        data["kelly"] |= kelly
        path.write_text(json.dumps(data))
        self.given.add(token(value))
        return value

    @rule(number=SAMPLES, field=FIELDS)
    def manifest_by_hand(self, number: int, field: str) -> None:
        value = self._in_manifest(number, field)
        assert (id_of(number), field) in views.read_back(self.catalogue).taken
        assert self.catalogue.find(id_of(number)).value(field) == value

    @rule(number=SAMPLES, field=FIELDS, back=st.integers(0, 3))
    def manifest_of_another_copy(self, number: int, field: str, back: int) -> None:
        """It counts events as this one does."""
        value = self._in_manifest(number, field, mark="another's", catalogue_rev=max(0, self._last() - back))
        sample = self.catalogue.find(id_of(number))
        before = sample.labels.get(field)
        views.read_back(self.catalogue)
        now = self.catalogue.find(id_of(number)).labels.get(field)
        if before is None and field in sample.refused:
            assert now is None  # a person cleared it here, and no person said it there
        elif before is None:
            assert now is not None
            assert (now.value, now.by) == (value, "manifest.json")
        else:
            assert now == before
            asked = [
                one.theirs for one in conflicts(self.catalogue) if (one.sample_id, one.field) == (id_of(number), field)
            ]
            assert [one and one.value for one in asked] == [value]

    def _last(self) -> int:
        return int(self.catalogue.db.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0])

    @rule(number=SAMPLES, field=FIELDS, foreign=st.booleans())
    def outside_edit(self, number: int, field: str, foreign: bool) -> None:
        value = wanted(field, next(self.numbers))

        def change(data: dict[str, object]) -> None:
            data["annotations"][field] = value  # type: ignore[index]
            if foreign:
                data.pop("rev", None)
                data.pop("provenance", None)
            self.unseen.setdefault(self.catalogue.layout.annotation_path(id_of(number)), {})[field] = token(value)

        self._outside(number, change)

    @rule(number=SAMPLES, decision=st.sampled_from(["skipped", "flagged"]), foreign=st.booleans())
    def outside_skip(self, number: int, decision: str, foreign: bool) -> None:
        reason = wanted("notes", next(self.numbers))

        def change(data: dict[str, object]) -> None:
            data |= {"decision": decision, "skip_reason": reason}
            if foreign:
                data["modified_at"] = "2020-01-01T00:00:00.000Z"
            file = self.unseen.setdefault(self.catalogue.layout.annotation_path(id_of(number)), {})
            file["skip_reason"] = token(reason)

        self._outside(number, change)

    @rule(number=SAMPLES, by=st.sampled_from(["ann", "bob"]))
    def outside_opinion(self, number: int, by: str) -> None:
        value = wanted("notes", next(self.numbers))

        def change(data: dict[str, object]) -> None:
            one = Opinion(id_of(number), "notes", by, 1, value, "2999-01-01")
            data.setdefault("opinions", []).append(msgspec.to_builtins(one))  # type: ignore[attr-defined]
            file = self.unseen.setdefault(self.catalogue.layout.annotation_path(id_of(number)), {})
            file[f"opinion {token(value)}"] = token(value)

        self._outside(number, change)

    @rule(number=SAMPLES, field=FIELDS, null=st.booleans())
    def outside_clear(self, number: int, field: str, null: bool) -> None:
        def change(data: dict[str, object]) -> None:
            if null:
                data["annotations"][field] = None  # type: ignore[index]
            else:
                data["annotations"].pop(field, None)  # type: ignore[attr-defined]
            self.unseen.get(self.catalogue.layout.annotation_path(id_of(number)), {}).pop(field, None)

        self._outside(number, change)

    @rule(number=SAMPLES, what=st.sampled_from([b"", b"{", b"[1]", b"\xff\xfe", None]))
    def ruin(self, number: int, what: bytes | None) -> None:
        path = self.catalogue.layout.annotation_path(id_of(number))
        if path.exists():
            self.unseen.pop(path, None)
            if what is None:
                path.unlink()
            else:
                path.write_bytes(what)

    # -- what Kelly does

    @rule()
    def write(self) -> None:
        if views.write_views(self.catalogue).merge is not None:  # it reads files only where some are in its way
            self._seen()

    @rule()
    def read(self) -> None:
        views.read_back(self.catalogue)
        self._seen()

    @rule(limit=st.integers(1, 3))
    def write_a_few(self, limit: int) -> None:
        views.export_annotations(self.catalogue, limit)

    @rule(number=SAMPLES, field=FIELDS, in_manifest=st.booleans())
    def write_while_another_saves(self, number: int, field: str, in_manifest: bool) -> None:
        """It saves the file right before Kelly's takes its place."""
        self.read()
        self.write()
        self.edit(number, field, "ann")
        value, real = wanted(field, next(self.numbers)), swap.swap
        layout = self.catalogue.layout
        saved = layout.manifest_path if in_manifest else layout.annotation_path(id_of(number))

        def swapped(new: Path, path: Path) -> bool:
            if path == saved and swap.swap is not real:
                swap.swap = real
                data = {"sample_id": id_of(number), "annotations": {}}
                with suppress(FileNotFoundError, ValueError, TypeError):  # who finds it ruined writes it anew
                    data = dict(json.loads(path.read_bytes()))
                for one in data["samples"] if in_manifest else [data]:
                    if one["sample_id"] == id_of(number):
                        one["annotations"][field] = value
                path.write_text(json.dumps(data))
                self.given.add(token(value))
            return real(new, path)

        swap.swap = swapped
        try:
            self.write()
        finally:
            swap.swap = real
        self.read()
        self.check()

    def _seen(self) -> None:
        self.given |= {one for fields in self.unseen.values() for one in fields.values()}
        self.unseen.clear()

    @rule()
    def crash(self) -> None:
        """Nothing is said good-bye to: another process opens it, and the first is gone."""
        gone, self.catalogue = self.catalogue, Catalogue.open(self.catalogue.root)
        gone.close()

    @rule(number=SAMPLES, field=FIELDS)
    def lose_the_catalogue_after_an_edit_of_the_manifest(self, number: int, field: str) -> None:
        """What was typed is the label where no file of the sample says one, or that it was cleared; else a conflict."""
        self.read()
        self.write()
        has_file = self.catalogue.layout.annotation_path(id_of(number)).exists()
        path, value = self.catalogue.layout.manifest_path, wanted(field, next(self.numbers))
        cleared = self.catalogue.get(id_of(number)).refused
        manifest = json.loads(path.read_bytes())
        for row in manifest["samples"]:
            if row["sample_id"] == id_of(number):
                had = row["annotations"].get(field)
                row["annotations"][field] = value
        path.write_text(json.dumps(manifest))
        self._lose()
        if not has_file or (had is None and field not in cleared):
            assert self.catalogue.get(id_of(number)).labels[field].value == value
        elif had is not None:
            assert self.catalogue.get(id_of(number)).value(field) == had
            assert (id_of(number), field) in {(one.sample_id, one.field) for one in conflicts(self.catalogue)}
        self.given.add(token(value))

    def _lose(self) -> None:
        root, path = self.catalogue.root, self.catalogue.layout.catalogue_path
        self.catalogue.close()
        self._gone(path)
        self.catalogue = Catalogue.open(root)
        self.backup = b""  # of another catalogue
        self._history_is_gone()

    def _history_is_gone(self) -> None:
        self.given = {token(said[name]) for said in self._said().values() for name in LOST_WITH if said.get(name)}
        self.given |= {token(one.value) for one in blind_opinions(self.catalogue)}
        self.given |= {token(one.theirs.value) for one in conflicts(self.catalogue) if one.theirs is not None}

    def _said(self) -> dict[str, dict[str, Value | None]]:
        return {one.sample_id: {**one.annotations, **one.state} for one in self.catalogue.samples()}

    @rule(number=SAMPLES, field=FIELDS)
    def lose_the_catalogue_after_an_undo(self, number: int, field: str) -> None:
        """What was taken back after the manifest was written stays so; it may be asked about."""
        self.read()
        self.edit(number, field, "ann")
        self.write()
        history.undo(self.catalogue, "ann")
        views.export_annotations(self.catalogue)
        before = self._said()
        self._lose()
        assert self._said() == before

    @rule(side=st.sampled_from(["ours", "theirs", None]))
    def lose_the_catalogue(self, side: Literal["ours", "theirs"] | None) -> None:
        """Once the views are written they are enough, but for history; what is decided is in one of them at once."""
        self.read()
        self.write()
        if side is not None:
            self.decide(side)
            views.export_annotations(self.catalogue)
        blind = sorted(map(str, blind_opinions(self.catalogue)))
        self._come_back(self._gone)
        assert sorted(map(str, blind_opinions(self.catalogue))) == blind
        self.backup = b""  # of another catalogue

    @rule(ruined=st.dictionaries(SAMPLES, st.sampled_from([b"", b"{", None]), min_size=1, max_size=3))
    def lose_annotation_files_too(self, ruined: dict[int, bytes | None]) -> None:
        """The manifest alone is enough too."""
        self.read()
        self.write()
        for number, what in ruined.items():
            self.ruin(number, what)
        self._come_back(self._gone)
        self.backup = b""

    @rule()
    def back_up(self) -> None:
        self.catalogue.close()
        self.backup = self.catalogue.layout.catalogue_path.read_bytes()
        self.catalogue = Catalogue.open(self.catalogue.root)

    @rule()
    def put_the_backup_back(self) -> None:
        """What the views know and the backup does not is taken from them."""
        self.read()
        self.write()
        if self.backup:
            self._come_back(lambda path: path.write_bytes(self.backup))

    def _gone(self, path: Path) -> None:
        for one in path.parent.glob(f"{path.name}*"):
            one.unlink()

    def _come_back(self, befall: Callable[[Path], object]) -> None:
        """All that is said now is said afterwards too, whatever befell the catalogue; but its history may be gone."""
        root, path = self.catalogue.root, self.catalogue.layout.catalogue_path
        before = self._said()
        undecided = {(one.sample_id, one.field, str(one.theirs)) for one in conflicts(self.catalogue)}
        self.catalogue.close()
        befall(path)
        self.catalogue = Catalogue.open(root)
        views.read_back(self.catalogue)
        assert self._said() == before
        assert {(one.sample_id, one.field, str(one.theirs)) for one in conflicts(self.catalogue)} == undecided
        self._history_is_gone()

    @rule()
    def check(self) -> None:
        db = self.catalogue.db
        kept = [
            token(value) for one in self.catalogue.samples() for value in (*one.annotations.values(), one.skip_reason)
        ]
        kept += [str(row) for row in db.execute("SELECT old, new FROM events")]
        kept += [str(row) for row in db.execute("SELECT value FROM opinions")]
        kept += [str(row) for row in db.execute("SELECT base, ours, theirs FROM conflicts")]
        aside = self.catalogue.layout.kelly_dir / "set-aside"
        kept += [path.read_text("utf-8", "replace") for path in aside.rglob("*") if path.is_file()]
        all_of_it = "\n".join(kept)
        assert [one for one in self.given if one not in all_of_it] == []


def test_no_value_is_lost() -> None:
    run(Store, 12, 40)


def test_what_is_typed_after_a_conflict_was_decided_and_the_catalogue_lost_is_a_conflict_again() -> None:
    store = Store()
    store.create()
    store.detect("tempo_bpm")
    store.lose_the_catalogue_after_an_edit_of_the_manifest(4, "tempo_bpm")
    store.lose_the_catalogue_after_an_edit_of_the_manifest(0, "notes")
    store.manifest_of_another_copy(number=0, field="notes", back=0)
    store.lose_the_catalogue("theirs")
    store.lose_the_catalogue_after_an_edit_of_the_manifest(4, "tempo_bpm")
    store.teardown()


def test_a_conflict_that_undo_opened_again_is_open_in_the_backup_that_comes_back() -> None:
    store = Store()
    store.create()
    store.both_edit(0, "tempo_bpm")
    store.read()
    store.edit(0, "tempo_bpm", "ann")
    assert not conflicts(store.catalogue)
    store.back_up()
    store.turn(history.undo, "ann")
    assert conflicts(store.catalogue)
    store.put_the_backup_back()
    store.teardown()


@pytest.mark.slow
def test_no_value_is_lost_in_tens_of_thousands_of_steps() -> None:
    run(Store, 400, 100)
