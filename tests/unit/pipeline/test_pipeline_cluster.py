"""Stages on a real Dask cluster of worker processes over TCP: the same bytes as on one machine, whatever dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import itertools
import logging
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from tornado.ioloop import IOLoop

import kelly_tui
from kelly_tui.errors import LibraryMissing, StageError
from kelly_tui.paths import soundfont
from kelly_tui.pipeline.certificates import certificates
from kelly_tui.pipeline.cluster import ClusterWorkers, cluster, digest_of, look, reason, this_kelly
from kelly_tui.pipeline.plan import Plan, Work
from kelly_tui.pipeline.room import Room
from kelly_tui.pipeline.runner import run_items
from kelly_tui.pipeline.stage import Failed, Item, Progress, Run
from kelly_tui.pipeline.witness import WRONG
from kelly_tui.settings import Settings
from kelly_tui.store import scan
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.scan import Found
from tests.own_mounts import OWN_MOUNTS, needs_own_mounts
from tests.strangers import COUNT, MULTIPLIER, create, files, put_other_soundfont


@pytest.fixture(scope="module")
def three(request):
    """Three workers of one thread each; the toys of this folder can be imported there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        with cluster("local:3") as workers:
            yield workers


@pytest.fixture
def strangers(three):
    """The same three, of whom it is not known that they see what we see."""
    return ClusterWorkers(three.client)


def test_the_same_bytes_as_here_though_a_worker_is_killed_midway(three, run_once, music, tmp_path):
    assert three.size == 3
    victims = list(three.client.run(os.getpid).values())

    def kill_one(progress: Progress) -> None:
        if progress.stage == "augment" and progress.done and victims:
            os.kill(victims.pop(), signal.SIGKILL)
            victims.clear()

    root = create(tmp_path)
    kelly_tui.run_pipeline(root, music, MULTIPLIER, COUNT, executor=three, progress=kill_one)
    assert not victims
    assert files(root) == files(run_once[0])


def _without_ours() -> list[ssl.SSLContext]:
    """What another user of this machine can come with: no certificate, or one of their own."""
    import distributed

    stranger = distributed.Security.temporary().get_connection_args("client")["ssl_context"]
    bare = ssl.create_default_context()
    for context in (bare, stranger):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return [bare, stranger]


def _heard(address: str, context: ssl.SSLContext | None) -> bytes:
    """What is said at this address to who comes."""
    host, _, port = address.partition("://")[2].rpartition(":")
    with socket.create_connection((host, int(port)), 20) as plain, contextlib.suppress(OSError):
        if context is None:
            plain.sendall(b"x" * 100)  # what is no TLS
            return plain.recv(100)
        with context.wrap_socket(plain) as door:
            return door.recv(100)
    return b""


def test_nobody_else_on_this_machine_is_heard_by_workers_of_our_own(three):
    known = three.client.scheduler_info(n_workers=-1)
    doors = [known["address"], *known["workers"], *(worker["nanny"] for worker in known["workers"].values())]
    assert len(doors) == 7
    ours = three.client.security.get_connection_args("client")["ssl_context"]
    theirs = _without_ours()
    for door in doors:
        assert b"pickle-protocol" in _heard(door, ours)
        for context in theirs:
            assert _heard(door, context) == b""
        assert b"pickle-protocol" not in _heard(door, None)
    pages = [known["services"]["dashboard"], *(one["services"]["dashboard"] for one in known["workers"].values())]
    for port, page in itertools.product(pages, ["", "info/main/workers.html", "json/counts.json", "metrics"]):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=20)


def test_what_workers_of_our_own_keep_and_import_is_in_a_folder_that_nobody_else_can_write_to(three):
    for path in three.client.run(lambda dask_worker: dask_worker.local_directory).values():
        folder = next(parent for parent in Path(path).parents if parent.name.startswith("kelly-cluster-"))
        assert folder.stat().st_mode & 0o777 == 0o700


def test_poison_costs_its_item_and_no_worker(three):
    """Each of these would end a bare worker; four such tasks in a row make Dask give a task up."""
    before = set(three.client.run(os.getpid).values())
    tempers = {7: "segfault", 20: "bomb", 33: "leave", 40: "refused"}
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": tempers.get(n, "")})
        for n in range(60)
    ]
    plan, rows, run = Plan(), [], Run(executor=three, settings=Settings(item_memory_gb=1.0))
    for one in items:
        plan.add(one, "new")
    run_items(Work("toy", items, plan), rows.extend, run)
    assert [item.data["number"] for item, _ in rows] == list(range(60))
    assert {item.data["number"] for item, result in rows if isinstance(result, Failed)} == set(tempers)
    assert set(three.client.run(os.getpid).values()) == before


