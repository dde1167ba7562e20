"""Which sound device there is, asked in a process of its own: PortAudio and ALSA talk while they look."""

from __future__ import annotations

import subprocess
import sys

from kelly_tui.errors import KellyError

_PATIENCE = 15.0
"""Seconds until a sound server that does not answer is given up."""


def describe_device() -> str:
    """The default output in words: ``default, 44100 Hz, stereo``, or ``no sound: no output device``."""
    command = [sys.executable, "-m", "kelly_tui.playback.devices"]
    try:
        found = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"no sound: the sound system did not answer within {_PATIENCE:.0f} s"
    if found.returncode:
        return "no sound: PortAudio crashed while it looked for devices"
    return found.stdout.decode("utf-8", "replace").strip()


def _described() -> str:
    from kelly_tui.playback.output import output_device

    try:
        device = output_device()
    except KellyError as error:
        return f"no sound: {error}"
    channels = "stereo" if device["max_output_channels"] >= 2 else "mono"
    return f"{device['name']}, {device['default_samplerate']:.0f} Hz, {channels}"


if __name__ == "__main__":
    sys.stdout.write(_described())
