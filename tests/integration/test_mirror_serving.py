"""A mirror as a process: how it starts and ends, many clients at once, and files that change under its hands."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.mirror import HubCache, Mirror, git_blob, read_reply, request_bytes
from tests.support.processes import wait_until

MIB = 1 << 20
HUGE = 1 << 30
BIG = "/acme/demo/resolve/main/big.bin"
ONE = "1" * 40


def sparse(place: Path, size: int) -> Path:
    """Make a file of zeros that takes no room."""
    with place.open("wb") as file:
        file.truncate(size)
    return place


def put_big(cache: HubCache, size: int) -> Path:
    """Put a large sparse file into a cache under a digest of its own; returns the blob."""
    snapshot = cache.put("models--acme--demo", ONE, {"config.json": b"{}"}, "main")
    blob = sparse(cache.root / "models--acme--demo/blobs" / ("a" * 64), size)
    (snapshot / "big.bin").symlink_to(blob)
    return blob


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """One for all tests that leave it as it is; it has 1 GiB of zeros, and 40 files of 64 KiB."""
    cache = HubCache(tmp_path_factory.mktemp("serving") / "hub")
    put_big(cache, HUGE)
    cache.put("models--acme--many", ONE, {f"{index}.bin": bytes([index]) * 65536 for index in range(40)}, "main")
    with Mirror(cache.root.parent / "home", "--cache-dir", cache.root, "--access-log", "json") as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> HubCache:
    return HubCache(tmp_path / "hub")


def begin(mirror: Mirror, target: str = BIG) -> tuple[socket.socket, HTTPResponse]:
    """Ask for a file over a connection that takes little at a time, and read only the headers."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    sock.settimeout(30)
    sock.connect(mirror.address)
    sock.sendall(request_bytes(target))
    response = HTTPResponse(sock)
    response.begin()
    return sock, response


def idle_connection(mirror: Mirror) -> socket.socket:
    """Return a connection that the mirror knows of, since it has answered on it."""
    sock = mirror.connect()
    sock.sendall(request_bytes("/healthz"))
    assert read_reply(sock).status == 200
    return sock


def drain(response: HTTPResponse) -> int:
    """Read to the end; returns how many bytes came."""
    count = 0
    while block := response.read1(MIB):
        count += len(block)
    return count


class TestEnd:
    def test_transfer_ends_before_the_mirror_does(self, cache: HubCache, tmp_path: Path) -> None:
        """Each update of the mirror would cut everybody off."""
        put_big(cache, 64 * MIB)
        with Mirror(tmp_path / "home", "--cache-dir", cache.root) as mirror:
            sock, response = begin(mirror)
            with sock, response, idle_connection(mirror) as idle:
                mirror.signal(signal.SIGTERM)
                nothing = idle.recv(1)  # it ends those who wait for nothing

                assert (nothing, drain(response), mirror.wait()) == (b"", 64 * MIB, 0)
            assert mirror.err.endswith("stopped\n")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_second_signal_ends_it_at_once(self, cache: HubCache, tmp_path: Path, number: int) -> None:
        """A client that takes nothing could keep it for ever."""
        put_big(cache, 64 * MIB)
        with Mirror(tmp_path / "home", "--cache-dir", cache.root) as mirror:
            sock, response = begin(mirror)
            with sock, response, idle_connection(mirror) as idle:
                mirror.signal(number)
                idle.recv(1)
                mirror.signal(number)

                assert mirror.wait(10) == 0

    def test_ctrl_c_ends_an_idle_one(self, cache: HubCache, tmp_path: Path) -> None:
        """It is how people end it, and no error."""
        cache.root.mkdir()
        with Mirror(tmp_path / "home", "--cache-dir", cache.root) as mirror:
            mirror.signal(signal.SIGINT)

            assert (mirror.wait(), "Traceback" in mirror.err) == (0, False)


