"""A mirror and bytes that no client should send: it answers or closes, and never shows what is outside."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.mirror import HubCache, Mirror, read_reply, request_bytes
from tests.support.processes import wait_until

ONE = "1" * 40
FILE = "/acme/demo/resolve/main/config.json"
CONTENT = b'{"x": 1}\n'
CANARY = b"canary-that-lies-outside-of-all-roots"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a cache, a folder, and beside them what must not be served."""
    made = tmp_path_factory.mktemp("wire")
    (made / "canary").write_bytes(CANARY)
    cache = HubCache(made / "hub")
    snapshot = cache.put("models--acme--demo", ONE, {"config.json": CONTENT, "a/b.bin": b"b" * 5000}, "main")
    (snapshot / "out").symlink_to(made / "canary")
    (snapshot / "up").symlink_to(made)
    (made / "folder").mkdir()
    (made / "folder" / "config.json").write_bytes(CONTENT)
    (made / "folder" / "out").symlink_to(made / "canary")
    (made / "folder" / "up").symlink_to(made)
    return made


@pytest.fixture(scope="module")
def mirror(root: Path) -> Iterator[Mirror]:
    options = ("--cache-dir", root / "hub", "--repo", f"datasets/acme/folder={root / 'folder'}")
    with Mirror(root / "home", *options, "--access-log", "json") as running:
        yield running


@pytest.fixture(scope="module")
def impatient(root: Path) -> Iterator[Mirror]:
    """One that waits a third of a second where others wait half a minute."""
    with Mirror(root / "impatient", "--cache-dir", root / "hub", patience_s=0.3) as running:
        yield running


