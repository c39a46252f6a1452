"""Stopping a call: at once, from any state, with everything kept and nothing left running."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, names, open_descriptors, our_threads, quick, started, wait_until
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    Fault,
    IgnoreRange,
    RetryAfter,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    TrickleHeaders,
)
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import CancelledError

SIZE = 1 << 20

STATES = [
    SlowBandwidth(50_000),
    StallAfter(10_000),
    StallBeforeHeaders(),
    Trickle(10),
    TrickleHeaders(10),
    IgnoreRange() & StallAfter(200_000),
    RetryAfter(5),
    Status(503),
]


@pytest.mark.parametrize("state", STATES, ids=repr)
def test_cancel_returns_within_a_second(server: FaultServer, place: Path, state: Fault) -> None:
    """Whatever the connections are doing, reading, waiting or being silent, they let go."""
    server.on(nth=range(2, 1000), fault=state)
    options = quick(
        http={"read_timeout_s": 30.0, "connect_timeout_s": 30.0},
        retry={"wait_initial_s": 20.0, "wait_max_s": 20.0, "attempts": 50},
        stall_window_s=30.0,
    )

    with started(ask(server, "/model.bin"), place, options) as call:
        server.wait_for(lambda: len(server.requests) >= 2)
        call.cancel.set()
        took = call.join()

    assert took < 1
    assert [type(each) for each in call.errors] == [CancelledError]
    assert our_threads() == []


def test_next_call_goes_on_from_there(server: FaultServer, place: Path) -> None:
    """What arrived before a cancel is not fetched again."""
    gate = server.gate("/model.bin", after=600_000)
    with started(ask(server, "/model.bin"), place, quick(connections=4)) as call:
        gate.wait_reached()
        call.cancel.set()
        call.join()
    gate.release()

    result = fetch(ask(server, "/model.bin"), place)

    assert result.bytes_resumed >= 600_000 - 4 * (64 << 10)
    assert result.bytes_fetched == SIZE - result.bytes_resumed
    assert result.path.read_bytes() == server.content("/model.bin")
    assert names(place) == ["model.bin"]


def test_cancel_before_the_first_byte_leaves_nothing(server: FaultServer, place: Path) -> None:
    """An unfinished file of no bytes is not kept."""
    server.on(fault=StallBeforeHeaders())

    with started(ask(server, "/model.bin"), place) as call:
        server.wait_for(lambda: len(server.requests) == 1)
        call.cancel.set()
        call.join()

    assert names(place) == []


def test_cancel_that_came_before_the_call_sends_nothing(server: FaultServer, place: Path) -> None:
    """A call that is stopped already does not begin."""
    cancel = threading.Event()
    cancel.set()

    with pytest.raises(CancelledError):
        fetch(ask(server, "/model.bin"), place, cancel=cancel)

    assert server.requests == []


def test_cancelled_client_can_be_used_again(server: FaultServer, place: Path) -> None:
    """Stopping a call is not closing the client."""
    cancel = threading.Event()
    cancel.set()
    with Client(quick()) as client:
        with pytest.raises(CancelledError):
            client.fetch([ask(server, "/model.bin")], place, cancel=cancel)

        result = client.fetch([ask(server, "/model.bin")], place)[0]

    assert result.path.read_bytes() == server.content("/model.bin")


def test_cancel_of_one_call_leaves_another_of_the_same_client_alone(server: FaultServer, place: Path) -> None:
    """Calls share connections, not fates."""
    server.put("/other.bin", SparseFile(SIZE, seed=3))
    other_is_held = server.gate("/other.bin", after=300_000)
    kept_is_held = server.gate("/model.bin", after=300_000)
    stop = threading.Event()
    with Client(quick()) as client, ThreadPoolExecutor(2) as callers:
        other = callers.submit(client.fetch, [ask(server, "/other.bin")], place / "b", cancel=stop)
        kept = callers.submit(client.fetch, [ask(server, "/model.bin")], place / "a")
        other_is_held.wait_reached()
        kept_is_held.wait_reached()

        stop.set()
        error = other.exception(5)
        kept_is_held.release()
        result = kept.result(5)[0]
    other_is_held.release()

    assert isinstance(error, CancelledError)
    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched == SIZE


def test_cancel_does_not_wait_for_a_connection(place: Path, void: str) -> None:
    """An attempt to connect that hangs is broken like any other wait."""
    request = FileRequest.parse("f", f"{void}/f", "0" * 64)
    before = open_descriptors()

    with started(request, place, quick(http={"connect_timeout_s": 30.0})) as call:
        assert wait_until(lambda: len(open_descriptors() - before) > 0)
        call.cancel.set()
        took = call.join()

    assert took < 1
    assert wait_until(lambda: our_threads() == [])
