"""The augment stage: variants of imported samples, so many for each in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.augment.item import augment_item, plan_item
from kelly_tui.augment.recipe import Recipe, variant_labels
from kelly_tui.model.annotation import Value
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import RENDER
from kelly_tui.pipeline.keys import Parameters
from kelly_tui.pipeline.pace import patience
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.recorded import recorded
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Outcome, Result, Run
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import make_durable
from kelly_tui.store.intact import intact
from kelly_tui.store.layout import called, dataset_errors, make_music_folders, utc_now
from kelly_tui.text import count

STAGE = "augment"
VERSION = 4
"""Kept in a variant's row: what it sounded like then, another version may make otherwise."""

MOST = 5
"""How many times the multiplier a root may get to balance its class: more would be one song over and over."""

_SUFFIXES = {"midi": ".mid", "audio": ".wav"}


@recorded(STAGE)
def augment(
    catalogue: Catalogue, run: Run, multiplier: int, *, generated: bool = False, balance: bool = False
) -> Outcome:
    """Make variants until each imported sample, and each generated one if wanted, has `multiplier` of them.

    With `balance` roots of the classes that lack get more, up to `MOST` times as many, until their classes, roots and
    variants together, are as large as the largest.
    """
    augmentation = _Augmentation(catalogue, run, multiplier)
    roots = "is:root is:ok" if generated else "is:imported is:ok"
    if balance:
        augmentation.balance(roots)
    plan = Plan()
    for item in augmentation.missing(roots, plan):
        plan.add(item, "new")
    if run.dry_run:
        return plan.outcome(STAGE)
    make_music_folders(catalogue.root, "processed/augmented/midi", "processed/augmented/audio")
    work = Work(
        STAGE,
        augmentation.missing(roots, Plan()),
        plan,
        room=Room(catalogue),
        written=lambda _, result: f"{catalogue.root}/{result['target']}" if result else None,
    )
    outcome = run_items(work, augmentation.commit, run)
    outcome.done -= augmentation.empty
    outcome.failures = list(dict(outcome.failures).items())  # a root that can't be read fails once
    outcome.words = augmentation.words() or _why_nothing(catalogue, outcome, roots)
    outcome.details |= {
        "lacking": sum(augmentation.lacking.values()),
        "in_doubt": augmentation.in_doubt,
        "left_out": dict(augmentation.left_out_in_all()),
    }
    return outcome


def _why_nothing(catalogue: Catalogue, outcome: Outcome, roots: str) -> str:
    """Why a run had no sample to vary; nothing where it had."""
    if outcome.done or outcome.skipped or outcome.all_failures or next(iter(catalogue.samples(roots)), None):
        return ""
    aside = sum(1 for _ in catalogue.samples(roots.replace("is:ok", "is:quarantined")))
    if aside:
        where = f"kelly list {called(catalogue.root)} is:quarantined"
        return f"no sample to vary: {count(aside, 'sample')} set aside, see {where}"
    return "no sample to vary: import music first"


def variant_item(item: dict[str, Any]) -> dict[str, Any]:
    """In a worker: write the variant of `plan_item`'s choice that comes at ``item["place"]`` among the new ones.

    Returns what `augment_item` returns, with the variant itself; nothing when there are no more different ones.
    Raises `FileRefused`.
    """
    intact(Path(item["root"]), item["parent_path"], item["parent_sha256"])
    there, planned = item["leave_out"], plan_item(item)["variants"]
    chosen = [one for one in planned if one["recipe"] not in there and one["sample_id"] not in there]
    if item["place"] >= len(chosen):
        return {}
    variant = chosen[item["place"]]
    name = variant["sample_id"]
    target = f"processed/augmented/{item['file_type']}/{name[:2]}/{name}{_SUFFIXES[item['file_type']]}"
    return {**variant, "target": target, **augment_item({**item, **variant, "target": target})}


