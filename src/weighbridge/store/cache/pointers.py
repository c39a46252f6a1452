"""What a commit has at a path: a link to the blob, or, where there are no links, the file itself."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from weighbridge.core.options import CacheOptions
from weighbridge.store.cache.absences import forget_absence
from weighbridge.store.cache.copies import copy_file
from weighbridge.store.cache.layout import CacheFolder, checked_commit, checked_etag
from weighbridge.store.cache.staging import make_directories, staged
from weighbridge.store.faults import storing

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


class Pointers:
    """The snapshots of one repository; safe to use from many threads.

    Args:
        folder: The repository's.
        options: Only ``symlinks`` is read.
    """

    def __init__(self, folder: CacheFolder, options: CacheOptions) -> None:
        self._folder = folder
        self._has_links = options.symlinks  # False, too, once the file system has refused one
        self._real = os.path.realpath(folder.path)
        self._blobs = os.path.realpath(folder.blobs)
        self._inside = tuple(f"{each}/" for each in (self._real, self._blobs, os.path.realpath(folder.root / "blobs")))
        self._known: dict[tuple[str, str], tuple[str, str]] = {}  # see _enter
        self._made: set[Path] = set()  # directories that were there

    def has(self, commit: str, path: str, etag: str) -> os.stat_result | None:
        """Return what a stat tells of the file that a commit has at a path.

        All links are followed, and what lies neither in the repository's folder nor among the contents that newer
        clients share between repositories is not taken.  Of a file that is no link to a blob, only the caller can tell
        whether it is the right one.

        Args:
            commit: 40 hex digits.
            path: As :func:`~weighbridge.core.repos.repo_path` has read it.
            etag: What the blob must be called that it links to.

        Returns:
            The stat of the content; None if there is none, or if it is another blob's.

        Raises:
            UnsafePathError: The commit or the etag could lead elsewhere.
        """
        # os-level and with text, as a warm snapshot asks this of every file it has
        directory, _, name = path.rpartition("/")
        here, blobs = self._known.get((commit, directory)) or self._enter(commit, directory)
        pointer = here + name
        try:
            target = os.readlink(pointer)  # noqa: PTH115 - see above
            if target == blobs + etag and "/" not in etag:
                found = os.lstat(f"{self._blobs}/{etag}")
                if stat.S_ISREG(found.st_mode):
                    return found
        except FileNotFoundError:
            return None
        except OSError:  # no link
            target = ""
        return self._look(pointer, target, etag)

    @property
    def has_links(self) -> bool:
        """Whether pointers are links, as far as anybody has tried."""
        return self._has_links

    def make(self, commit: str, path: str, etag: str) -> None:
        """Let a commit have a blob at a path; the blob stays where it is.

        The link is made under another name and renamed, so there is always one or none, and it is relative, so that
        the cache can be moved.  Only then the note goes that there is no such file, if there was one: who dies in
        between leaves a note that is wrong, but that was wrong before.

        Raises:
            UnsafePathError: The commit, the path or the etag could lead elsewhere.
            StoreError: The blob is not there, something else is where a directory is needed, or the disk says no.
        """
        blob, pointer = self._prepare(commit, path, etag)
        if not self._link(pointer, path, etag):
            copy_file(self._folder.path, blob, pointer)
        forget_absence(self._folder, commit, path)

    def make_fresh(self, commit: str, path: str, etag: str) -> None:
        """Do as :meth:`make`, of a blob that nothing else refers to: without links, it is moved instead of copied."""
        blob, pointer = self._prepare(commit, path, etag)
        if not self._link(pointer, path, etag) and not _move(blob, pointer):
            copy_file(self._folder.path, blob, pointer)
        forget_absence(self._folder, commit, path)

    def _prepare(self, commit: str, path: str, etag: str) -> tuple[Path, Path]:
        """Return where blob and pointer are, the one seen and the other's directory made."""
        blob, pointer = self._folder.blob(etag), self._folder.pointer(commit, path)
        with storing(blob, "refer to"):
            os.stat(blob)  # noqa: PTH116 - a link to nothing makes other clients drop the repository
        if pointer.parent not in self._made:
            make_directories(self._folder.path, pointer.parent)
            self._made.add(pointer.parent)
        return blob, pointer

    def _link(self, pointer: Path, path: str, etag: str) -> bool:
        """Make a link unless it is there already; tells whether there can be links."""
        if not self._has_links:
            return False
        target = f"{'../' * (path.count('/') + 2)}blobs/{etag}"
        with suppress(OSError):
            if os.readlink(pointer) == target:  # noqa: PTH115 - to the byte
                return True
        with storing(pointer, "make"), staged(self._folder.path) as link:
            try:
                os.symlink(target, link)  # noqa: PTH211 - as above
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._has_links = False
                return False
            try:
                link.replace(pointer)
            except FileNotFoundError:  # its directory was there; another client has removed the commit since
                make_directories(self._folder.path, pointer.parent)
                link.replace(pointer)
        return True

    def _enter(self, commit: str, directory: str) -> tuple[str, str]:
        """Return what all pointers in a directory of a commit begin with, and all links in it.

        Only where no other link is on the way do links lead where they say; elsewhere the second is what no link can
        hold, so that each pointer is looked at more closely.
        """
        place = f"{self._real}/snapshots/{checked_commit(commit)}/{directory}".rstrip("/")
        is_straight = os.path.isdir(place) and os.path.realpath(place) == place  # noqa: PTH112 - text
        if not is_straight or self._blobs != f"{self._real}/blobs":
            return f"{place}/", "\0"
        self._known[commit, directory] = f"{place}/", "../" * (directory.count("/") + 2 + bool(directory)) + "blobs/"
        return self._known[commit, directory]

    def _look(self, pointer: str, target: str, etag: str) -> os.stat_result | None:
        """Find what any pointer leads to, whatever way it takes."""
        checked_etag(etag)
        try:
            real = os.path.realpath(pointer, strict=True)
            found = os.lstat(real)
        except OSError:
            return None
        named = [real.rpartition("/")]
        if target:  # where its first step leads, too: that is what it was made for
            first, _, name = f"{os.path.dirname(pointer)}/{target}".rpartition("/")  # noqa: PTH120 - compared as text
            named.append((os.path.realpath(first), "", name))
        is_other = any(place == self._blobs and name != etag for place, _, name in named)
        is_here = real.startswith(self._inside) and stat.S_ISREG(found.st_mode)
        return found if is_here and not is_other else None


def _move(blob: Path, pointer: Path) -> bool:
    """Let a blob be the file itself, if it is a plain file here: a link leads to what others share."""
    with suppress(OSError):
        if stat.S_ISREG(blob.lstat().st_mode):
            blob.replace(pointer)
            return True
    return False
