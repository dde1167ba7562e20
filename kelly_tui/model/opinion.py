"""What one person said of one field of one sample without knowing what others had said, or they themselves before."""

from __future__ import annotations

import msgspec

from kelly_tui.model.annotation import Value


class Opinion(msgspec.Struct, frozen=True):
    """Never a label, never overwritten: what was said in a later round is an opinion of its own."""

    sample_id: str
    field: str
    annotator: str
    round: int
    """1 is the first time that this person judged it."""
    value: Value
    at: str
