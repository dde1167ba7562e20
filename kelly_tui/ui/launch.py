"""From a plain terminal into the app and back out: what must be done before and after it."""

from __future__ import annotations

import multiprocessing.resource_tracker
import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kelly_tui.errors import KellyError
from kelly_tui.paths import config_dir, state_dir
from kelly_tui.settings import Settings
from kelly_tui.text import count, shell_word
from kelly_tui.ui import SMALLEST, garbage
from kelly_tui.ui.serve import SOUND_STAYS
from kelly_tui.ui.size import forget_sizes
from kelly_tui.ui.terminal import quiet_stderr, when_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelly_tui.ui.app import KellyApp
    from kelly_tui.ui.keymap import Keymap
    from kelly_tui.ui.saver import Order
    from kelly_tui.ui.silence import Sound

SWITCH = 0.001
"""Seconds for which a thread may go on while the app's waits: a fifth of the usual, which a key would feel."""

MANY = 100_000
"""Samples from which on their manifest takes seconds: that is said, since the app has left the screen by then."""

KEYMAP_FILE = "keys.toml"


def run_app(dataset: Path | None, datasets: Path, settings: Settings, filter: str = "") -> None:
    """Run the app until the person leaves it. `dataset` None opens the picker.

    Raises `KellyError` where there is no terminal, it is too small or the dataset can't be opened.
    """
    forget_sizes(os.environ)
    check_terminal()
    garbage.rest()
    sys.setswitchinterval(SWITCH)
    keymap, trouble = usual_keymap(settings.keys_profile)
    if settings.glyphs == "auto":
        from kelly_tui.ui.plain import wants_ascii

        settings = replace(settings, glyphs="ascii" if wants_ascii(os.environ) else "unicode")
    # A pool started inside the app would start the tracker with the app's captured stderr, and fail.
    multiprocessing.resource_tracker.ensure_running()
    with quiet_stderr(state_dir() / "app.log") as screen:
        from kelly_tui.ui.app import KellyApp
        from kelly_tui.ui.keyboard import read_keys

        app = KellyApp(settings, datasets, dataset, filter, keymap=keymap, sound=_sound)
        app.notice = (trouble, "broken") if trouble else (SOUND_STAYS if in_browser() else "", "dim")
        read_keys(app.driver_class)
        app.told_to_end = screen.ends
        has_left = threading.Event()
        when_gone(app.terminal_gone, has_left, lambda: give_up(app))
        try:
            app.run(mouse=settings.mouse)
        finally:
            has_left.set()
            app.close_dataset()  # after a fault too: what waits to be saved is saved
    if app.failed is not None:
        raise app.failed
    for root in app.edited if not app.return_code else ():
        write_views(root)
    sys.stderr.write("".join(f"{line}\n" for line in unsaved(app)))
    again = "The lines above say them again, once they can be."
    if app.return_code:
        lost = f"{count(len(app.unsaved), 'edit')} could not be saved. {again}"
        kept = lost if app.unsaved else "All edits are saved."
        raise KellyError("the app ended with a fault", path=state_dir() / "app.log", hint=kept)
    if app.unsaved:
        raise KellyError(f"{count(len(app.unsaved), 'edit')} could not be saved", hint=again)


def give_up(app: KellyApp) -> None:
    """End an app that hangs and that nobody sees: what waits is saved, what can't be is said in the log."""
    try:
        app.close_dataset()
        os.write(2, "".join(f"{line}\n" for line in unsaved(app)).encode())
    finally:
        os._exit(1)


def unsaved(app: KellyApp) -> list[str]:
    """What is typed in a shell to make the edits that could not be saved, a line each."""
    return [f"  {line}" for order in app.unsaved for line in said_again(order)]


def usual_keymap(profile: str) -> tuple[Keymap, str]:
    """The person's keys; where their file is wrong the profile's alone, and what is wrong."""
    from kelly_tui.ui.keymap import KeymapError, load_keymap, profile_keymap

    try:
        return load_keymap(config_dir() / KEYMAP_FILE, profile), ""
    except KeymapError as error:
        return profile_keymap(profile), f"{error} Until then the keys are the {profile} ones."


def write_views(root: Path) -> None:
    """Bring manifest.json, splits/ and annotations/ up to what was edited. The catalogue has it all: trouble delays."""
    from kelly_tui.store import rebuild, views
    from kelly_tui.store.catalogue import Catalogue

    try:
        with Catalogue.open(root) as catalogue:
            if said := rebuild.untold(catalogue):
                print(said, file=sys.stderr)  # noqa: T201
            if (n := catalogue.counts().in_catalogue) >= MANY:
                print(f"all is saved; writing manifest.json of {count(n, 'sample')}", file=sys.stderr)  # noqa: T201
            for line in views.write_views(catalogue).lists_kept:
                print(line, file=sys.stderr)  # noqa: T201
    except (KellyError, OSError) as error:
        print(f"all is saved, but manifest.json could not be written: {error}", file=sys.stderr)  # noqa: T201


def said_again(order: Order) -> Iterator[str]:
    """The commands that make edits, take them back, or give an opinion: what is left of what could not be saved."""
    from kelly_tui.ui.words import typed

    def command(sample_id: str, field: str, value: str, *options: str) -> str:
        return " ".join(map(shell_word, ["kelly", "label", "DATASET", sample_id, f"{field}={value}", *options]))

    if order.kind in ("undo", "redo"):
        yield f"kelly {order.kind} DATASET"
    for edit in order.edits:
        yield command(edit.sample_id, edit.field, "" if edit.label is None else typed(edit.field, edit.label.value))
    for field, value in order.said.items():
        yield command(order.sample_id, field, typed(field, value), "--blind")


def _sound(settings: Settings) -> Sound:
    from kelly_tui.playback import Engine

    return Engine(settings)


def in_browser() -> bool:
    """Whether `kelly serve` has started the app, for a page."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def check_terminal() -> None:
    """Raise `KellyError` where the app can't be drawn."""
    if in_browser():
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise KellyError("the workstation needs a terminal", hint="In scripts use kelly list, label and validate.")
    columns, rows = shutil.get_terminal_size()
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        raise KellyError(
            f"the terminal is {columns}x{rows}", hint=f"The workstation needs {SMALLEST[0]}x{SMALLEST[1]} or more."
        )
