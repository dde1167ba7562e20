"""The runner and its workers, on a toy stage whose items crash, hang, eat memory and lie."""

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from itertools import count
from math import inf
from pathlib import Path
from select import select
from types import SimpleNamespace

import pytest

from kelly_tui.errors import StageError
from kelly_tui.pipeline import runner, worker
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Interrupted, Item, Run
from kelly_tui.pipeline.trouble import Trouble
from kelly_tui.pipeline.worker import Child, LocalExecutor
from kelly_tui.pipeline.workplace import shared_workers
from kelly_tui.settings import Settings
from kelly_tui.store.catalogue import Catalogue
from tests.strangers import create

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def item(number: int, temper: str = "", function: str = "toy_items:temper", **data) -> Item:
    return Item(f"id{number}", f"file {number}", "key", 10, function, {"number": number, "temper": temper, **data})


def work(items: list[Item], **more) -> Work:
    plan = Plan()
    for one in items:
        plan.add(one, "new")
    return Work("toy", items, plan, **more)


class Ledger:
    """Commits into a list, and says what it holds."""

    def __init__(self) -> None:
        self.rows = []

    def __call__(self, results) -> None:
        self.rows += results

    @property
    def squares(self) -> list:
        return [row[1]["square"] for row in self.rows if not isinstance(row[1], Failed)]

    @property
    def failed(self) -> dict:
        return {row[0].item_id: row[1] for row in self.rows if isinstance(row[1], Failed)}


def quick(**settings) -> Run:
    return Run(workers=2, settings=Settings(**{"item_seconds": 60.0, "item_memory_gb": 1.0, **settings}))


def test_what_stopped_a_stage_is_said_and_not_what_followed_from_it(monkeypatch):
    monkeypatch.setattr(runner, "COMMIT_SECONDS", 0.0)
    said = iter(["raw is gone", "what was written is gone", "and once more"])

    def commit(_) -> None:
        raise StageError(next(said))

    with pytest.raises(StageError, match="raw is gone"):
        run_items(work([item(number) for number in range(3)]), commit, quick())


def test_results_are_committed_in_the_order_of_the_items():
    ledger = Ledger()
    outcome = run_items(work([item(number) for number in range(1000)]), ledger, quick())
    assert ledger.squares == [number**2 for number in range(1000)]
    assert (outcome.done, outcome.failed) == (1000, 0)


