"""What each emotion sounds like: mode, tempo, loudness, touch, progressions; its place in valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kelly_tui.model.annotation import Value
from kelly_tui.model.labels import KEYS, choose
from kelly_tui.synth.arranger import tempo_of_file
from kelly_tui.synth.chance import Chance, evenly
from kelly_tui.synth.meter import Meter, meter_named


class Progression(NamedTuple):
    """Four roman numerals, and the mode that they are written in."""

    mode: str
    numerals: tuple[str, ...]


class Affect(NamedTuple):
    """An emotion as music. Ranges are (lowest, highest)."""

    mode: str
    bpm: tuple[int, int]
    velocity: tuple[int, int]
    articulation: str
    valence: float
    arousal: float
    progressions: tuple[Progression, ...]
    meters: tuple[str, ...]


def _progressions(mode: str, text: str) -> tuple[Progression, ...]:
    """Progressions apart by commas; ``minor: i bVII bVI V`` names another mode than the emotion's."""
    found = []
    for line in text.split(","):
        other, colon, numerals = line.rpartition(":")
        found.append(Progression(other.strip() if colon else mode, tuple(numerals.split())))
    return tuple(found)


def _affect(
    mode: str,
    bpm: tuple[int, int],
    velocity: tuple[int, int],
    articulation: str,
    valence: float,
    arousal: float,
    progressions: str,
    meters: str,
) -> Affect:
    return Affect(
        mode, bpm, velocity, articulation, valence, arousal, _progressions(mode, progressions), tuple(meters.split())
    )


AFFECTS: dict[str, Affect] = {
    "happy": _affect(
        "major", (100, 140), (80, 110), "staccato", 0.8, 0.6,
        "I IV V I, I V vi IV, I IV I V, I ii V I",
        "4/4 3/4 2/4 6/8 4/4 12/8",
    ),
    "sad": _affect(
        "minor", (60, 90), (50, 80), "legato", -0.7, -0.4,
        "i VI III VII, i iv V i, i VII VI V, i iv VI V",
        "4/4 3/4 6/8 4/4 2/4 12/8",
    ),
    "angry": _affect(
        "minor", (120, 180), (100, 127), "marcato", -0.6, 0.9,
        "i bII i V, i i bII V, i VI i V, i bII V i, i iv i V, i III bII V, phrygian: i bII i bvii, i v VI V",
        "4/4 2/4 4/4 3/4 6/8 5/4",
    ),
    "peaceful": _affect(
        "major", (60, 90), (40, 70), "legato", 0.5, -0.6,
        "I iii vi IV, I V/vi vi IV, Imaj7 IVmaj7 I V, I vi ii V",
        "4/4 3/4 6/8 4/4 2/4 12/8",
    ),
    "tense": _affect(
        "minor", (90, 130), (70, 100), "staccato", -0.3, 0.5,
        "i bII V i, i iv bVI V, i V bVI bVII, i vii°7 i V, i ii° V i, i V+ VI vii°7",
        "4/4 3/4 5/4 4/4 2/4 6/8",
    ),
    "melancholic": _affect(
        "minor", (70, 100), (60, 90), "legato", -0.5, -0.2,
        "i v VI iv, i III iv VI, i v6 VI V, i7 iv7 VII III, i VII6 VI i64, i7 VImaj7 iv7 v7",
        "4/4 3/4 6/8 4/4 2/4 12/8",
    ),
    "energetic": _affect(
        "major", (120, 160), (90, 120), "staccato", 0.6, 0.8,
        "I bVII IV I, I IV bVII IV, minor: i bVII bVI V, I V I IV",
        "4/4 2/4 4/4 3/4 12/8 6/8",
    ),
    "neutral": _affect(
        "major", (90, 120), (70, 90), "normal", 0.0, 0.0,
        "I IV vi V, I vi IV V, I ii I6 V, I IV I6 V, I iii IV V, I V6 vi V",
        "4/4 3/4 2/4 4/4 6/8 5/4",
    ),
}  # fmt: skip
"""Where data-model.md gives a table, that; the progressions of angry and neutral, and the last of tense and
melancholic, are our own."""


