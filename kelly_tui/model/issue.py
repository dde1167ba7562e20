"""That a label is probably wrong: no verdict, but where a person should listen first."""

from __future__ import annotations

import msgspec


class Issue(msgspec.Struct, frozen=True):
    """The most doubtful of a sample's labels."""

    issue: float
    """The probability that it is wrong, 0..1."""
    field: str
    why: str
    """``sounds happy .71, sad .06: major, 126 BPM, loud``"""

    def words(self, field: str) -> str:
        """``emotion wrong? .83: sounds happy .71 …``; `field` as a person says it."""
        return f"{field} wrong? {self.issue:.2f}: {self.why}".replace(" 0.", " .")
