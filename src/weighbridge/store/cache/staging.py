"""Temporary names, out of the sight of other clients, from which files and links are renamed into place.

They lie in a directory of our own in the place that is being changed, since a stray in ``refs`` or ``snapshots`` makes
other clients drop the whole repository.  Whoever dies in between leaves one there, and the next who needs one removes
what has not changed for an hour.
"""

from __future__ import annotations

import errno
import math
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.cache.layout import OWN
from weighbridge.store.faults import storing
from weighbridge.store.holding import hold, is_held, let_go
from weighbridge.store.sight import open_plain

_STAGED = "staged"
_ABANDONED_S = 3600.0
_LOOK_S = 60.0
_MOST_LOOKS = 256

_looks: dict[str, tuple[int, int, float]] = {}  # by folder: which directory it was when it was last looked through

CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
"""How a file is opened under a temporary name."""


@contextmanager
def staged(place: Path) -> Iterator[Path]:
    """Give a path that nobody else uses; if the block fails, what is still there is removed.

    Args:
        place: A directory that other clients know, on the file system of the final name.

    Raises:
        OSError: There can be no such path.
    """
    folder = f"{place}/{OWN}/{_STAGED}"
    _look_through(folder)
    path = Path(f"{folder}/{secrets.token_hex(8)}")
    hold(path.name)
    try:
        yield path
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        let_go(path.name)


def _look_through(folder: str) -> None:
    """Make the folder, or tidy it once in a while: for many files, one look at which directory it is will do."""
    inode, device, seen_at = _looks.get(folder, (0, 0, -math.inf))
    with suppress(FileNotFoundError):
        found = os.lstat(folder)
        if (found.st_ino, found.st_dev) == (inode, device) and time.monotonic() - seen_at < _LOOK_S:
            return
    try:
        remove_abandoned(folder, time.time())
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - text
    if len(_looks) >= _MOST_LOOKS:
        _looks.clear()
    found = os.lstat(folder)
    _looks[folder] = found.st_ino, found.st_dev, time.monotonic()


def create(path: Path, content: bytes) -> None:
    """Make a new file, readable as the user's umask has it; raises ``OSError`` if it can't be."""
    with os.fdopen(os.open(path, CREATING, 0o666), "wb") as file:
        file.write(content)


def write_whole(place: Path, final: Path, content: bytes) -> None:
    """Give a small file its content, in one step for everybody who looks.

    A power loss may leave an empty file or the one before; what is not forgiven by all who read it is flushed first.

    Args:
        place: See :func:`staged`.
        final: Its name, in a directory that is there.
        content: All of it.

    Raises:
        OSError: Nothing has changed.
    """
    with staged(place) as path:
        create(path, content)
        path.replace(final)


def read_whole(path: Path, largest: int) -> bytes | None:
    """Return the content of a small plain file that no link leads to; None if there is none that can be read.

    Args:
        path: The file.
        largest: More bytes than this are none of ours.
    """
    try:
        with os.fdopen(open_plain(path, os.O_NOFOLLOW), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= largest else None  # what is asked for is memory at once
    except (OSError, ValueError):
        return None
    return content


def make_directories(top: Path, directory: Path) -> None:
    """Make ``directory``, and all between it and ``top``; none of them is a link afterwards.

    Args:
        top: It may be reached through links.
        directory: Below it, without ``..``.

    Raises:
        StoreError: One can't be made, or something else has its name.
    """
    with storing(directory, "make"):
        top.mkdir(parents=True, exist_ok=True)
        place = top
        for part in directory.relative_to(top).parts:
            place = place / part
            with suppress(FileExistsError):
                place.mkdir()
            found = place.lstat()
            if not stat.S_ISDIR(found.st_mode):
                what = "a symbolic link, which may lead anywhere" if stat.S_ISLNK(found.st_mode) else "no directory"
                raise StoreError(f"can't make {directory}: {place} is {what}; remove it", path=str(place))


def refuse_links(path: str | Path) -> None:
    """Raise ``OSError`` if a link is on the way from the last ``.weighbridge`` in a path to its end.

    Whoever may write to a shared cache could make one, and have others write, or clear away, where he may not.
    """
    start, own, below = str(path).rpartition(f"/{OWN}")
    place = f"{start}{own}"
    for part in ("", *below.split("/")):
        place = f"{place}/{part}" if part else place
        if own and os.path.islink(place):  # noqa: PTH114 - of many
            raise OSError(errno.ELOOP, f"{place} is a symbolic link, which may lead anywhere; remove it")


def remove_abandoned(folder: str, now_s: float) -> None:
    """Remove what was left behind.

    Args:
        folder: Where temporary names are.
        now_s: Wall-clock seconds.

    Raises:
        FileNotFoundError: The folder is not there.
        OSError: It can't be listed, or is not what it seems.
    """
    refuse_links(folder)
    with os.scandir(folder) as entries:
        for each in entries:
            if is_held(each.name):  # however far the clock has jumped since
                continue
            with suppress(OSError):
                found = each.stat(follow_symlinks=False)
                changed_at = max(found.st_mtime, found.st_ctime)  # a further name of an old file has its mtime
                if now_s - changed_at > _ABANDONED_S:
                    os.unlink(each)  # noqa: PTH108 - an entry
