"""What each command does: it asks the core, and says what came of it. Returns the exit code."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kelly_tui.cli import samples, show
from kelly_tui.cli.agreement import agreement
from kelly_tui.cli.imports import import_music
from kelly_tui.cli.stats import stats
from kelly_tui.cli.voice import Voice
from kelly_tui.errors import DatasetError, KellyError
from kelly_tui.model.dataset import TARGET_MODELS, DatasetConfig, target_model
from kelly_tui.model.labels import nearest
from kelly_tui.settings import Settings, load_settings, obey
from kelly_tui.store.remote import is_address
from kelly_tui.text import safe_text

if TYPE_CHECKING:
    from kelly_tui.pipeline.dataset import Options
    from kelly_tui.pipeline.stage import Outcome
    from kelly_tui.pipeline.stages import PipelineOutcome
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.validate.stats import Stats


class Line:
    """A command line: its arguments, the settings, and a voice to answer with."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.settings: Settings = load_settings()
        obey(self.settings.limits)
        if "as" in arguments:
            self.settings = replace(self.settings, annotator=_name(getattr(arguments, "as")))
        self.datasets = Path(getattr(arguments, "datasets", self.settings.datasets)).expanduser()
        self.dry_run = bool(getattr(arguments, "dry_run", False))
        self.voice = Voice(
            as_json="json" in arguments,
            quiet="quiet" in arguments,
            progress_json=getattr(arguments, "progress", "") == "json",
        )

    @property
    def root(self) -> Path:
        """The dataset's folder. Raises `DatasetError` that names the nearest."""
        from kelly_tui.store.layout import dataset_root

        root = dataset_root(self.datasets, self.arguments.dataset)
        if self.arguments.command != "open":  # the app says it itself
            self.tell_of_rebuild(root)
        return root

    def tell_of_rebuild(self, root: Path) -> None:
        """Say, once, that the catalogue was damaged or gone and is made anew, and what that cost."""
        from kelly_tui.store.catalogue import Catalogue
        from kelly_tui.store.rebuild import untold

        with Catalogue.open(root) as catalogue:
            if said := untold(catalogue):
                self.voice.notice(said)

    @contextmanager
    def looking(self) -> Iterator[Catalogue]:
        """The catalogue to be looked at: as it is, or as it was at ``--as-of``."""
        from kelly_tui.store.catalogue import Catalogue
        from kelly_tui.store.older import tell_if_behind
        from kelly_tui.store.past import Past, read_moment

        moment = getattr(self.arguments, "as_of", None)
        if moment is None:
            with Catalogue.open(self.root) as catalogue:
                tell_if_behind(catalogue, self.voice.notice)
                yield catalogue
            return
        with Past(self.root, read_moment(moment)) as past, past.open() as catalogue:
            self.voice.notice(f"as of {past.words()}; features, splits and files are those of now")
            yield catalogue

    @property
    def options(self) -> Options:
        """How to run stages."""
        from kelly_tui.pipeline.job import heeded_pause

        return {
            "pause": heeded_pause(is_job=getattr(self.arguments, "progress", "") == "json"),
            "workers": getattr(self.arguments, "workers", 0),
            "cluster": getattr(self.arguments, "cluster", ""),
            "seed": getattr(self.arguments, "seed", 0),
            "dry_run": self.dry_run,
            "progress": self.voice.progress,
            "notice": self.voice.notice,
            "settings": self.settings,
        }