class TestStart:
    def test_port_in_use_is_told(self, shared: Mirror, tmp_path: Path, cache: HubCache) -> None:
        """A traceback would be all there is."""
        cache.root.mkdir()

        outcome = Command(tmp_path).run("serve", "--cache-dir", cache.root, "--port", shared.address[1])

        assert (outcome.code, outcome.out) == (5, "")
        assert "can't listen on 127.0.0.1" in outcome.err

    def test_others_are_let_in_only_if_somebody_says_so(self, cache: HubCache, tmp_path: Path) -> None:
        """Private models would be open to the whole network by mistake."""
        put_big(cache, 1)
        options = ("--cache-dir", cache.root, "--host", "0.0.0.0")

        refused = Command(tmp_path).run("serve", *options)
        with Mirror(tmp_path / "home", *options, "--open") as mirror:
            port = mirror.address[1]
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(request_bytes("/healthz"))
                status = read_reply(sock).status

        assert (refused.code, "--access-token" in refused.err, "--open" in refused.err) == (2, True, True)
        assert (status, mirror.endpoint) == (200, f"http://{socket.gethostname()}:{port}")

    def test_address_may_be_of_ipv6(self, cache: HubCache, tmp_path: Path) -> None:
        """The endpoint needs brackets then."""
        put_big(cache, 5)
        with Mirror(tmp_path / "home", "--cache-dir", cache.root, "--host", "::1") as mirror:
            assert mirror.endpoint.startswith("http://[::1]:")
            assert mirror.ask(BIG).body == bytes(5)

    def test_public_url_is_what_clients_are_told(self, cache: HubCache, tmp_path: Path) -> None:
        """Behind a proxy the mirror doesn't know its own name."""
        put_big(cache, 5)
        options = ("--cache-dir", cache.root, "--public-url", "https://models.example.org/")
        with Mirror(tmp_path / "home", *options, "--port", _free_port()) as mirror:
            told, port = mirror.endpoint, mirror._line[mirror._line.index("--port") + 1]  # noqa: SLF001
            with socket.create_connection(("127.0.0.1", int(port))) as sock:
                sock.sendall(request_bytes("/api/models/acme/demo/tree/main?limit=1"))
                link = read_reply(sock).headers["link"]

        assert told == "https://models.example.org"
        assert link.startswith("<https://models.example.org/api/models/acme/demo/tree/main?limit=1&cursor=")

    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
    def test_closed_output_is_no_matter(self, cache: HubCache, tmp_path: Path, closed: str) -> None:
        """Some supervisors start a service so."""
        put_big(cache, 5)
        port = _free_port()
        line = Command(tmp_path).line("serve", "--cache-dir", cache.root, "--port", port)
        process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=Command(tmp_path).environment,
        )
        try:
            wait_until(lambda: _answers(port))
            process.terminate()

            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()

    def test_log_that_nobody_reads_is_no_matter(self, cache: HubCache, tmp_path: Path) -> None:
        """A pager that was quit would end the service."""
        put_big(cache, 5)
        port = _free_port()
        process = Command(tmp_path).start("serve", "--cache-dir", cache.root, "--port", port)
        assert process.stderr is not None
        process.stderr.close()
        try:
            wait_until(lambda: _answers(port))
            assert _answers(port)
        finally:
            process.kill()
            process.communicate()


class TestManyClients:
    def test_two_hundred_at_once_get_their_bytes(self, shared: Mirror) -> None:
        """A lab starts all its machines at eight in the morning."""
        with ThreadPoolExecutor(50) as pool, ExitStack() as stack:
            socks = [stack.enter_context(shared.connect()) for _ in range(200)]
            for index, sock in enumerate(socks):
                sock.sendall(request_bytes(f"/acme/many/resolve/main/{index % 40}.bin"))
            replies = list(pool.map(read_reply, socks))

        assert [each.body for each in replies] == [bytes([index % 40]) * 65536 for index in range(200)]

    def test_slow_readers_leave_room_for_others(self, shared: Mirror) -> None:
        """Fifty who take nothing would keep the disk, or all threads, to themselves."""
        with ExitStack() as stack:
            for _ in range(50):
                sock, response = begin(shared)
                stack.enter_context(sock)
                stack.enter_context(response)

            assert shared.ask("/acme/many/resolve/main/7.bin").body == bytes([7]) * 65536
            assert shared.metric("weighbridge_active_requests") >= 51

        wait_until(lambda: shared.metric("weighbridge_active_requests") == 1)

    def test_client_that_has_gone_costs_nothing_more(self, shared: Mirror) -> None:
        """The mirror would go on reading for nobody."""
        name = 'weighbridge_cut_total{route="file"}'
        before, descriptors = shared.metric(name), shared.descriptors

        sock, response = begin(shared)
        response.read(1000)
        response.close()
        sock.close()

        wait_until(lambda: shared.metric(name) == before + 1)
        wait_until(lambda: shared.descriptors <= descriptors)
        entry = [each for each in shared.entries if each["path"] == BIG and not each["whole"]][-1]
        assert entry["bytes"] < HUGE

    def test_memory_stays_flat_while_a_large_file_is_sent(self, shared: Mirror) -> None:
        """A file of any size would be read into memory, or pile up in front of a slow client."""
        before = shared.peak_rss
        sock, response = begin(shared)
        with sock, response:
            count = drain(response)

        assert count == HUGE
        assert shared.peak_rss - before < 32 * MIB


