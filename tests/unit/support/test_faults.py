"""Faults of delivery and of ranges do on the wire exactly what their names say."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.support.fault_server import FaultServer
from tests.support.faults import (
    CloseAfterResponse,
    CloseBeforeResponse,
    CutAfter,
    CutHeaders,
    Delay,
    Fault,
    IgnoreRange,
    Multipart,
    NoContentRange,
    OverLong,
    ShiftedBody,
    ShortRange,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Trickle,
    TrickleHeaders,
    UnknownTotal,
    WiderRange,
    WrongOffset,
    WrongTotal,
)
from tests.support.raw_client import RawReply, ask

DATA = bytes(range(256)) * 40
PART = {"Range": "bytes=1000-1999"}


def get(server: FaultServer, fault: Fault, headers: dict[str, str] | None = None) -> RawReply:
    server.clear_rules()
    server.on(fault=fault)
    return ask(server.url("/a.bin"), headers)


class TestDelivery:
    @pytest.mark.parametrize("rst", [True, False])
    @pytest.mark.parametrize(("n", "length"), [(0, 0), (1, 1), (999, 999), (-1, 999), (-1000, 0), (1000, 1000)])
    def test_cut_sends_exactly_so_many_bytes(self, server: FaultServer, n: int, length: int, rst: bool) -> None:
        """First byte, last byte, and the one before a piece ends."""
        reply = get(server, CutAfter(n, rst=rst), PART)

        assert (reply.body, reply.end) == (DATA[1000 : 1000 + length], "rst" if rst else "fin")
        assert reply.headers["content-length"] == "1000"
        assert (server.requests[0].outcome, server.bytes_sent()) == ("cut", length)

    def test_cut_beyond_the_end_does_not_happen(self, server: FaultServer) -> None:
        """A rule for large replies leaves small ones whole."""
        reply = get(server, CutAfter(1001), PART)

        assert (len(reply.body), reply.end, server.requests[0].outcome) == (1000, "fin", "whole")

    @pytest.mark.parametrize("rst", [True, False])
    def test_head_can_be_cut(self, server: FaultServer, rst: bool) -> None:
        """A reset may come before the headers are whole."""
        reply = get(server, CutHeaders(20, rst=rst))

        assert (len(reply.head), reply.body, reply.end) == (20, b"", "rst" if rst else "fin")

    def test_stall_ends_when_it_is_told_to(self, server: FaultServer) -> None:
        """A pause shorter than the timeout is survived."""
        started_s = time.monotonic()
        reply = get(server, StallAfter(5, seconds=0.2))

        assert reply.body == DATA
        assert 0.2 <= time.monotonic() - started_s < 1

    @pytest.mark.parametrize(("fault", "body"), [(StallAfter(5), DATA[:5]), (StallBeforeHeaders(), b"")])
    def test_endless_stall_keeps_the_socket_open(self, server: FaultServer, fault: Fault, body: bytes) -> None:
        """The silent stall: no byte, no end."""
        server.on(fault=fault)

        reply = ask(server.url("/a.bin"), timeout_s=1.0)

        assert (reply.body, reply.end) == (body, "silence")
        server.wait_idle(1)
        assert server.requests[0].outcome == "gone"

    def test_delay_comes_before_the_head(self, server: FaultServer) -> None:
        """Latency can be had without a network."""
        started_s = time.monotonic()
        reply = get(server, Delay(0.15))

        assert reply.body == DATA
        assert 0.15 <= time.monotonic() - started_s < 1

    def test_trickle_begins_where_it_is_told_to(self, server: FaultServer) -> None:
        """Per-read timeouts never fire on this."""
        server.on(fault=Trickle(20, after=1000))
        started_s = time.monotonic()
        server.url("/a.bin")
        connection = http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)
        connection.request("GET", "/a.bin")
        reply = connection.getresponse()
        reply.read(1000)
        soon_s = time.monotonic() - started_s
        ten = reply.read(10)
        late_s = time.monotonic() - started_s
        connection.close()

        assert ten == DATA[1000:1010]
        assert soon_s < 0.2
        assert 0.4 < late_s < 1.5

    def test_trickled_headers_take_their_time(self, server: FaultServer) -> None:
        """The read timeout of the first byte is not enough."""
        started_s = time.monotonic()
        reply = get(server, TrickleHeaders(1000))

        assert reply.body == DATA
        assert 0.15 < time.monotonic() - started_s < 2

    def test_bandwidth_holds_over_several_replies(self, server: FaultServer) -> None:
        """A slow link is not faster for small files."""
        server.always(SlowBandwidth(100_000))
        connection = http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)
        started_s = time.monotonic()
        for _ in range(5):
            connection.request("GET", "/a.bin")
            connection.getresponse().read()
        took_s = time.monotonic() - started_s
        connection.close()

        assert 0.4 < took_s < 1.2

    def test_close_before_response_sends_nothing(self, server: FaultServer) -> None:
        """What a stale pooled connection looks like."""
        reply = get(server, CloseBeforeResponse())

        assert (reply.head, reply.end, server.requests[0].status) == ("", "fin", None)
        assert get(server, CloseBeforeResponse(rst=True)).end == "rst"

    def test_close_after_response_is_not_announced(self, server: FaultServer) -> None:
        """The pool believes that the connection is still good."""
        server.on(fault=CloseAfterResponse())
        connection = http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)
        connection.request("GET", "/a.bin")
        reply = connection.getresponse()
        body = reply.read()
        connection.request("GET", "/a.bin")

        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            connection.getresponse()
        connection.close()
        assert (body, reply.getheader("connection")) == (DATA, None)


class TestRanges:
    def test_ignored_range_is_a_whole_200(self, server: FaultServer) -> None:
        """Written at the piece's offset, it would destroy the file."""
        reply = get(server, IgnoreRange(), PART)

        assert (reply.status, reply.body) == (200, DATA)
        assert "content-range" not in reply.headers

    def test_wrong_offset_is_consistently_labelled(self, server: FaultServer) -> None:
        """Another range than asked, and it says so."""
        reply = get(server, WrongOffset(7), PART)

        assert (reply.headers["content-range"], reply.body) == ("bytes 1007-2006/10240", DATA[1007:2007])

    def test_shifted_body_is_wrongly_labelled(self, server: FaultServer) -> None:
        """Only the digest can tell."""
        reply = get(server, ShiftedBody(7), PART)
        last = get(server, ShiftedBody(7), {"Range": "bytes=-10"})

        assert (reply.headers["content-range"], reply.body) == ("bytes 1000-1999/10240", DATA[1007:2007])
        assert last.body == DATA[-3:] + DATA[:7]

    def test_over_long_reply_has_more_than_asked(self, server: FaultServer) -> None:
        """It would overwrite the neighbour, or reach past the end."""
        reply = get(server, OverLong(10), PART)
        last = get(server, OverLong(10), {"Range": "bytes=-5"})

        assert (reply.headers["content-range"], reply.headers["content-length"]) == (
            "bytes 1000-1999/10240",
            "1010",
        )
        assert reply.body == DATA[1000:2010]
        assert last.body == DATA[-5:] + bytes(10)

    def test_wider_range_says_so(self, server: FaultServer) -> None:
        """Honest, and still not what was asked for."""
        reply = get(server, WiderRange(10), PART)

        assert (reply.headers["content-range"], reply.body) == ("bytes 1000-2009/10240", DATA[1000:2010])

    def test_short_range_is_legal(self, server: FaultServer) -> None:
        """The rest has to be asked for again."""
        reply = get(server, ShortRange(10), PART)

        assert (reply.headers["content-range"], reply.body) == ("bytes 1000-1009/10240", DATA[1000:1010])
        assert reply.headers["content-length"] == "10"

    @pytest.mark.parametrize(
        ("fault", "label"),
        [
            (WrongTotal(5), "bytes 1000-1999/5"),
            (UnknownTotal(), "bytes 1000-1999/*"),
            (NoContentRange(), None),
            (ShortRange(10) & WrongTotal(5), "bytes 1000-1009/5"),
        ],
    )
    def test_label_alone_is_wrong(self, server: FaultServer, fault: Fault, label: str | None) -> None:
        """The bytes are right; what is said of them is not."""
        reply = get(server, fault, PART)

        assert (reply.status, reply.headers.get("content-range")) == (206, label)
        assert DATA[1000:2000].startswith(reply.body)

    def test_multipart_wraps_the_part(self, server: FaultServer) -> None:
        """Its wrapping must not get into the file."""
        reply = get(server, Multipart(), PART)
        boundary = reply.headers["content-type"].removeprefix("multipart/byteranges; boundary=")

        assert reply.body.startswith(f"--{boundary}\r\n".encode())
        assert b"Content-Range: bytes 1000-1999/10240\r\n\r\n" + DATA[1000:2000] + b"\r\n--" in reply.body
        assert reply.headers["content-length"] == str(len(reply.body))

    @pytest.mark.parametrize("fault", [WrongOffset(7), OverLong(9), ShortRange(1), WrongTotal(1), Multipart()])
    def test_whole_reply_is_left_alone(self, server: FaultServer, fault: Fault) -> None:
        """A lie about a range needs a range."""
        assert get(server, fault).body == DATA
