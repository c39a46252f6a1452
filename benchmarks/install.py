"""Installs what is missing and may be installed: packages as root, Python clients in environments of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TIMEOUT_S = 300.0


def install_packages(packages: Sequence[str]) -> None:
    """Try to install ``packages`` with apt-get; does nothing for others than root.

    Nothing is returned: whether it worked is seen by looking for the programs again.
    """
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print(f"installing {', '.join(packages)}", file=sys.stderr)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:  # a machine that is bare has no lists of packages yet
        for argv in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *argv], env=environment, capture_output=True, check=True, timeout=_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"apt-get: {error}", file=sys.stderr)


def python_with(requirement: str, home: Path) -> Path | None:
    """Return the interpreter of the environment ``home``, which has ``requirement``; make it where it is missing.

    Returns:
        Nothing when it can't be made, for example without a package index.
    """
    python = home / "bin" / "python"
    ready = home / "ready"
    if ready.exists():
        return python
    print(f"making {home}", file=sys.stderr)
    try:
        for argv in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", requirement],
        ):
            subprocess.run(argv, capture_output=True, check=True, timeout=_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"{requirement}: {error}", file=sys.stderr)
        return None
    ready.touch()
    return python
