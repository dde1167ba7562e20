"""A dataset that is open in the app: a connection for looking, a thread for questions, a thread for edits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from textual.message import Message

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.sample import Sample
from kelly_tui.model.variation import changes
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.connection import keep_little
from kelly_tui.store.full_disk import not_on_full_disk
from kelly_tui.store.inside import inside
from kelly_tui.store.issues import issue
from kelly_tui.store.suggestions import suggestion
from kelly_tui.ui.saver import Saver
from kelly_tui.ui.words import sample_name

if TYPE_CHECKING:
    from kelly_tui.model.issue import Issue
    from kelly_tui.model.ride import Ride
    from kelly_tui.model.suggestion import Suggestion
    from kelly_tui.pipeline.job import Job
    from kelly_tui.store.past import Past

T = TypeVar("T")

LESSONS = 10
"""Labels after which suggestions are made, and labels judged, anew."""


class HasFile(Protocol):
    """A sample, or a row of the list."""

    @property
    def file_path(self) -> str:
        """Relative to the dataset, as a stranger's manifest may say it."""
        ...


class Session:
    """Holds what all screens of one dataset share. Made and closed on the app's thread."""

    def __init__(self, root: Path, annotator: str, tell: Callable[[Message], object], past: Past | None = None) -> None:
        """Open the dataset at `root`; `tell` gets what the saver has to say. Raises `DatasetError`.

        With `past` it is the dataset as it was then, to be looked at; `close` lets go of it.
        """
        self.root, self.annotator, self.past = root, annotator, past
        self.catalogue = self._opened()
        """For reads that take a millisecond: rows, one sample, counts."""
        keep_little(self.catalogue.db)
        self.config = self.catalogue.config
        self.main_label = self.config.model.main_label
        self.saver = Saver(root, annotator, tell)
        self.job: Job | None = None
        """The stage that runs, or the last that ran."""
        self.jobs: dict[str, Job] = {}
        """The last of each stage: their logs are kept apart."""
        self.said: dict[str, dict[str, str]] = {}
        """What a person has said to each stage, by parameter, where it is not the usual."""
        self.learner: Job | None = None
        """What makes suggestions anew."""
        self.prober: Job | None = None
        """What asks anew, after that, whether a model would learn from the labels."""
        self._lessons = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._own = threading.local()

    def _opened(self) -> Catalogue:
        return not_on_full_disk(Catalogue.open(self.root)) if self.past is None else self.past.open()

    def refuse_change(self) -> None:
        """Raises `DatasetError` where only the past is looked at."""
        if self.past is not None:
            raise DatasetError(
                f"this is the dataset as of {self.past.words()}: nothing is changed", hint="‹command›now comes back."
            )

    @property
    def name(self) -> str:
        return self.config.dataset_id

    def name_of(self, sample: Sample) -> str:
        """The sample's name; of a variant its song's, and what was changed."""
        root = self.catalogue.get(sample.root_id) if sample.parent_id is not None else None
        if root is None:
            return sample_name(sample.file_path, sample.origin)
        changed = changes(sample.augmentation or {}) or sample.augmentation_type or ""
        return f"{sample_name(root.file_path, root.origin)}  {changed}"

    def file_of(self, sample: HasFile) -> Path:
        """Where the sample's file is, to be heard or drawn. Raises `FileRefused` where that is not in the dataset."""
        try:
            return inside(self.root, sample.file_path)
        except OSError as error:
            raise FileRefused(f"can't be read ({error.strerror})", path=sample.file_path) from None

    def files_of(self, samples: Iterable[HasFile]) -> list[Path]:
        """`file_of` of those that have one."""
        found = []
        for sample in samples:
            with suppress(FileRefused):  # said when it is asked for
                found.append(self.file_of(sample))
        return found

    def issue(self, sample: Sample) -> Issue | None:
        """Which of the sample's labels is the most doubtful."""
        return issue(self.catalogue, sample.sample_id)

    def suggestion(self, sample: Sample) -> Suggestion | None:
        """What the sample's features suggest."""
        return suggestion(self.catalogue, sample.sample_id)

    @property
    def is_there(self) -> bool:
        """Whether the dataset's folder is still where it was."""
        return self.catalogue.layout.config_path.exists()

    def keep_ride(self, sample: Sample, ride: Ride) -> None:
        """Keep the curve of a ride beside the catalogue. Raises `DatasetError`, `OSError`."""
        from kelly_tui.store.rides import add_ride

        self.refuse_change()
        add_ride(self.catalogue.layout, sample.sample_id, ride, self.annotator)

    def start(self, arguments: list[str]) -> None:
        """Start a stage: the arguments of its command, ``["extract", "/data/songs"]``."""
        from kelly_tui.pipeline.job import Job

        self.refuse_change()
        self.job = self.jobs[arguments[0]] = Job.start(arguments)

    def learn(self, lessons: int) -> None:
        """Once enough labels have changed, have suggestions made and labels judged anew, in a process of their own."""
        self._lessons += lessons
        if self._lessons >= LESSONS and self.learner is None:
            from kelly_tui.pipeline.job import Job

            self._lessons = 0
            self.learner = Job.start(["suggest", str(self.root)])

    def learnt(self) -> None:
        """Suggestions have been made: probe the dataset anew, in a process of its own, unless that is being done."""
        if self.prober is None or not self.prober.running:
            from kelly_tui.pipeline.job import Job

            self.prober = Job.start(["probe", str(self.root)])

    async def ask(self, question: Callable[[Catalogue], T]) -> T:
        """Put a question that may take long; the app goes on meanwhile. Questions are answered one after another.

        Raises `DatasetError` once the dataset is closed: who asks on and on is not told before.
        """
        try:
            answer = self._reader.submit(self._answer, question)
        except RuntimeError:
            raise DatasetError("the dataset is closed", hint="Open it again.") from None
        return await asyncio.wrap_future(answer)

    def _answer(self, question: Callable[[Catalogue], T]) -> T:
        if not hasattr(self._own, "catalogue"):
            self._own.catalogue = self._opened()
            keep_little(self._own.catalogue.db)
        self._own.catalogue.data_version()  # it may have been made anew
        return question(self._own.catalogue)

    def _stop_reading(self) -> None:
        if hasattr(self._own, "catalogue"):
            self._own.catalogue.close()

    @property
    def is_running(self) -> bool:
        """Whether a stage is running."""
        return self.job is not None and self.job.running

    def close(self) -> None:
        """Write what is waiting and stop what is running. What is on the screen can be read until `let_go`."""
        for job in (self.job, self.learner, self.prober):
            if job is not None and job.running:
                job.cancel()
        self.saver.close()
        self._reader.submit(self._stop_reading)
        self._reader.shutdown(wait=False)
        if self.past is not None:
            self.past.close()  # what is open can still be read

    def let_go(self) -> None:
        """Close the catalogue; nothing is drawn from it any more."""
        self.catalogue.close()


def outside_edits(root: Path) -> list[str]:
    """Take outside edits in; what a person should know of them, and of the catalogue, a line each."""
    from kelly_tui.store.catalogue import Catalogue
    from kelly_tui.store.readback import read_back
    from kelly_tui.store.rebuild import untold
    from kelly_tui.store.waiting import waiting

    with Catalogue.open(root) as catalogue:
        made_anew, merge = untold(catalogue), read_back(catalogue)
        waits = waiting(catalogue, merge.pending_samples, "‹review› decides")  # conflicts among them, all that are open
        taken = "" if merge.pending_samples else replace(merge, conflicts=[]).words().partition("\n")[0]
        return [line for line in (made_anew, taken, waits) if line]
