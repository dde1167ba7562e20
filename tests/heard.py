"""What a null sink heard, measured: where in a known noise it is, how soon, and whether anything is missing.

Noise tells its place to the frame: a piece of it is like no other piece. What the sink, its monitor and the recorder
add is the same for everyone: a bare PortAudio stream with the same settings is measured the same way beside Kelly.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import soundfile

import kelly_tui
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.playback import Engine
from tests.null_sink import PATIENCE, RATE, NullSink, Recording, until
from tests.pty_program import PtyProgram

PIECE = 1024
"""Frames by which a place in the noise is found."""

REACH = RATE // 2
"""Frames to either side of where it is expected."""

ONE_BLOCK = 1024 / RATE
"""Seconds: half of what is rendered at once."""


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Mono, float32, half of full scale at most."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)


def noise_file(path: Path, seconds: float, seed: int = 0, channel: int | None = None) -> Path:
    """The same as a sound file, on both channels or on one alone."""
    mono = noise(seconds, seed)
    stereo = np.zeros((len(mono), 2), np.float32)
    stereo[:, slice(None) if channel is None else channel] = mono[:, None] if channel is None else mono
    soundfile.write(path, stereo, RATE, subtype="FLOAT")
    return path


def place_in(whole: np.ndarray, piece: np.ndarray, expected: int) -> int | None:
    """The frame of `whole` at which `piece` begins, near `expected`; None where it is not like it anywhere."""
    low = min(max(expected - REACH, 0), max(len(whole) - 2 * REACH - len(piece), 0))
    region = whole[low : low + 2 * REACH + len(piece)]
    size = 1 << (len(region) + len(piece) - 1).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(region, size) * np.conj(np.fft.rfft(piece, size)), size)
    likeness = likeness[: len(region) - len(piece) + 1]
    best = int(likeness.argmax())
    found = region[best : best + len(piece)]
    scale = float(np.linalg.norm(found) * np.linalg.norm(piece))
    return low + best if scale and likeness[best] / scale > 0.9 else None


Take = TypeVar("Take")


def retaken(take: Callable[[], Take], good: Callable[[Take], bool], times: int = 5) -> Take:
    """The first take that is good, else the last: a busy machine spoils some, a fault spoils all."""
    for _ in range(times - 1):
        if good(found := take()):
            return found
    return take()


def errors(recording: Recording, whole: np.ndarray, shown: list[tuple[float, float]]) -> list[float]:
    """Seconds by which what was heard at a moment was ahead of the place shown then; unclear moments are left out."""
    sound, found = recording.sound[:, 0], []
    for moment, place in shown:
        start = round((moment - recording.begun) * RATE) - PIECE // 2
        piece = sound[start : start + PIECE] if start >= 0 else sound[:0]
        if len(piece) == PIECE:
            at = place_in(whole, piece, round(place * RATE) - PIECE // 2)
            if at is not None:
                found.append((at + PIECE // 2) / RATE - place)
    return found


class Playhead(NamedTuple):
    """How far the sound was ahead of the playhead, seconds."""

    found: list[float]
    asked: int
    """Moments at which it was looked at."""
    unsettled: int = 0
    """Moments that are left out: within half a second of an underrun, when the device knows its own delay no better."""

    @property
    def middle(self) -> float:
        return float(np.median(self.found))

    @property
    def worst(self) -> float:
        """From the median: what the recorder adds is in that."""
        return float(np.abs(np.array(self.found) - self.middle).max())


def after_seeks(engine: Engine, sink: NullSink, folder: Path, seeks: int, rest: Callable[[], None]) -> Playhead:
    """Play noise, seek `seeks` times to random places, and look at the playhead once after each."""
    seconds = 120.0
    path, chance = noise_file(folder / "noise.wav", seconds), random.Random(1)
    whole = noise(seconds)
    loaded(engine, path)
    engine.play()
    until(lambda: engine.state.position > 0.1)
    found: list[float] = []
    for first in range(0, seeks, 50):  # a recording of its own for each fifty: what is kept is small
        shown = []
        with sink.recording() as recording:
            for _ in range(first, min(first + 50, seeks)):
                goal = chance.uniform(0.0, seconds - 5.0)
                engine.seek(goal)
                until(lambda goal=goal: goal + 0.05 < engine.state.position < goal + 4)
                rest()
                shown.append((time.monotonic(), engine.state.position))
            recording.wait(0.2)
            found += errors(recording, whole, shown)
    engine.pause()
    return Playhead(found, seeks)


def while_playing(engine: Engine, sink: NullSink, path: Path, whole: np.ndarray, seconds: float) -> Playhead:
    """Play `path` on and on and look at the playhead ten times a second, in recordings of ten seconds each."""
    loaded(engine, path)
    engine.set_loop((0.0, len(whole) / RATE))
    engine.play()
    until(lambda: engine.state.position > 0.1)
    found: list[float] = []
    looks = unsettled = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        shown, dry = [], []
        with sink.recording() as recording:
            part = min(time.monotonic() + 10.0, end)
            while time.monotonic() < part:
                shown.append((time.monotonic(), engine.state.position))
                before = engine.state.underruns
                recording.wait(0.1)
                if engine.state.underruns != before:
                    dry.append(time.monotonic())
            recording.wait(0.2)
            near_end = len(whole) / RATE - 1.0
            shown = [look for look in shown if 1.0 < look[1] < near_end]
            settled = [look for look in shown if not any(abs(look[0] - moment) < 0.5 for moment in dry)]
            found += errors(recording, whole, settled)
            looks += len(settled)
            unsettled += len(shown) - len(settled)
    engine.pause()
    return Playhead(found, looks, unsettled)


def loaded(engine: Engine, path: Path) -> None:
    engine.load(path)
    until(lambda: engine.state.ready)
    message = engine.state.message
    assert not message, message


# -- how soon ----------------------------------------------------------------------------------------------------------


def first_sound(recording: Recording, since: float, channel: int = 0, still: float = 1e-3) -> float:
    """Seconds from `since` to the first frame above `still`, on that channel; waits for it."""
    start = max(round((since - recording.begun) * RATE), 0)

    def loud() -> np.ndarray:
        return np.flatnonzero(np.abs(recording.sound[start:, channel]) > still)

    until(lambda: len(loud()))
    return recording.begun + (start + int(loud()[0])) / RATE - since


def space(engine: Engine, sink: NullSink, path: Path) -> float:
    """Seconds from play to sound, of a file that is in place."""
    loaded(engine, path)
    with sink.recording() as recording:
        recording.wait(0.15)
        asked = time.monotonic()
        engine.play()
        found = first_sound(recording, asked)
    engine.pause()
    return found


def next_sample(engine: Engine, sink: NullSink, paths: list[Path]) -> float:
    """Seconds from asking for the second file, which was prepared, while the first plays, to its sound.

    The first is on the left channel alone, the second on the right.
    """
    loaded(engine, paths[0])
    engine.prepare(paths[1:])
    engine.play()
    with sink.recording() as recording:
        recording.wait(0.2)
        asked = time.monotonic()
        engine.load(paths[1])
        engine.play()
        found = first_sound(recording, asked, channel=1)
    engine.pause()
    return found


def label_keys(sink: NullSink, folder: Path, keys: int) -> list[float]:
    """Seconds from each label key, typed into the app on a terminal, to the next sample's sound.

    The samples are on the left and on the right by turns. `folder` gets the dataset.
    """
    music = folder / "music"
    music.mkdir()
    for number in range(keys + 1):
        noise_file(music / f"{number:03}.wav", 5.0, number, channel=number % 2)
    kelly_tui.create_dataset_structure(folder, DatasetConfig(dataset_id="keys", target_model="emotionrecognizer"))
    kelly_tui.import_files(folder / "keys", [music], workers=1)
    quiet = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "KELLY_VOLUME": "1", **sink.environment}
    with PtyProgram([sys.executable, "-m", "kelly_tui", str(folder / "keys")], (120, 40), quiet) as app:
        app.wait_for(b"000", 3 * PATIENCE)

        def typed(key: bytes, channel: int) -> float:
            with sink.recording() as recording:
                recording.wait(0.3)
                asked = time.monotonic()
                app.send(key)
                return first_sound(recording, asked, channel)

        with _drawn(app):
            typed(b" ", 0)
            spent = [typed(b"1", number % 2) for number in range(1, keys + 1)]
        app.send(b"\x11")
    return spent


@contextmanager
def _drawn(app: PtyProgram) -> Iterator[None]:
    """Somebody reads what the app draws: it would wait for that."""
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            app.read(0.05)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def switched(engine: Engine, sink: NullSink, paths: list[Path], still: float = 1e-3) -> float:
    """Seconds from the switch to the other version to its sound, the first on the left, the second on the right.

    `still`: what of the first may be on the right.
    """
    loaded(engine, paths[0])
    engine.set_decks(paths)
    until(lambda: engine.state.matched, 6 * PATIENCE)
    engine.seek(2.0)
    engine.play()
    with sink.recording() as recording:
        recording.wait(0.2)
        asked = time.monotonic()
        engine.switch(paths[1])
        found = first_sound(recording, asked, channel=1, still=still)
    engine.pause()
    return found


_BARE = """
import sys, threading, time
import numpy, sounddevice
from kelly_tui.playback.output import LATENCY
from kelly_tui.playback.process import NICENESS, lead_session
from tests.heard import noise