def test_a_worker_that_sees_another_folder_is_named_before_anything_is_done(three, tmp_path):
    with pytest.raises(StageError, match=r"the worker tls://127.0.0.1:\d+ does not see it: .*/elsewhere\. Mount"):
        three.must_see(tmp_path, [tmp_path / "elsewhere"])
    sign = tmp_path / "sign"
    sign.write_text("this one")
    kelly, wrong, left = look(str(sign), "this one", [])
    assert (kelly, wrong, Path(left).read_text(), Path(left).parent) == (this_kelly(), "", "this one", tmp_path)
    assert look(str(sign), "another", []) == (this_kelly(), "does not see it", str(sign))


def test_what_is_left_to_see_whether_all_is_as_here_is_gone_at_the_end(three, tmp_path):
    root = create(tmp_path)
    before = sorted(root.rglob("*"))
    assert three.must_see(root) == []
    assert sorted(root.rglob("*")) == sorted({*before, root / ".kelly/partial"})


VIEW = """
import errno, os, resource, sys

if "SHORT" in os.environ:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def _is_below(path, name):
    folder = os.environ.get(name)
    return folder is not None and isinstance(path, str) and path.startswith(folder + "/")


def _refuse(event, said):
    if event == "open" and _is_below(said[0], "UNSEEN"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), said[0])
    if event == "subprocess.Popen" and "CHILDLESS" in os.environ and "kelly_tui.pipeline.child" in str(said[1]):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    writes = said[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if event == "open" else event in ("os.mkdir", "os.rename")
    if writes and any(_is_below(one, "READ_ONLY") for one in said):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), said[0])


sys.addaudithook(_refuse)
_exists = os.path.exists
os.path.exists = lambda path: not _is_below(path, "UNSEEN") and _exists(path)
"""
"""What a Python does first, that it sees a folder as one on whose machine it is mounted read-only, or not at all, or
that it has a gigabyte of memory or no room for a child."""


@contextlib.contextmanager
def with_another(folder: Path, *within: str, **view: Path) -> Iterator[tuple[ClusterWorkers, str]]:
    """Two workers over TCP, of which one has another view of the folders, or runs in what `within` starts; and the
    address of that one.
    """
    import distributed

    (folder / "view").mkdir()
    (folder / "view/sitecustomize.py").write_text(VIEW)
    toys = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", toys)
        quiet = {"host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": ":0", "memory_limit": 0}
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, **quiet) as running:
            address = running.scheduler_address
            command = [*within, sys.executable, "-m", "distributed.cli.dask_worker", address, "--host", "127.0.0.1"]
            command += ["--no-dashboard", "--no-nanny", "--nthreads", "1", "--local-directory", str(folder / "view")]
            seen = {name: str(path) for name, path in view.items()}
            env = {**os.environ, "PYTHONPATH": f"{folder / 'view'}:{toys}", **seen}
            with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as other:
                try:
                    with cluster(address) as workers:
                        workers.client.wait_for_workers(2, timeout=60)
                        processes = workers.client.run(os.getpid)
                        yield workers, next(one for one, process in processes.items() if process == other.pid)
                finally:
                    other.kill()


@pytest.mark.parametrize(("view", "folder", "words"), [
    ("READ_ONLY", "", r"can't write there \(Read-only file system\): {}\. Mount"),
    ("UNSEEN", "/raw", r"does not see it: {}/raw\. Mount"),
    ("UNSEEN", "/raw/midi", r"does not see it: {}/raw/midi\. Mount"),
    ("UNSEEN", "/processed", r"does not see it: {}/processed\. Mount"),
])  # fmt: skip
def test_a_worker_of_another_view_is_named_and_costs_no_file(view, folder, words, music, tmp_path):
    root = create(tmp_path)
    kelly_tui.import_files(root, [music / "sad/song_1.mid"])
    with (
        with_another(tmp_path, **{view: Path(f"{root}{folder}")}) as (workers, other),
        pytest.raises(StageError, match=f"^the worker {other} {words.format(root)}"),
    ):
        kelly_tui.extract_features(root, executor=workers)
    assert kelly_tui.extract_features(root).done == 1


