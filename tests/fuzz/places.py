"""Directories that last as long as the process."""

from __future__ import annotations

import atexit
import shutil
from pathlib import Path
from tempfile import mkdtemp


def lasting() -> Path:
    """Return a new directory, which is gone when the process has ended in order."""
    place = Path(mkdtemp(prefix="weighbridge-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place
