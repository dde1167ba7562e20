"""What validation found, and how it is said."""

from __future__ import annotations

import shlex
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from kelly_tui.model.abx import Result
from kelly_tui.model.agreement import Agreement
from kelly_tui.model.probe import Kept
from kelly_tui.text import count, safe_text

Severity = Literal["error", "warning", "note"]
_SHOWN = 3
"""Ids in a printed filter."""
_RANK = {"error": 0, "warning": 1, "note": 2}


class Finding(msgspec.Struct, frozen=True):
    """Something about the dataset that a person should know."""

    severity: Severity
    code: str
    """Short and stable, for scripts: ``group-across-splits``."""
    message: str
    todo: str = ""
    """What to do about it."""
    count: int = 0
    """How many samples it concerns."""
    samples: tuple[str, ...] = ()
    """The first of them, by id."""
    filter: str = ""
    """What finds all of them in the list, where a filter can say it."""

    @property
    def found_by(self) -> str:
        """The filter that lists them, or the first of them; empty where it is not about single samples."""
        return self.filter or (f"id:{'|'.join(self.samples)}" if self.samples else "")

    @property
    def shown_by(self) -> str:
        """As `found_by`, short enough to be printed: of many ids it has the first."""
        return self.filter or replace(self, samples=self.samples[:_SHOWN]).found_by


class Apart(msgspec.Struct, frozen=True):
    """How well two kinds of samples can be told apart by their features; see `kelly_tui.learn.apart`."""

    what: str
    versus: str
    of_what: int
    """Pieces of the one kind, and of the other."""
    of_versus: int
    auc: float | None = None
    """Area under the ROC curve, 0.5 for a guess; None where there are too few."""
    low: float = 0.0
    high: float = 1.0
    """The 95 % interval of the AUC."""

    def words(self) -> str:
        """``test from train: AUC 0.52, 0.44 to 0.60 (80 and 300 pieces)``."""
        which, of = f"{self.what} from {self.versus}", f"{self.of_what:,} and {self.of_versus:,} pieces"
        if self.auc is None:
            return f"{which}: too few to tell ({of})"
        return f"{which}: AUC {self.auc:.2f}, {self.low:.2f} to {self.high:.2f} ({of})"


class ClassCount(msgspec.Struct, frozen=True):
    """How many samples a class has, by origin, against how many are wanted."""

    label: str
    imported: int
    augmented: int
    generated: int
    target: int

    @property
    def total(self) -> int:
        return self.imported + self.augmented + self.generated


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that counts alone can say. Scores are 0..1; definitions are in `kelly_tui.validate`."""

    total: int
    """Samples that an export would hold."""
    balance: float
    diversity: float
    quality: float
    balance_imported: float
    diversity_imported: float
    quality_imported: float
    origins: dict[str, int]
    splits: dict[str, int]
    """Samples on each list."""
    main_label: str
    classes: tuple[ClassCount, ...]
    effective_classes: float
    """exp(entropy): how many equally filled classes would be as varied."""
    imbalance_ratio: float
    """Smallest class over largest."""
    facets: dict[str, float]
    """Diversity by facet, 0..1."""
    quality_parts: dict[str, int]
    """How many samples pass each part of quality."""
    set_aside: int = 0
    """Samples besides `total` whose file was found to be no good, and that wait for `kelly retry`."""
    on_no_list: int = 0
    """Samples besides `total` whose file was found to be good."""

    @property
    def not_counted(self) -> str:
        """What there is besides `total`, and why; empty where nothing is."""
        left_out = {
            "on no list (made from what is in val or test, or refused)": self.on_no_list,
            "set aside": self.set_aside,
        }
        return ", ".join(f"{number:,} {what}" for what, number in left_out.items() if number)

    @property
    def beside(self) -> dict[str, tuple[float, float]]:
        """Each score over all samples, and over the imported ones alone."""
        return {
            "Balance": (self.balance, self.balance_imported),
            "Diversity": (self.diversity, self.diversity_imported),
            "Quality": (self.quality, self.quality_imported),
        }

    @property
    def lacking(self) -> list[ClassCount]:
        """The classes that lack of their target, the one that lacks most first."""
        lacking = [one for one in self.classes if one.total < one.target]
        return sorted(lacking, key=lambda one: one.total - one.target)

    @property
    def lacks(self) -> int:
        """Samples that the targets still ask for."""
        return sum(one.target - one.total for one in self.lacking)

    @property
    def neediest(self) -> ClassCount | None:
        """The class that lacks most of its target; None when every target is met."""
        return next(iter(self.lacking), None)


class Proof(msgspec.Struct, frozen=True):
    """What splits/PROOF.json says was checked and found; see `kelly_tui.store.proof`."""

    method: str = ""
    seed: int = 0
    ratios: dict[str, float] = {}
    group_by: str = ""
    inputs_sha256: str = ""
    placement_sha256: str = ""
    samples: int = 0
    groups: int = 0
    edges_checked: dict[str, int] = {}
    edges_crossing: dict[str, int] = {}
    crossings: int = 0
    bridges: int = 0
    not_compared: int = 0


class Facts(Scores, frozen=True, kw_only=True):
    """What is so about a dataset, for its card: its counts, and where it comes from."""

    dataset_id: str
    target_model: str
    called: str = ""
    """How commands find it from where it was looked at, as a shell reads it: by its name, or by its path."""
    version: str = ""
    """Of the dataset, by its maker."""
    description: str = ""
    author: str = ""
    license: str = ""
    """That of the whole, as config.json has it; empty where it does not say."""
    source: str = ""
    """Where the music is from, as config.json has it."""
    created_at: str = ""
    changed_at: str = ""
    """When a sample or a label changed last."""
    file_types: dict[str, int] = {}
    seconds: float = 0.0
    """Of music."""
    file_bytes: int = 0
    licenses: dict[str, int] = {}
    """Samples by licence; the empty one is unknown. A generated sample without one is nobody's else and not counted."""
    label_sources: dict[str, dict[str, int]] = {}
    """Of each label that the target model needs: samples by who gave it."""
    verified: int = 0
    """Samples that a person confirmed."""
    annotators: dict[str, int] = {}
    """How many samples each person labelled."""
    proof: Proof | None = None
    """As it was written; None where there is none. Whether it still holds, the findings say."""
    agreement: Agreement | None = None
    """Of annotators who judged blind; None where nobody did."""
    spread: dict[str, dict[str, int]] = {}
    """Roots by value, of each facet of diversity, the declared values first."""
    suspicion: tuple[int, ...] = ()
    """Judged samples by the probability that one of their labels is wrong, in tenths."""
    probe: Kept | None = None
    """The last one; None where nobody probed."""
    edits_since_probe: int = 0
    seeds: dict[str, int] = {}
    """By stage, of its last run."""
    kelly_version: str = ""
    samples_sha256: str = ""
    """Over the id and the SHA-256 of each sample, in the order of ids."""


