"""Which sound device there is, asked in a process of its own: PortAudio and ALSA talk while they look."""

from __future__ import annotations

import subprocess
import sys

from kelly_tui.errors import KellyError, SoundError
from kelly_tui.text import safe_text

_REFUSED = 3
"""Exit code of the program below when there is a reason to tell."""

_PATIENCE = 15.0
"""Seconds until a sound server that does not answer is given up."""


def describe_device() -> str:
    """The default output in words: ``default, 44100 Hz, stereo``, or ``no sound: no output device`` and what to do."""
    try:
        return _asked("default")[0]
    except KellyError as error:
        return f"no sound: {error}"


def device_names() -> list[str]:
    """All outputs that there are now. Raises `SoundError`. May take seconds."""
    return _asked("names")


def portaudio_version() -> str:
    """As PortAudio tells it. Raises `SoundError`."""
    return _asked("version")[0]


def _asked(what: str) -> list[str]:
    """The lines that this module says as a program. Raises `SoundError` with why there are none."""
    command = [sys.executable, "-m", "kelly_tui.playback.devices", what]
    try:
        found = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise SoundError(f"the sound system did not answer within {_PATIENCE:.0f} s") from None
    lines = found.stdout.decode("utf-8", "replace").splitlines()
    if found.returncode == _REFUSED:
        raise SoundError(lines[0])
    if found.returncode:
        from kelly_tui.playback.output import crash

        raise crash()
    return lines


def _described() -> str:
    from kelly_tui.playback.output import output_device

    device = output_device()
    channels = "stereo" if device["max_output_channels"] >= 2 else "mono"
    return f"{device['name']}, {device['default_samplerate']:.0f} Hz, {channels}"


def main(what: str) -> int:
    """Say the names of all devices, a line each, the version, or the default device; or why not, and `_REFUSED`."""
    from kelly_tui.playback.output import output_devices, portaudio

    try:
        if what == "names":
            lines = [device["name"] for device in output_devices()]
        else:
            lines = [str(portaudio().get_portaudio_version()[1]) if what == "version" else _described()]
    except KellyError as error:
        sys.stdout.write(f"{error}\n")
        return _REFUSED
    sys.stdout.write("".join(f"{safe_text(line)}\n" for line in lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
