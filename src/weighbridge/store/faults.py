"""What the operating system says about files, in our terms."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from weighbridge.core.errors import DiskFullError, StoreError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CANT_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EROFS})  # network file systems
_CANT_OPEN = frozenset({errno.EACCES, errno.EPERM})  # a directory that may be written to and not be listed


def _unknown() -> None:
    return None


class storing:  # noqa: N801 - reads as a verb where it is used
    """Map an ``OSError`` of a ``with`` block to a :class:`StoreError` that says what was done to which path.

    A class rather than a generator, since it is entered several times for each block of bytes.

    Args:
        path: What the block works on.
        doing: Verb phrase for the message, as in "can't {doing} {path}".
        count_needed: Returns how many bytes are still to be written, if known; asked when the disk is full.
    """

    __slots__ = ("_count_needed", "_doing", "_path")

    def __init__(self, path: Path, doing: str, count_needed: Callable[[], int | None] = _unknown) -> None:
        self._path = path
        self._doing = doing
        self._count_needed = count_needed

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise self._translate(error) from error

    def _translate(self, error: OSError) -> StoreError:
        path, doing, words = self._path, self._doing, error.strerror or type(error).__name__
        if error.errno == errno.EFBIG:
            words += "; the disk (FAT32, say) or a limit (ulimit -f) allows no file of that size"
        if error.errno not in _FULL:
            return StoreError(f"can't {doing} {path}: {words}", path=str(path))
        needed, free = self._count_needed(), free_bytes(path)
        counts = "" if needed is None else f"; {needed} bytes more are needed and {free} are left"
        message = f"no room left: can't {doing} {path} ({words}{counts}); make room, then the same call goes on"
        return DiskFullError(message, path=str(path), needed=needed, free=free)


def free_bytes(path: Path) -> int | None:
    """Return how many bytes an unprivileged user may still write near ``path``; None if nobody can tell."""
    found = _disk_of(path)
    return None if found is None else found.f_bavail * found.f_frsize


def disk_bytes(path: Path) -> int | None:
    """Return how many bytes the disk that holds ``path`` has in all; None if nobody can tell."""
    found = _disk_of(path)
    return None if found is None else found.f_blocks * found.f_frsize


def _disk_of(path: Path) -> os.statvfs_result | None:
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return found if found.f_blocks else None  # some file systems don't count
    return None


def flush_file(path: Path) -> None:
    """Make a file's bytes survive a power loss; raises :class:`StoreError`."""
    with storing(path, "flush"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def flush_directory(path: Path) -> None:
    """Make the names in a directory survive a power loss, where the system can do that."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in _CANT_OPEN:
            raise
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANT_FLUSH:
            raise
    finally:
        os.close(descriptor)
