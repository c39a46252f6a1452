"""Runs one command as a whole process and measures it from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a contender.

    Attributes:
        argv: Program, as an absolute path, and its arguments; no shell sees them.
        env: Added to the bare environment of ``Bench.environment``.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one command cost.

    Attributes:
        seconds: From before it was started until it was reaped.
        peak_bytes: Largest resident set of it or of any child it waited for.
        cpu_s: User and system seconds of it and of the children it waited for.
        problem: Empty when it succeeded, else why not, in a few words.
        output: What it printed on its standard output.
    """

    seconds: float
    peak_bytes: int
    cpu_s: float
    problem: str
    output: str


class Bench:
    """A scratch folder in which commands are run one after the other."""

    def __init__(self, scratch: Path, timeout_s: float) -> None:
        self.scratch = scratch
        self.aside = scratch.with_name(f"{scratch.name}-aside")
        self._timeout_s = timeout_s
        self._count = 0
        for left in (self.scratch, self.aside):
            shutil.rmtree(left, ignore_errors=True)
        self.clear()

    def clear(self) -> None:
        """Put away what earlier commands left: what remains is an empty folder with an empty home.

        Files are emptied, not deleted: for minutes ext4 walks past every inode that has just been deleted whenever it
        wants a free one, so whoever makes many files would pay for those of the run before.
        """
        if self.scratch.exists():
            self._count += 1
            aside = self.aside / f"{self._count}"
            aside.parent.mkdir(parents=True, exist_ok=True)
            self.scratch.rename(aside)
            for path in aside.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    os.truncate(path, 0)
        (self.scratch / "home").mkdir(parents=True)

    def run(self, step: Step) -> Usage:
        """Run ``step`` to its end, or kill it with its process group when its time is over."""
        report, stdout, stderr = (self.scratch / name for name in ("report", "stdout", "stderr"))
        report.unlink(missing_ok=True)
        launcher = [sys.executable, "-I", "-S", _LAUNCHER, str(report), str(stdout), str(stderr), *step.argv]
        environment = self.environment() | dict(step.env)
        with subprocess.Popen(launcher, env=environment, start_new_session=True) as process:
            try:
                process.wait(self._timeout_s)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                return Usage(self._timeout_s, 0, 0.0, f"no end after {self._timeout_s:g} s", "")
        if not report.exists():
            return Usage(0.0, 0, 0.0, "could not be started", "")
        seconds, peak_kib, cpu_s, code = report.read_text().split()
        problem = "" if code == "0" else f"exit {code}: {_last_line(stderr)}"
        return Usage(float(seconds), int(peak_kib) * 1024, float(cpu_s), problem, stdout.read_text(errors="replace"))

    def environment(self) -> dict[str, str]:
        """Return a bare environment: no proxies, no tokens, no settings, an empty home."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.scratch / "home"), "LANG": "C.UTF-8"}


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1][:160] if lines else "nothing on its standard error"