@pytest.mark.parametrize(
    ("temper", "kind", "reason"),
    [
        ("segfault", "crashed", "crashed (signal 11)"),
        ("hang", "slow", "took longer than 1 s"),
        ("bomb", "memory", "needed more than 1 GB (item_memory_gb)"),
        ("no memory to read it", "memory", "needed more than 1 GB (item_memory_gb)"),
        ("leave", "crashed", "ended its process (exit code 3)"),
        ("refused", "refused", "no notes"),
        ("fault", "broken", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_poison_item_costs_itself_alone_and_is_named(temper, kind, reason, monkeypatch):
    monkeypatch.setattr(worker, "WAITING", 1000.0)  # on a machine that others keep busy
    ledger = Ledger()
    items = [item(number, temper if number == 37 else "") for number in range(100)]
    outcome = run_items(work(items), ledger, quick(item_seconds=1.0 if temper == "hang" else 60.0))
    assert ledger.failed == {"id37": Failed(reason, kind)}
    assert ledger.squares == [number**2 for number in range(100) if number != 37]
    assert outcome.failures == [("file 37", reason)]


def test_what_native_code_prints_reaches_no_one(capfd):
    ledger = Ledger()
    run_items(work([item(number, "chatter") for number in range(5)]), ledger, quick())
    assert ledger.squares == [0, 1, 4, 9, 16]
    assert capfd.readouterr() == ("", "")


def test_native_code_that_ends_the_process_for_want_of_memory_is_told_as_such():
    ledger = Ledger()
    words = b"OpenBLAS error: Memory allocation still failed after 10 retries, giving up.\n"
    corrupt = b"malloc(): memory corruption (fast)\n"
    items = [item(1, "exit", words=words), item(2, "exit", words=corrupt), item(3, "speak"), item(4, "exit"), item(5)]
    items += [item(6, "go on about it and exit")]
    run_items(work(items), ledger, quick(item_memory_gb=3.0))
    assert ledger.failed == {
        "id1": Failed("needed more than 3 GB (item_memory_gb)", "memory"),
        "id2": Failed("ended its process (exit code 1)", "crashed"),
        "id4": Failed("ended its process (exit code 1)", "crashed"),
        "id6": Failed("needed more than 3 GB (item_memory_gb)", "memory"),
    }
    assert ledger.squares == [9, 25]


def test_most_failing_stops_the_stage():
    ledger = Ledger()
    items = [item(number, "fault" if number % 3 else "") for number in range(2000)]
    with pytest.raises(StageError, match="most items fail"):
        run_items(work(items), ledger, quick())
    assert len(ledger.rows) < 2000


def test_refusing_most_strangers_is_no_fault():
    items = [item(number, "refused" if number % 10 else "") for number in range(200)]
    outcome = run_items(work(items, strangers=True), Ledger(), quick())
    assert (outcome.done, outcome.failed) == (20, 180)


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_folder_of_the_dataset_that_is_away_is_no_fault_of_its_files(left, tmp_path):
    root = create(tmp_path)
    path = root / "raw/midi/song"
    path.touch()
    data = {"root": str(root), "path": str(path), "temper": "read"}
    items = [item(number, **data) for number in range(100)]
    (root / "raw").rename(tmp_path / "unmounted")
    if left == "an empty folder":
        (root / "raw").mkdir()
    ledger = Ledger()
    with pytest.raises(StageError, match=f"^toy stopped: {root}/raw is not there, or empty. When"):
        run_items(work(items), ledger, quick())
    assert not ledger.rows
    shutil.rmtree(root / "raw", ignore_errors=True)
    (tmp_path / "unmounted").rename(root / "raw")
    path.rename(path.with_name("another"))
    with pytest.raises(
        StageError, match=r"^toy stopped: most items fail, .* \(can't be read \(No such file or directory\)"
    ):
        run_items(work(items), ledger, quick())


def test_a_file_that_can_be_read_again_is_read_again(tmp_path):
    ledger = Ledger()
    path = tmp_path / "song"
    path.touch()
    data = {"path": str(path), "mark": str(tmp_path / "mark")}
    items = [item(number, "read after two looks" if number == 3 else "", **data) for number in range(9)]
    run_items(work(items), ledger, quick())
    assert ledger.squares == [number**2 for number in range(9)]
    assert (tmp_path / "mark").stat().st_size > 2


def test_a_file_that_is_said_to_be_gone_again_and_again_is_believed_to_be(tmp_path):
    ledger = Ledger()
    path = tmp_path / "song"
    path.touch()
    items = [item(number, "never read" if number == 3 else "", path=str(path)) for number in range(9)]
    run_items(work(items), ledger, quick())
    assert ledger.failed == {"id3": Failed("can't be read (Not a directory)", "refused")}


class Unmounted(LocalExecutor):
    """Workers that lost the music: each in its turn says of the item it gets that it is not there."""

    def __init__(self) -> None:
        super().__init__(1)
        self.left_out = []
        self.names = (f"tcp://{number}" for number in count())

    def submit(self, function, /, chunk):
        gone = Trouble("can't be read", chunk.work[0][1]["path"], worker=next(self.names))
        future = Future()
        future.set_result([("unread", gone, 0.0)])
        return future

    def without(self, worker, why):
        self.left_out.append(worker)
        return []


@pytest.mark.parametrize(("temper", "squares", "failed"), [
    ("", [9], {}),
    ("never read", [], {"id3": Failed("can't be read (Not a directory)", "refused")}),
])  # fmt: skip
def test_of_a_file_that_no_worker_can_read_is_believed_what_happens_here(temper, squares, failed, tmp_path):
    path = tmp_path / "song"
    path.touch()
    ledger, run = Ledger(), quick()
    with Unmounted() as run.executor:
        run_items(work([item(3, temper, path=str(path))]), ledger, run)
        assert (ledger.squares, ledger.failed) == (squares, failed)
        assert list(filter(None, run.executor.left_out)) == ["tcp://0"]


@pytest.mark.parametrize(("temper", "words"), [("full", "disk is full"), ("library", "Install libfluidsynth3")])
def test_what_every_item_would_meet_stops_the_stage_and_blames_none(temper, words):
    ledger = Ledger()
    items = [item(number, temper if number == 40 else "") for number in range(100)]
    with pytest.raises(StageError, match=words):
        run_items(work(items), ledger, quick())
    assert ledger.squares == [number**2 for number in range(len(ledger.rows))]
    assert not ledger.failed


@pytest.mark.parametrize(
    ("temper", "path", "words"),
    [
        ("read-only", "/elsewhere/file", "Read-only file system: /elsewhere/file"),
        ("closed to us", "/dataset/file", "Permission denied: /dataset/file"),
    ],
)
def test_a_disk_that_does_not_let_us_is_no_fault_of_the_file(temper, path, words):
    ledger = Ledger()
    items = [item(number, temper if number == 40 else "", root="/dataset", path=path) for number in range(100)]
    with pytest.raises(StageError, match=words):
        run_items(work(items), ledger, quick())
    assert not ledger.failed


def test_a_file_that_is_closed_to_us_elsewhere_costs_itself_alone():
    ledger = Ledger()
    items = [item(n, "closed to us" if n == 4 else "", root="/dataset", path="/dataset.mid") for n in range(9)]
    run_items(work(items), ledger, quick())
    assert ledger.failed == {"id4": Failed("PermissionError: [Errno 13] Permission denied: '/dataset.mid'", "broken")}


def test_a_file_that_is_not_there_is_refused(tmp_path):
    ledger = Ledger()
    run_items(work([item(1, "read", path=str(tmp_path / "gone"))]), ledger, quick())
    assert ledger.failed == {"id1": Failed("can't be read (No such file or directory)", "refused")}


def test_a_file_that_is_there_after_all_is_read_again(tmp_path):
    ledger = Ledger()
    run_items(work([item(3, "read late", path=str(tmp_path), mark=str(tmp_path / "mark"))]), ledger, quick())
    assert ledger.squares == [9]


class Losing(LocalExecutor):
    """All see the same at first; later the only one does not, and says that it has written what is not here."""

    def without_blind(self, root, others=()):
        raise StageError("the worker tcp://a does not see it", path=root)


def test_what_is_gone_before_it_is_committed_is_written_again_and_keeps_its_place(tmp_path):
    def written(item: Item, _: object) -> Path:
        path = Path(item.data["path"])
        if item.item_id in gone:
            gone.remove(item.item_id)
            path.unlink()
        return path

    gone, ledger = {"id7", "id99"}, Ledger()
    items = [item(number, "touch", path=str(tmp_path / f"{number}.written")) for number in range(100)]
    with Catalogue.open(create(tmp_path)) as catalogue:
        outcome = run_items(work(items, room=Room(catalogue), written=written), ledger, quick())
    assert (ledger.squares, gone, outcome.done) == ([number**2 for number in range(100)], set(), 100)
    assert len([*tmp_path.glob("*.written")]) == 100


def test_what_is_never_there_is_not_written_for_ever(tmp_path):
    ledger = Ledger()
    with Catalogue.open(create(tmp_path)) as catalogue:
        told = work([item(1), item(2)], room=Room(catalogue), written=lambda *_: catalogue.root / "raw/nowhere")
        with pytest.raises(StageError, match=r"^toy stopped: what was written is gone: .*/raw/nowhere. Look after"):
            run_items(told, ledger, quick())
    assert not ledger.rows


def test_who_has_lost_a_folder_meanwhile_is_named(tmp_path):
    with Catalogue.open(create(tmp_path)) as catalogue, Losing(1) as executor:
        run = quick()
        run.executor = executor
        told = work([item(1)], room=Room(catalogue), written=lambda *_: catalogue.root / "raw/nowhere")
        with pytest.raises(StageError, match="the worker tcp://a does not see it"):
            run_items(told, Ledger(), run)


def test_cancelling_commits_what_is_done_and_ends_the_hanging_item(monkeypatch):
    """Were the hanging item waited for, this test would take a minute."""
    monkeypatch.setattr("kelly_tui.pipeline.worker.CHUNK_SECONDS", 0.3)
    monkeypatch.setattr(runner, "COMMIT_SECONDS", 0.0)
    ledger, run = Ledger(), quick(item_seconds=60.0)
    run.progress = lambda progress: run.cancel.set() if progress.done == 30 else None
    items = [item(number, "hang" if number == 30 else "") for number in range(31)]
    with pytest.raises(Interrupted, match="30 of 31"):
        run_items(work(items), ledger, run)
    assert ledger.squares == [number**2 for number in range(30)]


def test_workers_are_shared_between_stages():
    processes = []
    with shared_workers(Run(workers=1)) as run:
        for _ in range(2):
            run_items(work([item(1)]), lambda rows: processes.append(rows[0][1]["process"]), run)
    assert processes[0] == processes[1] != os.getpid()


def test_a_spawned_process_pool_serves_as_well():
    ledger = Ledger()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        run = quick()
        run.executor = executor
        run_items(work([item(number, "segfault" if number == 5 else "") for number in range(50)]), ledger, run)
    assert ledger.squares == [number**2 for number in range(50) if number != 5]
    assert list(ledger.failed) == ["id5"]


def test_where_no_process_can_be_started_the_stage_stops_and_blames_no_file(monkeypatch):
    def no_room(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(worker, "Child", no_room)
    ledger = Ledger()
    with pytest.raises(StageError, match=r"^toy stopped: can't start a process \(Too many open files\)\. When"):
        run_items(work([item(number) for number in range(9)]), ledger, quick())
    assert not ledger.rows


@pytest.mark.parametrize("temper", ["open too many", "read too many"])
def test_where_no_more_files_can_be_opened_the_stage_stops_and_blames_no_file(temper):
    ledger = Ledger()
    with pytest.raises(StageError, match=r"^toy stopped: can't open a file \(Too many open files\)\. .*ulimit -n"):
        run_items(work([item(number, temper, path=__file__) for number in range(9)]), ledger, quick())
    assert not ledger.rows


class Lossy(Executor):
    """A cluster that loses the first `losses` chunks."""

    def __init__(self, losses: int) -> None:
        self.losses = losses

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        if self.losses:
            self.losses -= 1
            future.set_exception(BrokenProcessPool("a machine is gone"))
        else:
            future.set_result(function(*args, **kwargs))
        return future


def test_chunks_of_a_lost_worker_are_handed_out_again():
    ledger, run = Ledger(), quick()
    run.executor = Lossy(6)
    run_items(work([item(number) for number in range(100)]), ledger, run)
    assert ledger.squares == [number**2 for number in range(100)]


def test_a_cluster_that_loses_everything_is_an_error():
    run = quick()
    run.executor = Lossy(1_000_000)
    with pytest.raises(StageError, match="lost its workers"):
        run_items(work([item(1)]), Ledger(), run)


class Dead(Executor):
    """A cluster without workers: nothing is ever done."""

    def submit(self, function, /, *args, **kwargs):
        return Future()


def test_no_progress_is_an_error(monkeypatch):
    monkeypatch.setattr(runner, "STALL_SECONDS", 0.3)
    run = quick(item_seconds=0.1)
    run.executor = Dead()
    with pytest.raises(StageError, match="no progress"):
        run_items(work([item(1)]), Ledger(), run)


class Stuck(LocalExecutor):
    """One of its workers never ends the first chunk; another gets it when that one is left out."""

    def submit(self, function, /, chunk):
        future, answers = Future(), [("done", {"square": data["number"] ** 2}, 0.0) for _, data, _ in chunk.work]
        if not hasattr(self, "done_by_another"):
            self.done_by_another = partial(future.set_result, answers)
        else:
            future.set_result(answers)
        return future

    def without_stuck(self):
        self.done_by_another()
        return ["one is stuck"]


def test_what_a_worker_does_not_end_is_waited_for_from_others(monkeypatch):
    monkeypatch.setattr(runner, "STALL_SECONDS", 0.3)
    ledger, notices, run = Ledger(), [], quick(item_seconds=0.1)
    run.notice = notices.append
    with Stuck(1) as run.executor:
        run_items(work([item(number) for number in range(3)]), ledger, run)
    assert (ledger.squares, notices) == ([0, 1, 4], ["one is stuck"])


class Late(Executor):
    """Its one chunk is done when it is told so."""

    def submit(self, function, /, *args, **kwargs):
        self.future, self.call = Future(), partial(function, *args, **kwargs)
        return self.future


def test_time_in_which_we_were_stopped_ourselves_is_no_stall(monkeypatch):
    late, ledger, run = Late(), Ledger(), quick()
    skipped, told = 0.0, count()
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + skipped))

    def progress(_):
        nonlocal skipped
        match next(told):
            case 0:
                skipped = 1000.0
            case 2:
                late.future.set_result(late.call())

    run.executor, run.progress = late, progress
    run_items(work([item(3)]), ledger, run)
    assert ledger.squares == [9]


def test_an_answer_that_came_while_we_were_stopped_counts(monkeypatch):
    child = Child(2**30, Settings().limits)
    asked = count()

    def stopped_after_asking() -> float:
        if next(asked) < 2:  # when it is asked, and before the request has gone out
            return 0.0
        select([child._answers], [], [], 60)
        return 1000.0

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=stopped_after_asking))
    answers = child.ask([("toy_items:square", {"number": 3}, 60.0)], 5.0)
    child.end()
    assert [(kind, value["square"]) for kind, value, _ in answers] == [("done", 9)]


