import os
import shutil
import signal
from pathlib import Path

import pytest
from store_samples import id_of, new_catalogue, sample

from kelly_tui.errors import DatasetError, KellyError, LabelError
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit, Step
from kelly_tui.store import history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit, redo, undo
from kelly_tui.store.views import read_back, write_views


@pytest.fixture
def catalogue(tmp_path: Path):
    with new_catalogue(tmp_path) as opened:
        opened.add(sample(number) for number in range(1, 6))
        yield opened


def say(catalogue: Catalogue, number: int, field: str, value: object, by: str = "ann"):
    label = None if value is None else Label(value)  # type: ignore[arg-type]
    return edit(catalogue, [Edit(id_of(number), field, label)], by=by)


def values(catalogue: Catalogue, number: int) -> dict[str, object]:
    one = catalogue.get(id_of(number))
    assert one is not None
    return {**one.annotations, "decision": one.decision}


def test_an_edit_says_who_and_when(catalogue: Catalogue) -> None:
    step = say(catalogue, 1, "key", "Db")
    one = catalogue.find(id_of(1))
    label = one.labels["key"]
    assert (label.value, label.source, label.by) == ("C#", "human", "ann")
    assert label.at is not None
    assert label.at.endswith("Z")
    assert one.modified_at == label.at
    assert one.rev == 1
    assert step.words == "key C#"
    assert [(event.field, event.old, event.new, event.actor, event.kind) for event in step.events] == [
        ("key", None, label, "ann", "edit")
    ]
    assert history.history(catalogue, id_of(1)) == list(step.events)


def test_the_main_label_decides_and_clearing_it_opens(catalogue: Catalogue) -> None:
    say(catalogue, 1, "key", "C")
    assert values(catalogue, 1)["decision"] == "pending"
    assert len(say(catalogue, 1, "emotion", "happy").events) == 2
    assert values(catalogue, 1) == {"key": "C", "emotion": "happy", "decision": "labelled"}
    say(catalogue, 1, "emotion", None)
    assert values(catalogue, 1) == {"key": "C", "decision": "pending"}
    undo(catalogue, "ann")
    assert values(catalogue, 1) == {"key": "C", "emotion": "happy", "decision": "labelled"}


def test_the_main_label_is_the_target_models(tmp_path: Path) -> None:
    with new_catalogue(tmp_path, target_model="groovepredictor") as grooves:
        grooves.add([sample(1)])
        say(grooves, 1, "emotion", "happy")
        assert values(grooves, 1)["decision"] == "pending"
        say(grooves, 1, "groove", "dotted")
        assert values(grooves, 1)["decision"] == "labelled"


@pytest.mark.parametrize("source", ["detector", "model"])
def test_a_guess_that_a_person_refused_does_not_come_back_but_others_may(catalogue: Catalogue, source: str) -> None:
    guess = {id_of(1): {"emotion": Label("sad", source, "kelly guess 1", confidence=0.6)}}
    catalogue.put_labels(guess)
    edit(catalogue, [Edit(id_of(1), "refused", Label(["emotion:sad"])), Edit(id_of(1), "emotion", None)], by="ann")
    assert catalogue.put_labels(guess) == 0
    assert values(catalogue, 1) == {"decision": "pending"}
    assert catalogue.find(id_of(1)).refused == ["emotion:sad"]
    assert catalogue.put_labels({id_of(1): {"emotion": Label("sad", "folder")}}) == 1  # that is no guess
    undo(catalogue, "ann")
    assert catalogue.find(id_of(1)).refused == []


def test_skipping_has_a_reason_until_it_is_decided_otherwise(catalogue: Catalogue) -> None:
    skip = [Edit(id_of(1), "decision", Label("skipped")), Edit(id_of(1), "skip_reason", Label("speech"))]
    edit(catalogue, skip, by="ann")
    assert catalogue.find(id_of(1)).skip_reason == "speech"
    say(catalogue, 1, "emotion", "sad")
    assert (catalogue.find(id_of(1)).skip_reason, values(catalogue, 1)["decision"]) == (None, "labelled")
    undo(catalogue, "ann")
    assert (catalogue.find(id_of(1)).skip_reason, values(catalogue, 1)["decision"]) == ("speech", "skipped")


def test_what_is_there_already_is_no_change(catalogue: Catalogue) -> None:
    say(catalogue, 1, "emotion", "happy")
    undo(catalogue, "ann")
    redo(catalogue, "ann")
    assert say(catalogue, 1, "emotion", "happy").events == ()
    assert catalogue.find(id_of(1)).rev == 3
    assert say(catalogue, 1, "emotion", "happy", by="bob").events != ()  # another person says so too


