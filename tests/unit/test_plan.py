"""What `make plan` reckons from what a file costs."""

import pytest

from tests.perf.bench_stages import EFFICIENCY, Cost, Unit
from tests.perf.plan import hours, most_cores, table

FOUND = [
    Unit("midi", "import", 0.0, Cost(9.0, 0.001, 0.001), Cost(9.0, 0.001, 0.001), 10e3, None),
    Unit("midi", "extract", 0.0, Cost(9.0, 0.002, 0.014), Cost(9.0, 0.002, 0.014), 40e3, 0.9),
    Unit("audio", "import", 0.0, Cost(9.0, 0.001, 0.009), Cost(9.0, 0.001, 0.009), 3e6, None),
    Unit("audio", "extract", 0.0, Cost(9.0, 0.002, 0.998), Cost(9.0, 0.002, 0.998), 1e6, 0.9),
]


def test_one_core_does_all_of_it_and_many_wait_for_the_one_that_writes():
    assert hours(FOUND, "midi", 1) == pytest.approx(1e6 * 0.018 / 3600)
    assert hours(FOUND, "midi", 200) == pytest.approx(1e6 * 0.003 / 3600)
    assert hours(FOUND, "midi", 4) == pytest.approx(1e6 * (0.001 + 0.016 / 4 / EFFICIENCY) / 3600)
    assert hours(FOUND, "audio", 8) == pytest.approx(150_000 * 1.01 / 8 / EFFICIENCY / 3600)
    assert most_cores(FOUND, "midi") == pytest.approx(8 / EFFICIENCY)


def test_the_table_is_markdown_with_hours_gigabytes_and_money():
    heads, rule, midi, audio, _, driver = table(FOUND, 0.1, 0.5)
    assert heads.count("|") == rule.count("|") == midi.count("|") == audio.count("|") == 7
    assert midi == "| 1,000,000 MIDI files of 1,660 notes | 50 GB, 25.00 | 5.0 h | 0.9 h | 0.8 h | 0.50, 0.75, 16.67 |"
    assert audio.startswith("| 150,000 clips of 30 s, 44.1 kHz mono WAV | 600 GB, 300.00 | 42.1 h | 6.2 h | 0.3 h |")
    assert driver.startswith("One process writes the catalogue, 3.0 ms a MIDI file and 3.0 ms a clip: beyond 9 cores")
