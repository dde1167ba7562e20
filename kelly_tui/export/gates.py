"""What stands in the way of an export. Some of it can be forced; then the export says so for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kelly_tui.errors import DatasetError, StageError
from kelly_tui.export.choice import Choice, Plan
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import called
from kelly_tui.store.splits import verify_proof
from kelly_tui.text import agree, count
from kelly_tui.validate.provenance import OF_OTHERS


class Obstacle(NamedTuple):
    """A reason not to export."""

    name: str
    """``licence`` ``features`` ``leak`` ``proof``."""
    what: str
    hint: str


def check(catalogue: Catalogue, choice: Choice, plan: Plan, *, wants_features: bool, force: bool) -> list[str]:
    """Refuse an export that would mislead who trains on it; what was forced, in words for its card.

    Raises `StageError`: with `force` only where nothing would be left to export.
    """
    name = called(catalogue.root)
    if not any(catalogue.counts().splits.values()):
        raise StageError("no sample is in train, val or test", hint=f"Split first: kelly split {name}.")
    if not plan.samples:
        raise StageError("no sample is left to export", hint="See kelly list is:held and your filter; ask for less.")
    found = [one for one in _obstacles(catalogue, choice, name) if wants_features or one.name != "features"]
    if found and not force:
        raise StageError(found[0].what, hint=f"{found[0].hint} Or --force: the card will say so.")
    return [obstacle.what for obstacle in found]


def _obstacles(catalogue: Catalogue, choice: Choice, name: str) -> Iterator[Obstacle]:
    where, parameters = choice.where(catalogue)
    marks = ", ".join("?" * len(choice.splits))
    within = (*choice.splits, *parameters)

    def number(condition: str) -> int:
        statement = f"SELECT count(*) FROM samples WHERE split IN ({marks}) AND {where} AND {condition}"
        return int(catalogue.db.execute(statement, within).fetchone()[0])

    if lacking := number("features_path IS NULL"):
        yield Obstacle(
            "features",
            f"{count(lacking, 'sample')} {agree(lacking, 'has', 'have')} no features",
            f"Extract them: kelly extract {name}.",
        )
    if not catalogue.config.license and (unknown := number(f"license = '' AND {OF_OTHERS}")):
        yield Obstacle(
            "licence",
            f"the licence of {count(unknown, 'sample')} is unknown",
            "Say it in config.json, license, once you know.",
        )
    try:
        verified = verify_proof(catalogue)
    except DatasetError as error:
        yield Obstacle("proof", error.what, f"Prove the splits: kelly split {name}.")
        return
    if crossings := verified.proof["crossings"]:
        yield Obstacle(
            "leak",
            f"{count(crossings, 'group lies', 'groups lie')} in several splits, so that what is tested was learnt",
            f"Cure it: kelly split {name} --reshuffle.",
        )
    elif not verified.holds:
        yield Obstacle(
            "proof",
            f"the proof of the splits is out of date: {_in_words(verified.differences)}",
            f"Renew it: kelly split {name}.",
        )


def _in_words(differences: Sequence[str]) -> str:
    """What has changed since splits were proved: the digest of all that decides them tells nobody anything."""
    decides = any(one.startswith("inputs_sha256") for one in differences)
    return "samples or labels have changed since" if decides else differences[0]
