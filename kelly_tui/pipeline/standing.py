"""How each stage stands: done, stale (there is more to do, and why), failed, never, or running.

Read from the record of its runs and from what the samples lack; by a few statements over the tables, without looking
at files: seconds at a million samples, so not for the app's own thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.model.variation import RENDER
from kelly_tui.pipeline.extract import wanted_parameters
from kelly_tui.store import runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.runs import Record
from kelly_tui.text import count

STAGES = ("import", "annotate", "extract", "split", "augment", "synthesize", "render", "validate", "export", "retry")


class Standing(NamedTuple):
    """How a stage stands."""

    state: str
    """``never`` ``done`` ``stale`` ``failed`` ``running``."""
    words: str = ""
    record: Record | None = None
    """Its last run."""

    def line(self, stage: str) -> str:
        """``extract     stale   60 have features; to do: 3 new``."""
        return f"{stage:<12}{self.state:<9}{self.words}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        last = None if self.record is None else self.record._asdict()
        return {"state": self.state, "words": self.words, "last": last}


def stage_standings(root: Path | str) -> dict[str, Standing]:
    """How each stage of the dataset at `root` stands. Raises `DatasetError` if there is none."""
    with Catalogue.open(root) as catalogue:
        return standings(catalogue)


def standings(catalogue: Catalogue) -> dict[str, Standing]:
    """`stage_standings` of an open catalogue."""
    return _Standings(catalogue).all()


class _Standings:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._db = catalogue, catalogue.db
        self._at = runs.at_work(catalogue.layout)
        self._records = runs.latest(catalogue.db)
        self._config = catalogue.config.to_dict()
        self._failures = Counter[tuple[str, bool]]()
        for stage, is_sample, number in self._db.execute(
            "SELECT stage, sample_id IS NOT NULL, count(*) FROM failures GROUP BY 1, 2"
        ):
            self._failures[stage, bool(is_sample)] = number

    def all(self) -> dict[str, Standing]:
        found = {
            "import": self._import(),
            "annotate": self._annotate(),
            "extract": self._extract(),
            "split": self._split(),
            "augment": self._augment(),
            "synthesize": self._synthesize(),
            "render": self._render(),
            "validate": self._validate(),
            "export": self._export(),
            "retry": self._retry(),
        }
        return {stage: self._with_run(stage, standing) for stage, standing in found.items()}

    def _with_run(self, stage: str, standing: Standing) -> Standing:
        """What the last run says goes before what the samples say, where it did not come to its end."""
        record = self._records.get(stage)
        at = self._at
        if at is not None and at.stage == stage:
            done, total = at.progress.get("done", 0) + at.progress.get("failed", 0), at.progress.get("total", 0)
            so_far = f"{done:,} of {total:,}, " if total else ""
            return Standing("running", f"{so_far}process {at.pid}, since {at.since}", record)
        if record is None or record.how == "done":
            return standing._replace(record=record)
        there = f"; {standing.words}" if standing.words else ""
        if record.how == "stopped":
            state = "done" if standing.state == "done" and stage in ("extract", "retry") else "stale"
            return Standing(state, record.words.removeprefix(f"{stage} ") + there, record)
        if record.how == "could not":
            return Standing("failed", record.words, record)
        return Standing("failed", f"its process died, begun {record.since}; start it again to go on{there}", record)

    def _one(self, statement: str, *parameters: Any) -> Any:
        return self._db.execute(statement, parameters).fetchone()[0]

    def _changed(self, stage: str, *names: str) -> list[str]:
        """What of the configuration the last run of a stage did not know: ``train_ratio 0.8 → 0.7``."""
        record = self._records.get(stage)
        before: Mapping[str, Any] = record.details.get("config", {}) if record is not None else {}
        return [
            f"{name} {before[name]} → {self._config[name]}" if not isinstance(before[name], list) else f"{name} changed"
            for name in names
            if name in before and before[name] != self._config[name]
        ]

    def _import(self) -> Standing:
        imported = self._one("SELECT count(*) FROM samples WHERE origin = 'imported'")
        refused = self._failures["import", False]
        words = f"{imported:,} imported" + (f", {refused:,} refused" if refused else "")
        if not imported and not refused:
            return Standing("never")
        return Standing("done", words)

    def _annotate(self) -> Standing:
        record = self._records.get("annotate")
        if record is None:
            return Standing("never")
        imported = "SELECT count(*) FROM samples WHERE origin = 'imported' AND"
        if record.sample is None:  # an older Kelly's
            new = self._one(f"{imported} created_at > ?", record.began)
        else:
            new = self._one(f"{imported} rowid > ?", record.sample)
        asked = record.details.get("samples")  # absent where the run did not come to its end
        words = "" if asked is None else f"{record.done:,} of {asked:,} labelled"
        if asked is not None and asked > record.done:
            words += f", {asked - record.done:,} in folders that are no label or disagree, or cleared"
        return _todo(words, new, "new", self._changed("annotate", "emotion_labels", "groove_labels"))

    def _extract(self) -> Standing:
        wanted = wanted_parameters(self._catalogue)
        have, why = 0, Counter[str]()
        rows = self._db.execute(
            "SELECT file_type, CASE WHEN results.key IS NULL OR features_path IS NULL THEN 'new' ELSE 'there' END,"
            " substr(results.key, 1, instr(results.key, '-') + 16), count(*)"
            " FROM samples LEFT JOIN results ON stage = 'extract' AND sample = samples.rowid"
            " WHERE NOT rejected AND status = 'ok' GROUP BY 1, 2, 3"
            " UNION ALL SELECT file_type, 'failed', substr(failures.key, 1, instr(failures.key, '-') + 16), count(*)"
            " FROM failures JOIN samples USING (sample_id) WHERE stage = 'extract' AND NOT rejected GROUP BY 1, 3"
        )
        for kind, result, prefix, number in rows:
            if result == "there":
                have += number
            if result == "new":
                why["new"] += number
            elif prefix != wanted[kind].prefix:
                why[wanted[kind].why(f"{prefix}-", wanted[kind].key(""))] += number
        failed = self._failures["extract", True]
        words = f"{have:,} have features" + (f", {failed:,} can't be used" if failed else "")
        if not have and not failed and "extract" not in self._records:
            return Standing("never", _to_do(why))
        return Standing("stale" if why else "done", words + (f"; to do: {_to_do(why)}" if why else ""))

    def _split(self) -> Standing:
        unplaced = self._one("SELECT count(*) FROM samples WHERE status = 'ok' AND split IS NULL")
        placed = self._one("SELECT count(*) FROM samples WHERE split IS NOT NULL")
        record = self._records.get("split")
        bridges = record.details.get("bridges", 0) if record is not None else 0
        if not placed:
            return Standing("never")
        words = f"{placed:,} placed" + (f", {bridges:,} link two splits and stay out" if bridges else "")
        changed = self._changed("split", "train_ratio", "val_ratio", "test_ratio", "group_by")
        hint = ["kelly split --reshuffle places all anew"] if changed else []
        return _todo(words, max(0, unplaced - bridges), "new", changed + hint + self._proof_to_renew(record))

    def _proof_to_renew(self, split: Record | None) -> list[str]:
        """That PROOF.json is out of date: main labels are in it, and one has changed since it was written."""
        if split is None:
            return []
        changed = self._db.execute(
            "SELECT 1 FROM steps JOIN events USING (step) JOIN samples USING (sample_id)"
            " WHERE (steps.at > ? OR steps.step > ?) AND field = ? AND parent_id IS NULL LIMIT 1",
            (split.began, split.step, self._catalogue.config.model.main_label),
        )
        return ["prove anew, labels have changed"] if changed.fetchone() else []

    def _augment(self) -> Standing:
        variants = self._one(
            "SELECT count(*) FROM samples WHERE origin = 'augmented' AND augmentation_type <> ?", RENDER
        )
        record = self._records.get("augment")
        words = f"{variants:,} variant{'' if variants == 1 else 's'}"
        if record is None:
            return Standing("done" if variants else "never", words if variants else "")
        asked = record.details.get("asked", {})
        multiplier, generated = asked.get("multiplier", 0), asked.get("generated", False)
        lacking, roots = self._db.execute(
            "SELECT ifnull(sum(?1 - ifnull(n, 0)), 0), count(*) FROM samples AS root LEFT JOIN"
            " (SELECT parent_id AS parent, count(*) AS n FROM samples WHERE parent_id IS NOT NULL"
            " AND augmentation_type IS NOT ?3 GROUP BY 1)"
            " ON parent = root.sample_id WHERE ifnull(n, 0) < ?1 AND parent_id IS NULL AND status = 'ok'"
            " AND NOT rejected AND (?2 OR NOT is_synthetic) AND NOT EXISTS (SELECT 1 FROM results"
            " WHERE stage = 'augment' AND sample = root.rowid) AND NOT EXISTS (SELECT 1 FROM failures"
            " WHERE stage = 'augment' AND path = root.file_path)",
            (multiplier, generated, RENDER),
        ).fetchone()
        words += f" of {multiplier:,} each"
        failed = self._failures["augment", False]
        words += f", {count(failed, 'sample')} can't be varied" if failed else ""
        return _todo(words, lacking, f"lacking variants of {count(roots, 'sample')}", [])

    def _synthesize(self) -> Standing:
        generated = self._one("SELECT count(*) FROM samples WHERE origin = 'generated'")
        record = self._records.get("synthesize")
        if record is None:
            return Standing("done" if generated else "never", f"{generated:,} generated" if generated else "")
        wanted = record.details.get("asked", {}).get("count", generated)
        return _todo(f"{generated:,} generated", max(0, wanted - generated), "lacking", [])

    def _render(self) -> Standing:
        rendered = self._one("SELECT count(*) FROM samples WHERE augmentation_type = ?", RENDER)
        if not rendered and "render" not in self._records:
            return Standing("never")
        lacking = self._one(
            "SELECT count(*) FROM samples AS root WHERE file_type = 'midi' AND parent_id IS NULL AND status = 'ok'"
            " AND NOT rejected AND NOT EXISTS (SELECT 1 FROM samples WHERE parent_id = root.sample_id"
            " AND augmentation_type = ?) AND NOT EXISTS (SELECT 1 FROM failures"
            " WHERE stage = 'render' AND path = root.file_path)",
            RENDER,
        )
        failed = self._failures["render", False]
        words = f"{rendered:,} rendered" + (f", {count(failed, 'sample')} can't be" if failed else "")
        return _todo(words, lacking, "without sound", [])

    def _validate(self) -> Standing:
        return self._looked("validate")

    def _export(self) -> Standing:
        return self._looked("export")

    def _looked(self, stage: str) -> Standing:
        """Of a stage that reads all of the dataset: whether anything was changed since."""
        record = self._records.get(stage)
        if record is None or record.how != "done":  # nothing came of it
            return Standing("never")
        since = self._one("SELECT ifnull(max(at), '') FROM steps")
        changing = self._records.keys() - {"validate", "export"}
        stages = [self._records[name] for name in changing if self._records[name].done]
        is_edited = record.step is not None and runs.last_step(self._catalogue) > record.step
        ran = any(one.run > record.run or (one.ended or one.began) > record.began for one in stages)
        if is_edited or ran or since > record.began:
            return Standing("stale", f"{record.words} at {record.since}; changed since")
        return Standing("done" if not record.failed else "failed", f"{record.words} at {record.since}")

    def _retry(self) -> Standing:
        again = sum(n for (stage, is_sample), n in self._failures.items() if is_sample or stage != "import")
        refused = self._failures["import", False]
        words = [f"{again:,} set aside, to try again once the cause is mended"] if again else []
        if refused:
            words.append(f"{refused:,} refused by import: mend and import them again")
        state = "stale" if again else "done" if "retry" in self._records else "never"
        return Standing(state, "; ".join(words) or "nothing is set aside")


def _todo(words: str, number: int, what: str, reasons: list[str]) -> Standing:
    """Done, or stale with how many lack and why."""
    left = ([f"{number:,} {what}"] if number else []) + reasons
    return Standing("stale" if left else "done", "; to do: ".join(part for part in (words, ", ".join(left)) if part))


def _to_do(why: Counter[str]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in why.most_common())
