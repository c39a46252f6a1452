"""Connections that are silent, trickle or merely slow: replaced, helped, or the end, with an error that says where."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, names, our_threads, quick, wait_until
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    Delay,
    Fault,
    IgnoreRange,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Trickle,
    TrickleHeaders,
)
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import RetriesExhaustedError, StalledError

SIZE = 1 << 20
PIECE = 64 << 10

SILENCES = [
    StallBeforeHeaders(),
    TrickleHeaders(20),
    StallAfter(0),
    StallAfter(1000),
    StallAfter(-1),
    Trickle(1),
    Trickle(1, after=5000),
    Trickle(1, after=-1) & StallAfter(-1),
]


@pytest.mark.parametrize(
    ("nth", "silence"),
    [*((4, each) for each in SILENCES), (1, SILENCES[0]), (1, SILENCES[1]), (1, Trickle(1))],
    ids=repr,
)
def test_silent_or_trickling_connection_is_replaced(server: FaultServer, place: Path, silence: Fault, nth: int) -> None:
    """A timeout for each read never sees a trickle; the floor over a window does."""
    server.on(nth=nth, fault=silence)
    began = time.monotonic()

    result = fetch(ask(server, "/model.bin"), place, quick(http={"read_timeout_s": 30.0}, stall_window_s=0.5))

    assert result.path.read_bytes() == server.content("/model.bin")
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("silence", [*SILENCES[:3], Trickle(1)], ids=repr)
def test_server_that_is_always_silent_ends_in_an_error_that_names_source_and_offset(
    server: FaultServer, place: Path, silence: Fault
) -> None:
    """Every wait has a bound: attempts times the window."""
    server.on(nth=range(2, 1000), fault=silence)
    options = quick(http={"read_timeout_s": 30.0}, retry={"attempts": 2}, stall_window_s=0.4, connections=2)
    began = time.monotonic()

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin"), place, options)

    assert time.monotonic() - began < 25
    assert caught.value.url == server.url("/model.bin")
    assert caught.value.offset is not None
    assert PIECE <= caught.value.offset < SIZE
    assert any(isinstance(each, StalledError) for each in caught.value.failures)


def test_stall_of_a_small_file_is_bounded(server: FaultServer, place: Path) -> None:
    """A file of one piece has no tail to take over; the window still ends the wait."""
    server.on(nth=1, fault=StallAfter(5000))
    server.on(fault=StallAfter(0))
    options = quick(http={"read_timeout_s": 30.0}, retry={"attempts": 2}, stall_window_s=0.4)

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/small.bin"), place, options)

    assert caught.value.offset is not None
    assert 0 < caught.value.offset <= 5000


def test_read_timeout_ends_a_silence_before_the_window_does(server: FaultServer, place: Path) -> None:
    """A caller's read timeout is obeyed."""
    server.on(fault=StallAfter(0))
    options = quick(http={"read_timeout_s": 0.3}, retry={"attempts": 2}, stall_window_s=30.0)
    began = time.monotonic()

    with pytest.raises(RetriesExhaustedError, match="sent nothing for the whole read timeout"):
        fetch(ask(server, "/small.bin"), place, options)

    assert time.monotonic() - began < 25


def test_slow_connection_above_the_floor_is_left_in_peace(server: FaultServer, place: Path) -> None:
    """A slow line is not a stalled one: what trickles in above the floor is kept, without one new request."""
    server.put("/slow.bin", SparseFile(12_000))
    server.always(SlowBandwidth(10_000))

    result = fetch(ask(server, "/slow.bin"), place, quick(stall_window_s=0.5, stall_floor_bps=2048.0))

    assert result.path.read_bytes() == server.content("/slow.bin")
    assert len(server.requests) == 1


def test_slow_line_with_many_connections_gets_on(server: FaultServer, place: Path) -> None:
    """Pieces that are slow because the line is slow are not taken from each other over and over."""
    server.put("/slow.bin", SparseFile(200_000))
    server.always(SlowBandwidth(16_000))
    options = quick(first_piece=16 << 10, piece_min=16 << 10, straggler_s=1.0, stall_window_s=2.0)

    result = fetch(ask(server, "/slow.bin"), place, options)

    assert result.path.read_bytes() == server.content("/slow.bin")
    assert result.bytes_fetched < 1.1 * 200_000


