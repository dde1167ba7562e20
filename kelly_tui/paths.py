"""Where things are: the user's folders, the SoundFont."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from kelly_tui.errors import SoundError

ANOTHER_SOUNDFONT = "Name another, or none: --soundfont, soundfont in config.json or settings.toml, KELLY_SOUNDFONT."

_LARGEST_RIFF = (1 << 32) + 8
"""Bytes."""

PROJECT = Path(__file__).resolve().parent.parent


def config_dir() -> Path:
    from platformdirs import user_config_path

    return user_config_path("kelly", appauthor=False)


def state_dir() -> Path:
    from platformdirs import user_state_path

    return user_state_path("kelly", appauthor=False)


def cache_dir() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("kelly", appauthor=False)


_SYSTEM_SOUNDFONTS = (
    "~/.local/share/sounds/sf2",
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "/usr/local/share/soundfonts",
    "/usr/share/soundfonts",
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/Library/Audio/Sounds/Banks",
)
"""Where people and distributions keep theirs."""


def soundfonts() -> list[Path]:
    """All SoundFonts that are found, the one that plays unless another is chosen first; each file once.

    Those in ``soundfonts/``, by name, then pretty_midi's own, then the system's; files that only have the name of one
    are passed over, or all MIDI would be silent for them.
    """
    here = [path for folder in (PROJECT / "soundfonts", Path("soundfonts")) for path in _in_folder(folder)]
    spec = find_spec("pretty_midi")  # found without importing it
    bundled = [Path(spec.origin).parent / "TimGM6mb.sf2"] if spec is not None and spec.origin is not None else []
    system = [path for folder in _SYSTEM_SOUNDFONTS for path in _in_folder(Path(folder).expanduser())]
    found: dict[tuple[str, int], Path] = {}
    for path in [*here, *bundled, *system]:
        if path.is_file():
            real = path.resolve()
            found.setdefault((real.name, real.stat().st_size), path)
    return list(found.values())


def soundfont(chosen: str = "") -> Path:
    """The SoundFont to play with: the chosen one, a path or the name of one of `soundfonts`; else the first of those.

    Raises `SoundError` when there is none.
    """
    if chosen:
        path = Path(chosen).expanduser()
        if path.is_file():
            return path
        named = [one for one in soundfonts() if chosen in (one.name, one.stem)]
        if not named:
            what = "this is no SoundFont" if path.exists() else "the SoundFont is gone"
            raise SoundError(what, path=path, hint=ANOTHER_SOUNDFONT)
        return named[0]
    found = soundfonts()
    if not found:
        raise SoundError("there is no SoundFont", hint="Put a .sf2 file into soundfonts/.")
    return found[0]


def _in_folder(folder: Path) -> list[Path]:
    named = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".sf2", ".sf3"))
    return [path for path in named if path.is_file() and is_soundfont(path)]


def is_soundfont(path: Path) -> bool:
    """Whether a file begins as a SoundFont does. Others FluidSynth hands to libraries that print what they think.

    None is larger than a RIFF can say, 4 GB; and nothing is waited for, as at some files in /proc.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        head, size = os.read(descriptor, 12), os.fstat(descriptor).st_size
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return head[:4] == b"RIFF" and head[8:] == b"sfbk" and size <= _LARGEST_RIFF
