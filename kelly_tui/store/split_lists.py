"""splits/train.txt, val.txt and test.txt: what they hold, and whether those on the disk hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kelly_tui.errors import FileRefused
from kelly_tui.model.labels import SPLITS
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import LARGEST_LIST
from kelly_tui.store.viewstate import expect, look, remember


def split_lists(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What the lists hold, each in its order: (split, id). One way through the table is for all of them."""
    marks = ", ".join("?" * len(SPLITS))
    return catalogue.db.execute(
        f"SELECT split, sample_id FROM samples WHERE held AND split IN ({marks}) ORDER BY sample_id", SPLITS
    )


def lists_that_differ(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Lists, which are what trainers read, that are gone or say other than the catalogue: (split, how)."""
    is_split = any(catalogue.counts().splits.values())
    for split, wanted in _digests(catalogue).items():
        try:
            listed = read_inside(catalogue.root, catalogue.layout.splits / f"{split}.txt", LARGEST_LIST)
        except FileNotFoundError:
            if is_split:  # else there was nothing to list, and none was written
                yield split, "is gone"
            continue
        except (OSError, FileRefused):
            yield split, "can't be read"
            continue
        if (len(listed), hashlib.sha256(listed).hexdigest()) != wanted:
            yield split, "lists other samples than the catalogue"


def remember_lists(catalogue: Catalogue) -> Iterator[str]:
    """For a new catalogue: take the lists there are for its own, but for those that it contradicts, in words.

    These count as edited until they are written again.
    """
    there = {split: look(catalogue, catalogue.layout.splits / f"{split}.txt") for split in SPLITS}
    differ = dict(lists_that_differ(catalogue))
    digests = _digests(catalogue) if differ else {}
    for split in SPLITS:
        path = catalogue.layout.splits / f"{split}.txt"
        if split not in differ:
            remember(catalogue, path, there[split])
        elif path.exists():
            expect(catalogue, path, *digests[split])
            yield f"splits/{path.name} {differ[split]}: kelly split keeps it, and writes it again"


def _digests(catalogue: Catalogue) -> dict[str, tuple[int, str]]:
    """How many bytes each list has, and their SHA-256."""
    digests, sizes = {split: hashlib.sha256() for split in SPLITS}, dict.fromkeys(SPLITS, 0)
    for split, sample_id in split_lists(catalogue):
        line = b"%s\n" % sample_id.encode()
        digests[split].update(line)
        sizes[split] += len(line)
    return {split: (sizes[split], digest.hexdigest()) for split, digest in digests.items()}
