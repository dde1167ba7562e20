"""Mounts that only a process of ours sees: nothing is mounted for the machine, and all is gone with the process."""

from __future__ import annotations

import shutil
import subprocess

import pytest

OWN_MOUNTS = ("unshare", "--map-root-user", "--mount")
"""What a command follows that is to have its own."""


def _may_mount() -> bool:
    if shutil.which(OWN_MOUNTS[0]) is None:
        return False
    return not subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode


needs_own_mounts = pytest.mark.skipif(not _may_mount(), reason="this system lets nobody but root mount")
