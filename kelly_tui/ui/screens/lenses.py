"""The part of the workstation that hears through lenses: what is heard changes, nothing that is stored does.

A drone, the chords, a click, flat velocities and the grid stay on from one sample to the next, each with what is
labelled there; parts that are silent, and a transposition, are of one sample.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kelly_tui import paths
from kelly_tui.errors import SoundError
from kelly_tui.ui.screens.listening import Listening, chords_of
from kelly_tui.ui.widgets.footer import Footer

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample
    from kelly_tui.render.companion import Companion
    from kelly_tui.render.lens import Lens, Part
    from kelly_tui.ui.picture import Picture

ON_NOTES = ("flat", "grid")
BESIDE = frozenset(("drone", "chords", "click"))
"""What may be on: what is done to notes, and what goes with any sound."""


class Lenses(Listening):
    """Which lenses are on, and what they are of the sample that is heard."""

    _on: frozenset[str] = frozenset()
    """Names of `ON_NOTES` and `BESIDE`."""
    _silent: frozenset[int] = frozenset()
    """Numbers of the parts that are not heard."""
    _sent: tuple[Lens, Companion] | None = None
    _words = ""
    """What is sent, as it is said."""
    _carried = False
    """Whether what is heard came by a switch, with what was on at its pace, and is not drawn yet."""

    def load(self, sample: Sample | None, *, play: bool = False, at: float = 0.0) -> None:
        self._silent, self._sent, self._words, self._carried = frozenset(), None, "", False
        super().load(sample, play=play, at=at)
        self.hear_through()

    def hear_at_same_place(self, other: Sample) -> None:
        before, self._carried = self.heard, True
        super().hear_at_same_place(other)
        if self._carried and before is not None and self._sent is not None:
            ratio = before.pace / other.pace
            self._sent = self._sent[0].stretched(ratio), self._sent[1].stretched(ratio)

    def hear_as(self, other: Lenses) -> None:
        """As it is heard on another screen, which the engine goes on with."""
        self.heard, self._on, self._silent, self._sent = other.heard, other._on, other._silent, other._sent
        self._words, self._semitones, self._loop = other._words, other._semitones, other._loop

    async def _draw(self, sample: Sample) -> None:
        await super()._draw(sample)
        self._carried = False
        self.hear_through()
        if self.place == "lens":
            self._show_parts()

    def _hear_at(self, step: int) -> None:
        super()._hear_at(step)
        self.hear_through()

    # -- what is on, for the ear and the eye ---------------------------------------------------------------------------

    def hear_through(self) -> None:
        """Have the engine do what is on, by the labels as they are now; nothing if it does that already."""
        if self.heard is None or self.heard.status != "ok" or (self._sent is None and not (self._on or self._silent)):
            return
        if self._carried:  # its labels alone would put a click beside its beats
            return
        now = self._lens(), self._companion()
        if self._sent is None or now[0] != self._sent[0]:
            self.app.engine.set_lens(now[0])
        if self._sent is None or now[1] != self._sent[1]:
            self.app.engine.set_companion(now[1])
        if self._sent != now:
            self._sent, self._words = now, self._in_words_of(now[1])
            self.follow()

    def through(self) -> str:
        return self._words

    def _in_words_of(self, companion: Companion) -> str:
        is_midi = self.heard is not None and self.heard.file_type == "midi"
        said = [name for name in ON_NOTES if name in self._on and is_midi]
        parts = self._parts()
        if self._silent and len(self._silent) < len(parts):
            heard = [part.name for number, part in enumerate(parts) if number not in self._silent]
            silent = [part.name for number, part in enumerate(parts) if number in self._silent]
            said.append(f"{heard[0]} alone" if len(heard) == 1 < len(silent) else f"no {', '.join(silent)}")
        said += [f"drone {companion.drone}"] if companion.drone else []
        said += ["chords"] if companion.chords else []
        said += ["click"] if companion.clicks else []
        return " · ".join(said)

    def _picture(self) -> Picture | None:
        """Of what is heard, once it is read."""
        return self.music.picture if self.heard is not None else None

    def _parts(self) -> list[Part]:
        picture = self._picture()
        return [] if picture is None else picture.parts

    def _labelled(self) -> Sample:
        """What is heard, with its labels as they are now."""
        assert self.heard is not None
        return self.session.catalogue.get(self.heard.sample_id) or self.heard

    def _lens(self) -> Lens:
        from kelly_tui.render.lens import Lens  # numpy: not on the way to the first paint

        picture = self._picture()
        beats = tuple(picture.beats) if "grid" in self._on and picture is not None else ()
        return Lens(tuple(sorted(self._silent)), "flat" in self._on, beats, self._semitones)

    def _companion(self) -> Companion:
        from kelly_tui.music.click import clicks
        from kelly_tui.render.companion import Companion

        if not self._on & BESIDE:
            return Companion()
        sample, picture = self._labelled(), self._picture()
        key, mode, bpm, meter = map(sample.value, ("key", "mode", "tempo_bpm", "time_signature"))
        return Companion(
            drone=str(key or "") if "drone" in self._on else "",
            mode=str(mode or ""),
            chords=tuple(chords_of(sample)) if "chords" in self._on else (),
            clicks=clicks(
                picture.duration if picture is not None else sample.duration_sec or 0.0,
                picture.beats if picture is not None else (),
                picture.bars if picture is not None else (),
                None if bpm is None else float(str(bpm)),
                None if meter is None else str(meter),
            )
            if "click" in self._on
            else (),
            semitones=self._semitones,
        )

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_lenses(self) -> None:
        self._sounding()
        self.place = "lens"
        self._show_parts()

    def _show_parts(self) -> None:
        """The parts on the status line, each with its digit."""
        parts = self._parts()
        self.query_one(Footer).show(self.place)
        named = [
            f"{number} {part.name}{' silent' if number - 1 in self._silent else ''}"
            for number, part in enumerate(parts, 1)
        ]
        words = "   ".join(named) if len(parts) > 1 else "what is heard changes; nothing is written"
        self._tell(words, "accent")

    def _changed(self) -> None:
        self.hear_through()
        self._show_parts()

    def _of_notes(self) -> list[Part]:
        """The parts. Raises `SoundError` where there are none."""
        self._sounding()
        if self.heard is not None and self.heard.file_type != "midi":
            raise SoundError("recorded sound is heard as it is", hint="Drone, chords and click go with it.")
        return self._parts()

    def _toggle(self, name: str) -> None:
        self._on ^= {name}
        self._changed()

    def action_lens_flat(self) -> None:
        self._of_notes()
        self._toggle("flat")

    def action_lens_grid(self) -> None:
        self._of_notes()
        self._toggle("grid")

    def action_lens_drone(self) -> None:
        self._sounding()
        if "drone" not in self._on and self._labelled().value("key") is None:
            raise SoundError("no key is labelled that could sound", hint="‹key› types one.")
        self._toggle("drone")

    def action_lens_chords(self) -> None:
        self._sounding()
        if "chords" not in self._on and not chords_of(self._labelled()):
            raise SoundError("no chords with times are labelled", hint="kelly extract hears them; ‹chords› types them.")
        self._toggle("chords")

    def action_lens_click(self) -> None:
        self._sounding()
        picture = self._picture()
        if "click" not in self._on and self._labelled().value("tempo_bpm") is None:
            if picture is None:
                raise SoundError("it is still being read", hint="Try again in a moment.")
            if not len(picture.beats):
                raise SoundError(
                    "no tempo is labelled, and no beats are found", hint="‹tap› taps one; kelly extract finds them."
                )
        self._toggle("click")

    def action_lens_part(self, digit: int) -> None:
        number = self._number(digit)
        self._silence(self._silent ^ {number})

    def action_lens_alone(self, digit: int) -> None:
        others = frozenset(range(len(self._of_notes()))) - {self._number(digit)}
        self._silence(frozenset() if self._silent == others else others)

    def action_lens_drums(self) -> None:
        drums = self._drums()
        self._silence(self._silent - drums if drums <= self._silent else self._silent | drums)

    def action_lens_drums_alone(self) -> None:
        others = frozenset(range(len(self._of_notes()))) - self._drums()
        self._silence(frozenset() if self._silent == others else others)

    def action_lens_off(self) -> None:
        self._on, self._silent = frozenset(), frozenset()
        if self._semitones:
            self._hear_at(-self._semitones)
        self._changed()

    def action_soundfont(self) -> None:
        self._sounding()
        here, there = self._soundfont(), paths.soundfonts()
        if not there or there == [here]:
            raise SoundError("there is no other SoundFont", hint="Put .sf2 files into soundfonts/.")
        following = there[(there.index(here) + 1) % len(there)] if here in there else there[0]
        self.app.play_with(str(following))
        self._tell(f"MIDI sounds with {following.name}, once it is loaded", "accent")

    def _soundfont(self) -> Path | None:
        """The one that is chosen; None where it is gone."""
        with suppress(SoundError):
            return paths.soundfont(self.app.soundfont)
        return None

    def _drums(self) -> frozenset[int]:
        found = frozenset(number for number, part in enumerate(self._of_notes()) if part.is_drums)
        if not found:
            raise SoundError("there are no drums")
        return found

    def _number(self, digit: int) -> int:
        parts = self._of_notes()
        if not 1 <= digit <= len(parts):
            raise SoundError(f"there is no part {digit}", hint=f"There are {len(parts)}.")
        return digit - 1

    def _silence(self, silent: frozenset[int]) -> None:
        if len(silent) == len(self._of_notes()):
            raise SoundError("nothing would be heard", hint="Another part has to sound.")
        self._silent = silent
        self._changed()
