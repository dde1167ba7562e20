"""The card of a dataset: README.md with the front matter that hubs read, written from facts alone.

It holds no time but those of the dataset and nothing of the machine: the same dataset gives the same bytes. Whatever
strangers wrote (names, licences, labels) is data in it, never markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.report import ExportedFile, Facts, whole_percent
from kelly_tui.store.proof import not_compared_words
from kelly_tui.text import count, safe_text
from kelly_tui.validate.published import (
    UNKNOWN,
    format_of,
    hub_license,
    licenses_of,
    pattern_of,
    size_category,
    split_of,
)

MARK = "made with Kelly"
"""Stands in every card that this program wrote."""

_TASKS = {"emotionrecognizer": ("audio-classification",)}
"""Of the hub's task categories those that fit; the others have none."""
_TAGS = {
    "emotionrecognizer": ("emotion-recognition",),
    "melodytransformer": ("melody",),
    "harmonypredictor": ("harmony", "chords"),
    "dynamicsengine": ("dynamics", "expressive-performance"),
    "groovepredictor": ("groove", "rhythm"),
}
_LOADED = {"jsonl", "parquet", "webdataset"}
"""Formats that the hub's own loader reads."""
_HUB_SPLITS = {"val": "validation"}
_LISTED = 50
"""Files that are named."""
_WHO = {
    "human": "a person",
    "unknown": "nobody knows who",
    "folder": "the folder's name",
    "detector": "a detector",
    "model": "a small model",
    "generator": "the generator",
    "inherited": "what it is a variant of",
}


def card(facts: Facts, files: Sequence[ExportedFile] = (), notes: Sequence[str] = ()) -> str:
    """README.md: of an export where there are `files`, else of the dataset's folder.

    `notes` are things that a reader must know besides, such as what was forced.
    """
    sections = (
        _head(facts),
        _notes(notes),
        _classes(facts),
        _splits(facts),
        _labels(facts),
        _probe(facts),
        _licences(facts),
        _scores(facts),
        _made(facts),
        _files(files),
    )
    return _front_matter(facts, files) + "\n".join("\n".join((*lines, "")) for lines in map(list, sections) if lines)


# -- front matter -----------------------------------------------------------------------------------------------------


def _front_matter(facts: Facts, files: Sequence[ExportedFile]) -> str:
    known = list(dict.fromkeys(hub_license(name) for name in licenses_of(facts)))
    others = [name for name in licenses_of(facts) if hub_license(name) == "other"]
    data: dict[str, Any] = {"pretty_name": facts.dataset_id, "license": known[0] if len(known) == 1 else known}
    if others:
        data["license_details"] = "; ".join(others)
    data |= {
        "task_categories": _TASKS.get(facts.target_model, ("other",)),
        "size_categories": [size_category(facts.total)],
        "annotations_creators": _creators(facts),
        "source_datasets": ["original"],
        "tags": ["music", *sorted(facts.file_types), *_TAGS.get(facts.target_model, ()), "croissant"],
        "configs": _configs(files),
    }
    return "---\n" + "\n".join(_yaml(data)) + "\n---\n\n"


def _creators(facts: Facts) -> list[str]:
    sources = {source for by_source in facts.label_sources.values() for source in by_source}
    kinds = {"human": "other", "unknown": "other", "folder": "found", "detector": "machine-generated",
             "model": "machine-generated", "generator": "machine-generated"}  # fmt: skip
    return sorted({kinds[source] for source in sources & kinds.keys()}) or ["no-annotation"]


