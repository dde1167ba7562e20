"""How far people who judged the same samples agree, beyond what chance would give.

Conventions
-----------
A *unit* is one sample on one field: the values that its judges gave, in any order. Units with a single value say
nothing and are left out. Values of a nominal field are equal or not; those of an ordinal one are ranked by `order`;
those of an interval one are numbers.

- `kappa`: Cohen, J. (1960). A coefficient of agreement for nominal scales. Two judges.
- `alpha`: Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. Any number of judges, any gaps.
  The interval comes from drawing units with replacement (Zapf et al. 2016, BMC Medical Research Methodology 16:93).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from kelly_tui.model.agreement import Agreement, Alpha, FieldAgreement, PairAgreement, Scale
from kelly_tui.model.annotation import FIELDS, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.model.opinion import Opinion
    from kelly_tui.store.catalogue import Catalogue

    Floats = NDArray[np.float64]
    Disagreement = Callable[[Floats], tuple[float, float]]
    """From how often each unit counts to the observed and the expected disagreement."""

DRAWS = 1000
"""Of units, for the interval."""

ORDERED = ("dynamic_range", "pitch_range")
"""Fields whose choices are ranked: a step apart is less of a disagreement than two."""

_KINDS = {"choice": "nominal", "key": "nominal", "meter": "nominal", "flag": "nominal", "number": "interval"}


def scale_of(field: str) -> Scale | None:
    """How values of a field compare; None for texts and lists, on which no figure is given."""
    if field in ORDERED:
        return "ordinal"
    return _KINDS.get(FIELDS[field].kind)  # type: ignore[return-value]


def kappa(pairs: Iterable[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of what two judges said of the same units, -1..1.

    None where it is not defined: no pair, or both said one and the same thing throughout.
    """
    said = list(pairs)
    if not said:
        return None
    n = len(said)
    agreed = sum(first == second for first, second in said) / n
    firsts, seconds = ([pair[judge] for pair in said] for judge in (0, 1))
    by_chance = sum(firsts.count(value) * seconds.count(value) for value in set(firsts)) / n**2
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def alpha(units: Iterable[Sequence[Any]], scale: Scale = "nominal", order: Sequence[Any] = ()) -> Alpha | None:
    """Krippendorff's alpha of units, with a 95 % interval.

    `order` ranks the values of an ordinal scale; without it they are sorted. None where it is not defined: no unit
    has two values, or all values are the same.
    """
    import numpy as np

    judged = [unit for unit in units if len(unit) > 1]
    if not judged:
        return None
    disagreement = _disagreement(judged, scale, order)
    value = _measured(disagreement, np.ones(len(judged)))
    if value is None:
        return None
    drawn = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        times = np.bincount(drawn.integers(len(judged), size=len(judged)), minlength=len(judged))
        one = _measured(disagreement, times.astype(float))
        if one is not None:  # a draw in which all values are the same says nothing
            found.append(one)
    low, high = np.quantile(found, (0.025, 0.975)) if found else (value, value)
    return Alpha(value, float(low), float(high), len(judged))


def _disagreement(judged: Sequence[Sequence[Any]], scale: Scale, order: Sequence[Any]) -> Disagreement:
    import numpy as np

    if scale == "interval":
        return _by_distance([[float(value) for value in unit] for unit in judged])
    values = list(order) or sorted({value for unit in judged for value in unit}, key=str)
    table = np.array([[unit.count(value) for value in values] for unit in map(list, judged)], dtype=float)
    return _by_rank(table) if scale == "ordinal" else _by_name(table)


def _measured(disagreement: Disagreement, times: Floats) -> float | None:
    """Alpha of units that count so often each; None where all values are the same."""
    observed, expected = disagreement(times)
    return float(1 - observed / expected) if expected else None


def _class_alpha(value: Value, units: Sequence[Sequence[Value]]) -> float | None:
    """Alpha of one class against all others."""
    import numpy as np

    apart = _disagreement([[other == value for other in unit] for unit in units], "nominal", ())
    return _measured(apart, np.ones(len(units)))


def _by_name(table: Floats) -> Disagreement:
    """Nominal. `table`: how many judges gave each unit each value, units x values."""
    sizes = table.sum(axis=1)
    apart = (sizes**2 - (table**2).sum(axis=1)) / (sizes - 1)

    def disagreement(times: Floats) -> tuple[float, float]:
        totals = times @ table
        n = totals.sum()
        return float(times @ apart), float((n**2 - (totals**2).sum()) / (n - 1))

    return disagreement