class ExportedFile(msgspec.Struct, frozen=True):
    """A file that an export wrote, for its card."""

    path: str
    """Relative to the card, POSIX."""
    sha256: str
    size: int
    """Bytes."""
    format: str = ""
    """``jsonl`` ``parquet`` ``webdataset`` ``jams`` ``npz``; by default what the suffix says."""
    split: str = ""
    """``train`` ``val`` ``test``; by default what the path says."""
    columns: dict[str, str] = {}
    """Of a table, the columns and what they hold, by Croissant's names: ``{"sample_id": "sc:Text"}``."""


class Report(Facts, frozen=True, kw_only=True):
    """The state of a dataset: what is so about it, and what was found."""

    findings: tuple[Finding, ...] = ()
    apart: tuple[Apart, ...] = ()
    """Whether a model can tell the lists apart, and generated music from imported."""
    vendi: float = 0.0
    """How many pieces the imported music is worth by its features; see `kelly_tui.validate.vendi`."""
    vendi_of: int = 0
    """Pieces that were looked at."""
    blind: tuple[Result, ...] = ()
    """What was heard blind, by recipe."""

    @property
    def valid(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def sorted_findings(self) -> list[Finding]:
        """Worst first, then the most samples."""
        return sorted(self.findings, key=lambda finding: (_RANK[finding.severity], -finding.count))

    def lines(self) -> list[str]:
        """What ``kelly validate`` prints."""
        counts = ", ".join(f"{count:,} {origin}" for origin, count in self.origins.items())
        lines = ["✅ VALID" if self.valid else "❌ INVALID", f"Total Samples: {self.total}"]
        lines += [f"{name} Score: {whole_percent(score)}%" for name, (score, _) in self.beside.items()]
        alone = ", ".join(f"{name.lower()} {whole_percent(score)}%" for name, (_, score) in self.beside.items())
        lines += ["", f"Imported alone: {alone}", f"Of all samples: {counts}"]
        lines += [f"Not counted: {self.not_counted}"] if self.not_counted else []
        if self.classes:
            worst = min(self.classes, key=lambda one: one.total)
            lines.append(
                f"{self.main_label}: {self.effective_classes:.1f} effective classes of {len(self.classes)}; "
                f"worst {worst.label}, {worst.total} of {worst.target}"
            )
        lines.append("Lists: " + ", ".join(f"{name} {count:,}" for name, count in self.splits.items()))
        if self.vendi_of:
            lines.append(f"By their features {self.vendi_of:,} imported songs are worth {self.vendi:.1f} (Vendi score)")
        lines += [f"Told apart: {one.words()}" for one in self.apart]
        lines += [line[0].upper() + line[1:] for line in self.evidence()]
        lines += [f"Heard blind: {one.line()}" for one in self.blind]
        if self.findings:
            lines.append("")
        for finding in self.sorted_findings():
            todo = f" {finding.todo}" if finding.todo else ""
            lines.append(f"{finding.severity.upper()}: {finding.message}.{todo}")
            if finding.found_by and finding.found_by.removeprefix("is:held ") not in finding.todo:
                lines.append(f"  kelly list {self.called} {shlex.quote(finding.shown_by)}")
        return lines

    def evidence(self) -> list[str]:
        """What the last probe found, and how far annotators agree: a line each, none where nobody asked."""
        lines = [one.headline for one in self.probe.probes] if self.probe else []
        if lines and self.edits_since_probe:
            lines[-1] += f"; {count(self.edits_since_probe, 'edit')} since"
        if self.agreement is None:
            return lines
        lines += [f"agreement on {one.words()}" for one in self.agreement.fields]
        own = ((who, one) for who, fields in self.agreement.own.items() for one in fields)
        return lines + [f"{who}, asked again: {one.words()}" for who, one in own]

    def print_summary(self) -> None:
        """Print what ``kelly validate`` prints."""
        print("\n".join(safe_text(line, limit=None) for line in self.lines()))

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"valid": self.valid, **msgspec.to_builtins(self)}


def whole_percent(score: float) -> int:
    """A score as whole percent, rounded down: 99.6 % of something is not all of it."""
    return int(score * 100 + 1e-9)