class TestChanges:
    @pytest.mark.parametrize("change", ["truncated", "written", "replaced"])
    def test_file_that_changes_under_way_is_cut_off(self, cache: HubCache, tmp_path: Path, change: str) -> None:
        """The client would have the first half of one file and the second of another, of the right length."""
        blob = put_big(cache, 256 * MIB)
        with Mirror(tmp_path / "home", "--cache-dir", cache.root) as mirror:
            sock, response = begin(mirror)
            with sock, response:
                first = len(response.read(MIB))
                if change == "truncated":
                    os.truncate(blob, 100 * MIB)
                elif change == "written":
                    with blob.open("r+b") as file:
                        file.write(b"other")
                else:
                    sparse(tmp_path / "new", 256 * MIB).replace(blob)
                total = first + drain(response)
            wait_until(lambda: mirror.metric('weighbridge_cut_total{route="file"}') == 1)

            assert total < 256 * MIB
            wait_until(lambda: "changed while it was sent" in mirror.err)
            assert "Traceback" not in mirror.err

    def test_folder_that_changes_gets_a_new_commit(self, tmp_path: Path) -> None:
        """Clients would keep what they have, or take old files for new."""
        (tmp_path / "model").mkdir()
        (tmp_path / "model/config.json").write_bytes(b"{}")
        (tmp_path / "model/same").write_bytes(b"same")
        with Mirror(tmp_path / "home", "--repo", f"acme/demo={tmp_path / 'model'}") as mirror:
            old = mirror.ask("/api/models/acme/demo").json["sha"]
            (tmp_path / "model/config.json").write_bytes(b"{2}")
            wait_until(lambda: mirror.ask("/api/models/acme/demo").json["sha"] != old)

            new = mirror.ask("/acme/demo/resolve/main/config.json")
            stale = mirror.ask(f"/acme/demo/resolve/{old}/config.json")
            same = mirror.ask(f"/acme/demo/resolve/{old}/same")

        assert (new.body, new.headers["etag"]) == (b"{2}", f'"{git_blob(b"{2}")}"')
        assert (stale.status, stale.headers["x-error-code"], same.body) == (404, "EntryNotFound", b"same")


def test_digests_are_computed_once(tmp_path: Path) -> None:
    """Each start would read terabytes; and the receipts lie outside of the folder."""
    size = 64 * MIB
    (tmp_path / "model").mkdir()
    place = sparse(tmp_path / "model/big.bin", size)
    options = ("--repo", f"acme/demo={tmp_path / 'model'}")
    born = place.stat().st_ctime
    wait_until(lambda: _now(tmp_path) - born > 2.1)  # younger files could change without a sign, so nothing is noted

    with Mirror(tmp_path / "home", *options) as first:
        read_first, etag = first.bytes_read, first.ask(BIG, method="HEAD").headers["etag"]
    with Mirror(tmp_path / "home", *options) as second:
        read_second, again = second.bytes_read, second.ask(BIG, method="HEAD").headers["etag"]

    assert (read_first > size, read_second < size / 2) == (True, True)
    assert etag == again == f'"{hashlib.sha256(bytes(size)).hexdigest()}"'
    assert [each.name for each in (tmp_path / "model").iterdir()] == ["big.bin"]


def test_what_may_not_be_read_is_as_good_as_absent(tmp_path: Path, cache: HubCache) -> None:
    """One folder with other rights would keep the mirror of all others from starting."""
    cache.put("models--acme--open", ONE, {"config.json": b"{}", "secret": b"secret"}, "main", "v1/x")
    closed = cache.root / "models--acme--closed"
    cache.put(closed.name, ONE, {"config.json": b"{}"}, "main")
    blob = cache.root / "models--acme--open/blobs" / git_blob(b"secret")
    refs = cache.root / "models--acme--open/refs/v1"
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for each, mode in ((blob, 0), (closed, 0), (refs, 0o444)):
        each.chmod(mode)

    try:
        with Mirror(tmp_path / "home", "--cache-dir", cache.root, prefix=prefix) as mirror:
            addresses = ["/", "/metrics", "/api/models/acme/open/refs", "/api/models/acme/open", "/acme/open"]
            good = [mirror.ask(each).status for each in [*addresses, "/acme/open/resolve/main/config.json"]]
            bad = [mirror.ask(f"/acme/{each}").status for each in ("open/resolve/main/secret", "closed")]
    finally:
        for each in (closed, refs):
            each.chmod(0o755)

    assert (good, bad) == ([200] * 6, [404, 404])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(request_bytes("/healthz"))
            return read_reply(sock).status == 200
    except OSError:
        return False


def _now(folder: Path) -> float:
    """Return the time by the clock that files are stamped with."""
    place = folder / "clock"
    place.write_bytes(b"")
    return place.stat().st_ctime