def test_what_waits_for_its_turn_has_longer_than_what_works(monkeypatch):
    """Its nap takes twice the limit by the clock, and nothing of the processor."""
    monkeypatch.setattr(worker, "WAITING", 1000.0)
    child = Child(2**30, Settings().limits)
    nap = ("toy_items:temper", {"number": 3, "temper": "nap"}, 0.005)
    answers = child.ask([("toy_items:square", {"number": 2}, 60.0), nap], inf)
    assert [(kind, value["square"]) for kind, value, _ in answers] == [("done", 4), ("done", 9)]
    monkeypatch.setattr(worker, "WAITING", 3.0)
    answers = child.ask([("toy_items:temper", {"number": 4, "temper": "wait"}, 0.1)], inf)
    assert answers == [("slow", "took longer than 0.3 s, most of it waiting", pytest.approx(0.3))]


def test_time_that_all_of_us_were_stopped_for_is_none_of_the_items(monkeypatch):
    clock = count(0, 1000)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    child = Child(2**30, Settings().limits)
    answers = child.ask([("toy_items:temper", {"number": 3, "temper": "alarm"}, 60.0)], inf)
    child.end()
    assert [(kind, value) for kind, value, _ in answers] == [("done", {"alarm": (0.0, 0.0)})], "none that runs on"


