"""Suggestions of a dataset: from whom they learn, where they are kept, and that no count knows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import symusic

from kelly_tui.errors import FilterError
from kelly_tui.features.midi import extract_midi_features
from kelly_tui.learn.suggest import Suggestions, suggest_emotion, suggest_for, wilson
from kelly_tui.model.annotation import Label
from kelly_tui.model.dataset import DatasetConfig
from kelly_tui.model.edit import Edit
from kelly_tui.model.sample import Sample
from kelly_tui.model.suggestion import Suggestion, offered
from kelly_tui.store import history, query, suggestions
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.layout import create_dataset_structure

LABELS = ("happy", "sad", "angry", "peaceful")


def id_of(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()[:16]


def vector(number: int) -> list[float]:
    """Of a piece whose density and loudness rise with `number` modulo 40; no two are alike."""
    values = np.random.default_rng(number).uniform(0, 1, 117)
    values[:12] /= values[:12].sum()
    values[12], values[15] = 62 / 127, 5 * 2 ** ((number % 40) / 10 - 2) / 8
    values[47], values[48] = (40 + number % 40) / 127, 0.3
    return values.tolist()


def dataset(folder: Path, emotions: list[str | None], source: str = "human", **config: Any) -> Catalogue:
    """An open dataset of MIDI samples with features and these labels; of each, what `sample` says of its number."""
    create_dataset_structure(folder, DatasetConfig(dataset_id="songs", **config))
    catalogue = Catalogue.open(folder / "songs")
    catalogue.add(sample(number, one, source) for number, one in enumerate(emotions))
    put_features(catalogue, range(len(emotions)))
    return catalogue


def sample(number: int, emotion: str | None = None, said_by: str = "human", **fields: Any) -> Sample:
    given = {
        "sample_id": id_of(number),
        "file_path": f"raw/midi/song{number // 2}_{number}.mid",
        "source": f"song{number // 2}_{number}.mid",
        "sha256": hashlib.sha256(b"%d" % number).hexdigest(),
        "labels": {} if emotion is None else {"emotion": Label(emotion, said_by, by="ann")},
    }
    return Sample(file_type="midi", **{**given, **fields})


def put_features(catalogue: Catalogue, numbers: Any, **columns: Any) -> None:
    told = {"mode": "minor", "tempo_bpm": 90.0, "note_count": 200, **columns}
    catalogue.put_features((id_of(n), "key", f"processed/{n}.json", 30.0, vector(n), told) for n in numbers)


def said(catalogue: Catalogue, number: int) -> Suggestion:
    found = suggestions.suggestion(catalogue, id_of(number))
    assert found is not None
    return found


def by_density(count: int, every: int = 1) -> list[str | None]:
    """Against the rules: the dense are peaceful, the sparse angry."""
    return [("peaceful" if n % 40 >= 20 else "angry") if n % every == 0 else None for n in range(count)]


@pytest.mark.parametrize("source", ["human", "folder"])
def test_persons_and_folders_teach(tmp_path: Path, source: str) -> None:
    with dataset(tmp_path, by_density(120, 2), source) as catalogue:
        found = suggest_for(catalogue)
        assert (found.samples, found.changed, found.learnt) == (120, 120, 60)
        assert found.right is not None
        assert found.right > 0.8
        assert said(catalogue, 39).emotion == "peaceful"
        assert said(catalogue, 1).emotion == "angry"
        assert found.pieces == 60
        assert "120 emotions suggested, learnt from 60 samples (" in found.words()


def test_the_share_that_is_right_has_an_interval_by_how_many_pieces_it_is_of() -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3."""
    for right, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(right / of, of) == pytest.approx((low, high), abs=5e-5)
    said = Suggestions(samples=90, learnt=80, right=0.69, pieces=40)
    assert said.words() == "90 emotions suggested, learnt from 80 samples (69% right where held out, 54 to 81)"


@pytest.mark.parametrize("source", ["detector", "model"])
def test_guesses_do_not_teach(tmp_path: Path, source: str) -> None:
    with dataset(tmp_path, by_density(80), source) as catalogue:
        assert suggest_for(catalogue).learnt == 0
        assert said(catalogue, 39).emotion != "peaceful"
        assert suggest_for(catalogue).words() == "80 emotions suggested, by the rules"


