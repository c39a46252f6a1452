"""Runs our mirror for as long as a block lasts, and watches what it takes of the machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.origin import Origin, Served

REPOSITORY = "bench/model"
_ENDPOINT = "HF_ENDPOINT="
_RESET_PEAK = "5"  # proc(5), clear_refs


class Mirror:
    """A running mirror; made by ``mirror_of``."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._proc = Path("/proc", str(pid))

    def cpu_s(self) -> float:
        """Return its user and system seconds so far, in steps of a clock tick (10 ms)."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return how much memory it holds."""
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """Return the most that it held since ``forget_peak``."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        (self._proc / "clear_refs").write_text(_RESET_PEAK)

    def _memory(self, name: str) -> int:
        lines = (self._proc / "status").read_text().splitlines()
        (kib,) = (int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
        return kib * 1024


class Watch:
    """Counts what nginx and the mirror do during one run, of which only one serves.

    Attributes:
        ready_bytes: Memory of the mirror before its first request.
        peaks: The most that it held in each run, in bytes.
    """

    def __init__(self, origin: Origin, mirror: Mirror) -> None:
        self.ready_bytes = mirror.resident_bytes()
        self.peaks: list[int] = []
        self._origin = origin
        self._mirror = mirror
        self._cpu_s = 0.0

    def mark(self) -> None:
        """Begin to count."""
        self._origin.mark()
        self._mirror.forget_peak()
        self._cpu_s = self._mirror.cpu_s()

    def served(self) -> Served:
        """Return what was served since ``mark``; requests are those of nginx, CPU seconds are of both."""
        served = self._origin.served()
        self.peaks.append(self._mirror.peak_bytes())
        return replace(served, cpu_s=served.cpu_s + self._mirror.cpu_s() - self._cpu_s)


@contextlib.contextmanager
def mirror_of(command: Sequence[str], folder: Path, home: Path, environment: Mapping[str, str]) -> Iterator[Mirror]:
    """Serve ``folder`` until the block ends; returns when all of it is hashed.

    Args:
        command: What starts weighbridge.
        folder: Its files are the repository ``REPOSITORY``.
        home: Where the mirror may keep what it likes; made if need be.
        environment: Its variables.

    Raises:
        RuntimeError: The mirror does not start; the message ends with what it says.
    """
    home.mkdir(parents=True, exist_ok=True)
    argv = [*command, "serve", "--port", "0", "--access-log", "none", "--repo", f"{REPOSITORY}={folder}"]
    errors = home / "errors"
    with (
        errors.open("wb") as log,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**environment, "WEIGHBRIDGE_CACHE": str(home / "cache")},
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            if not line.startswith(_ENDPOINT):
                message = f"the mirror did not start; it says: {errors.read_text()}"
                raise RuntimeError(message)
            yield Mirror(line.removeprefix(_ENDPOINT), process.pid)
        finally:
            process.terminate()