@pytest.mark.parametrize(("view", "temper"), [("UNSEEN", "read"), ("READ_ONLY", "write")])
def test_what_a_worker_can_not_do_at_work_is_done_by_the_others(view, temper, tmp_path):
    root = create(tmp_path)
    place = root / "raw/midi/mounted"
    place.mkdir()
    (place / "song").touch()
    path = str(place / "song") if temper == "read" else str(place)
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": temper, "path": path})
        for n in range(60)
    ]
    plan, rows, notices = Plan(), [], []
    for one in items:
        plan.add(one, "new")
    with Catalogue.open(root) as catalogue, with_another(tmp_path, **{view: place}) as (workers, other):
        work = Work("toy", items, plan, room=Room(catalogue), written=lambda *_: None)
        run_items(work, rows.extend, Run(executor=workers, notice=notices.append))
        left = list(workers.client.scheduler_info(n_workers=-1)["workers"])
        with pytest.raises(StageError, match=f"^the worker {left[0]} is another's"):
            workers.without(left[0], "is another's")
    assert [result["square"] for _, result in rows] == [n**2 for n in range(60)]
    (words,) = notices
    assert words.startswith(f"the worker {other} can't do what can be done here (")
    assert f": {place}" in words
    assert other not in left


@needs_own_mounts
def test_what_a_worker_wrote_into_another_folder_is_written_by_the_others(tmp_path):
    root = create(tmp_path)
    place = root / "processed/features"
    place.mkdir(parents=True, exist_ok=True)
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": "write", "path": str(place)})
        for n in range(300)
    ]
    plan, rows, notices = Plan(), [], []
    for one in items:
        plan.add(one, "new")
    with Catalogue.open(root) as catalogue, with_another(tmp_path, *OWN_MOUNTS) as (workers, other):

        def mount(progress: Progress) -> None:
            if progress.done and not mounted:
                command = ["mount", "-t", "tmpfs", "none", str(place)]
                mounted.append(workers.client.run(subprocess.check_call, command, workers=[other]))

        mounted = []
        work = Work("toy", items, plan, room=Room(catalogue), written=lambda item, _: place / str(item.data["number"]))
        run = Run(executor=workers, notice=notices.append, progress=mount)
        outcome = run_items(work, rows.extend, run)
        left = list(workers.client.scheduler_info(n_workers=-1)["workers"])
    assert [result["square"] for _, result in rows] == [n**2 for n in range(300)]
    assert (outcome.done, len([*place.iterdir()])) == (300, 300)
    assert notices == [
        f"the worker {other} is not as at the start (does not see it: {place}): the others do its work;"
        " start it again to have it back"
    ]
    assert other not in left


@pytest.mark.parametrize(("lack", "temper", "words"), [
    ("SHORT", "large", "needed more than 1 GB (a limit of the system)"),
    ("SHORT", "killed where it is short", "was killed (signal 9), as the system does where memory runs out"),
    ("SHORT", "refused where it is short", "can't be read as audio"),
    ("SHORT", "library where it is short", "libfluidsynth is missing. Install libfluidsynth3."),
    ("CHILDLESS", "nap", "can't start a process (Resource temporarily unavailable)"),
])  # fmt: skip
def test_what_a_worker_lacks_something_for_is_done_here(lack, temper, words, tmp_path):
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": temper, "bytes": 1 << 30})
        for n in range(60)
    ]
    plan, rows, notices = Plan(), [], []
    for one in items:
        plan.add(one, "new")
    with with_another(tmp_path, **{lack: tmp_path}) as (workers, other):
        run_items(Work("toy", items, plan), rows.extend, Run(executor=workers, notice=notices.append))
    assert [result["square"] for _, result in rows] == [n**2 for n in range(60)]
    assert notices[0] == f"the worker {other} failed at what could be done here ({words})"
    assert all(one.startswith(f"the worker {other} ") for one in notices)


@needs_own_mounts
def test_what_a_worker_would_render_with_another_soundfont_is_rendered_with_ours(tmp_path):
    mine = tmp_path / "mine.sf2"
    shutil.copy(soundfont(), mine)
    (tmp_path / "here").mkdir()
    here, root = (create(folder, soundfont=str(mine)) for folder in (tmp_path / "here", tmp_path))
    kelly_tui.synthesize_dataset(here, 6, audio=True)
    notices = []
    with with_another(tmp_path, *OWN_MOUNTS) as (workers, other):
        command = ["mount", "--bind", str(put_other_soundfont(tmp_path / "other.sf2")), str(mine)]
        workers.client.run(subprocess.check_call, command, workers=[other])
        kelly_tui.synthesize_dataset(root, 6, audio=True, executor=workers, notice=notices.append)
    assert files(root) == files(here)
    words = f"failed at what could be done here (this SoundFont is not the one that the stage began with: {mine})"
    assert notices[0] == f"the worker {other} {words}"


