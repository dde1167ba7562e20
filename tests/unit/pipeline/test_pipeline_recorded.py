"""Every run of a stage is on record, and one stage at a time works on a dataset."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.errors import DatasetError, StageError
from kelly_tui.pipeline.stage import Interrupted
from kelly_tui.store import runs
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import Layout
from tests.strangers import create


@pytest.fixture
def imported(music, tmp_path) -> Path:
    root = create(tmp_path)
    kelly_tui.import_files(root, [music / "happy", music / "sad"])
    return root


def last(root: Path, stage: str) -> runs.Record:
    with Catalogue.open(root) as catalogue:
        return runs.latest(catalogue.db)[stage]


@pytest.fixture
def start(request):
    """Starts ``kelly`` in a process that ends with the test at the latest."""

    def started(*words: object) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "kelly_tui", *map(str, words), "--progress", "json"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

        def end() -> None:
            process.kill()
            process.wait()
            process.stderr.close()

        request.addfinalizer(end)
        return process

    return started


def wait_for_progress(process: subprocess.Popen) -> None:
    for line in process.stderr:
        if '"done": ' in line and '"done": 0,' not in line:
            return
    pytest.fail("it never got anywhere")


def test_a_run_is_on_record_with_what_it_did_and_was_asked(imported):
    record = last(imported, "import")
    assert (record.how, record.done, record.failed) == ("done", 6, 3)
    assert record.ended >= record.began
    kelly_tui.augment_dataset(imported, 2)
    record = last(imported, "augment")
    assert (record.how, record.done, record.details["asked"]) == (
        "done",
        12,
        {"multiplier": 2, "generated": False, "balance": False},
    )
    kelly_tui.augment_dataset(imported, 2)
    assert (last(imported, "augment").done, last(imported, "augment").skipped) == (0, 12)


def test_a_dry_run_is_not_on_record(imported):
    kelly_tui.extract_features(imported, dry_run=True)
    with Catalogue.open(imported) as catalogue:
        assert set(runs.latest(catalogue.db)) == {"import"}


def test_the_whole_pipeline_is_on_record_stage_by_stage(run_once):
    with Catalogue.open(run_once[0]) as catalogue:
        found = runs.latest(catalogue.db)
    stages = {"import", "annotate", "extract", "split", "augment", "synthesize"}
    assert {stage: found[stage].how for stage in stages} == dict.fromkeys(stages, "done")


def test_a_stopped_run_says_how_far_it_came(imported):
    cancel = threading.Event()
    with pytest.raises(Interrupted):
        kelly_tui.synthesize_dataset(imported, 4000, cancel=cancel, progress=lambda now: now.done and cancel.set())
    record = last(imported, "synthesize")
    assert record.how == "stopped"
    assert f"stopped at {record.done:,} of 4,000" in record.words
    assert record.details["total"] == 4000


def test_a_run_that_could_not_be_carried_out_says_why(music, tmp_path):
    root = create(tmp_path, max_total_size_gb=1e-6)
    with pytest.raises(StageError):
        kelly_tui.import_files(root, [music])
    record = last(root, "import")
    assert record.how == "could not"
    assert "max_total_size_gb" in record.words


def test_a_killed_run_died_and_the_next_says_so_and_clears_up(imported, start):
    process = start("synthesize", imported, "--count", 3_000)
    wait_for_progress(process)
    process.kill()
    process.wait()
    assert last(imported, "synthesize").how == "running"  # so it says; but nothing holds the lock
    assert runs.at_work(Layout(imported)) is None
    left = imported / ".kelly/partial/.0123456789ab"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half a file")
    heard = []
    kelly_tui.annotate_dataset(imported, notice=heard.append)
    assert last(imported, "synthesize").how == "died"
    assert any("synthesize" in line and "died" in line for line in heard)
    assert not left.exists()
    heard.clear()
    kelly_tui.annotate_dataset(imported, notice=heard.append)
    assert heard == []


def test_one_stage_at_a_time_and_the_second_says_who_has_it(imported, start, capsys):
    first = start("synthesize", imported, "--count", 3_000)
    wait_for_progress(first)
    at = runs.at_work(Layout(imported))
    assert (at.stage, at.pid) == ("synthesize", first.pid)
    assert at.progress["total"] == 3_000
    with Catalogue.open(imported) as catalogue:
        before = catalogue.db.execute("SELECT count(*) FROM runs").fetchone()
    assert kelly_tui_main("extract", imported) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert f"synthesize is running on this dataset already (process {first.pid}, since " in said[0]
    with Catalogue.open(imported) as catalogue:
        assert catalogue.db.execute("SELECT count(*) FROM runs").fetchone() == before
    first.send_signal(signal.SIGINT)
    first.stderr.read()
    first.wait()
    kelly_tui.split_dataset(imported)
    assert last(imported, "split").how == "done"


def kelly_tui_main(*words: object) -> int:
    from kelly_tui.cli import main

    return main([*map(str, words), "--quiet"])


def test_no_other_stage_comes_between_those_of_one_run(music, tmp_path):
    root = create(tmp_path)
    refused = []

    def barge_in(_: object) -> None:
        with pytest.raises(DatasetError) as error:
            kelly_tui.split_dataset(root)
        refused.append(str(error.value))

    kelly_tui.run_pipeline(root, music / "sad", 1, 2, after=barge_in)
    assert len(refused) == 8
    assert all("running on this dataset already" in words for words in refused)


def test_who_only_looks_keeps_nobody_from_starting(imported):
    """The lock is tried more than once, since a look at it holds it for a moment."""
    layout, stop = Layout(imported), threading.Event()

    def look() -> None:
        while not stop.is_set():
            runs.at_work(layout)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(200):
            runs.Turn(layout).close()
    finally:
        stop.set()
        looker.join()


def test_a_catalogue_of_before_the_record_gets_one(imported):
    with Catalogue.open(imported) as catalogue, catalogue.writing() as db:
        db.execute("DROP TABLE runs")
        db.execute("PRAGMA user_version = 2")
    with Catalogue.open(imported) as catalogue:
        assert runs.latest(catalogue.db) == {}
        assert catalogue.counts().origins["imported"] > 0
    kelly_tui.split_dataset(imported)
    assert last(imported, "split").how == "done"
    assert (imported / ".kelly/backups/catalogue-v2.sqlite").exists()
