"""One root for every error that a user can cause, and one way to say it.

A message says what happened, to which file, and what to do now. A front prints ``str(error)`` on one line;
nothing else is needed, and no traceback is.
"""

from __future__ import annotations

from pathlib import Path

from kelly_tui.text import safe_text


class KellyError(Exception):
    """What happened, which file it happened to, and what to do now."""

    exit_code = 2

    def __init__(self, what: str, *, path: Path | str | None = None, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.path is not None:
            parts.append(safe_text(str(self.path), limit=None))
        line = ": ".join(parts)
        return f"{line.removesuffix('.')}. {self.hint}" if self.hint else line


class DatasetError(KellyError):
    """The dataset is missing, exists already, is locked, read-only or damaged."""


class DiskFull(DatasetError):
    """There is no room left; all that was saved before is kept."""


class StageAtWork(DatasetError):
    """Another process runs a stage on the dataset; edits can be made all the same."""


class LabelError(KellyError, ValueError):
    """A field or a value that no label can have."""


class FilterError(KellyError, ValueError):
    """A filter that can't be read; names the nearest thing that can."""


class FileRefused(KellyError):
    """A file that can't become a sample, or a sample whose file can't be used, and why."""


class LibraryMissing(KellyError):
    """A Python or system library is absent; the hint names the package to install."""


class StoreError(KellyError):
    """A store of objects can't be reached, or does not let us."""


class SoundError(KellyError):
    """No device, no SoundFont, or the sound process is gone."""


class StageError(KellyError):
    """A stage could not be carried out at all, as opposed to some of its items failing."""