def test_confirming_a_detector_makes_it_a_persons_word(catalogue: Catalogue) -> None:
    catalogue.put_labels({id_of(1): {"key": Label("A", "detector", "kelly key 1", confidence=0.4)}})
    say(catalogue, 1, "key", "A")
    label = catalogue.find(id_of(1)).labels["key"]
    assert (label.source, label.confidence) == ("human", None)
    undo(catalogue, "ann")
    assert catalogue.find(id_of(1)).labels["key"] == Label("A", "detector", "kelly key 1", confidence=0.4)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("emotion", "hapy", "Did you mean happy"),
        ("emotoin", "happy", "Did you mean emotion"),
        ("tempo_bpm", "fast", "is no tempo"),
        ("dominance", "9", "'9' is no dominance"),
        ("decision", "skiped", "Did you mean skipped"),
        ("rejected", "perhaps", "yes or no"),
    ],
)
def test_a_wrong_edit_names_the_nearest_and_changes_nothing(
    catalogue: Catalogue, field: str, value: str, said: str
) -> None:
    right = Edit(id_of(2), "key", Label("C"))
    with pytest.raises(LabelError, match=said):
        edit(catalogue, [right, Edit(id_of(1), field, Label(value))], by="ann")
    assert history.history(catalogue) == []
    assert catalogue.get(id_of(2)) == sample(2)


def test_a_sample_that_is_not_there_changes_nothing(catalogue: Catalogue) -> None:
    with pytest.raises(DatasetError, match="no sample beef"):
        edit(catalogue, [Edit(id_of(1), "key", Label("C")), Edit("beef", "key", Label("C"))], by="ann")
    assert history.history(catalogue) == []


def test_empty_text_and_lists_clear(catalogue: Catalogue) -> None:
    say(catalogue, 1, "notes", "rain")
    say(catalogue, 1, "tags", "slow wet")
    assert values(catalogue, 1) == {"notes": "rain", "tags": ["slow", "wet"], "decision": "pending"}
    say(catalogue, 1, "notes", "")
    say(catalogue, 1, "tags", "")
    assert values(catalogue, 1) == {"decision": "pending"}


def test_undo_and_redo_all_the_way(catalogue: Catalogue) -> None:
    states = [values(catalogue, 1)]
    for field, value in (("emotion", "happy"), ("key", "C"), ("emotion", "sad"), ("notes", "x"), ("is_verified", True)):
        say(catalogue, 1, field, value)
        states.append(values(catalogue, 1))
    for state in states[-2::-1]:
        assert undo(catalogue, "ann") is not None
        assert values(catalogue, 1) == state
    assert undo(catalogue, "ann") is None
    for state in states[1:]:
        assert redo(catalogue, "ann") is not None
        assert values(catalogue, 1) == state
    assert redo(catalogue, "ann") is None
    kinds = [event.kind for event in history.history(catalogue)]
    assert kinds.count("undo") == kinds.count("redo") == kinds.count("edit")


def test_undo_survives_a_restart_and_names_what_it_did(catalogue: Catalogue) -> None:
    say(catalogue, 1, "emotion", "happy")
    with Catalogue.open(catalogue.root) as again:
        step = undo(again, "ann")
        assert step is not None
        assert step.words == "undo emotion happy"
        redone = redo(again, "ann")
        assert redone is not None
        assert redone.words == "redo emotion happy"


def test_a_new_edit_drops_what_was_undone_but_not_its_history(catalogue: Catalogue) -> None:
    say(catalogue, 1, "emotion", "happy")
    say(catalogue, 1, "emotion", "sad")
    undo(catalogue, "ann")
    say(catalogue, 1, "emotion", "angry")
    assert redo(catalogue, "ann") is None
    undo(catalogue, "ann")
    assert values(catalogue, 1)["emotion"] == "happy"
    undo(catalogue, "ann")
    assert values(catalogue, 1) == {"decision": "pending"}
    assert undo(catalogue, "ann") is None
    said = [event.new.value for event in history.history(catalogue) if event.kind == "edit" and event.new]
    assert "sad" in said


def test_two_people_do_not_undo_each_other(catalogue: Catalogue) -> None:
    say(catalogue, 1, "emotion", "happy", by="ann")
    say(catalogue, 2, "emotion", "sad", by="bob")
    undo(catalogue, "ann")
    assert values(catalogue, 1) == {"decision": "pending"}
    assert values(catalogue, 2)["emotion"] == "sad"
    assert undo(catalogue, "ann") is None
    say(catalogue, 2, "key", "C", by="bob")
    assert redo(catalogue, "ann") is not None


