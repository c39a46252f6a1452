"""The cap on bytes a second: kept over all connections together, and given up at once when told to stop."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from weighbridge.core.errors import CancelledError
from weighbridge.http.transport import Interrupt
from weighbridge.transfer.throttle import Throttle

KIB = 1024


def test_without_a_cap_nobody_waits() -> None:
    """The usual case costs nothing."""
    throttle, interrupt = Throttle(None), Interrupt()
    began = time.monotonic()

    throttle.take(1 << 40, interrupt)

    assert time.monotonic() - began < 20
    assert throttle.read_limit(256 * KIB) == 256 * KIB


@pytest.mark.parametrize("connections", [1, 4])
def test_cap_holds_over_all_connections(connections: int) -> None:
    """Sixteen connections don't have sixteen times the rate."""
    throttle = Throttle(1e6)

    def take_all(_: int) -> None:
        for _ in range(10):
            throttle.take(40_000 // connections, Interrupt())

    began = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(take_all, range(connections)))
    took = time.monotonic() - began

    assert took > 0.25  # 400 kB at 1 MB/s, less the burst of a tenth of a second
    assert took < 3.0


@pytest.mark.parametrize(("rate", "limit"), [(1.0, 1024), (50_000.0, 5_000), (1e6, 100_000), (1e9, 256 * KIB)])
def test_reads_are_so_small_that_the_flow_is_even(rate: float, limit: int) -> None:
    """One large read would be followed by seconds of nothing."""
    assert Throttle(rate).read_limit(256 * KIB) == limit


def test_wait_ends_when_the_transfer_does() -> None:
    """A slow cap does not make Ctrl-C slow."""
    throttle, interrupt = Throttle(1.0), Interrupt()
    threading.Timer(0.02, interrupt.trigger, [CancelledError("stopped")]).start()
    began = time.monotonic()

    with pytest.raises(CancelledError):
        throttle.take(1_000_000, interrupt)

    assert time.monotonic() - began < 5


def test_wait_is_no_silence_of_the_server() -> None:
    """A capped connection is not given up as stalled."""
    throttle, interrupt, before = Throttle(100_000.0), Interrupt(), time.monotonic()

    throttle.take(20_000, interrupt)

    assert interrupt.waited_until > before