def test_generated_samples_teach_nothing_whoever_labelled_them_and_get_no_suggestion(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 10) as catalogue:
        catalogue.add(sample(n, "angry", is_synthetic=True, source=None) for n in range(10, 60))
        put_features(catalogue, range(10, 60))
        assert suggest_for(catalogue)[:3] == (10, 10, 0)
        assert suggestions.suggestion(catalogue, id_of(30)) is None


@pytest.mark.parametrize("said_by", ["inherited", "human"])
def test_variants_teach_nothing_and_their_parent_does_not_help_them(tmp_path: Path, said_by: str) -> None:
    def suggested(folder: Path, own: str) -> tuple[Suggestion, Suggestion]:
        labels: list[str | None] = [None, None, *by_density(60)[2:]]
        labels[0] = own
        with dataset(folder, labels) as catalogue:
            catalogue.add([sample(1000, own, said_by, parent_id=id_of(0), root_id=id_of(0), source=None)])
            put_features(catalogue, [1000])
            assert suggest_for(catalogue).learnt == 59
            return said(catalogue, 0), said(catalogue, 1000)

    assert suggested(tmp_path / "a", "happy") == suggested(tmp_path / "b", "angry")


@pytest.mark.parametrize("together", ["prefix", "twin", "content"])
def test_no_sibling_helps(tmp_path: Path, together: str) -> None:
    """Of one song by name, with the same features, or with the same content: what one says is nothing to the other."""

    def suggested(folder: Path, sibling: str) -> Suggestion:
        group_by = "prefix" if together == "prefix" else "none"
        with dataset(folder, [None, sibling, *by_density(60)[2:]], group_by=group_by) as catalogue:
            if together == "twin":
                catalogue.put_features(
                    [(id_of(1), "k", "p", 30.0, vector(0), {"mode": "minor", "tempo_bpm": 90.0, "note_count": 200})]
                )
            if together == "content":
                with catalogue.writing() as db:
                    db.execute("UPDATE samples SET sha256 = 'same' WHERE sample_id IN (?, ?)", (id_of(0), id_of(1)))
            suggest_for(catalogue)
            return said(catalogue, 0)

    assert suggested(tmp_path / "a", "happy") == suggested(tmp_path / "b", "angry")


def test_what_no_song_shares_does_help(tmp_path: Path) -> None:
    def suggested(folder: Path, other: str) -> Suggestion:
        with dataset(folder, [None, other, *by_density(60)[2:]]) as catalogue:
            suggest_for(catalogue)
            return said(catalogue, 0)

    assert suggested(tmp_path / "a", "happy") != suggested(tmp_path / "b", "angry")


def test_suggestions_are_no_labels(tmp_path: Path) -> None:
    from kelly_tui.validate.scores import live_scores

    with dataset(tmp_path, by_density(40, 4)) as catalogue:

        def state() -> Any:
            rows = catalogue.db.execute("SELECT * FROM samples ORDER BY rowid").fetchall()
            counts = catalogue.counts()
            return rows, live_scores(counts, catalogue.config), counts.by_label("emotion"), history.history(catalogue)

        before = state()
        suggest_for(catalogue)
        assert state() == before
        open_ones = query.size(catalogue, query.parse("emotion:? is:open", catalogue.config))
        assert open_ones == 30


def test_they_are_made_anew_when_labels_change_and_written_only_then(tmp_path: Path) -> None:
    with dataset(tmp_path, by_density(60, 2)) as catalogue, Catalogue.open(catalogue.root) as other:
        suggest_for(catalogue)
        seen = other.data_version()
        assert suggest_for(catalogue).changed == 0
        assert other.data_version() == seen
        history.edit(catalogue, [Edit(id_of(20), "emotion", Label("happy"))], by="ann")
        assert suggest_for(catalogue).changed > 0
        catalogue.quarantine(id_of(3), "extract", "k", "no notes")
        suggest_for(catalogue)
        assert suggestions.suggestion(catalogue, id_of(3)) is None


