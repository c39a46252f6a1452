"""Notes that a commit has no such file, so that nobody need ask again: a commit never changes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from weighbridge.core.errors import StoreError
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.staging import make_directories

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def note_absence(folder: CacheFolder, commit: str, path: str) -> None:
    """Note that a commit has no file at ``path``; what can't be noted will be asked for again, and that is all.

    The directory of the commit is made as well and first, so that a ref to it never leads nowhere.  Nothing is noted
    of a file that is here after all: other clients believe the note and not the file.

    Raises:
        UnsafePathError: The commit or the path could lead elsewhere.
    """
    marker, pointer = folder.absence(commit, path), folder.pointer(commit, path)
    with suppress(OSError, StoreError):
        make_directories(folder.path, folder.snapshot(commit))
        if not os.path.lexists(pointer):
            make_directories(folder.path, marker.parent)
            os.close(os.open(marker, _FLAGS, 0o666))


def is_absent(folder: CacheFolder, commit: str, path: str) -> bool:
    """Tell whether it is noted that a commit has no file at ``path``.

    Ask for the file first: older clients leave such notes about files that there are.

    Raises:
        UnsafePathError: The commit or the path could lead elsewhere.
    """
    marker = folder.absence(commit, path)
    try:
        return stat.S_ISREG(marker.lstat().st_mode)
    except OSError:
        return False


def forget_absence(folder: CacheFolder, commit: str, path: str) -> None:
    """Remove the note that a commit has no file at ``path``, as there is one; a note that can't be removed stays.

    Raises:
        UnsafePathError: The commit or the path could lead elsewhere.
    """
    marker = folder.absence(commit, path)
    with suppress(OSError):
        marker.unlink()
