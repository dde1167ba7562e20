"""The report as one HTML file that needs nothing else: no script, no network, no picture beside it; light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kelly_tui.model.dataset import TARGET_MODELS
from kelly_tui.model.probe import Probe
from kelly_tui.model.report import Finding, Report, whole_percent
from kelly_tui.store.layout import pretty_json, write_atomic
from kelly_tui.store.proof import not_compared_words
from kelly_tui.text import agree, count, storable
from kelly_tui.validate.markup import Markup, el, join, table
from kelly_tui.validate.plots import columns, confusion, curve, intervals, legend, stacked
from kelly_tui.validate.published import UNKNOWN, licenses_of

_ORIGINS = ("imported", "augmented", "generated")

STYLE = """
:root { color-scheme: light dark; --paper: #fdfcfa; --ink: #24221f; --dim: #6b6660; --line: #ddd8d0;
  --imported: #2f6f8f; --augmented: #7fb0c4; --generated: #c9dbe2; --mark: #b4552d; --good: #2d6a3e; --bad: #a3282c }
@media (prefers-color-scheme: dark) { :root { --paper: #191817; --ink: #e6e2dc; --dim: #9c968e; --line: #3a3733;
  --imported: #6fb3d2; --augmented: #47778d; --generated: #2c4753; --mark: #e08b5f; --good: #7dbb8d; --bad: #e0797c } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 58rem;
  margin: 0 auto; padding: 1.5rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
svg { width: 100%; height: auto; max-width: 44rem; display: block }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
.grid h3 { font-size: .9rem; margin: 0; font-weight: 600 }
text { fill: var(--ink); font: 12px system-ui, sans-serif } text.dim { fill: var(--dim) }
text.small { fill: var(--dim); font-size: 10px }
.imported, .train, .bar { fill: var(--imported); background: var(--imported) }
.augmented, .val { fill: var(--augmented); background: var(--augmented) }
.generated, .test { fill: var(--generated); background: var(--generated) }
.axis { stroke: var(--line) } .mark { stroke: var(--mark); stroke-width: 2 }
.reach, .curve { stroke: var(--imported); stroke-width: 2; fill: none }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 .8em }
.dim { color: var(--dim) } .good { color: var(--good) } .error { color: var(--bad) } .warning { color: var(--mark) }
.big { font-size: 1.6rem } table { border-collapse: collapse; margin: .4rem 0 } td.n { text-align: right }
th, td { text-align: left; padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
details, .finding { margin: .5rem 0 } code { font-size: .85em } ul { padding-left: 1.2rem }
"""


def page(report: Report) -> str:
    """The whole file, UTF-8 text."""
    parts = (
        _head(report),
        _findings(report),
        _classes(report),
        _splits(report),
        _spread(report),
        _labels(report),
        _suspicion(report),
        _probes(report),
        _apart(report),
        _made(report),
    )
    title = el("title", f"{report.dataset_id}: {_verdict(report)}")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        title,
        el("style", Markup(STYLE)),
    )
    return "<!doctype html>\n" + el("html", head, el("body", *(join(*part) for part in parts)), lang="en") + "\n"


def write_report(report: Report, path: Path | str) -> Path:
    """Write the page, or what ``--json`` says where `path` ends in .json, whole or not at all; where.

    Raises `DatasetError` where it can't be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        target /= f"{report.dataset_id}.html"
    is_json = target.suffix.lower() == ".json"
    write_atomic(target, pretty_json(report.to_dict()) if is_json else storable(page(report)).encode())
    return target


def _verdict(report: Report) -> str:
    return "VALID" if report.valid else "INVALID"


def _head(report: Report) -> Iterator[Markup]:
    model = TARGET_MODELS.get(report.target_model)
    yield el("h1", report.dataset_id)
    origins = ", ".join(f"{number:,} {origin}" for origin, number in report.origins.items())
    yield el(
        "p",
        el("strong", _verdict(report), class_="good" if report.valid else "error"),
        f" for {model.title if model else report.target_model} · {count(report.total, 'sample')}: {origins}",
    )
    if report.not_counted:
        yield el("p", f"Not counted: {report.not_counted}.", class_="dim")
    if report.description:
        yield el("p", report.description)
    yield el("div", *(
        el("div", el("h3", name), el("span", f"{whole_percent(score)} %", class_="big"),
           el("div", f"imported alone {whole_percent(alone)} %", class_="dim"))
        for name, (score, alone) in report.beside.items()
    ), class_="grid")  # fmt: skip
    parts = {name: number for name, number in report.quality_parts.items() if name != "of"}
    of = report.quality_parts.get("of", 0)
    said = ", ".join(f"{_PARTS.get(name, name)} {number:,}" for name, number in parts.items())
    yield el("p", f"Quality, of {count(of, 'sample')}: {said}.", class_="dim")


_PARTS = {"file": "readable", "features": "with features", "labels": "with the labels needed",
          "agreed": "without conflict", "good": "all of it"}  # fmt: skip


def _findings(report: Report) -> Iterator[Markup]:
    findings = report.sorted_findings()
    yield el("h2", f"{count(len(findings), 'finding')}")
    if not findings:
        yield el("p", "Nothing is wrong with it, as far as can be told.")
    yield from map(_finding, findings)


def _finding(one: Finding) -> Markup:
    what = join(el("strong", one.severity, class_=one.severity), " ", one.message, ".")
    todo = el("div", one.todo, class_="dim")
    if not one.found_by:
        return el("div", what, todo, class_="finding")
    shown = f"{one.count:,} {agree(one.count, 'sample', 'samples')}"
    ids = el("p", *(join(el("code", sample), " ") for sample in one.samples))
    more = el("p", "…", class_="dim") if one.count > len(one.samples) > 0 else None
    asked = el("p", "In the workstation, or with kelly list: ", el("code", one.filter)) if one.filter else None
    return el("div", what, todo, el("details", el("summary", shown), asked, ids, more), class_="finding")


def _classes(report: Report) -> Iterator[Markup]:
    yield el("h2", f"Classes of {report.main_label}")
    rows = [(one.label, {name: getattr(one, name) for name in _ORIGINS}, one.target) for one in report.classes]
    yield stacked(rows, f"Samples of each {report.main_label}, by origin, against the target")
    yield legend(*_ORIGINS)
    yield el("p", f"{report.effective_classes:.1f} effective classes of {len(report.classes)}; smallest over largest "
                  f"{report.imbalance_ratio:.2f}. The mark is the target.", class_="dim")  # fmt: skip


def _splits(report: Report) -> Iterator[Markup]:
    yield el("h2", "Splits and their proof")
    yield stacked([(name, {name: number}, 0) for name, number in report.splits.items()], "Samples on each list")
    proof = report.proof
    if proof is None:
        yield el("p", "There is no proof: kelly split writes it.", class_="dim")
        return
    crossing = sum(proof.edges_crossing.values())
    yield el("p", f"{count(proof.samples, 'sample')} in {count(proof.groups, 'group')}, songs by {proof.group_by}; "
                  f"{count(proof.crossings, 'group lies', 'groups lie')} in several splits, "
                  f"{count(proof.bridges, 'bridge')}; links between two splits: {crossing or 'none'}.")  # fmt: skip
    if proof.not_compared:
        yield el("p", f"{not_compared_words(proof.not_compared)}.")
    links = [(kind.replace("_", " "), number, proof.edges_crossing.get(kind, 0))
             for kind, number in proof.edges_checked.items()]  # fmt: skip
    yield table(("links by", "checked", "between splits"), links)
    yield el("p", "inputs sha256 ", el("code", proof.inputs_sha256), class_="dim")


def _spread(report: Report) -> Iterator[Markup]:
    if not report.spread:
        return
    yield el("h2", "Diversity, by root")
    plots = []
    for facet, values in report.spread.items():
        said = f"{facet.removesuffix('_type')} {whole_percent(report.facets.get(facet, 0.0))} %"
        plots.append(el("div", el("h3", said), columns(values, f"Roots by {facet}")))
    yield el("div", *plots, class_="grid")
    if report.vendi_of:
        worth = f"By their features {report.vendi_of:,} imported songs are worth {report.vendi:.1f} (Vendi score)."
        yield el("p", worth, class_="dim")


def _labels(report: Report) -> Iterator[Markup]:
    yield el("h2", "Labels, licences, people")
    given = [(field, source, number) for field, by in report.label_sources.items() for source, number in by.items()]
    yield el("p", f"{report.verified:,} of {count(report.total, 'sample')} confirmed by a person.")
    yield table(("label", "given by", "samples"), given)
    if report.annotators:
        yield table(("annotator", "samples"), list(report.annotators.items()))
    yield table(("licence", "samples"), [(name or UNKNOWN, number) for name, number in licenses_of(report).items()])
    alphas = [
        (one.field, one.alpha.value, one.alpha.low, one.alpha.high)
        for one in (report.agreement.fields if report.agreement else ())
        if one.alpha is not None
    ]
    if alphas:
        yield el("p", "Agreement of annotators who judged blind: Krippendorff's alpha, 1 throughout, 0 as by chance.")
        yield intervals(alphas, "Krippendorff's alpha by field", mark=0.667)
    if report.blind:
        yield el("ul", *(el("li", f"{one.recipe}: {one.correct} of {one.trials} heard") for one in report.blind))


def _suspicion(report: Report) -> Iterator[Markup]:
    if not any(report.suspicion):
        return
    yield el("h2", "How likely labels are wrong")
    bins = {f".{place}": number for place, number in enumerate(report.suspicion)}
    yield el("div", columns(bins, "Labelled samples by the probability that a label is wrong"), class_="grid")
    yield el("p", "Samples by probability, in tenths; the filter issue>=0.5 lists the worst.", class_="dim")


def _probes(report: Report) -> Iterator[Markup]:
    if report.probe is None:
        return
    yield el("h2", "Would a model learn from it?")
    if report.edits_since_probe:
        yield el("p", f"{count(report.edits_since_probe, 'edit')} since.", class_="dim")
    for one in report.probe.probes:
        yield from _probe(one)


def _probe(one: Probe) -> Iterator[Markup]:
    yield el("p", f"Of {one.file_type}: {one.headline.removeprefix('probe: ')}.")
    told = [(score.name, score.macro_f1.value, score.macro_f1.low, score.macro_f1.high)
            for score in one.scores if score.macro_f1 is not None]  # fmt: skip
    if told:
        yield intervals(told, "Macro F1 with intervals of 95 %")
    if one.confusion is not None:
        yield confusion(one.confusion.labels, one.confusion.counts, f"What {one.field} is taken for where held out")
        yield el("p", f"A row each {one.field}: what its samples are taken for by a model that did not learn from "
                      "their songs. Darker is a larger share of the row.", class_="dim")  # fmt: skip
    if one.curve:
        yield curve(one.curve, "Macro F1 by the number of labels learnt from")
        yield el("p", "Macro F1 over labels learnt from.", class_="dim")
    for alarm in one.alarms:
        yield el("p", el("strong", "alarm ", class_="error"), alarm)
    if one.next_labels:
        gains = [(label, f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})")
                 for label, gain in one.next_labels.items()]  # fmt: skip
        yield table(("fifty more labels of", "points of macro F1"), gains)


def _apart(report: Report) -> Iterator[Markup]:
    if not report.apart:
        return
    yield el("h2", "Told apart")
    rows = [(f"{one.what} from {one.versus}", one.auc, one.low, one.high)
            for one in report.apart if one.auc is not None]  # fmt: skip
    if rows:
        yield intervals(rows, "Area under the ROC curve", mark=0.5)
    yield el("ul", *(el("li", one.words()) for one in report.apart))


def _made(report: Report) -> Iterator[Markup]:
    seeds = ", ".join(f"{stage} {seed}" for stage, seed in report.seeds.items())
    changed = f", as it was {report.changed_at}" if report.changed_at else ""
    yield el("p", f"Made with Kelly {report.kelly_version} of {report.dataset_id} {report.version}{changed}"
                  f"{f'; seeds: {seeds}' if seeds else ''}. Samples sha256 ", el("code", report.samples_sha256),
             class_="dim")  # fmt: skip
