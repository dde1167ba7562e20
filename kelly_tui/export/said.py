"""What people said of the exported samples besides their labels, beside every export: a JSON object a line.

``opinions.jsonl`` has what each said blind, ``blind_listening.jsonl`` the answers of blind listening, both in the order
in which they were given. Where nothing was said there is no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from kelly_tui.errors import LabelError
from kelly_tui.export.choice import Choice
from kelly_tui.export.target import Target
from kelly_tui.model.abx import Trial
from kelly_tui.model.opinion import Opinion
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.opinions import add_opinions, blind_opinions
from kelly_tui.store.rows import checked
from kelly_tui.store.trials import add_trials, trials

OPINIONS, LISTENING = "opinions.jsonl", "blind_listening.jsonl"

_T = TypeVar("_T", Opinion, Trial)

_encode = msgspec.json.Encoder(order="sorted").encode


def said_of(catalogue: Catalogue, choice: Choice) -> dict[str, list[bytes]]:
    """The lines of each file by its name, of the chosen samples alone."""
    where, parameters = choice.where(catalogue)
    marks = ", ".join("?" * len(choice.splits))
    statement = f"SELECT 1 FROM samples WHERE sample_id = ? AND split IN ({marks}) AND {where}"

    def is_chosen(sample_id: str) -> bool:
        found = catalogue.db.execute(statement, (sample_id, *choice.splits, *parameters))
        return found.fetchone() is not None

    told: dict[str, Sequence[Opinion | Trial]] = {OPINIONS: blind_opinions(catalogue), LISTENING: trials(catalogue)}
    return {name: [_encode(one) + b"\n" for one in every if is_chosen(one.sample_id)] for name, every in told.items()}


def write_said(said: dict[str, list[bytes]], target: Target) -> None:
    """Put the files beside those of the format."""
    for name, lines in said.items():
        if lines:
            with target.file(name) as file:
                file.writelines(lines)


def take_said(catalogue: Catalogue, folder: Path, refused: Callable[[str, str], None]) -> int:
    """Keep what the export in `folder` tells of samples that are here, as far as it is not kept yet; how much that is.

    `refused` hears the place and the reason of a line that is spoilt.
    """
    opinions = list(_new(catalogue, folder / OPINIONS, Opinion, blind_opinions(catalogue), refused))
    listening = list(_new(catalogue, folder / LISTENING, Trial, trials(catalogue), refused))
    with catalogue.writing():
        add_opinions(catalogue, opinions)
        add_trials(catalogue, listening)
    return len(opinions) + len(listening)


def _new(
    catalogue: Catalogue, path: Path, kind: type[_T], kept: Iterable[_T], refused: Callable[[str, str], None]
) -> Iterator[_T]:
    there = Counter(map(_encode, kept))
    if not path.exists():
        return
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            one = msgspec.json.decode(text, type=kind)
            _check(one, catalogue)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            refused(f"{path.name}:{number}", "it can't be read")
            continue
        except LabelError as error:
            refused(f"{path.name}:{number}", error.what)
            continue
        line = _encode(one)
        if there[line]:
            there[line] -= 1
        elif catalogue.get(one.sample_id) is not None:
            yield one


def _check(one: Opinion | Trial, catalogue: Catalogue) -> None:
    """Raises `LabelError`, `msgspec.ValidationError` for what nobody can have said."""
    if isinstance(one, Trial):
        msgspec.json.decode(one.recipe, type=dict[str, Any])
        return
    checked(one.field, one.value, catalogue.config)
    msgspec.convert(one.round, Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)])
