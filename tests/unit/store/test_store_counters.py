"""The kept counts against counting, by SQL and by plain Python, whatever happens to the samples."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_samples import id_of, new_catalogue, sample

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.store import counters, history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import load_config, save_config, utc_now

NUMBERS = st.integers(0, 11)
LABELS = st.one_of(
    st.tuples(st.just("emotion"), st.sampled_from([None, "happy", "sad"])),
    st.tuples(st.just("key"), st.sampled_from([None, "C", "A"])),
    st.tuples(st.just("tempo_bpm"), st.sampled_from([None, 10.0, 39.9, 40.0, 60.0, 219.9, 220.0, 900.0])),
    st.tuples(st.just("time_signature"), st.sampled_from([None, "4/4", "5/4", "6/8"])),
    st.tuples(st.sampled_from(["valence", "arousal"]), st.sampled_from([None, 0.5])),
    st.tuples(st.just("groove_type"), st.sampled_from([None, "swing"])),
    st.tuples(st.just("swing_ratio"), st.sampled_from([None, 0.6])),
    st.tuples(st.just("is_verified"), st.sampled_from([None, True, False])),
    st.tuples(st.just("decision"), st.sampled_from(["skipped", "flagged", None])),
    st.tuples(st.just("rejected"), st.booleans()),
)


class Dataset(RuleBasedStateMachine):
    """A dataset to which anything may happen."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.catalogue = new_catalogue(Path(self.folder.name))

    def teardown(self) -> None:
        if hasattr(self, "catalogue"):
            self.catalogue.close()
            self.folder.cleanup()

    @rule(
        number=NUMBERS,
        of=NUMBERS,
        kind=st.sampled_from(["transpose", "render"]),
        of_root=st.booleans(),
        origin=st.sampled_from(counters.ORIGINS),
        split=st.sampled_from([None, "train", "val"]),
        emotion=st.sampled_from([None, "happy", "tense"]),
    )
    def add(
        self, number: int, of: int, kind: str, of_root: bool, origin: str, split: str | None, emotion: str | None
    ) -> None:
        variant = origin == "augmented"
        self.catalogue.add([
            sample(
                number,
                parent_id=id_of(of) if variant else None,
                root_id=(id_of(of) if of_root else "another") if variant else "",
                augmentation_type=kind if variant else None,
                is_synthetic=origin == "generated",
                split=split,
                labels={"emotion": emotion} if emotion else {},
            )
        ])  # fmt: skip

    @rule(number=NUMBERS, said=LABELS)
    def edit(self, number: int, said: tuple[str, object]) -> None:
        if self.catalogue.get(id_of(number)):
            field, value = said
            label = None if value is None else Label(value)  # type: ignore[arg-type]
            history.edit(self.catalogue, [Edit(id_of(number), field, label)], by="ann")

    @rule()
    def undo(self) -> None:
        history.undo(self.catalogue, "ann")

    @rule()
    def redo(self) -> None:
        history.redo(self.catalogue, "ann")

    @rule(number=NUMBERS, split=st.sampled_from([None, "train", "val", "test"]))
    def split(self, number: int, split: str | None) -> None:
        with self.catalogue.writing() as db:
            db.execute("UPDATE samples SET split = ? WHERE sample_id = ?", (split, id_of(number)))

    @rule(number=NUMBERS, fails=st.booleans())
    def extract(self, number: int, fails: bool) -> None:
        if not self.catalogue.get(id_of(number)):
            return
        if fails:
            self.catalogue.quarantine(id_of(number), "extract", "k", "why")
        else:
            self.catalogue.put_features([(id_of(number), "k", "f.json", 1.0, [], {})])

    @rule(number=NUMBERS, resolved=st.booleans())
    def conflict(self, number: int, resolved: bool) -> None:
        if not self.catalogue.get(id_of(number)):
            return
        with self.catalogue.writing() as db:
            if resolved:
                db.execute("UPDATE conflicts SET resolved_at = ? WHERE sample_id = ?", (utc_now(), id_of(number)))
            else:
                db.execute(
                    "INSERT OR IGNORE INTO conflicts (sample_id, field, at) VALUES (?, 'emotion', '')", (id_of(number),)
                )

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        with self.catalogue.writing() as db:
            db.execute("DELETE FROM samples WHERE sample_id = ?", (id_of(number),))

    @rule(model=st.sampled_from(["emotionrecognizer", "groovepredictor"]))
    def reopen(self, model: str) -> None:
        root = self.catalogue.root
        self.catalogue.close()
        config = load_config(root)
        config.target_model = model
        save_config(root, config)
        self.catalogue = Catalogue.open(root)

    @invariant()
    def the_kept_counts_are_right(self) -> None:
        if not hasattr(self, "catalogue"):
            return
        db = self.catalogue.db
        kept = {tuple(key): n for *key, n in db.execute("SELECT * FROM counts WHERE n <> 0")}
        assert kept == counters.count(db, self.catalogue.config)
        agree_with_python(self.catalogue)


