"""Reads what is on disk for a hasher that lags behind, one block ahead of it, on a thread of its own."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Self

from weighbridge.transfer.sink import Sink

_Span = tuple[int, int]  # offset and length, in bytes

_permits = threading.BoundedSemaphore(min(4, os.cpu_count() or 1))
"""For those that read ahead: more of them than there are cores help nobody, and each takes a block of memory."""


class ReadBack:
    """What was written, for one reader in order.

    Reading copies each byte once.  Where the digest is the wall, the time that takes is better spent by another core:
    the next block is read while the one before is hashed, as soon as there is one.

    Args:
        sink: Where the bytes are.
        block: The most bytes that are read at once.
    """

    def __init__(self, sink: Sink, block: int) -> None:
        self._sink = sink
        self._block = block
        self._here, self._next = memoryview(b""), memoryview(b"")
        self._coming: _Span | None = None
        self._ahead: _Ahead | None = None

    def end(self) -> None:
        """End the thread, if there is one; harmless twice."""
        self.forget()
        if self._ahead is not None:
            self._ahead.end()
            self._ahead = None

    def read(self, offset: int, length: int) -> memoryview:
        """Return ``length`` bytes at ``offset``, fewer where the file ends; they hold until the next call.

        Raises:
            StoreError: They can't be read.
        """
        if self._coming == (offset, length) and self._ahead is not None:
            self._coming = None
            self._here, self._next = self._next, self._here
            return self._here[: self._ahead.answer()]
        self.forget()
        if not len(self._here):
            self._here = memoryview(bytearray(self._block))
        return self._here[: self._sink.read_into(offset, self._here[:length])]

    def expect(self, offset: int, length: int) -> None:
        """Begin to read what is to be asked for next."""
        if self._ahead is None:
            self._ahead = _Ahead.start(self._sink)
        if self._ahead is None:
            return
        if not len(self._next):
            self._next = memoryview(bytearray(self._block))
        self._coming = offset, length
        self._ahead.ask(offset, self._next[:length])

    def forget(self) -> None:
        """Forget what was read ahead: by now it may be something else."""
        if self._coming is not None and self._ahead is not None:
            self._coming = None
            self._ahead.drain()


class _Ahead:
    """The thread that reads; one block at a time is asked for and answered."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._wishes: SimpleQueue[tuple[int, memoryview] | None] = SimpleQueue()
        self._counts: SimpleQueue[int | Exception] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="weighbridge-reader", daemon=True)

    @classmethod
    def start(cls, sink: Sink) -> Self | None:
        """Return one that works; None if there are enough, or no thread is to be had, and it must be done without."""
        if not _permits.acquire(blocking=False):
            return None
        ahead = cls(sink)
        try:
            ahead._thread.start()
        except RuntimeError:
            _permits.release()
            return None
        return ahead

    def ask(self, offset: int, buffer: memoryview) -> None:
        """Have ``buffer`` filled."""
        self._wishes.put((offset, buffer))

    def answer(self) -> int:
        """Wait for the buffer; return how many bytes are in it, or raise why it could not be read."""
        count = self._counts.get()
        if isinstance(count, Exception):
            raise count
        return count

    def drain(self) -> None:
        """Wait for the buffer and forget it."""
        self._counts.get()

    def end(self) -> None:
        """End the thread; nothing is asked for any more."""
        self._wishes.put(None)
        self._thread.join()
        _permits.release()

    def _work(self) -> None:
        while (wish := self._wishes.get()) is not None:
            try:
                self._counts.put(self._sink.read_into(*wish))
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                self._counts.put(error)
