"""What the operating system says about files, in our terms."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from weighbridge.core.errors import DiskFullError, StoreError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class storing:  # noqa: N801 - reads as a verb where it is used
    """Map an ``OSError`` of a ``with`` block to a :class:`StoreError` that says what was done to which path.

    A class rather than a generator, since it is entered several times for each block of bytes.

    Args:
        path: What the block works on.
        doing: Verb phrase for the message, as in "can't {doing} {path}".
    """

    __slots__ = ("_doing", "_path")

    def __init__(self, path: Path, doing: str) -> None:
        self._path = path
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise _translate(error, self._path, self._doing) from error


def _translate(error: OSError, path: Path, doing: str) -> StoreError:
    words = error.strerror or type(error).__name__
    if error.errno in _FULL:
        message = f"no room left: can't {doing} {path} ({words}); make room, then the same call goes on"
        return DiskFullError(message, path=str(path), free=free_bytes(path))
    return StoreError(f"can't {doing} {path}: {words}", path=str(path))


def free_bytes(path: Path) -> int | None:
    """Return how many bytes an unprivileged user may still write near ``path``; None if nobody can tell."""
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except FileNotFoundError:
            continue
        except (OSError, AttributeError):
            return None
        return found.f_bavail * found.f_frsize
    return None


def flush_directory(path: Path) -> None:
    """Make the names in a directory survive a power loss, where the system can do that."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:  # Windows opens no directories
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES):  # network file systems
            raise
    finally:
        os.close(descriptor)