@pytest.fixture
def songs(tmp_path, music):
    """Twelve songs of one size, and others of the same names and sizes, which are a minute older."""
    data = (music / "sad/song_1.mid").read_bytes()
    place = data.index(b"\xff\x03") + 4  # a letter of a track's name
    for folder, first in (("songs", ord("a")), ("others", ord("A"))):
        (tmp_path / folder).mkdir()
        for number in range(12):
            path = tmp_path / folder / f"{number}.mid"
            path.write_bytes(data[:place] + bytes([first + number]) + data[place + 1 :])
    for path in (tmp_path / "others").iterdir():
        now = path.stat().st_mtime
        os.utime(path, (now, now - 60))
    return tmp_path / "songs"


@needs_own_mounts
@pytest.mark.parametrize("size", ["the same", "another"])
def test_what_a_worker_would_read_of_other_files_is_read_here(size, songs, tmp_path):
    for path in (songs.parent / "others").iterdir():
        if size == "another":
            status = (songs / path.name).stat()
            with path.open("ab") as file:
                file.write(b"more")
            os.utime(path, (status.st_atime, status.st_mtime))
    (tmp_path / "here").mkdir()
    here, root = create(tmp_path / "here"), create(tmp_path)
    kelly_tui.import_files(here, [songs])
    notices = []
    with with_another(tmp_path, *OWN_MOUNTS) as (workers, other):
        command = ["mount", "--bind", str(tmp_path / "others"), str(songs)]
        workers.client.run(subprocess.check_call, command, workers=[other])
        kelly_tui.import_files(root, [songs], executor=workers, notice=notices.append)
        left = list(workers.client.scheduler_info(n_workers=-1)["workers"])
    assert files(root) == files(here)
    assert notices[0].startswith(
        f"the worker {other} failed at what could be done here (another file is there: {songs}/"
    )
    assert other not in left or len(notices) < WRONG


def test_a_file_that_was_written_to_since_it_was_found_is_read_as_it_is_and_blames_no_worker(
    strangers, songs, tmp_path, monkeypatch
):
    def long_ago(path: str, relative: str) -> Found:
        return scan._named(path, relative)._replace(size=1, mtime=0.0)

    monkeypatch.setattr(scan, "_found", long_ago)
    before, notices = strangers.client.run(os.getpid), []
    outcome = kelly_tui.import_files(create(tmp_path), [songs], executor=strangers, notice=notices.append)
    assert (outcome.done, outcome.failures, notices) == (12, [], [])
    assert strangers.client.run(os.getpid) == before


def test_a_file_that_is_away_for_a_moment_costs_no_worker_of_our_own(three, tmp_path):
    (tmp_path / "song").touch()
    data = {"path": str(tmp_path / "song"), "mark": str(tmp_path / "mark")}
    tempers = {3: "read after two looks"}
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": tempers.get(n, ""), **data})
        for n in range(9)
    ]
    before, notices = three.client.run(os.getpid), []
    assert _rows(items, Run(executor=three, notice=notices.append)) == [(n, n**2) for n in range(9)]
    assert (tmp_path / "mark").stat().st_size > 2
    assert (notices, three.client.run(os.getpid)) == ([], before)


def test_what_is_refused_here_too_is_counted_as_ever_and_no_fault_of_a_worker(strangers):
    items = [
        Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", {"number": n, "temper": "refused" if n % 5 else ""})
        for n in range(100)
    ]
    plan, rows, notices = Plan(), [], []
    for one in items:
        plan.add(one, "new")
    work = Work("toy", items, plan, strangers=True)
    outcome = run_items(work, rows.extend, Run(executor=strangers, notice=notices.append))
    assert (outcome.done, outcome.failed, notices) == (20, 80, [])
    assert {result for _, result in rows if isinstance(result, Failed)} == {Failed("no notes", "refused")}


def test_what_is_missing_here_too_stops_the_stage_and_blames_no_worker(strangers):
    data = {"number": 1, "temper": "library"}
    plan, items, notices = Plan(), [Item("id1", "file 1", "key", 10, "toy_items:temper", data)], []
    plan.add(items[0], "new")
    with pytest.raises(StageError, match=r"^toy stopped: libfluidsynth is missing\. Install libfluidsynth3\. When"):
        run_items(Work("toy", items, plan), notices.extend, Run(executor=strangers, notice=notices.append))
    assert not notices


def test_a_file_that_is_gone_here_too_is_no_fault_of_a_worker(strangers, tmp_path):
    data = {"number": 1, "temper": "read", "path": str(tmp_path / "gone")}
    plan, rows = Plan(), []
    items = [Item("id1", "file 1", "key", 10, "toy_items:temper", data)]
    plan.add(items[0], "new")
    run_items(Work("toy", items, plan), rows.extend, Run(executor=strangers))
    assert [result for _, result in rows] == [Failed("can't be read (No such file or directory)", "refused")]


