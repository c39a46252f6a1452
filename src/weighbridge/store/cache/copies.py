"""Giving content that is here a second place, by sharing its blocks where the file system can do that."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import CancelledError, StoreError
from weighbridge.core.options import MIB
from weighbridge.store.cache.staging import CREATING, staged
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight, open_plain

_FICLONE = 0x40049409  # ioctl_ficlone(2): the new file shares all blocks, until one of the two is changed


def copy_file(
    place: Path, source: Path, final: Path, seen: Sight | None = None, stop: threading.Event | None = None
) -> None:
    """Give ``final`` the content of ``source``: complete and flushed, or not at all.

    Its mode is what the user's umask makes of a new file, whatever that of ``source`` is.

    Args:
        place: Where the copy has its temporary name; see :func:`~weighbridge.store.cache.staging.staged`.
        source: A plain file; links to it are followed.
        final: Its second place; what is there is replaced.
        seen: What ``source`` looked like when it was found to be right; None believes what it is now.
        stop: Ends a long copy early.

    Raises:
        StoreError: Nothing has changed: the disk says no, or ``source`` is being changed.
        CancelledError: Nothing has changed: ``stop`` was set.
    """

    def share_or_copy(reading: int, writing: int) -> bool:
        return _share(reading, writing) or _copy(reading, writing, stop)

    with storing(final, "copy to"), staged(place) as path:
        _fill(path, source, seen, share_or_copy)
        path.replace(final)


def clone_file(place: Path, source: Path, final: Path, seen: Sight | None = None) -> bool:
    """Do as :func:`copy_file` if both files can share their blocks; tells whether they do."""
    with storing(final, "copy to"), staged(place) as path:
        if has_cloned := _fill(path, source, seen, _share):
            path.replace(final)
        else:
            path.unlink()
    return has_cloned


def _fill(path: Path, source: Path, seen: Sight | None, fill: Callable[[int, int], bool]) -> bool:
    """Make a new file of what ``source`` holds by ``fill``; tells whether that was done, whole and undisturbed."""
    with storing(source, "read"):
        reading = open_plain(source)
    try:
        before = Sight.of(os.fstat(reading)) if seen is None else seen
        writing = os.open(path, CREATING, 0o666)
        try:
            if not fill(reading, writing):
                return False
            os.fsync(writing)
            length = os.fstat(writing).st_size
        finally:
            os.close(writing)
        if Sight.of(os.fstat(reading)) != before or length != before.size:
            raise StoreError(f"can't copy {source}: somebody is changing it", path=str(source))
    finally:
        os.close(reading)
    return True


def _share(reading: int, writing: int) -> bool:
    """Let a new file share all blocks of another; tells whether the file system could."""
    with suppress(OSError):
        fcntl.ioctl(writing, _FICLONE, reading)
        return True
    return False


def _copy(reading: int, writing: int, stop: threading.Event | None) -> bool:
    buffer = memoryview(bytearray(MIB))
    while count := os.readv(reading, [buffer]):
        if stop is not None and stop.is_set():
            raise CancelledError("stopped while copying; the same call begins it anew")
        rest = buffer[:count]
        while rest.nbytes:
            rest = rest[os.write(writing, rest) :]
    return True
