"""config.json is people's: of what lies there Kelly changes single fields, whatever was edited since it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kelly_tui.errors import DatasetError
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.durable import prepared
from kelly_tui.store.layout import load_config, pretty_json
from kelly_tui.store.swap import seen
from kelly_tui.store.viewstate import replace_if_same

_TRIES = 20


def change_config(catalogue: Catalogue, fields: Mapping[str, Any]) -> None:
    """Set fields of the configuration, in config.json and in the open catalogue, but for those that were edited in the
    file since that was opened: there stands what the file says.

    Other edits are as they were, and are the catalogue's when it is opened again. Raises `DatasetError`, `DiskFull`.
    """
    path, before = catalogue.layout.config_path, catalogue.config
    for _ in range(_TRIES):
        with catalogue.writing():  # of two processes each changes what the other has written
            there = seen(path)
            now = before if there is None else load_config(catalogue.root)
            wanted = {name: value for name, value in fields.items() if getattr(now, name) == getattr(before, name)}
            written = msgspec.structs.replace(now, **wanted)
            with prepared({path: pretty_json(written.to_dict())}) as ready:
                placed = replace_if_same(catalogue, ready[path], path, there)
        if placed is not None:
            said = {name: getattr(written, name) for name in fields}
            catalogue.config = msgspec.structs.replace(before, **said)
            return
    raise DatasetError("another program is writing it", path=path, hint="Save and close it there, then run this again.")
