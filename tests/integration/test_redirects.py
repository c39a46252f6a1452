"""Redirects are followed hop by hop, and secrets stay with the origin they were given for."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.calls import UNHURRIED, ask, fetch, names, quick
from tests.support.fault_server import FaultServer, RequestRecord, SparseFile
from tests.support.faults import Redirect, RedirectChain, RedirectLoop, Status
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import BadStatusError, InvalidURLError, RedirectError, RequestError, RetriesExhaustedError

SIZE = 1 << 20
TOKEN = "Bearer wb-canary-token"
SECRET = {"Authorization": TOKEN}
CODES = [301, 302, 303, 307, 308]


@pytest.fixture
def cdn() -> Iterator[FaultServer]:
    """Another origin: the same machine, another port."""
    with FaultServer({"/model.bin": SparseFile(SIZE), "/deep/model.bin": SparseFile(SIZE)}) as running:
        yield running


def seen(records: list[RequestRecord]) -> set[str | None]:
    return {each.headers.get("authorization") for each in records}


@pytest.mark.parametrize("code", CODES)
def test_redirect_to_another_host_is_followed(server: FaultServer, cdn: FaultServer, place: Path, code: int) -> None:
    """Hubs point to their stores with every code there is."""
    server.on(fault=Redirect(cdn.url("/model.bin"), code))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == cdn.content("/model.bin")


def test_redirect_is_asked_once_and_ranges_go_straight_to_where_it_led(
    server: FaultServer, cdn: FaultServer, place: Path
) -> None:
    """A redirect costs one request, not one for each piece, and leaves the transfer parallel."""
    server.on(fault=Redirect(cdn.url("/model.bin")))

    fetch(ask(server, "/model.bin"), place, UNHURRIED)

    assert len(server.requests) == 1
    assert len(cdn.requests) > 4
    assert cdn.bytes_sent() == SIZE


@pytest.mark.parametrize("location", ["/deep/model.bin", "deep/model.bin", "./deep/../deep/model.bin", "?hop=1"])
def test_relative_redirect_is_followed(cdn: FaultServer, place: Path, location: str) -> None:
    """A Location may be relative to what was asked for."""
    cdn.on(path="/model.bin", when=lambda request: "hop" not in request.query, fault=Redirect(location))

    result = fetch(ask(cdn, "/model.bin"), place)

    assert result.path.read_bytes() == cdn.content("/deep/model.bin")


def test_redirect_is_followed_without_saying_where_from(server: FaultServer, cdn: FaultServer, place: Path) -> None:
    """A ``Referer`` would tell one host the signed address of another."""
    server.on(fault=Redirect(cdn.url("/model.bin")))

    fetch(ask(server, "/model.bin"), place)

    assert ["referer" in each.headers for each in cdn.requests] == [False] * len(cdn.requests)


def test_data_host_without_a_name_is_the_one_that_is_named(server: FaultServer, place: Path) -> None:
    """The hub answers and its store is not to be found: the error says which of the two is missing."""
    server.on(fault=Redirect("https://store.invalid/model.bin?sig=x"))

    with pytest.raises(RetriesExhaustedError, match=r"store\.invalid can't be resolved"):
        fetch(ask(server, "/model.bin"), place)


def test_long_chain_is_followed(server: FaultServer, place: Path) -> None:
    """Twenty hops are allowed."""
    server.on(fault=RedirectChain(20))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")


def test_endless_chain_ends_in_an_error(server: FaultServer, place: Path) -> None:
    """Thirty hops are not."""
    server.on(fault=RedirectChain(30))

    with pytest.raises(RedirectError, match="more than 20 times"):
        fetch(ask(server, "/model.bin"), place)

    assert len(server.requests) == 21


def test_redirect_loop_ends_in_an_error_at_once(server: FaultServer, cdn: FaultServer, place: Path) -> None:
    """Two servers that point at each other cost three requests."""
    server.on(fault=Redirect(cdn.url("/model.bin")))
    cdn.on(fault=Redirect(server.url("/model.bin")))

    with pytest.raises(RedirectError, match="loop"):
        fetch(ask(server, "/model.bin"), place)

    assert len(server.requests) + len(cdn.requests) == 2


def test_redirect_to_itself_ends_in_an_error_at_once(server: FaultServer, place: Path) -> None:
    """The smallest loop."""
    server.on(fault=RedirectLoop())

    with pytest.raises(RedirectError, match="loop"):
        fetch(ask(server, "/model.bin"), place)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/a", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://[::1", "//:80/a"]
)
def test_redirect_to_another_scheme_or_nowhere_is_refused(server: FaultServer, place: Path, location: str) -> None:
    """Only http and https are spoken, whatever a server points at."""
    server.on(fault=Redirect(location))

    with pytest.raises(RedirectError):
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []


def test_redirect_without_a_location_is_a_status_error(server: FaultServer, place: Path) -> None:
    """A 302 that leads nowhere brings no bytes."""
    server.on(fault=Status(302))

    with pytest.raises(BadStatusError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert caught.value.status == 302


def test_redirect_from_https_down_to_http_is_refused(server: FaultServer, place: Path, tmp_path: Path) -> None:
    """What was asked for safely is not taken from an open line."""
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FaultServer({"/model.bin": b"x"}, tls=_server_context(authority)) as safe:
        safe.on(fault=Redirect(server.url("/model.bin")))
        request = ask(safe, "/model.bin")

        with pytest.raises(RedirectError, match="from https down to http"):
            fetch(request, place, quick(http={"ca_bundle": bundle}))

    assert server.requests == []


@pytest.mark.parametrize("secret", ["header", "address"])
def test_secret_goes_with_every_request_to_its_own_origin(server: FaultServer, place: Path, secret: str) -> None:
    """Every piece is allowed, not only the first."""
    server.on(when=lambda request: "authorization" not in request.headers, fault=Status(401))
    digest = f"sha256:{server.digest('/model.bin')}"
    plain = server.url("/model.bin")
    url = plain.replace("http://", "http://user:wb%20canary@") if secret == "address" else plain
    request = FileRequest.parse("model.bin", url, digest, headers=SECRET if secret == "header" else {})

    result = fetch(request, place)

    assert result.path.read_bytes() == server.content("/model.bin")
    expected = TOKEN if secret == "header" else "Basic dXNlcjp3YiBjYW5hcnk="
    assert seen(server.requests) == {expected}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("secret", ["header", "address"])
def test_secret_does_not_follow_a_redirect_to_another_port(
    server: FaultServer, cdn: FaultServer, place: Path, secret: str, code: int
) -> None:
    """Another port is another origin; a token that follows is a token given away."""
    server.on(fault=Redirect(cdn.url("/model.bin"), code))
    digest = f"sha256:{cdn.digest('/model.bin')}"
    plain = server.url("/model.bin")
    url = plain.replace("http://", "http://user:pass@") if secret == "address" else plain

    fetch(FileRequest.parse("model.bin", url, digest, headers=SECRET if secret == "header" else {}), place)

    assert None not in seen(server.requests)
    assert seen(cdn.requests) == {None}


def test_secret_does_not_follow_a_redirect_to_another_name_of_the_host(server: FaultServer, place: Path) -> None:
    """``localhost`` and ``127.0.0.1`` may be one machine and are two origins."""
    other = server.url("/model.bin").replace("127.0.0.1", "localhost")
    server.on(when=lambda request: request.headers["host"].startswith("127."), fault=Redirect(other))

    fetch(ask(server, "/model.bin", headers=SECRET), place)

    there = [each for each in server.requests if each.headers["host"].startswith("localhost")]
    assert there
    assert seen(there) == {None}


def test_secret_returns_with_a_redirect_home(server: FaultServer, cdn: FaultServer, place: Path) -> None:
    """What another origin points at is asked with the secrets of where it leads, as if asked directly."""
    server.on(when=lambda request: "back" not in request.query, fault=Redirect(cdn.url("/model.bin")))
    cdn.on(fault=Redirect(server.url("/model.bin?back=1")))

    fetch(ask(server, "/model.bin", headers=SECRET), place)

    assert seen(cdn.requests) == {None}
    assert seen(server.requests) == {TOKEN}


def test_credentials_in_a_location_are_not_used(server: FaultServer, cdn: FaultServer, place: Path) -> None:
    """A server can't make us log in somewhere as somebody."""
    server.on(fault=Redirect(cdn.url("/model.bin").replace("http://", "http://user:pass@")))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == cdn.content("/model.bin")
    assert seen(cdn.requests) == {None}


