"""What another copy of the dataset says of one sample: who of the two knows what the other said.

Another copy has a history of its own, and times tell nothing: two people may label for days before one takes in what
the other said. But a label is the same one here and there by its value, who gave it and when, this catalogue knows
those that it had, and the file those that were there. So who has replaced a label or taken it back knew it, and that
is followed; of two who did not know each other's, a person is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any, NamedTuple

from kelly_tui.model.annotation import FIELDS, Label, Value
from kelly_tui.model.edit import UNDECIDED, state_label
from kelly_tui.model.sample import Sample
from kelly_tui.store.annotation_file import AnnotationFile
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.conflicts import OUTSIDE, open_conflicts
from kelly_tui.store.decisions import decision_times, is_as_decided, outdated
from kelly_tui.store.earlier import Earlier, as_told, earlier_labels
from kelly_tui.store.merge import Disagreement, FieldMerge, merge_state, take_peoples, values_of
from kelly_tui.store.outside import Told, said_elsewhere
from kelly_tui.store.schema import Provenance, label_from_json, label_of, provenance_of
from kelly_tui.store.told import base_of, merged_with
from kelly_tui.store.touched import exported_rev


def told_by_copy(catalogue: Catalogue, sample: Sample, said: AnnotationFile, *, is_alone: bool) -> Told:
    """`is_alone`: not one of two versions in a file."""
    rev = exported_rev(catalogue, sample.sample_id) if is_alone else None
    known = _labels_known(catalogue, sample, said)
    values = _not_heard(catalogue, sample, said, is_alone=is_alone)
    values = _news(catalogue, sample, values, said.provenance, is_whole=is_alone)
    values |= {name: said.values.get(name) for name in known.all()}
    base = base_of(catalogue, sample, values.keys() & FIELDS.keys(), "rev", rev)
    times = decision_times(catalogue.db, [sample.sample_id]).get(sample.sample_id, {})
    followed = outdated(times, said.decisions)
    stale = {
        name
        for name in outdated(said.decisions, times)
        if is_as_decided(catalogue.db, sample.sample_id, _told_with(said, name), said.decisions[name][-1])
    }
    state = _state(said, stale, followed)
    base |= base_of(catalogue, sample, state, "rev", rev if said.rev is None else None)
    base |= {name: state_label(name, sample.state[name]) for name in followed}
    base |= known.all()
    merged = merged_with(catalogue, sample, base, values)
    take_peoples(merged, sample.labels, said.provenance.get)
    _ask_of_unknown(catalogue, merged, sample, said.provenance, known)
    merged.add(merge_state(values_of(base), sample.state, state))
    cleared = {name for name in known.surely if merged.taken.get(name, "") is None}
    _hear_of_refused(merged, sample, cleared)
    _hear_of_decision(catalogue, merged, sample, cleared)
    return Told(base, merged, said_elsewhere(said, base, state), _settled(catalogue, sample, said, merged.conflicts))


def _told_with(said: AnnotationFile, name: str) -> dict[str, object]:
    """A decision with its reason."""
    names = (name, "skip_reason") if name == "decision" else (name,)
    return {one: said.state[one] for one in names if one in said.state}


def _state(said: AnnotationFile, stale: Collection[str], followed: Collection[str]) -> dict[str, object]:
    """What was decided there, but for what was decided otherwise here since; a reason goes with its decision.

    A file does not tell what is as of itself: what is `followed` and missing is undecided there.
    """
    left_out = {*stale, "skip_reason"} if "decision" in stale else stale
    state = {name: value for name, value in said.state.items() if name not in left_out}
    return {**{name: UNDECIDED[name] for name in followed}, **state}


class _Known(NamedTuple):
    """Labels that stand here, and that the other copy had and has no more."""

    surely: dict[str, Label]
    doubtful: dict[str, Label]
    """They were gone here too and came back by undo: the other may have known them before that."""

    def all(self) -> dict[str, Label]:
        return self.surely | self.doubtful


def _labels_known(catalogue: Catalogue, sample: Sample, said: AnnotationFile) -> _Known:
    known = _Known({}, {})
    for name, label in sample.labels.items():
        if said.had(name, label):
            (known.doubtful if _was_given_again(catalogue, sample, name) else known.surely)[name] = label
    return known


def _not_heard(catalogue: Catalogue, sample: Sample, said: AnnotationFile, *, is_alone: bool) -> dict[str, object]:
    """What the file says, but for labels of which was heard here, and not there, that somebody replaced them.

    Lines that git put together may part a value from its label, and tell in both versions what only one has heard.
    """
    heard = earlier_labels(catalogue.db, [sample.sample_id]).get(sample.sample_id, {})
    values = dict(said.values)
    for name in heard.keys() & said.values.keys():
        value, where = said.values[name], said.provenance.get(name)
        is_parted = not is_alone and where is not None and where == _where_from(sample, name)
        if where is not None and not is_parted and (where.source == "human" or is_alone):
            was_heard = Earlier(as_told(value), where.by, where.at) in heard[name]
            was_given_again = is_alone and Earlier(as_told(value), where.by, where.at) in said.earlier.get(name, ())
        else:
            was_heard, was_given_again = not is_alone and as_told(value) in [one.value for one in heard[name]], False
        if was_heard and not was_given_again:
            del values[name]
    return values


def _where_from(sample: Sample, field: str) -> Provenance | None:
    label = sample.labels.get(field)
    return None if label is None else provenance_of(label)


def _was_given_again(catalogue: Catalogue, sample: Sample, field: str) -> bool:
    last = "SELECT kind FROM events JOIN steps USING (step) WHERE sample_id = ? AND field = ? ORDER BY seq DESC LIMIT 1"
    found = catalogue.db.execute(last, (sample.sample_id, field)).fetchone()
    return found is not None and found[0] in ("undo", "redo")


def _ask_of_unknown(
    catalogue: Catalogue, merged: FieldMerge, sample: Sample, theirs: Mapping[str, Provenance], known: _Known
) -> None:
    """Of what would be taken, make a conflict of what was said without knowing a person's label that is here.

    Who edits a file by hand leaves where a value comes from as it is; so does git where it takes the other side's
    lines, and then the value is one that was replaced here.
    """
    for name in list(merged.taken):
        label, where = sample.labels.get(name), theirs.get(name)
        if label is None or label.source != "human" or name in known.surely:
            continue
        is_strange = where not in (None, provenance_of(label)) or _was_replaced(
            catalogue, sample, name, merged.taken[name]
        )
        if name in known.doubtful or is_strange:
            merged.conflicts[name] = Disagreement(label.value, label.value, merged.taken.pop(name))


def _was_replaced(catalogue: Catalogue, sample: Sample, field: str, value: Value | None) -> bool:
    went = "SELECT old FROM events WHERE sample_id = ? AND field = ? AND old IS NOT NULL"
    before = [label_from_json(old) for (old,) in catalogue.db.execute(went, (sample.sample_id, field))]
    return value in [label.value for label in before if label is not None]


def _hear_of_refused(merged: FieldMerge, sample: Sample, cleared: Collection[str]) -> None:
    """What is refused there, but of fields in which a person's label stands here: it was of another label than this."""
    if (both := merged.conflicts.pop("refused", None)) is not None:  # each is of its own field
        merged.taken["refused"] = list(dict.fromkeys([*_list(both.ours), *_list(both.theirs)]))
    stands = {name for name, label in sample.labels.items() if label.source == "human" and name not in cleared}
    _refuse_no(merged, stands)
    if cleared:  # as before it was given: what is refused the file says itself
        merged.taken.setdefault("refused", sample.refused)