def test_they_can_be_found_and_sorted_by(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 40) as catalogue:
        catalogue.add([sample(99)])  # without features
        suggest_for(catalogue)
        stored = {n: said(catalogue, n) for n in range(40)}

        def found(text: str, sort: str = "added") -> list[int]:
            order = query.order(catalogue, query.parse(text, catalogue.config), sort)
            return [row.rowid - 1 for row in query.rows(catalogue, order)]

        some = stored[0].emotion
        assert found(f"suggested:{some}") == [n for n, one in stored.items() if one.emotion == some]
        assert found("suggested:?") == [40]
        assert found("suggested.arousal<0") == [n for n, one in stored.items() if (one.arousal or 0) < 0]
        assert found("suggested.conf>=.3") == [n for n, one in stored.items() if (one.probability or 0) >= 0.3]
        rising = sorted(stored, key=lambda n: (stored[n].arousal, n))
        assert found("suggested.conf:0..1", "suggested.arousal") == rising
        assert found("", "-suggested.arousal")[-1] == 40
        row = query.rows(catalogue, [1])[0]
        assert (row.suggested, row.emotion) == (some, None)
        for wrong in ("suggested:angy", "suggested>3", "suggested.conf>2"):
            with pytest.raises(FilterError):
                query.parse(wrong, catalogue.config)


def test_labels_of_the_datasets_own(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 40, emotion_labels=["eerie", "wistful"]) as catalogue:
        assert suggest_for(catalogue).samples == 0
        alone = said(catalogue, 0)
        assert (alone.emotion, alone.probabilities) == (None, {})
        assert alone.valence is not None
        assert "none of the emotions here is known" in alone.why
        edits = [Edit(id_of(n), "emotion", Label("eerie" if n < 20 else "wistful")) for n in range(2, 38)]
        history.edit(catalogue, edits, by="ann")
        assert suggest_for(catalogue).samples == 40
        assert said(catalogue, 0).emotion == "eerie"


def test_a_persons_mode_and_tempo_are_heard_instead_of_the_detectors(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 3) as catalogue:
        suggest_for(catalogue)
        before = said(catalogue, 0)
        edits = [Edit(id_of(0), "mode", Label("major")), Edit(id_of(0), "tempo_bpm", Label(180.0))]
        history.edit(catalogue, edits, by="ann")
        suggest_for(catalogue)
        after = said(catalogue, 0)
        assert before.why.startswith("minor, 90 BPM")
        assert after.why.startswith("major, 180 BPM")
        assert after.valence > before.valence
        assert after.arousal > before.arousal


def test_too_few_notes_say_so(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 2) as catalogue:
        put_features(catalogue, [0], note_count=3)
        suggest_for(catalogue)
        assert said(catalogue, 0) == Suggestion(why="too few notes to say: 3")
        assert said(catalogue, 1).emotion is not None


def test_an_empty_dataset(tmp_path: Path) -> None:
    with dataset(tmp_path, []) as catalogue:
        assert suggest_for(catalogue) == Suggestions()
        assert suggest_for(catalogue).words() == ""


def test_a_catalogue_of_an_older_program_gets_the_table(tmp_path: Path) -> None:
    with dataset(tmp_path, [None] * 2) as catalogue, catalogue.writing() as db:
        db.execute("DROP TABLE suggestions")
        db.execute("PRAGMA user_version = 3")
    with Catalogue.open(tmp_path / "songs") as catalogue:
        assert suggest_for(catalogue).samples == 2


def test_what_is_offered_is_what_is_empty_and_not_contradicted() -> None:
    config = DatasetConfig(dataset_id="songs")
    harmony = DatasetConfig(dataset_id="songs", target_model="harmonypredictor")
    heard = Suggestion("sad", {"sad": 0.7}, -0.4, -0.3, 0.6, 0.4, "minor")
    assert offered(heard, sample(0), config) == {"emotion": "sad", "valence": -0.4, "arousal": -0.3}
    assert offered(heard, sample(0), harmony) == {"emotion": "sad"}
    assert offered(heard, sample(0, "sad"), config) == {"valence": -0.4, "arousal": -0.3}
    assert offered(heard, sample(0, "happy"), config) == {}
    assert offered(None, sample(0), config) == {}
    assert offered(Suggestion(why="too few notes"), sample(0), config) == {}


