"""A barrier in the bodies of one path, so that a test can act at a known byte."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self


class Gate:
    """Lets ``after`` body bytes of its path pass, over all connections together, then holds the rest.

    As a context manager it is released at the end of its block.
    """

    def __init__(self, after: int) -> None:
        self.after = after
        self._lock = threading.Lock()  # guards _left and _passed
        self._left = after
        self._passed = 0
        self._reached = threading.Event()
        self._released = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    @property
    def is_reached(self) -> bool:
        """Whether ``after`` bytes have been sent."""
        return self._reached.is_set()

    def wait_reached(self, timeout_s: float = 10.0) -> None:
        """Wait until ``after`` bytes have been sent and no more will be.

        Raises:
            TimeoutError: They were not within ``timeout_s``.
        """
        if not self._reached.wait(timeout_s):
            raise TimeoutError(f"the gate at {self.after} bytes was not reached in {timeout_s} s")

    def release(self) -> None:
        """Let everything pass from now on."""
        self._released.set()

    def wait_released(self, timeout_s: float) -> bool:
        """Wait for the release, ``timeout_s`` at most; say whether it came."""
        return self._released.wait(timeout_s)

    def take(self, wanted: int) -> int:
        """Return how many bytes may be sent now, all of ``wanted`` once released; 0 is none."""
        if self._released.is_set():
            return wanted
        with self._lock:
            granted = min(wanted, self._left)
            self._left -= granted
            if not self.after:
                self._reached.set()
        return granted

    def settle(self, granted: int, sent: int) -> None:
        """Note that of ``granted`` bytes ``sent`` were sent; the others may be sent by someone else."""
        with self._lock:
            self._left += granted - sent
            self._passed += sent
            if self._passed >= self.after:
                self._reached.set()
