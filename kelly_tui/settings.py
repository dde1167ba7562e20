"""What a person may choose, from ``settings.toml`` in the user's config folder and the environment.

The environment wins over the file: ``KELLY_DATASETS=/data kelly``.
"""

from __future__ import annotations

import getpass
import math
import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from kelly_tui.errors import KellyError
from kelly_tui.paths import config_dir


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        return "someone"


PROFILES = ("default", "vim", "left", "numpad")
"""Keys for whole habits of hand, see `ui.profiles`."""

THEMES = ("dark", "light", "contrast", "ansi")
"""Sets of colours, see `ui.theme`; ``ansi`` are the terminal's own sixteen."""

GLYPHS = ("auto", "unicode", "ascii")
"""What the screen is drawn with; ``auto`` asks the locale what the terminal can show."""


class Limits(NamedTuple):
    """What is believed of a stranger's file before and while it is read: see the settings of these names."""

    midi_bytes: int
    midi_notes: int
    music_seconds: float
    sound_values: int


@dataclass(frozen=True)
class Settings:
    """Every setting, its default, and what it does."""

    datasets: str = "datasets"
    """Folder in which datasets are found and made."""

    annotator: str = field(default_factory=_user)
    """The name written beside each label that you give."""

    workers: int = 0
    """Processes that a stage uses; 0 means one a core."""

    cluster: str = ""
    """A Dask cluster that stages run on, tcp://, tls:// or local:N; empty means this machine alone."""

    soundfont: str = ""
    """Path of the SoundFont that plays MIDI; empty means `paths.soundfont`'s choice."""

    device: str = ""
    """Name of the device that sound is played on; empty means the system's choice."""

    autoplay: bool = True
    """Whether a label key goes on to play the next sample."""

    hide_guesses: bool = False
    """Whether what a detector or model guesses of a sample is shown only once you have decided."""

    second_look: float = 0.05
    """Of so many of your labels, one comes back later to be judged again, blind: 0.05 is one in twenty, 0 is none."""

    second_look_fields: str = ""
    """What is asked then, ``emotion valence key``; empty means the labels that the dataset is for."""

    volume: float = 0.8
    """0..1."""

    keys_profile: str = PROFILES[0]
    """The keys: one of `PROFILES`; in the file ``keys.profile``. The user's ``keys.toml`` changes single ones."""

    theme: str = THEMES[0]
    """The colours: one of `THEMES`."""

    glyphs: str = GLYPHS[0]
    """What lines and marks are drawn with: one of `GLYPHS`."""

    mouse: bool = True
    """Whether clicks go to the app; if not, the terminal selects text with them as ever."""

    midi_bytes: int = 8 * 1024 * 1024
    """MIDI files over this size are refused."""

    midi_notes: int = 500_000
    """MIDI files of more notes are refused."""

    music_seconds: float = 24 * 3600.0
    """Music that is longer is refused, MIDI and sound."""

    sound_values: int = 100_000_000
    """Sound of more values, which are frames times channels, is not decoded at once, nor made of MIDI: 400 MB, 19
    minutes of stereo at 44.1 kHz."""

    item_seconds: float = 60.0
    """A file that takes longer than this of the processor in one stage is quarantined; or three times that by the
    clock. Sound that is made or varied has more for what is beyond ten minutes of stereo at 44.1 kHz, in proportion,
    up to `sound_values`."""

    item_memory_gb: float = 4.0
    """A file that needs more memory than this in one stage is quarantined."""

    @property
    def limits(self) -> Limits:
        """What is believed of a file."""
        return Limits(self.midi_bytes, self.midi_notes, self.music_seconds, self.sound_values)

    def worker_count(self) -> int:
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_limits: Limits | None = None


def limits() -> Limits:
    """Those of this process: what `obey` was told, else what the settings say."""
    return _limits or obey(load_settings().limits)


def obey(wanted: Limits) -> Limits:
    """From now on these hold in this process. A worker's are those of whoever drives the stage, wherever it runs."""
    global _limits  # noqa: PLW0603  # of the process, as its memory and its time are
    _limits = wanted
    return wanted


