"""Where things are: the user's folders, the SoundFont."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kelly_tui.errors import SoundError

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


def soundfont(chosen: str = "") -> Path:
    """The SoundFont to play with: the chosen one, else the first in ``soundfonts/``, else pretty_midi's own.

    Raises `SoundError` when there is none.
    """
    if chosen:
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise SoundError("the SoundFont is gone", path=path, hint="Choose another in settings, or remove the line.")
        return path
    for folder in (PROJECT / "soundfonts", Path("soundfonts")):
        found = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".sf2", ".sf3"))
        if found:
            return found[0]
    spec = find_spec("pretty_midi")  # found without importing it
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "TimGM6mb.sf2"
        if bundled.is_file():
            return bundled
    raise SoundError("there is no SoundFont", hint="Put a .sf2 file into soundfonts/.")
