"""What comes out of any file: pitch, level, channels, speed and the whole of a sweep, at 8 to 192 kHz and 8 to 32 bit.

Judged against the samples that were written, and by libsoxr's offline resampler where the rates differ.
"""

from __future__ import annotations

import io

import mido
import numpy as np
import pytest
import soundfile
import soxr

from kelly_tui.music.notes import read_midi
from kelly_tui.paths import soundfont
from kelly_tui.playback.audio_source import AudioSource
from kelly_tui.playback.midi_source import MidiSource
from kelly_tui.render.synth import Synth
from tests.unit.playback.test_playback_sources import RATE, all_of, cents, pitch_of, sine

RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000]
SUBTYPES = {
    "wav": ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"],
    "flac": ["PCM_S8", "PCM_16", "PCM_24"],
    "aiff": ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"],
    "ogg": ["VORBIS", "OPUS"],
    "mp3": ["MPEG_LAYER_III"],
}
NOISE = {"PCM_U8": -35, "PCM_S8": -35, "ULAW": -35, "IMA_ADPCM": -30}
"""dB below the signal that what differs from it may be; -80 elsewhere. Eight bits hold 48 dB of full scale, and less
where libsndfile, which writes them here, cuts instead of rounding."""
LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_III")


def level_of(left: np.ndarray, over: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(left.astype(np.float64) ** 2) / np.mean(over.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize(("kind", "subtype"), [(kind, one) for kind, all_ in SUBTYPES.items() for one in all_])
def test_every_format_at_every_depth_gives_the_samples_that_were_written(tmp_path, kind, subtype):
    rate = 48000 if subtype == "OPUS" else RATE
    stereo = np.stack([sine(440, 1.0, rate), 0.5 * sine(660, 1.0, rate)], axis=1)
    soundfile.write(tmp_path / f"a.{kind}", stereo, rate, subtype=subtype)
    heard = all_of(AudioSource(tmp_path / f"a.{kind}", rate))
    assert abs(len(heard) - rate) < 0.06 * rate  # a codec may pad
    middle = slice(rate // 4, rate * 3 // 4)
    for side, hertz in ((0, 440), (1, 660)):
        assert cents(pitch_of(heard[middle, side], rate), hertz) < 1
        assert level_of(heard[middle, side], stereo[middle, side]) == pytest.approx(0.0, abs=0.5)
    if subtype not in LOSSY:
        assert level_of(heard[middle] - stereo[middle], stereo[middle]) < NOISE.get(subtype, -80)


@pytest.mark.parametrize("subtype", ["MPEG_LAYER_III", "VORBIS"])
def test_what_is_coded_is_heard_in_blocks_and_after_a_seek_as_it_is_decoded_whole(tmp_path, subtype):
    """A pure tone, for which an MP3's encoder saves bits in frames before: a decoder that forgets them is silent."""
    path = tmp_path / ("a.mp3" if subtype == "MPEG_LAYER_III" else "a.ogg")
    soundfile.write(path, np.stack([sine(880, 6.0)] * 2, axis=1), RATE, subtype=subtype)
    whole = soundfile.read(path, dtype="float32")[0]
    source = AudioSource(path, RATE)
    assert level_of(all_of(source, 1000)[: len(whole)] - whole, whole) < -80
    for place in (0.1, 2.0, 3.3):
        source.seek(place)
        first = round(place * RATE)
        assert level_of(source.read(4000) - whole[first : first + 4000], whole) < -80


@pytest.mark.parametrize("rate", RATES)
def test_a_sweep_is_resampled_as_well_as_soxr_does_it_whole(tmp_path, rate):
    """A sweep to the top of what both rates can hold, in blocks, through a seek; nothing is folded back."""
    seconds, top = 2.0, 0.45 * min(rate, RATE)
    at = np.arange(round(seconds * rate)) / rate
    sweep = (0.5 * np.sin(2 * np.pi * (50 * at + (top - 50) / (2 * seconds) * at**2))).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sweep, rate, subtype="FLOAT")
    source = AudioSource(tmp_path / "a.wav", RATE)
    heard = all_of(source, 777)[:, 0]
    whole = soxr.resample(sweep, rate, RATE, quality="VHQ")
    assert abs(len(heard) - len(whole)) <= 2
    n = min(len(heard), len(whole)) - 200
    assert level_of(heard[200:n] - whole[200:n], whole[200:n]) < -60
    source.seek(1.0)
    after = source.read(20_000)[:, 0]
    assert level_of(after[2000:] - whole[RATE + 2000 : RATE + 20_000], whole[RATE + 2000 : RATE + 20_000]) < -60


@pytest.mark.parametrize("rate", [96000, 192000])
def test_what_the_device_can_not_play_is_not_folded_back(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", sine(30_000, 0.5, rate), rate, subtype="FLOAT")
    heard = all_of(AudioSource(tmp_path / "a.wav", RATE))[2000:-2000]
    assert 20 * np.log10(np.abs(heard).max()) < -80


@pytest.mark.parametrize(
    ("channels", "left", "right"),
    [
        (1, {0: 1.0}, {0: 1.0}),
        (2, {0: 1.0}, {1: 1.0}),
        (6, {0: 1.0, 2: 0.707, 4: 0.707}, {1: 1.0, 2: 0.707, 5: 0.707}),
    ],
)
def test_each_channel_is_heard_on_its_side_at_its_level(tmp_path, channels, left, right):
    """A tone of its own on each channel, of mono to 5.1 (L R C LFE Ls Rs); levels as ITU-R BS.775 weighs them."""
    tones = [300 + 200 * number for number in range(channels)]
    sound = np.stack([sine(tone, 1.0, level=0.15) for tone in tones], axis=1)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    heard = all_of(AudioSource(tmp_path / "a.wav", RATE))
    for side, wanted in ((0, left), (1, right)):
        spectrum = np.abs(np.fft.rfft(heard[:RATE, side])) / RATE * 2 / 0.15
        levels = [float(spectrum[tone]) for tone in tones]
        largest = max(levels)
        assert largest > 0.35
        for number in range(channels):
            assert levels[number] / largest == pytest.approx(wanted.get(number, 0.0), abs=0.01)


@pytest.mark.parametrize(("kind", "most", "place"), [("flac", 120, 0.5), ("wav", 120, 0.5), ("mp3", 10, 0.0)])
def test_two_hours_open_as_fast_as_ten_seconds(tmp_path, kind, most, place):
    """Not timed in seconds: how many bytes are read until the first block at a place.

    An MP3's header says how long it is. A first seek walks through its frames: two hours in 0.2 s.
    """
    from pathlib import Path

    def read_bytes() -> int:
        return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])

    if not Path("/proc/self/io").exists():
        pytest.skip("this system does not count what is read")
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 8000 * 60).astype(np.float32)
    read = {}
    for name, minutes in (("short", 1), ("long", most)):
        path = tmp_path / f"{name}.{kind}"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(minutes):
                file.write(noise)
        begun = read_bytes()
        source = AudioSource(path, RATE)
        source.seek(source.duration * place)
        assert len(source.read(1024)) == 1024
        read[name] = read_bytes() - begun
        source.close()
        assert source.duration == pytest.approx(60.0 * minutes, rel=0.01)
    assert read["long"] < 4 * read["short"]
    assert (tmp_path / f"long.{kind}").stat().st_size > 100 * read["long"]