def _name(text: str) -> str:
    """An annotator's name. Raises `KellyError` for one that can't be shown."""
    if not text.strip() or safe_text(text) != text:
        raise KellyError(f"{safe_text(text)!r} is no name", hint="kelly --as anna my_music.")
    return text.strip()


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed."""
    return _COMMANDS[arguments.command](Line(arguments))


# -- making a dataset -------------------------------------------------------------------------------------------------


def create(line: Line) -> int:
    from kelly_tui.store.layout import is_dataset

    arguments = line.arguments
    if arguments.all_models:
        if arguments.dataset or arguments.target_model:
            raise KellyError("--all-models names its datasets itself", hint="Leave out DATASET and --target-model.")
        wanted = [(line.datasets, model.dataset_id, model.name) for model in TARGET_MODELS.values()]
    elif arguments.dataset:
        folder, name = place(line, arguments.dataset)
        wanted = [(folder, name, _model_for(name, arguments.target_model))]
    else:
        raise KellyError("create wants a name", hint="kelly create my_music --target-model M, or --all-models.")
    new = [one for one in wanted if not is_dataset(one[0] / one[1])]
    if not new:
        there = wanted[0][0] / wanted[0][1]
        raise DatasetError(
            "the dataset exists already; nothing was changed", path=there, hint="Open it, or use another name."
        )
    made = [str(_create(line, *one)) for one in new]
    for folder, name, _ in wanted:
        if str(folder / name) not in made:
            line.voice.notice(f"{folder / name} was there already and is kept")
    line.voice.give({"created": made, "dry_run": line.dry_run})
    return 0


def place(line: Line, dataset: str) -> tuple[Path, str]:
    """The folder and the name that ``DATASET`` means: a path where it has a slash."""
    path = Path(dataset).expanduser()
    return (path.parent if "/" in dataset.rstrip("/") else line.datasets), path.name


def _model_for(name: str, chosen: str | None) -> str:
    """The target model: the one chosen, else the one whose usual name this is, else EmotionRecognizer."""
    if chosen:
        return target_model(chosen).name
    usual = {model.dataset_id: model.name for model in TARGET_MODELS.values()}
    return usual.get(name, "emotionrecognizer")


def _create(line: Line, folder: Path, name: str, model: str) -> Path:
    from kelly_tui.store.layout import create_dataset_structure

    config = DatasetConfig(dataset_id=name, target_model=model)
    if not line.dry_run:
        create_dataset_structure(folder, config)
    line.voice.say(f"{'would make' if line.dry_run else 'made'} {folder / name} for {config.model.title}")
    return folder / name


def made(line: Line, dataset: str, chosen: str | None) -> Path:
    """The dataset's folder, which is made if there is none. Raises `DatasetError` if it is another model's."""
    from kelly_tui.store.layout import dataset_root, is_dataset

    folder, name = place(line, dataset)
    if is_dataset(folder / name):
        root = dataset_root(line.datasets, dataset)
        line.tell_of_rebuild(root)
        if chosen:
            check_model(root, chosen)
        return root
    return _create(line, folder, name, _model_for(name, chosen))


def check_model(root: Path, chosen: str) -> None:
    """Raises `DatasetError` if the dataset at `root` is for another target model than the one chosen."""
    from kelly_tui.store.layout import load_config

    there = load_config(root).model
    if target_model(chosen).name != there.name:
        raise DatasetError(f"the dataset is for {there.title}", path=root, hint="Leave out --target-model.")


# -- stages -----------------------------------------------------------------------------------------------------------


def _stage(line: Line, outcome: Outcome) -> int:
    line.voice.outcome(outcome)
    line.voice.give(outcome.to_dict())
    return int(bool(outcome.all_failures))


def annotate(line: Line) -> int:
    from kelly_tui.pipeline import stages

    return _stage(line, stages.annotate_dataset(line.root, **line.options))


def extract(line: Line) -> int:
    from kelly_tui.pipeline import stages

    return _stage(line, stages.extract_features(line.root, **line.options))


def augment(line: Line) -> int:
    from kelly_tui.pipeline import stages

    given = line.arguments
    return _stage(
        line,
        stages.augment_dataset(line.root, given.multiplier, given.generated, given.balance, **line.options),
    )


def synthesize(line: Line) -> int:
    from kelly_tui.pipeline import stages

    given = line.arguments
    return _stage(line, stages.synthesize_dataset(line.root, given.count, given.audio, **line.options))


def render(line: Line) -> int:
    from kelly_tui.pipeline import stages

    given = line.arguments
    return _stage(
        line,
        stages.render_dataset(
            line.root, given.samples, given.out, given.variants, given.format, given.soundfont, **line.options
        ),
    )


def split(line: Line) -> int:
    if line.arguments.verify:
        return _verify_split(line)
    from kelly_tui.pipeline import stages

    return _stage(line, stages.split_dataset(line.root, line.arguments.reshuffle, **line.options))


def _verify_split(line: Line) -> int:
    from kelly_tui.store.splits import verify_proof

    with line.looking() as catalogue:
        found = verify_proof(catalogue)
    for said in found.lines():
        line.voice.say(safe_text(said, 200))
    line.voice.give(
        {
            "holds": found.holds,
            "differences": found.differences,
            "since": found.since,
            "bridges": found.bridges,
            **found.proof,
        }
    )
    return 0 if found.holds else 1


def retry(line: Line) -> int:
    from kelly_tui.pipeline import stages

    return _stage(line, stages.retry_failures(line.root, **line.options))


def rebuild(line: Line) -> int:
    from kelly_tui.pipeline import stages

    return _stage(line, stages.rebuild_dataset(line.root, line.arguments.check, **line.options))


def validate(line: Line) -> int:
    from kelly_tui.validate.report import validate_dataset

    report = validate_dataset(line.root, line.arguments.deep)
    if line.arguments.out:
        from kelly_tui.validate.page import write_report

        line.voice.notice(f"wrote {write_report(report, line.arguments.out)}")
    for said in report.lines():
        line.voice.say(said)
    line.voice.give(report.to_dict())
    return 0 if report.valid else 1


def run_all(line: Line) -> int:
    from kelly_tui.pipeline import stages

    given = line.arguments
    check_sources(given.import_dir or [])
    root = made(line, given.dataset, given.target_model)
    if line.dry_run and not root.exists():
        return 0
    result = stages.run_pipeline(
        root, given.import_dir, given.multiplier, given.count, link=given.link, generated=given.generated,
        balance=given.balance, audio=given.audio, deep=given.deep, after=line.voice.outcome, **line.options,
    )  # fmt: skip
    return tell_whole(line, root, result)


def check_sources(paths: list[str]) -> None:
    """Before anything is made."""
    for path in paths:
        if not is_address(path) and not Path(path).expanduser().exists():
            raise DatasetError("there is no such file or folder to import", path=path, hint="Check the spelling.")


def tell_whole(line: Line, root: Path, result: PipelineOutcome, figures: Stats | None = None) -> int:
    """Say what several stages came to; the exit code."""
    failures, report = result.failures, result.report
    if failures:
        line.voice.say(f"files that failed, each named above: {len(failures):,}")
    for page in (report, figures):
        if page is not None:
            line.voice.say()
            for said in page.lines():
                line.voice.say(said)
    line.voice.give(
        {
            "dataset": str(root),
            "stages": [outcome.to_dict() for outcome in result.stages],
            "failed": len(failures),
            "failures": [{"name": name, "reason": reason} for name, reason in failures.items()],
            "report": report and report.to_dict(),
            "stats": figures and figures.to_dict(),
        }
    )
    return int(bool(failures) or (report is not None and not report.valid))


# -- the rest ---------------------------------------------------------------------------------------------------------


def open_workstation(line: Line) -> int:
    root = _opened(line) if line.arguments.dataset else None
    from kelly_tui.ui.launch import run_app

    run_app(root, line.datasets, line.settings, samples.filter_text(line.arguments.filter))
    return 0


def serve(line: Line) -> int:
    from kelly_tui.cli.serve import serve_workstation

    return serve_workstation(line)


def _opened(line: Line) -> Path:
    """The dataset to open; what is none may be a command that was mistyped."""
    try:
        return line.root
    except DatasetError:
        from kelly_tui.cli import COMMANDS

        name = line.arguments.dataset
        guess = nearest(name, COMMANDS)
        if guess is None:
            raise
        raise KellyError(f"there is no dataset or command {name!r}", hint=f"Did you mean kelly {guess}?") from None


def prepare(line: Line) -> int:
    from kelly_tui.cli.prepare import prepare as prepare_dataset

    return prepare_dataset(line)


def doctor(line: Line) -> int:
    from kelly_tui.cli.doctor import doctor as examine

    return examine(line)


def export(line: Line) -> int:
    from kelly_tui.cli.exports import export as write

    return write(line)


def probe(line: Line) -> int:
    from kelly_tui.cli.probe import probe as ask

    return ask(line)


def card(line: Line) -> int:
    from kelly_tui.cli.card import card as write

    return write(line)


def completion(line: Line) -> int:
    from kelly_tui.cli.completion import SCRIPTS

    shell = line.arguments.shell
    if not line.voice.as_json:
        print(SCRIPTS[shell])
    line.voice.give({"shell": shell, "script": SCRIPTS[shell]})
    return 0


def complete(line: Line) -> int:
    from kelly_tui.cli.completion import candidates

    for candidate in candidates(line.arguments.words, line.datasets):
        print(candidate)
    return 0


_COMMANDS: dict[str, Callable[[Line], int]] = {
    "open": open_workstation,
    "serve": serve,
    "label": samples.label,
    "undo": samples.undo,
    "redo": samples.redo,
    "history": samples.history,
    "list": samples.list_samples,
    "show": show.show,
    "conflicts": samples.conflicts,
    "agreement": agreement,
    "create": create,
    "import": import_music,
    "annotate": annotate,
    "extract": extract,
    "suggest": samples.suggest,
    "probe": probe,
    "augment": augment,
    "synthesize": synthesize,
    "render": render,
    "split": split,
    "export": export,
    "validate": validate,
    "card": card,
    "run": run_all,
    "retry": retry,
    "rebuild": rebuild,
    "stats": stats,
    "prepare": prepare,
    "doctor": doctor,
    "completion": completion,
    "complete": complete,
}