sound, state = numpy.repeat(noise(120.0)[:, None], 2, axis=1), {"at": 0, "on": False, "late": 0, "dry": float("inf")}

def call(out, frames, moments, status):
    at, now = state["at"], time.monotonic()
    state["late"] += bool(status.output_underflow or now > state["dry"])
    state["dry"] = now + moments.outputBufferDacTime - moments.currentTime + frames / 44100
    out[:] = sound[at : at + frames] if state["on"] else 0
    if state["on"]:
        heard = time.monotonic() + moments.outputBufferDacTime - moments.currentTime
        state["mark"] = (heard, at / 44100)
        state["at"] = at + frames

lead_session(NICENESS)
with sounddevice.OutputStream(44100, channels=2, dtype="float32", latency=LATENCY, callback=call):
    print("ready", flush=True)
    for line in sys.stdin:
        if line.startswith("play"):
            state.update(at=0, on=True)
        elif line.startswith("late"):
            print(state["late"], flush=True)
        elif line.startswith("where"):
            heard, place = state["mark"]
            now = time.monotonic()
            print(now, place + now - heard, flush=True)
        else:
            state["on"] = False
"""


class Bare:
    """A stream of PortAudio with nothing but a copy in its callback, in a process of its own: the floor."""

    def __init__(self, sink: NullSink) -> None:
        self._sink = sink
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BARE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env={**os.environ, **sink.environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")

    def space(self) -> float:
        """Seconds from being told to play to the first frame at the sink."""
        with self._sink.recording() as recording:
            recording.wait(0.15)
            asked = time.monotonic()
            self._say("play")
            found = first_sound(recording, asked)
            self._say("stop")
        return found

    def playhead(self, looks: int) -> Playhead:
        """Its own idea of where it is, against what was heard."""
        shown = []
        with self._sink.recording() as recording:
            self._say("play")
            recording.wait(0.3)
            for _ in range(looks):
                self._say("where")
                moment, place = map(float, self._answer().split())
                shown.append((moment, place))
                recording.wait(0.03)
            recording.wait(0.2)
            self._say("stop")
            return Playhead(errors(recording, noise(120.0), shown), looks)

    def late(self) -> int:
        """How often it ran dry so far, playing or silent."""
        self._say("late")
        return int(self._answer())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(5)


# -- whether anything is missing ---------------------------------------------------------------------------------------


def gaps(sound: np.ndarray, longest: int = 4) -> int:
    """Stretches of more than `longest` frames of pure silence within noise."""
    still = np.abs(sound).max(axis=1) == 0.0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], still, [False])).astype(np.int8)))
    return int(((edges[1::2] - edges[::2]) > longest).sum())


@contextmanager
def niced_jobs(number: int = 8) -> Iterator[None]:
    """Processes that would take every core if they were let."""
    jobs = [
        subprocess.Popen([sys.executable, "-c", "import os\nos.nice(19)\nwhile True: sum(range(100000))"])
        for _ in range(number)
    ]
    try:
        yield
    finally:
        for job in jobs:
            job.kill()
            job.wait()


class Missing(NamedTuple):
    """Of a stretch of noise."""

    counted: int
    """Underruns that the engine counted."""
    heard: int
    """Gaps that the sink heard."""
    beside: int
    """Underruns of the bare stream, which was silent beside it: the machine's own."""