@pytest.mark.skipif(not Path("/proc/sys/kernel/ostype").exists(), reason="has no folder that nobody can write to")
def test_a_folder_that_can_be_read_alone_is_told():
    sign = "/proc/sys/kernel/ostype"
    kelly, wrong, path = look(sign, Path(sign).read_text(), [])
    assert (kelly, wrong.partition(" (")[0], path) == (this_kelly(), "can't write there", sign)


def test_a_worker_of_another_checkout_is_named_though_its_version_is_the_same(three, tmp_path, monkeypatch):
    three.must_see(tmp_path)
    monkeypatch.setattr("kelly_tui.pipeline.cluster.this_kelly", lambda: f"{kelly_tui.__version__} (0123456789)")
    with pytest.raises(StageError, match=r"has Kelly \S+ \([0-9a-f]{10}\), this is \S+ \(0123456789\)\. Install"):
        three.must_see(tmp_path)


def test_modules_tell_one_kelly_from_another_and_nothing_else_does(tmp_path):
    package = Path(kelly_tui.__file__).parent
    shutil.copytree(package, tmp_path / "copied", copy_function=shutil.copyfile)
    (tmp_path / "copied/notes.txt").write_text("mine")
    assert digest_of(tmp_path / "copied") == digest_of(package)
    with (tmp_path / "copied/music/chords.py").open("a") as module:
        module.write("\n")
    assert digest_of(tmp_path / "copied") != digest_of(package)


def test_workers_that_stand_elsewhere_find_what_is_named_from_here(three, music, tmp_path, monkeypatch):
    create(tmp_path)
    monkeypatch.chdir(tmp_path)
    taken_in = kelly_tui.import_files("d", [os.path.relpath(music / "sad/song_1.mid")], executor=three)
    assert (taken_in.done, taken_in.failures) == (1, [])
    extracted = kelly_tui.extract_features("d", executor=three)
    assert (extracted.done, extracted.failures) == (1, [])


def test_why_nobody_answers_is_told_without_the_objects_of_dask():
    error = OSError(
        "in <TCP (closed) local=tcp://127.0.0.1:1 remote=tcp://127.0.0.1:2>: ConnectionResetError: reset\nmore"
    )
    assert reason(error) == "ConnectionResetError: reset"


@pytest.fixture
def note(tmp_path):
    """Where an item notes the process of the worker that it stops, which goes on in the end."""
    yield tmp_path / "note"
    if (tmp_path / "note").exists():
        os.kill(int((tmp_path / "note").read_text()), signal.SIGCONT)


