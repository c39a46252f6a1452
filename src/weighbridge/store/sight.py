"""Looking at a file without being fooled: what a stat tells, and opening only what is a plain file."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

BLOCK = 512
"""What ``st_blocks`` counts, in bytes, whatever the file system's own blocks are."""

_QUIETLY = getattr(os, "O_NOATIME", 0)  # Linux has it


@dataclass(frozen=True, slots=True)
class Sight:
    """What a stat tells of a file; equal as long as nobody has touched it.  All zero if nothing is there.

    Attributes:
        size: In bytes.
        mtime_ns: When it was written to, which anybody may set.
        ctime_ns: When anything about it was changed, which nobody can set.
        inode: Which file it is.
    """

    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return what ``found`` tells."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    @property
    def changed_at_ns(self) -> int:
        """Wall-clock nanoseconds of the latest change."""
        return max(self.mtime_ns, self.ctime_ns)


def see(path: Path) -> Sight:
    """Return what a stat tells of a plain file, links followed; nothing if there is none, or it can't be looked at."""
    try:
        found = path.stat()
    except OSError:
        return Sight()
    return Sight.of(found) if stat.S_ISREG(found.st_mode) else Sight()


def open_plain(path: Path, flags: int = 0) -> int:
    """Open a plain file, for reading unless told otherwise, and return its descriptor.

    Anything else raises ``OSError`` at once: a pipe that somebody has put there would keep us waiting for its writer.
    Its time of access stays, where we may have it so: that tells when others have last used what we only check.

    Args:
        path: The file.
        flags: More flags of ``open``, such as ``O_NOFOLLOW``.
    """
    flags |= os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags | _QUIETLY, 0o666)
    except PermissionError:  # perhaps only since it is another user's
        descriptor = os.open(path, flags, 0o666)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a plain file", str(path))


def read_plain(path: Path) -> bytes:
    """Return the bytes of a plain file that no link leads to; raises ``OSError`` if it is anything else."""
    with os.fdopen(open_plain(path, os.O_NOFOLLOW), "rb") as file:
        return file.read()


def room_of(found: os.stat_result) -> int:
    """Return how many bytes of the disk a file takes up: one that is written out of order is longer than it is full."""
    return min(getattr(found, "st_blocks", found.st_size) * BLOCK, found.st_size)
