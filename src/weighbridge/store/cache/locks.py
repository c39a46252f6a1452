"""The lock that newer clients hold while they fetch a blob, held by us as well, so that one of us fetches it."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from weighbridge.core.etags import is_blob_name
from weighbridge.store.cache.layout import CacheFolder

_MODE = 0o664  # whatever the umask is: every user of a shared cache must be able to open it
_FLAGS = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIX = ".lock"
_TAKEN = frozenset({errno.EAGAIN, errno.EACCES})  # the second on some file systems

_inside: dict[tuple[int, str], BlobLock] = {}
"""Who is inside here, by process and lock file: over NFS the kernel tells only processes apart, not their locks."""


class BlobLock:
    """The gate of one blob, shut for as long as any client that knows this lock is inside.

    It saves work and nothing else: a file system that has no locks, and a lock file that can't be had, let everybody
    in.  The lock is the kernel's and ends with its process; its file is empty and stays, as others may be waiting on
    that very file, unless it was made in vain.

    Args:
        folder: The repository.
        etag: Of the blob.

    Raises:
        UnsafePathError: The etag can't be the name of a file.
    """

    def __init__(self, folder: CacheFolder, etag: str) -> None:
        self._path = folder.lock(etag).absolute()
        self._blobs = folder.blobs
        self._prefix = f"{etag}."
        self._descriptor = -1
        self._is_inside = False

    def try_enter(self) -> bool:
        """Enter if nobody else is inside; never waits."""
        if self._is_inside:
            return True
        if _inside.setdefault(self._key, self) is not self:  # one step, so no lock of ours is needed
            return False
        try:
            self._is_inside = self._try_lock()
        finally:
            if not self._is_inside:
                del _inside[self._key]
        return self._is_inside

    def leave(self) -> None:
        """Let others enter; harmless if not inside."""
        descriptor, self._descriptor = self._descriptor, -1
        was_inside, self._is_inside = self._is_inside, False
        if descriptor >= 0:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child has the same lock, and would keep it
            os.close(descriptor)
        if was_inside:
            _inside.pop(self._key, None)

    @property
    def is_locked(self) -> bool:
        """Whether this one is inside, and the system keeps others out; as far as its file system has locks."""
        return self._descriptor >= 0

    def signs(self) -> object:
        """Return name, size and time of everything that other clients have begun to fetch for this blob."""
        found = []
        with suppress(OSError), os.scandir(self._blobs) as entries:
            for each in entries:
                if each.name.startswith(self._prefix) and each.name.endswith(".incomplete"):
                    with suppress(OSError):
                        seen = each.stat(follow_symlinks=False)
                        found.append((each.name, seen.st_size, seen.st_mtime_ns))
        return tuple(sorted(found))

    def _try_lock(self) -> bool:
        try:
            descriptor, is_made = _open(self._path)
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(descriptor), self._path.lstat())  # else somebody has replaced the file
        except OSError as error:
            has_locks = error.errno in _TAKEN or isinstance(error, FileNotFoundError)
            if is_made and not has_locks:
                _remove(self._path, descriptor)
            os.close(descriptor)
            return not has_locks
        if not is_ours:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    @property
    def _key(self) -> tuple[int, str]:
        return os.getpid(), str(self._path)


def is_taken(folder: CacheFolder, etag: str) -> bool:
    """Tell whether some client is inside the gate of a blob; nothing is made, and nobody is kept out for longer.

    Raises:
        UnsafePathError: The etag can't be the name of a file.
    """
    path = folder.lock(etag).absolute()
    if (os.getpid(), str(path)) in _inside:
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _TAKEN
    finally:
        os.close(descriptor)
    return False


def taken_of(folder: CacheFolder) -> list[str]:
    """Return the etags of a repository's blobs of which some client is inside the gate, sorted."""
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir(folder.root / ".locks" / folder.repo.folder)  # noqa: PTH208 - names are all that is needed
    etags = sorted(each.removesuffix(_SUFFIX) for each in names if each.endswith(_SUFFIX))
    return [each for each in etags if is_blob_name(each) and is_taken(folder, each)]


def _open(path: Path) -> tuple[int, bool]:
    """Open a lock file, made if absent, and tell whether it was made; only whoever makes it may set its mode."""
    with suppress(FileNotFoundError):
        return os.open(path, _FLAGS), False
    try:
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:
        return os.open(path, _FLAGS), False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _open(path)
    with suppress(OSError):
        os.fchmod(descriptor, _MODE)
    return descriptor, True


def _remove(path: Path, descriptor: int) -> None:
    """Remove a lock file of our own making: where there are no locks, newer clients take its mere name for one."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            path.unlink()
