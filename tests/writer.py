"""``python -m tests.writer ROOT WHO SEED NOTES``: edits until killed, each noted once it is said to be durable."""

from __future__ import annotations

import os
import random
import sys
from itertools import count

from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.store import history, views
from kelly_tui.store.catalogue import Catalogue


def main() -> None:
    root, who, seed, acknowledged = sys.argv[1:]
    chance = random.Random(seed)
    with Catalogue.open(root) as catalogue, open(acknowledged, "a", buffering=1) as notes:
        ids = [one.sample_id for one in catalogue.samples("is:root")]
        parent = os.getppid()
        for number in count():
            if os.getppid() != parent:  # whoever would kill it is gone
                return
            sample_id, value = chance.choice(ids), f"{who}-{seed}-{number}-"
            history.edit(catalogue, [Edit(sample_id, "notes", Label(value))], by=who)
            notes.write(f"{value}\n")
            if number % 7 == 6:
                history.undo(catalogue, who)
            if number % 20 == 19:
                views.export_annotations(catalogue)


if __name__ == "__main__":
    main()
