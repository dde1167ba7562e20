"""Whether the music is evenly spread over classes, and over keys, modes, tempi, meters and grooves."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.model.report import Finding, Scores
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.counters import METERS, TEMPO_BANDS
from kelly_tui.text import count
from kelly_tui.validate.labels import quoted
from kelly_tui.validate.scores import effective_classes, facet_choices

UNEVEN = 0.2
"""A smallest class of under a fifth of the largest is a finding."""
ALIKE = 1.2
"""So few effective values of a facet, and nearly all music is alike in it."""
ENOUGH = 20
"""Roots with a value, without which it says nothing that they are alike."""


def check_spread(catalogue: Catalogue, scores: Scores) -> Iterator[Finding]:
    """Empty classes and unmet targets are findings of their own: see `kelly_tui.validate.labels`."""
    filled = [one for one in scores.classes if one.total]
    if len(filled) > 1 and (ratio := min(one.total for one in filled) / max(one.total for one in filled)) < UNEVEN:
        most, least = max(filled, key=lambda one: one.total), min(filled, key=lambda one: one.total)
        yield Finding(
            "warning",
            "imbalanced",
            f"{least.label} has {100 * ratio:.0f} % of the samples that {most.label} has ({least.total:,}, "
            f"{most.total:,}): a model can be right often by saying {most.label}",
            "Label or import more of the rare; kelly augment --balance makes more variants of it.",
            most.total,
            filter=f"is:held {scores.main_label}:{quoted(most.label)}",
        )
    counts = catalogue.counts()
    for facet in facet_choices(catalogue.config):
        roots = counts.roots_by(facet)
        number = sum(roots.values())
        if number >= ENOUGH and effective_classes(roots.values()) < ALIKE:
            value = max(roots, key=lambda one: roots[one])
            yield Finding(
                "note",
                "little-diversity",
                f"{roots[value]:,} of {count(number, 'root')} with a known {facet.removesuffix('_type')} are "
                f"{_said(facet, value)}: of others a model will know little",
                "Import other music; transposing and stretching add no songs.",
                roots[value],
                filter=f"is:held -is:augmented {_having(facet, value)}",
            )


def _having(facet: str, value: str) -> str:
    """The filter of a facet's value."""
    if facet == "tempo":
        lowest, highest = str(TEMPO_BANDS[0]), str(TEMPO_BANDS[-1])
        bounds = [f"bpm>={value}" if value != lowest else "", f"bpm<{int(value) + 20}" if value != highest else ""]
        return " ".join(filter(None, bounds)) or "-bpm:?"
    if facet == "meter" and value == "other":
        return " ".join(f"-meter:{meter}" for meter in ("?", *METERS) if meter != "other")
    return f"{facet}:{quoted(value)}"


def _said(facet: str, value: str) -> str:
    return f"from {value} BPM, up to {int(value) + 20}" if facet == "tempo" else value.replace("_", " ")
