"""Says on what machine the figures were taken."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SHA_FLAGS = {"sha_ni", "sha2", "sha512"}


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts of a machine that the figures depend on.

    Attributes:
        cpu: Model name.
        cores: Cores this process may use.
        sha_extensions: The SHA instructions of the CPU, or a note that there are none.
        memory_bytes: Main memory.
        kernel: Name and release.
        filesystem: Type and device below the work directory.
        load: Processes that were running in the last minute; the figures are of little worth when it is high.
    """

    cpu: str
    cores: int
    sha_extensions: str
    memory_bytes: int
    kernel: str
    filesystem: str
    load: float


def read_machine(workdir: Path) -> Machine:
    """Read what Linux tells about itself."""
    facts = _cpu_facts()
    flags = set((facts.get("flags") or facts.get("Features") or "").split()) & _SHA_FLAGS
    return Machine(
        cpu=facts.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        sha_extensions=", ".join(sorted(flags)) or "none",
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=f"{platform.system()} {platform.release()}",
        filesystem=_filesystem(workdir),
        load=os.getloadavg()[0],
    )


def read_source() -> str:
    """Return the commit of this tree, with ``-dirty`` when files differ from it; else why that is not known."""
    argv = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    try:
        done = subprocess.run(argv, cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=30)
    except (subprocess.SubprocessError, OSError):
        return "a tree that is in no git repository"
    return done.stdout.strip()


def _cpu_facts() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _filesystem(path: Path) -> str:
    """Return type and device of the mount that holds ``path``: the longest mount point above it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [mount for mount in mounts if path.is_relative_to(mount[1])]
    device, _, kind, *_ = max(above, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"
