"""Whether every label has a value that it can have, and what is not labelled."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from kelly_tui.errors import LabelError
from kelly_tui.learn.committee import FOLDS
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.report import Finding, Scores
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.filters import IS
from kelly_tui.store.issues import JUDGED, LIKELY, having_issue
from kelly_tui.store.layout import called
from kelly_tui.store.schema import HELD
from kelly_tui.text import agree, count, safe_text
from kelly_tui.validate.files import EXAMPLES

_FEW_VALUES = ("choice", "key", "meter", "flag")
"""Kinds of fields whose distinct values are few: these are checked, not each sample's."""


def check_values(catalogue: Catalogue) -> Iterator[Finding]:
    """Labels outside their set or range: written by another program, or declared no more."""
    numbers = {name: field for name, field in FIELDS.items() if field.kind == "number"}
    anywhere = " OR ".join(f"{name} NOT BETWEEN {field.low} AND {field.high}" for name, field in numbers.items())
    sound = catalogue.db.execute(f"SELECT 1 FROM samples WHERE {anywhere} LIMIT 1").fetchone() is None
    for name, field in FIELDS.items():
        if field.kind in _FEW_VALUES:
            wrong = [value for value in _distinct(catalogue, name) if _is_wrong(name, value, catalogue.config)]
            where, parameters = f"{name} IN ({', '.join('?' * len(wrong))})", tuple(wrong)
        elif field.kind == "number" and not sound:
            where, parameters = f"NOT {name} BETWEEN ? AND ?", (field.low, field.high)
        else:
            continue
        rows = catalogue.db.execute(
            f"SELECT sample_id, {name} FROM samples WHERE {name} IS NOT NULL AND {where}", parameters
        ).fetchall()
        if rows:
            values = ", ".join(safe_text(str(value), 40) for value in dict.fromkeys(value for _, value in rows[:100]))
            yield Finding(
                "error",
                "value-outside-set",
                f"{name} is {values} on {len(rows):,} of {count(len(catalogue), 'sample')}",
                "Correct them, by their ids, or declare the value in config.json.",
                len(rows),
                tuple(sample_id for sample_id, _ in rows),
            )


def check_labelled(catalogue: Catalogue, scores: Scores) -> Iterator[Finding]:
    """What lacks the labels that the target model needs, and classes that lack samples."""
    config = catalogue.config
    main = scores.main_label
    labelled = sum(one.total for one in scores.classes)
    if not labelled:
        yield Finding(
            "error",
            "no-main-label",
            f"no sample has the label {main}, which {config.model.title} learns",
            "Label by key in the workstation, or from folders: annotate.",
            scores.total,
            filter=f"is:held {main}:?",
        )
    elif not sum(one.imported for one in scores.classes) and scores.origins["imported"]:
        yield Finding(
            "warning",
            "imported-unlabelled",
            f"no imported sample has the label {main}: balance speaks of what the program made",
            "Label some by key in the workstation.",
            scores.origins["imported"],
            filter=f"is:imported {main}:?",
        )
    for name in config.model.needs:
        lacking = _held(catalogue, f"{name} IS NULL")
        if lacking and not (name == main and not labelled):
            yield Finding(
                "warning",
                "unlabelled",
                f"{lacking:,} of {count(scores.total, 'sample')} {agree(lacking, 'has', 'have')} no {name}",
                f"The filter {name}:? lists them in the workstation.",
                lacking,
                _examples(catalogue, f"held AND {name} IS NULL"),
                f"is:held {name}:?",
            )
    yield from _learnable(config, scores)
    empty = [one.label for one in scores.classes if not one.total]
    if empty and labelled:
        yield Finding(
            "warning",
            "empty-class",
            f"no sample is {' or '.join(empty)}",
            "Import or generate some, or leave the class out of config.json.",
            len(empty),
        )
    short = [one for one in scores.classes if 0 < one.total < one.target]
    if short:
        said = ", ".join(f"{one.label} {one.total:,} of {one.target:,}" for one in short)
        yield Finding(
            "warning",
            "target-unmet",
            f"{len(short)} of {count(len(scores.classes), 'class', 'classes')} "
            f"{agree(len(short), 'is', 'are')} under target ({said})",
            "Label, augment or synthesize more, or lower target_samples_per_category.",
            sum(one.target - one.total for one in short),
        )


def _learnable(config: DatasetConfig, scores: Scores) -> Iterator[Finding]:
    """What makes that no model can learn the target, or that nobody could tell: an error, as the exit code should be.

    Models that tell classes apart need two; others, who compose in one mood or in several, do not.
    """
    main, filled = scores.main_label, [one for one in scores.classes if one.total]
    if len(filled) == 1 and config.model.per_class:
        [only] = filled
        yield Finding(
            "error",
            "one-class",
            f"{main} is {only.label} on every sample that has one: {config.model.title} learns to tell classes apart,"
            " and there is one",
            f"Label or import another {main}.",
            only.total,
            filter=f"is:held {main}:{quoted(only.label)}",
        )
    real = sum(one.imported for one in scores.classes)
    if 0 < real < FOLDS:
        yield Finding(
            "error",
            "too-few",
            f"{count(real, 'imported sample has', 'imported samples have')} the label {main}: whether a model learns"
            f" from so few can't be told, {FOLDS} are the least of which one can be held out in turn",
            "Import and label more.",
            real,
            filter=f"is:held is:imported -{main}:?",
        )


