"""What the features suggest: beside the empty field and in the list, no label until it is accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import symusic

from kelly_tui.errors import DatasetError
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.suggestion import Suggestion
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.suggestions import replace_suggestions
from tests.ui.conftest import NAMES, Open

SAD = Suggestion(
    "sad", {"sad": 0.71, "melancholic": 0.22, "neutral": 0.05}, -0.4, -0.3, 0.6, 0.42, "minor, 68 BPM, quiet, few notes"
)


@pytest.fixture
def heard(root: Path) -> Path:
    """The dataset with a suggestion for amber, birch (a folder says sad), dune (a person says tense); none for fern."""
    with Catalogue.open(root) as catalogue:
        said = {NAMES.index(name) + 1: SAD for name in ("amber", "birch", "dune")}
        replace_suggestions(
            catalogue, sorted({**said, NAMES.index("heath") + 1: Suggestion(why="too few notes to say: 3")}.items())
        )
    return root


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 48)])
async def test_a_suggestion_stands_beside_the_empty_field_with_its_reason(
    open_desk: Open, heard: Path, size: tuple[int, int]
) -> None:
    async with open_desk(heard, size) as desk:
        shown = desk.text()
        assert "sad? .71   melancholic? .22" in shown
        assert "minor, 68 BPM, quiet" in shown or size[0] == 80
        assert sum("sad?" in line for line in shown.splitlines()) >= 2  # in the list and in the form
        if size[0] > 80:
            assert "-0.4? ± 0.6" in shown
            assert "-0.3? ± 0.42" in shown
        assert desk.values("amber") == {}


async def test_what_was_decided_stands_apart_from_the_reason(open_desk: Open, root: Path) -> None:
    with Catalogue.open(root) as catalogue:
        replace_suggestions(catalogue, sorted({1: Suggestion("sad", {"sad": 0.71}, why="minor, slow")}.items()))
    async with open_desk(root, (80, 24)) as desk:
        await desk.press("f", "k")
        assert desk.here == "amber"
        assert "flagged   minor, slow" in desk.text()


@pytest.mark.exercises("accept")
async def test_enter_makes_it_a_persons_label(open_desk: Open, heard: Path) -> None:
    async with open_desk(heard) as desk:
        await desk.press("enter")
        labels = desk.stored("amber").labels
        assert {name: labels[name].value for name in labels} == {
            "emotion": "sad", "valence": -0.4, "arousal": -0.3, "is_verified": True,
        }  # fmt: skip
        assert {(label.source, label.by, label.confidence) for label in labels.values()} == {("human", "tester", None)}
        assert desk.stored("amber").decision == "labelled"
        assert desk.here == "birch"
        await desk.press("u")
        assert desk.values("amber") == {}
        assert "sad? .71" in desk.text()


@pytest.mark.exercises("reject", "undo")
async def test_x_refuses_it_for_good_and_undo_brings_it_back(open_desk: Open, heard: Path) -> None:
    async with open_desk(heard) as desk:
        await desk.press("x")
        assert "amber: sad refused" in desk.said
        assert desk.stored("amber").refused == ["emotion:sad"]
        assert desk.stored("amber").decision == "pending"
        assert "melancholic? .81   neutral? .18" in desk.text()  # .22 and .05 of what is left
        assert "-0.4?" not in desk.text()  # heard together with what was refused
        await desk.press("x", "x")
        assert desk.stored("amber").refused == ["emotion:sad", "emotion:melancholic", "emotion:neutral"]
        await desk.press("x")
        assert "no guess to refuse" in desk.said
        await desk.press("enter")
        assert "emotion is open" in desk.said
        with Catalogue.open(heard) as catalogue:  # made anew, and saying the same
            replace_suggestions(catalogue, [])
            replace_suggestions(catalogue, sorted({1: SAD}.items()))
        desk.app.workstation.look_around()
        assert "sad?" not in desk.text()
        await desk.press("u", "u", "u")
        assert desk.stored("amber").refused == []
        assert "sad? .71" in desk.text()


@pytest.mark.exercises("reject", "repeat")
async def test_x_on_marked_samples_and_again_by_a_dot_refuses_of_each_its_own(open_desk: Open, heard: Path) -> None:
    with Catalogue.open(heard) as catalogue:
        happy = Suggestion("happy", {"happy": 0.6, "sad": 0.4})
        replace_suggestions(
            catalogue, sorted({1: SAD, NAMES.index("fern") + 1: happy, NAMES.index("cedar") + 1: SAD}.items())
        )
    async with open_desk(heard) as desk:
        await desk.press("x", *"jjjjj")
        assert desk.here == "fern"
        await desk.press("x", ".")
        assert desk.stored("fern").refused == ["emotion:happy"]
        assert desk.stored("amber").refused == ["emotion:sad"]


async def test_x_beside_a_label_that_agrees_refuses_the_numbers(open_desk: Open, heard: Path) -> None:
    async with open_desk(heard) as desk:
        await desk.press("j", "x")
        assert desk.stored("birch").refused == ["valence", "arousal"]
        assert desk.values("birch") == {"emotion": "sad", "is_verified": True}
        assert "-0.4?" not in desk.text()


async def test_a_label_that_agrees_keeps_the_numbers_and_one_that_does_not_takes_all_away(
    open_desk: Open, heard: Path
) -> None:
    async with open_desk(heard) as desk:
        await desk.press("j")
        assert "-0.4? ± 0.6" in desk.text()
        assert "sad? .71" not in desk.text()
        await desk.press("j", "j", "enter")
        assert desk.stored("dune").labels.keys() >= {"emotion", "is_verified"}
        assert {"valence", "arousal"}.isdisjoint(desk.stored("dune").labels)


async def test_where_nothing_can_be_said_the_reason_is(open_desk: Open, heard: Path) -> None:
    async with open_desk(heard, filter="heath") as desk:
        assert "too few notes to say: 3" in desk.text()
        await desk.press("enter")
        assert "emotion is open" in desk.said


async def test_marked_samples_take_each_their_own(open_desk: Open, heard: Path) -> None:
    async with open_desk(heard, filter="suggested:sad") as desk:
        await desk.press("G", "_", "g", "g", "_", "enter")
        assert desk.values("amber")["emotion"] == "sad"
        assert desk.values("dune")["emotion"] == "tense"


@pytest.mark.exercises("next_best")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_gn_lists_exactly_the_open_ones_that_look_like_what_lacks_most(
    open_desk: Open, heard: Path, size: tuple[int, int]
) -> None:
    """Birch, dune and elm are labelled or a variant; happy, which lacks more, is suggested for none."""
    with Catalogue.open(heard) as catalogue:
        rows = {NAMES.index(name) + 1: SAD for name in ("amber", "birch", "dune", "elm", "fern", "iris")}
        replace_suggestions(catalogue, sorted(rows.items()))
    async with open_desk(heard, size) as desk:
        assert "sad lacks 999" in desk.text()
        if size[0] > 80:
            assert "sad lacks 999: 3 unlabelled look like it" in desk.text()
        await desk.press("j", "j", "j", "j", "j", "s")  # fern
        await desk.press("g", "n")
        assert "sad lacks 999: 2 unlabelled look like it" in desk.said
        assert desk.app.workstation.filter == "is:open is:root suggested:sad"
        assert len(desk.app.workstation.table.order) == 2
        await desk.press("x")
        assert (
            desk.app.workstation.advice.words == "melancholic lacks 1,000: 1 unlabelled looks like it"
        )  # the next guess


async def test_a_model_that_needs_no_emotion_is_not_offered_one(open_desk: Open, tmp_path: Path) -> None:
    from tests.ui.conftest import make_dataset

    root = make_dataset(tmp_path / "datasets", "grooves", "groovepredictor")
    with Catalogue.open(root) as catalogue:
        replace_suggestions(catalogue, sorted({1: SAD}.items()))
    async with open_desk(root) as desk:
        assert "sad?" not in desk.text()


def write_tune(path: Path, number: int) -> None:
    """Like no other number's in another key: labels of one piece, however often it is there, teach nothing."""
    score = symusic.Score(480)
    track = symusic.Track()
    for beat, pitch in enumerate(np.random.default_rng(number).integers(50, 74, 32).tolist()):
        track.notes.append(symusic.Note(beat * 480, 400, pitch, 80))
    score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(score.dumps_midi())


