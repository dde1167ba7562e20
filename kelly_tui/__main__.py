"""``python -m kelly_tui``, and what the command ``kelly`` calls."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Small matrices are multiplied sooner by one thread than by several that wait for each other: 8 s against 1, for
    the labels of 160 samples beside a busy job."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kelly_tui.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