def test_a_child_ends_with_its_asker_also_where_native_code_holds_it(tmp_path):
    begun = tmp_path / "begun"
    asks = (
        "from kelly_tui.pipeline.worker import Child\n"
        "from kelly_tui.settings import Settings\n"
        "child = Child(2**30, Settings().limits)\n"
        "print(child._process.pid, flush=True)\n"
        f"child.ask([('toy_items:temper', {{'temper': 'hold', 'path': {str(begun)!r}}}, 60.0)], 60.0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", asks], stdout=subprocess.PIPE) as asker:
        child = os.pidfd_open(int(asker.stdout.readline()))
        while not begun.exists():
            assert asker.poll() is None
        asker.kill()
    try:
        assert select([child], [], [], 60)[0]
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(child, signal.SIGKILL)
        os.close(child)


def test_an_executor_that_is_shut_down_under_a_stage_is_no_fault_of_ours():
    class Cancelled(Executor):
        def submit(self, *_, **__):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    run = quick()
    run.executor = Cancelled()
    with pytest.raises(StageError, match=r"lost its workers, or the scheduler of its cluster\. Run the same again"):
        run_items(work([item(1)]), Ledger(), run)


def test_a_chunk_hands_back_what_it_has_when_time_is_up(monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.worker.CHUNK_SECONDS", 0.02)
    ledger = Ledger()
    run_items(work([item(number, "nap") for number in range(20)]), ledger, quick())
    assert ledger.squares == [number**2 for number in range(20)]


def test_a_slow_first_item_holds_back_results_but_loses_none(monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.worker.CHUNK_SECONDS", 0.01)
    ledger = Ledger()
    items = [item(number, "nap" if number % 20 == 0 else "") for number in range(200)]
    run_items(work(items)._replace(ahead=5), ledger, quick())
    assert ledger.squares == [number**2 for number in range(200)]


def test_progress_counts_up_to_the_total():
    seen, run = [], quick()
    run.progress = seen.append
    run_items(work([item(number, "refused" if number == 3 else "") for number in range(40)]), Ledger(), run)
    assert [one.done + one.failed for one in seen] == sorted(one.done + one.failed for one in seen)
    assert (seen[-1].done, seen[-1].failed, seen[-1].total, seen[-1].seconds_left) == (39, 1, 40, 0)


def test_a_stage_in_a_thread_can_be_cancelled_from_outside():
    run, caught = quick(item_seconds=60.0), []

    def stage() -> None:
        try:
            run_items(work([item(1, "hang")]), Ledger(), run)
        except Interrupted as stop:
            caught.append(stop)

    thread = threading.Thread(target=stage)
    thread.start()
    run.cancel.set()
    thread.join()
    assert caught
