"""What the disk says: what is absent, what fails, and whether an opened file is the one that was looked at."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from weighbridge.store.sight import open_plain

_ABSENT = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EINVAL}
)
_OWN_DESCRIPTORS = Path("/proc/self/fd")


def is_absent(error: OSError) -> bool:
    """Tell whether an error says that nothing is there for us, rather than that nobody can tell now.

    A disk that fails, or too many open files, must not look like files that were removed.
    """
    return error.errno in _ABSENT


class passing_over_absence:  # noqa: N801 - reads as a verb where it is used
    """Ends a ``with`` block where something is absent (:func:`is_absent`); every other failure is raised."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, OSError) and is_absent(error)


def is_text(name: str) -> bool:
    """Tell whether a name can be told to clients, which know UTF-8 alone."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def open_in_place(place: Path) -> FileIO:
    """Open a plain file at a path that has no links, for reading.

    Raises:
        OSError: It can't be had, is no plain file, or a link has come into its path since it was looked at.
    """
    descriptor = open_plain(place, os.O_NOFOLLOW)
    try:
        if _OWN_DESCRIPTORS.is_dir() and os.readlink(_OWN_DESCRIPTORS / str(descriptor)) != str(place):  # noqa: PTH115
            raise FileNotFoundError(errno.ENOENT, "its path has changed", str(place))
    except BaseException:
        os.close(descriptor)
        raise
    return FileIO(descriptor)


def walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk as ``os.walk`` does, but raise what it would pass over unless that is mere absence."""

    def complain(error: OSError) -> None:
        if not is_absent(error):
            raise error

    return os.walk(root, onerror=complain)