def test_what_a_worker_has_in_hand_that_is_stopped_midway_is_given_to_the_others(three, note, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.SILENCE", 2.0)
    addresses = {process: address for address, process in three.client.run(os.getpid).items()}
    tempers = {25: "stop the worker"}
    data = [{"number": n, "temper": tempers.get(n, "nap"), "path": str(note)} for n in range(60)]
    items = [Item(f"id{n}", f"file {n}", "key", 10, "toy_items:temper", one) for n, one in enumerate(data)]
    notices: list[str] = []
    rows = _rows(items, Run(executor=three, notice=notices.append))
    victim = addresses[int(note.read_text())]
    assert rows == _rows(items, Run(workers=1))
    assert [words for words in notices if f"{victim} has given no sign for 2 s: the others do its work" in words]
    assert victim not in three.client.scheduler_info(n_workers=-1)["workers"]


def _rows(items: list[Item], run: Run) -> list[tuple[int, int]]:
    """What a stage of these commits, in its order, but for which process did it."""
    plan, rows = Plan(), []
    for one in items:
        plan.add(one, "new")
    run_items(Work("toy", items, plan), rows.extend, run)
    return [(item.data["number"], result["square"]) for item, result in rows]


@pytest.fixture
def stopped(three):
    """The process of one of the three, stopped: neither dead nor answering. The others know themselves already."""
    three.client.run(this_kelly)
    victim = next(iter(three.client.run(os.getpid).values()))
    os.kill(victim, signal.SIGSTOP)
    yield victim
    os.kill(victim, signal.SIGCONT)


@pytest.mark.usefixtures("stopped")
def test_a_worker_that_does_not_answer_is_named_and_the_others_do_its_work(three, tmp_path, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.PATIENCE", 3.0)
    (words,) = three.must_see(tmp_path)
    assert re.match(r"the worker tls://127.0.0.1:\d+ does not answer: the others do its work", words)
    assert three.must_see(tmp_path) == []


@pytest.fixture
def all_stopped(three):
    """Every process of them, stopped."""
    victims = list(three.client.run(os.getpid).values())
    for victim in victims:
        os.kill(victim, signal.SIGSTOP)
    yield
    for victim in victims:
        os.kill(victim, signal.SIGCONT)


@pytest.mark.usefixtures("all_stopped")
def test_where_no_worker_answers_one_is_named_and_not_waited_for(three, tmp_path, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.PATIENCE", 2.0)
    with pytest.raises(StageError, match=r"the worker tls://127.0.0.1:\d+ does not answer\. End it"):
        three.must_see(tmp_path)
    monkeypatch.setattr("kelly_tui.pipeline.cluster.SILENCE", 0.0)
    assert [three.without_silent() for _ in range(2)] == [[], []]
    three.cut_short()


@pytest.mark.parametrize(("in_hand", "left_out"), [
    ({"tcp://a": ("ours",), "tcp://b": (), "tcp://c": ("another's",)}, ["tcp://a"]),
    ({"tcp://a": ("ours",), "tcp://b": ("ours too",)}, []),
])  # fmt: skip
def test_a_worker_that_answers_and_ends_nothing_is_left_out_where_others_could_do_it(in_hand, left_out):
    forgotten = []

    class Stuck:
        futures: ClassVar = {"ours": None, "ours too": None}
        scheduler = SimpleNamespace(
            processing=lambda workers: in_hand, unregister=lambda address, stimulus_id: forgotten.append(address)
        )

        def get_executor(self, pure):
            return pure

        def sync(self, question, callback_timeout, **asked):
            return question(**asked)

    words = ClusterWorkers(Stuck()).without_stuck()
    assert forgotten == left_out
    assert [word.split()[2] for word in words] == left_out


class _Elsewhere:
    """What a worker without this Kelly makes of a function of ours."""

    def __reduce__(self) -> tuple[object, ...]:
        return importlib.import_module, ("kelly_of_another_time",)


def test_a_worker_that_has_no_kelly_is_named(three, tmp_path, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.look", _Elsewhere())
    with pytest.raises(
        StageError, match=r"the worker tls\S+ can't run this Kelly \(.*kelly_of_another_time.* Install Kelly"
    ):
        three.must_see(tmp_path)


def test_a_scheduler_that_is_gone_is_said_in_one_line():
    class Gone:
        scheduler = SimpleNamespace(identity=None)

        def get_executor(self, pure):
            return pure

        def sync(self, *_, **__):
            raise TimeoutError

    workers = ClusterWorkers(Gone())
    with pytest.raises(StageError, match=r"the scheduler of the cluster does not answer\. Start it again"):
        workers.size  # noqa: B018 asking is the point
    workers.cut_short()


def test_what_goes_wrong_in_dasks_event_loop_is_said_by_us_alone():
    importlib.import_module("distributed")  # it sets levels of its own

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    async def fail() -> None:
        IOLoop.current().add_callback(lambda: 1 / 0)
        await asyncio.sleep(0)
        done = asyncio.Event()
        IOLoop.current().add_callback(done.set)
        await done.wait()

    said, heard, logger = [], Heard(), logging.getLogger("tornado.application")
    before = logger.level
    logger.addHandler(heard)
    logger.setLevel(logging.ERROR)  # another cluster may be open
    try:
        with cluster("local:1") as workers:
            workers.client.sync(fail)
        assert not said
        asyncio.run(fail())
        assert len(said) == 1
    finally:
        logger.removeHandler(heard)
        logger.setLevel(before)


LEAVES_ONE_OUT = """
import os, time
from kelly_tui.pipeline.cluster import cluster

if __name__ == "__main__":
    with cluster("local:2") as workers:
        (one, process), *_ = workers.client.run(os.getpid).items()
        assert workers.without(one, "is another's")
        while process in workers.client.run(os.getpid).values() or os.path.exists(f"/proc/{process}"):
            time.sleep(0.1)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="tells nobody which processes there are")
def test_a_worker_of_our_own_that_is_left_out_says_nothing_on_the_terminal(tmp_path):
    (tmp_path / "leave.py").write_text(LEAVES_ONE_OUT)
    command = [sys.executable, tmp_path / "leave.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_runs_a_stage_on_workers_of_its_own(music, tmp_path):
    root = create(tmp_path)
    command = [sys.executable, "-m", "kelly_tui", "import", root, music / "sad", "--cluster", "local:1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr  # some files are bad
    with Catalogue.open(root) as catalogue:
        assert len(catalogue) >= 3


@pytest.mark.parametrize("at", ["read_text", "write_text"])
def test_a_worker_that_can_open_no_file_is_named_with_that_and_not_with_a_folder(three, at, tmp_path, monkeypatch):
    def no_file(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    (tmp_path / "sign").write_text("this one")
    with monkeypatch.context() as here:
        here.setattr(Path, at, no_file)
        with pytest.raises(OSError, match="Too many open files"):
            look(str(tmp_path / "sign"), "this one", [])
    monkeypatch.setattr("kelly_tui.pipeline.cluster.look", no_file)
    with pytest.raises(StageError, match=r"the worker tls\S+ can't open a file \(Too many open files\)\. End it"):
        three.must_see(tmp_path)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://192.0.2.1:8786", r"tcp:// lets everyone between read and command. Use tls://"),
        ("tcp://:8786", "is no cluster"),
        ("tcp:127.0.0.1:8786", "is no cluster"),
        ("tcp://127.0.0.1", "is no cluster"),
        ("tcp://127.0.0.1:port", "is no cluster"),
        ("tcp://127.0.0.1:99999", "is no cluster"),
        ("tcp://me:secret@127.0.0.1:8786", "is no cluster"),
        ("tcp://127.0.0.1:8786/here", "is no cluster"),
        ("http://localhost:8786", "is no cluster"),
        ("local:0", "is no cluster. One is tcp://HOST:PORT"),
        ("tcp://a..b:80", r"no cluster answers at tcp://a\.\.b:80 \(there is no such host\)"),
        ("tls://localhost:8786", r"wants certificates and Dask's configuration names none. Set distributed.comm.tls"),
    ],
)
def test_an_address_that_will_not_do_is_said_in_one_line(address, words):
    with pytest.raises(StageError, match=words) as caught, cluster(address):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "said"), [
    ("distributed: [}", "Dask can't be started: A dask config file at 'DIR/tls.yaml' is malformed"),
    ("distributed: {comm: {tls: {ca-file: DIR/ca, client: {cert: DIR/tls.yaml, key: DIR/key}}}}",
     "the certificates that Dask's configuration names can't be used (No such file or directory): DIR/ca, DIR/key. "
     "Look at distributed.comm.tls: ca-file, and client.key and client.cert."),
])  # fmt: skip
def test_a_configuration_of_dask_that_will_not_do_is_said_in_one_line(text, said, tmp_path):
    (tmp_path / "tls.yaml").write_text(text.replace("DIR", str(tmp_path)))
    code = "from kelly_tui.pipeline.cluster import cluster\nwith cluster('tls://127.0.0.1:9'): pass"
    env = {**os.environ, "DASK_CONFIG": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert ran.stderr.splitlines()[-1] == f"kelly_tui.errors.StageError: {said.replace('DIR', str(tmp_path))}"


NO_TEXT = "in Dask's configuration is no text. Mend it there, or in the environment: DASK_DISTRIBUTED__COMM__TLS."


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
@pytest.mark.parametrize(("named", "said"), [
    ({"client.key": 5}, f"distributed.comm.tls.client.key {NO_TEXT}"),
    ({"ciphers": 5}, f"distributed.comm.tls.ciphers {NO_TEXT}"),
    ({"ca-file": "DIR/ca", "client.cert": "DIR/ca", "client.key": "DIR/key"},
     "the certificates that Dask's configuration names can't be used (No such file or directory): DIR/ca, DIR/key. "
     "Look at distributed.comm.tls: ca-file, and client.key and client.cert."),
    ({"ca-file": "DIR/locked", "client.cert": "DIR/locked"},
     "the key that Dask's configuration names has a pass phrase, which nobody is asked for: DIR/locked. "
     "Name one without: openssl pkey -in KEY -out PLAIN_KEY makes it."),
    ({"ca-file": "DIR/ca", "client.cert": "DIR/ca", "client.key": "DIR/pipe"},
     "what Dask's configuration names under distributed.comm.tls is no file: DIR/pipe. "
     "Name a file there that holds the certificate, or the key."),
])  # fmt: skip
def test_certificates_that_will_not_do_are_said_before_dask_reads_them(scheme, named, said, tmp_path):
    import dask

    import_module("distributed")  # brings its settings, which `set` would take away with what it adds
    (tmp_path / "locked").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "pipe").symlink_to("fifo")
    here = {f"distributed.comm.tls.{name}": value for name, value in named.items()}
    for key, value in here.items():
        here[key] = value.replace("DIR", str(tmp_path)) if isinstance(value, str) else value
    with (
        dask.config.set(here),
        pytest.raises(StageError) as caught,
        cluster(f"{scheme}://127.0.0.1:9"),
    ):
        pass
    assert str(caught.value) == said.replace("DIR", str(tmp_path))


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_key_is_locked_by_what_it_says_itself(form, tmp_path):
    import dask
    import distributed
    from cryptography.hazmat.primitives import serialization as written

    security = distributed.Security.temporary()
    key = written.load_pem_private_key(security.tls_client_key.encode(), None)
    how = written.Encoding.PEM, getattr(written.PrivateFormat, form)
    (tmp_path / "cert").write_text(security.tls_client_cert)
    tls = {"ca-file": security.tls_ca_file, "client.cert": f"{tmp_path}/cert", "client.key": f"{tmp_path}/key"}
    with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in tls.items()}):
        (tmp_path / "key").write_bytes(b"# ENCRYPTED no more\n" + key.private_bytes(*how, written.NoEncryption()))
        assert certificates(distributed) is not None
        (tmp_path / "key").write_bytes(key.private_bytes(*how, written.BestAvailableEncryption(b"1234")))
        with pytest.raises(StageError, match=f"has a pass phrase, which nobody is asked for: {tmp_path}/key"):
            certificates(distributed)


def test_over_tls_with_the_certificates_of_dasks_configuration(tmp_path):
    import dask
    import distributed

    security = distributed.Security.temporary()
    tls = {
        "distributed.comm.tls.ca-file": security.tls_ca_file,
        "distributed.comm.tls.client.key": security.tls_client_key,
        "distributed.comm.tls.client.cert": security.tls_client_cert,
    }
    with (
        distributed.LocalCluster(1, security=security, protocol="tls://", dashboard_address=":0") as running,
        dask.config.set(tls),
        cluster(running.scheduler_address) as workers,
    ):
        assert running.scheduler_address.startswith("tls://")
        workers.must_see(tmp_path)


def test_where_nobody_listens(monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.PATIENCE", 0.5)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    with (
        pytest.raises(StageError, match=f"no cluster answers at tcp://127.0.0.1:{port}"),
        cluster(f"tcp://127.0.0.1:{port}"),
    ):
        pass


@pytest.fixture
def another(request):
    """A port at which something else than a scheduler listens, that does with who comes as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            come, _ = listening.accept()
            with come:
                request.param(come)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(20)


@pytest.mark.parametrize("another", [
    pytest.param(lambda come: come.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"), id="ssh"),
    pytest.param(lambda come: come.sendall(random.Random(1).randbytes(1000)), id="random"),
    pytest.param(lambda come: come.sendall(b"\x08" + bytes(20)), id="small"),
    pytest.param(lambda come: None, id="closes"),
], indirect=True)  # fmt: skip
def test_what_is_no_scheduler_is_told_by_its_greeting(another):
    with (
        pytest.raises(StageError, match=rf"what listens at tcp://127.0.0.1:{another} is no scheduler") as caught,
        cluster(f"tcp://127.0.0.1:{another}"),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("another", [
    pytest.param(lambda come: come.recv(1), id="waits, as HTTP does"),
    pytest.param(lambda come: (come.sendall(b"\x3a" + bytes(7) + b"slow"), come.recv(1)), id="stops midway"),
], indirect=True)  # fmt: skip
def test_what_says_no_more_is_not_waited_for_longer_than_promised(another, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.cluster.PATIENCE", 0.2)
    with pytest.raises(StageError, match=r"it says nothing"), cluster(f"tcp://127.0.0.1:{another}"):
        pass


@pytest.mark.parametrize(("scheduler", "worker", "who"), [
    ("tcp://127.0.0.1:8786", "tcp://192.0.2.2:4000", "the worker listens at tcp://192.0.2.2:4000"),
    ("tls://192.0.2.1:8786", "tcp://192.0.2.2:4000", "the worker listens at tcp://192.0.2.2:4000"),
    ("tcp://192.0.2.1:8786", "tcp://127.0.0.1:4000", "the scheduler listens at tcp://192.0.2.1:8786"),
    ("tcp://127.0.0.1:8786", "ws://192.0.2.2:4000", "the worker listens at ws://192.0.2.2:4000"),
    ("tcp://127.0.0.1:8786", "tcp://[::1]:4000", None),
    ("tls://192.0.2.1:8786", "tls://192.0.2.2:4000", None),
])  # fmt: skip
def test_who_listens_beyond_this_machine_without_tls_is_refused_whenever_it_comes(scheduler, worker, who):
    class Known:
        scheduler = SimpleNamespace(identity=None)

        def get_executor(self, pure):
            return pure

        def sync(self, *_, **__):
            return {"address": scheduler, "workers": {worker: {"nthreads": 2, "last_seen": 0.0}}}

    workers = ClusterWorkers(Known())
    for look_at in (workers.must_be_private, lambda: workers.size, workers.without_silent):
        with pytest.raises(StageError, match=re.escape(who)) if who else contextlib.nullcontext():
            look_at()


def test_without_what_makes_certificates(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(LibraryMissing, match=r"Install kelly_tui\[cluster\]"), cluster("local:1"):
        pass


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LibraryMissing, match=r"Install kelly_tui\[cluster\]"), cluster("local:1"):
        pass
