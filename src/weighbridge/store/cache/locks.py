"""The lock that newer clients hold while they fetch a blob, held by us as well, so that one of us fetches it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from weighbridge.store.cache.layout import CacheFolder

if TYPE_CHECKING:
    from filelock import BaseFileLock

_MODE = 0o664  # whatever the umask is: every user of a shared cache must be able to open it

_inside: dict[tuple[int, str], BlobLock] = {}
"""Who is inside here, by process and lock file: over NFS the kernel tells only processes apart, not their locks."""


class BlobLock:
    """The gate of one blob, shut for as long as any client that knows this lock is inside.

    It saves work and nothing else: a file system that has no locks, and a lock file that can't be had, let everybody
    in.  The lock is the kernel's and ends with its process; its file is empty and stays, as others may be waiting on
    that very file.

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
        self._lock: BaseFileLock | None = None
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
        lock, self._lock = self._lock, None
        was_inside, self._is_inside = self._is_inside, False
        if lock is not None:
            with suppress(OSError):
                lock.release(force=True)
        if was_inside:
            _inside.pop(self._key, None)

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
        from filelock import FileLock, Timeout  # noqa: PLC0415 - 60 ms, which whoever has all files need not pay

        # a file that is the lock itself, as where the kernel has none, would outlive us: then there is none
        lock = FileLock(self._path, mode=_MODE, thread_local=False, fallback_to_soft=False, preserve_lock_file=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError:
            return True
        self._lock = lock
        return True

    @property
    def _key(self) -> tuple[int, str]:
        return os.getpid(), str(self._path)