async def test_after_ten_labels_suggestions_are_made_anew(open_desk: Open, tmp_path: Path) -> None:
    """By a process of its own, on a dataset whose features say nothing of what is labelled but the loudness."""
    from kelly_tui.pipeline.stages import extract_features, import_files
    from kelly_tui.store.layout import create_dataset_structure
    from kelly_tui.store.suggestions import suggestion
    from kelly_tui.ui import session

    for number in range(12):
        write_tune(tmp_path / f"music/{number:02}.mid", number)
    config = DatasetConfig(dataset_id="learns", target_model="emotionrecognizer", emotion_labels=["eerie", "wistful"])
    create_dataset_structure(tmp_path / "datasets", config)
    root = tmp_path / "datasets/learns"
    import_files(root, [tmp_path / "music"], workers=1)
    extract_features(root, workers=1)
    async with open_desk(root) as desk:
        assert desk.app.session is not None
        await desk.press(*"1" * (session.LESSONS - 1))
        assert desk.app.session.learner is None
        await desk.press("2")
        learner = desk.app.session.learner
        assert learner is not None
        learner.wait(60)
        learner.join()
        assert (learner.exit_code, "12 emotions suggested, learnt from 10 samples" in learner.last_words) == (0, True)
        desk.app.workstation.look_around()
        await desk.settle()
        assert desk.app.session.learner is None
        assert "eerie? ." in desk.text()
        prober = desk.app.session.prober
        assert prober is not None
        prober.wait(60)
        prober.join()
        assert (prober.exit_code, "emotion of midi" in prober.last_words) == (1, True), "ten labels are too few"
        with Catalogue.open(root) as catalogue:
            last = catalogue.find("11.mid")
            assert "emotion" not in last.labels
            assert suggestion(catalogue, last.sample_id).emotion == "eerie"


