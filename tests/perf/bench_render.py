"""MIDI to sound beside ``fluidsynth -F`` with the same SoundFont and effects, on the same files; on two cores, and one.

CPU time for as many seconds of sound, since the machine may be shared and tails differ. Files of one's own:
``KELLY_BENCH_MUSIC=~/Music make bench``.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import soundfile

from tests.perf.bench_sound import song

RATE = 44_100
SONGS, TURNS = 4, 3
MOST = 8
"""Files of one's own that are taken."""


def rows(n: int) -> Iterator[tuple[str, float, float, str]]:
    from kelly_tui.render.synth import library

    library()  # not part of any figure
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _one_core(folder, _files(folder))
        yield from _two_cores(folder)


def _files(folder: Path) -> list[Path]:
    """What is rendered: four minutes of four players, sparse and dense."""
    own = sorted(Path(os.environ.get("KELLY_BENCH_MUSIC", "/nowhere")).expanduser().rglob("*.mid"))
    if own:
        return own[:: max(len(own) // MOST, 1)][:MOST]
    for seed in range(SONGS):
        (folder / f"{seed}.mid").write_bytes(song(seed, 400 * (seed + 1)))
    return sorted(folder.glob("*.mid"))


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU that this process and the children that ended took for it."""
    before = time.process_time() + _of_children()
    work()
    return time.process_time() + _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _one_core(folder: Path, files: list[Path]) -> Iterator[tuple[str, float, float, str]]:
    from kelly_tui.paths import soundfont
    from kelly_tui.playback.transport import BLOCK
    from kelly_tui.render.blocks import MidiBlocks
    from kelly_tui.render.events import read_events
    from kelly_tui.render.midi import LONGEST_TAIL, render_file
    from kelly_tui.render.synth import GAIN, Synth

    seconds = sum(read_events(file).duration for file in files)
    have = shutil.which("fluidsynth") is not None
    rendered: dict[str, float] = {}
    """Seconds of sound, tails and all: they differ."""

    def fluidsynth() -> None:
        rendered["theirs"] = 0.0
        for file in files if have else []:
            command = ["fluidsynth", "-ni", "-q", "-g", str(GAIN), "-r", str(RATE), "-R", "1", "-C", "1"]
            command += ["-F", str(folder / "theirs.wav"), str(soundfont()), str(file)]
            subprocess.run(command, check=True, capture_output=True)
            rendered["theirs"] += soundfile.info(folder / "theirs.wav").duration

    def stage() -> None:
        rendered["stage"] = sum(render_file(file, folder / "ours.wav", RATE)["duration_sec"] for file in files)

    with Synth(soundfont(), RATE) as synth:

        def audition() -> None:
            rendered["audition"] = 0.0
            for file in files:
                events = read_events(file)
                blocks = MidiBlocks(events, synth)
                count = round((events.duration + LONGEST_TAIL) * RATE) // BLOCK
                for _ in range(count):
                    blocks.read(BLOCK)
                rendered["audition"] += count * BLOCK / RATE

        turns = [(_cpu(audition), _cpu(stage), _cpu(fluidsynth)) for _ in range(TURNS)]
    kept, new, floor = (statistics.median(column) for column in zip(*turns, strict=True))
    for what, ours, name, goal in (
        (f"audition, synth kept, blocks of {BLOCK}", kept, "audition", 1.3),
        ("stage, a new synth a file", new, "stage", 1.2),
    ):
        theirs = floor * rendered[name] / rendered["theirs"] if have else 0.0
        faster = f"{theirs / ours:.2f} times as fast (goal {goal}); " if have else ""
        note = f"CPU; {len(files)} files, {seconds:.0f} s; {faster}{seconds / ours:.0f} times real time"
        yield f"render: {what}", ours, theirs, note


def _two_cores(folder: Path) -> Iterator[tuple[str, float, float, str]]:
    """The whole stage on a dataset, by one worker and by two: what the busiest worker took."""
    import kelly_tui
    from kelly_tui.model.dataset import DatasetConfig
    from kelly_tui.pipeline.worker import LocalExecutor

    music = folder / "music"
    music.mkdir()
    for seed in range(8 * SONGS):
        (music / f"{seed}.mid").write_bytes(song(100 + seed, 200))
    found: dict[int, tuple[list[float], float]] = {}
    for workers in (1, 2):
        config = DatasetConfig(dataset_id=f"by{workers}", target_model="emotionrecognizer")
        kelly_tui.create_dataset_structure(folder, config)
        kelly_tui.import_files(folder / f"by{workers}", [music], workers=1)
        executor = LocalExecutor(workers)
        begun = time.perf_counter()
        kelly_tui.render_dataset(folder / f"by{workers}", executor=executor, workers=workers)
        found[workers] = _of_workers(), time.perf_counter() - begun
        executor.shutdown()
    (alone, one), (both, two) = found[1], found[2]
    note = (
        f"CPU of the busiest worker; {sum(alone) / max(both):.2f} times as fast (goal 1.8), wall {one / two:.2f} times"
    )
    yield f"render: stage of {8 * SONGS} files, two workers beside one", max(both), sum(alone), note


def _of_workers() -> list[float]:
    """Seconds of CPU of each living child that runs a stage's items."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == os.getpid() and "kelly_tui.pipeline.child" in command:
            found.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return found
