"""Tokens, passwords and signatures appear in requests to their own origin, and nowhere else at all."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.support.calls import QUICK, Diary, fetch, quick, started
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    CloseBeforeResponse,
    CutAfter,
    ExtraHeaders,
    Fault,
    FlipByte,
    GarbageHeaders,
    Gzip,
    Html200,
    HugeHeaders,
    IgnoreRange,
    LengthLie,
    NoContentRange,
    Redirect,
    RedirectLoop,
    RetryAfter,
    StallBeforeHeaders,
    Status,
    WrongTotal,
)
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.options import Options

SIZE = 1 << 20
CANARY = "wbCANARY"
TOKEN, PASSWORD, SIGNATURE, SECOND = f"{CANARY}token", f"{CANARY}pw", f"{CANARY}sig", f"{CANARY}hop"

FAILURES = [
    Status(403),
    Status(404),
    Status(500),
    Status(503, {"X-Echo": TOKEN}),
    RetryAfter(600),
    CutAfter(0),
    CloseBeforeResponse(),
    GarbageHeaders(),
    GarbageHeaders(b"HTTP/1.1 200 OK\r\nno colon here " + TOKEN.encode() + b"\r\n\r\n"),
    GarbageHeaders(b"HTTP/1.1 302 Found\r\n bad\x00\r\nLocation: /x?sig=" + SECOND.encode() + b"\r\n\r\n"),
    HugeHeaders(lines=200, length=30),
    StallBeforeHeaders(),
    FlipByte(5),
    Html200(),
    IgnoreRange() & LengthLie(+5),
    IgnoreRange() & ExtraHeaders({"Content-Encoding": "br"}),
    IgnoreRange() & Gzip() & CutAfter(10),
    WrongTotal(5),
    NoContentRange() & CutAfter(0),
    RedirectLoop(),
    Redirect(f"ftp://elsewhere/x?sig={SECOND}"),
    Redirect(f"http://user:{SECOND}@127.0.0.1:1/x?sig={SECOND}"),
    Redirect(f"https://127.0.0.1:1/x?sig={SECOND}"),
    Redirect(f"http://nowhere.invalid/x?sig={SECOND}"),
    Redirect(f"http://[bad/{SECOND}"),
    Redirect(f"?again&sig={SECOND}"),
]


def secretive(server: FaultServer, digest: str | None = "0" * 64) -> FileRequest:
    """A request with a secret of every kind."""
    address = (
        server.url("/model.bin").replace("http://", f"http://user:{PASSWORD}@") + f"?X-Signature={SIGNATURE}#{CANARY}"
    )
    return FileRequest.parse("model.bin", address, digest, headers={"X-Token": TOKEN})


def shown(error: BaseException) -> str:
    """Everything an error tells by itself: also through its causes, and on the other side of a process border."""
    texts = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    travelled = pickle.loads(pickle.dumps(error))
    texts += [str(travelled), repr(vars(travelled)), repr(pickle.dumps(error))]
    return "\n".join(texts)


def on_disk(directory: Path) -> Iterator[bytes]:
    """Names and contents of everything below a directory."""
    for path in directory.rglob("*"):
        yield path.as_posix().encode()
        yield path.read_bytes() if path.is_file() else b""


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that anybody logs."""
    caplog.set_level(logging.DEBUG)
    return caplog


def impatient() -> Options:
    return quick(retry={"attempts": 2}, stall_window_s=0.5)


@pytest.mark.parametrize("nth", [range(1, 1000), range(3, 1000)], ids=["from the start", "later"])
@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_failure_shows_no_secret(
    server: FaultServer, place: Path, log: pytest.LogCaptureFixture, failure: Fault, nth: range
) -> None:
    """Not the error, nor its causes, nor events, logs, journals and file names."""
    server.on(nth=nth, fault=failure)
    diary = Diary()

    with pytest.raises(WeighbridgeError) as caught:
        fetch(secretive(server), place, impatient(), observer=diary)

    assert CANARY not in shown(caught.value)
    assert CANARY not in repr(diary.events)
    assert CANARY not in log.text
    assert CANARY.encode() not in b"".join(on_disk(place.parent))
    assert {each.headers["x-token"] for each in server.requests} == {TOKEN}


