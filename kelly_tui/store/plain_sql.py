"""SQL of tables and indexes that computes nothing: a stranger's might take hours, or all memory, with each row."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"""\s*(?:(?P<word>\w+)|(?P<quoted>"[^"]*"|'[^']*')|(?P<sign><>|[(),=]))""")
_BEFORE_BRACKETS = frozenset(["AND", "AS", "IFNULL", "IN", "KEY", "NOT", "OR", "UNIQUE"])
_NAMED_NEXT = frozenset(["INDEX", "ON", "REFERENCES", "TABLE"])
"""What stands before the name of a table or an index."""
_COMPUTES = frozenset(["CHECK", "COLLATE", "GLOB", "LIKE", "MATCH", "REGEXP", "SELECT"])


def is_plain(sql: str) -> bool:
    """Whether a ``CREATE TABLE`` or ``CREATE INDEX`` only names, compares and chooses: no function but ``ifnull``, no
    pattern, no text put together.
    """
    last, before_last, place, end = "", "", 0, len(sql.rstrip())
    while place < end:
        token = _TOKEN.match(sql, place)
        if token is None:
            return False
        word = token["word"].upper() if token["word"] else token["quoted"] or token["sign"]
        if word in _COMPUTES or (word == "(" and not _may_open(before_last, last)):
            return False
        last, before_last, place = word, last, token.end()
    return True


def _may_open(before: str, name: str) -> bool:
    """Whether no function stands before the bracket."""
    return name in _BEFORE_BRACKETS or before in _NAMED_NEXT or not re.match(r"[\w\"]", name)
