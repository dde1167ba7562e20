"""How balanced, diverse and sound a dataset is, from its counts alone.

Pure functions of numbers: the panel of the app and ``kelly validate`` say the same, and either takes microseconds.
All scores are 0..1. They count over what the configuration *declares*, so that a class nobody filled pulls them down,
and diversity counts by root, since ten variants of a song are one song.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp, log, sqrt

from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import KEYS, MODES
from kelly_tui.model.report import ClassCount, Scores
from kelly_tui.store.counters import METERS, ORIGINS, TEMPO_BANDS, Counts

USUAL_TARGET = 1000
"""``target_samples_per_category`` where nobody chose another: then the model's own wish counts."""


def balance(counts: Sequence[int]) -> float:
    """How evenly samples are spread over the declared classes: 1 if evenly, 0 if all are in one or there are none.

    1 - sqrt((sum p² - 1/K) / (1 - 1/K)), p the shares of all K classes, empty ones included: the distance from
    evenness over the largest that there is, after Kvålseth, SpringerPlus 4:232 (2015), who shows why entropy
    flatters: with one class of eight empty it still says 94 %, this says 86 %.
    """
    total, classes = sum(counts), len(counts)
    if not total:
        return 0.0
    if classes == 1:
        return 1.0
    concentration = sum((count / total) ** 2 for count in counts)
    return 1.0 - sqrt(min(1.0, max(0.0, (concentration - 1 / classes) / (1 - 1 / classes))))


def effective_classes(counts: Iterable[int]) -> float:
    """exp(H): how many equally filled classes would be as varied (Hill number of order 1); 0 for nothing."""
    filled = [count for count in counts if count > 0]
    total = sum(filled)
    return exp(-sum(count / total * log(count / total) for count in filled)) if total else 0.0


def evenness(counts: Sequence[int], classes: int) -> float:
    """(exp(H) - 1) / (K - 1): 1 if all K classes are equally filled, 0 if one or none is."""
    if classes < 2:
        return float(sum(counts) > 0)
    return min(1.0, max(0.0, (effective_classes(counts) - 1) / (classes - 1)))


def imbalance_ratio(counts: Sequence[int]) -> float:
    """Smallest class over largest; 0 for nothing."""
    return min(counts) / max(counts) if counts and max(counts) else 0.0


def facet_choices(config: DatasetConfig) -> dict[str, tuple[str, ...]]:
    """The facets of diversity, and the values that each may take."""
    return {
        "key": KEYS,
        "mode": MODES,
        "tempo": tuple(str(low) for low in TEMPO_BANDS),
        "meter": METERS,
        "groove_type": tuple(config.groove_labels),
    }


def diversity(by_facet: Mapping[str, Mapping[str, int]], choices: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """`evenness` of each facet; diversity is their mean. `by_facet` counts roots by value."""
    return {
        facet: evenness([by_facet.get(facet, {}).get(value, 0) for value in values], len(values))
        for facet, values in choices.items()
    }


def class_targets(config: DatasetConfig) -> dict[str, int]:
    """How many samples are wanted of each class of the main label.

    ``target_samples_per_category`` if the dataset chose one or the model counts by class; else an equal share of what
    the model wants in all.
    """
    classes = config.main_choices
    wanted = config.target_samples_per_category
    if not config.model.per_class and wanted == USUAL_TARGET:
        wanted = ceil(config.model.target / len(classes)) if classes else 0
    return dict.fromkeys(classes, wanted)


def live_scores(counts: Counts, config: DatasetConfig) -> Scores:
    """All scores of one reading of the counters."""
    main = config.model.main_label
    targets = class_targets(config)
    imported, augmented, generated = (counts.of(main, origin) for origin in ORIGINS)
    classes = tuple(
        ClassCount(label, imported.get(label, 0), augmented.get(label, 0), generated.get(label, 0), target)
        for label, target in targets.items()
    )
    totals = [one.total for one in classes]
    choices = facet_choices(config)
    facets = diversity({facet: counts.roots_by(facet) for facet in choices}, choices)
    facets_imported = diversity({facet: counts.of(facet, "imported") for facet in choices}, choices)
    return Scores(
        total=counts.total,
        balance=balance(totals),
        diversity=_mean(facets.values()),
        quality=share(counts.quality()),
        balance_imported=balance([one.imported for one in classes]),
        diversity_imported=_mean(facets_imported.values()),
        quality_imported=share(counts.quality("imported")),
        origins=counts.origins,
        splits=counts.splits,
        main_label=main,
        classes=classes,
        effective_classes=effective_classes(totals),
        imbalance_ratio=imbalance_ratio(totals),
        facets=facets,
        quality_parts=counts.quality(),
        set_aside=counts.status["quarantined"],
        on_no_list=counts.status["ok"] - counts.total,
    )


def share(parts: Mapping[str, int]) -> float:
    """Quality, of what `Counts.quality` gives."""
    return parts["good"] / parts["of"] if parts["of"] else 0.0


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0