# -- real music, changed in known directions ---------------------------------------------------------------------------


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    score = symusic.Score.from_midi(data)
    random = np.random.default_rng(0)
    for track in score.tracks:
        for note in track.notes:
            note.velocity = int(random.integers(70, 90))
    change(score)
    return bytes(score.dumps_midi())


def slower(score: Any) -> None:
    score.tempos = [symusic.Tempo(tempo.time, tempo.qpm * 0.55) for tempo in score.tempos]


def softer(score: Any) -> None:
    for track in score.tracks:
        for note in track.notes:
            note.velocity = note.velocity // 2


def sparser(score: Any) -> None:
    for track in score.tracks:
        track.notes = [note for number, note in enumerate(track.notes) if number % 3 == 0]


def in_minor_from(tonic: int) -> Callable[[Any], None]:
    def lowered(score: Any) -> None:
        for track in score.tracks:
            for note in track.notes:
                note.pitch -= (note.pitch - tonic) % 12 in (4, 9, 11)

    return lowered


def nothing(score: Any) -> None:
    return


TONICS = {"C": 0, "C#": 1, "D": 2, "D#": 3, "E": 4, "F": 5, "F#": 6, "G": 7, "G#": 8, "A": 9, "A#": 10, "B": 11}


@pytest.mark.parametrize("name", ["bwv66.6", "bwv57.8", "bwv269", "bwv253", "bwv355"])
def test_a_chorale_slowed_softened_or_thinned_is_less_aroused_and_in_minor_less_happy(
    name: str, corpus_midi: Callable[[str], bytes], tmp_path: Path
) -> None:
    def heard(change: Callable[[Any], None]) -> Suggestion:
        path = tmp_path / "song.mid"
        path.write_bytes(changed(corpus_midi(name), change))
        return suggest_emotion(path)

    as_it_is = heard(nothing)
    assert None not in (as_it_is.valence, as_it_is.arousal)
    for calmer in (slower, softer, sparser):
        assert heard(calmer).arousal < as_it_is.arousal - 0.05
    features = extract_midi_features(changed(corpus_midi(name), nothing))
    if features.mode == "major":
        assert heard(in_minor_from(TONICS[str(features.key_signature)])).valence < as_it_is.valence - 0.1
    assert list(as_it_is.probabilities.values()) == sorted(as_it_is.probabilities.values(), reverse=True)
    assert msgspec.json.decode(msgspec.json.encode(as_it_is), type=Suggestion) == as_it_is


def test_a_few_notes_and_drums_alone(tmp_path: Path) -> None:
    def file(count: int, is_drum: bool) -> Path:
        score = symusic.Score(480)
        score.tempos.append(symusic.Tempo(0, 120))
        track = symusic.Track(is_drum=is_drum)
        track.notes = [symusic.Note(n * 240, 200, 38, 90) for n in range(count)]
        score.tracks.append(track)
        (tmp_path / "song.mid").write_bytes(score.dumps_midi())
        return tmp_path / "song.mid"

    assert suggest_emotion(file(1, is_drum=False)).emotion is None
    drums = suggest_emotion(file(64, is_drum=True))
    assert drums.valence is not None
    assert abs(drums.valence) < 0.3


@pytest.mark.parametrize("what", ["constant", "click", "hum"])
def test_sound_that_is_no_music_suggests_nothing_and_says_so(what: str) -> None:
    from kelly_tui.features.audio import extract_audio_features

    time = np.arange(22_050 * 8) / 22_050
    sound = {"constant": 0.0 * time + 0.9, "click": time == 1.0, "hum": 0.3 * np.sin(2 * np.pi * 50 * time)}[what]
    found = suggest_emotion(extract_audio_features((sound.astype(np.float32), 22_050)))
    assert found.values() == {}
    assert "nothing to go by" in found.why


def test_sound_is_heard_too(tmp_path: Path) -> None:
    import soundfile

    time = np.arange(22_050 * 4) / 22_050
    for name, rate, pitch in (("calm", 0.5, 220), ("busy", 6.0, 880)):
        strokes = np.exp(-4 * rate * (time * rate % 1) / rate) * np.sin(2 * np.pi * pitch * time)
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * strokes, 22_050)
    calm, busy = (suggest_emotion(tmp_path / f"{name}.wav") for name in ("calm", "busy"))
    assert busy.arousal > calm.arousal + 0.2
