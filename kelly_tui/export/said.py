"""What people said of the exported samples besides their labels, beside every export: a JSON object a line.

``opinions.jsonl`` has what each said blind, ``blind_listening.jsonl`` the answers of blind listening,
``conflicts.jsonl`` the fields that wait to be decided, with both sides, each in the order in which they came;
``rides.jsonl`` the curves of rides, by sample. Where nothing was said there is no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from kelly_tui.errors import FileRefused, LabelError
from kelly_tui.export.choice import Choice
from kelly_tui.export.outside import lines_in, regular
from kelly_tui.export.target import Target
from kelly_tui.model.abx import Trial
from kelly_tui.model.opinion import Opinion
from kelly_tui.model.ride import Ride
from kelly_tui.store.blind import possible
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import WrittenConflict, put_conflict, sides_of, written_conflicts
from kelly_tui.store.opinions import add_opinions, blind_opinions
from kelly_tui.store.rides import all_rides, keep_ride
from kelly_tui.store.rows import checked
from kelly_tui.store.trials import add_trials, trials
from kelly_tui.text import count


class Ridden(msgspec.Struct, frozen=True):
    """A ride, and the sample along which it went."""

    sample_id: str
    ride: Ride


Said = Opinion | Trial | WrittenConflict | Ridden

OPINIONS, LISTENING, CONFLICTS, RIDES = "opinions.jsonl", "blind_listening.jsonl", "conflicts.jsonl", "rides.jsonl"
_KINDS: dict[str, type[Said]] = {OPINIONS: Opinion, LISTENING: Trial, CONFLICTS: WrittenConflict, RIDES: Ridden}
_WORDS = {
    OPINIONS: ("opinion", "opinions"),
    LISTENING: ("answer of blind listening", "answers of blind listening"),
    CONFLICTS: ("open conflict", "open conflicts"),
    RIDES: ("ride", "rides"),
}

_AT_ONCE = 1000

_encode = msgspec.json.Encoder(order="sorted").encode


def all_said(catalogue: Catalogue) -> dict[str, Sequence[Said]]:
    """All that was said in a dataset, by the name of its file."""
    rides = [Ridden(*ridden) for ridden in all_rides(catalogue.layout)]
    return {
        OPINIONS: blind_opinions(catalogue),
        LISTENING: trials(catalogue),
        CONFLICTS: written_conflicts(catalogue),
        RIDES: rides,
    }


def said_of(catalogue: Catalogue, choice: Choice) -> dict[str, list[bytes]]:
    """The lines of each file by its name, of the chosen samples alone."""
    where, parameters = choice.where(catalogue)
    marks = ", ".join("?" * len(choice.splits))
    statement = f"SELECT 1 FROM samples WHERE sample_id = ? AND split IN ({marks}) AND {where}"

    def is_chosen(sample_id: str) -> bool:
        found = catalogue.db.execute(statement, (sample_id, *choice.splits, *parameters))
        return found.fetchone() is not None

    return {
        name: lines_of(one for one in every if is_chosen(one.sample_id)) for name, every in all_said(catalogue).items()
    }


def lines_of(said: Iterable[Said]) -> list[bytes]:
    return [_encode(one) + b"\n" for one in said]


def write_said(said: dict[str, list[bytes]], target: Target) -> None:
    """Put the files beside those of the format."""
    for name, lines in said.items():
        if lines:
            with target.file(name) as file:
                file.writelines(lines)


def said_in(folder: Path) -> dict[str, Iterator[bytes]]:
    """The lines of each file that lies in an export, by its name, read when they are asked for."""
    return {name: lines_in(folder, path) for name in _KINDS for path in regular(folder, name)}


def take_said(catalogue: Catalogue, told: Mapping[str, Iterable[bytes]], refused: Callable[[str, str], None]) -> str:
    """Keep what is told of samples that are here, as far as it is not kept yet; what that was, in words.

    `refused` hears the place and the reason of a line that is spoilt, and of a file that can't be read.
    """
    kept, taken = all_said(catalogue), Counter[str]()
    for name, lines in told.items():
        new = _new(catalogue, name, lines, kept[name], refused)
        while some := list(islice(new, _AT_ONCE)):
            _keep(catalogue, some)
            taken[name] += len(some)
    return ", ".join(count(number, *_WORDS[name]) for name, number in taken.items())


def _keep(catalogue: Catalogue, some: Sequence[Said]) -> None:
    with catalogue.writing():
        add_opinions(catalogue, [one for one in some if isinstance(one, Opinion)])
        add_trials(catalogue, [one for one in some if isinstance(one, Trial)])
        for one in some:
            if isinstance(one, WrittenConflict):
                put_conflict(catalogue, one.sample_id, one.field, *sides_of(one, catalogue.config), one.origin, one.at)
    for one in some:
        if isinstance(one, Ridden):
            keep_ride(catalogue.layout, one.sample_id, one.ride)


def _readable(name: str, lines: Iterable[bytes], refused: Callable[[str, str], None]) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, but those that say nothing."""
    try:
        for number, line in enumerate(lines, 1):
            if text := line.strip():
                yield number, text
    except FileRefused as error:
        refused(name, error.what)
    except OSError as error:
        refused(name, f"can't be read ({error.strerror})")


def _new(
    catalogue: Catalogue, name: str, lines: Iterable[bytes], kept: Iterable[Said], refused: Callable[[str, str], None]
) -> Iterator[Said]:
    there = Counter(map(_encode, kept))
    for number, text in _readable(name, lines, refused):
        try:
            one = _as_kept(msgspec.json.decode(text, type=_KINDS[name]), catalogue)
        except LabelError as error:
            refused(f"{name}:{number}", error.what)
            continue
        except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):
            refused(f"{name}:{number}", "it can't be read")
            continue
        line = _encode(one)
        if there[line]:
            there[line] -= 1
        elif _is_of_now(one, catalogue):
            yield one


def _as_kept(one: Said, catalogue: Catalogue) -> Said:
    """Raises `LabelError`, `ValueError`, `TypeError`, `MsgspecError` for what nobody can have said."""
    match one:
        case Opinion():
            checked(one.field, one.value, catalogue.config)  # which says why it can't be
            kept: Said | None = possible(one, catalogue.config)
        case Trial():
            kept = possible(one, catalogue.config)
        case WrittenConflict():
            sides_of(one, catalogue.config)
            kept = one
        case Ridden():
            kept = one
    if kept is None:
        raise LabelError("nobody can have said so")
    return kept


def _is_of_now(one: Said, catalogue: Catalogue) -> bool:
    """Whether its sample is here; and of a conflict, whether nobody has decided the field since."""
    sample = catalogue.get(one.sample_id)
    if sample is None or not isinstance(one, WrittenConflict):
        return sample is not None
    ours, now = sides_of(one, catalogue.config).ours, {**sample.annotations, **sample.state}.get(one.field)
    return now is None or (ours is not None and now == ours.value)