def quoted(label: str) -> str:
    """A label as a filter's value."""
    return f'"{label}"' if " " in label else label


def check_state(catalogue: Catalogue, scores: Scores) -> Iterator[Finding]:
    """Where samples come from, what is set aside, and what waits for a person or a stage."""
    name, origins = called(catalogue.root), scores.origins
    if scores.total and not origins["imported"]:
        yield Finding(
            "error",
            "nothing-imported",
            "every sample is made by the program, none is real music: val and test hold real music only, so that"
            " nothing a model learns from it could be tested",
            f"Import some: kelly import {name} FOLDER.",
            scores.total,
            filter="is:held",
        )
    elif origins["generated"] > 0.9 * scores.total:
        share = int(100 * origins["generated"] / scores.total)
        yield Finding(
            "warning",
            "mostly-generated",
            f"{share}% of the samples are generated",
            f"A model trained on them learns the generator; import more: kelly import {name} FOLDER.",
            origins["generated"],
            filter="is:held is:generated",
        )
    if catalogue.config.model.reads == "audio":
        as_midi = _held(catalogue, _MIDI_ONLY)
        if as_midi:
            yield Finding(
                "warning",
                "midi-for-audio-model",
                f"{as_midi:,} of {count(scores.total, 'sample')} {agree(as_midi, 'exists', 'exist')} as MIDI only, "
                f"but {catalogue.config.model.title} reads audio",
                f"Import recordings; kelly render {name} adds the sound of MIDI.",
                as_midi,
                _examples(catalogue, f"held AND {_MIDI_ONLY}"),
                "is:held type:midi -is:rendered",
            )
    quarantined = catalogue.counts().status["quarantined"]
    if quarantined:
        yield Finding(
            "warning",
            "quarantined",
            f"{quarantined:,} of {count(len(catalogue), 'sample')} {agree(quarantined, 'is', 'are')} set aside",
            f"The filter is:quarantined lists them, with the reasons; kelly retry {name} tries them again.",
            quarantined,
            _examples(catalogue, "status <> 'ok'"),
            "is:quarantined",
        )
    disputed = _count(catalogue, "SELECT count(*) FROM samples WHERE conflicts > 0")
    if disputed:
        yield Finding(
            "warning",
            "open-conflicts",
            f"{disputed:,} of {count(len(catalogue), 'sample')} {agree(disputed, 'has', 'have')} conflicting labels",
            f"The filter has:conflicts lists them, and a label decides; kelly conflicts {name} shows both sides.",
            disputed,
            _examples(catalogue, "conflicts > 0"),
            "has:conflicts",
        )
    looks_wrong = having_issue(">=").replace("?", str(LIKELY))
    doubtful = _held(catalogue, looks_wrong)
    if doubtful:
        yield Finding(
            "note",
            "looks-wrong",
            f"{doubtful:,} of {count(scores.total, 'sample')} {agree(doubtful, 'has', 'have')} a label that is "
            f"more likely wrong than right{_share_wrong(catalogue)}",
            f"The filter issue>={LIKELY:g} lists them, and says why at the label.",
            doubtful,
            _examples(catalogue, f"held AND {looks_wrong}"),
            f"is:held issue>={LIKELY:g}",
        )
    featureless = _held(catalogue, "features_path IS NULL")
    if featureless:
        yield Finding(
            "warning",
            "no-features",
            f"{featureless:,} of {count(scores.total, 'sample')} {agree(featureless, 'has', 'have')} no features",
            f"Extract: in the pipeline panel, or kelly extract {name}.",
            featureless,
            _examples(catalogue, "held AND features_path IS NULL"),
            "is:held -has:features",
        )


def _share_wrong(catalogue: Catalogue) -> str:
    """How many of all judged labels are wrong, with its interval of 95 %, as far as the probabilities are right."""
    judged, wrong, spread = catalogue.db.execute(
        f"SELECT count(*), sum(issue), sum(issue * (1 - issue)) FROM issues JOIN samples ON samples.rowid = sample"
        f" WHERE {HELD} AND judged = {JUDGED}"
    ).fetchone()
    if not judged:
        return ""
    around = 1.96 * sqrt(spread)
    low, high = max(wrong - around, 0) / judged, min(wrong + around, judged) / judged
    return (
        f"; of all {judged:,} that were judged about {100 * wrong / judged:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    )


def _distinct(catalogue: Catalogue, name: str) -> list[object]:
    rows = catalogue.db.execute(f"SELECT DISTINCT {name} FROM samples WHERE {name} IS NOT NULL")
    return [value for (value,) in rows]


def _is_wrong(name: str, value: object, config: DatasetConfig) -> bool:
    try:
        return check_value(FIELDS[name], value, config.choices(name)) != value
    except LabelError:
        return True


_MIDI_ONLY = f"file_type = 'midi' AND NOT ({IS['rendered']})"


def _held(catalogue: Catalogue, where: str) -> int:
    return _count(catalogue, f"SELECT count(*) FROM samples WHERE {HELD} AND {where}")


def _count(catalogue: Catalogue, query: str) -> int:
    return int(catalogue.db.execute(query).fetchone()[0])


def _examples(catalogue: Catalogue, where: str) -> tuple[str, ...]:
    rows = catalogue.db.execute(f"SELECT sample_id FROM samples WHERE {where} ORDER BY rowid LIMIT {EXAMPLES}")
    return tuple(sample_id for (sample_id,) in rows)
