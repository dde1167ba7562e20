"""FluidSynth, by way of pyfluidsynth's library handle: one synthesizer, one SoundFont, one float buffer.

pyfluidsynth's own calls go through 16-bit samples and a copy each; these few write into NumPy's memory.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from kelly_tui.errors import LibraryMissing, SoundError
from kelly_tui.paths import ANOTHER_SOUNDFONT, is_soundfont
from kelly_tui.render.events import BEND, CONTROLLER, KEY_PRESSURE, NOTE_OFF, NOTE_ON, PRESSURE, PROGRAM

BLOCK = 64
"""Frames that FluidSynth renders at once: messages take effect between blocks."""

LOWEST_RATE, HIGHEST_RATE = 8_000, 96_000
"""Sample rates that FluidSynth can render at, Hz."""

GAIN = 1.2
"""FluidSynth's output gain, 0..10. A solo piano peaks at -12 dBFS, which leaves room for an orchestra."""

_SETTINGS: dict[str, int | float | str] = {
    "synth.polyphony": 256,
    "synth.cpu-cores": 1,
    "synth.threadsafe-api": 0,  # one thread a synth
    "synth.lock-memory": 0,
    "synth.midi-bank-select": "gs",
    # Explicit, because defaults differ between builds.
    "synth.reverb.active": 1,
    "synth.reverb.room-size": 0.2,
    "synth.reverb.damp": 0.0,
    "synth.reverb.width": 0.5,
    "synth.reverb.level": 0.9,
    "synth.chorus.active": 1,
    "synth.chorus.nr": 3,
    "synth.chorus.level": 2.0,
    "synth.chorus.speed": 0.3,
    "synth.chorus.depth": 8.0,
}

_int, _pointer, _double, _text = ctypes.c_int, ctypes.c_void_p, ctypes.c_double, ctypes.c_char_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "new_fluid_settings": (_pointer, []),
    "delete_fluid_settings": (None, [_pointer]),
    "fluid_settings_setint": (_int, [_pointer, _text, _int]),
    "fluid_settings_setnum": (_int, [_pointer, _text, _double]),
    "fluid_settings_setstr": (_int, [_pointer, _text, _text]),
    "new_fluid_synth": (_pointer, [_pointer]),
    "delete_fluid_synth": (None, [_pointer]),
    "fluid_synth_sfload": (_int, [_pointer, _text, _int]),
    "fluid_synth_system_reset": (_int, [_pointer]),
    "fluid_synth_noteon": (_int, [_pointer, _int, _int, _int]),
    "fluid_synth_noteoff": (_int, [_pointer, _int, _int]),
    "fluid_synth_cc": (_int, [_pointer, _int, _int, _int]),
    "fluid_synth_program_change": (_int, [_pointer, _int, _int]),
    "fluid_synth_pitch_bend": (_int, [_pointer, _int, _int]),
    "fluid_synth_channel_pressure": (_int, [_pointer, _int, _int]),
    "fluid_synth_key_pressure": (_int, [_pointer, _int, _int, _int]),
    "fluid_synth_write_float": (_int, [_pointer, _int, _pointer, _int, _int, _pointer, _int, _int]),
    "fluid_set_log_function": (_pointer, [_int, _pointer, _pointer]),
}
_LOG_LEVELS = 5  # panic, error, warning, info, debug


@cache
def library() -> Any:
    """libfluidsynth with the signatures that are used here, its chatter turned off. Raises `LibraryMissing`."""
    try:
        with redirect_stdout(StringIO()):  # pyfluidsynth prints where it found the library when CI is set
            import fluidsynth
    except ImportError:
        raise LibraryMissing(
            "FluidSynth is not installed, so MIDI can't be heard or rendered",
            hint="Install libfluidsynth3 (apt), fluidsynth-libs (dnf), fluidsynth (pacman) or fluid-synth (brew).",
        ) from None
    lib = ctypes.CDLL(fluidsynth.lib)  # a handle of our own, so that pyfluidsynth's users keep its signatures
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    for level in range(_LOG_LEVELS):
        lib.fluid_set_log_function(level, None, None)
    return lib


