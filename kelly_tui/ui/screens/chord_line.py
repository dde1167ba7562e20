"""The part of the workstation that takes chords as a line: each is heard as it is typed, with its numeral beside."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kelly_tui.errors import LabelError
from kelly_tui.model.annotation import FIELDS, check_value
from kelly_tui.ui.screens.field_keys import FieldKeys
from kelly_tui.ui.words import key_name, numerals

if TYPE_CHECKING:
    from textual.timer import Timer

    from kelly_tui.model.sample import Sample

PAUSE = 0.35
"""Seconds without a key after which the last chord is finished too: before, Am7 would be heard as A and Am."""

HINT = "C G/B Am7 F, N for none"


class ChordLine(FieldKeys):
    """What is heard while chords are typed are these; afterwards the sample is in its place again, where it was."""

    _struck: tuple[str, ...] = ()
    """The chords of the line that have been heard."""
    _interrupted: float | None = None
    """Where the sample was when the first chord took its place, seconds."""
    _sounds: TemporaryDirectory[str] | None = None
    _finishing: Timer | None = None

    @abstractmethod
    def hear_again(self, at: float) -> None:
        """Put the sample here in its place again, `at` seconds from its start."""

    def action_chords(self) -> None:
        sample = self._here()
        typed = sample.value("chord_progression")
        self._struck = tuple(str(one) for one in typed) if isinstance(typed, list) else ()
        self.ask_value(
            "chord_progression", HINT, heed=partial(self._heed, sample), cancelled=self._put_back,
        )  # fmt: skip

    def answered(self, field: str) -> None:
        super().answered(field)
        if field == "chord_progression":
            self._put_back()

    def _heed(self, sample: Sample, text: str) -> str:
        """Strike what has just been finished; the numerals of all."""
        chords = tuple(str(one) for one in _chords(text))
        if self._finishing is not None:
            self._finishing.stop()
        if text.endswith(" "):
            self._strike(chords)
        else:
            self._strike(chords[:-1])
            self._finishing = self.set_timer(PAUSE, partial(self._strike, chords))
        key, mode = sample.value("key"), sample.value("mode")
        if key is None:
            return f"{HINT}   no key is labelled, so no numerals (‹key›)"
        named = key_name(str(key), None if mode is None else str(mode))
        return f"in {named}: {numerals(chords, str(key), str(mode or 'major'))}"

    def _strike(self, chords: tuple[str, ...]) -> None:
        """Have the last chord heard, unless all of them have been."""
        before, self._struck = self._struck, chords
        if len(chords) < len(before) or chords == before or not chords or chords[-1] == "N":
            return
        engine = self.app.engine
        if self._interrupted is None:
            self._interrupted = engine.state.position
        engine.load(self._sound_of(chords[-1]))
        engine.play()

    def _sound_of(self, chord: str) -> Path:
        """A MIDI file of a chord."""
        from kelly_tui.render.struck import write_chord  # numpy and the MIDI writer: not on the way to the first paint

        if self._sounds is None:
            self._sounds = TemporaryDirectory(prefix="kelly-chords-")
        path = Path(self._sounds.name) / f"{chord.encode().hex()}.mid"
        if not path.exists():
            write_chord(chord, path)
        return path

    def _put_back(self) -> None:
        """The sample is what is heard again."""
        if self._finishing is not None:
            self._finishing.stop()
        at, self._interrupted = self._interrupted, None
        if at is not None:
            self.hear_again(at)

    def on_unmount(self) -> None:
        if self._sounds is not None:
            self._sounds.cleanup()


def _chords(text: str) -> Any:
    try:
        return check_value(FIELDS["chord_progression"], text)
    except LabelError:
        return []
