"""Connections that break, and servers that are down for a while: the file arrives whole, or the error says where."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.calls import UNHURRIED, Diary, ask, fetch, names, quick, started
from tests.support.fault_server import FaultServer
from tests.support.faults import (
    CloseAfterResponse,
    CloseBeforeResponse,
    CutAfter,
    CutHeaders,
    Fault,
    GarbageHeaders,
    HugeHeaders,
    LengthLie,
    Status,
)
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import BadStatusError, ConnectError, RetriesExhaustedError, TruncatedError

SIZE = 1 << 20
PIECE = 64 << 10


@pytest.mark.parametrize("rst", [True, False], ids=["reset", "orderly end"])
@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize("at", [0, 1, -1], ids=["before the first byte", "after the first byte", "before the last"])
def test_cut_piece_is_continued_where_it_broke(server: FaultServer, place: Path, at: int, nth: int, rst: bool) -> None:
    """A broken connection costs its unread bytes, not the piece, let alone the file."""
    server.on(nth=nth, fault=CutAfter(at, rst=rst))

    result = fetch(ask(server, "/model.bin"), place, UNHURRIED)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert server.bytes_sent() < SIZE + 2 * PIECE
    assert names(place) == ["model.bin"]


@pytest.mark.parametrize("rst", [True, False], ids=["reset", "orderly end"])
def test_every_third_answer_may_break(server: FaultServer, place: Path, rst: bool) -> None:
    """Attempts are given back with progress, so a long transfer survives any number of single failures."""
    server.on(nth=range(3, 1000, 3), fault=CutAfter(20_000, rst=rst))

    result = fetch(ask(server, "/model.bin"), place, quick(piece_max=32 << 10, connections=2))

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize(
    "fault",
    [
        CutHeaders(0),
        CutHeaders(5),
        CutHeaders(60, rst=False),
        CloseBeforeResponse(),
        CloseBeforeResponse(rst=True),
        GarbageHeaders(),
        HugeHeaders(lines=1, length=1 << 17),
        HugeHeaders(lines=500, length=20),
        LengthLie(+100),
        LengthLie(-100),
    ],
    ids=repr,
)
@pytest.mark.parametrize("nth", [1, 2])
def test_answer_that_can_not_be_read_is_asked_for_again(
    server: FaultServer, place: Path, fault: Fault, nth: int
) -> None:
    """A head cut short, no head at all, or something that is no HTTP is a failure like any other."""
    server.on(nth=nth, fault=fault)

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


def test_connections_that_end_after_each_answer_are_no_failure(server: FaultServer, place: Path) -> None:
    """A server that keeps no connection alive costs new connections and nothing else."""
    server.always(CloseAfterResponse())
    diary = Diary()

    result = fetch(ask(server, "/model.bin"), place, quick(connections=2), observer=diary)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert diary.reasons == []


@pytest.mark.parametrize("rst", [False, True])
@pytest.mark.parametrize(("nth", "failures"), [(1, 1), (2, 0)], ids=["new", "kept"])
def test_kept_connection_that_ends_without_an_answer_is_no_failure(
    server: FaultServer, place: Path, nth: int, failures: int, rst: bool
) -> None:
    """Servers end idle connections when they like, maybe just as they are asked; one that is new is another matter."""
    server.on(nth=nth, fault=CutHeaders(0, rst=rst))
    diary = Diary()

    result = fetch(ask(server, "/model.bin"), place, quick(connections=1), observer=diary)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert len(diary.reasons) == failures


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("nth", [1, 3])
def test_passing_refusal_is_asked_again(server: FaultServer, place: Path, status: int, nth: int) -> None:
    """ "Not now" is not "no"; that goes for a bare 500, too."""
    server.on(nth=range(nth, nth + 2), fault=Status(status, {"Retry-After": "0"} if status == 429 else {}))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


def test_server_may_be_gone_for_a_while(server: FaultServer, place: Path) -> None:
    """A restart of the server in the middle of a transfer is waited out."""
    options = quick(retry={"attempts": 30, "wait_max_s": 0.1})
    gate = server.gate("/model.bin", after=300_000)

    with started(ask(server, "/model.bin"), place, options) as call:
        gate.wait_reached()
        with server.outage():
            time.sleep(0.3)
        gate.release()
        call.join()

    assert call.errors == []
    assert (place / "model.bin").read_bytes() == server.content("/model.bin")


def test_refusing_server_ends_in_an_error_that_names_source_offset_and_count(server: FaultServer, place: Path) -> None:
    """After the allowed attempts comes an error one can act on, not another attempt."""
    server.on(when=lambda request: not request.headers["range"].startswith("bytes=0-"), fault=Status(503))

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin"), place, quick(connections=1))

    assert caught.value.url == server.url("/model.bin")
    assert caught.value.offset == PIECE
    assert [type(each) for each in caught.value.failures] == [BadStatusError] * 4
    assert server.url("/model.bin") in str(caught.value)
    assert str(PIECE) in str(caught.value)
    assert len(server.requests) == 5


def test_cut_that_never_brings_a_byte_ends_in_an_error(server: FaultServer, place: Path) -> None:
    """A server that breaks every answer at once is given up after the allowed attempts."""
    server.on(fault=CutAfter(0))

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert caught.value.url == server.url("/model.bin")
    assert len(server.requests) <= 3 + 8  # the first header was good, so once all connections had a try
    assert names(place) == []


def test_nobody_listening_ends_in_an_error_that_names_the_origin(server: FaultServer, place: Path) -> None:
    """A wrong port is told at once and in words."""
    request = ask(server, "/model.bin")

    with server.outage(), pytest.raises(RetriesExhaustedError, match="refused") as caught:
        fetch(request, place)

    assert server.origin in str(caught.value)
    assert all(isinstance(each, ConnectError) for each in caught.value.failures)
    assert names(place) == []


def test_name_that_does_not_resolve_is_told(place: Path) -> None:
    """A data host that DNS does not know is named."""
    request = FileRequest.parse("a", "http://data.invalid/a", "0" * 64)

    with pytest.raises(RetriesExhaustedError, match=r"data\.invalid can't be resolved"):
        fetch(request, place)


def test_host_that_answers_no_connection_attempt_is_given_up_in_time(place: Path, void: str) -> None:
    """Packets into the void are bounded by the connection timeout, not by the kernel's two minutes."""
    request = FileRequest.parse("a", f"{void}/a", "0" * 64)
    began = time.monotonic()

    with pytest.raises(RetriesExhaustedError, match="did not accept a connection in time"):
        fetch(request, place, quick(http={"connect_timeout_s": 0.3}, retry={"attempts": 2}))

    assert time.monotonic() - began < 30


def test_body_cut_before_its_announced_length_is_told(server: FaultServer, place: Path) -> None:
    """An orderly end before the announced length is a cut, whatever the client library makes of it."""
    server.on(path="/small.bin", fault=CutAfter(0, rst=False))

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/small.bin"), place)

    assert [type(each) for each in caught.value.failures] == [TruncatedError] * 4