class Synth:
    """A synthesizer with one SoundFont. Use from one thread; a context manager, or call `close`.

    The same messages to a new synth give the same samples; one that was reset may differ in the last bits.
    Raises `LibraryMissing`, or `SoundError` when the SoundFont can't be read.
    """

    def __init__(self, soundfont: Path, rate: int, gain: float = GAIN, *, piecemeal: bool = False) -> None:
        """`piecemeal`: instruments are read from the SoundFont when they are first asked for.

        That takes a moment then, so it is not for playing; where one file is rendered, no gigabyte is read for a piano.
        """
        self._settings = self._synth = None
        self._lib = library()
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise SoundError(f"MIDI can't be rendered at {rate} Hz", hint="8000 to 96000 Hz can.")
        self.rate = rate
        self._partial = 0  # frames of the last block of `BLOCK` that were taken
        self._settings = self._lib.new_fluid_settings()
        for name, value in {
            **_SETTINGS,
            "synth.sample-rate": float(rate),
            "synth.gain": gain,
            "synth.dynamic-sample-loading": int(piecemeal),
        }.items():
            self._set(name, value)
        self._synth = self._lib.new_fluid_synth(self._settings)
        if not is_soundfont(soundfont) or self._lib.fluid_synth_sfload(self._synth, os.fsencode(soundfont), 1) < 0:
            self.close()
            raise SoundError("the SoundFont can't be read", path=soundfont, hint=ANOTHER_SOUNDFONT)

    def _set(self, name: str, value: float | str) -> None:
        if isinstance(value, str):
            self._lib.fluid_settings_setstr(self._settings, name.encode(), value.encode())
        elif isinstance(value, int):
            self._lib.fluid_settings_setint(self._settings, name.encode(), value)
        else:
            self._lib.fluid_settings_setnum(self._settings, name.encode(), value)

    def send(self, kind: int, channel: int, first: int, second: int) -> None:
        """A channel message, to take effect with the next block."""
        lib, synth = self._lib, self._synth
        if kind == NOTE_ON:
            lib.fluid_synth_noteon(synth, channel, first, second)
        elif kind == NOTE_OFF:
            lib.fluid_synth_noteoff(synth, channel, first)
        elif kind == CONTROLLER:
            lib.fluid_synth_cc(synth, channel, first, second)
        elif kind == PROGRAM:
            lib.fluid_synth_program_change(synth, channel, first)
        elif kind == BEND:
            lib.fluid_synth_pitch_bend(synth, channel, first | second << 7)
        elif kind == PRESSURE:
            lib.fluid_synth_channel_pressure(synth, channel, first)
        elif kind == KEY_PRESSURE:
            lib.fluid_synth_key_pressure(synth, channel, first, second)

    def render(self, out: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Fill `out`, C-contiguous float32 of shape (frames, 2)."""
        self.render_at(out.ctypes.data, len(out))

    def render_at(self, address: int, frames: int) -> None:
        """Fill memory that holds so many frames, as `render`: asking an array for its address costs as much as 64."""
        self._lib.fluid_synth_write_float(self._synth, frames, address, 0, 2, address, 1, 2)
        self._partial = (self._partial + frames) % BLOCK

    def reset(self) -> None:
        """All sound off, every channel as when switched on, at the start of a block."""
        if self._partial:
            self.render(np.empty((BLOCK - self._partial, 2), np.float32))
        self._lib.fluid_synth_system_reset(self._synth)

    def close(self) -> None:
        if self._synth:
            self._lib.delete_fluid_synth(self._synth)
        if self._settings:
            self._lib.delete_fluid_settings(self._settings)
        self._synth = self._settings = None

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Synth:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
