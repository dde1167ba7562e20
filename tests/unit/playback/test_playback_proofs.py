"""`make soak` and `make bench` in little: the playhead against what is heard, waits, underruns, memory.

Each is measured beside a bare PortAudio stream, or against what the transport handed out.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kelly_tui.playback import Engine
from kelly_tui.playback.output import LATENCY
from kelly_tui.playback.state import Board
from kelly_tui.playback.transport import Transport
from kelly_tui.settings import Settings
from tests import heard
from tests.null_sink import NullSink
from tests.unit.playback.test_playback_transport import RATE, Ramp


@pytest.fixture
def engine(null_sink: NullSink) -> Iterator[Engine]:
    one = Engine(Settings(volume=1.0))
    one.start()
    yield one
    one.close()


@pytest.fixture
def bare(null_sink: NullSink) -> Iterator[heard.Bare]:
    one = heard.Bare(null_sink)
    yield one
    one.close()


def test_the_playhead_is_at_what_is_heard_after_random_seeks(null_sink, engine, bare, tmp_path):

    def worst() -> float:
        """Blocks: of the medians' difference, and of nine in ten from theirs. A stall moves either stream's clock."""
        floor = bare.playhead(20)
        found = heard.after_seeks(engine, null_sink, tmp_path, 30, lambda: None)
        if len(found.found) <= 20 or not floor.found:
            return np.inf
        far = np.percentile(np.abs(np.array(found.found) - found.middle), 90)
        return max(abs(found.middle - floor.middle), float(far)) / heard.ONE_BLOCK

    assert heard.retaken(worst, lambda blocks: blocks < 1.0) < 1.0


def test_ten_seconds_beside_niced_jobs_lack_only_what_the_machine_lacks(null_sink, engine, bare, tmp_path):
    """Where the machine stalls, a bare stream beside it runs dry too: that stretch does not count.

    The first stretches may teach the engine that the machine is busy: it then asks for a longer latency, and three in a
    row lack nothing.
    """
    path = heard.noise_file(tmp_path / "noise.wav", 20.0)
    stretches = []
    with heard.niced_jobs():
        for number in range(8):
            gone = heard.missing_while_playing(engine, null_sink, bare, path, 2.5)
            if not gone.beside:
                stretches.append(gone.counted)
            if number >= 3 and sum(stretches[-3:]) == 0:
                break
    assert sum(stretches[-3:]) == 0, stretches


def test_what_the_engine_misses_it_counts(null_sink, engine, tmp_path):
    """The process is stopped for a moment: the sink hears gaps, the count says so, and it is not taken for hung."""
    heard.loaded(engine, heard.noise_file(tmp_path / "noise.wav", 20.0))
    engine.play()
    with null_sink.recording() as recording:
        recording.wait(0.5)
        before = engine.state.underruns
        first, stopped = engine.pid, time.monotonic()
        os.kill(first, signal.SIGSTOP)
        recording.wait(0.3)
        os.kill(first, signal.SIGCONT)
        stopped = time.monotonic() - stopped
        recording.wait(0.5)
    assert engine.state.underruns > before
    assert heard.gaps(recording.sound[heard.RATE // 4 :]) >= 1
    assert engine.pid == first or stopped > 0.4  # on a busy machine a moment may be long


def test_versions_and_the_next_sample_are_heard_no_later_than_play(null_sink, engine, bare, tmp_path):
    """Nothing is rendered or opened when it is asked.

    The least of some waits each, since the machine may be busy, against a usual one of the bare stream; without the
    latency that the engine has added, taught by underruns.
    """
    left, right = (heard.noise_file(tmp_path / f"{n}.wav", 10.0, n, channel=n) for n in (0, 1))
    floor = float(np.median([bare.space() for _ in range(7)]))
    for wait in (
        lambda: heard.space(engine, null_sink, left),
        lambda: heard.next_sample(engine, null_sink, [left, right]),
        lambda: heard.switched(engine, null_sink, [left, right]),
    ):

        def late(wait: Callable[[], float] = wait) -> float:
            return wait() - floor - max(engine.state.latency - LATENCY, 0.0)

        assert heard.retaken(late, lambda spent: spent < heard.ONE_BLOCK, 15) < heard.ONE_BLOCK


def test_memory_stays_flat_over_auditions(engine, tmp_path):
    """Three hundred: a file, its picture of events or its tape kept from each would show."""
    paths = [heard.noise_file(tmp_path / f"{n}.wav", 2.0, n) for n in range(8)]
    for number in range(8):
        paths.append(tmp_path / f"{number}.mid")
        paths[-1].write_bytes(chords(number))
    assert heard.growth(engine, paths, 150, 300) < 8 << 20


def chords(program: int) -> bytes:
    import io

    import mido

    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.Message("program_change", program=program)])
    for pitch in range(40, 80):
        track.append(mido.Message("note_on", note=pitch, velocity=80))
        track.append(mido.Message("note_off", note=pitch, time=60))
    file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


class FakeDevice:
    """A device whose clock runs a ten thousandth too fast, with a latency that trembles; time is a number."""

    BLOCK = 512

    def __init__(self, transport: Transport, board: Board) -> None:
        self.now = 1000.0
        self._transport, self._board = transport, board
        self._chance = np.random.default_rng(0)
        self.heard: list[tuple[float, float]] = []
        """When a block is heard, and the value of its first frame: its place in `Ramp`, over a hundred."""

    def call(self) -> None:
        out = np.empty((self.BLOCK, 2), np.float32)
        spans = self._transport.take(out)
        moment = self.now + 0.05 + self._chance.uniform(-0.002, 0.002)
        for span in spans:
            at = moment + span.offset / RATE
            self._board.mark(at, span.position, span.pace, span.frames / RATE)
            self.heard.append((at, float(out[span.offset, 0]) * 100 if span.pace else np.nan))
        self.now += self.BLOCK / RATE / 1.0001


@pytest.mark.slow
def test_two_hours_with_seeks_loops_and_speeds_leave_the_playhead_where_the_sound_is():
    """Two hours of a fake device: at each of ten thousand moments the place shown is the place that is heard then."""
    transport, board = Transport(RATE), Board()
    transport.load(Ramp(7300.0))
    transport.play()
    device, chance = FakeDevice(transport, board), np.random.default_rng(1)
    worst, looks, blocks = 0.0, 0, round(7200 * RATE / FakeDevice.BLOCK)
    for number in range(blocks):
        while transport.fill():
            pass
        if number % 1500 == 700:
            transport.seek(float(chance.uniform(0, 7200)))
        if number % 9000 == 4000:
            transport.set_speed(float(chance.choice([0.5, 0.8, 1.25, 2.0, 1.0])))
        device.call()
        if number % 10 == 9 and len(device.heard) > 12:
            (first, place), (after, _) = device.heard[-9], device.heard[-8]
            moment = first + 0.1 * (after - first)  # early in a block that has been heard by now
            if np.isfinite(place) and moment < device.now:
                shown = board.position(moment)
                worst = max(worst, abs(shown - place - (moment - first) * transport.speed) / transport.speed)
                looks += 1
            del device.heard[:-12]
    assert looks > 10_000
    assert worst < FakeDevice.BLOCK / RATE
