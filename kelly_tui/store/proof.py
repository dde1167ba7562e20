"""splits/PROOF.json: what was checked of the splits and found, so that another can check it again.

It holds no times and nothing of the machine: the same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kelly_tui.errors import DatasetError, FileRefused
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.store.assign import Assignment, Ratios, crossings
from kelly_tui.store.inside import read_inside
from kelly_tui.store.layout import LARGEST_LIST, Layout, pretty_json, write_atomic
from kelly_tui.store.members import NONE, Ints, Member, Members, Pairs
from kelly_tui.text import agree, count

METHOD = "hash rank within strata 1"
NOT_COMPARED = "not_compared"
"""Of a proof: how many imported samples had no features, so that no near-duplicates of them were looked for."""
_SHOWN = 100
"""Samples that are named: crossings and bridges."""


def proof_path(layout: Layout) -> Path:
    """Where the proof lies."""
    return layout.splits / "PROOF.json"


def ratios_of(config: DatasetConfig) -> Ratios:
    """Those of train, val and test."""
    return config.train_ratio, config.val_ratio, config.test_ratio


class Inputs:
    """A digest of all that decides splits: the members as they are read, then the near-duplicates."""

    def __init__(self, group_by: str) -> None:
        self._digest = hashlib.sha256(repr(group_by).encode())

    def noting(self, members: Iterable[Member]) -> Iterator[Member]:
        """The members, each noted as it passes; where they are already has no part in it."""
        for member in members:
            self._digest.update(repr(member[:6]).encode())
            yield member

    def sha256(self, pairs: Pairs) -> str:
        digest = self._digest.copy()
        for pair in pairs:
            digest.update(repr(pair).encode())
        return digest.hexdigest()


def proof_of(
    members: Members, inputs: Inputs, pairs: Pairs, assigned: Assignment, seed: int, config: DatasetConfig
) -> dict[str, Any]:
    """What is true of `members`, as they are after `assigned`, with the near-duplicates `pairs`."""
    found = crossings(members, pairs)
    by_label = {
        label: members.split[members.imported & (members.label == place)] for place, label in enumerate(members.labels)
    }
    return {
        "method": METHOD,
        "seed": seed,
        "ratios": dict(zip(SPLITS, ratios_of(config), strict=True)),
        "group_by": config.group_by,
        "inputs_sha256": inputs.sha256(pairs),
        "placement_sha256": _placement(members),
        "samples": len(members),
        "groups": assigned.groups,
        "edges_checked": assigned.edges,
        "edges_crossing": found.cut or dict.fromkeys(assigned.edges, 0),
        "crossings": len(found.crossings),
        "crossing_samples": [list(samples) for samples in found.crossings[:_SHOWN]],
        "bridges": len(assigned.bridges),
        "bridge_samples": assigned.bridges[:_SHOWN],
        "imported": _shares(members.split[members.imported]),
        f"imported_by_{config.model.main_label}": {
            label: _shares(split) for label, split in by_label.items() if len(split)
        },
    }


def not_compared_words(number: int) -> str:
    """What a proof must say of imported samples that had no features yet."""
    have = agree(number, "has", "have")
    return f"{count(number, 'imported sample')} {have} no features: near-duplicates of them were not looked for"


def write_proof(layout: Layout, proof: dict[str, Any]) -> None:
    """Whole, or not at all."""
    write_atomic(proof_path(layout), pretty_json(proof))


def read_proof(layout: Layout) -> dict[str, Any]:
    """The proof as it was written. Raises `DatasetError` where there is none, or it is none."""
    path = proof_path(layout)
    try:
        return msgspec.json.decode(read_inside(layout.root, path, LARGEST_LIST), type=dict[str, Any])
    except FileNotFoundError:
        raise DatasetError("there is no proof of the splits yet", path=path, hint="kelly split writes it.") from None
    except (msgspec.DecodeError, RecursionError):
        raise DatasetError("this is no proof", path=path, hint="kelly split writes it anew.") from None
    except FileRefused as refused:
        raise DatasetError(refused.what, path=path, hint="kelly split writes it anew.") from None
    except OSError as error:
        raise DatasetError(f"the proof can't be read: {error.strerror}", path=path) from None


@dataclass
class Verified:
    """The splits derived again, beside what PROOF.json says."""

    proof: dict[str, Any]
    """As it is now."""
    differences: list[str] = field(default_factory=list)
    """What is other than PROOF.json says, and what is wrong with the lists."""
    since: int = 0
    """Samples that came after the proof: variants and renderings have the split of their root. The rest is equal."""
    bridges: list[tuple[str, str]] = field(default_factory=list)
    """(sample_id, path) of those that link two splits and are in none."""

    @property
    def holds(self) -> bool:
        """Whether all is as PROOF.json says, and no group lies in two splits."""
        return not self.differences and not self.proof["crossings"]

    def lines(self) -> list[str]:
        """What ``kelly split --verify`` prints."""
        proof = self.proof
        edges = ", ".join(f"{kind.replace('_', '-')} {number:,}" for kind, number in proof["edges_checked"].items())
        crossing = sum(proof["edges_crossing"].values())
        lines = [
            f"{count(proof['samples'], 'sample')} in {count(proof['groups'], 'group')}; links checked: {edges}; "
            f"{crossing or 'none'} of them between two splits",
            f"inputs sha256 {proof['inputs_sha256']}",
        ]
        if number := proof.get(NOT_COMPARED):
            lines.append(f"NOT KNOWN: {not_compared_words(number)}")
        if proof["crossings"]:
            lines.append(f"CROSSING: {count(proof['crossings'], 'group lies', 'groups lie')} in several splits")
            lines += [f"  {' '.join(samples)}" for samples in proof["crossing_samples"]]
        if self.bridges:
            lines.append(f"{count(len(self.bridges), 'bridge')}, linked to two splits and in none:")
            lines += [f"  {sample_id} {path}" for sample_id, path in self.bridges]
        lines += [f"DIFFERS: {difference}" for difference in self.differences]
        if self.since:
            lines.append(f"{count(self.since, 'sample')} came after PROOF.json, which holds for the others")
        if self.differences:
            lines.append("not what PROOF.json says: kelly split places what is new, moves nothing and writes it anew")
        else:
            lines.append("kelly split writes it anew" if self.since else "equal to PROOF.json")
        return lines


def differences(written: Any, found: Any, name: str = "") -> Iterator[str]:
    """Each value of a proof that is another now: ``samples was 120, is 125``."""
    if isinstance(written, dict) and isinstance(found, dict):
        for key in sorted({*written, *found}):
            yield from differences(written.get(key), found.get(key), f"{name}.{key}" if name else key)
    elif written != found:
        yield f"{name} was {_short(written)}, is {_short(found)}"


def _short(value: Any) -> str:
    said = "not there" if value is None else str(value)
    return said if len(said) <= 72 else said[:69] + "..."


def _placement(members: Members) -> str:
    digest = hashlib.sha256()
    for sample_id, code in zip(members.ids, members.split.tolist(), strict=True):
        digest.update(repr((sample_id.decode(), None if code == NONE else SPLITS[code])).encode())
    return digest.hexdigest()


def _shares(split: Ints) -> dict[str, dict[str, float]]:
    """{split: {samples, share}}."""
    counted = np.bincount(split[split != NONE], minlength=len(SPLITS)).tolist()
    total = sum(counted) or 1
    return {split: {"samples": n, "share": round(n / total, 6)} for split, n in zip(SPLITS, counted, strict=True)}
