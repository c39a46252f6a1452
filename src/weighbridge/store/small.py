"""One small file: kept in memory until it is whole and right, then written and published at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.options import KIB, StoreOptions
from weighbridge.core.recovery import Recovered, Validator
from weighbridge.store.cache.staging import CREATING, staged
from weighbridge.store.faults import storing
from weighbridge.store.publish import publish
from weighbridge.store.sight import Sight

SMALL = 512 * KIB
"""Bytes up to which a file is small: fetching it again costs less than keeping account of its parts."""


class SmallFile:
    """A small file on its way; a sink for the transfer.

    If the process dies, nothing of it is left but, in the middle of :meth:`finish`, a file under a temporary name that
    whoever comes later removes.

    Args:
        staging: A directory with a place for temporary names; see :func:`~weighbridge.store.cache.staging.staged`.
        final: The name it is to get.
        options: Whether to flush before publishing.
        sign: Shows those who wait that there is progress.

    Attributes:
        published: The file once it has its name.
    """

    def __init__(self, staging: Path, final: Path, options: StoreOptions, sign: Callable[[], None]) -> None:
        self.recovered = Recovered()
        self.published = Sight()
        self._staging = staging
        self._final = final
        self._options = options
        self._sign = sign
        self._lock = threading.Lock()  # guards the length of the content
        self._size = 0
        self._content = bytearray()

    @property
    def path(self) -> Path:
        """Where its temporary names are."""
        return self._staging

    def resize(self, size: int, validator: Validator) -> None:
        """Learn the whole size."""
        del validator
        if size > SMALL:
            raise StoreError(
                f"{self._final.name} was to have at most {SMALL} bytes and has {size}", path=str(self._final)
            )
        with self._lock:
            self._size = size
            del self._content[size:]
            self._content.extend(bytes(size - len(self._content)))

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset``; the size need not be known yet."""
        with self._lock:
            self._content.extend(bytes(max(0, offset + len(data) - len(self._content))))
        self._content[offset : offset + len(data)] = data

    def record(self, start: int, stop: int) -> None:
        """Do nothing: there is no account."""

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes there were."""
        part = self._content[offset : offset + buffer.nbytes]
        buffer[: len(part)] = part
        return len(part)

    def note_prefix(self, offset: int, digest: str) -> None:
        """Do nothing: there is no account."""

    def discard(self, start: int, stop: int) -> None:
        """Do nothing: there is no account."""

    def reset(self) -> None:
        """Do nothing: what is void is written anew, and by now a part of it may have been."""

    def flush(self) -> None:
        """Do nothing: there is nothing on the disk."""

    def touch(self) -> None:
        """Show those who wait that there is progress other than writing."""
        self._sign()

    def finish(self) -> None:
        """Write and publish it."""
        with storing(self._final, "write", lambda: len(self._content)), staged(self._staging) as path:
            descriptor = os.open(path, CREATING, 0o666)
            try:
                rest = memoryview(self._content)[: self._size]
                while rest.nbytes:
                    rest = rest[os.write(descriptor, rest) :]
                if self._options.durable:
                    os.fsync(descriptor)
                self.published = publish(path, descriptor, self._final)
            finally:
                os.close(descriptor)

    def release(self) -> None:
        """Let go of it unfinished: nothing is kept."""

    def drop(self) -> None:
        """Let go of it unfinished: nothing is kept."""
