"""The part of the workstation that takes a tempo, and a swing ratio, from taps."""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic
from typing import TYPE_CHECKING

from kelly_tui.errors import LabelError
from kelly_tui.ui import edits
from kelly_tui.ui.screens.riding import Riding
from kelly_tui.ui.widgets.footer import Footer

if TYPE_CHECKING:
    from kelly_tui.model.sample import Sample

MOST_LABELLED = 0.75
"""A swing ratio beyond it is a dotted pair that was tapped a little late."""

PAUSE = 3.0
"""After so many seconds without a tap, the next is the first of new ones: 20 BPM."""


class Tapping(Riding):
    """Taps beside what plays are times in the music, at whatever speed it is heard; in silence they are the clock's.

    The playhead is what leaves the device, so a tap is set against what was heard, not what was sent.
    """

    heard: Sample | None
    _taps: tuple[float, ...] = ()
    _beside_music = False

    def action_tap(self) -> None:
        from kelly_tui.music.tap import FEWEST, tapped_tempo

        sample = self._here()
        if self.place != "tap":
            self.place, self._taps = "tap", ()
            self.query_one(Footer).show(self.place)
        state = self.app.engine.state
        now = state.position * self._pace_of(sample) if state.playing else monotonic()
        goes_on = self._taps and state.playing is self._beside_music and 0 < now - self._taps[-1] < PAUSE
        self._taps = (*self._taps, now) if goes_on else (now,)
        self._beside_music = state.playing
        tapped = tapped_tempo(self._taps)
        if tapped is None:
            self.say(f"tap {len(self._taps)}: {FEWEST} tell a tempo", "accent")
            return
        known = sample.labels.get("tempo_bpm")
        says = f"   labelled {float(str(known.value)):.1f}" if known is not None else ""
        swing = "" if tapped.swing is None else f"   swing {tapped.swing:.2f} ± {tapped.swing_error:.2f}"
        self.say(f"tap {len(self._taps)}: {tapped.bpm:.1f} BPM ± {tapped.error:.1f}{swing}{says}", "accent")

    def _pace_of(self, sample: Sample) -> float:
        """Seconds of the sample for each of what is heard, which may be what it was made from, at another tempo."""
        return self.heard.pace / sample.pace if self.heard is not None else 1.0

    def action_tap_save(self) -> Awaitable[None] | None:
        from kelly_tui.music.tap import FEWEST, tapped_tempo

        tapped = tapped_tempo(self._taps)
        if tapped is None:
            raise LabelError(f"{FEWEST} taps tell a tempo", hint="Go on, or leave with ‹back›.")
        self.action_back()
        values = {"tempo_bpm": f"{tapped.bpm:.1f}"}
        if tapped.swing is not None:
            values["swing_ratio"] = f"{min(tapped.swing, MOST_LABELLED):.3f}"
        return self.change(edits.each(lambda one: edits.typed_values(one, self.session.config, values)))
