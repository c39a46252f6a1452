"""An end to every exchange with the Hub: when its time is over, or when the caller wants to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from weighbridge.core.errors import CancelledError, StalledError
from weighbridge.http.transport import Interrupt

_TICK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long one try may take.

    Attributes:
        shown: What is asked, for messages.
        ends_at: Monotonic seconds at which the whole call is over.
        call_s: How long the call may take, for messages.
        try_s: Longest time for this try, not counting waits for the host's turn; None if only the call's counts.
        cancel: Ends it at once.
    """

    shown: str
    ends_at: float
    call_s: float
    try_s: float | None
    cancel: threading.Event

    @property
    def left_s(self) -> float:
        """Seconds until the whole call is over."""
        return max(0.0, self.ends_at - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Wait; raises :class:`CancelledError` as soon as the caller wants to stop."""
        if self.cancel.wait(seconds):
            raise _stopped(self.shown)


@contextmanager
def limited(limit: Limit) -> Iterator[Interrupt]:
    """Give a block an interrupt that breaks its exchange when the limit is reached.

    A thread of its own watches, since the block is blocked in a read while there is something to watch for.  Only the
    look-up of the host's name can't be broken: it ends when the system's resolver gives up.

    Raises:
        StalledError: From within the block: its time was over.
        CancelledError: From within the block: the caller wanted to stop.
    """
    interrupt, done = Interrupt(), threading.Event()
    if limit.cancel.is_set():
        raise _stopped(limit.shown)
    watch = threading.Thread(target=_watch, args=(limit, interrupt, done), name="weighbridge-limit", daemon=True)
    watch.start()
    try:
        yield interrupt
    finally:
        done.set()
        watch.join()


def _watch(limit: Limit, interrupt: Interrupt, done: threading.Event) -> None:
    began = time.monotonic()
    while True:
        reason = _reason(limit, interrupt, began)
        if reason is not None:
            interrupt.trigger(reason)
            return
        if done.wait(min(_TICK_S, limit.left_s)):
            return


def _reason(limit: Limit, interrupt: Interrupt, began: float) -> Exception | None:
    if limit.cancel.is_set():
        return _stopped(limit.shown)
    if limit.left_s <= 0:
        return StalledError(f"{limit.shown} was not answered in full within {limit.call_s:g} s", url=limit.shown)
    busy_s = time.monotonic() - max(began, interrupt.waited_until)
    if limit.try_s is None or interrupt.is_waiting or busy_s < limit.try_s:
        return None
    return StalledError(f"{limit.shown} was not answered within {limit.try_s:g} s", url=limit.shown)


def _stopped(shown: str) -> CancelledError:
    return CancelledError(f"stopped while asking {shown}; the same call goes on from here")