def test_secret_of_the_primary_does_not_go_to_a_mirror(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """Headers belong to the first URL; a mirror gets those of its own address alone."""
    server.on(fault=Status(404))
    own = mirror.url("/model.bin").replace("http://", "http://m:pw@")

    fetch(ask(server, "/model.bin", headers=SECRET, mirrors=(own,)), place)

    assert seen(server.requests) == {TOKEN}
    assert seen(mirror.requests) == {"Basic bTpwdw=="}


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://example.com/a", SECRET),
        ("http://user:pass@example.com/a", {}),
        ("http://192.168.0.1/a", SECRET),
        ("http://localhost.example.com/a", SECRET),
        ("http://127.0.0.1.example.com/a", SECRET),
    ],
)
def test_secret_over_plain_http_to_another_machine_is_refused_before_anything_is_sent(
    url: str, headers: dict[str, str]
) -> None:
    """Everybody on the way could read it."""
    with pytest.raises(RequestError, match="use https") as caught:
        FileRequest.parse("a", url, "0" * 64, headers=headers)

    assert "pass" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_plain_http_proxy_never_carries_what_is_for_this_machine(server: FaultServer, place: Path) -> None:
    """A token for a server on loopback must not travel to a proxy elsewhere."""
    with FaultServer() as proxy:
        options = quick(http={"proxies": {"http": proxy.origin}})

        result = fetch(ask(server, "/model.bin", headers=SECRET), place, options)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert proxy.requests == []


