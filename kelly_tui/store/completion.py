"""What a filter may go on with: the names, operators and values that there are, for the app's line and the shells."""

from __future__ import annotations

import difflib
import re

from kelly_tui.errors import FilterError
from kelly_tui.model.annotation import ALIASES
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store import filters

_LIKE = 0.5
"""How alike a name or value has to be to what was typed (`difflib`) to be meant by it."""

_PARTS = re.compile(r"(?P<negated>-?)(?P<name>[\w.]+)(?P<operator>[:=<>]|[<>]=)(?P<before>.*\|)?(?P<value>[^|]*)")


def conditions(typed: str, config: DatasetConfig) -> list[str]:
    """Conditions that begin with `typed`: first a name and its operator, then the values that can be listed.

    ``bp`` gives ``bpm:`` and ``bpm<``, ``-is:ver`` ``-is:verified``, ``emotion:sad|te`` ``emotion:sad|tense``.
    """
    return [one for one in _offered(typed, config) if one.startswith(typed)]


def completed(text: str, config: DatasetConfig) -> list[str]:
    """The filters that `text` may become when its last condition is completed; the likeliest first."""
    before, last = _split(text)
    return [before + one for one in conditions(last, config) if one != last] if last.strip("-") else []


def mended(text: str, config: DatasetConfig) -> str | None:
    """The filter with its last condition's unknown name or value replaced by the nearest; None if none is near."""
    before, last = _split(text)
    if parts := _PARTS.fullmatch(last):
        try:
            known = filters.values(parts["name"], config)
        except FilterError:
            name = _nearest(parts["name"], _names())
            return None if name is None else before + parts["negated"] + name + last[parts.start("operator") :]
        value = _nearest(parts["value"], known) if parts["value"] not in known else None
        return None if value is None else before + last[: parts.start("value")] + value
    name = _nearest(last.lstrip("-"), _names())
    return None if name is None else f"{before}{'-' if last.startswith('-') else ''}{name}:"


def _split(text: str) -> tuple[str, str]:
    """What stands before the last condition, and that; nothing can be said inside quotes."""
    if text.count('"') % 2:
        return text, ""
    last = re.search(r"\S*$", text)
    assert last is not None  # it can match nothing at all
    return text[: last.start()], last[0]


def _names() -> tuple[str, ...]:
    return (*filters.NAMES, *ALIASES)


def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    found = difflib.get_close_matches(word.casefold(), known, n=1, cutoff=_LIKE)
    return found[0] if found and found[0] != word else None


def _offered(typed: str, config: DatasetConfig) -> list[str]:
    minus, rest = ("-", typed[1:]) if typed.startswith("-") else ("", typed)
    name, colon, value = rest.partition(":")
    if not colon:
        bare = [minus + one for one in _names()]
        return [one + sign for one in bare for sign in (":<>" if filters.has_size(one.lstrip("-")) else ":")]
    chosen, bar, _ = value.rpartition("|")
    try:
        known = filters.values(name, config)
        if bar:
            filters.parse(f"{name}:{chosen}", config)
    except FilterError:  # to what can't be read nothing is added
        return []
    return [f"{minus}{name}:{chosen}{bar}{one}" for one in known]
