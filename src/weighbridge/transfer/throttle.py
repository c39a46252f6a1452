"""A cap on bytes a second, shared by all connections."""

from __future__ import annotations

import threading
import time

from weighbridge.http.transport import Interrupt

_BURST_S = 0.1


class Throttle:
    """A token bucket that may go into debt: whoever took too much waits before reading on.

    Args:
        rate_bps: Bytes a second over all connections; None for no cap.
    """

    def __init__(self, rate_bps: float | None) -> None:
        self._rate = rate_bps
        self._paid_until = 0.0  # monotonic seconds at which all that was taken is paid for
        self._lock = threading.Lock()  # guards _paid_until

    def read_limit(self, read_size: int) -> int:
        """Return the largest read, in bytes, that keeps the flow even."""
        return read_size if self._rate is None else max(1024, min(read_size, int(self._rate * _BURST_S)))

    def take(self, amount: int, interrupt: Interrupt) -> None:
        """Account for ``amount`` bytes and wait until they are paid for."""
        if self._rate is None:
            return
        now = time.monotonic()
        with self._lock:
            self._paid_until = max(self._paid_until, now - _BURST_S) + amount / self._rate
            wait = self._paid_until - now
        if wait > 0:
            interrupt.sleep(wait)
