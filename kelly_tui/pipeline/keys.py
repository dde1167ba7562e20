"""Under which key a result is stored: a hash of all that it depends on, and nothing else.

No modification times, and no hashing of code: a stage's version is raised by hand when its results change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kelly_tui.store.catalogue import Catalogue

_PARTS = ("version", "parameters", "input")


class Parameters:
    """The parameters of a stage; they remember what they were when a result was made."""

    def __init__(self, catalogue: Catalogue, stage: str, version: int, values: Mapping[str, Any]) -> None:
        self._catalogue, self._stage, self._values = catalogue, stage, values
        canonical = json.dumps(dict(values), sort_keys=True, separators=(",", ":"), allow_nan=False)
        self._digest = _short_hash(canonical)
        self.prefix = f"{version}-{self._digest}"
        self._differences: dict[str, str] = {}

    def key(self, content: str) -> str:
        """``<version>-<hash of parameters>-<hash of stage and content>``: apart, so that one can say what changed."""
        return f"{self.prefix}-{_short_hash(f'{self._stage}:{content}')}"

    def remember(self) -> None:
        """So that later it can be said what changed."""
        row = (f"parameters {self._digest}", json.dumps(dict(self._values)))
        with self._catalogue.writing() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", row)

    def why(self, old: str | None, new: str) -> str:
        """Why the result under `old` does not serve: ``new``, ``version changed``, ``n_mels 64 → 80``."""
        if old is None:
            return "new"
        for part, before, after in zip(_PARTS, old.split("-"), new.split("-"), strict=False):
            if before != after:
                return self._difference(before) if part == "parameters" else f"{part} changed"
        return "new"

    def _difference(self, digest: str) -> str:
        if digest not in self._differences:
            found = self._catalogue.db.execute("SELECT value FROM meta WHERE name = ?", (f"parameters {digest}",))
            before: dict[str, Any] = json.loads((found.fetchone() or ("{}",))[0])
            changed = [
                f"{name} {before[name]} → {value}"
                for name, value in self._values.items()
                if name in before and before[name] != value
            ]
            self._differences[digest] = ", ".join(changed) or "parameters changed"
        return self._differences[digest]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