def _by_rank(table: Floats) -> Disagreement:
    """Ordinal: the distance of two values is that of their middle ranks among all that were given."""
    sizes = table.sum(axis=1)

    def disagreement(times: Floats) -> tuple[float, float]:
        totals = times @ table
        ranks = totals.cumsum() - totals / 2
        apart = _apart(sizes, table @ ranks, table @ ranks**2)
        return float(times @ apart), float(_apart(totals.sum(), totals @ ranks, totals @ ranks**2))

    return disagreement


def _by_distance(units: Sequence[Sequence[float]]) -> Disagreement:
    """Interval."""
    import numpy as np

    middle = np.mean([value for unit in units for value in unit])  # near zero, squares lose no digits
    near = [np.asarray(unit) - middle for unit in units]
    sizes, sums, squares = (np.array([each(unit) for unit in near]) for each in (len, np.sum, lambda x: np.sum(x**2)))
    apart = _apart(sizes, sums, squares)

    def disagreement(times: Floats) -> tuple[float, float]:
        expected = _apart(times @ sizes, times @ sums, times @ squares)
        return float(times @ apart), float(expected) if expected > 1e-12 * (times @ squares) else 0.0

    return disagreement


def _apart(size: Any, total: Any, squares: Any) -> Any:
    """Sum of the squared distances of all ordered pairs of `size` numbers, a `size - 1`-th of it."""
    return 2 * (size * squares - total**2) / (size - 1)


def agreement(catalogue: Catalogue) -> Agreement:
    """How far the people of a dataset agree with each other, and each with himself, in what they said blind."""
    from kelly_tui.store.conflicts import conflicts
    from kelly_tui.store.opinions import ORIGIN, blind_opinions

    said = blind_opinions(catalogue)
    to_decide = sum(one.origin == ORIGIN for one in conflicts(catalogue))
    return agreement_of(said, catalogue.config, to_decide)


def agreement_of(opinions: Iterable[Opinion], config: DatasetConfig, to_decide: int = 0) -> Agreement:
    """Between people the first word of each counts; with oneself all of them."""
    between: dict[str, dict[str, dict[str, Value]]] = {}
    own: dict[str, dict[str, dict[str, dict[str, Value]]]] = {}
    for one in opinions:
        if scale_of(one.field) is None:
            continue
        between.setdefault(one.field, {}).setdefault(one.sample_id, {}).setdefault(one.annotator, one.value)
        rounds = own.setdefault(one.annotator, {}).setdefault(one.field, {}).setdefault(one.sample_id, {})
        rounds[f"round {one.round}"] = one.value
    return Agreement(
        [found for field, said in between.items() if (found := field_agreement(field, said, config)).pairs],
        {
            who: figures
            for who, fields in sorted(own.items())
            if (figures := [f for field, said in fields.items() if (f := field_agreement(field, said, config)).pairs])
        },
        to_decide,
    )


Said = Mapping[str, Mapping[str, Value]]
"""{sample_id: {who: value}} of one field."""


def field_agreement(field: str, said: Said, config: DatasetConfig) -> FieldAgreement:
    """How far those who judged a field agree, in all, by class and by pair of people."""
    scale = scale_of(field)
    if scale is None:
        raise ValueError(f"no agreement is measured on {field}")
    units = [list(by.values()) for by in said.values() if len(by) > 1]
    order = config.choices(field) if scale == "ordinal" else ()
    classes: dict[str, float | None] = {}
    if scale != "interval":
        for value in sorted({value for unit in units for value in unit}, key=str):
            classes[str(value)] = _class_alpha(value, units)
    people = sorted({who for by in said.values() for who in by})
    pairs = [_pair(first, second, said, scale) for first, second in combinations(people, 2)]
    return FieldAgreement(field, scale, alpha(units, scale, order), classes, [pair for pair in pairs if pair.samples])


def _pair(first: str, second: str, said: Said, scale: Scale) -> PairAgreement:
    both = [(by[first], by[second]) for by in said.values() if first in by and second in by]
    equal = sum(one == other for one, other in both)
    return PairAgreement(first, second, len(both), equal, kappa(both) if scale != "interval" else None)  # type: ignore[arg-type]
