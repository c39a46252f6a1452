"""The scriptable origin is honest by default, remembers all it did, and ends cleanly."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from tests.support.fault_server import FaultServer, Resource, SparseFile
from tests.support.faults import (
    CutAfter,
    Delay,
    FlipElsewhere,
    RedirectSigned,
    SlowBandwidth,
    StallAfter,
    Status,
)
from tests.support.raw_client import ask

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
DATA = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"/a.bin": DATA, "/empty": b""}) as running:
        yield running


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def connect(server: FaultServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)


class TestHonesty:
    def test_whole_file_has_exact_length_and_validators(self, server: FaultServer) -> None:
        """Clients compare these with what they were promised."""
        reply = ask(server.url("/a.bin"))

        assert (reply.status, reply.body, reply.end) == (200, DATA, "fin")
        assert reply.headers["content-length"] == str(len(DATA))
        assert reply.headers["accept-ranges"] == "bytes"
        assert re.fullmatch(r'"[0-9a-f]{32}"', reply.headers["etag"])
        assert reply.headers["last-modified"] == "Mon, 01 Jan 2024 00:00:01 GMT"

    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=100-199", 100, 200),
            ("bytes=10000-", 10000, 10240),
            ("bytes=10239-99999", 10239, 10240),
            ("bytes=-40", 10200, 10240),
            ("bytes=-99999", 0, 10240),
        ],
    )
    def test_single_range_is_a_206(self, server: FaultServer, asked: str, start: int, stop: int) -> None:
        """Resuming rests on this."""
        reply = ask(server.url("/a.bin"), {"Range": asked})

        assert (reply.status, reply.body) == (206, DATA[start:stop])
        assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/10240"
        assert reply.headers["content-length"] == str(stop - start)
        assert server.requests[0].range == (start, stop)

    @pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=10240-10250", "bytes=-0"])
    def test_range_outside_is_a_416(self, server: FaultServer, asked: str) -> None:
        """A client whose partial is too long learns the true length."""
        reply = ask(server.url("/a.bin"), {"Range": asked})

        assert (reply.status, reply.headers["content-range"]) == (416, "bytes */10240")

    @pytest.mark.parametrize(
        "asked", ["bytes=5-2", "bytes=-", "lines=0-1", "bytes=0-1,5-6", "bytes=a-b", "0-1"]
    )
    def test_range_that_is_none_is_ignored(self, server: FaultServer, asked: str) -> None:
        """RFC 9110 section 14.2."""
        assert ask(server.url("/a.bin"), {"Range": asked}).status == 200

    def test_head_tells_what_get_would_without_body(self, server: FaultServer) -> None:
        """A HEAD with a body would poison the connection."""
        connection = connect(server)
        connection.request("HEAD", "/a.bin")
        head = connection.getresponse()
        head.read()
        connection.request("GET", "/a.bin")
        body = connection.getresponse().read()
        connection.close()

        assert (head.status, head.getheader("Content-Length"), body) == (200, "10240", DATA)
        assert server.connections == 1

    def test_empty_file_is_served_and_has_no_range(self, server: FaultServer) -> None:
        """An engine that asks for the first piece of everything meets this."""
        whole = ask(server.url("/empty"))
        part = ask(server.url("/empty"), {"Range": "bytes=0-99"})

        assert (whole.status, whole.headers["content-length"], whole.body) == (200, "0", b"")
        assert (part.status, part.headers["content-range"]) == (416, "bytes */0")

    def test_if_range_decides_between_part_and_whole(self, server: FaultServer) -> None:
        """A changed file is never mixed with the old one."""
        etag, date = (ask(server.url("/a.bin")).headers[name] for name in ("etag", "last-modified"))
        asked = {"Range": "bytes=1-2"}

        statuses = [
            ask(server.url("/a.bin"), asked | {"If-Range": validator}).status
            for validator in (etag, date, '"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT")
        ]

        assert statuses == [206, 206, 200, 200, 200]

    def test_unknown_path_and_method_are_refused(self, server: FaultServer) -> None:
        """What is not there is not invented."""
        assert ask(server.url("/nothing")).status == 404
        assert ask(server.url("/a.bin"), method="DELETE").status == 405

    def test_what_is_not_http_is_a_400(self, server: FaultServer) -> None:
        """A TLS client on a plain port gets an answer, not a hang."""
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as sock:
            sock.sendall(b"\x16\x03\x01\x00nonsense\r\n\r\n")

            assert sock.recv(100).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    def test_connection_is_kept_and_pipelined_requests_are_answered(self, server: FaultServer) -> None:
        """Pooled clients are measured against this."""
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as sock:
            one = b"GET /a.bin HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\r\n\r\n"
            sock.sendall(one + one.replace(b"Host: x", b"Connection: close"))
            got = b"".join(iter(lambda: sock.recv(65536), b""))

        assert got.count(b"HTTP/1.1 206") == 2
        assert got.endswith(DATA[:5])
        assert [record.connection for record in server.requests] == [1, 1]

    def test_escaped_and_absolute_targets_find_the_file(self, server: FaultServer) -> None:
        """Hub paths hold escaped slashes; a proxy is asked with whole URLs."""
        server.put("/a b/ü", b"x")
        connection = connect(server)
        connection.request("GET", "http://elsewhere.example/a.bin?x=1&x=2")
        proxied = connection.getresponse().read()
        connection.close()

        assert ask(server.url("/a b/ü")).body == b"x"
        assert proxied == DATA
        assert server.requests[0].query == {"x": "2"}
        assert server.requests[0].path == "/a.bin"


class TestContents:
    def test_put_changes_content_and_validators(self, server: FaultServer) -> None:
        """A file that changes between two ranges is seen to change."""
        before = ask(server.url("/a.bin")).headers
        server.put("/a.bin", b"new")
        after = ask(server.url("/a.bin"))

        assert after.body == b"new"
        assert {before[name] == after.headers[name] for name in ("etag", "last-modified")} == {False}

    @pytest.mark.parametrize("etag", ['W/"weak"', "unquoted", '"../../x"'])
    def test_etag_is_sent_as_given(self, server: FaultServer, etag: str) -> None:
        """Hostile and weak ones included."""
        server.put("/b", b"x", etag=etag)

        assert ask(server.url("/b")).headers["etag"] == etag

    def test_no_etag_is_no_header(self, server: FaultServer) -> None:
        """Some origins have none."""
        server.put("/b", b"x", etag=None)
        server.put("/c", Resource(content=SparseFile(3), etag=None, modified_at=None))

        assert "etag" not in ask(server.url("/b")).headers
        assert "last-modified" not in ask(server.url("/c")).headers

    def test_removed_file_is_gone(self, server: FaultServer) -> None:
        """A revision can be deleted while it is downloaded."""
        server.remove("/a.bin")

        assert ask(server.url("/a.bin")).status == 404

    def test_path_is_served_from_disk(self, server: FaultServer, tmp_path: Path) -> None:
        """Large files need not be held."""
        file = tmp_path / "big"
        SparseFile(3 * MIB + 17, seed=5).write_to(file)
        server.put("/big", file)

        got = ask(server.url("/big"), {"Range": "bytes=1000000-"}).body

        assert got == file.read_bytes()[1000000:]
        assert server.digest("/big", "md5") == hashlib.md5(file.read_bytes()).hexdigest()

    def test_sparse_file_is_the_same_from_any_offset(self) -> None:
        """Ranges of a generated file fit together."""
        whole = SparseFile(3 * MIB + 11, seed=1)
        data = whole.read()
        edges = [0, 1, 65535, 65536, MIB - 1, MIB, 2 * MIB + 7, 3 * MIB + 11]

        parts = [whole.read(start, stop) for start, stop in itertools.pairwise(edges)]

        assert b"".join(parts) == data
        assert whole.digest() == hashlib.sha256(data).hexdigest()

    def test_sparse_file_differs_by_seed_and_by_offset(self) -> None:
        """A shift by whole blocks must not go unseen."""
        data = SparseFile(4 * MIB, seed=1).read()
        blocks = {data[at : at + 65536] for at in range(0, 4 * MIB, 65536)}

        assert len(blocks) == 64
        assert SparseFile(4 * MIB, seed=2).read() != data

    def test_huge_file_costs_nothing_until_it_is_read(self, server: FaultServer) -> None:
        """A terabyte can be promised."""
        huge = SparseFile(1 << 40, seed=3)
        server.put("/huge", huge)

        reply = ask(server.url("/huge"), {"Range": "bytes=-100"})

        assert reply.headers["content-range"] == "bytes 1099511627676-1099511627775/1099511627776"
        assert reply.body == huge.read((1 << 40) - 100)


class TestRules:
    def test_first_rule_with_uses_left_applies(self, server: FaultServer) -> None:
        """Scripts read from top to bottom."""
        first = server.on(path="/a.bin", times=2, fault=Status(503))
        server.on(path="/a.*", fault=Status(500))

        statuses = [ask(server.url(path)).status for path in ("/a.bin", "/empty", "/a.bin", "/a.bin")]

        assert statuses == [503, 200, 503, 500]
        assert (first.uses, first.matches) == (2, 3)

    def test_nth_counts_the_requests_that_fit(self, server: FaultServer) -> None:
        """A fault can hit the third range alone, or every other."""
        server.on(path="/a.bin", method="GET", nth=3, fault=Status(503))
        server.on(path="/empty", nth=range(2, 99, 2), fault=Status(500))

        a_statuses = [ask(server.url("/a.bin")).status for _ in range(4)]
        empty_statuses = [ask(server.url("/empty")).status for _ in range(4)]

        assert a_statuses == [200, 200, 503, 200]
        assert empty_statuses == [200, 500, 200, 500]

    def test_method_and_condition_narrow_a_rule(self, server: FaultServer) -> None:
        """A presigned GET refuses HEAD; a token decides."""
        server.on(method="HEAD", fault=Status(403))
        server.on(when=lambda request: "authorization" not in request.headers, fault=Status(401))

        assert ask(server.url("/a.bin"), method="HEAD").status == 403
        assert ask(server.url("/a.bin")).status == 401
        assert ask(server.url("/a.bin"), {"Authorization": "Bearer x"}).status == 200

    def test_scripted_answer_to_a_post_sees_its_body(self, server: FaultServer) -> None:
        """Hub calls can be answered, too."""
        server.on(path="/api", method="POST", fault=Status(200, {"Content-Type": "application/json"}, b"[]"))
        connection = connect(server)
        connection.request("POST", "/api", body=b'{"paths": []}')
        reply = connection.getresponse()

        assert (reply.status, reply.read(), reply.getheader("content-type")) == (
            200,
            b"[]",
            "application/json",
        )
        assert server.requests[0].body == b'{"paths": []}'
        connection.close()

    def test_always_lies_under_every_rule_until_cleared(self, server: FaultServer) -> None:
        """A slow link stays slow whatever else goes wrong."""
        server.always(CutAfter(3))
        server.on(times=1, fault=Status(500, body=b"abcdef"))

        bodies = [ask(server.url("/a.bin")).body for _ in range(2)]
        server.clear_rules()

        assert bodies == [b"abc", DATA[:3]]
        assert ask(server.url("/a.bin")).body == DATA


class TestAdmission:
    def test_signed_url_opens_until_it_expires(self, server: FaultServer) -> None:
        """Clients must resolve again, not give up."""
        url = server.signed("/a.bin", 0.3)
        before = ask(url).status
        time.sleep(0.35)

        assert (before, ask(url).status) == (200, 403)
        assert "X-Signature=" in url
        assert "Expires=" in url
        assert ask(server.url("/empty")).status == 200

    def test_signature_opens_its_own_path_alone(self, server: FaultServer) -> None:
        """A capability is for one file."""
        query = server.signed("/a.bin", 60).partition("?")[2]
        server.signed("/empty", 60)

        assert ask(server.url("/a.bin")).status == 403
        assert ask(server.url(f"/empty?{query}")).status == 403
        assert ask(server.url("/a.bin?X-Signature=made-up")).status == 403
        assert server.signatures[0] in query

    def test_redirect_leads_to_a_fresh_signed_url_of_a_cdn(self, server: FaultServer) -> None:
        """The Hub's way to large files."""
        with FaultServer({"/cdn/a": b"blob"}) as cdn:
            server.on(path="/a.bin", fault=RedirectSigned(cdn, "/cdn/a", ttl_s=60))
            locations = [ask(server.url("/a.bin")).headers["location"] for _ in range(2)]
            first = ask(locations[0])
            cdn.expire_signatures()

            assert first.body == b"blob"
            assert len(set(locations)) == 2
            assert ask(locations[1]).status == 403

    def test_rate_limit_refuses_and_counts_what_is_above(self, server: FaultServer) -> None:
        """A good neighbour can be told from a bad one."""
        limiter = server.limit_rate(0.5, burst=2)

        replies = [ask(server.url("/empty")) for _ in range(5)]

        assert [reply.status for reply in replies] == [200, 200, 429, 429, 429]
        assert replies[2].headers["retry-after"] == "1"
        assert (limiter.admitted, limiter.refused) == (2, 3)

    def test_rate_limit_admits_again_with_time_and_refuses_as_told(self, server: FaultServer) -> None:
        """Some servers don't say when to come back."""
        server.limit_rate(20, refusal=Status(429))
        statuses = [ask(server.url("/empty")).status for _ in range(2)]
        time.sleep(0.06)

        assert statuses == [200, 429]
        assert ask(server.url("/empty")).status == 200
        assert "retry-after" not in ask(server.url("/empty")).headers


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

        reply = ask(server.url("/a.bin"), timeout_s=0.1)

        assert gate.is_reached
        assert (reply.status, reply.body, reply.end) == (200, b"", "silence")

    def test_held_client_may_vanish(self, server: FaultServer) -> None:
        """The killed client's connection is noticed, and the gate stays."""
        server.gate("/a.bin", after=10)

        ask(server.url("/a.bin"), timeout_s=0.05)
        server.wait_idle()

        assert (server.requests[0].outcome, server.bytes_sent()) == ("gone", 10)
        assert ask(server.url("/a.bin"), timeout_s=0.05).body == b""


