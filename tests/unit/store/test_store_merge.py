import pytest
from hypothesis import given
from hypothesis import strategies as st

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import Value
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.store.merge import Disagreement, merge_fields
from kelly_tui.store.rows import checked

CONFIG = DatasetConfig(dataset_id="d")


def check(name: str, value: object) -> Value:
    return checked(name, value, CONFIG)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "taken", "conflict"),
    [
        # only one side changed
        ("sad", "sad", "happy", {"emotion": "happy"}, None),
        ("sad", "happy", "sad", {}, None),
        (None, None, "happy", {"emotion": "happy"}, None),
        (None, "sad", None, {}, None),
        # null clears, both ways
        ("sad", "sad", None, {"emotion": None}, None),
        ("sad", None, "sad", {}, None),
        # both to the same
        ("sad", "happy", "happy", {}, None),
        ("sad", None, None, {}, None),
        # both, to different ones
        ("sad", "happy", "angry", {}, Disagreement("sad", "happy", "angry")),
        (None, "happy", "angry", {}, Disagreement(None, "happy", "angry")),
        ("sad", None, "angry", {}, Disagreement("sad", None, "angry")),
        ("sad", "happy", None, {}, Disagreement("sad", "happy", None)),
    ],
)
def test_every_case_of_one_field(base, ours, theirs, taken, conflict):
    merged = merge_fields({"emotion": base}, {"emotion": ours}, {"emotion": theirs}, check)
    assert merged.taken == taken
    assert merged.conflicts == ({} if conflict is None else {"emotion": conflict})
    assert not merged.refused


def test_a_missing_key_says_nothing():
    merged = merge_fields({"emotion": "sad", "key": "C"}, {"emotion": "sad", "key": "D"}, {}, check)
    assert (merged.taken, merged.conflicts, merged.refused) == ({}, {}, {})


def test_what_can_be_no_label_is_refused_by_name_and_the_rest_is_taken():
    merged = merge_fields({}, {}, {"emotion": "blue", "mood": "x", "key": "Db", "arousal": 7}, check)
    assert merged.taken == {"key": "C#"}
    assert set(merged.refused) == {"emotion", "mood", "arousal"}


def test_true_is_not_one_and_a_whole_number_is_the_same_tempo():
    assert merge_fields({"tempo_bpm": 120.0}, {"tempo_bpm": 120.0}, {"tempo_bpm": 120}, check).taken == {}
    assert merge_fields({"valence": 1.0}, {"valence": 1.0}, {"valence": True}, check).refused.keys() == {"valence"}


EMOTION = st.sampled_from(["happy", "sad", "angry", None])


@given(base=EMOTION, ours=EMOTION, theirs=EMOTION)
def test_no_value_is_lost_and_no_side_overruns_the_other(base, ours, theirs):
    merged = merge_fields({"emotion": base}, {"emotion": ours}, {"emotion": theirs}, check)
    after = merged.taken.get("emotion", ours)
    if ours != base:
        assert after == ours, "what the catalogue changed stands"
    if theirs not in (base, ours):
        listed = merged.conflicts.get("emotion")
        assert after == theirs or (listed is not None and (listed.ours, listed.theirs) == (ours, theirs))
    if theirs == base:
        assert after == ours


def test_check_is_asked_for_new_values_only():
    def never(name: str, value: object) -> Value:
        raise LabelError("asked")

    kept = merge_fields({"emotion": "odd"}, {"emotion": "odd"}, {"emotion": "odd"}, never)
    assert not kept.refused, "a value that a later version would not accept is still what we wrote"
