"""``python -m kelly_tui``, and what the command ``kelly`` calls."""

from __future__ import annotations

import sys


def main() -> int:
    from kelly_tui.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
