"""The sound device, through PortAudio. Only the sound process and `devices` import sounddevice."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from kelly_tui.errors import LibraryMissing, SoundError
from kelly_tui.playback.source import Samples
from kelly_tui.playback.transport import Span
from kelly_tui.render.synth import HIGHEST_RATE, LOWEST_RATE

LATENCY = 0.04
"""Seconds of latency that are asked of the device at first: space is heard at once."""

STALLED = 2.0
"""Latencies without a call after which a running device has lost its way: PortAudio takes a second and a half to find
out that ALSA's bridge to PulseAudio waits after an underrun."""

SLOW_START = 3.0
"""Seconds that a device may take to go on after its first buffer: what it holds is not lost, as after an underrun.
PulseAudio's null sink does not begin with a stream before the two seconds of silence are over that it has begun."""

_BELIEVABLE = 2.0
"""A latency above this, seconds, is a driver's mistake."""


def portaudio() -> Any:
    """sounddevice, which starts PortAudio when it is imported. Raises `LibraryMissing`, `SoundError`."""
    try:
        import sounddevice
    except (ImportError, OSError):
        raise LibraryMissing(
            "PortAudio is not installed",
            hint="Install libportaudio2 (apt), portaudio (dnf, pacman, brew).",
        ) from None
    except Exception as error:  # its PortAudioError can't be named before the import has succeeded
        raise SoundError(_reason(error)) from None
    return sounddevice


def crash() -> SoundError:
    """What is said where PortAudio ends the process that starts it."""
    return SoundError(
        "PortAudio crashes when it looks for devices",
        hint="ALSA may have no configuration: install libasound2-data (apt) or alsa-lib, or mend ALSA_CONFIG_PATH.",
    )


def output_device(name: str = "") -> dict[str, Any]:
    """PortAudio's output of that name, or its default, by sounddevice's keys. Raises `SoundError`, `LibraryMissing`."""
    sounddevice = portaudio()
    if name:
        for device in output_devices():
            if device["name"] == name:
                return device
        raise SoundError(f"there is no device {name}", hint=":device lists those that there are.")
    try:
        found: dict[str, Any] = sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError):
        raise SoundError("no output device", hint="Start PulseAudio or PipeWire, or plug one in.") from None
    return found


def output_devices() -> list[dict[str, Any]]:
    """All that sound can be sent to, as they were when PortAudio last looked. Raises `SoundError`, `LibraryMissing`."""
    return [device for device in portaudio().query_devices() if device["max_output_channels"]]


class Output:
    """An open output stream of the device of that name, or of the default one, which calls `take` for each block.

    `marked(moment, position, pace, seconds)` is called for each span that was handed out, with the moment
    (`time.monotonic`) at which it is heard. Both run in the device's thread. Raises `SoundError`, `LibraryMissing`.
    """

    def __init__(self, name: str = "", latency: float = LATENCY) -> None:
        self._sounddevice = portaudio()
        device = output_device(name)
        self.name = str(device["name"])
        self.rate = round(min(max(device["default_samplerate"], LOWEST_RATE), HIGHEST_RATE))
        self.underruns = 0
        self._patience = STALLED * latency
        self._resting = True
        self._last_called = self._begun = 0.0
        self._goes_on = False  # whether it has called again since its first buffer was full
        self._dry_at = math.inf  # when what was handed out has all been heard; never for silence
        self._take: Callable[[Samples], list[Span]] | None = None
        self._marked: Callable[[float, float, float, float], None] | None = None
        try:
            self._stream = self._sounddevice.OutputStream(
                device=device["index"],
                samplerate=self.rate,
                channels=2,
                dtype="float32",
                latency=latency,
                callback=self._called,
            )
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise SoundError(
                f"{self.name} can't be opened ({_reason(error)})",
                hint="Is it plugged in, and its sound server running? :device lists those that there are.",
            ) from None
        self.latency = float(self._stream.latency)

    def start(
        self, take: Callable[[Samples], list[Span]], marked: Callable[[float, float, float, float], None]
    ) -> None:
        """Let the device run, if it does not yet."""
        self._take, self._marked = take, marked
        if not self._stream.active:
            self._run()

    @property
    def active(self) -> bool:
        return bool(self._stream.active)

    @property
    def gone(self) -> bool:
        """Whether it ended by itself: where its server is gone, to start it again may never return."""
        return not self._resting and not self.active

    def unstall(self) -> None:
        """Start the device again where it has stopped calling."""
        if time.monotonic() - self._last_called > (self._patience if self._goes_on else SLOW_START):
            self.underruns += self._goes_on
            self._stream.abort(ignore_errors=True)
            self._run()

    def _run(self) -> None:
        try:
            self._stream.stop(ignore_errors=True)  # PortAudio wants this where a stream ended by itself
            self._last_called = self._begun = time.monotonic()
            self._dry_at, self._goes_on = math.inf, False
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise SoundError(_reason(error)) from None
        self._resting = False

    def rest(self) -> None:
        """Let the device sleep until `start`."""
        self._resting = True
        self._stream.abort(ignore_errors=True)

    def close(self) -> None:
        """Give the device up."""
        self._stream.close(ignore_errors=True)

    def _called(self, out: Samples, frames: int, moments: Any, status: Any) -> None:
        assert self._take is not None
        assert self._marked is not None
        spans = self._take(out)
        delay = moments.outputBufferDacTime - moments.currentTime
        if not 0 < delay < _BELIEVABLE:
            delay = self._stream.latency
        now = self._last_called = time.monotonic()
        # ALSA's bridge to PulseAudio says nothing of most underruns: who is called too late has caused one.
        if self._goes_on and math.isfinite(self._dry_at) and (status.output_underflow or now > self._dry_at):
            self.underruns += 1
        self._goes_on = self._goes_on or now - self._begun > self._patience
        heard = now + delay
        sounds = bool(spans) and spans[-1].pace > 0
        self._dry_at = heard + frames / self.rate if sounds else math.inf
        self.latency = delay
        for span in spans:
            self._marked(heard + span.offset / self.rate, span.position, span.pace, span.frames / self.rate)


def forget_devices() -> None:
    """PortAudio lists devices once, when it starts: have it start again. Raises `LibraryMissing`, `SoundError`."""
    sounddevice = portaudio()
    try:
        sounddevice._terminate()  # sounddevice has no public way
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise SoundError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """PortAudio's words without its code: "Device unavailable"."""
    return str(error).split(" [PaErrorCode", maxsplit=1)[0].removeprefix("Error opening OutputStream: ")