def test_a_scale_in_midi_is_heard_at_its_pitches_and_onsets(tmp_path):
    """Two octaves on a recorder, a pause between notes: pitches within 10 cents, onsets within 5 ms of the table."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.Message("program_change", program=74)])
    still = [mido.Message("control_change", control=control, value=0) for control in (91, 93)]
    track += still
    for pitch in [60 + 12 * octave + step for octave in (0, 1) for step in (0, 2, 4, 5, 7, 9, 11)]:
        track.append(mido.Message("note_on", note=pitch, velocity=110, time=173))
        track.append(mido.Message("note_off", note=pitch, time=480))
    file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    (tmp_path / "scale.mid").write_bytes(data.getvalue())
    notes = read_midi(data.getvalue()).notes
    with Synth(soundfont(), RATE) as synth:
        source = MidiSource(tmp_path / "scale.mid", synth)
        source.seek(0.0)
        heard = all_of(source, 1024).mean(axis=1)
    (tmp_path / "click.mid").write_bytes(data.getvalue().replace(b"\xc0\x4a", b"\xc0\x73"))  # a wood block
    for note in notes:
        start = round(float(note["onset"]) * RATE)
        tone = heard[start + RATE // 8 : start + RATE * 3 // 8]
        assert cents(pitch_of(tone), 440 * 2 ** ((int(note["pitch"]) - 69) / 12)) < 10
    with Synth(soundfont(), RATE) as synth:
        source = MidiSource(tmp_path / "click.mid", synth)
        source.seek(0.0)
        clicks = np.abs(all_of(source, 1024).mean(axis=1))
    for note in notes:
        start = round(float(note["onset"]) * RATE)
        near = clicks[start - 2000 : start + 2000]
        first = int(np.argmax(near > 0.2 * near.max())) - 2000
        assert abs(first) / RATE < 0.005