def test_undo_leaves_alone_what_another_has_changed_since(catalogue: Catalogue) -> None:
    edit(catalogue, [Edit(id_of(n), "emotion", Label("happy")) for n in (1, 2)], by="ann")
    say(catalogue, 2, "emotion", "sad", by="bob")
    step = undo(catalogue, "ann")
    assert step is not None
    assert values(catalogue, 1) == {"decision": "pending"}
    assert values(catalogue, 2) == {"emotion": "sad", "decision": "labelled"}, "by bob, and so no longer pending"
    assert [(event.sample_id, event.field) for event in step.left_alone] == [(id_of(2), "emotion")]
    step = redo(catalogue, "ann")
    assert step is not None
    assert values(catalogue, 1)["emotion"] == "happy"
    assert values(catalogue, 2)["emotion"] == "sad"


def test_undo_leaves_alone_what_is_gone(catalogue: Catalogue) -> None:
    edit(catalogue, [Edit(id_of(n), "emotion", Label("happy")) for n in (1, 2)], by="ann")
    with catalogue.writing() as db:
        db.execute("DELETE FROM samples WHERE sample_id = ?", (id_of(1),))
    step = undo(catalogue, "ann")
    assert step is not None
    assert {event.sample_id for event in step.left_alone} == {id_of(1)}
    assert values(catalogue, 2) == {"decision": "pending"}