def test_proxy_gets_its_own_credentials_and_the_origin_does_not(place: Path) -> None:
    """``http://user:password@proxy`` logs in at the proxy."""
    with FaultServer({"/model.bin": SparseFile(SIZE)}) as proxy:
        address = proxy.origin.replace("http://", "http://user:p%40ss@")
        options = quick(http={"proxies": {"http": address}})
        digest = f"sha256:{proxy.digest('/model.bin')}"

        result = fetch(FileRequest.parse("model.bin", "http://data.example/model.bin", digest), place, options)

    assert result.path.read_bytes() == proxy.content("/model.bin")
    assert {each.headers["proxy-authorization"] for each in proxy.requests} == {"Basic dXNlcjpwQHNz"}
    assert {each.target for each in proxy.requests} == {"http://data.example/model.bin"}


def test_machines_of_one_service_may_name_the_same_bytes_differently(
    server: FaultServer, cdn: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """With a promised digest, ETags of different hosts are no contradiction."""
    server.on(nth=1, fault=Redirect(cdn.url("/model.bin")))
    server.on(fault=Redirect(mirror.url("/model.bin")))
    cdn.on(nth=range(3, 100), fault=Status(403))
    mirror.put("/model.bin", SparseFile(SIZE), etag='"another-node"')

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == cdn.content("/model.bin")
    assert result.bytes_fetched == SIZE
    assert mirror.requests


def test_bad_url_is_refused_without_showing_its_password() -> None:
    """A typing mistake in an address must not print what is secret in it."""
    with pytest.raises(InvalidURLError) as caught:
        FileRequest.parse("a", "https://user:wb-canary@host:port/a", "0" * 64)

    assert "wb-canary" not in str(caught.value)
    assert "wb-canary" not in repr(caught.value.__cause__)


def _server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
