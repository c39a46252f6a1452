"""The origin remembers all it was asked and all it sent, and can be held at a known byte."""

from __future__ import annotations

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import Delay, Status
from tests.support.raw_client import ask

MIB = 1 << 20
DATA = bytes(range(256)) * 40


def connect(server: FaultServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)


class TestBooks:
    def test_record_holds_request_and_outcome(self, server: FaultServer) -> None:
        """Tests judge a client by what it asked for."""
        started_s = time.monotonic()
        ask(server.url("/a.bin?x=1"), {"Range": "bytes=5-9", "X-Thing": "y"})

        record = server.requests[0]
        assert (record.method, record.path, record.target) == ("GET", "/a.bin", "/a.bin?x=1")
        assert (record.query, record.headers["x-thing"], record.range) == ({"x": "1"}, "y", (5, 10))
        assert (record.status, record.body_bytes, record.outcome) == (206, 5, "whole")
        assert started_s <= record.started_s <= time.monotonic()
        assert record.duration_s is not None

    def test_books_are_right_once_the_client_has_its_reply(self, server: FaultServer) -> None:
        """No test has to sleep before it counts."""
        connection = connect(server)
        seen = []
        for count in range(1, 200):
            connection.request("GET", "/a.bin")
            connection.getresponse().read()
            seen.append(server.bytes_sent("/a.bin") == count * len(DATA))
            seen.append(server.requests[-1].outcome == "whole")
        connection.close()

        assert all(seen)
        assert server.max_concurrent == 1
        assert server.bytes_sent() == 199 * len(DATA)

    def test_concurrent_requests_and_connections_are_counted(self, server: FaultServer) -> None:
        """One budget of connections is a promise."""
        server.always(Delay(0.2))
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda _: ask(server.url("/a.bin")), range(5)))

        assert (server.connections, server.max_concurrent, server.max_open_connections) == (5, 5, 5)
        server.wait_for(lambda: server.open_connections == 0)

    def test_bytes_that_a_vanished_client_did_not_take_are_not_counted(self, server: FaultServer) -> None:
        """What a killed client got bounds what it may fetch again."""
        server.put("/big", SparseFile(256 * MIB))
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as sock:
            sock.sendall(b"GET /big HTTP/1.1\r\n\r\n")
            sock.recv(MIB, socket.MSG_WAITALL)
        server.wait_idle()

        assert server.requests[0].outcome == "gone"
        assert MIB // 2 < server.bytes_sent() < 128 * MIB

    def test_bodies_of_refusals_are_not_counted_as_bytes_of_the_file(self, server: FaultServer) -> None:
        """What was fetched twice can be told exactly."""
        server.on(times=1, fault=Status(503))
        server.gate("/a.bin", after=len(DATA))

        statuses = [ask(server.url("/a.bin")).status for _ in range(2)]

        assert statuses == [503, 200]
        assert server.bytes_sent("/a.bin") == len(DATA)

    def test_wait_for_gives_up_in_time(self, server: FaultServer) -> None:
        """A broken client fails its test instead of hanging it."""
        with pytest.raises(TimeoutError):
            server.wait_for(lambda: server.connections == 1, timeout=0.05)


class TestGate:
    def test_gate_holds_the_body_at_an_exact_byte(self, server: FaultServer) -> None:
        """A client can be killed at a known moment."""
        server.put("/big", SparseFile(2 * MIB))
        gate = server.gate("/big", after=1_234_567)
        with ThreadPoolExecutor() as pool:
            reply = pool.submit(ask, server.url("/big"))
            gate.wait_reached()
            held_at = server.bytes_sent("/big")
            gate.release()

            assert held_at == 1_234_567
            assert reply.result().body == SparseFile(2 * MIB).read()

    def test_gate_counts_over_all_connections(self, server: FaultServer) -> None:
        """However many workers there are, the moment is the same."""
        server.put("/big", SparseFile(4 * MIB))
        with ThreadPoolExecutor() as pool, server.gate("/big", after=3 * MIB) as gate:
            ranges = [f"bytes={at * MIB}-{(at + 1) * MIB - 1}" for at in range(4)]
            replies = [pool.submit(ask, server.url("/big"), {"Range": asked}) for asked in ranges]
            gate.wait_reached()
            server.wait_for(lambda: server.bytes_sent("/big") == 3 * MIB)
            gate.release()

            assert b"".join(reply.result().body for reply in replies) == SparseFile(4 * MIB).read()

    def test_gate_at_zero_lets_the_head_pass(self, server: FaultServer) -> None:
        """The earliest moment of a body."""
        gate = server.gate("/a.bin")

        reply = ask(server.url("/a.bin"), timeout_s=1.0)

        assert gate.is_reached
        assert (reply.status, reply.body, reply.end) == (200, b"", "silence")

    def test_held_client_may_vanish(self, server: FaultServer) -> None:
        """The killed client's connection is noticed, and the gate stays."""
        server.gate("/a.bin", after=10)

        ask(server.url("/a.bin"), timeout_s=1.0)
        server.wait_idle()

        assert (server.requests[0].outcome, server.bytes_sent()) == ("gone", 10)
        assert ask(server.url("/a.bin"), timeout_s=1.0).body == b""