def ends(sock: socket.socket) -> bool:
    """Read to the end of a connection."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_connection_is_kept_for_more_requests(mirror: Mirror) -> None:
    """Each file of a snapshot would cost a handshake."""
    with mirror.connect() as sock:
        found = []
        for target in (FILE, "/absent/x/resolve/main/y", "/healthz", FILE):
            sock.sendall(request_bytes(target))
            found.append(read_reply(sock).status)

    assert found == [200, 404, 200, 200]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_body_of_a_request_that_needs_none_is_no_request(mirror: Mirror, method: str) -> None:
    """What somebody sends as a body would be answered as the next request."""
    body = request_bytes("/metrics")
    with mirror.connect() as sock:
        sock.sendall(request_bytes(FILE, {"Content-Length": str(len(body))}, method=method) + body)
        first = read_reply(sock, method)
        sock.sendall(request_bytes("/healthz"))
        second = read_reply(sock)

    assert (first.status, second.json) == (200, {"status": "ok"})


def test_requests_that_come_at_once_are_answered_in_order(mirror: Mirror) -> None:
    """RFC 9112, 9.3.2: a client may send several before the first answer."""
    targets = [FILE, "/healthz", "/acme/demo/resolve/main/a/b.bin", "/absent/x/resolve/main/y", FILE]
    with mirror.connect() as sock, sock.makefile("rb") as stream:
        last = request_bytes("/healthz", {"Connection": "close"})
        sock.sendall(b"".join(request_bytes(each) for each in targets) + last)
        content = stream.read()

    statuses = [int(each[:3]) for each in content.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 200, 200, 404, 200, 200]
    assert content.count(CONTENT) == 2


def test_client_that_waits_for_leave_to_send_a_form_gets_it(mirror: Mirror) -> None:
    """curl waits a second for it when a form is long."""
    form = b"paths=config.json"
    with mirror.connect() as sock:
        headers = {"Expect": "100-continue", "Content-Length": str(len(form))}
        sock.sendall(request_bytes("/api/models/acme/demo/paths-info/main", headers, method="POST"))
        leave = sock.recv(1024)
        sock.sendall(form)
        reply = read_reply(sock, "POST")

    assert leave.startswith(b"HTTP/1.1 100 ")
    assert [each["path"] for each in reply.json] == ["config.json"]


def test_client_of_http_1_0_is_answered_and_let_go(mirror: Mirror) -> None:
    """It waits for the end of the connection."""
    with mirror.connect() as sock, sock.makefile("rb") as stream:
        sock.sendall(f"GET {FILE} HTTP/1.0\r\n\r\n".encode())
        content = stream.read()

    assert content.endswith(b"\r\n\r\n" + CONTENT)


@pytest.mark.parametrize("origin", ["http://localhost", "http://other.example.org:81", "HTTPS://x"])
def test_target_may_have_its_host_before_it(mirror: Mirror, origin: str) -> None:
    """RFC 9112, 3.2.2: a server must understand it; clients that believe in a proxy send it."""
    assert mirror.ask(f"{origin}{FILE}").body == CONTENT


@pytest.mark.parametrize(
    "content",
    [
        f"GET {FILE} HTTP/1.1\r\n\r\n".encode(),
        f"GET {FILE} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode(),
        f"GET {FILE} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".encode(),
        f"GET {FILE} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".encode(),
        f"GET {FILE} HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n".encode(),
        f"GET {FILE} HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n".encode(),
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 90_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 500_000 + b"\r\n\r\n",
    ],
    ids=range(16),
)
def test_what_is_no_request_is_refused(mirror: Mirror, content: bytes) -> None:
    """It would be an internal error, or be answered as if it were one."""
    with mirror.connect() as sock:
        try:
            sock.sendall(content)
            status = read_reply(sock).status
        except (ConnectionError, HTTPException):  # refused before all of it was sent
            status = 400

    assert 400 <= status < 500
    assert mirror.ask("/healthz").status == 200


@pytest.mark.parametrize(
    "head",
    [
        request_bytes(FILE, {"Transfer-Encoding": "chunked"}),
        request_bytes(FILE, {"Transfer-Encoding": "chunked"}, method="POST"),
        request_bytes(FILE, {"Transfer-Encoding": "chunked", "Host": "elsewhere.example"}),
        request_bytes("/api/models/acme/demo/paths-info/main", {"Transfer-Encoding": "chunked"}),
        request_bytes("/api/models/acme/demo/paths-info/main", {"Transfer-Encoding": "chunked"}, method="POST"),
    ],
    ids=["file", "wrong method", "wrong host", "form by GET", "form"],
)
@pytest.mark.parametrize("body", [b"\r\n6\r\npaths=\r\n0\r\n\r\n", b"zz\r\n"], ids=["line too many", "no length"])
def test_body_that_is_no_body_is_the_fault_of_who_sends_it(mirror: Mirror, head: bytes, body: bytes) -> None:
    """Each would leave the log of an internal error behind: the refusal, and then an answer to what was refused."""
    with mirror.connect() as sock:
        sock.sendall(head + body)

        assert ends(sock)

    assert mirror.ask("/healthz").status == 200
    assert "Traceback" not in mirror.err


@pytest.mark.parametrize("host", ["[", "[::1", "a:b:c", "é", "<>", '"', "x" * 5000])
@pytest.mark.parametrize("target", ["/api/models/acme/demo/tree/main?limit=1", "/acme/demo", "/"])
def test_odd_host_is_no_matter(mirror: Mirror, host: str, target: str) -> None:
    """It is none by which this machine is known, or it is none at all."""
    reply = mirror.ask(target, {"Host": host, "Accept": "text/html"})

    assert reply.status in (400, 421)
    assert b"<>" not in reply.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"},
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
        {"Expect": "100-continue"},
        {"TE": "trailers", "Trailer": "x"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=["websocket", "h2c", "expect", "te", "chunked"],
)
def test_other_protocols_are_not_spoken(mirror: Mirror, headers: dict[str, str]) -> None:
    """A server may go on as if they had not been asked for (RFC 9110, 7.8)."""
    with mirror.connect() as sock:
        sock.sendall(request_bytes(FILE, headers) + (b"0\r\n\r\n" if "Transfer-Encoding" in headers else b""))
        reply = read_reply(sock)

    assert (reply.status, reply.body) == (200, CONTENT)


def test_file_of_any_name_can_be_had(mirror: Mirror, root: Path) -> None:
    """A name that begins like a data URL would tell its own media type, with a header of its own behind it."""
    name = "data:image/\r\nX-Evil: 1,\u65e5"
    place = root / "hub/models--acme--demo/snapshots" / ONE / name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"odd")

    target = "/acme/demo/resolve/main/data:image/%0D%0AX-Evil:%201,%E6%97%A5"
    reply = mirror.ask(target)

    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"odd", "application/octet-stream")
    assert "x-evil" not in reply.headers


def test_names_that_are_no_text_are_left_out(mirror: Mirror, root: Path) -> None:
    """One such ref would spoil the list of all."""
    Path(os.fsdecode(bytes(root) + b"/hub/models--acme--demo/refs/\xff")).write_text(ONE)

    assert [each["name"] for each in mirror.ask("/api/models/acme/demo/refs").json["branches"]] == ["main"]


def test_silent_connection_is_closed(impatient: Mirror) -> None:
    """Each costs a descriptor."""
    with impatient.connect() as silent, impatient.connect() as half:
        half.sendall(b"GET /healthz HT")

        assert ends(silent)
        assert ends(half)


def test_connection_that_stops_within_a_further_request_is_closed(impatient: Mirror) -> None:
    """After a first request it could be held open for ever with a single byte."""
    with impatient.connect() as sock:
        sock.sendall(request_bytes("/healthz"))
        first = read_reply(sock)
        sock.sendall(b"G")

        assert (first.status, ends(sock)) == (200, True)


def test_form_that_never_comes_is_not_waited_for(impatient: Mirror) -> None:
    """It would hold a connection for ever."""
    with impatient.connect() as sock:
        headers = {"Content-Length": "100"}
        sock.sendall(request_bytes("/api/models/acme/demo/paths-info/main", headers, method="POST") + b"paths=")

        assert (read_reply(sock, "POST").status, ends(sock)) == (408, True)


def test_slow_but_living_client_is_served(impatient: Mirror) -> None:
    """The limits are for requests, not for answers."""
    with impatient.connect() as sock:
        sock.sendall(request_bytes(FILE))
        first = read_reply(sock)
        sock.sendall(request_bytes(FILE))

        assert (first.body, read_reply(sock).body) == (CONTENT, CONTENT)


def test_many_silent_connections_are_harmless(mirror: Mirror) -> None:
    """Anybody can open them."""
    before = mirror.descriptors
    held = [mirror.connect() for _ in range(300)]
    try:
        answer = mirror.ask(FILE)
    finally:
        for each in held:
            each.close()

    assert answer.body == CONTENT
    wait_until(lambda: mirror.descriptors <= before)


PIECES = st.sampled_from(
    (
        "/ // .. . %2e%2e %2F %5C %00 %0a %FF % ? # ; \\ ~ api models datasets acme demo folder resolve tree revision "
        f"refs main paths-info config.json out up canary blobs snapshots {ONE} http: {'x' * 99}"
    )
    .encode()
    .split(b" ")
)
TARGETS = st.lists(PIECES, max_size=12).map(b"/".join).map(lambda path: b"/" + path)
WORDS = st.binary(max_size=30)
NAMES = st.sampled_from(
    b"Range If-Range If-Match If-None-Match Host Authorization Accept X-Forwarded-For Content-Length Transfer-Encoding "
    b"Connection Upgrade Expect Cookie User-Agent".split()
)
HEADERS = st.lists(st.tuples(NAMES, st.one_of(WORDS, st.sampled_from([b"bytes=0-", b"chunked", b"5", b"*", b"close"]))))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"GET", b"HEAD", b"POST"]),
    st.one_of(TARGETS, st.tuples(st.just(b"/acme/demo/resolve/main/"), TARGETS).map(b"".join), WORDS),
    HEADERS,
    WORDS,
)
def test_nothing_that_is_sent_breaks_it_or_gets_out(
    mirror: Mirror, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Whatever reaches it: no internal error, and not a byte of what lies outside."""
    lines = [b"%s %s HTTP/1.1" % (method, target), b"Host: localhost"]
    lines += [b"%s: %s" % each for each in headers]
    with mirror.connect(timeout_s=20) as sock, sock.makefile("rb") as stream:
        try:
            sock.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            sock.shutdown(socket.SHUT_WR)
            content = stream.read()
        except ConnectionError:
            content = b""

    assert b"HTTP/1.1 5" not in content
    assert CANARY not in content


def test_it_is_well_after_all_that(mirror: Mirror) -> None:
    """The last of the tests that share it: nothing that was sent has left anything behind."""
    assert mirror.ask(FILE).body == CONTENT
    assert "internal error" not in mirror.err
    assert "Traceback" not in mirror.err
    assert {each["status"] // 100 for each in mirror.entries} <= {0, 2, 3, 4}
    wait_until(lambda: mirror.metric("weighbridge_active_requests") == 1)
