"""What the operating system says about files, in our terms."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.core.errors import DiskFullError, StoreError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def storing(path: Path, doing: str) -> Iterator[None]:
    """Map an ``OSError`` of the block to a :class:`StoreError` that says what was done to which path.

    Args:
        path: What the block works on.
        doing: Verb phrase for the message, as in "can't {doing} {path}".
    """
    try:
        yield
    except OSError as error:
        words = error.strerror or type(error).__name__
        if error.errno in _FULL:
            raise DiskFullError(
                f"no room left: can't {doing} {path} ({words}); make room, then the same call goes on",
                path=str(path),
                free=free_bytes(path),
            ) from error
        raise StoreError(f"can't {doing} {path}: {words}", path=str(path)) from error


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