def _hear_of_decision(catalogue: Catalogue, merged: FieldMerge, sample: Sample, cleared: Collection[str]) -> None:
    """A sample is labelled as long as it has its main label."""
    main = catalogue.config.model.main_label
    if main in cleared and sample.decision == "labelled":
        merged.taken.setdefault("decision", "pending")
    has_main = merged.taken.get(main, sample.labels.get(main)) is not None
    if merged.taken.get("decision") == "labelled" and not has_main:
        del merged.taken["decision"]  # by a label that is no more


def _settled(catalogue: Catalogue, sample: Sample, said: AnnotationFile, asked: Container[str]) -> list[str]:
    """Fields about which somebody is asked here, and somebody decided there who knew what both sides say; not those
    about which is `asked` again.
    """
    open_ = open_conflicts(catalogue, sample.sample_id)
    return [
        name for name, ours, theirs in open_ if name not in asked and said.had(name, ours) and said.had(name, theirs)
    ]


def news_of_row(
    catalogue: Catalogue, sample: Sample, said: Mapping[str, Any], people: Mapping[str, Provenance], *, only: bool
) -> dict[str, Any]:
    """What a row that another copy wrote says and of which nothing was heard here; `only`: of `people`."""
    heard = earlier_labels(catalogue.db, [sample.sample_id]).get(sample.sample_id, {}) if people else {}
    asked = {
        name: value
        for name, value in said.items()
        if (name not in people and not only)
        or (name in people and Earlier(as_told(value), people[name].by, people[name].at) not in heard.get(name, ()))
    }
    return _news(catalogue, sample, asked, people, is_whole=True)


