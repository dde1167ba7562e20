"""What a report rests on besides the catalogue's tables, in one line: the configuration, the proof, this program."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from kelly_tui.errors import FileRefused
from kelly_tui.paths import PROJECT
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import LARGEST_LIST, called
from kelly_tui.store.probed import kept
from kelly_tui.store.proof import proof_path
from kelly_tui.text import json_of
from kelly_tui.validate.facts import seeds
from kelly_tui.version import VERSION


def inputs_of(catalogue: Catalogue) -> str:
    """The same only where all of them are."""
    try:
        proof = read_inside(catalogue.root, proof_path(catalogue.layout), LARGEST_LIST)
    except (OSError, FileRefused) as error:
        proof = repr(error).encode()
    said = (called(catalogue.root), catalogue.config, kept(catalogue), seeds(catalogue))
    digest = hashlib.sha256(json_of(said))
    digest.update(proof)
    return f"{VERSION} {_program()} {digest.hexdigest()}"


@lru_cache(maxsize=1)
def _program() -> str:
    """A program that was changed judges otherwise, though its version be the same."""
    digest = hashlib.sha256()
    for path in sorted((PROJECT / "kelly_tui").rglob("*.py")):
        status = path.stat()
        digest.update(repr((str(path), status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()
