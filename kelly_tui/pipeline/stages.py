"""Every stage as one function on a dataset's folder, and all of them in order: what the fronts and scripts call.

Each takes the fields of `Run` by keyword (``workers=4, seed=1``) and returns an `Outcome`. Raises `StageError` or
`DatasetError` when it can't be carried out, `Interrupted` when it was stopped; what was done by then is kept.
A stage's module is imported when it runs: importing files needs nothing of what splitting needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from kelly_tui.errors import StageError
from kelly_tui.model.dataset import target_model
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.report import Report
from kelly_tui.pipeline.dataset import Options, opened, readable
from kelly_tui.pipeline.parameters import AUGMENTATION, GENERATION
from kelly_tui.pipeline.recorded import turn
from kelly_tui.pipeline.stage import Outcome, Run
from kelly_tui.pipeline.workplace import shared_workers
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.remote import Remote, place

Root = Path | str
Step = Callable[[Catalogue, Run], Outcome]
"""A stage with its parameters chosen."""

_MULTIPLIER, _COUNT = AUGMENTATION[0], GENERATION[0]
MULTIPLIER, COUNT = int(_MULTIPLIER.usual), int(_COUNT.usual)


def import_files(root: Root, paths: Sequence[Root], link: bool = False, **options: Unpack[Options]) -> Outcome:
    """Take in every MIDI and audio file at and below `paths`; ``details`` says what became of each.

    The folder of an export is taken in as such, and that of another dataset: its samples come with all that was known
    of them.
    """
    from kelly_tui.export.away import is_export_or_dataset
    from kelly_tui.export.back import is_export
    from kelly_tui.export.datasets import is_other_dataset
    from kelly_tui.pipeline.importing import import_music
    from kelly_tui.pipeline.returning import import_dataset, import_export

    places = [place(path) for path in paths]
    for there in places:
        if isinstance(there, Remote):
            if is_export_or_dataset(there):
                hint = "Copy it here, and import the copy."
                raise StageError("that is an export or a dataset", path=there.url, hint=hint)
            continue
        taken_in = import_export if is_export(there) else import_dataset if is_other_dataset(there) else None
        if taken_in is not None:
            if len(paths) > 1:
                raise StageError("it is imported by itself", path=there, hint="Import one after the other.")
            return _stage(root, Run(**options), partial(taken_in, folder=there))
    return _stage(root, Run(**options), lambda catalogue, run: import_music(catalogue, run, paths, link=link))


def annotate_dataset(root: Root, **options: Unpack[Options]) -> Outcome:
    """Label imported samples from the folders that they came in."""
    from kelly_tui.pipeline.annotate import annotate

    return _stage(root, Run(**options), annotate)


def extract_features(root: Root, **options: Unpack[Options]) -> Outcome:
    """Extract features and detect labels, of every sample that has none from its content and these parameters."""
    from kelly_tui.pipeline.extract import extract

    return _stage(root, Run(**options), extract)


def augment_dataset(
    root: Root,
    multiplier: int = MULTIPLIER,
    generated: bool = False,
    balance: bool = False,
    **options: Unpack[Options],
) -> Outcome:
    """Make variants until each imported sample, and with `generated` each generated one, has `multiplier`.

    With `balance` those of the classes that lack get more.
    """
    from kelly_tui.pipeline.augment import augment

    _MULTIPLIER.must_be(multiplier)
    return _stage(
        root,
        Run(**options),
        lambda catalogue, run: augment(catalogue, run, multiplier, generated=generated, balance=balance),
    )


def synthesize_dataset(root: Root, count: int = COUNT, audio: bool = False, **options: Unpack[Options]) -> Outcome:
    """Generate samples until the dataset has `count`; with `audio` all of them are sound."""
    from kelly_tui.pipeline.synthesize import synthesize

    _COUNT.must_be(count)
    return _stage(root, Run(**options), lambda catalogue, run: synthesize(catalogue, run, count, audio=audio))


def render_dataset(
    root: Root,
    samples: Sequence[str] = (),
    out: Root | None = None,
    variants: bool = False,
    format: str = "wav",
    soundfont: str = "",
    **options: Unpack[Options],
) -> Outcome:
    """Add the sound of MIDI samples to the dataset: of all roots, with `variants` of all, or of the named `samples`.

    With `out` the files (``wav`` or ``flac``) are written there instead, and the dataset stays as it is. `soundfont` is
    by default that of config.json, else of the settings.
    """
    from kelly_tui.pipeline.render import export_sound, render

    run, named = Run(**options), list(samples)
    how: dict[str, Any] = {"variants": variants, "format": format, "soundfont": soundfont}
    if out is None:
        return _stage(root, run, lambda catalogue, run: render(catalogue, run, named, **how))
    with Catalogue.open(_anywhere(root)) as catalogue:  # nothing is changed, so it takes no turn
        return export_sound(catalogue, run, Path(out).expanduser(), named, **how)


def split_dataset(root: Root, reshuffle: bool = False, **options: Unpack[Options]) -> Outcome:
    """Place the samples that are in no split; with `reshuffle` all of them anew."""
    from kelly_tui.pipeline.split import split

    return _stage(root, Run(**options), lambda catalogue, run: split(catalogue, run, anew=reshuffle))


def retry_failures(root: Root, **options: Unpack[Options]) -> Outcome:
    """Forget what stages had set aside, and extract it again."""
    from kelly_tui.pipeline.retry import retry

    return _stage(root, Run(**options), retry)


def rebuild_dataset(root: Root, check: bool = False, **options: Unpack[Options]) -> Outcome:
    """Make variants and generated files again that are gone; with `check` all of them, to compare: nothing is written.

    ``failures`` names what differs, or can't be made again.
    """
    from kelly_tui.pipeline import rebuild

    run = Run(**options)
    if not check:
        return _stage(root, run, rebuild.rebuild)
    with Catalogue.open(_anywhere(root)) as catalogue:  # a look takes no turn: a stage may be at work
        return rebuild.check(catalogue, run)


def export_dataset(
    root: Root,
    format: str,
    out: Root,
    filter: str = "",
    splits: Sequence[str] = SPLITS,
    verified_only: bool = False,
    no_generated: bool = False,
    emotions: Mapping[str, str | None] | None = None,
    arousal: str = "-1..1",
    shard_mb: int = 256,
    paths: bool = False,
    model: str = "",
    link: bool = False,
    force: bool = False,
    anew: bool = False,
    **options: Unpack[Options],
) -> Outcome:
    """Write a dataset as trainers read it, into `out`, a folder that is empty or not there yet, here or on a store.

    Stopped at any moment, the same again goes on. ``failures`` names samples whose files are gone or changed, which are
    left out. `format` and the rest are those of ``kelly export``, which see.
    """
    from kelly_tui.export import options as wanted
    from kelly_tui.export.choice import Choice
    from kelly_tui.pipeline.export import export

    choice = Choice(filter, tuple(splits), verified_only, no_generated)
    how = wanted.Options(dict(emotions or {}), arousal, shard_mb, paths, target_model(model).name if model else "")
    where = place(out)
    run = Run(**options)
    with readable(_anywhere(root), run) as catalogue:
        return export(catalogue, run, format, where, choice, how, link=link, anew=anew, force=force)


@dataclass
class PipelineOutcome:
    """What a run of the whole pipeline did."""

    stages: list[Outcome] = field(default_factory=list)
    report: Report | None = None

    @property
    def failures(self) -> dict[str, str]:
        """Each file that failed, once, with the reason."""
        return {name: reason for outcome in self.stages for name, reason in outcome.all_failures}


def run_pipeline(
    root: Root,
    import_dir: Root | Sequence[Root] | None = None,
    multiplier: int = MULTIPLIER,
    count: int = COUNT,
    *,
    link: bool = False,
    generated: bool = False,
    balance: bool = False,
    audio: bool = False,
    deep: bool = False,
    after: Callable[[Outcome], None] = lambda _: None,
    **options: Unpack[Options],
) -> PipelineOutcome:
    """Import, annotate, extract, split, augment, synthesize, extract and split what is new, validate.

    `after` hears of each stage as it ends.
    """
    from kelly_tui.pipeline.annotate import annotate
    from kelly_tui.pipeline.augment import augment
    from kelly_tui.pipeline.extract import extract
    from kelly_tui.pipeline.importing import import_music
    from kelly_tui.pipeline.split import split
    from kelly_tui.pipeline.synthesize import synthesize
    from kelly_tui.validate.report import validate_dataset

    _MULTIPLIER.must_be(multiplier)
    _COUNT.must_be(count)
    paths = [import_dir] if isinstance(import_dir, (str, Path)) else list(import_dir or ())
    steps: list[Step] = [
        annotate,
        extract,
        split,
        lambda catalogue, run: augment(catalogue, run, multiplier, generated=generated, balance=balance),
        lambda catalogue, run: synthesize(catalogue, run, count, audio=audio),
        extract,
        split,
    ]
    if paths:
        steps.insert(0, lambda catalogue, run: import_music(catalogue, run, paths, link=link))
    result = run_steps(root, steps, after, **options)
    if not options.get("dry_run"):
        result.report = validate_dataset(root, deep=deep)
    return result


def run_steps(
    root: Root, steps: Sequence[Step], after: Callable[[Outcome], None] = lambda _: None, **options: Unpack[Options]
) -> PipelineOutcome:
    """Some stages after each other, with the same workers."""
    result = PipelineOutcome()
    with (
        Catalogue.open(_anywhere(root)) as catalogue,
        shared_workers(Run(**options)) as run,
        nullcontext() if run.dry_run else turn(catalogue, run),  # no other stage comes in between
    ):
        for step in steps:
            outcome = _stage(root, run, step)
            result.stages.append(outcome)
            after(outcome)
    return result


def _stage(root: Root, run: Run, step: Step) -> Outcome:
    with opened(_anywhere(root), run) as catalogue:
        return step(catalogue, run)


def _anywhere(root: Root) -> Path:
    """The path of a folder that is the same wherever a worker of a cluster stands."""
    return Path(root).absolute()