def ask_of_cleared(merged: FieldMerge, sample: Sample, row: Mapping[str, Any], told: Mapping[str, object]) -> None:
    """Where a row of another copy says that a person cleared a field, make a conflict of a person's label that is here.

    `told`: what the sample's own file says, which says whose label it was.
    """
    said, refused = row.get("annotations"), merged.taken.get("refused")
    there = said if isinstance(said, dict) else {}
    asked = set()
    for name in _list(refused):
        label = sample.labels.get(name)
        if label is not None and label.source == "human" and there.get(name) is None and name not in told:
            merged.conflicts[name] = Disagreement(label.value, label.value, None)
            asked.add(name)
    _refuse_no(merged, asked)


def _list(value: Value | None) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _refuse_no(merged: FieldMerge, asked: Collection[str]) -> None:
    """Fields that a label stands in or about which somebody is asked: who decides for no label refuses it too."""
    refused = merged.taken.get("refused")
    if asked and refused is not None:
        merged.taken["refused"] = [name for name in _list(refused) if name not in asked]


def _news(
    catalogue: Catalogue,
    sample: Sample,
    said: Mapping[str, Any],
    where: Mapping[str, Provenance],
    *,
    is_whole: bool,
) -> dict[str, Any]:
    """What was never said here. `is_whole`: not put together of lines by git, which may part a value from its label."""
    before = _labels_before(catalogue, sample) if said.keys() & where.keys() or not is_whole else ()
    values = [(field, label.value) for field, label in before] if not is_whole else ()
    return {
        name: value
        for name, value in said.items()
        if ((name, label_of(value, where[name])) not in before if name in where else (name, value) not in values)
    }


def _labels_before(catalogue: Catalogue, sample: Sample) -> Collection[tuple[str, Label]]:
    """Labels that a sample had and that somebody took back or said otherwise here; not those that went elsewhere,
    where they may be given again.
    """
    events = "SELECT field, old, kind FROM events JOIN steps USING (step) WHERE sample_id = ? ORDER BY seq"
    went = {(field, old): kind for field, old, kind in catalogue.db.execute(events, (sample.sample_id,))}
    had = [(field, label_from_json(old)) for (field, old), kind in went.items() if old and kind != OUTSIDE]
    return [(field, label) for field, label in had if label is not None and sample.labels.get(field) != label]