@pytest.mark.parametrize(("nth", "bps"), [(2, 20_000), (5, 2_000), (9, 20_000)])
def test_one_slow_connection_of_eight_does_not_decide_the_time(
    server: FaultServer, place: Path, nth: int, bps: int
) -> None:
    """The rest of a straggler's piece is given to those who are done."""
    server.put("/large.bin", SparseFile(4 << 20))
    server.always(SlowBandwidth(1_000_000))
    server.on(nth=nth, fault=SlowBandwidth(bps))
    began = time.monotonic()

    result = fetch(ask(server, "/large.bin"), place, quick(stall_window_s=10.0))

    assert result.path.read_bytes() == server.content("/large.bin")
    assert time.monotonic() - began < 10  # 0.6 s for all eight; the slow one alone would take 13 s at least


def test_silent_connection_at_the_tail_is_taken_over(server: FaultServer, place: Path) -> None:
    """The last piece does not wait for the stall window when others are idle."""
    server.on(when=lambda request: request.headers["range"].endswith(f"-{SIZE - 1}"), times=1, fault=StallAfter(1000))
    began = time.monotonic()

    result = fetch(ask(server, "/model.bin"), place, quick(http={"read_timeout_s": 30.0}, stall_window_s=20.0))

    assert result.path.read_bytes() == server.content("/model.bin")
    assert time.monotonic() - began < 15


def test_tail_is_shared_among_the_connections(server: FaultServer, place: Path) -> None:
    """Pieces get smaller towards the end, so that all connections end together."""
    server.put("/large.bin", SparseFile(4 << 20))
    server.always(SlowBandwidth(1_000_000))
    began = time.monotonic()

    fetch(ask(server, "/large.bin"), place, quick(piece_max=4 << 20))

    assert time.monotonic() - began < 3  # 0.5 s at eight times 1 MB/s, 4 s at one
    assert server.max_concurrent == 8


def test_latency_does_not_stop_the_flow(server: FaultServer, place: Path) -> None:
    """A distant server is asked by several connections at once."""
    server.put("/large.bin", SparseFile(2 << 20))
    server.always(Delay(0.1))
    began = time.monotonic()

    fetch(ask(server, "/large.bin"), place)

    assert time.monotonic() - began < 0.1 * len(server.requests)


def test_mirror_that_answers_no_connection_attempt_holds_nobody_up(server: FaultServer, place: Path, void: str) -> None:
    """A connection attempt that hangs is taken over, and not waited for once the file is here."""
    request = ask(server, "/model.bin", mirrors=(f"{void}/model.bin",))
    began = time.monotonic()

    result = fetch(request, place, quick(http={"connect_timeout_s": 30.0}, stall_window_s=20.0))

    assert time.monotonic() - began < 15
    assert result.path.read_bytes() == server.content("/model.bin")
    assert wait_until(lambda: our_threads() == [])


@contextmanager
def dripping() -> Iterator[str]:
    """Serve the beginning of a TLS record of 4 KiB to everybody, ten bytes a second."""
    stop = threading.Event()

    def drip(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            for byte in b"\x16\x03\x03\x10\x00" + bytes(4096):
                peer.send(bytes([byte]))
                if stop.wait(0.1):
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=listener.accept()[:1]).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def test_handshake_that_trickles_is_ended_by_the_window(place: Path) -> None:
    """A TLS handshake of one byte a second never runs into a timeout for each read."""
    options = quick(http={"connect_timeout_s": 5.0}, retry={"attempts": 2}, stall_window_s=0.4)
    with dripping() as origin:
        request = FileRequest.parse("a", f"{origin}/a", "0" * 64)
        began = time.monotonic()

        with pytest.raises(RetriesExhaustedError) as caught:
            fetch(request, place, options)

    assert time.monotonic() - began < 25
    assert all(isinstance(each, StalledError) for each in caught.value.failures)
    assert names(place) == []


def test_stalled_whole_answer_ends_in_an_error(server: FaultServer, place: Path) -> None:
    """A server without ranges that hangs each time is given up, too."""
    server.on(fault=IgnoreRange() & StallAfter(100_000))
    options = quick(http={"read_timeout_s": 30.0}, retry={"attempts": 2}, stall_window_s=0.4)

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin"), place, options)

    assert caught.value.offset is not None
    assert caught.value.offset <= 100_000
