"""Folders that are dear to make and cheap to keep: made once, below the checkout, and again if their recipe changes."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / ".venv-hub"
_STAMP = ".made"


def made_once(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that ``make`` has filled, now or in an earlier run.

    Two runs of the tests may ask at the same time: one makes it, the other waits.  An interrupted making is begun
    anew, because the stamp is written last.

    Args:
        name: Of the folder.
        recipe: What it is made from; a folder made from anything else is made again.
        make: Fills the folder; it exists and is empty.
    """
    folder = ROOT / name
    wanted = f"{sys.version}\n{recipe}\n"
    ROOT.mkdir(exist_ok=True)
    with (ROOT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / _STAMP
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            stamp.write_text(wanted, encoding="utf-8")
    return folder


def pip_install(arguments: Sequence[str], python: Path | None = None) -> None:
    """Install with this interpreter's pip, for another interpreter if one is given.

    Raises:
        RuntimeError: It failed; the message has what pip wrote.
    """
    target = [] if python is None else ["--python", str(python)]
    quiet = ["--disable-pip-version-check", "--quiet", "--no-input"]
    # nothing is compiled beforehand: most of it is never imported
    command = [sys.executable, "-m", "pip", *target, *quiet, "install", "--no-compile", "--only-binary", ":all:"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pip install {' '.join(arguments)}: {done.stdout}{done.stderr}")