async def test_an_edit_that_is_told_of_after_the_dataset_was_closed_asks_nothing_of_it(
    open_desk: Open, heard: Path
) -> None:
    async with open_desk(heard) as desk:
        workstation = desk.app.workstation
        desk.app.close_dataset()
        workstation.show_scores()
        await desk.settle()
        assert "sad lacks" in desk.text()


async def test_advice_that_cannot_be_had_hides_no_news(
    open_desk: Open, heard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise DatasetError("there is no dataset")

    async with open_desk(heard) as desk:
        await desk.press("x")
        monkeypatch.setattr("kelly_tui.ui.screens.workstation.look_alike", gone)
        desk.app.workstation.show_scores()
        await desk.settle()
        assert desk.said == "amber: sad refused"
        assert desk.app.workstation.advice.filter == "emotion:?"  # what is known without


async def test_the_last_probe_stands_in_the_panel(open_desk: Open, root: Path) -> None:
    from kelly_tui.model.probe import Estimate, Probe, Score
    from kelly_tui.store.probed import keep

    figure = Estimate(0.52, 0.45, 0.6)
    with Catalogue.open(root) as catalogue:
        keep(catalogue, [Probe("midi", "emotion", (Score("real", 80, 30, 80, figure, figure, 0.4),))])
    async with open_desk(root, size=(200, 48)) as desk:
        assert "probe: emotion macro F1 .52 [.45-.60] on real songs" in desk.text()
    async with open_desk(root, size=(80, 24)) as desk:
        assert "macro F1" not in desk.text()