_RANGE: dict[str, tuple[float, int]] = {
    "midi_bytes": (1024, 1 << 32),
    "midi_notes": (1, 1 << 30),
    "music_seconds": (1, 100_000_000),
    "sound_values": (1000, 1 << 40),
    "item_seconds": (0.1, 1_000_000),
    "item_memory_gb": (0.5, 4096),
}
"""Settings with which nothing could be read if they were less, and which no system could keep if they were more: with
bytes in place of gigabytes every file was to blame. Of others the least is 0."""

_CHOICES = {"keys_profile": PROFILES, "theme": THEMES, "glyphs": GLYPHS}
"""Settings that can have few values."""

_WRITTEN = {"keys_profile": "keys.profile"}
"""Settings that stand in a table of the file."""

_YES, _NO = (True, "1", "true", "yes", "on"), (False, "0", "false", "no", "off")
_WANTED: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    bool: "true or false",
}


_LARGEST = 32 << 10
"""Bytes of a file of settings or keys: all that can be said there fits twice."""


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file, and what it says. Raises `ValueError` where it says nothing or is too large, `OSError`."""
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 10} kB")
    text = raw.decode("utf-8")
    try:
        return text, tomllib.loads(text)
    except RecursionError:
        raise ValueError("lists within lists") from None


def load_settings(path: Path | None = None) -> Settings:
    """Settings from the file and the environment. A wrong value is an error that names its line's key."""
    path = path or Path(os.environ.get("KELLY_SETTINGS", config_dir() / "settings.toml"))
    chosen: dict[str, object] = {}
    if path.is_file():
        try:
            _, chosen = read_toml(path)
        except ValueError as error:
            raise KellyError(f"settings can't be read ({error})", path=path, hint="Mend or remove the file.") from None
    for table in [name for name, value in chosen.items() if isinstance(value, dict)]:
        inner = chosen.pop(table)
        assert isinstance(inner, dict)
        chosen |= {f"{table}.{name}": value for name, value in inner.items()}
    known = {one.name: type(getattr(Settings(), one.name)) for one in fields(Settings)}
    values: dict[str, object] = {}
    for name, kind in known.items():
        called = _WRITTEN.get(name, name)
        variable, written = os.environ.get(f"KELLY_{name.upper()}"), chosen.pop(called, None)
        raw = written if variable is None else variable
        if raw is None:
            continue
        try:
            values[name] = _chosen(name, _read(kind, raw))
        except ValueError:
            wanted = _wanted(name, kind)
            if variable is not None:
                raise KellyError(f"KELLY_{name.upper()} can't be {raw!r:.60}", hint=wanted) from None
            raise KellyError(f"setting {called} can't be {raw!r:.60}", path=path, hint=wanted) from None
    if chosen:
        raise KellyError(
            f"there is no setting {next(iter(chosen))!r}",
            path=path,
            hint=f"Known: {' '.join(_WRITTEN.get(name, name) for name in known)}.",
        )
    return Settings(**values)  # type: ignore[arg-type]


def _chosen(name: str, value: object) -> object:
    """The value, if the setting can have it. Raises `ValueError`."""
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(value)
    if name in _RANGE and isinstance(value, (int, float)):
        least, most = _RANGE[name]
        if not least <= value <= most:
            raise ValueError(value)
    return value


def _wanted(name: str, kind: type) -> str:
    """What the setting can be, in words."""
    if name in _CHOICES:
        return f"It is one of {', '.join(_CHOICES[name])}."
    if name in _RANGE:
        least, most = _RANGE[name]
        return f"It is {_WANTED[kind]}, {least:,} to {most:,}."
    return f"It is {_WANTED[kind]}" + (", 0 or more." if kind in (int, float) else ".")


def _read(kind: type, raw: object) -> object:
    """A setting's value from TOML or from the environment, where all is text. Raises `ValueError`."""
    if kind is bool and (raw in _YES or raw in _NO):
        return raw in _YES
    if kind is str and isinstance(raw, str):
        return raw
    if kind in (int, float) and isinstance(raw, (str, int, kind)) and not isinstance(raw, bool):
        number = kind(raw)
        if 0 <= number < math.inf:
            return number
    raise ValueError(raw)
