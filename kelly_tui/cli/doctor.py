"""``kelly doctor``: what is installed, found and missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kelly_tui.errors import KellyError, SoundError
from kelly_tui.text import count

if TYPE_CHECKING:
    from kelly_tui.cli.commands import Line

LITTLE_ROOM = 2e9
"""Bytes of free disk under which it is said."""


class Check(NamedTuple):
    """One thing that was looked at."""

    what: str
    good: bool
    words: str
    needed: bool = False
    """Whether nothing works without it; else something does not."""


_MARKS = {True: "✓", False: "!"}
_PLAIN_MARKS = {True: "+", False: "!"}
"""Where the locale has no check mark."""


def doctor(line: Line) -> int:
    """Look at everything and say it; 1 if something is missing that nothing works without."""
    checks = [check for examine in _EXAMINATIONS for check in examine(line)]
    width = max(len(check.what) for check in checks)
    marks = _MARKS if _is_utf8() else _PLAIN_MARKS
    for check in checks:
        line.voice.say(f"{marks[check.good]} {check.what:<{width}}  {check.words}")
    missing = [check for check in checks if not check.good]
    line.voice.say()
    line.voice.say("look at what is marked !" if missing else "all is well")
    line.voice.give({"checks": [check._asdict() for check in checks], "good": not missing})
    return int(any(check.needed for check in missing))


def _python(_: Line) -> Iterator[Check]:
    found = platform.python_version()
    yield Check("Python", sys.version_info >= (3, 11), f"{found} at {sys.executable}", needed=True)
    yield Check("SQLite", sqlite3.sqlite_version_info >= (3, 37), sqlite3.sqlite_version, needed=True)


def _packages(_: Line) -> Iterator[Check]:
    for name in _required():
        try:
            yield Check(name, True, version(name), needed=True)
        except PackageNotFoundError:
            yield Check(name, False, f"not installed: pip install {name}", needed=True)


def _required() -> list[str]:
    """The packages that this one asks for, extras left out."""
    try:
        wanted = requires("kelly-tui") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []
    names = [line.split(";")[0] for line in wanted if "extra ==" not in line]
    return ["".join(letter for letter in name.split("[")[0] if letter.isalnum() or letter in "-_") for name in
            (line.replace("<", " ").replace(">", " ").replace("=", " ").split()[0] for line in names)]  # fmt: skip


def _libraries(_: Line) -> Iterator[Check]:
    from kelly_tui.playback.devices import portaudio_version

    def fluidsynth() -> str:
        from kelly_tui.render.synth import library

        library()
        return "found"

    def sndfile() -> str:
        from kelly_tui.music.soundform import libsndfile

        return str(libsndfile().__libsndfile_version__)

    yield _tried("PortAudio (plays sound)", portaudio_version)
    yield _tried("FluidSynth (plays MIDI)", fluidsynth)
    yield _tried("libsndfile (reads audio)", sndfile)


def _sound(line: Line) -> Iterator[Check]:
    from kelly_tui.playback.devices import describe_device

    def soundfont() -> str:
        from kelly_tui.paths import ANOTHER_SOUNDFONT, is_soundfont
        from kelly_tui.paths import soundfont as chosen

        path = chosen(line.settings.soundfont)
        if not is_soundfont(path):
            raise SoundError("the file is no SoundFont", path=path, hint=ANOTHER_SOUNDFONT)
        return f"{path} ({path.stat().st_size / 1e6:.0f} MB)"

    yield _tried("SoundFont", soundfont)
    device = describe_device()
    silent = device.startswith("no sound")
    without = "; all but hearing works without"
    yield Check("sound device", not silent, device.removesuffix(".") + (without if silent else ""))


def _tried(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, True, look())
    except (KellyError, ImportError, OSError) as error:
        return Check(what, False, str(error))


def _terminal(_: Line) -> Iterator[Check]:
    if not sys.stdout.isatty():
        yield Check("terminal", True, "none here; the workstation needs one of 60x16 or more")
        return
    kind = os.environ.get("TERM", "")
    columns, rows = shutil.get_terminal_size()
    colours = "true colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256 colours or fewer"
    words = f"{kind or 'TERM is not set'}, {columns}x{rows}, {colours}"
    able, wide = kind not in ("", "dumb", "unknown"), columns >= 60 and rows >= 16
    if not able:
        words += ". It can't move its cursor: set TERM, such as TERM=xterm-256color, or use another"
    elif not wide:
        words += ". Make it 60x16 or more for the workstation"
    yield Check("terminal", able and wide, words)
    encoding = (sys.stdout.encoding or "").lower()
    plain = f"{encoding}. Use a UTF-8 locale: export LANG=C.UTF-8"
    yield Check("characters", _is_utf8(), encoding if _is_utf8() else plain)


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _disk(line: Line) -> Iterator[Check]:
    from kelly_tui.store.layout import find_datasets, on_network

    folder = line.datasets
    there = folder if folder.exists() else Path(os.path.abspath(folder)).parent
    while not there.exists():
        there = there.parent
    found = len(find_datasets(folder))
    words = (
        f"{os.path.abspath(folder)}, {count(found, 'dataset')}"
        if folder.exists()
        else f"{os.path.abspath(folder)}, to be made"
    )
    yield Check(
        "datasets", os.access(there, os.W_OK), words if os.access(there, os.W_OK) else f"{words}; can't be written"
    )
    free = shutil.disk_usage(there).free
    yield Check("free disk", free > LITTLE_ROOM, f"{free / 1e9:.0f} GB")
    network = on_network(there)
    yield Check("local disk", True, "no: catalogues are kept in your state folder" if network else "yes")
    cores = line.settings.worker_count()
    yield Check("workers", True, f"{cores} of {count(os.cpu_count() or 1, 'core')}")


def _limits(line: Line) -> Iterator[Check]:
    of = line.settings
    words = (
        f"{of.midi_bytes / 2**20:,.3g} MB and {of.midi_notes:,} notes of MIDI, {of.music_seconds / 3600:,.3g} hours,"
        f" {of.sound_values:,} values of sound; {of.item_seconds:g} s and {of.item_memory_gb:g} GB in a stage"
    )
    yield Check("a file may have", True, words)


_EXAMINATIONS: tuple[Callable[[Line], Iterator[Check]], ...] = (
    _python,
    _packages,
    _libraries,
    _sound,
    _terminal,
    _disk,
    _limits,
)