def _configs(files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    kinds = list(dict.fromkeys(one for file in files if split_of(file) and (one := format_of(file)) in _LOADED))
    return [
        {
            "config_name": kind if len(kinds) > 1 else "default",
            "data_files": [
                {"split": _HUB_SPLITS.get(split, split), "path": pattern_of(paths)}
                for split in SPLITS
                if (paths := [file.path for file in files if split_of(file) == split and format_of(file) == kind])
            ],
        }
        for kind in kinds
    ]


def _yaml(data: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Lists and maps in blocks, texts as JSON, which YAML reads as they are; what is empty is left out."""
    for name, value in data.items():
        if isinstance(value, str):
            yield f"{indent}{name}: {_scalar(value)}"
        elif value:
            yield f"{indent}{name}:"
            for item in value:
                if isinstance(item, Mapping):
                    first, *more = _yaml(item, indent + "  ")
                    yield f"{indent}- {first.removeprefix(indent + '  ')}"
                    yield from more
                else:
                    yield f"{indent}- {_scalar(item)}"


def _scalar(text: str) -> str:
    """Bare where YAML could take it for nothing but a string."""
    plain = re.fullmatch(r"[a-z][a-z0-9._<>/*-]*", text) and text not in ("y", "n", "yes", "no", "on", "off", "true",
                                                                         "false", "null")  # fmt: skip
    return text if plain else json.dumps(safe_text(text, limit=None), ensure_ascii=False)


# -- sections ---------------------------------------------------------------------------------------------------------


def _head(facts: Facts) -> Iterator[str]:
    yield f"# {escaped(facts.dataset_id)}"
    yield ""
    if facts.description:
        yield escaped(facts.description)
        yield ""
    model = TARGET_MODELS.get(facts.target_model)
    origins = ", ".join(f"{number:,} {origin}" for origin, number in facts.origins.items())
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(facts.file_types.items()))
    rows = [
        ("Made for", f"{model.title}, which learns {', '.join(model.needs)}" if model else facts.target_model),
        ("Samples", f"{facts.total:,}: {origins}"),
        ("Not counted", facts.not_counted),
        ("Files", f"{kinds or 'none'}; {facts.seconds / 3600:,.1f} hours, {facts.file_bytes / 1e6:,.1f} MB"),
        ("Confirmed by a person", f"{facts.verified:,} of {facts.total:,}"),
        ("Version", f"{facts.version}, last changed {facts.changed_at[:10]}" if facts.changed_at else facts.version),
        ("Author", facts.author),
        ("Source", facts.source),
    ]
    yield from _table(("", ""), [row for row in rows if row[1]])
    yield ""
    yield (
        f"This card was {MARK} {escaped(facts.kelly_version)}, from what the dataset's catalogue holds. Imported "
        "samples are real music; augmented ones are variants of it; generated ones were written by the program."
    )


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "## What to know first"
        yield ""
        yield from (f"- **{escaped(note)}**" for note in notes)


def _classes(facts: Facts) -> Iterator[str]:
    yield f"## Classes of {escaped(facts.main_label)}"
    yield ""
    titles = (facts.main_label, "imported", "augmented", "generated", "in all", "target")
    yield from _table(titles, [
        (one.label, one.imported, one.augmented, one.generated, one.total, one.target) for one in facts.classes
    ])  # fmt: skip
    unlabelled = facts.total - sum(one.total for one in facts.classes)
    yield ""
    yield (
        f"{facts.effective_classes:.1f} effective classes of {len(facts.classes)}; the smallest is "
        f"{100 * facts.imbalance_ratio:.0f} % of the largest; {count(unlabelled, 'sample')} in none of them."
    )


def _splits(facts: Facts) -> Iterator[str]:
    yield "## Splits"
    yield ""
    placed = sum(facts.splits.values())
    yield from _table(("split", "samples", "share"), [
        (name, number, f"{100 * number / placed:.1f} %" if placed else "") for name, number in facts.splits.items()
    ])  # fmt: skip
    yield ""
    proof = facts.proof
    if proof is None:
        yield "There is no proof that no song lies in two splits."
        return
    edges = ", ".join(f"{escaped(kind.replace('_', ' '))} {number:,}" for kind, number in proof.edges_checked.items())
    crossing = sum(proof.edges_crossing.values())
    yield (
        f"Samples that share a root, their content, a song (by {escaped(proof.group_by)}) or are near-duplicates form "
        f"{count(proof.groups, 'group')}. Links checked: {edges or 'none'}; {crossing or 'none'} of them between two "
        f"splits. {count(proof.crossings, 'group')} in several splits, {count(proof.bridges, 'sample')} left out as "
        "linked to two." + (f" {not_compared_words(proof.not_compared)}." if proof.not_compared else "")
    )
    yield ""
    yield from _table(("proof", ""), [
        ("method", proof.method), ("seed", str(proof.seed)),
        ("inputs sha256", proof.inputs_sha256), ("placement sha256", proof.placement_sha256),
    ])  # fmt: skip


def _labels(facts: Facts) -> Iterator[str]:
    yield "## Labels and who gave them"
    yield ""
    rows = [
        (field, _WHO.get(source, source), number)
        for field, by_source in facts.label_sources.items()
        for source, number in by_source.items()
    ]
    if rows:
        yield from _table(("label", "given by", "samples"), rows)
    else:
        yield "No sample has a label that the model needs."
    if facts.annotators:
        yield ""
        yield from _table(("annotator", "samples"), facts.annotators.items())
    agreed = [one.words() for one in (facts.agreement.fields if facts.agreement else ())]
    if agreed:
        yield ""
        yield "Agreement of annotators who judged blind (Krippendorff, 95 %):"
        yield ""
        yield from (f"- {escaped(one)}" for one in agreed)


def _probe(facts: Facts) -> Iterator[str]:
    if facts.probe is None or not facts.probe.probes:
        return
    yield "## Would a model learn from it?"
    yield ""
    yield "Small models were taught some songs and asked about others; intervals of 95 %."
    if facts.edits_since_probe:
        yield f"The dataset has changed since: {count(facts.edits_since_probe, 'edit')}."
    yield ""
    for one in facts.probe.probes:
        yield from (f"- {escaped(f'{one.field} of {one.file_type}, {score.words()}')}" for score in one.scores)
        yield from (f"- **{escaped(alarm)}**" for alarm in one.alarms)


def _licences(facts: Facts) -> Iterator[str]:
    yield "## Licences"
    yield ""
    yield from _table(("licence", "samples"), [
        (name or UNKNOWN, number) for name, number in licenses_of(facts).items()
    ])  # fmt: skip


def _scores(facts: Facts) -> Iterator[str]:
    yield "## Scores"
    yield ""
    yield from _table(("", "all samples", "imported alone"), [
        (name, f"{whole_percent(score)} %", f"{whole_percent(alone)} %")
        for name, (score, alone) in facts.beside.items()
    ])  # fmt: skip
    yield ""
    facets = ", ".join(f"{escaped(name)} {whole_percent(value)} %" for name, value in facts.facets.items())
    yield (
        "Balance is how evenly the classes are filled, diversity how evenly keys, modes, tempi, meters and grooves "
        f"are, by root ({facets}), quality the share of samples that lack nothing."
    )


def _made(facts: Facts) -> Iterator[str]:
    yield "## To make it again"
    yield ""
    rows = [
        ("Kelly", facts.kelly_version),
        *((f"seed of {stage}", str(seed)) for stage, seed in facts.seeds.items()),
        ("samples sha256", facts.samples_sha256),
    ]
    yield from _table(("", ""), rows)


def _files(files: Sequence[ExportedFile]) -> Iterator[str]:
    if not files:
        return
    yield "## Files"
    yield ""
    rows = [(file.path, format_of(file), file.size, file.sha256) for file in files[:_LISTED]]
    yield from _table(("file", "format", "bytes", "sha256"), rows)
    if len(files) > _LISTED:
        yield ""
        yield f"And {len(files) - _LISTED:,} more."


# -- Markdown ---------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """A stranger's text in Markdown: on one line, no markup, nothing that a terminal obeys."""
    shown = " ".join(safe_text(text.replace("\n", " "), limit=None).split())
    shown = re.sub(r"([\\`*_{}\[\]#|~!])", r"\\\1", shown.replace("&", "&amp;"))
    return shown.replace("<", "&lt;").replace(">", "&gt;")


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Numbers to the right."""
    rows = list(rows)
    right = [bool(rows) and all(isinstance(row[place], int) for row in rows) for place in range(len(titles))]
    yield f"| {' | '.join(map(escaped, titles))} |"
    yield f"|{'|'.join('--:' if one else '---' for one in right)}|"
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else escaped(str(cell)) for cell in row)
        yield f"| {' | '.join(cells)} |"
