"""The calls a transfer makes on whatever holds its bytes."""

from __future__ import annotations

from typing import Protocol

from weighbridge.core.recovery import Recovered, Validator


class Sink(Protocol):
    """Where one artifact's bytes go.  Calls come from many threads, writes never overlap.

    Every call may raise :class:`weighbridge.core.errors.StoreError`.
    """

    @property
    def recovered(self) -> Recovered:
        """What is there already."""

    def resize(self, size: int, validator: Validator) -> None:
        """Learn the whole size; raises ``DiskFullError`` when it can't fit."""

    def write(self, offset: int, data: bytes) -> None:
        """Put ``data`` at ``offset``."""

    def record(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` was written."""

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with what was written at ``offset``; return how many bytes there were."""

    def note_prefix(self, offset: int, digest: str) -> None:
        """Note the hex digest of the first ``offset`` bytes."""

    def discard(self, start: int, stop: int) -> None:
        """Note that ``[start, stop)`` is void."""

    def reset(self) -> None:
        """Note that everything is void, the size included."""

    def flush(self) -> None:
        """Make what was recorded so far survive a power loss."""

    def touch(self) -> None:
        """Show those who wait for this sink that there is progress other than writing."""

    def finish(self) -> None:
        """Take note that every byte is here and right; called once, after all writes."""
