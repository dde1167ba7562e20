"""How many variants each sample gets, that they all differ, and what is said where there can't be so many."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import mido
import msgspec
import numpy as np
import pytest
import soundfile

import kelly_tui
from kelly_tui.model.annotation import Label
from kelly_tui.model.edit import Edit
from kelly_tui.model.labels import KEYS
from kelly_tui.pipeline import extract, runner
from kelly_tui.store import extracted, history
from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.history import edit
from tests.strangers import files

FILES = 20


def song(number: int, notes: int = 60, *, program: int = 0, extra: tuple[mido.Message, ...] = ()) -> bytes:
    """Different for each number."""
    rng = np.random.default_rng(number)
    track = mido.MidiTrack([mido.Message("program_change", program=program), *extra])
    for pitch in rng.integers(48, 84, notes):
        track += [
            mido.Message("note_on", note=int(pitch), velocity=int(rng.integers(40, 100)), time=60),
            mido.Message("note_off", note=int(pitch), time=180),
        ]
    file = io.BytesIO()
    mido.MidiFile(tracks=[track]).save(file=file)
    return file.getvalue()


def more_tracks(data: bytes) -> bytes:
    """With a track that the header does not announce."""
    return data + b"MTrk" + (4).to_bytes(4, "big") + b"\x00\xff\x2f\x00"


def dataset(folder: Path, music: dict[str, bytes]) -> Path:
    for name, data in music.items():
        (folder / "music" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "music" / name).write_bytes(data)
    kelly_tui.create_dataset_structure(folder, kelly_tui.DatasetConfig(dataset_id="d", min_duration_sec=0.1))
    kelly_tui.import_files(folder / "d", [folder / "music"])
    kelly_tui.annotate_dataset(folder / "d")
    return folder / "d"


def variants(root: Path) -> list:
    with Catalogue.open(root) as catalogue:
        return list(catalogue.samples("is:augmented"))


def test_ten_of_each_all_different_and_again_nothing(tmp_path):
    root = dataset(tmp_path, {f"{n}.mid": song(n) for n in range(FILES)})
    assert kelly_tui.augment_dataset(root, 10).done == 10 * FILES
    made = variants(root)
    assert len({one.sha256 for one in made}) == 10 * FILES
    assert len({(one.parent_id, msgspec.json.encode(one.augmentation, order="sorted")) for one in made}) == 10 * FILES
    assert set(Counter(one.parent_id for one in made).values()) == {10}
    with Catalogue.open(root) as catalogue:
        roots = {one.sample_id: one for one in catalogue.samples("is:imported")}
    assert {one.parent_id for one in made} == roots.keys()
    assert not {one.sha256 for one in made} & {one.sha256 for one in roots.values()}
    before = files(root)
    again = kelly_tui.augment_dataset(root, 10)
    assert (again.done, again.skipped) == (0, 10 * FILES)
    assert files(root) == before


def test_a_multiplier_that_cannot_be_met_is_said_and_counted_each_time(tmp_path):
    """Of one drum stroke there are four speeds, and five with each of four velocities: 24 variants."""
    stroke = mido.MidiFile(
        tracks=[
            mido.MidiTrack(
                [
                    mido.Message("note_on", channel=9, note=36, velocity=80),
                    mido.Message("note_off", channel=9, note=36, time=480),
                ]
            )
        ]
    )
    file = io.BytesIO()
    stroke.save(file=file)
    root = dataset(tmp_path, {"stroke.mid": file.getvalue(), "song.mid": song(1)})
    first = kelly_tui.augment_dataset(root, 30)
    assert (first.done, first.details["lacking"], first.failures) == (54, 6, [])
    assert "6 fewer than asked" in first.words
    before = files(root)
    again = kelly_tui.augment_dataset(root, 30)
    assert (again.done, again.details["lacking"]) == (0, 6)
    assert "6 fewer than asked" in again.words
    assert files(root) == before
    assert len({one.sha256 for one in variants(root)}) == 54


def test_a_run_without_a_sample_to_vary_says_why(tmp_path):
    root = dataset(tmp_path, {"song.mid": song(1)})
    with Catalogue.open(root) as catalogue, catalogue.writing() as db:
        db.execute("UPDATE samples SET status = 'no notes'")
    outcome = kelly_tui.augment_dataset(root, 3)
    assert (outcome.done, outcome.words) == (
        0,
        f"no sample to vary: 1 sample set aside, see kelly list {root} is:quarantined",
    )
    empty = dataset(tmp_path / "empty", {"song.mid": song(1)})
    with Catalogue.open(empty) as catalogue, catalogue.writing() as db:
        db.execute("DELETE FROM samples")
    assert kelly_tui.augment_dataset(empty, 3).words == "no sample to vary: import music first"


def test_what_variants_cannot_carry_is_counted_once_a_file(tmp_path):
    kept = (
        mido.Message("sysex", data=(1, 2)),
        mido.Message("aftertouch", value=3),
        mido.Message("polytouch", note=60, value=3),
    )
    root = dataset(tmp_path, {"lost.mid": more_tracks(song(1)), "kept.mid": song(2, extra=kept)})
    outcome = kelly_tui.augment_dataset(root, 3)
    assert outcome.details["left_out"] == {"track": 1}
    assert outcome.words == "variants do not carry 1 track of 1 file"
    assert Counter(str(one.extra.get("left_out")) for one in variants(root)) == {
        "{'track': 1}": 3,
        "None": 3,
    }


def test_only_balance_departs_from_the_multiplier(tmp_path):
    music = {f"happy/{n}.mid": song(n) for n in range(6)} | {f"sad/{n}.mid": song(10 + n) for n in range(2)}
    music |= {"tense/0.mid": song(20), "unlabelled.mid": song(30)}
    plain = dataset(tmp_path / "plain", music)
    kelly_tui.augment_dataset(plain, 2)
    assert set(Counter(one.parent_id for one in variants(plain)).values()) == {2}

    root = dataset(tmp_path / "balanced", music)
    kelly_tui.augment_dataset(root, 2, balance=True)
    made = variants(root)
    assert Counter(one.value("emotion") for one in made) == {"happy": 12, "sad": 16, "tense": 10, None: 2}
    assert len({one.sha256 for one in made}) == len(made)
    before = files(root)
    assert kelly_tui.augment_dataset(root, 2, balance=True).done == 0
    assert kelly_tui.augment_dataset(root, 2).done == 0
    assert files(root) == before


ODD = {
    "one_note.mid": lambda: song(1, 1),
    "long.mid": lambda: song(2, 150 * 480),  # ten hours
    "large.mid": lambda: song(3, 100_000),
    "mono.wav": lambda: sound(1, 22_050),
    "surround.wav": lambda: sound(6, 44_100),
    "eight.wav": lambda: sound(1, 8_000),
    "clipped.wav": lambda: sound(2, 22_050, 10.0),
}


def sound(channels: int, rate: int, loud: float = 0.5) -> bytes:
    time = np.arange(rate) / rate
    waves = np.stack([np.sin(2 * np.pi * 220 * (1 + channel) * time) for channel in range(channels)], axis=1)
    file = io.BytesIO()
    soundfile.write(file, np.clip(waves * loud, -1, 1), rate, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize("name", ODD)
def test_odd_files_get_their_variants(tmp_path, name: str):
    data: Callable[[], bytes] = ODD[name]
    root = dataset(tmp_path, {name: data()})
    outcome = kelly_tui.augment_dataset(root, 4, workers=1)
    assert (outcome.done, outcome.all_failures) == (4, [])
    made = variants(root)
    assert len({one.sha256 for one in made}) == 4
    if name.endswith(".wav"):
        was = soundfile.info(tmp_path / "music" / name)
        for one in made:
            now = soundfile.info(root / one.file_path)
            assert (now.channels, now.samplerate) == (was.channels, was.samplerate)
            assert now.frames == round(was.frames / one.augmentation.get("time_stretch", 1))
    assert kelly_tui.rebuild_dataset(root, check=True, workers=1).failures == []


@pytest.mark.parametrize("fault", ["gone", "silent", "no notes"])
def test_a_root_that_went_bad_is_named_and_the_others_are_varied(tmp_path, fault: str):
    root = dataset(tmp_path, {"good.mid": song(1), "bad.mid": song(2), "bad.wav": sound(1, 22_050)})
    with Catalogue.open(root) as catalogue:
        bad = [one for one in catalogue.samples("is:imported") if "bad" in one.file_path]
    for one in bad:
        path = root / one.file_path
        if fault == "gone":
            path.unlink()
        elif path.suffix == ".wav":
            soundfile.write(path, np.zeros(22_050), 22_050)
        else:
            path.write_bytes(song(3, 0))
    outcome = kelly_tui.augment_dataset(root, 3)
    assert outcome.done == 3
    assert {name for name, _ in outcome.failures} == {one.file_path for one in bad}
    assert all(reason for _, reason in outcome.failures)


def test_an_edit_between_runs_reaches_old_and_new_variants_alike(tmp_path):
    root = dataset(tmp_path, {"song.mid": song(1)})
    kelly_tui.augment_dataset(root, 2)
    with Catalogue.open(root) as catalogue:
        sample = next(iter(catalogue.samples("is:imported")))
        edit(catalogue, [Edit(sample.sample_id, "key", Label("A"))], "ann")
    kelly_tui.augment_dataset(root, 6)
    keys = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
    assert [one.value("key") for one in variants(root)] == [
        keys[one.augmentation.get("transpose", 0) % 12] for one in variants(root)
    ]


def test_what_a_root_is_said_to_be_after_the_clock_was_set_back_reaches_its_variants(tmp_path, monkeypatch):
    root = dataset(tmp_path, {"song.mid": song(1)})
    kelly_tui.augment_dataset(root, 2)
    monkeypatch.setattr(history, "utc_now", lambda: "2001-01-01T00:00:00.000Z")
    with Catalogue.open(root) as catalogue:
        sample = next(iter(catalogue.samples("is:imported")))
        catalogue.put_labels({sample.sample_id: {"emotion": Label("sad", "folder")}})
    kelly_tui.split_dataset(root)
    assert [one.value("emotion") for one in variants(root)] == ["sad", "sad"]


def test_variants_say_what_their_root_says_whenever_they_are_extracted(tmp_path, monkeypatch):
    """Those that were committed a second after their root once kept what was detected in themselves."""
    root = dataset(tmp_path, {f"{n}.mid": song(n) for n in range(2)})
    kelly_tui.augment_dataset(root, 6, workers=1)
    seconds = itertools.count()
    for module in (extracted, history):
        monkeypatch.setattr(module, "utc_now", lambda: f"2126-01-01T00:{next(seconds):04}Z")
    monkeypatch.setattr(runner, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(runner, "CHUNK_ITEMS", 1)
    kelly_tui.extract_features(root, workers=1)
    assert next(seconds) > 3, "all was committed at once"
    assert kelly_tui.rebuild_dataset(root, check=True, workers=1).failures == []
    assert {one.labels["velocity_curve"].source for one in variants(root)} == {"inherited"}


def test_variants_that_are_heard_again_have_no_mode_of_another_tonic_than_their_roots(
    tmp_path, corpus_midi, monkeypatch
):
    root = dataset(tmp_path, {"jig.mid": corpus_midi("ryansMammoth/DoubleHeadJig")})
    kelly_tui.augment_dataset(root, 3, workers=1)
    kelly_tui.extract_features(root, workers=1)
    with Catalogue.open(root) as catalogue:
        heard = next(iter(catalogue.samples("is:imported")))
        other = KEYS[(KEYS.index(heard.value("key")) + 6) % 12]
        edit(catalogue, [Edit(heard.sample_id, "key", Label(other))], "ann")
    assert {one.value("mode") for one in variants(root)} == {None}
    monkeypatch.setattr(extract, "VERSIONS", {kind: number + 1 for kind, number in extract.VERSIONS.items()})
    assert kelly_tui.extract_features(root, workers=1).done == 4
    assert {(one.labels["key"].source, one.value("mode")) for one in variants(root)} == {("inherited", None)}
