"""The scriptable origin does what its rules say, admits who may come in, and ends cleanly."""

from __future__ import annotations

import http.client
import signal
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

from tests.support.fault_server import FaultServer, SparseFile
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


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def connect(server: FaultServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.origin.partition("//")[2], timeout=5)


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

    def test_stalled_tls_connection_does_not_hold_up_the_end(self, secure: FaultServer, trust: ssl.SSLContext) -> None:
        """Shutdown wakes whatever thread is busy."""
        secure.on(fault=StallAfter(100))

        assert ask(secure.url("/a"), tls=trust, timeout_s=0.1).end == "silence"


class TestLife:
    @pytest.mark.parametrize("fault", [StallAfter(5), SlowBandwidth(1), Delay(99)], ids=lambda f: type(f).__name__)
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
