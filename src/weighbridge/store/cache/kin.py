"""Content that another repository of the same cache has already: a blob's name tells what is in it."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.etags import is_digest_name
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.copies import clone_file, copy_file
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.staging import staged
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight


def find_elsewhere(folder: CacheFolder, etags: Iterable[str], but: Collection[Path] = ()) -> dict[str, Path]:
    """Find blobs in the other repositories of a cache, by listing the blobs of each of these once.

    Nobody has looked into them: whoever wants one compares it with its digest first.

    Args:
        folder: The repository that lacks them.
        etags: Their names; those that are no digests say nothing about content, and are passed over.
        but: Files that somebody has looked into already, in vain.

    Returns:
        Plain files inside the cache, by etag, links undone.
    """
    wanted = {each for each in etags if is_digest_name(each)}
    found: dict[str, Path] = {}
    if wanted:
        inside = os.path.join(os.path.realpath(folder.root), "")  # noqa: PTH118 - ends in a slash
        for blobs in _others(folder):
            for etag in wanted & _names(blobs):
                if (real := _resolve(blobs / etag, inside)) and real not in but:
                    found[etag] = real
            wanted -= found.keys()
            if not wanted:
                break
    return found


def take_over(source: Path, final: Path, seen: Sight | None = None, stop: threading.Event | None = None) -> None:
    """Give a blob a second place in the cache, complete or not at all.

    Best of all, both share their blocks on the disk.  Where the file system can't do that they become one file, if the
    first is a plain file of this user that he may write to: others' files are theirs to change, and contents that newer
    clients share between repositories are counted by them.  Otherwise it is copied, and flushed.

    Args:
        source: The blob; see :func:`find_elsewhere`.
        final: Its place in the ``blobs`` of a repository; what is there is replaced.
        seen: What ``source`` looked like when it was compared with its digest; None believes what it is now.
        stop: Ends a long copy early, with :class:`CancelledError`.

    Raises:
        StoreError: Nothing has changed: the disk says no, or ``source`` is not what it was.
    """
    place = final.parent.parent
    if clone_file(place, source, final, seen) or _link(place, source, final, seen):
        return
    copy_file(place, source, final, seen, stop)


def _link(place: Path, source: Path, final: Path, seen: Sight | None) -> bool:
    """Make both one file, if that is safe and the file system can do it; tells whether it was done."""
    with storing(final, "link"), staged(place) as path:
        found = source.lstat()
        is_ours = found.st_uid == os.geteuid() and bool(found.st_mode & stat.S_IWUSR)
        if not stat.S_ISREG(found.st_mode) or not is_ours or os.path.realpath(source) != str(source):
            return False
        if seen is not None and not _is_same(seen, Sight.of(found)):
            raise StoreError(f"can't use {source}: somebody has changed it", path=str(source))
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError:  # too many links, another file system, or one that has none
            return False
        if not os.path.samestat(found, path.lstat()):
            raise StoreError(f"can't use {source}: somebody has replaced it", path=str(source))
        path.replace(final)
        with suppress(FileNotFoundError):
            path.unlink()  # it is still there if both were names of one file already
    return True


def _is_same(seen: Sight, now: Sight) -> bool:
    """Tell whether nobody has written to a file; a further name, which another of us may have made, is no harm."""
    return (seen.size, seen.mtime_ns, seen.inode) == (now.size, now.mtime_ns, now.inode)


def _others(folder: CacheFolder) -> list[Path]:
    """Return where the other repositories of a cache have their blobs."""
    names: list[str] = []
    with suppress(OSError):
        names = sorted(os.listdir(folder.root))  # noqa: PTH208 - names are all that is needed
    return [folder.root / each / "blobs" for each in names if each != folder.repo.folder and RepoId.of_folder(each)]


def _names(blobs: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(blobs))  # noqa: PTH208 - there may be many
    except OSError:
        return frozenset()


def _resolve(blob: Path, inside: str) -> Path | None:
    """Return the plain file that a blob is or leads to; None if there is none inside the cache."""
    try:
        real = os.path.realpath(blob, strict=True)
        is_plain = stat.S_ISREG(os.lstat(real).st_mode)
    except OSError:
        return None
    return Path(real) if is_plain and real.startswith(inside) else None