class _Augmentation:
    """Which roots lack variants, and how these become samples."""

    def __init__(self, catalogue: Catalogue, run: Run, multiplier: int) -> None:
        self._catalogue, self._seed, self._multiplier = catalogue, run.seed, multiplier
        self._most = run.settings.sound_values
        self._failures = {one.path: one for one in catalogue.failures(STAGE)}
        self._results = dict(catalogue.stage_keys(STAGE))
        self._parameters: dict[int, Parameters] = {}
        self._wanted: dict[str, int] = {}
        """By root, where its class decides."""
        self.lacking: dict[str, int] = {}
        """By root: variants asked for that there are not, because they would repeat others."""
        self.empty = 0
        """Items that made nothing."""
        self.in_doubt = 0
        """New variants with a label that a person should hear."""
        self._left_out: dict[str, dict[str, int]] = {}

    def balance(self, roots: str) -> None:
        """Let the classes that lack have more, as evenly over their roots as can be."""
        main = self._catalogue.config.model.main_label
        classes: dict[Value, list[str]] = {}
        for root in self._catalogue.samples(roots):
            if main in root.labels:
                classes.setdefault(root.labels[main].value, []).append(root.sample_id)
        largest = max(map(len, classes.values()), default=0) * (1 + self._multiplier)
        for members in classes.values():
            each, more = divmod(largest, len(members))
            for place, root_id in enumerate(members):
                self._wanted[root_id] = min(each - 1 + (place < more), MOST * self._multiplier)

    def missing(self, roots: str, plan: Plan) -> Iterator[Item]:
        """One item for each variant that is missing; `plan` counts those that are there."""
        for root in self._catalogue.samples(roots):
            wanted = self._wanted.get(root.sample_id, self._multiplier)
            key = self._key(wanted, root.sha256)
            failure = self._failures.get(root.file_path)
            if failure is not None and failure.key == key:
                plan.failed_before.append((root.file_path, failure.reason))
                continue
            there = self._variants_of(root.sample_id)
            plan.skipped += min(len(there), wanted)
            if self._results.get(root.sample_id) == key:  # there were no more different ones
                self.lacking[root.sample_id] = max(0, wanted - len(there))
                continue
            for place in range(wanted - len(there)):
                yield self._item(root, key, there, place, wanted)

    def _key(self, wanted: int, content: str) -> str:
        if wanted not in self._parameters:
            values = {"multiplier": wanted, "seed": self._seed}
            self._parameters[wanted] = Parameters(self._catalogue, STAGE, VERSION, values)
        return self._parameters[wanted].key(content)

    def words(self) -> str:
        """What the numbers do not say."""
        said = []
        if lacking := sum(self.lacking.values()):
            said.append(f"{lacking:,} fewer than asked: there are no more different variants of some")
        if self.in_doubt:
            said.append(f"{self.in_doubt:,} have labels in doubt: ga in the app hears these first")
        if dropped := self.left_out_in_all():
            what = ", ".join(f"{number:,} {kind}" for kind, number in sorted(dropped.items()))
            said.append(f"variants do not carry {what} of {count(len(self._left_out), 'file')}")
        return "; ".join(said)

    def left_out_in_all(self) -> Counter[str]:
        """Events of the roots, each counted once, that their new variants do not carry."""
        return sum((Counter(one) for one in self._left_out.values()), Counter())

    def _variants_of(self, root_id: str) -> dict[str, dict[str, Any]]:
        """What was done for each variant of a root, by its id, refused ones included: these are not made again."""
        rows = self._catalogue.db.execute(
            "SELECT sample_id, augmentation FROM samples WHERE parent_id = ? AND augmentation_type IS NOT ?",
            (root_id, RENDER),
        )
        done = {sample_id: msgspec.json.decode(augmentation or "{}") for sample_id, augmentation in rows}
        known = Recipe.__struct_fields__
        return {
            sample_id: {name: value for name, value in one.items() if name in known} for sample_id, one in done.items()
        }

    def _item(self, root: Sample, key: str, there: dict[str, dict[str, Any]], place: int, wanted: int) -> Item:
        data = {
            "root": str(self._catalogue.root),
            "parent_path": root.file_path,
            "parent_sha256": root.sha256,
            "root_id": root.root_id,
            "file_type": root.file_type,
            "n": wanted + len(there),
            "seed": self._seed,
            "leave_out": [*there, *there.values()],  # by its id too: a row may not tell what was done
            "place": place,
        }
        function = f"{variant_item.__module__}:{variant_item.__name__}"
        limit = patience(root.duration_sec, self._most) if root.file_type == "audio" else 1.0
        return Item(root.sample_id, root.file_path, key, root.file_size_bytes, function, data, limit)

    def commit(self, results: list[tuple[Item, Result]]) -> None:
        """Add the variants, with the labels that they inherit: one transaction, once the files are durable."""
        catalogue = self._catalogue
        now = utc_now()
        made = [result for _, result in results if result and not isinstance(result, Failed)]
        with dataset_errors(catalogue.root):
            make_durable([f"{catalogue.root}/{result['target']}" for result in made])
        new: list[Sample] = []
        parents: dict[str, Sample | None] = {}
        with catalogue.writing():
            for item, result in results:
                if isinstance(result, Failed):
                    catalogue.refuse(item.name, STAGE, item.key, result.reason)
                    continue
                if not result:
                    catalogue.put_result(STAGE, item.item_id, item.key)
                    self.lacking[item.item_id] = self.lacking.get(item.item_id, 0) + 1
                    self.empty += 1
                    continue
                if result.get("left_out"):
                    self._left_out[item.item_id] = result["left_out"]
                if item.item_id not in parents:  # the variants of one come together
                    parents[item.item_id] = catalogue.get(item.item_id)
                if (parent := parents[item.item_id]) is not None:
                    new.append(_variant(parent, result, now))
                    self.in_doubt += any(label.in_doubt for label in new[-1].labels.values())
            catalogue.add(new)


def _variant(parent: Sample, made: dict[str, Any], now: str) -> Sample:
    return Sample(
        sample_id=made["sample_id"],
        file_path=made["target"],
        file_type=parent.file_type,
        sha256=made["sha256"],
        file_size_bytes=made["file_size_bytes"],
        duration_sec=made["duration_sec"],
        created_at=now,
        modified_at=now,
        split=parent.split,
        is_synthetic=False,
        parent_id=parent.sample_id,
        root_id=parent.root_id,
        augmentation_type=made["augmentation_type"],
        augmentation={**made["recipe"], "seed": made["seed"], "version": VERSION},
        license=parent.license,
        extra={"left_out": made["left_out"]} if made.get("left_out") else {},
        labels=variant_labels(parent.labels, Recipe(**made["recipe"])),
    )
