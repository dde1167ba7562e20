"""splits/PROOF.json: what was checked of the splits and found, so that another can check it again.

It holds no times and nothing of the machine: the same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.labels import SPLITS
from kelly_tui.store.assign import Assignment, Member, Ratios, crossings
from kelly_tui.store.layout import Layout, pretty_json, write_atomic
from kelly_tui.store.pieces import Pairs
from kelly_tui.text import count

METHOD = "hash rank within strata 1"
_SHOWN = 100
"""Samples that are named: crossings and bridges."""


def proof_path(layout: Layout) -> Path:
    """Where the proof lies."""
    return layout.splits / "PROOF.json"


def ratios_of(config: DatasetConfig) -> Ratios:
    """Those of train, val and test."""
    return config.train_ratio, config.val_ratio, config.test_ratio


def proof_of(
    members: Sequence[Member], pairs: Pairs, assigned: Assignment, seed: int, config: DatasetConfig
) -> dict[str, Any]:
    """What is true of `members`, as they are after `assigned`, with the near-duplicates `pairs`."""
    found = crossings(members, pairs)
    main = config.model.main_label
    labels = sorted({member.label for member in members if member.imported and member.label is not None})
    return {
        "method": METHOD,
        "seed": seed,
        "ratios": dict(zip(SPLITS, ratios_of(config), strict=True)),
        "group_by": config.group_by,
        "inputs_sha256": _digest((config.group_by, *(member[:6] for member in members), *sorted(pairs))),
        "placement_sha256": _digest((member.sample_id, member.split) for member in members),
        "samples": len(members),
        "groups": assigned.groups,
        "edges_checked": assigned.edges,
        "edges_crossing": found.cut or dict.fromkeys(assigned.edges, 0),
        "crossings": len(found.crossings),
        "crossing_samples": [list(samples) for samples in found.crossings[:_SHOWN]],
        "bridges": len(assigned.bridges),
        "bridge_samples": assigned.bridges[:_SHOWN],
        "imported": _shares(member.split for member in members if member.imported),
        f"imported_by_{main}": {
            label: _shares(member.split for member in members if member.imported and member.label == label)
            for label in labels
        },
    }


def write_proof(layout: Layout, proof: dict[str, Any]) -> None:
    """Whole, or not at all."""
    write_atomic(proof_path(layout), pretty_json(proof))


def read_proof(layout: Layout) -> dict[str, Any]:
    """The proof as it was written. Raises `DatasetError` where there is none, or it is none."""
    path = proof_path(layout)
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise DatasetError("there is no proof of the splits yet", path=path, hint="kelly split writes it.") from None
    except msgspec.DecodeError:
        raise DatasetError("this is no proof", path=path, hint="kelly split writes it anew.") from None
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


def _digest(parts: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()


def _shares(splits: Iterable[str | None]) -> dict[str, dict[str, float]]:
    """{split: {samples, share}}."""
    counted = dict.fromkeys(SPLITS, 0)
    for split in splits:
        if split is not None:
            counted[split] += 1
    total = sum(counted.values()) or 1
    return {split: {"samples": n, "share": round(n / total, 6)} for split, n in counted.items()}
