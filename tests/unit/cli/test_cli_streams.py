"""What can't be written to standard output ends no work, and is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kelly_tui.store.catalogue import Catalogue

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_label_is_saved_and_that_its_answer_could_not_be_written_is_one_line(labelled, options, unbuffered):
    with Catalogue.open(labelled) as catalogue:
        first = next(catalogue.samples()).sample_id
    words = ["label", str(labelled), first, "notes=heard", *options]
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kelly_tui", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    line = "kelly: standard output can't be written (No space left on device); what was asked is done\n"
    assert done.stderr.endswith(line)
    assert "Traceback" not in done.stderr
    with Catalogue.open(labelled) as catalogue:
        sample = catalogue.get(first)
    assert sample is not None
    assert sample.value("notes") == "heard"


def test_where_standard_error_is_full_too_the_code_tells(labelled):
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "kelly_tui", "show", str(labelled), "none such"],
            stdout=full,
            stderr=full,
            check=False,
        )
    assert done.returncode == 2


def test_no_progress_that_can_not_be_shown_ends_a_stage(labelled):
    with FULL.open("w") as full:
        words = [sys.executable, "-m", "kelly_tui", "split", str(labelled), "--progress", "json"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("split: ")) == (0, True)
