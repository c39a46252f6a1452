"""One unfinished file: written at offsets, journaled, flushed behind the writers, published."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import DiskFullError, StoreError
from weighbridge.core.options import MIB, StoreOptions
from weighbridge.core.recovery import Recovered, Validator
from weighbridge.store import journal
from weighbridge.store.cache.pieces import keep_prefixes
from weighbridge.store.faults import disk_bytes, flush_directory, free_bytes, storing
from weighbridge.store.holding import let_go
from weighbridge.store.journal import JournalWriter
from weighbridge.store.layout import DATA, JOURNAL, Place
from weighbridge.store.publish import publish
from weighbridge.store.sight import BLOCK, Sight

_FLUSH_BYTES = 32 * MIB  # less than this is worth a flush of its own only when it has waited long
_FLUSH_S = 10.0
_RESERVE = 256 * MIB  # kept free while the size of what comes is unknown, or this part of a smaller disk
_RESERVE_PART = 20


class Partial:
    """A writer's own unfinished file; a sink for the transfer.

    Writes and reads may come from many threads at once.  :meth:`close` may come while one of them is still inside the
    system: the descriptors then live until it is out, so that no later file can ever be written through them, and
    nobody else may go on with the file before that.

    Args:
        path: Its directory, which holds the journal, and the data file if anything was recovered.
        place: The name it is to get, and where the digests of its pieces are to be kept.
        recovered: What of it counts already.
        options: Whether to flush in the background and before publishing, and whether to leave bytes in the page cache.
        unflushed: Bytes of it that are not known to survive a power loss.

    Attributes:
        published: The file once it has its name.
    """

    def __init__(
        self, path: Path, place: Place, recovered: Recovered, options: StoreOptions, *, unflushed: int
    ) -> None:
        self.path = path
        self.recovered = recovered
        self.published = Sight()
        self._final = place.final
        self._manifest = place.manifest
        self._prefixes = dict(recovered.prefixes)
        self._options = options
        with storing(path, "open"):
            self._data = _open_data(path, recovered)
            try:
                self._journal = JournalWriter(path / JOURNAL)
            except OSError:
                os.close(self._data)
                raise
        self._lock = threading.Lock()  # guards the fields below
        self._users = 0
        self._is_closed = False
        self._is_released = False
        self._is_doubtful = False
        self._unflushed = unflushed
        self._flushed_at = time.monotonic()
        self._size = recovered.size
        self._checked_to = 0
        self._is_named = False  # its own directory entries were flushed

    def resize(self, size: int, validator: Validator) -> None:
        """Learn the whole size; raises :class:`DiskFullError` if what is missing can't fit."""
        with self._using(), storing(self.path, "size"):
            needed, free = size - self._count_held(), free_bytes(self.path)
            if free is not None and needed > free:
                raise DiskFullError(
                    f"{self._final.name} needs {needed} bytes more and {self._final.parent} has {free} left; "
                    "make room, then the same call goes on",
                    path=str(self._final),
                    needed=needed,
                    free=free,
                )
            os.ftruncate(self._data, size)
            self._journal.append(journal.size_record(size, validator))
            self._size = size

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset``."""
        with self._using(), storing(self.path, "write", self._count_needed):
            if self._size is None and offset >= self._checked_to:
                self._check_reserve(offset)
            view = memoryview(data)
            while view.nbytes:
                count = os.pwrite(self._data, view, offset)
                view, offset = view[count:], offset + count
        with self._lock:
            self._unflushed += len(data)

    def record(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` was written."""
        self._append(journal.wrote_record(start, stop))

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes there were."""
        with self._using(), storing(self.path, "read"):
            return os.preadv(self._data, [buffer], offset)

    def note_prefix(self, offset: int, digest: str) -> None:
        """Note the hex digest of the first ``offset`` bytes."""
        self._append(journal.prefix_record(offset, digest))
        self._prefixes[offset] = digest
        with self._using():
            self._uncache(offset)

    def discard(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` is void, before anything else is written there."""
        self._append(journal.void_record(start, stop), is_binding=True)

    def reset(self) -> None:
        """Note that everything is void, before anything else is written."""
        self._append(journal.RESET, is_binding=True)
        self._size = None

    def flush(self) -> None:
        """Make what was recorded so far survive a power loss, if enough of it is new, or some of it has waited long."""
        now = time.monotonic()
        with self._lock:
            is_due = self._unflushed >= _FLUSH_BYTES or (self._unflushed and now - self._flushed_at >= _FLUSH_S)
            if not self._options.durable or self._is_closed or not is_due:
                return
            self._unflushed, self._flushed_at = 0, now
        with self._using(), storing(self.path, "flush"):
            self._journal.append(journal.FLUSHING)
            self._trust(os.fdatasync)
            self._journal.append(journal.DURABLE)
            self._journal.flush()
            if not self._is_named:
                flush_directory(self.path)
                flush_directory(self.path.parent)
                self._is_named = True

    def touch(self) -> None:
        """Show those who wait that there is progress other than writing."""
        with self._using(), storing(self.path, "touch"):
            self._journal.touch()

    def finish(self) -> None:
        """Publish: flush, rename to the final name, drop the rest."""
        with self._using(), storing(self.path, "check"):
            length = os.fstat(self._data).st_size
            if self._size not in (None, length):
                raise StoreError(
                    f"{self.path / DATA} has {length} bytes instead of {self._size}: somebody else has changed it",
                    path=str(self.path),
                )
            if self._options.durable:
                self._trust(os.fsync)
            self._uncache(length)
            if self._manifest is not None:
                keep_prefixes(self._manifest, length, self._prefixes)
            self.published = publish(self.path / DATA, self._data, self._final)
        self.close()
        try:
            (self.path / JOURNAL).unlink()
            self.path.rmdir()
        except OSError:
            remove_partial(self.path)

    def _uncache(self, stop: int) -> None:
        """Take bytes that were read back out of the page cache, if asked to; what is not on the disk yet stays.

        The system begins to write that out then, so that it can go the next time.
        """
        if not self._options.page_cache and hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice only
                os.posix_fadvise(self._data, 0, stop, os.POSIX_FADV_DONTNEED)

    def _trust(self, flush: Callable[[int], None]) -> None:
        """Flush the data.  After a failure nobody knows what of it is on the disk, and no later flush would tell."""
        try:
            flush(self._data)
        except OSError:
            self._is_doubtful = True
            raise

    def release(self) -> None:
        """Let go of an unfinished file on purpose: anybody may go on with it, unless the disk has failed it."""
        try:
            if self._is_doubtful:
                self._keep_durable()
        except StoreError:
            self.drop()
            return
        with self._lock:
            self._is_released = self._is_released or not self._is_closed
        self.close()

    def _keep_durable(self) -> None:
        """Note that only what an earlier flush covered is to be trusted."""
        with storing(self.path, "read the journal"):
            state = journal.replay((self.path / JOURNAL).read_bytes())
        self._append(journal.RESET, is_binding=True)
        if state is not None and state.size is not None:
            self._append(journal.size_record(state.size, state.validator))
            for span in state.durable:
                self.record(span.start, span.stop)

    def drop(self) -> None:
        """Remove an unfinished file of which nothing is worth keeping."""
        self.close()
        remove_partial(self.path)

    def close(self) -> None:
        """Let go of the descriptors as soon as nobody is using them; harmless twice."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            may_close = self._users == 0 and not was_closed
        if may_close:
            self._close_descriptors()

    def _append(self, record: journal.Record, *, is_binding: bool = False) -> None:
        """Append to the journal; a binding record survives a power loss that what comes after it may not survive."""
        with self._using(), storing(self.path, "journal"):
            self._journal.append(record)
            if is_binding and self._options.durable:
                self._journal.flush()

    def _count_held(self) -> int:
        return os.fstat(self._data).st_blocks * BLOCK

    def _count_needed(self) -> int | None:
        return None if self._size is None else max(0, self._size - self._count_held())

    def _check_reserve(self, offset: int) -> None:
        free, disk = free_bytes(self.path), disk_bytes(self.path)
        reserve = _RESERVE if disk is None else min(_RESERVE, disk // _RESERVE_PART)
        if free is not None and free < reserve:
            raise DiskFullError(
                f"{self._final.name} has no announced size and {self._final.parent} has only {free} bytes left",
                path=str(self._final),
                needed=reserve,
                free=free,
            )
        self._checked_to = offset + reserve // 4

    def _using(self) -> _Use:
        """Keep the descriptors open for the length of a ``with`` block."""
        with self._lock:
            if self._is_closed:
                raise StoreError(f"{self.path} is closed", path=str(self.path))
            self._users += 1
        return _Use(self._leave)

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            is_last = self._is_closed and self._users == 0
        if is_last:
            self._close_descriptors()

    def _close_descriptors(self) -> None:
        if self._is_released:
            with suppress(OSError):  # a full disk takes no record: then the next call here, or our end, sets it free
                self._journal.append(journal.RELEASED)
        with suppress(OSError):  # what a network file system says so late was said by the flush, if it mattered
            os.close(self._data)
        with suppress(OSError):
            self._journal.close()
        let_go(self.path.name)


class _Use:
    """Calls ``leave`` at the end of a ``with`` block."""

    __slots__ = ("_leave",)

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._leave()


def remove_partial(path: Path) -> None:
    """Remove a partial's directory; what can't be removed stays for the next who looks."""
    for name in (DATA, JOURNAL, f"{JOURNAL}.new"):
        try:
            (path / name).unlink(missing_ok=True)
        except OSError:
            return
    try:
        path.rmdir()
    except OSError:
        return


def _open_data(path: Path, recovered: Recovered) -> int:
    """Open the data file: a new one, or the very one that was recovered, with nothing behind its end."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path / DATA, flags if recovered.written else flags | os.O_CREAT, 0o666)
    try:
        if recovered.size is not None and os.fstat(descriptor).st_size > recovered.size:
            os.ftruncate(descriptor, recovered.size)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