class TestTls:
    @pytest.fixture
    def trust(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    @pytest.fixture
    def secure(self, authority: trustme.CA) -> Iterator[FaultServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        with FaultServer({"/a": SparseFile(5 * MIB)}, tls=context) as running:
            yield running

    def test_files_and_faults_work_over_tls(self, secure: FaultServer, trust: ssl.SSLContext) -> None:
        """Real hubs speak nothing else."""
        secure.on(nth=2, fault=CutAfter(3 * MIB + 1))
        whole = ask(secure.url("/a"), tls=trust)
        cut = ask(secure.url("/a"), tls=trust)

        assert secure.origin.startswith("https://127.0.0.1:")
        assert whole.body == SparseFile(5 * MIB).read()
        assert cut.body == whole.body[: 3 * MIB + 1]
        assert cut.end != "silence"  # a reset on the wire; Python's ssl may tell it as an end

    def test_client_without_the_authority_is_turned_away(self, secure: FaultServer) -> None:
        """An unknown CA ends the handshake, and the server goes on."""
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(secure.url("/a"), tls=ssl.create_default_context())

        assert secure.requests == []

    def test_handshake_can_be_slow(self, secure: FaultServer, trust: ssl.SSLContext) -> None:
        """Connect timeouts must cover it."""
        secure.delay_connections(0.2)
        started_s = time.monotonic()

        ask(secure.url("/a"), tls=trust)

        assert time.monotonic() - started_s > 0.2

    def test_stalled_tls_connection_does_not_hold_up_the_end(
        self, secure: FaultServer, trust: ssl.SSLContext
    ) -> None:
        """Shutdown wakes whatever thread is busy."""
        secure.on(fault=StallAfter(100))

        assert ask(secure.url("/a"), tls=trust, timeout_s=0.1).end == "silence"


class TestLife:
    @pytest.mark.parametrize(
        "fault", [StallAfter(5), SlowBandwidth(1), Delay(99)], ids=lambda f: type(f).__name__
    )
    def test_close_ends_busy_connections_within_a_bound(self, fault: StallAfter) -> None:
        """No test leaves a thread or a socket behind."""
        threads = threading.active_count()
        with FaultServer({"/a": DATA}) as server, ThreadPoolExecutor() as pool:
            server.on(fault=fault)
            reply = pool.submit(ask, server.url("/a"))
            server.wait_for(lambda: server.max_concurrent == 1)
            started_s = time.monotonic()
            server.__exit__(None, None, None)

            assert time.monotonic() - started_s < 1
            assert reply.result().end in ("fin", "rst")
        assert threading.active_count() == threads

    def test_close_ends_idle_connections_and_blocked_sends(self) -> None:
        """Pools keep connections open; slow readers fill the buffers."""
        with FaultServer({"/a": SparseFile(64 * MIB)}) as server:
            idle, blocked = connect(server), connect(server)
            idle.connect()
            blocked.request("GET", "/a")
            server.wait_for(lambda: server.bytes_sent() > 0)
            started_s = time.monotonic()
        ended_s = time.monotonic()
        idle.close()
        blocked.close()

        assert ended_s - started_s < 1

    def test_outage_refuses_and_comes_back_on_the_same_port(self, server: FaultServer) -> None:
        """A restarted origin is found again."""
        origin = server.origin
        with server.outage(), pytest.raises(ConnectionRefusedError):
            ask(server.url("/a.bin"))

        assert server.origin == origin
        assert ask(server.url("/a.bin")).body == DATA

    def test_dropped_connections_end_in_mid_body(self, server: FaultServer) -> None:
        """All workers can lose their connection at once."""
        gate = server.gate("/a.bin", after=1000)
        with ThreadPoolExecutor() as pool:
            reply = pool.submit(ask, server.url("/a.bin"))
            gate.wait_reached()
            server.drop_connections()

            assert reply.result().body == DATA[:1000]
            assert reply.result().end != "silence"

    def test_many_clients_at_once_are_all_served(self, server: FaultServer) -> None:
        """Small files are fetched over many connections."""
        server.on(fault=FlipElsewhere(), nth=range(0, 400, 10))
        with ThreadPoolExecutor(32) as pool:
            replies = list(pool.map(lambda _: ask(server.url("/a.bin")).body == DATA, range(200)))

        assert replies.count(False) == 20
        assert len(server.requests) == 200

    def test_same_server_is_reachable_over_ipv6(self) -> None:
        """Addresses with colons make URLs with brackets."""
        try:
            running = FaultServer({"/a": b"x"}, host="::1").__enter__()
        except OSError:
            pytest.skip("no IPv6 loopback here")
        body = ask(running.url("/a")).body
        running.__exit__(None, None, None)

        assert body == b"x"
        assert running.origin.startswith("http://[::1]:")


class TestProcess:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_directory_is_served_by_a_process_until_it_is_told_to_end(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        """Crash tests kill the client; the origin outlives it."""
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a b.bin").write_bytes(DATA)
        command = [sys.executable, "-W", "error", "-m", "tests.support.fault_server"]
        arguments = ["--directory", str(tmp_path), "--port", "0", "--bytes-per-second", "40960"]
        with subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            origin = process.stdout.readline().strip()
            started_s = time.monotonic()
            body = ask(f"{origin}/sub/a%20b.bin").body
            took_s = time.monotonic() - started_s
            process.send_signal(number)
            code = process.wait(5)

        assert (body, code) == (DATA, 0)
        assert 0.15 < took_s < 2
