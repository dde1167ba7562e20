"""The transport without a device: every frame that is handed out is the one that its place in the music says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kelly_tui.playback.transport import AHEAD, BLOCK, Transport
from kelly_tui.render.lens import Lens

RATE = 8000
FADE = 256
"""Frames after a cut of which nothing is asked but that they do not click."""


class Ramp:
    """Ten seconds in which every frame's value is its own time, over a hundred."""

    def __init__(self, duration: float = 10.0, rate: int = RATE) -> None:
        self.duration = duration
        self.rate = rate
        self.closed = False
        self.seek(0.0)

    @property
    def position(self) -> float:
        return self._origin + self._frame * self._speed / self.rate

    def seek(self, seconds: float, speed: float = 1.0) -> None:
        self._origin, self._speed, self._frame = seconds, speed, 0

    def read(self, frames: int) -> np.ndarray:
        left = int(np.ceil((self.duration - self.position) / self._speed * self.rate - 1e-6))
        frames = max(min(frames, left), 0)
        times = self.position + np.arange(frames) * self._speed / self.rate
        self._frame += frames
        return np.repeat(times[:, None] / 100, 2, axis=1).astype(np.float32)

    def close(self) -> None:
        self.closed = True


def playing(duration: float = 10.0) -> Transport:
    transport = Transport(RATE)
    transport.load(Ramp(duration))
    transport.play()
    return transport


