"""Music that Kelly made and that no sample names: what a stage leaves that was killed and not run again as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from kelly_tui.model.report import Finding
from kelly_tui.model.sample import file_type_of
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.text import agree, count, safe_text

_MADE = ("raw/synthetic", "processed/augmented")
_SHOWN = 3


def check_unnamed(catalogue: Catalogue) -> Iterator[Finding]:
    """Who counts the files of a folder counts them too."""
    unnamed = _unnamed(catalogue)
    shown = [safe_text(path, 120) for path in islice(unnamed, _SHOWN)]
    if shown:
        number = len(shown) + sum(1 for _ in unnamed)
        more = ", …" if number > _SHOWN else ""
        yield Finding(
            "note",
            "file-unnamed",
            f"{count(number, 'file')} of made music {agree(number, 'is', 'are')} no sample: {', '.join(shown)}{more}",
            "Left by a stage that was killed, unless one runs now: remove what you don't want.",
        )


def _unnamed(catalogue: Catalogue) -> Iterator[str]:
    for top in _MADE:
        for folder, _, names in os.walk(catalogue.root / top):
            music = sorted(name for name in names if file_type_of(name))
            if not music:
                continue
            below = os.path.relpath(folder, catalogue.root)
            rows = catalogue.db.execute(
                "SELECT file_path FROM samples WHERE file_path > ? AND file_path < ?", (f"{below}/", f"{below}0")
            )
            known = {path.rpartition(".")[0] for (path,) in rows}  # a generated sample's sound lies beside its MIDI
            yield from (path for name in music if (path := f"{below}/{name}").rpartition(".")[0] not in known)
