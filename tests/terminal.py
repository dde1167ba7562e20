"""A real terminal, tmux's, in which the real command is driven by keys."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

DEADLINE = 60.0
"""Seconds that anything on the screen is waited for: generous, because a busy machine is no failure."""


def tmux_is_missing() -> bool:
    return shutil.which("tmux") is None


class Terminal:
    """A tmux server of its own; each program runs in a window of its own, which ends with it."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self.tmux("new-session", "-d", "cat")
        self._pane = ""

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=True)
        return done.stdout

    def open(self, command: list[str | Path], environment: dict[str, str]) -> int:
        """Run a command in a new window; its process id."""
        set_here = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        words = ["new-window", *set_here, "-P", "-F", "#{pane_id} #{pane_pid}"]
        self._pane, process = self.tmux(*words, *map(str, command)).split()
        return int(process)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", self._pane, *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", self._pane)

    def modes(self) -> dict[str, str]:
        """Whether the other screen is shown, the mouse reported, the cursor shown."""
        names = ("alternate_on", "mouse_any_flag", "cursor_flag")
        said = self.tmux("display-message", "-p", "-t", self._pane, " ".join(f"#{{{name}}}" for name in names))
        return dict(zip(names, said.split()))

    def is_open(self) -> bool:
        """Whether the program still runs."""
        return self._pane in self.tmux("list-panes", "-a", "-F", "#{pane_id}").split()

    def wait_for(self, what: str) -> str:
        """The screen, once `what` (a regular expression) is on it."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            screen = self.screen()
            if re.search(what, screen):
                return screen
        raise AssertionError(f"{what!r} never came:\n{self.screen()}")

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
