"""Breaking one exchange from another thread: at once, once, and with the reason that came first."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from weighbridge.core.errors import CancelledError, StalledError
from weighbridge.http.transport import Interrupt


def test_blocked_read_ends_at_once() -> None:
    """A stop takes one read, not one timeout."""
    interrupt = Interrupt()
    ours, theirs = socket.socketpair()
    interrupt.attach(ours)

    with ours, theirs, ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(ours.recv, 1)
        interrupt.trigger(CancelledError("stopped"))
        got = blocked.result(timeout=5)

    assert got == b""


def test_socket_attached_after_the_interrupt_is_broken_as_well() -> None:
    """A redirect's new connection does not escape the stop."""
    interrupt = Interrupt()
    interrupt.trigger(CancelledError("stopped"))
    ours, theirs = socket.socketpair()

    with ours, theirs:
        interrupt.attach(ours)
        got = ours.recv(1)

    assert got == b""


def test_sleep_ends_at_once() -> None:
    """Nobody waits for a ``Retry-After`` of five minutes after Ctrl-C."""
    interrupt = Interrupt()
    threading.Timer(0.02, interrupt.trigger, [CancelledError("stopped")]).start()
    began = time.monotonic()

    with pytest.raises(CancelledError):
        interrupt.sleep(60)

    assert time.monotonic() - began < 5


def test_sleep_says_when_it_ended() -> None:
    """A wait of our own is not counted as silence of the server."""
    interrupt, before = Interrupt(), time.monotonic()

    interrupt.sleep(0.01)

    assert before + 0.01 <= interrupt.waited_until <= time.monotonic()
    assert not interrupt.is_waiting


def test_first_reason_wins() -> None:
    """The error that comes out says why it ended, not what happened next."""
    interrupt, first = Interrupt(), StalledError("silent")

    interrupt.trigger(first)
    interrupt.trigger(CancelledError("the transfer has failed"))

    assert interrupt.reason is first
    with pytest.raises(StalledError):
        interrupt.check()


def test_without_a_reason_nothing_is_raised() -> None:
    """Most exchanges are never interrupted."""
    interrupt = Interrupt()

    interrupt.check()
    interrupt.attach(None)

    assert interrupt.reason is None


def test_closed_socket_does_no_harm() -> None:
    """The other thread may be just done."""
    interrupt = Interrupt()
    ours, theirs = socket.socketpair()
    interrupt.attach(ours)
    ours.close()
    theirs.close()

    interrupt.trigger(CancelledError("stopped"))

    assert isinstance(interrupt.reason, CancelledError)
