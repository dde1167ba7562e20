"""A PulseAudio server with a null sink, ours alone, as the sound device: what it heard is recorded."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

RATE = 44100
PATIENCE = 60.0
"""Seconds that anything is waited for: generous, because a busy machine is no failure."""

STILL = 0.003
"""What stays below this for 5 ms is a hole in the sound."""

_ALSA = """
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition; an `AssertionError` says which never came."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain"
        time.sleep(0.005)


class Recording:
    """What the sink hears, as it comes: float32, stereo, at `RATE`, with the moment of its first frame."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._chunks: list[bytes] = []
        self._size = 0
        self.begun = math.inf
        """`time.monotonic` of its first frame, as told by the chunk that came with the least delay."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 1 << 16):
            self._size += len(chunk)
            self.begun = min(self.begun, time.monotonic() - self._size / (8 * RATE))
            self._chunks.append(chunk)

    @property
    def sound(self) -> np.ndarray:
        data = b"".join(list(self._chunks))
        return np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2)

    @property
    def seconds(self) -> float:
        return self._size / (8 * RATE)

    def wait(self, seconds: float) -> None:
        """Until so many more seconds were recorded."""
        end = self.seconds + seconds
        until(lambda: self.seconds >= end, PATIENCE + seconds)

    def piece(self, seconds: float) -> np.ndarray:
        """So many seconds of sound, the newest without a hole: waited for, as a busy machine starves the device."""
        found = self.sound

        def whole() -> bool:
            nonlocal found
            found = self.sound[-round(seconds * RATE) :]
            return is_whole(found, seconds)

        until(whole)
        return found

    def hears(self, measure: Callable[[np.ndarray], object], wanted: object, seconds: float = 0.25) -> None:
        """Wait until so many of the newest seconds measure as wanted: a hole makes one piece wrong, not the next."""
        found: list[object] = []

        def right() -> bool:
            found.append(measure(self.piece(seconds)))
            return found[-1] == wanted

        with suppress(AssertionError):  # what was found says more
            until(right)
        assert found, "there was no sound"
        assert found[-1] == wanted


def is_whole(sound: np.ndarray, seconds: float) -> bool:
    """Whether that is so many seconds of sound without a hole."""
    frames = RATE // 200
    loud = np.abs(sound[: len(sound) // frames * frames]).max(axis=1).reshape(-1, frames).max(axis=1) > STILL
    return len(sound) == round(seconds * RATE) and bool(loud.all())


class NullSink:
    """A running server; `environment` leads PortAudio there."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "ALSA_CONFIG_PATH": str(folder / "alsa.conf"),
        }
        (folder / "alsa.conf").write_text(_ALSA)
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=no"]
        command += ["--log-target=null", "--disable-shm=yes"]
        command += ["-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._folder}/native"]
        command += ["-L", f"module-null-sink sink_name=kelly rate={RATE} format=float32le channels=2"]
        environment = {**os.environ, **self.environment, "HOME": str(self._folder)}
        self._server = subprocess.Popen(  # a session of its own, as a sound server has: Linux shares cores out by them
            command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(lambda: self._pactl("info"))

    def stop(self) -> None:
        assert self._server is not None
        self._server.terminate()
        self._server.wait(5)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record what the sink hears within the block."""
        command = ["parec", "--raw", "--format=float32le", f"--rate={RATE}", "--channels=2", "--latency-msec=10"]
        process = subprocess.Popen(
            [*command, "-d", "kelly.monitor"], stdout=subprocess.PIPE, env={**os.environ, **self.environment}
        )
        recording = Recording(process)
        try:
            until(lambda: recording.seconds > 0)
            yield recording
        finally:
            process.terminate()
            process.wait(5)

    def _pactl(self, *arguments: str) -> bool:
        found = subprocess.run(
            ["pactl", *arguments], env={**os.environ, **self.environment}, capture_output=True, check=False
        )
        return found.returncode == 0


def missing() -> str:
    """What the null sink lacks to run, or nothing."""
    return next((f"{name} is not installed" for name in ("pulseaudio", "parec", "pactl") if not shutil.which(name)), "")
