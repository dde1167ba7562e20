"""Where labels come from, as a file tells that anyone may have written: a part that can't be costs that part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kelly_tui.model.annotation import LONGEST_NAME
from kelly_tui.model.labels import SOURCES
from kelly_tui.store.schema import Provenance
from kelly_tui.text import no_number

_PARTS = [part for part in Provenance.__struct_fields__ if part != "source"]


def provenance_in(data: object) -> dict[str, Provenance]:
    """What can be read of it by field, of known sources: where a value came from is worth less than the value.

    Of no known source is no person's: without one it would be. Parts that `odd_parts` names are left out.
    """
    return {
        name: Provenance(
            one.get("source", "human"), **{part: one[part] for part in _PARTS if part in one and not _is_odd(part, one)}
        )
        for name, one in _objects(data)
        if one.get("source", "human") in SOURCES
    }


def odd_parts(data: object) -> Iterator[tuple[str, str]]:
    """(field, part) of each part, but for the source, that nothing can have written."""
    for name, one in _objects(data):
        yield from ((name, part) for part in _PARTS if part in one and _is_odd(part, one))


def _objects(data: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, one in data.items() if isinstance(data, dict) else ():
        if isinstance(one, dict) and not no_number(one):
            yield name, one


def _is_odd(part: str, said: dict[str, Any]) -> bool:
    try:
        msgspec.convert({part: said[part]}, Provenance)
    except msgspec.ValidationError:
        return True
    return part in ("by", "at") and len(said[part] or "") > LONGEST_NAME
