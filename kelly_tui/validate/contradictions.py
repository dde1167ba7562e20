"""Labels that contradict each other, or the music that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kelly_tui.learn.suspects import heard_against
from kelly_tui.model.annotation import FIELDS
from kelly_tui.model.labels import EMOTION_PLACES
from kelly_tui.model.report import Finding
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.issues import LIKELY
from kelly_tui.store.layout import called
from kelly_tui.store.schema import HELD
from kelly_tui.text import agree, count, safe_text

_FAR = 0.3
"""Of valence and arousal, -1..1: an emotion whose place lies so far out has a side."""

_ROOTS = f"{HELD} AND parent_id IS NULL"
"""Variants have the labels of their roots: of a fault in these they say nothing new."""

_AMONG = f"rowid IN (SELECT rowid FROM samples WHERE {_ROOTS} AND {{}})"
"""Found by what is short first: that is an index, and the whole table is ten times as much to read."""


class _Pair(NamedTuple):
    """Two labels of a sample, and when they can't both be right, in SQL."""

    first: str
    second: str
    shown: str
    """The second, in SQL, as it is shown."""
    when: str


def check_contradictions(catalogue: Catalogue) -> Iterator[Finding]:
    """One finding for each two labels that contradict each other, and one for all that the music contradicts."""
    (roots,) = catalogue.db.execute(f"SELECT count(*) FROM samples WHERE {_ROOTS}").fetchone()
    for pair in _pairs():
        yield from _each_other(catalogue, pair, roots)
    yield from _the_music(catalogue, roots)


def _pairs() -> Iterator[_Pair]:
    for place, axis in enumerate(("valence", "arousal")):
        above = _names(name for name, at in EMOTION_PLACES.items() if at[place] >= _FAR)
        below = _names(name for name, at in EMOTION_PLACES.items() if at[place] <= -_FAR)
        when = f"emotion IN ({above}) AND {axis} <= -{_FAR} OR emotion IN ({below}) AND {axis} >= {_FAR}"
        yield _Pair("emotion", axis, axis, when)
    swung = "groove_type = 'straight' AND swing_ratio >= 0.62 OR groove_type IN ('swing', 'dotted')"
    yield _Pair("groove_type", "swing_ratio", "swing_ratio", f"{swung} AND swing_ratio <= 0.53")
    mean = "(SELECT round(avg(value)) FROM json_each(velocity_curve))"
    loud = f"dynamic_range = 'pp' AND {mean} > 90 OR dynamic_range = 'ff' AND {mean} < 50"
    yield _Pair("dynamic_range", "velocity_curve", mean, loud)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _each_other(catalogue: Catalogue, pair: _Pair, roots: int) -> Iterator[Finding]:
    """Where a person or a folder gave one of the two: detectors are no judges of each other."""
    given = " OR ".join(
        f"ifnull(provenance ->> '$.{name}.source', 'human') NOT IN ('detector', 'model')"
        for name in (pair.first, pair.second)
    )
    short = pair.when if pair.shown == pair.second else f"{pair.first} IS NOT NULL"  # no list is in the index
    rows = catalogue.db.execute(
        f"SELECT sample_id, {pair.first}, {pair.shown} FROM samples"
        f" WHERE {_AMONG.format(f'({short})')} AND ({pair.when}) AND ({given}) ORDER BY rowid"
    ).fetchall()
    if rows:
        first, second = FIELDS[pair.first].word, FIELDS[pair.second].word
        yield Finding(
            "warning",
            "labels-contradict",
            f"{first} and {second} of {len(rows):,} of {count(roots, 'root')} contradict each other: "
            f"{safe_text(str(rows[0][1]), 40)} with {second} {rows[0][2]:g}",
            f"Listen, and correct the {first} or the {second}.",
            len(rows),
            tuple(row[0] for row in rows),
        )


def _the_music(catalogue: Catalogue, roots: int) -> Iterator[Finding]:
    """Key and mode that persons or folders gave and nobody verified, against what the detector surely hears."""
    given = {
        name: f"iif(ifnull(provenance ->> '$.{name}.source', 'human') IN ('human', 'folder'), samples.{name}, NULL)"
        for name in ("key", "mode")
    }
    rows = catalogue.db.execute(
        f"SELECT sample_id, {given['key']} AS said_key, {given['mode']} AS said_mode, columns ->> '$.key_signature',"
        " columns ->> '$.mode', columns ->> '$.key_confidence'"
        " FROM samples JOIN features ON features.sample = samples.rowid"
        f" WHERE samples.{_AMONG.format('NOT ifnull(is_verified, 0) AND (key IS NOT NULL OR mode IS NOT NULL)')}"
        " AND (said_key IS NOT NULL OR said_mode IS NOT NULL)"
        " ORDER BY samples.rowid"
    )
    wrong: list[str] = []
    example = ""
    for sample_id, key, mode, *heard in rows:
        issue = heard_against(key, mode, *heard)
        if issue is not None and issue.issue >= LIKELY:
            wrong.append(sample_id)
            example = example or f"{' '.join(filter(None, (key, mode)))}, but {issue.why}".replace("_", " ")
    if wrong:
        yield Finding(
            "warning",
            "contradicts-music",
            f"the key or mode of {len(wrong):,} of {count(roots, 'root')} contradicts the music: {example}",
            f"Listen with a drone on the labelled key (m k); kelly suggest {called(catalogue.root)} and gq "
            f"{agree(len(wrong), 'asks', 'ask')} about the worst first.",
            len(wrong),
            tuple(wrong),
        )