def run(transport: Transport, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Hand out `frames`: what was heard, and where in the music each frame is said to be (NaN in silence)."""
    heard, said = [], []
    while frames > 0:
        while transport.fill():
            pass
        out = np.empty((min(frames, 300), 2), np.float32)
        places = np.full(len(out), np.nan)
        for span in transport.take(out):
            if span.pace:
                places[span.offset : span.offset + span.frames] = (
                    span.position + np.arange(span.frames) * span.pace / RATE
                )
        heard.append(out)
        said.append(places)
        frames -= len(out)
    return np.concatenate(heard), np.concatenate(said)


def test_what_is_said_is_what_is_heard():
    heard, said = run(playing(), 3 * RATE)
    np.testing.assert_allclose(heard[FADE:, 0] * 100, said[FADE:], atol=1e-4)
    np.testing.assert_allclose(said, np.arange(3 * RATE) / RATE, atol=1e-9)


def test_nothing_is_heard_before_play_and_after_pause():
    transport = Transport(RATE)
    transport.load(Ramp())
    transport.seek(5.0)
    assert not run(transport, RATE)[0].any()
    transport.play()
    run(transport, RATE)
    transport.pause()
    after, _ = run(transport, RATE)
    assert not after[FADE:].any()
    assert transport.cursor == pytest.approx(6.0)


def test_pause_and_play_go_on_at_the_same_place():
    transport = playing()
    run(transport, RATE)
    transport.pause()
    run(transport, RATE)
    transport.play()
    assert run(transport, 10)[1][0] == pytest.approx(1.0)


def test_seek_is_heard_with_the_next_frame():
    transport = playing()
    run(transport, RATE)
    transport.seek(7.0)
    heard, said = run(transport, RATE)
    assert said[0] == 7.0
    np.testing.assert_allclose(heard[FADE:, 0] * 100, said[FADE:], atol=1e-4)


@pytest.mark.parametrize(("asked", "found"), [(-3.0, 0.0), (99.0, 10.0)])
def test_seek_beyond_an_end_goes_to_that_end(asked, found):
    transport = playing()
    transport.seek(asked)
    assert transport.cursor == pytest.approx(found)


def test_end_stops_and_play_begins_again():
    transport = playing(1.0)
    heard, said = run(transport, 2 * RATE)
    assert not transport.playing
    assert np.isfinite(said).sum() == RATE
    assert not heard[RATE:].any()
    assert transport.cursor == pytest.approx(1.0)
    assert transport.starved == 0
    transport.play()
    assert run(transport, 10)[1][0] == 0.0


def test_stop_goes_to_the_start():
    transport = playing()
    run(transport, RATE)
    transport.stop()
    assert not transport.playing
    assert transport.cursor == 0.0


@pytest.mark.parametrize("speed", [0.5, 0.8, 2.0])
def test_speed_moves_through_the_music_faster_from_the_same_place(speed):
    transport = playing()
    run(transport, RATE)
    transport.set_speed(speed)
    _, said = run(transport, RATE)
    assert said[0] == pytest.approx(1.0)
    assert said[-1] == pytest.approx(1.0 + speed, abs=1e-3)


def test_speed_is_kept_within_bounds_and_for_the_next_file():
    transport = playing()
    transport.set_speed(9.0)
    assert transport.speed == 2.0
    transport.load(Ramp())
    transport.play()
    _, said = run(transport, RATE)
    assert said[-1] == pytest.approx(2.0, abs=1e-3)


def test_loop_repeats_its_region_to_the_frame():
    transport = playing()
    transport.seek(2.9)
    transport.set_loop((2.0, 3.0))
    _, said = run(transport, 2 * RATE)
    expected = 2.0 + (0.9 + np.arange(2 * RATE) / RATE) % 1.0
    assert np.abs(said - expected)[np.abs(said - 2.0) > 1e-6].max() < 1e-3
    assert transport.playing


def test_loop_that_ends_after_the_music_goes_round():
    transport = playing(1.0)
    transport.set_loop((0.0, 5.0))
    _, said = run(transport, 3 * RATE)
    assert transport.playing
    assert np.nanmax(said) < 1.0


def test_loop_that_is_taken_back_plays_on():
    transport = playing()
    transport.set_loop((0.0, 1.0))
    run(transport, RATE // 2)
    transport.set_loop(None)
    assert run(transport, RATE)[1][-1] == pytest.approx(1.5, abs=1e-3)


def test_nothing_clicks():
    """No two neighbouring frames differ by more than a fade's step, whatever is done."""
    transport = Transport(RATE)
    transport.load(Constant())
    heard = []
    actions = [
        transport.play,
        lambda: transport.seek(5.0),
        lambda: transport.set_speed(1.5),
        transport.pause,
        transport.play,
        transport.stop,
        transport.play,
        lambda: transport.load(Constant()),
    ]
    for action in actions:
        action()
        heard.append(run(transport, 1000)[0])
    steps = np.abs(np.diff(np.concatenate(heard)[:, 0]))
    assert steps.max() < 2 / (0.008 * RATE)


class Constant(Ramp):
    def read(self, frames: int) -> np.ndarray:
        return np.ones_like(super().read(frames))


class Flat(Constant):
    def see_through(self, lens: Lens) -> None:
        """It has no notes."""


def test_volume_and_level():
    transport = Transport(RATE)
    transport.load(Constant())
    transport.volume = 0.25
    transport.play()
    heard, _ = run(transport, RATE)
    assert heard[-1].tolist() == [0.25, 0.25]
    assert transport.level == pytest.approx(0.25)
    transport.pause()
    run(transport, 600)
    assert transport.level == 0.0


def test_nothing_ready_is_counted_and_silent():
    transport = playing()
    run(transport, 300)
    out = np.empty((int(AHEAD * RATE) + 3000, 2), np.float32)
    transport.take(out)
    assert transport.starved == 1
    assert not out[-1].any()
    assert transport.playing


def test_no_more_is_rendered_ahead_than_needed():
    transport = playing()
    while transport.fill():
        pass
    assert sum(len(block.samples) for block in transport._queue) <= AHEAD * RATE + BLOCK


def test_without_a_source_every_command_is_harmless():
    transport = Transport(RATE)
    for command in (
        transport.play,
        transport.pause,
        transport.stop,
        lambda: transport.seek(3),
        lambda: transport.load(None),
    ):
        command()
    transport.set_loop((1, 2))
    transport.set_speed(1.5)
    assert not transport.playing
    assert not run(transport, 1000)[0].any()


class Tilted(Ramp):
    """The same as `Ramp` at another tempo and level: every frame is its place in the other's time, negative."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        super().__init__(10.0 * ratio)

    def read(self, frames: int) -> np.ndarray:
        return -super().read(frames) / np.float32(self.ratio)

    def see_through(self, lens: Lens) -> None:
        self.lens = lens


@pytest.mark.parametrize("ratio", [1.0, 0.9, 1.25])
def test_another_version_goes_on_at_the_same_musical_place_with_the_next_frame(ratio):
    transport = playing()
    transport.seek(4.0)
    run(transport, RATE)
    transport.switch(Tilted(ratio), ratio, 1.0)
    heard, said = run(transport, RATE)
    assert said[0] == pytest.approx(5.0 * ratio, abs=1e-6)
    np.testing.assert_allclose(heard[FADE:, 0] * -100, said[FADE:] / ratio, atol=1e-3)
    assert transport.playing


def test_versions_are_crossfaded_over_eight_milliseconds_and_never_beyond_either():
    """One version at 1, the other at -1: what is heard goes from one to the other, at no moment steeper than a fade."""

    class Minus(Constant):
        def read(self, frames: int) -> np.ndarray:
            return -super().read(frames)

        def see_through(self, lens: Lens) -> None:
            """It has no notes."""

    transport = Transport(RATE)
    transport.load(Constant())
    transport.play()
    run(transport, 1000)
    transport.switch(Minus(), 1.0, 1.0)
    heard = run(transport, 1000)[0][:, 0]
    fade = round(0.008 * RATE)
    assert heard[fade] == -1.0
    assert np.abs(np.diff(heard)).max() < 2 * 1.6 / fade
    assert (np.diff(heard) <= 0).all()


def test_small_blocks_cut_no_fade_short():
    transport = Transport(RATE)
    transport.load(Constant())
    transport.play()
    heard = []
    for number in range(100):
        transport.fill()
        if number == 50:
            transport.pause()
        out = np.empty((7, 2), np.float32)
        transport.take(out)
        heard.append(out)
    assert np.abs(np.diff(np.concatenate(heard)[:, 0])).max() < 2 / (0.008 * RATE)


def test_a_version_has_its_gain_from_its_first_frame_and_a_later_one_comes_softly():
    transport = playing()
    run(transport, RATE)
    transport.switch(Flat(), 1.0, 0.5)
    assert run(transport, 3000)[0][-1, 0] == 0.5
    transport.gain = 0.25
    heard = run(transport, RATE)[0][:, 0]
    assert heard[-1] == 0.25
    assert np.abs(np.diff(heard)).max() < 0.001
    transport.load(Flat())
    transport.play()
    assert run(transport, 3000)[0][-1, 0] == 1.0


def test_a_version_keeps_loop_lens_and_silence():
    transport = playing()
    transport.set_loop((2.0, 3.0))
    transport.lens = Lens(semitones=3, beats=(0.0, 0.5))
    transport.pause()
    other = Tilted(2.0)
    transport.switch(other, 2.0, 1.0)
    assert transport.loop == (4.0, 6.0)
    assert other.lens == Lens(semitones=3, beats=(0.0, 1.0))
    assert not run(transport, RATE)[0][FADE:].any()


def test_at_another_rate_it_is_silent_until_its_source_comes_back_at_the_same_place():
    transport = playing()
    run(transport, RATE)
    transport.set_rate(2 * RATE)
    assert not run(transport, RATE)[0].any()
    assert transport.playing
    assert transport.starved == 0
    source = Ramp(rate=2 * RATE)
    source.see_through = lambda lens: None
    transport.switch(source, 1.0, 1.0)
    heard, _ = run(transport, 2000)
    assert heard[-1, 0] * 100 == pytest.approx(1.0 + 1999 / (2 * RATE), abs=1e-4)


class Anything(RuleBasedStateMachine):
    """Any order of commands: what is heard is what is said, away from fades, and the queue's count is right."""

    def __init__(self) -> None:
        super().__init__()
        self.transport = Transport(RATE)
        self.transport.load(Ramp())

    @rule(seconds=st.floats(-1, 11))
    def seek(self, seconds):
        self.transport.seek(seconds)

    @rule()
    def play(self):
        self.transport.play()

    @rule()
    def pause(self):
        self.transport.pause()

    @rule(speed=st.sampled_from([0.5, 1.0, 1.3, 2.0]))
    def set_speed(self, speed):
        self.transport.set_speed(speed)

    @rule(start=st.floats(0, 9), length=st.floats(0.01, 3))
    def loop(self, start, length):
        self.transport.set_loop((start, start + length))

    @rule()
    def unloop(self):
        self.transport.set_loop(None)

    @precondition(lambda self: self.transport.playing)
    @rule()
    def hear(self):
        run(self.transport, 600)  # past the fades
        heard, said = run(self.transport, 500)
        sounding = np.isfinite(said)
        np.testing.assert_allclose(heard[sounding, 0] * 100, said[sounding], atol=1e-3)
        assert not heard[~sounding].any()

    @invariant()
    def counts_are_right(self):
        queue = self.transport._queue
        assert self.transport._queued == sum(len(block.samples) for block in queue) - self.transport._offset
        assert 0 <= self.transport.cursor <= 10.0 + 1e-3


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=40, stateful_step_count=20)