@pytest.mark.parametrize("digest", ["promised", None])
def test_unfinished_file_and_its_journal_hold_no_secret(server: FaultServer, place: Path, digest: str | None) -> None:
    """What lies on a shared disk while a file is fetched can be read by others."""
    gate = server.gate("/model.bin", after=300_000)
    promised = f"sha256:{server.digest('/model.bin')}" if digest else None

    with started(secretive(server, promised), place) as call:
        gate.wait_reached()
        meanwhile = b"".join(on_disk(place))
        call.cancel.set()
        call.join()
    gate.release()

    assert b"wb-partial" in meanwhile
    assert CANARY.encode() not in meanwhile + b"".join(on_disk(place))


def test_success_shows_no_secret(server: FaultServer, place: Path, log: pytest.LogCaptureFixture) -> None:
    """Results and logs name the source without what opens it."""
    diary = Diary()

    result = fetch(secretive(server, f"sha256:{server.digest('/model.bin')}"), place, observer=diary)

    assert result.source == server.url("/model.bin?…")
    assert CANARY not in repr(result) + repr(diary.events) + log.text
    assert "GET /model.bin?…" in log.text


def test_signed_address_behind_a_redirect_is_not_logged(
    server: FaultServer, place: Path, log: pytest.LogCaptureFixture
) -> None:
    """A capability in a log is a capability given away."""
    with FaultServer({"/model.bin": SparseFile(SIZE)}) as store:
        server.on(fault=Redirect(f"{store.url('/model.bin')}?sig={SECOND}"))
        result = fetch(secretive(server, f"sha256:{store.digest('/model.bin')}"), place)

    assert SECOND not in log.text
    assert result.source is not None
    assert SECOND not in result.source
    assert {each.headers.get("x-token") for each in store.requests} == {None}


def test_requests_and_clients_show_no_secret(server: FaultServer) -> None:
    """``repr`` of what a program holds ends up in its logs."""
    request = secretive(server)
    options = quick(http={"proxies": {"http": f"http://user:{PASSWORD}@proxy:1"}})

    texts = [repr(request), str(request), repr(request.artifact.sources[0]), str(request.artifact.sources[0])]

    assert CANARY not in "".join(texts)
    assert CANARY not in repr(Client(options)) + repr(options)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{PASSWORD}@host:port/a",
        f"https://user:{PASSWORD}@[::1/a",
        f"ftp://user:{PASSWORD}@host/a",
        f"https://user:{PASSWORD}@/a",
        f"https://user:{PASSWORD}@host/a\nb?sig={SIGNATURE}",
        f"https://user:{PASSWORD}@host\u2100/a",
        f"https://user:{PASSWORD}/half@host/a",
        f"http://user:{PASSWORD}@host/a",
        f"user:{PASSWORD}@host",
    ],
)
def test_address_that_is_refused_is_not_repeated_with_its_secrets(url: str) -> None:
    """A typing mistake in an address must not print the password in it."""
    with pytest.raises(WeighbridgeError) as caught:
        FileRequest.parse("a", url, "0" * 64)

    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_password_of_a_proxy_is_not_shown(place: Path, scheme: str) -> None:
    """A proxy that refuses is named without its credentials."""
    with FaultServer() as proxy:
        address = proxy.origin.replace("http://", f"http://user:{PASSWORD}@")
        options = quick(http={"proxies": {"http": address, "https": address}}, retry={"attempts": 1})
        proxy.on(fault=Status(407))

        with pytest.raises(WeighbridgeError) as caught:
            fetch(FileRequest.parse("a", f"{scheme}://data.example/a", "0" * 64), place, options)

    assert CANARY not in shown(caught.value)
    assert caught.value.url == f"{scheme}://data.example/a"


def test_call_of_a_neighbour_is_logged_as_ever(server: FaultServer, log: pytest.LogCaptureFixture) -> None:
    """The rest of the program may want to see its own queries in the HTTP library's log."""
    with urllib3.PoolManager() as manager:
        manager.request("GET", server.url("/small.bin?own=query"))

    assert "own=query" in log.text
    assert QUICK.http.user_agent == "weighbridge"
