"""Whether the splits can be trusted: there at all, no group in two, nobody left out."""

from __future__ import annotations

from collections.abc import Iterator

from kelly_tui.errors import DatasetError
from kelly_tui.model.labels import SPLITS
from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import called
from kelly_tui.store.members import Pairs
from kelly_tui.store.proof import read_proof
from kelly_tui.store.schema import HELD
from kelly_tui.store.splits import bridges, verify_splits
from kelly_tui.store.viewstate import changed_outside, known_state
from kelly_tui.text import agree, count


def check_splits(catalogue: Catalogue, pairs: Pairs) -> Iterator[Finding]:
    """Groups are found again from the samples as they are, not taken from PROOF.json; `pairs`: near-duplicates."""
    name = called(catalogue.root)
    splits = catalogue.counts().splits
    if not any(splits.values()):
        yield Finding(
            "error",
            "no-splits",
            "no sample is in train, val or test",
            f"Split: in the pipeline panel, or kelly split {name}.",
        )
        return
    found = verify_splits(catalogue, pairs)
    crossings = found.crossings
    if crossings:
        samples = tuple(dict.fromkeys(sample for group in crossings for sample in group))
        yield Finding(
            "error",
            "group-across-splits",
            f"{len(crossings):,} of {count(found.groups, 'group')} {agree(len(crossings), 'lies', 'lie')} "
            "in several splits, so that what is tested was learnt",
            f"kelly split {name} --reshuffle assigns every sample anew.",
            len(samples),
            samples,
        )
    ratios = {
        "train": catalogue.config.train_ratio,
        "val": catalogue.config.val_ratio,
        "test": catalogue.config.test_ratio,
    }
    for split, ratio in ratios.items():
        if ratio and not splits[split]:
            yield Finding(
                "warning", "empty-split", f"the {split} list is empty", "There are too few songs: import more."
            )
    total = catalogue.counts().total
    linked = set(_bridges(catalogue, pairs))
    unsplit = [
        sample_id
        for (sample_id,) in catalogue.db.execute(
            f"SELECT sample_id FROM samples WHERE rowid IN (SELECT rowid FROM samples WHERE {HELD} AND split IS NULL)"
        )
    ]
    left_out = [sample_id for sample_id in unsplit if sample_id in linked]
    if left_out:
        yield Finding(
            "warning",
            "bridge",
            f"{len(left_out):,} of {count(total, 'sample')} {agree(len(left_out), 'belongs', 'belong')} "
            "to songs of two splits, and to no list",
            f"kelly split {name} --reshuffle places them, and moves others.",
            len(left_out),
            tuple(left_out),
        )
    waiting = [sample_id for sample_id in unsplit if sample_id not in linked]
    if waiting:
        yield Finding(
            "warning",
            "unsplit",
            f"{len(waiting):,} of {count(total, 'sample')} {agree(len(waiting), 'is', 'are')} in no split yet",
            f"Split: in the pipeline panel, or kelly split {name}.",
            len(waiting),
            tuple(waiting),
            "" if left_out else "is:held split:?",
        )


def check_lists(catalogue: Catalogue) -> Iterator[Finding]:
    """Trainers read the lists, not the catalogue: one that is gone or was edited says something else."""
    folder = catalogue.layout.splits
    are_there = folder.is_dir() and any(catalogue.counts().splits.values())
    paths = [folder / f"{split}.txt" for split in SPLITS] if are_there else []
    edited = (path for path in paths if known_state(catalogue, path) is not None and changed_outside(catalogue, path))
    spoilt = {
        "gone": [path.name for path in paths if not path.is_file()],
        "not as it was written": [path.name for path in edited],
    }
    for what, names in spoilt.items():
        if names:
            yield Finding(
                "error",
                "split-list",
                f"{' and '.join(f'splits/{name}' for name in names)} {agree(len(names), 'is', 'are')} {what}",
                f"kelly split {called(catalogue.root)} writes the lists again, and keeps what was edited.",
                len(names),
            )


def _bridges(catalogue: Catalogue, pairs: Pairs) -> list[str]:
    """Those that the last split left out: as its proof names them, or found again where they are more than it names."""
    try:
        proof = read_proof(catalogue.layout)
        named = [str(sample_id) for sample_id in proof["bridge_samples"]]
        return bridges(catalogue, pairs) if proof["bridges"] > len(named) else named
    except (DatasetError, KeyError, TypeError):
        return []