class Setting(NamedTuple):
    """An emotion's choices for one piece: where in its ranges it lies."""

    emotion: str
    affect: Affect
    tonic: str
    progression: Progression
    meter: Meter
    tempo_bpm: float
    """Beats as one taps them, dotted quarters in 6/8."""
    velocity: tuple[int, int]
    """Lowest and highest of this piece."""

    @property
    def mode(self) -> str:
        """The mode that is written, which a progression may set apart from the emotion's."""
        return self.progression.mode

    @property
    def key(self) -> tuple[str, str]:
        return self.tonic, self.mode

    @property
    def quarters_bpm(self) -> float:
        """The tempo that the file says, in quarter notes."""
        return tempo_of_file(self.tempo_bpm * self.meter.tempo_beat)

    def numerals(self, phrases: int, chance: Chance) -> list[str]:
        """The progression for so many phrases of four bars: A, AA or AABA, B another of the same mode."""
        first = list(self.progression.numerals)
        others = [other for other in self.affect.progressions if other.mode == self.mode and other != self.progression]
        second = list(chance.pick(others).numerals) if others else first
        return [*first, *first, *second, *first] if phrases == 4 else first * phrases

    def labels(self) -> dict[str, Value]:
        return {
            "key": self.tonic,
            "mode": self.mode,
            "tempo_bpm": self.tempo_bpm,
            "time_signature": str(self.meter),
        }

    def expressed(self, velocity: float) -> dict[str, Value]:
        """The labels of a piece that expresses the emotion; `velocity` is the mean of its notes."""
        valence, arousal = valence_arousal(self.affect, self.mode, self.tempo_bpm, velocity)
        return {
            "emotion": self.emotion,
            "valence": valence,
            "arousal": arousal,
            "articulation": self.affect.articulation,
            **self.labels(),
        }


def setting(emotion: str, turn: int, chance: Chance, *spread: object) -> Setting:
    """The choices for a piece: keys, progressions, meters and tempi, each evenly over the turns of one `spread`."""
    affect = AFFECTS[emotion]
    low, high = affect.bpm
    band = evenly(range(10), turn, *spread, "tempo")
    velocity_low, velocity_high = affect.velocity
    width = velocity_high - velocity_low
    louder = chance.unit()
    meter = meter_named(evenly(affect.meters, turn, *spread, "meter"))
    quarters = (low + (high - low) * (band + chance.unit()) / 10) * meter.tempo_beat
    return Setting(
        emotion=emotion,
        affect=affect,
        tonic=evenly(KEYS, turn, *spread, "tonic"),
        progression=evenly(affect.progressions, turn, *spread, "progression"),
        meter=meter,
        tempo_bpm=round(tempo_of_file(quarters) / meter.tempo_beat, 4),
        velocity=(
            round(velocity_low + 0.2 * width * louder),
            round(velocity_high - 0.2 * width * (1 - louder)),
        ),
    )


def known_emotions(emotions: Sequence[str]) -> tuple[str, ...]:
    """The same emotions, spelled as here. Raises `LabelError` for the first that no generator knows."""
    return tuple(choose(emotion, AFFECTS, "emotion that a generator knows") for emotion in emotions)


def valence_arousal(affect: Affect, mode: str, tempo_bpm: float, velocity: float) -> tuple[float, float]:
    """Where a piece lies, -1..1 each: the emotion's place, moved by what was chosen for this one.

    Tempo moves arousal by up to 0.15 and mean loudness by up to 0.1 (the strongest cues in listeners' ratings:
    Gabrielsson & Lindström 2010); tempo moves valence by up to 0.05. A piece in another mode than the emotion's
    moves by 0.3 towards that mode's side.
    """
    faster = _place(tempo_bpm, affect.bpm)
    louder = _place(velocity, affect.velocity)
    valence = affect.valence + 0.05 * faster
    if mode != affect.mode:
        valence += 0.3 if mode == "major" else -0.3
    arousal = affect.arousal + 0.15 * faster + 0.1 * louder
    return round(max(-1.0, min(1.0, valence)), 3), round(max(-1.0, min(1.0, arousal)), 3)


def _place(value: float, limits: tuple[int, int]) -> float:
    """-1 at the lower limit, 1 at the upper."""
    low, high = limits
    return max(-1.0, min(1.0, 2 * (value - low) / (high - low) - 1))
