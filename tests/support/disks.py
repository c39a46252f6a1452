"""Small and read-only disks for single processes, mounted where nobody else sees them."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import pytest

_MARK = '{"listing": "%s"}\\n'


def private_mounts() -> list[str]:
    """Return the command that lets a process mount for itself alone; skips the test where the system forbids it."""
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if not _works(tuple(command)):
        pytest.skip("this system lets nobody mount for himself")
    return command


def on_small_disk(directory: Path, size: int, *, ballast: int = 0, then_again: bool = False) -> list[str]:
    """Return the command that runs a client with a disk of ``size`` bytes at ``directory``.

    Args:
        directory: Made before.
        size: Of the disk, in bytes.
        ballast: Bytes that a file there takes up.
        then_again: Run the client a second time, after the ballast is gone.
    """
    steps = [
        f"mount -t tmpfs -o size={size} none {directory}",
        f"head -c {ballast} /dev/zero >{directory}/ballast",
        '"$@"',
    ]
    script = " && ".join(steps)
    if then_again:
        script += f'; rm -f {directory}/ballast; "$@"'
    return _running(f"{script}; code=$?; printf '{_MARK}' \"$(ls -A {directory} | tr '\\n' ' ')\"; exit $code")


def on_read_only_disk(directory: Path) -> list[str]:
    """Return the command that runs a client for which nothing below ``directory`` can be changed."""
    return _running(f'mount --bind {directory} {directory} && mount -o remount,ro,bind {directory} && exec "$@"')


def with_limits(**limits: int) -> list[str]:
    """Return the command that runs a client with limits of the kernel, named as ``prlimit`` names them."""
    return ["prlimit", *(f"--{name}={value}" for name, value in limits.items())]


def _running(script: str) -> list[str]:
    return [*private_mounts(), "sh", "-c", script, "sh"]


@functools.cache
def _works(command: tuple[str, ...]) -> bool:
    done = subprocess.run(
        [*command, "sh", "-c", "mount -t tmpfs none /mnt"], check=False, stderr=subprocess.DEVNULL, timeout=10
    )
    return done.returncode == 0
