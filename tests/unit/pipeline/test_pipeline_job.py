"""A stage as the app runs it: started, watched, stopped, and never in the app's own process."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

import kelly_tui
from kelly_tui.cli import parse
from kelly_tui.errors import StageError
from kelly_tui.pipeline.job import POLITE, Job
from kelly_tui.pipeline.parameters import PARAMETERS, parameters_of
from kelly_tui.store.catalogue import Catalogue
from tests import null_sink
from tests.strangers import COUNT, SOURCES, create

until = partial(null_sink.until, patience=200.0)
"""A job lets everything else go first, so that on a busy machine it takes long to begin."""


@pytest.fixture
def imported(music, tmp_path, monkeypatch):
    """A dataset of which no job goes on once a test is over, whatever failed in it."""
    root = create(tmp_path)
    kelly_tui.import_files(root, [music])
    begun, start = [], Job.start
    monkeypatch.setattr(Job, "start", lambda words: begun.append(start(words)) or begun[-1])
    yield root
    for job in begun:
        if job.running:
            job.cancel()
            job.wait()


def pending(process: int) -> set[int]:
    """Signals that wait for a process that is stopped."""
    mask = int(Path(f"/proc/{process}/status").read_text().partition("ShdPnd:")[2].split()[0], 16)
    return {number for number in range(1, 65) if mask & 1 << (number - 1)}


def test_a_job_runs_and_says_how_far_it_is(imported):
    job = Job.start(["extract", str(imported)])
    assert job.stage == "extract"
    assert job.wait() == 1  # one file is silent
    assert not job.running
    job.join()
    assert (job.progress.stage, job.progress.done, job.progress.failed) == ("extract", len(SOURCES), 1)
    assert any("silent" in line for line in job.log)
    assert not any(line.startswith("{") for line in job.log)
    assert job.last_words.startswith(f"extract: {len(SOURCES)} done, 1 failed")  # and not the last of the failures


def test_a_job_that_can_not_be_done_says_why(tmp_path):
    job = Job.start(["extract", str(tmp_path / "nothing")])
    assert job.wait() == job.exit_code == 2
    job.join()
    assert "no dataset" in job.last_words


def test_a_cancelled_job_keeps_what_it_did(imported):
    job = Job.start(["synthesize", str(imported), "--count", "100000", "--workers", "1"])
    until(lambda: job.progress.done >= COUNT)
    job.cancel()
    assert job.wait() == 130
    with Catalogue.open(imported) as catalogue:
        assert catalogue.counts().origins["generated"] > 0


def test_a_killed_job_is_said_to_have_been_killed(imported):
    job = Job.start(["synthesize", str(imported), "--count", "100000"])
    until(lambda: job.progress.total)
    os.kill(job.pid, signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert job.last_words == "synthesize was killed (SIGKILL); what it had done is kept"


def test_a_job_that_does_not_listen_is_told(imported, monkeypatch):
    monkeypatch.setattr("kelly_tui.pipeline.job.PATIENCE", 0.1)
    job = Job.start(["synthesize", str(imported), "--count", "100000"])
    until(lambda: job.progress.total)
    os.kill(job._process.pid, signal.SIGSTOP)
    job.cancel()
    until(lambda: signal.SIGTERM in pending(job.pid))  # both signals wait for it
    job._process.send_signal(signal.SIGCONT)
    assert job.wait() in (130, -signal.SIGTERM)


def test_a_job_pauses_with_all_kept_and_goes_on(imported):
    job = Job.start(["synthesize", str(imported), "--count", "100000", "--workers", "1"])
    with pytest.raises(StageError, match="only just begun"):
        job.pause()
    until(lambda: job.progress.done)
    job.pause()
    until(lambda: job.is_paused)
    done = job.progress.done
    with Catalogue.open(imported) as catalogue:
        assert catalogue.counts().origins["generated"] == done
    job.resume()
    until(lambda: job.progress.done > done)
    job.cancel()
    assert job.wait() == 130


def test_a_job_that_is_stopped_at_once_was_stopped(imported):
    """Python has not begun then: it dies of the signal, can't import, or ignores it and is told to end."""
    job = Job.start(["synthesize", str(imported), "--count", "100000"])
    job.cancel()
    assert job.wait() == job.exit_code == 130
    assert job.last_words == "synthesize was stopped; what it had done is kept"


def test_a_job_stands_back(imported):
    job = Job.start(["synthesize", str(imported), "--count", "100000"])
    assert os.getpriority(os.PRIO_PROCESS, job.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + POLITE)
    assert os.getsid(job.pid) == os.getsid(0), "in a session of its own its niceness would count for nothing"
    assert os.getpgid(job.pid) != os.getpgid(0), "a ctrl+c in the terminal would stop it"
    job.cancel()
    job.wait()


@pytest.mark.parametrize("stage", PARAMETERS)
def test_the_command_line_takes_what_the_table_says(stage):
    """The form's words are a command line; the usual is what is taken where nothing is said."""
    words = [stage, "d", *{"import": ["music"], "export": ["--out", "o"]}.get(stage, [])]
    usual = vars(parse(words))
    for one in parameters_of(stage):
        said = {"flag": "yes", "number": "7"}.get(one.kind, one.choices[-1] if one.choices else "x")
        given = vars(parse([*words, *one.words(said)]))
        name = one.name.replace("-", "_")
        assert str(given[name]) == {"flag": "True"}.get(one.kind, said)
        if one in PARAMETERS[stage] and not one.required:
            assert str(usual[name]) == {"flag": "False"}.get(one.kind, one.usual)
        assert one.words("") == one.words(one.usual) == []