def missing_while_playing(engine: Engine, sink: NullSink, bare: Bare, path: Path, seconds: float) -> Missing:
    """What is missing of so many seconds of noise, played on and on, in recordings of ten seconds each."""
    loaded(engine, path)
    engine.set_loop((0.0, engine.state.duration))
    engine.play()
    until(lambda: engine.state.position > 0.5)
    before, beside, heard = engine.state.underruns, bare.late(), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with sink.recording() as recording:
            recording.wait(min(10.0, max(end - time.monotonic(), 0.1)))
            heard += gaps(recording.sound)
    missing = Missing(engine.state.underruns - before, heard, bare.late() - beside)
    engine.pause()
    return missing


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(engine: Engine, paths: list[Path], first: int, more: int) -> int:
    """Bytes by which the sound process grows while `more` files are auditioned, after a `first` number of them."""

    def audition(number: int) -> None:
        for index in range(number):
            engine.prepare([paths[(index + step) % len(paths)] for step in (1, 2, 3)])
            engine.load(paths[index % len(paths)])
            engine.play()
            until(lambda: engine.state.ready)
            if index % 10 == 0:
                engine.set_decks([paths[index % len(paths)], paths[(index + 1) % len(paths)]])
                engine.seek(1.0)
                engine.switch(paths[(index + 1) % len(paths)])

    audition(first)
    until(lambda: engine.state.ready)
    assert engine.pid is not None
    pid, before = engine.pid, resident(engine.pid)
    audition(more)
    until(lambda: engine.state.ready)
    assert engine.pid == pid
    return resident(pid) - before
