"""One unfinished file: written at offsets, journaled, flushed behind the writers, published."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from weighbridge.core.errors import DiskFullError, StoreError
from weighbridge.core.options import MIB
from weighbridge.core.recovery import Recovered, Validator
from weighbridge.store import journal
from weighbridge.store.faults import flush_directory, free_bytes, storing
from weighbridge.store.journal import JournalWriter
from weighbridge.store.layout import DATA, JOURNAL
from weighbridge.store.publish import publish

_FLUSH_BYTES = 32 * MIB  # less than this is not worth a flush of its own
_RESERVE = 256 * MIB  # kept free while the size of what comes is unknown
_RESERVE_STEP = 64 * MIB


class Partial:
    """A writer's own unfinished file; a sink for the transfer.

    Writes and reads may come from many threads at once.  :meth:`close` may come while one of them is still inside the
    system: the descriptors then live until it is out, so that no later file can ever be written through them.

    Args:
        path: Its directory, which holds the data file and the journal.
        final: The name it is to get.
        recovered: What of it counts already.
        durable: Flush in the background and before publishing.
    """

    def __init__(self, path: Path, final: Path, recovered: Recovered, *, durable: bool) -> None:
        self.path = path
        self.recovered = recovered
        self._final = final
        self._durable = durable
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        with storing(path, "open"):
            self._data = os.open(path / DATA, flags, 0o666)
            self._journal = JournalWriter(path / JOURNAL)
        self._lock = threading.Lock()  # guards the fields below
        self._users = 0
        self._is_closed = False
        self._unflushed = 0
        self._size = recovered.size
        self._checked_to = 0
        self._is_named = False  # its own directory entries were flushed

    def resize(self, size: int, validator: Validator) -> None:
        """Learn the whole size; raises :class:`DiskFullError` if what is missing can't fit."""
        with self._using(), storing(self.path, "size"):
            held = os.fstat(self._data).st_blocks * 512
            free = free_bytes(self.path)
            if free is not None and size - held > free:
                raise DiskFullError(
                    f"{self._final.name} needs {size - held} bytes more and {self._final.parent} has {free} left; "
                    "make room, then the same call goes on",
                    path=str(self._final),
                    needed=size - held,
                    free=free,
                )
            os.ftruncate(self._data, size)
            self._journal.append(journal.size_record(size, validator))
            self._size = size

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset``."""
        with self._using(), storing(self.path, "write"):
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

    def discard(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` is void."""
        self._append(journal.void_record(start, stop))

    def reset(self) -> None:
        """Note that everything is void."""
        self._append(journal.RESET)
        self._size = None

    def flush(self) -> None:
        """Make what was recorded so far survive a power loss, if enough of it is new."""
        with self._lock:
            if not self._durable or self._is_closed or self._unflushed < _FLUSH_BYTES:
                return
            self._unflushed = 0
        with self._using(), storing(self.path, "flush"):
            self._journal.append(journal.FLUSHING)
            os.fdatasync(self._data)
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
        publish(self.path / DATA, self._final, durable=self._durable)
        self.close()
        try:
            (self.path / JOURNAL).unlink()
            self.path.rmdir()
        except OSError:
            remove_partial(self.path)

    def release(self) -> None:
        """Let go of an unfinished file on purpose: anybody may go on with it."""
        with self._lock:
            if self._is_closed:
                return
        self._append(journal.RELEASED)
        self.close()

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

    def _append(self, record: journal.Record) -> None:
        with self._using(), storing(self.path, "journal"):
            self._journal.append(record)

    def _check_reserve(self, offset: int) -> None:
        free = free_bytes(self.path)
        if free is not None and free < _RESERVE:
            raise DiskFullError(
                f"{self._final.name} has no announced size and {self._final.parent} has only {free} bytes left",
                path=str(self._final),
                needed=_RESERVE,
                free=free,
            )
        self._checked_to = offset + _RESERVE_STEP

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
        os.close(self._data)
        self._journal.close()


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