def on_a_list(one: Sample) -> bool:
    sound_of_root = one.augmentation_type == "render" and one.parent_id == one.root_id
    return not one.rejected and (one.origin == "imported" or sound_of_root or one.split not in ("val", "test"))


def agree_with_python(catalogue: Catalogue) -> None:
    """Every public count, computed again from the samples as they are read."""
    everything = list(catalogue.samples())
    listed = [one for one in everything if on_a_list(one)]
    held = [one for one in listed if one.status == "ok"]
    counts = catalogue.counts()
    needs = catalogue.config.model.needs

    def tally(values: object) -> dict[str, int]:
        return dict(Counter(value for value in values if value is not None))  # type: ignore[attr-defined]

    assert counts.in_catalogue == len(everything)
    assert counts.total == len(held)
    assert counts.roots == sum(one.parent_id is None for one in held)
    assert {name: n for name, n in counts.origins.items() if n} == tally(one.origin for one in held)
    for field in set(needs) - {"emotion", "groove_type"}:
        assert counts.of(field) == tally("yes" for one in held if one.value(field) is not None)
    for field in ("emotion", "key", "groove_type"):
        assert counts.of(field) == tally(one.value(field) for one in held)
        assert counts.of(field, "augmented") == tally(one.value(field) for one in held if one.origin == "augmented")
        assert counts.roots_by(field) == tally(one.value(field) for one in held if one.parent_id is None)
        by_origin = Counter((one.value(field), one.origin) for one in held if one.value(field) is not None)
        assert {(v, o): n for v, ns in counts.by_label(field).items() for o, n in ns.items()} == by_origin
    bands = (one.value("tempo_bpm") for one in held)
    assert counts.of("tempo") == tally(
        str(min(max(int(bpm // 20 * 20), 40), 220)) for bpm in bands if isinstance(bpm, float)
    )
    meters = (one.value("time_signature") for one in held)
    assert counts.of("meter") == tally(m and (m if m in ("2/4", "3/4", "4/4", "6/8") else "other") for m in meters)
    assert {name: n for name, n in counts.splits.items() if n} == tally(one.split for one in held)
    assert {name: n for name, n in counts.decisions.items() if n} == tally(one.decision for one in held)
    assert {name: n for name, n in counts.verified.items() if n} == tally(
        one.origin for one in held if one.value("is_verified")
    )
    assert counts.rejected == sum(one.rejected for one in everything)
    assert counts.status["quarantined"] == sum(one.status != "ok" for one in everything)
    open_conflicts = {
        sample_id for (sample_id,) in catalogue.db.execute("SELECT sample_id FROM conflicts WHERE resolved_at IS NULL")
    }
    for origin in (None, *counters.ORIGINS):
        of = [one for one in listed if origin in (None, one.origin)]
        parts = {
            "file": {one.sample_id for one in of if one.status == "ok"},
            "features": {one.sample_id for one in of if one.features_path},
            "labels": {one.sample_id for one in of if all(one.value(need) is not None for need in needs)},
            "agreed": {one.sample_id for one in of} - open_conflicts,
        }
        expected = {"of": len(of), **{part: len(ids) for part, ids in parts.items()}}
        assert counts.quality(origin) == {**expected, "good": len(set.intersection(*parts.values()))}


Dataset.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestCounts = Dataset.TestCase


def test_recount_mends_what_was_broken(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add(sample(number, labels={"emotion": "sad"}) for number in range(5))
        with catalogue.writing() as db:
            db.execute("UPDATE counts SET n = n + 3")
            counters.recount(db, catalogue.config)
        agree_with_python(catalogue)