def test_one_step_over_many_samples_holds_the_lock_briefly(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as many:
        many.add(sample(number) for number in range(450))
        transactions = []
        many.db.set_trace_callback(lambda sql: transactions.append(sql) if sql == "COMMIT" else None)
        step = edit(many, [Edit(id_of(n), "emotion", Label("tense")) for n in range(450)], by="ann")
        many.db.set_trace_callback(None)
        assert len(transactions) == 3
        assert step.words == "emotion tense on 450 samples"
        assert len({event.step for event in step.events}) == 1
        undone = undo(many, "ann")
        assert undone is not None
        assert len(undone.events) == 900
        assert many.counts().by_label("emotion") == {}


def test_a_step_cut_short_can_be_undone_and_so_can_an_undo(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as many:
        many.add(sample(number) for number in range(300))
        wrong = [*(Edit(id_of(n), "emotion", Label("tense")) for n in range(300)), Edit("beef", "key", Label("C"))]
        with pytest.raises(KellyError):
            edit(many, wrong, by="ann")
        assert many.counts().of("emotion") == {"tense": 200}
        many.db.execute(
            "CREATE TEMP TRIGGER cut BEFORE UPDATE ON samples WHEN OLD.rowid = 150"
            " BEGIN SELECT RAISE(ABORT, 'cut'); END"
        )
        with pytest.raises(Exception, match="cut"):
            undo(many, "ann")
        many.db.execute("DROP TRIGGER cut")
        assert undo(many, "ann") is not None
        assert many.counts().of("emotion") == {}


# -- two apps of one person --------------------------------------------------------------------------------------------


@pytest.fixture
def apps(catalogue: Catalogue):
    """Two runs of the app on one dataset."""
    with Catalogue.open(catalogue.root) as one, Catalogue.open(catalogue.root) as other:
        one.begin_session()
        other.begin_session()
        yield one, other


def words(step: Step | None) -> str | None:
    return None if step is None else step.words


def test_an_app_takes_back_its_own_steps_and_then_what_no_other_app_made(catalogue, apps) -> None:
    one, other = apps
    say(catalogue, 1, "key", "C")  # from the command line
    say(one, 1, "key", "D")
    say(other, 2, "key", "E")
    assert words(undo(one, "ann")) == "undo key D"
    assert words(undo(one, "ann")) == "undo key C"
    assert undo(one, "ann") is None, "the other app is alive, and its step its own"
    assert values(catalogue, 2)["key"] == "E"
    assert words(undo(other, "ann")) == "undo key E"
    assert undo(other, "ann") is None


def test_the_steps_of_an_app_that_is_left_are_everybodys(catalogue, apps) -> None:
    one, other = apps
    say(other, 2, "key", "E")
    say(one, 1, "key", "D")
    other.close()
    assert words(undo(one, "ann")) == "undo key D"
    assert words(undo(one, "ann")) == "undo key E"


def test_the_steps_of_an_app_that_was_killed_are_everybodys(catalogue, apps) -> None:
    one, _ = apps
    child = os.fork()
    if child == 0:
        with Catalogue.open(catalogue.root) as killed:
            killed.begin_session()
            say(killed, 2, "key", "E")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert words(undo(one, "ann")) == "undo key E"
    assert len(list(catalogue.layout.sessions.iterdir())) == 2, "what the dead one left is swept"


def test_each_app_makes_its_own_steps_again_in_the_order_it_took_them_back(catalogue, apps) -> None:
    one, other = apps
    say(catalogue, 1, "key", "C")
    say(one, 2, "key", "D")
    say(one, 3, "key", "E")
    say(other, 4, "key", "F")
    taken_back = [words(undo(one, "ann")) for _ in range(3)]
    assert taken_back == ["undo key E", "undo key D", "undo key C"]
    undo(other, "ann")
    assert [words(redo(one, "ann")) for _ in range(4)] == ["redo key C", "redo key D", "redo key E", None]
    assert words(redo(other, "ann")) == "redo key F"


def test_an_edit_in_one_app_leaves_the_other_what_it_can_make_again(catalogue, apps) -> None:
    one, other = apps
    say(one, 1, "key", "C")
    say(other, 2, "key", "D")
    undo(one, "ann")
    undo(other, "ann")
    say(one, 3, "key", "E")
    assert redo(one, "ann") is None
    assert words(redo(other, "ann")) == "redo key D"


def test_the_command_line_takes_back_a_persons_last_step_whoever_made_it(catalogue, apps) -> None:
    one, other = apps
    say(one, 1, "key", "C")
    say(other, 2, "key", "D")
    assert words(undo(catalogue, "ann")) == "undo key D"
    assert words(redo(catalogue, "ann")) == "redo key D"


def test_a_kill_leaves_a_step_done_or_undone_and_never_between(tmp_path: Path) -> None:
    with new_catalogue(tmp_path) as catalogue:
        catalogue.add([sample(1)])
        say(catalogue, 1, "emotion", "happy")
    root = tmp_path / "songs"
    seen = set()
    for turn in (undo, redo):
        for statements in range(1, 100):
            copy = Path(shutil.copytree(root, tmp_path / f"{turn.__name__} {statements}"))
            if not killed_after(statements, turn, copy):
                break
            with Catalogue.open(copy) as catalogue:
                state = catalogue.db.execute("SELECT state FROM steps WHERE kind = 'edit'").fetchone()[0]
                emotion = values(catalogue, 1).get("emotion")
                assert (state, emotion) in [("done", "happy"), ("undone", None)]
                seen.add((turn, state))
        assert statements > 5
        with Catalogue.open(root) as catalogue:
            undo(catalogue, "ann")  # so that there is something to make again
    assert len(seen) == 2, "killed before the commit"


def killed_after(statements: int, turn, root: Path) -> bool:
    """Run `turn` in a process that dies at that statement of SQL; False if it came to its end."""
    child = os.fork()
    if child == 0:
        catalogue = Catalogue.open(root)
        left = iter(range(statements))
        catalogue.db.set_trace_callback(
            lambda sql: None if next(left, None) is not None else os.kill(os.getpid(), signal.SIGKILL)
        )
        turn(catalogue, "ann")
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def test_stage_labels_are_history_too_but_no_persons_undo_takes_them_back(catalogue: Catalogue) -> None:
    catalogue.put_labels({id_of(1): {"key": Label("A", "detector")}}, actor="extract")
    (event,) = history.history(catalogue)
    assert (event.kind, event.actor, event.new) == ("stage", "extract", Label("A", "detector"))
    assert undo(catalogue, "extract") is None
    assert undo(catalogue, "ann") is None


def test_history_is_newest_first_and_limited(catalogue: Catalogue) -> None:
    for number in range(1, 6):
        say(catalogue, number, "key", "C")
    assert [event.sample_id for event in history.history(catalogue, limit=2)] == [id_of(5), id_of(4)]
    assert [event.sample_id for event in history.history(catalogue, id_of(2))] == [id_of(2)]


def test_a_clock_that_goes_back_changes_nothing_of_what_came_last(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(catalogue, 1, "emotion", "happy")
    monkeypatch.setattr(history, "utc_now", lambda: "2001-01-01T00:00:00.000Z")
    say(catalogue, 1, "emotion", "sad")
    assert values(catalogue, 1)["emotion"] == "sad"
    assert next(event.new.value for event in history.history(catalogue, id_of(1)) if event.new) == "sad"
    write_views(catalogue)
    assert read_back(catalogue).words() == "", "our own files are no outside edits, however old they say they are"
    assert undo(catalogue, "ann") is not None
    assert values(catalogue, 1)["emotion"] == "happy"
    assert redo(catalogue, "ann") is not None
    assert values(catalogue, 1)["emotion"] == "sad"
