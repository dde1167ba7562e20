"""The collector of garbage rests while the app starts, and never looks through what the start made.

Modules, styles and widgets are there to stay. Looking through them again and again as they come was a tenth of a start,
and each full collection later a pause of some hundredths of a second between two key presses.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect nothing until `resume`."""
    gc.disable()


def resume() -> None:
    """Collect again, but leave aside what is there by now. Nothing is done where the collector does not rest."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
